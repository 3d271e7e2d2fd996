import * as z from 'zod'
import { cursorField, idField, pageSizeField, refuse } from '../input.ts'
import { asJson, isObject, type Json, type JsonObject, objectAt, textAt } from '../json.ts'
import { type Paging, pagingOf } from '../paging.ts'
import { unknownProperty } from '../rows.ts'
import { findProperty, propertiesOf } from '../schema-cache.ts'
import { present } from '../shape/compact.ts'
import { markedSchema } from '../shape/compact-schema.ts'
import { completeness, completenessNotes, listFields, results, toListFields } from '../shape/lists.ts'
import { markedData, markedText } from '../shape/marking.ts'
import {
  fullValue,
  namedPeople,
  notionPropertyValue,
  plainValue,
  relatedPageIds,
  valueText,
} from '../shape/property-value.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/retrieve-a-page-property */
export const propertyItemFetch = notionTool({
  name: 'notion_property_item_fetch',
  title: 'Get one property',
  description:
    'Get all entries of one property of a page. Other tools return at most 25 entries of a relation, people, text or rollup property.',
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
  compact: markedSchema(
    z.object({ value: z.unknown().optional() }).describe('The value as in a page; nothing if empty.'),
  ),
  result: z.object({ property: notionPropertyValue.describe('The property.'), ...listFields }),
  async run(call, input) {
    const paging = pagingOf(input, { fallback: 100, uuid: false })
    const target = { id: input.page_id, kind: 'page' } as const
    const { page_id } = input
    const page = await call.read((notion) => notion.pages.retrieve({ page_id }), { target })
    const property_id = propertyId(objectAt(page, 'properties'), input.property)
    const read = (from: Paging) =>
      call.read((notion) => notion.pages.properties.retrieve({ page_id, property_id, ...from }), { target })
    return wholeRollup(await read(paging), read)
  },
  toResult: (body, input) => {
    const { type, value } = wholeValue(body)
    const id = textAt(body, 'id') ?? textAt(objectAt(body, 'property_item'), 'id') ?? ''
    const pieces = isObject(body) && body.object !== 'list' ? [body] : results(body)
    // A rollup also lists the pages that it is computed from.
    const items = pieces.filter((piece) => piece.type === type)
    return {
      property: {
        name: input.property,
        propertyId: id,
        type,
        text: valueText(value),
        markdown: valueText(wholeValue(body, fullValue).value),
        value,
        relatedPageIds: items.flatMap(relatedPageIds),
        people: items.flatMap(namedPeople),
      },
      ...toListFields(body),
    }
  },
  toCompact: (body) => markedData(present({ value: wholeValue(body, fullValue).value }), completeness(body)),
  toMarkdown: (body) => markedText(valueText(wholeValue(body, fullValue).value), { after: completenessNotes(body) }),
})

/** Enough for a rollup over 2000 pages. */
const maxRollupLists = 20

/**
 * Reads the rest of a rollup that Notion computes only at the end of its list, and returns the body of the last request
 * with the results of all.
 */
async function wholeRollup(first: JsonObject, read: (from: Paging) => Promise<JsonObject>): Promise<JsonObject> {
  let body = first
  for (let count = 1; count < maxRollupLists && rollupType(body) === 'incomplete'; count += 1) {
    const start_cursor = textAt(body, 'next_cursor')
    if (start_cursor === null) break
    const next = await read({ page_size: 100, start_cursor })
    body = { ...next, results: [...results(body), ...results(next)] }
  }
  return body
}

const rollupType = (body: unknown) => textAt(objectAt(objectAt(body, 'property_item'), 'rollup'), 'type')

/** Returns the id of a property as the page has it, since it becomes part of a path. */
function propertyId(properties: JsonObject, wanted: string): string {
  const known = propertiesOf({ properties })
  const id = findProperty(known, wanted)?.id ?? ''
  if (id !== '' && !id.includes('..')) return /^[\w%~!*'()-]+$/.test(id) ? id : encodeURIComponent(id)
  return refuse('property', unknownProperty(known, wanted))
}

/** Returns the value of a property item, or of a list of items that together are the value. */
function wholeValue(
  body: unknown,
  read: (property: JsonObject) => Json = plainValue,
): { readonly type: string; readonly value: Json } {
  if (!isObject(body)) return { type: '', value: null }
  if (body.object !== 'list') return { type: textAt(body, 'type') ?? '', value: read(body) }
  const whole = objectAt(body, 'property_item')
  const type = textAt(whole, 'type') ?? textAt(results(body)[0], 'type') ?? ''
  // The items of a computed rollup are the pages that it is computed from.
  if (type === 'rollup' && rollupType(body) !== 'array') return { type, value: read(whole) }
  const pieces = results(body).map((piece) => read(piece))
  if (type === 'title' || type === 'rich_text') return { type, value: pieces.map(valueText).join('') || null }
  return { type, value: asJson(pieces.filter((piece) => piece !== null).flat()) }
}
