/**
 * What a body, a path or a query string must look like, and Notion's words for what is wrong with it.
 *
 * A check reads an unknown value and returns it typed, or throws `InvalidInput` with the sentence that Notion
 * would answer, such as "body.children.length should be ≤ `100`, instead was `101`.".
 */

/** Input that fails validation. `issues` are whole sentences without the "body failed validation" prefix. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput'
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(issues.join('\n'))
    this.issues = issues
  }
}

/**
 * A check of one value. `expected` are the alternatives in Notion's words ("a string", "`null`"); `also` adds those
 * of the place of the value, so that a nullable optional string is "a string, `null`, or `undefined`".
 */
export interface Check<T> {
  readonly expected: readonly string[]
  read(value: unknown, path: string, also?: readonly string[]): T
}

/** A field that may be absent. */
export interface OptionalField<T> {
  readonly optional: true
  readonly check: Check<T>
}

/** The type that a check returns. */
export type Checked<C> = C extends Check<infer T> ? T : never

type Fields = Readonly<Record<string, Check<unknown> | OptionalField<unknown>>>
type Read<F> = F extends OptionalField<infer T> ? T : F extends Check<infer T> ? T : never
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends OptionalField<unknown> ? K : never }[keyof F]
type Flat<T> = { [K in keyof T]: T[K] }
type FromFields<F extends Fields> = Flat<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Read<F[K]> } & { [K in OptionalKeys<F>]?: Read<F[K]> }
>

/** Notion cuts the values that it quotes in its messages; so a wrong 400 KB string is not sent back whole. */
const quotedCharacters = 100

/** A value as Notion quotes it in a message. */
export function quoted(value: unknown): string {
  const text = value === undefined ? 'undefined' : (JSON.stringify(value) ?? String(value))
  return `\`${text.length > quotedCharacters ? `${text.slice(0, quotedCharacters)}...` : text}\``
}

/** Alternatives as a list in a sentence: "a", "a or b", "a, b, or c". */
export function alternatives(words: readonly string[]): string {
  if (words.length < 3) return words.join(' or ')
  return `${words.slice(0, -1).join(', ')}, or ${words.at(-1)}`
}

/** The failure of a value that is missing. */
export function missing(...paths: readonly string[]): InvalidInput {
  return new InvalidInput(paths.map((path) => `${path} should be defined, instead was undefined.`))
}

/** The failure of a value that must not be there. */
export function notPresent(path: string, value: unknown): InvalidInput {
  return new InvalidInput([`${path} should be not present, instead was ${quoted(value)}.`])
}

/** The failure of a value that is not one of the expected ones. */
export function mismatch(path: string, expected: readonly string[], value: unknown): InvalidInput {
  if (value === undefined) return missing(path)
  return new InvalidInput([`${path} should be ${alternatives(expected)}, instead was ${quoted(value)}.`])
}

/** A value outside of the limit that Notion puts on its length or size. */
export function outOfBounds(path: string, sign: '≤' | '≥' | '<' | '>', limit: number, actual: number): InvalidInput {
  return new InvalidInput([`${path} should be ${sign} \`${limit}\`, instead was \`${actual}\`.`])
}

/** Whether a value is a JSON object (no array, no null). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function simple<T>(expected: string, accepts: (value: unknown) => value is T): Check<T> {
  const words = [expected]
  return {
    expected: words,
    read(value, path, also = []) {
      if (accepts(value)) return value
      throw mismatch(path, [...words, ...also], value)
    },
  }
}

/** Any boolean. */
export const boolean: Check<boolean> = simple('a boolean', (value) => typeof value === 'boolean')

/** Any JSON object, for values that are checked later. */
export const anyObject: Check<Record<string, unknown>> = simple('an object', isObject)

/** A finite number, from `min` to `max` with both, or between `above` and `below` without. */
export function number(
  range: { min?: number; max?: number; above?: number; below?: number; integer?: boolean } = {},
): Check<number> {
  const expected = [range.integer ? 'an integer' : 'a number']
  return {
    expected,
    read(value, path, also = []) {
      if (typeof value !== 'number' || !Number.isFinite(value) || (range.integer && !Number.isInteger(value))) {
        throw mismatch(path, [...expected, ...also], value)
      }
      if (range.max !== undefined && value > range.max) throw outOfBounds(path, '≤', range.max, value)
      if (range.min !== undefined && value < range.min) throw outOfBounds(path, '≥', range.min, value)
      if (range.below !== undefined && value >= range.below) throw outOfBounds(path, '<', range.below, value)
      if (range.above !== undefined && value <= range.above) throw outOfBounds(path, '>', range.above, value)
      return value
    },
  }
}

/** A string whose length in UTF-16 units is in the given inclusive range. */
export function string(range: { min?: number; max?: number } = {}): Check<string> {
  const expected = ['a string']
  return {
    expected,
    read(value, path, also = []) {
      if (typeof value !== 'string') throw mismatch(path, [...expected, ...also], value)
      checkLength(value, path, range)
      return value
    },
  }
}

