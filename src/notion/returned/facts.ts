import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { InvalidToolInputError } from '../../errors.ts'
import { isDate } from '../dates.ts'
import { type IdKind, notionId } from '../ids.ts'
import { checked } from '../input.ts'
import { checkKeys } from '../input-values.ts'
import { isObject, type JsonObject, textAt, toObject } from '../json.ts'
import { addIssue, type InputContext, under } from '../rich-text.ts'
import { jsonRichText } from '../rich-text-input.ts'

/** The keys of Notion's objects that requests cannot write, and those that its answers may have next to them. */
export const echoedKeys = [
  ...['object', 'id', 'url', 'public_url', 'parent', 'request_id', 'archived'],
  ...['created_time', 'created_by', 'last_edited_time', 'last_edited_by'],
] as const

/**
 * Returns a strict object that also accepts, next to its own keys, those of a whole object as a tool returned it. They are
 * not part of the definition that models see.
 */
export function takingBack<Shape extends z.ZodRawShape>(shape: Shape, echoed: readonly string[]) {
  const known = new Set([...Object.keys(shape), ...echoed, wrapper])
  return z
    .object(shape)
    .catchall(z.unknown())
    .meta({ additionalProperties: false })
    .superRefine((value, context) => {
      const keys = Object.keys(value).filter((key) => !known.has(key))
      if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys, input: value })
    })
}

/** The key that contains a result in COMPACT. */
const wrapper = 'untrusted_notion_content'
const flags = ['is_inline', 'is_locked', 'in_trash']

/**
 * Runs a tool with what a COMPACT result contains as a part of its input. Its issues have the places where the input has the
 * values. `known` are the keys that the result may have, and `at` is the place of the input.
 *
 * Throws InvalidToolInputError for other keys, and for those that are also passed next to the result.
 */
export async function unwrapped<Input extends JsonObject, T>(
  passed: Input,
  known: readonly string[],
  run: (input: Input) => Promise<T>,
  at = '',
): Promise<T> {
  const { [wrapper]: content = null, ...own } = passed
  if (content === null) return run(own as Input)
  checked((place) => {
    const inner = under(place(at), wrapper)
    if (!isObject(content)) return addIssue(inner, 'must be the object that a tool returned')
    checkKeys(content, known, inner)
    for (const [key, value] of Object.entries(content)) {
      if (own[key] !== undefined)
        addIssue(under(inner, key), `must be left out: it is also passed outside of ${wrapper}`)
      else if (flags.includes(key) && typeof value !== 'boolean') addIssue(under(inner, key), 'must be true or false')
      else if (key === 'properties' && !isObject(value)) addIssue(under(inner, key), 'must be an object')
    }
  })
  try {
    return await run({ ...own, ...toObject(content) } as unknown as Input)
  } catch (error) {
    if (!(error instanceof InvalidToolInputError)) throw error
    const prefix = at === '' ? '' : `${at}.`
    const issues = error.issues.map(({ path, message }) => {
      const inside = path.startsWith(prefix) ? path.slice(prefix.length) : ''
      const isInner = inside !== '' && !Object.hasOwn(own, inside.split('.', 1)[0] ?? '')
      return { path: isInner ? `${prefix}${wrapper}.${inside}` : path, message }
    })
    throw new InvalidToolInputError(issues, error.hint)
  }
}

/** Returns the facts of a returned object and the rest of an input. */
export function separateFacts<Input extends JsonObject>(
  passed: Input,
  keys: readonly string[],
): { readonly facts: JsonObject; readonly input: Input } {
  const entries = Object.entries(passed)
  return {
    facts: Object.fromEntries(entries.filter(([key]) => keys.includes(key))),
    input: Object.fromEntries(entries.filter(([key]) => !keys.includes(key))) as Input,
  }
}

/** Whether facts are those of a whole object, which has its id. Throws InvalidToolInputError for facts without an id. */
export function isWholeObject(facts: JsonObject, idKey: string): boolean {
  const keys = Object.keys(facts).filter((key) => facts[key] !== null && facts[key] !== undefined)
  if (keys.includes('id') || keys.length === 0) return keys.includes('id')
  return checked((at) => {
    for (const key of keys)
      addIssue(at(key), `is unknown, unless the whole object with its id is passed next to ${idKey}`)
    return false
  })
}

/** How the facts of a returned object are compared with the object. */
interface FactRules {
  readonly kind: IdKind
  readonly id: string
  /** What the object is in messages. */
  readonly noun: string
  /** The place of the object in the input. */
  readonly at: InputContext
  /** Whether a value can be written. */
  writable(key: string, value: unknown): boolean
  /** Why a fact must be left out when it is not what the object has. */
  readonly otherwise: Readonly<Record<string, string>>
}

/** Returns the facts of a returned object that differ and can be written. Adds issues for others that differ. */
export function changedFacts(facts: JsonObject, actual: JsonObject, rules: FactRules): JsonObject {
  const changed: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(facts)) {
    const found = actual[key] ?? null
    // Of each answer its own.
    if (key === 'request_id' || isDeepStrictEqual(value ?? null, found) || (value ?? false) === (found ?? false))
      continue
    // An address contains the title of the time, and an id has several forms.
    if ((key === 'url' || key === 'id') && typeof value === 'string' && notionId(value, rules.kind) === rules.id)
      continue
    if (rules.writable(key, value)) changed[key] = value
    else if (!isEarlier(key, value, actual)) {
      const message = rules.otherwise[key] ?? `must be left out, or be that of the ${rules.noun}: Notion sets it`
      addIssue(under(rules.at, key), message)
    }
  }
  return changed
}

/** Whether a value is a string with text. A string may also contain rich text as JSON. */
export const isMarkdown = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && jsonRichText(value) === undefined

/** Adds an issue for a changed string of COMPACT that would replace a formatted text. `other` is how to replace all of it. */
export const refuseMarkdown = (at: InputContext, other: string): void =>
  addIssue(
    at,
    `must be a list of rich text, as RAW returns it, or be passed without ${other}: a string is written as it is, and the text has formatting, links, mentions or equations, which would be lost`,
  )

/** The message about the id of another object than the one that an input names. */
export const otherId = (name: string): string => `must be the ${name}, or be left out: it is the id of another object`

const times = new Set(['last_edited_time', 'last_edited_by'])

/** Whether a time was that of the object when it was read: objects change, and who changed them. */
const isEarlier = (key: string, value: unknown, actual: JsonObject) =>
  times.has(key) &&
  (key === 'last_edited_by' ||
    (isDate(value) && Date.parse(value) <= Date.parse(textAt(actual, 'last_edited_time') ?? '')))

/**
 * Adds an issue for a change of an object that was edited since it was read, as far as Notion's times show it, which may
 * be those of the minute.
 */
export function refuseStale(facts: JsonObject, object: JsonObject, noun: string, at: InputContext): void {
  const read = facts.last_edited_time
  if (typeof read !== 'string' || Date.parse(read) >= Date.parse(textAt(object, 'last_edited_time') ?? '')) return
  const message = `must be that of the ${noun}: it was edited after it was read, and what was edited would be undone. Read it again, or pass only the values to change`
  addIssue(under(at, 'last_edited_time'), message)
}
