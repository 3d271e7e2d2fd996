/** What `JSON.parse` can give. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** A JSON object of which nothing is known: Notion adds fields at any time, and partial objects are always legal. */
export type JsonObject = { readonly [key: string]: unknown }

/** Whether a value is an object and neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object at a key, or an empty one. */
export function objectAt(value: unknown, key: string): JsonObject {
  const found = isObject(value) ? value[key] : undefined
  return isObject(found) ? found : {}
}

/** The objects of the list at a key; whatever is no object is left out. */
export function objectsAt(value: unknown, key: string): readonly JsonObject[] {
  const found = isObject(value) ? value[key] : undefined
  return Array.isArray(found) ? found.filter(isObject) : []
}

/** The text at a key, or null. */
export function textAt(value: unknown, key: string): string | null {
  const found = isObject(value) ? value[key] : undefined
  return typeof found === 'string' ? found : null
}

/** Whether the value at a key is `true`. */
export function flagAt(value: unknown, key: string): boolean {
  return isObject(value) && value[key] === true
}

/** A part of a parsed JSON text as the type of JSON values, which it has by construction. */
export function asJson(value: unknown): Json {
  return value === undefined ? null : (value as Json)
}
