/**
 * Validation of bodies, paths and query strings, with Notion's messages.
 *
 * A check reads an unknown value and returns it typed. It throws InvalidInput with Notion's message when the value is
 * invalid, such as "body.children.length should be ≤ `100`, instead was `101`.".
 */

/** Invalid input. `issues` are complete sentences without the prefix "body failed validation". */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput'
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(issues.join('\n'))
    this.issues = issues
  }
}

/**
 * A check of one value. `expected` contains the alternatives in Notion's messages ("a string", "`null`"). `also` adds
 * alternatives of the field, so that a nullable optional string is "a string, `null`, or `undefined`".
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

/** Maximum number of characters of a quoted value. Notion truncates the values in its messages too. */
const maxQuotedCharacters = 100

/** Returns a value in quotes for a message. */
export function quoted(value: unknown): string {
  const text = value === undefined ? 'undefined' : (JSON.stringify(value) ?? String(value))
  return `\`${text.length > maxQuotedCharacters ? `${text.slice(0, maxQuotedCharacters)}...` : text}\``
}

/** Returns alternatives as a list in a sentence: "a", "a or b", "a, b, or c". */
export function alternatives(words: readonly string[]): string {
  if (words.length < 3) return words.join(' or ')
  return `${words.slice(0, -1).join(', ')}, or ${words.at(-1)}`
}

/** Returns the error for a missing value. With several paths, one of them is required. */
export function missing(...paths: readonly string[]): InvalidInput {
  return new InvalidInput(paths.map((path) => `${path} should be defined, instead was undefined.`))
}

/** Returns the error for a value that must not be present. */
export function notPresent(path: string, value: unknown): InvalidInput {
  return new InvalidInput([`${path} should be not present, instead was ${quoted(value)}.`])
}

/** Returns the error for a value that does not match the expected alternatives. */
export function mismatch(path: string, expected: readonly string[], value: unknown): InvalidInput {
  if (value === undefined) return missing(path)
  return new InvalidInput([`${path} should be ${alternatives(expected)}, instead was ${quoted(value)}.`])
}

/** Returns the error for a value or length outside its limit. */
export function outOfBounds(path: string, sign: '≤' | '≥' | '<' | '>', limit: number, actual: number): InvalidInput {
  return new InvalidInput([`${path} should be ${sign} \`${limit}\`, instead was \`${actual}\`.`])
}

/** Returns whether a value is a JSON object, not an array or null. */
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

/** Checks a boolean. */
export const boolean: Check<boolean> = simple('a boolean', (value) => typeof value === 'boolean')

/** Checks a JSON object with any keys. */
export const anyObject: Check<Record<string, unknown>> = simple('an object', isObject)

/** Checks a finite number. `min` and `max` are inclusive, `above` and `below` are exclusive. */
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

/** Checks a string. `min` and `max` limit its length in UTF-16 code units, inclusive. */
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

/** Checks that a value is one of these. */
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

/** Returns a check that also accepts null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return {
    expected: [...check.expected, '`null`'],
    read: (value, path, also = []) => (value === null ? null : check.read(value, path, ['`null`', ...also])),
  }
}

/** Returns a field that may be absent. */
export function optional<T>(check: Check<T>): OptionalField<T> {
  return { optional: true, check }
}

/** Returns a check with a converted result. */
export function mapped<T, U>(check: Check<T>, make: (value: T, path: string) => U): Check<U> {
  return { expected: check.expected, read: (value, path, also) => make(check.read(value, path, also), path) }
}

/** Checks an array and its elements. `max` is 100 by default, as at Notion. */
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
 * Checks an object with these fields. A closed object refuses other fields ("should be not present"), like objects with
 * `additionalProperties: false` in Notion's OpenAPI description. An open object drops them.
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

/** Throws InvalidInput when an object has an unknown key. */
export function refuseUnknown(value: Record<string, unknown>, path: string, known: (key: string) => boolean): void {
  for (const [key, inner] of Object.entries(value)) {
    if (inner !== undefined && !known(key)) {
      throw notPresent(`${path}.${key}`, inner)
    }
  }
}

/** Returns the only key of an object and its value. Throws InvalidInput for unknown keys, several keys or none. */
export function onlyKey<const K extends string>(
  value: unknown,
  path: string,
  keys: readonly K[],
): readonly [K, unknown] {
  const source = anyObject.read(value, path)
  const known: readonly string[] = keys
  refuseUnknown(source, path, (key) => known.includes(key))
  const [name, second] = keys.filter((key) => source[key] !== undefined)
  if (name === undefined) throw missing(...keys.map((key) => `${path}.${key}`))
  if (second !== undefined) throw notPresent(`${path}.${second}`, source[second])
  return [name, source[name]]
}

/** Keys that are valid in every branch of a union. */
const commonKeys = new Set(['type', 'object'])

/** A value of a union and the key of its branch. */
export interface Branch<K extends string = string> {
  readonly kind: K
  readonly value: Record<string, unknown>
}

/**
 * Returns the branch of an object in a union such as `{type: "page_id", page_id: …}`: the branch in `type` if it is set,
 * otherwise the branch whose key is present. Keys in `otherKeys` are valid in every branch. Throws InvalidInput with all
 * branches when the object has none or several.
 */
export function branchOf<const K extends string>(
  value: unknown,
  path: string,
  kinds: readonly K[],
  options: { otherKeys?: readonly string[]; closed?: boolean; also?: readonly string[] } = {},
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
    refuseUnknown(value, path, (key) => key === kind || commonKeys.has(key) || (options.otherKeys ?? []).includes(key))
  }
  return { kind, value }
}
