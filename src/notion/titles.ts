import { isObject, type JsonObject, objectAt } from './json.ts'
import { plainText } from './rich-text.ts'

/** Returns the title as plain text. Databases and data sources have it at the top, pages in the property of type title. */
export function titleOf(object: JsonObject): string {
  if (Array.isArray(object.title)) return plainText(object.title)
  const properties = Object.values(objectAt(object, 'properties')).filter(isObject)
  return plainText(properties.find(({ type }) => type === 'title')?.title)
}
