import * as z from 'zod'

/*
 * The rule for what an application stores with an account. In src/ itself, as `input-rules.ts` is.
 */

/** The limits of an account's metadata. */
export const metadataLimits = { bytes: 8_192, keys: 100, keyLength: 100, depth: 4 } as const

const inWords = `a JSON object of at most ${metadataLimits.bytes} bytes, ${metadataLimits.keys} keys and ${metadataLimits.depth} levels; keys have 1 to ${metadataLimits.keyLength} characters`

/** Postgres cannot store NUL, and half a surrogate pair is not returned as it was passed. */
const unstorable = /\0|\p{Surrogate}/u

/** Where something is wrong in a value, and what. */
interface Fault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/**
 * A JSON object that is stored and returned unchanged. Objects need no prototype: those of GraphQL literals have none. The
 * walk ends at the first level that is too deep, and at the first fault.
 */
export const metadataRule: z.ZodType<Readonly<Record<string, unknown>>> = z
  .custom<Readonly<Record<string, unknown>>>()
  .superRefine((value, context) => {
    const fault = isPlainObject(value)
      ? (faultIn(value, [], { keys: 0 }) ?? tooLong(value))
      : { path: [], message: 'must be a JSON object' }
    if (fault) context.addIssue({ code: 'custom', path: [...fault.path], message: fault.message })
  })
  .describe(`${inWords.charAt(0).toUpperCase()}${inWords.slice(1)}.`)

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function faultIn(value: unknown, path: readonly (string | number)[], seen: { keys: number }): Fault | null {
  const fault = (message: string): Fault => ({ path, message })
  switch (typeof value) {
    case 'string':
      return unstorable.test(value) ? fault('must be well-formed Unicode without NUL') : null
    case 'number':
      if (!Number.isFinite(value)) return fault('must be a finite number')
      // Others have already lost digits.
      if (Number.isInteger(value) && !Number.isSafeInteger(value))
        return fault('must be from -9007199254740991 to 9007199254740991. Pass larger numbers as strings')
      return null
    case 'boolean':
      return null
    case 'object':
      break
    default:
      return fault('must be a JSON value')
  }
  if (value === null) return null
  if (path.length >= metadataLimits.depth) return fault(`must have at most ${metadataLimits.depth} levels`)
  for (const [key, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof key === 'string') {
      seen.keys += 1
      if (seen.keys > metadataLimits.keys) return { path: [], message: `must have at most ${metadataLimits.keys} keys` }
      if (key === '' || key.length > metadataLimits.keyLength)
        return fault(`must have keys of 1 to ${metadataLimits.keyLength} characters`)
      if (unstorable.test(key)) return fault('must have keys of well-formed Unicode without NUL')
    }
    const found = faultIn(member, [...path, key], seen)
    if (found) return found
  }
  return null
}

const tooLong = (value: Readonly<Record<string, unknown>>): Fault | null =>
  Buffer.byteLength(JSON.stringify(value)) <= metadataLimits.bytes
    ? null
    : { path: [], message: `must have at most ${metadataLimits.bytes} bytes as JSON` }
