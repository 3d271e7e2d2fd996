/** A value that `JSON.parse` can return. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** A JSON object with unknown members: Notion may add members at any time and may return partial objects. */
export type JsonObject = { readonly [key: string]: unknown }

/** Whether a value is an object and neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns a value that is an object, or an empty object. */
export function toObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

/** Returns the value at a key of its own of an object; undefined for any other value. */
export function valueAt(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** Returns the object at a key, or an empty one. */
export function objectAt(value: unknown, key: string): JsonObject {
  return toObject(valueAt(value, key))
}

/** Returns the objects of the list at a key, without other values. */
export function objectsAt(value: unknown, key: string): readonly JsonObject[] {
  const found = valueAt(value, key)
  return Array.isArray(found) ? found.filter(isObject) : []
}

/** Returns the string at a key, or null. */
export function textAt(value: unknown, key: string): string | null {
  const found = valueAt(value, key)
  return typeof found === 'string' ? found : null
}

/** Whether the value at a key is `true`. */
export function flagAt(value: unknown, key: string): boolean {
  return isObject(value) && value[key] === true
}

/** Types a part of parsed JSON as a JSON value. */
export function asJson(value: unknown): Json {
  return value === undefined ? null : (value as Json)
}

/** Returns any value as text. `String` throws for objects without a prototype, which are what GraphQL literals become. */
export const asText = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
