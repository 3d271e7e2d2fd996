import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject } from './json.ts'
import { addIssue, type InputContext, under, unknown } from './rich-text.ts'

/** Adds an issue for each key with a value that is not a known one. Null means that a key is not given. */
export function checkKeys(given: JsonObject, known: readonly string[], context: InputContext, where = ''): void {
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || known.includes(key)) continue
    addIssue(under(context, key), unknown('key', key, known, where))
  }
}

/** A value and the place that it was found at. */
export interface Found {
  readonly value: unknown
  readonly context: InputContext
}

/** Returns the place of a key of an object. The object may be put together from several places of the input. */
export type PlaceOf = (key: string) => InputContext

/** Returns the places of the keys of an object that is as the caller wrote it. */
export const keysUnder =
  (context: InputContext): PlaceOf =>
  (key) =>
    under(context, key)

/** Returns the values at some keys of an object, with their places. Null and undefined are not values. */
export function foundAt(given: JsonObject, keys: readonly string[], place: InputContext | PlaceOf): readonly Found[] {
  const placeOf = typeof place === 'function' ? place : keysUnder(place)
  return keys.flatMap((key) => {
    const value = given[key]
    return value === null || value === undefined ? [] : [{ value, context: placeOf(key) }]
  })
}

/** Returns the first of several values for the same thing. Adds an issue for a later one that is not equal to it. */
export function onlyValue(found: readonly Found[]): Found | undefined {
  const [first, ...others] = found
  for (const other of others) {
    if (first !== undefined && !isDeepStrictEqual(other.value, first.value))
      addIssue(other.context, `must be left out: the value is under "${first.context.path}"`)
  }
  return first
}

/** Returns a boolean, which may be written as a string. Adds an issue for any other value. */
export function readFlag(value: unknown, context: InputContext): boolean {
  if (typeof value !== 'boolean' && value !== 'true' && value !== 'false') addIssue(context, 'must be true or false')
  return value === true || value === 'true'
}

/** Returns the value that a string contains as JSON if it is an object or a list, otherwise undefined. */
export function jsonIn(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    const read: unknown = JSON.parse(text)
    return Array.isArray(read) || isObject(read) ? read : undefined
  } catch {
    return undefined
  }
}