function checkLength(value: { length: number }, path: string, range: { min?: number; max?: number }): void {
  const { length } = value
  if (range.max !== undefined && length > range.max) throw outOfBounds(`${path}.length`, '≤', range.max, length)
  if (range.min !== undefined && length < range.min) throw outOfBounds(`${path}.length`, '≥', range.min, length)
}

/** One of a few fixed values. */
export function oneOf<const T extends string | boolean>(...values: readonly T[]): Check<T> {
  const expected = values.map((value) => quoted(value))
  const known: ReadonlySet<unknown> = new Set(values)
  return {
    expected,
    read(value, path, also = []) {
      if (known.has(value)) return value as T
      throw mismatch(path, [...expected, ...also], value)
    },
  }
}

/** The same check, or null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return {
    expected: [...check.expected, '`null`'],
    read: (value, path, also = []) => (value === null ? null : check.read(value, path, ['`null`', ...also])),
  }
}

/** A field that may be left out. */
export function optional<T>(check: Check<T>): OptionalField<T> {
  return { optional: true, check }
}

/** A check that returns something made of the value it read. */
export function mapped<T, U>(check: Check<T>, make: (value: T, path: string) => U): Check<U> {
  return { expected: check.expected, read: (value, path, also) => make(check.read(value, path, also), path) }
}

/** An array within limits; Notion's limit for arrays is 100 elements. */
export function array<T>(item: Check<T>, range: { min?: number; max?: number } = { max: 100 }): Check<T[]> {
  const expected = ['an array']
  return {
    expected,
    read(value, path, also = []) {
      if (!Array.isArray(value)) throw mismatch(path, [...expected, ...also], value)
      checkLength(value, path, range)
      return value.map((element, index) => item.read(element, `${path}[${index}]`))
    },
  }
}

/**
 * An object with the given fields. A closed one refuses all others ("should be not present"), as Notion does where
 * its description says `additionalProperties: false`; an open one drops them.
 */
export function object<const F extends Fields>(fields: F, mode: 'open' | 'closed' = 'open'): Check<FromFields<F>> {
  const expected = ['an object']
  const entries = Object.entries(fields)
  return {
    expected,
    read(value, path, also = []) {
      if (!isObject(value)) throw mismatch(path, [...expected, ...also], value)
      if (mode === 'closed') refuseUnknown(value, path, (key) => Object.hasOwn(fields, key))
      const result: Record<string, unknown> = {}
      for (const [key, field] of entries) {
        const inner = value[key]
        if ('optional' in field) {
          if (inner !== undefined) result[key] = field.check.read(inner, `${path}.${key}`, ['`undefined`'])
        } else {
          result[key] = field.read(inner, `${path}.${key}`)
        }
      }
      return result as FromFields<F>
    },
  }
}

/** Refuses the keys of an object that are not known. */
export function refuseUnknown(value: Record<string, unknown>, path: string, known: (key: string) => boolean): void {
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined && !known(key)) {
      throw notPresent(`${path}.${key}`, inner)
    }
  }
}

/** Keys that are allowed next to the one that names the branch of a union. */
const commonKeys = new Set(['type', 'object'])

/** A value of a union and the name of its branch. */
export interface Branch<K extends string = string> {
  readonly kind: K
  readonly value: Record<string, unknown>
}

/**
 * Returns which branch of a union such as `{type: "page_id", page_id: …}` an object is: by its `type` if it has one,
 * else by the one key that names a branch. Keys in `alsoAllowed` are legal in every branch.
 *
 * @throws InvalidInput naming every branch, as Notion does, if none or several are meant.
 */
export function branchOf<const K extends string>(
  value: unknown,
  path: string,
  kinds: readonly K[],
  options: { alsoAllowed?: readonly string[]; closed?: boolean; also?: readonly string[] } = {},
): Branch<K> {
  if (!isObject(value)) throw mismatch(path, ['an object', ...(options.also ?? [])], value)
  const known: readonly string[] = kinds
  const { type } = value
  if (type !== undefined && !(typeof type === 'string' && known.includes(type))) {
    throw mismatch(`${path}.type`, [...kinds.map((kind) => quoted(kind)), '`undefined`'], type)
  }
  const present = kinds.filter((kind) => value[kind] !== undefined)
  const named = kinds.find((kind) => kind === type)
  const kind = named ?? present[0]
  if (kind === undefined || value[kind] === undefined) {
    throw missing(...(named === undefined ? kinds : [named]).map((name) => `${path}.${name}`))
  }
  const other = present.find((name) => name !== kind)
  if (other !== undefined) {
    throw notPresent(`${path}.${other}`, value[other])
  }
  if (options.closed ?? true) {
    refuseUnknown(
      value,
      path,
      (key) => key === kind || commonKeys.has(key) || (options.alsoAllowed ?? []).includes(key),
    )
  }
  return { kind, value }
}
