import * as z from 'zod'
import type { ResultLink } from '../../tools/result-link.ts'
import { asJson, isObject, type Json, type JsonObject, objectAt, objectsAt, textAt, valueAt } from '../json.ts'
import { userAddress } from '../link-list.ts'
import { cutSign, mayBeCut, mayBeCutRollup } from '../references.ts'
import { plainText } from '../rich-text.ts'
import { link, richTextMarkdown } from './rich-text-markdown.ts'
import { notionUser, toUser } from './user.ts'

export const notionPropertyValue = z
  .object({
    name: z.string().describe('The name of the property.'),
    propertyId: z.string().describe('The id of the property. It does not change when the property is renamed.'),
    type: z.string().describe('The type of the property, such as status or date.'),
    text: z.string().describe('The value as text; empty if there is no value.'),
    markdown: z
      .string()
      .describe(
        'The value as Markdown, with the links of text and files and the ids of people; empty without a value.',
      ),
    value: z
      .json()
      .nullable()
      .describe('The value as plain JSON, such as a string, a number or a list of names or ids.'),
    relatedPageIds: z
      .array(z.string())
      .describe(
        'For a relation: the ids of the related pages, at most 25. Call notion_property_item_fetch to get all.',
      ),
    people: z
      .array(notionUser)
      .describe('For people, created_by and last_edited_by: the users, at most 25, with what the connection may read.'),
  })
  .meta({
    id: 'NotionPropertyValue',
    description: 'The value of one property of a page.',
    links: [
      {
        field: 'relatedPages',
        description: 'For a relation: the related pages. Each one costs a call. Null for a page that cannot be read.',
        tool: 'notion_page_fetch',
        input: { page_id: 'relatedPageIds' },
        each: 'page_id',
        result: 'page',
      },
    ] satisfies ResultLink[],
  })

/** How text and users are written within a value. */
interface Forms {
  readonly text: (richText: unknown) => string
  readonly person: (user: JsonObject) => Json
}

const plainForms: Forms = { text: plainText, person: (user) => textAt(user, 'name') ?? textAt(user, 'id') }

const fullForms: Forms = {
  text: richTextMarkdown,
  person(user) {
    const [id, name] = [textAt(user, 'id'), textAt(user, 'name')]
    return id === null ? name : name === null ? { id } : { id, name }
  },
}

/**
 * {@link plainValue} with nothing hidden: text as Markdown, with its links, and a user as `{ id, name }`, since names are
 * not unique.
 */
export const fullValue = (property: JsonObject): Json => plainValue(property, fullForms)

/**
 * Returns a property value without Notion's wrapper objects: names of options, ids of relations, names of people, ISO
 * 8601 dates (`start/end` for a range). Null for an empty value. `{ unavailable }` for a formula or rollup that Notion
 * does not compute here: `incomplete` or `unsupported`.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
export function plainValue(property: JsonObject, forms = plainForms): Json {
  const type = textAt(property, 'type') ?? ''
  const value = valueAt(property, type)
  switch (type) {
    case 'title':
    case 'rich_text':
      // A property item has one piece of rich text; a page has the list.
      return `${forms.text(isObject(value) ? [value] : value)}${mayBeCut(property) ? ` ${cutSign}` : ''}` || null
    case 'select':
    case 'status':
      return textAt(value, 'name')
    case 'multi_select':
      return list(objectsAt(property, type).map((option) => textAt(option, 'name')))
    case 'date':
      return dateText(value)
    case 'people':
      return list([...entriesOf(property).map(forms.person), ...(mayBeCut(property) ? [cutSign] : [])])
    case 'created_by':
    case 'last_edited_by':
      return isObject(value) ? forms.person(value) : null
    case 'files':
      return list(objectsAt(property, type).map(fileOf))
    case 'relation': {
      const ids = entriesOf(property).map((item) => textAt(item, 'id'))
      return list(property.has_more === true ? [...ids, cutSign] : ids)
    }
    case 'formula':
    case 'rollup':
      return isObject(value) ? computedValue(value, forms) : null
    case 'unique_id':
      return uniqueId(objectAt(property, type))
    case 'verification':
      return isObject(value) ? verification(value, forms) : null
    case 'button':
      return null
    default:
      return asJson(value)
  }
}

/** Returns the entries of a relation or people property. A page has the list; a property item has one entry. */
function entriesOf(property: JsonObject): readonly JsonObject[] {
  const type = textAt(property, 'type') ?? ''
  const value = valueAt(property, type)
  return isObject(value) ? [value] : objectsAt(property, type)
}

