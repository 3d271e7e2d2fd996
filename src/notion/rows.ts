import type { CreatePageParameters } from '@notionhq/client'
import type { InputIssue } from '../errors.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { addIssue, collectIssues, type InputContext, richText, textLimits, under, unknown } from './rich-text.ts'
import { findProperty, type PropertySchema } from './schema-cache.ts'

/** The properties of a page in Notion's form. */
export type PageProperties = NonNullable<CreatePageParameters['properties']>

/** The properties of a row in Notion's form, and what is wrong with them. Nothing is sent while there are issues. */
export interface CheckedRow {
  readonly properties: PageProperties
  readonly issues: readonly InputIssue[]
}

/**
 * Checks the values of a row against the properties of its data source and returns them in Notion's form. A property is
 * named by its name, its id or, for the title, by `title`. A plain value stands for the object around it: `"Done"` for
 * `{"status": {"name": "Done"}}`. Null clears a value.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
export function checkRow(schemas: readonly PropertySchema[], values: JsonObject, path = 'properties'): CheckedRow {
  const properties: Record<string, unknown> = {}
  const { issues } = collectIssues((list) => {
    for (const [key, value] of Object.entries(values)) {
      const context: InputContext = { path: `${path}.${key}`, issues: list }
      const property = propertyFor(schemas, key, value)
      if (property === undefined) {
        addIssue(context, unknownProperty(schemas, key))
      } else if (Object.hasOwn(properties, property.name)) {
        addIssue(context, `must be left out: it is the same property as "${property.name}"`)
      } else {
        // "__proto__" is a possible name of a property.
        Object.defineProperty(properties, property.name, {
          value: propertyValue(property, value, context),
          enumerable: true,
        })
      }
    }
  })
  // Without issues each value has the form that the type of its property needs.
  return { properties: properties as PageProperties, issues }
}

/** Checks the properties of a page outside of databases, which has only a title. */
export function checkLonePage(values: JsonObject, path = 'properties'): CheckedRow {
  const title: PropertySchema = { id: 'title', name: 'title', type: 'title', options: [] }
  const keys = Object.keys(values)
  const wrong = keys.find((key) => key !== 'title' && !(isObject(values[key]) && values[key].title !== undefined))
  if (wrong !== undefined) {
    return {
      properties: {},
      issues: [
        {
          path: `${path}.${wrong}`,
          message: 'must be left out: a page outside of a database has only a title, under "title"',
        },
      ],
    }
  }
  const [key] = keys
  if (key === undefined) return { properties: {}, issues: [] }
  const { value, issues } = collectIssues((list) => {
    if (keys.length > 1) addIssue({ path, issues: list }, 'must name the title once')
    return propertyValue(title, values[key], { path: `${path}.${key}`, issues: list })
  })
  return { properties: { title: value } as unknown as PageProperties, issues }
}

function propertyFor(schemas: readonly PropertySchema[], key: string, value: unknown): PropertySchema | undefined {
  // Another property may be named "title": a value that says that it is a title is the title all the same.
  const isTitle = key === 'title' && isObject(value) && value.title !== undefined
  return isTitle ? schemas.find((property) => property.type === 'title') : findProperty(schemas, key)
}

/** Returns the message about a name that no property has. */
export function unknownProperty(properties: readonly { readonly name: string }[], name: string): string {
  const names = properties.map((property) => property.name)
  // "title" names the title whatever its name, and "Title" means it.
  return unknown('property', name, names, '', [...names, 'title'])
}

type ReadValue = (value: unknown, property: PropertySchema, context: InputContext) => unknown

const computed = new Set([
  'formula',
  'rollup',
  'created_time',
  'created_by',
  'last_edited_time',
  'last_edited_by',
  'last_visited_time',
  'unique_id',
  'button',
])

const readers: Readonly<Record<string, ReadValue>> = {
  title: readText,
  rich_text: readText,
  number: readNumber,
  select: readOption,
  status: readOption,
  multi_select: readOptions,
  date: readDate,
  people: readPeople,
  files: readFiles,
  checkbox: readCheckbox,
  url: (value, _property, context) => readLine(value, textLimits.url, context),
  email: (value, _property, context) => readLine(value, 200, context),
  phone_number: (value, _property, context) => readLine(value, 200, context),
  relation: readRelation,
}

const listed = new Set(['title', 'rich_text', 'multi_select', 'people', 'files', 'relation'])

function propertyValue(property: PropertySchema, given: unknown, context: InputContext): JsonObject {
  const { type } = property
  if (computed.has(type)) {
    addIssue(context, `must be left out: Notion computes a ${type} property`)
    return {}
  }
  const value = fromJsonText(given)
  const reader = readers[type]
  // A type that is unknown here: Notion decides.
  if (reader === undefined) return isObject(value) ? value : { [type]: value }
  const inner = isObject(value) && Object.hasOwn(value, type) ? value[type] : undefined
  if (inner === undefined && isObject(value)) {
    const other = Object.keys(value).find((key) => Object.hasOwn(readers, key) || computed.has(key))
    if (other !== undefined && !(type === 'relation' && value.id !== undefined)) {
      addIssue(context, `must be {"${type}": …}: it is a ${type} property, not ${other}`)
      return {}
    }
  }
  const wrapped = inner !== undefined
  if ((wrapped ? inner : value) === null) return { [type]: emptied(type, context) }
  return { [type]: reader(wrapped ? inner : value, property, wrapped ? under(context, type) : context) }
}

