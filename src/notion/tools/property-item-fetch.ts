import { z } from 'zod'
import { cursorField, idField, pageSizeField, refuse } from '../input.ts'
import { asJson, isObject, type Json, type JsonObject, objectAt, textAt } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { unknownProperty } from '../rows.ts'
import { findProperty, propertiesOf } from '../schema-cache.ts'
import { present } from '../shape/compact.ts'
import { compactCursor, listFields, results, toListFields } from '../shape/lists.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { namedPeople, notionPropertyValue, plainValue, relatedPageIds, valueText } from '../shape/property-value.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-a-page-property */
export const propertyItemFetch = notionTool({
  name: 'notion_property_item_fetch',
  title: 'Get one property',
  description:
    'Get all entries of one property of a page. Other tools return at most 25 entries of a relation, people or text property.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    page_id: idField('page'),
    property: z.string().min(1).max(2000).describe('Property name or ID'),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  output: z.looseObject({ object: z.enum(['property_item', 'list']) }),
  result: z.object({ property: notionPropertyValue.describe('The property.'), ...listFields }),
  async run(call, input) {
    const paging = pagingOf(input, { fallback: 100, uuid: false })
    const target = { id: input.page_id, kind: 'page' } as const
    const { page_id } = input
    const page = await call.read((notion) => notion.pages.retrieve({ page_id }), { target })
    const property_id = propertyId(objectAt(page, 'properties'), input.property)
    return call.read((notion) => notion.pages.properties.retrieve({ page_id, property_id, ...paging }), { target })
  },
  toResult: (body, input) => {
    const { type, value } = wholeValue(body)
    const id = textAt(body, 'id') ?? textAt(objectAt(body, 'property_item'), 'id') ?? ''
    const pieces = isObject(body) && body.object !== 'list' ? [body] : results(body)
    // A rollup also contains pieces of its relation.
    const items = pieces.filter((piece) => piece.type === type)
    return {
      property: {
        name: input.property,
        id,
        type,
        text: valueText(value),
        value,
        relatedPageIds: items.flatMap(relatedPageIds),
        people: items.flatMap(namedPeople),
      },
      ...toListFields(body),
    }
  },
  toCompact: (body) => markedData(present({ value: wholeValue(body).value }), compactCursor(body)),
  toMarkdown(body) {
    const cursor = textAt(body, 'next_cursor')
    return markedText(valueText(wholeValue(body).value), {
      ...(cursor !== null && { after: `There is more: start_cursor ${cursor}` }),
    })
  },
})

/** Returns the id of a property as the page has it, since it becomes part of a path. */
function propertyId(properties: JsonObject, wanted: string): string {
  const known = propertiesOf({ properties })
  const id = findProperty(known, wanted)?.id ?? ''
  if (id !== '' && !id.includes('..')) return /^[\w%~!*'()-]+$/.test(id) ? id : encodeURIComponent(id)
  return refuse('property', unknownProperty(known, wanted))
}

/** Returns the value of a property item, or of a list of items that together are the value. */
function wholeValue(body: unknown): { readonly type: string; readonly value: Json } {
  if (!isObject(body)) return { type: '', value: null }
  if (body.object !== 'list') return { type: textAt(body, 'type') ?? '', value: plainValue(body) }
  const whole = objectAt(body, 'property_item')
  const type = textAt(whole, 'type') ?? textAt(results(body)[0], 'type') ?? ''
  const pieces = results(body).map(plainValue)
  if (type === 'title' || type === 'rich_text') return { type, value: pieces.map(valueText).join('') || null }
  if (type === 'rollup' && pieces.length === 0) return { type, value: plainValue(whole) }
  return { type, value: asJson(pieces.filter((piece) => piece !== null).flat()) }
}