/** Returns the ids of the pages in a relation; none for other types. */
export function relatedPageIds(property: JsonObject): string[] {
  return property.type === 'relation' ? entriesOf(property).flatMap((entry) => textAt(entry, 'id') ?? []) : []
}

/** Returns the users in a property; none for types without users. */
export function namedPeople(property: JsonObject): z.input<typeof notionUser>[] {
  const { type } = property
  return type === 'people' || type === 'created_by' || type === 'last_edited_by' ? entriesOf(property).map(toUser) : []
}

const list = (items: readonly (Json | null)[]): Json => {
  const present = items.filter((item) => item !== null)
  return present.length === 0 ? null : present
}

function fileOf(file: JsonObject): Json {
  const url = textAt(objectAt(file, 'external'), 'url') ?? textAt(objectAt(file, 'file'), 'url')
  const name = textAt(file, 'name')
  return name === null || name === url ? url : url === null ? name : { name, url }
}

function dateText(value: unknown): string | null {
  const start = textAt(value, 'start')
  const end = textAt(value, 'end')
  const zone = textAt(value, 'time_zone')
  const range = start === null ? null : end === null ? start : `${start}/${end}`
  return range === null || zone === null ? range : `${range} ${zone}`
}

function computedValue(computed: JsonObject, forms: Forms): Json {
  const type = textAt(computed, 'type') ?? ''
  const value = valueAt(computed, type)
  if (type === 'date') return dateText(value)
  if (type === 'array') {
    const items = objectsAt(computed, type)
    const values = items.flatMap((item) => plainValue(item, forms))
    return list(mayBeCutRollup(items) ? [...values, cutSign] : values)
  }
  return type === 'incomplete' || type === 'unsupported' ? { unavailable: type } : asJson(value)
}

function verification(value: JsonObject, forms: Forms): Json {
  const state = textAt(value, 'state')
  const by = isObject(value.verified_by) ? forms.person(value.verified_by) : null
  const date = dateText(value.date)
  return by === null && date === null ? state : { state, by, date }
}

function uniqueId(value: JsonObject): Json {
  const { number } = value
  if (typeof number !== 'number') return null
  const prefix = textAt(value, 'prefix')
  return prefix === null ? number : `${prefix}-${number}`
}

/** Returns a plain value as text. */
export function valueText(value: Json): string {
  if (value === null) return ''
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.map(valueText).join(', ')
  if (typeof value === 'object') {
    const { id, name, url, ...others } = value
    if (Object.keys(others).length > 0) return JSON.stringify(value)
    if (typeof url === 'string') return link(typeof name === 'string' ? name : url, url)
    return typeof id === 'string' ? link(typeof name === 'string' ? name : id, userAddress(id)) : JSON.stringify(value)
  }
  return String(value)
}

/** Converts the values of a page to the typed result. */
export function propertyValues(page: JsonObject): z.input<typeof notionPropertyValue>[] {
  return Object.entries(objectAt(page, 'properties')).flatMap(([name, property]) => {
    if (!isObject(property)) return []
    const value = plainValue(property)
    return [
      {
        name,
        propertyId: textAt(property, 'id') ?? '',
        type: textAt(property, 'type') ?? '',
        text: valueText(value),
        markdown: valueText(fullValue(property)),
        value,
        relatedPageIds: relatedPageIds(property),
        people: namedPeople(property),
      },
    ]
  })
}