function emptied(type: string, context: InputContext): unknown {
  if (type === 'checkbox') addIssue(context, 'must be true or false')
  return listed.has(type) ? [] : null
}

function fromJsonText(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value
  try {
    const read: unknown = JSON.parse(value)
    return typeof read === 'object' && read !== null ? read : value
  } catch {
    return value
  }
}

function readText(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = richText(typeof value === 'number' ? String(value) : value, context)
  if (items.length > textLimits.items) {
    addIssue(context, `must have at most ${textLimits.items} pieces of ${textLimits.content} characters`)
  }
  return items
}

function readNumber(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  addIssue(context, 'must be a number')
  return null
}

function readOption(value: unknown, property: PropertySchema, context: InputContext): unknown {
  const name = typeof value === 'string' ? value : isObject(value) ? value.name : undefined
  const id = isObject(value) && typeof value.id === 'string' ? value.id : undefined
  if (typeof name !== 'string' && id === undefined) {
    addIssue(context, `must name an option, such as {"name": "${property.options[0]?.name ?? '…'}"}`)
    return null
  }
  if (typeof name === 'string') {
    const known = property.options.some((option) => option.name === name)
    // Notion would add the option to the schema. A typing error must not do that.
    if (!known && (property.type === 'status' || property.options.length > 0))
      addIssue(context, unknownOption(property, name))
    else if (!known && (name === '' || name.length > 100 || name.includes(','))) {
      addIssue(context, 'must have 1 to 100 characters and no comma')
    }
    return id === undefined ? { name } : { id, name }
  }
  if (!property.options.some((option) => option.id === id)) addIssue(context, unknownOption(property, String(id)))
  return { id }
}

/** Returns the message about a name that no option has. */
export function unknownOption(property: PropertySchema, name: string): string {
  const names = property.options.map((option) => option.name)
  return unknown('option', name, names, `of "${property.name}"`)
}

function readOptions(value: unknown, property: PropertySchema, context: InputContext): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, context)
  return items.map((item, index) => readOption(item, property, Array.isArray(value) ? under(context, index) : context))
}

function tooMany(items: readonly unknown[], context: InputContext): void {
  if (items.length > 100) addIssue(context, `must have at most 100 entries, not ${items.length}`)
}

const date =
  /^\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/

/** Date.parse reads 30 February as 2 March. */
function isCalendarDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** Whether a value is an ISO 8601 date or time in a form that Notion accepts. */
export function isDate(value: unknown): value is string {
  return typeof value === 'string' && date.test(value) && isCalendarDay(value.slice(0, 10))
}

function readDate(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const [start, end] =
    typeof value === 'string' ? value.split(/(?<=\d)\/(?=\d)/) : isObject(value) ? [value.start, value.end] : []
  if (!isDate(start)) {
    addIssue(context, 'must be an ISO 8601 date or time, such as {"start": "2026-07-15"}')
    return null
  }
  if (end !== undefined && end !== null && !isDate(end))
    addIssue(under(context, 'end'), 'must be an ISO 8601 date or time')
  const zone = isObject(value) && typeof value.time_zone === 'string' ? { time_zone: value.time_zone } : {}
  return { start, ...(end !== undefined && end !== null && { end }), ...zone }
}

function readPeople(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, context)
  return items.map((item, index) => {
    const id = notionId(isObject(item) ? String(item.id) : String(item), 'user')
    if (id === null)
      addIssue(
        under(context, index),
        'must be the id of a user, such as {"id": "…"}. Call notion_user_list to list the users',
      )
    return isObject(item) && item.object === 'group' ? { object: 'group', id } : { object: 'user', id }
  })
}

function readRelation(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, context)
  return items.map((item, index) => {
    const id = notionId(isObject(item) ? String(item.id) : String(item), 'page')
    if (id === null) addIssue(under(context, index), 'must be the id or link of a page, such as {"id": "…"}')
    return { id }
  })
}

function readFiles(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, context)
  return items.map((item, index) => {
    const at = under(context, index)
    const url =
      typeof item === 'string' ? item : isObject(item) && isObject(item.external) ? item.external.url : undefined
    const name = isObject(item) && typeof item.name === 'string' ? item.name.slice(0, 100) : undefined
    if (typeof url === 'string') {
      if (!/^https?:\/\//i.test(url) || url.length > textLimits.url) {
        addIssue(at, `must be an http(s) URL of at most ${textLimits.url} characters`)
      }
      return { type: 'external', name: name ?? (url.split('/').at(-1)?.slice(0, 100) || 'file'), external: { url } }
    }
    if (isObject(item) && isObject(item.file_upload)) {
      const id = notionId(String(item.file_upload.id), 'file_upload')
      if (id === null) addIssue(under(at, 'file_upload'), 'must have the id of an upload')
      return { type: 'file_upload', ...(name !== undefined && { name }), file_upload: { id } }
    }
    if (isObject(item) && isObject(item.file)) return { type: 'file', name: name ?? 'file', file: item.file }
    addIssue(at, 'must be {"external": {"url": "…"}}, {"file_upload": {"id": "…"}} or a URL')
    return {}
  })
}

function readCheckbox(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  if (value === 'true' || value === 'false') return value === 'true'
  if (typeof value !== 'boolean') addIssue(context, 'must be true or false')
  return value === true
}

function readLine(value: unknown, limit: number, context: InputContext): unknown {
  if (value === '') return null
  if (typeof value === 'string' && value.length <= limit) return value
  addIssue(context, `must be a string of at most ${limit} characters`)
  return null
}
