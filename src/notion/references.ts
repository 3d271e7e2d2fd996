import { isObject, type JsonObject, textAt } from './json.ts'
import { addIssue, type InputContext } from './rich-text.ts'

/**
 * The maximum number of mentions or people of one property, and of values of a rollup, that Notion returns with a page. It
 * returns the rest as property items only, and does not report that there is more, as it does for relations.
 *
 * @see https://developers.notion.com/reference/retrieve-a-page
 */
const maxReferences = 25

/** Shown at the end of a value that may be cut. */
export const cutSign = '…'

/** Returns how many mentions or people a value of a type of property has. */
export function referenceCount(type: string, value: unknown): number {
  if (!Array.isArray(value)) return 0
  if (type === 'people') return value.filter((entry) => entry !== cutSign).length
  if (type !== 'title' && type !== 'rich_text') return 0
  return value.filter((item) => isObject(item) && isObject(item.mention)).length
}

/** Whether a property of a page may have only the beginning of its value. */
export function mayBeCut(property: JsonObject): boolean {
  const type = textAt(property, 'type') ?? ''
  return referenceCount(type, property[type]) >= maxReferences
}

/** Whether a rollup of a page may have only the beginning of its values. A property item has none of them. */
export const mayBeCutRollup = (values: readonly unknown[]): boolean => values.length >= maxReferences

/** Adds an issue for a value that may be cut: written, it would replace the whole. `form` is how to pass the whole. */
export const refuseCut = (context: InputContext, form: string): void =>
  addIssue(
    context,
    `must be whole: Notion returns at most ${maxReferences} mentions or people of a property with a page, and the rest would be removed. Call notion_property_item_fetch to get all of it, and pass it as ${form}`,
  )

/** Whether a value is in the form of a page, with as many references as Notion returns at most. */
export const isCutAtLimit = (type: string, value: JsonObject): boolean =>
  typeof value.id === 'string' && referenceCount(type, value[type]) === maxReferences
