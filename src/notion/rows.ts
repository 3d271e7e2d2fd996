import type { InputIssue } from '../errors.ts'
import { nearestNames } from '../tools/nearest.ts'
import type { PropertySchema } from './data-sources.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, richText, textLimits, under } from './rich-text.ts'

/** A row's properties as Notion takes them, and what is wrong with them. Nothing is sent while there are issues. */
export interface CheckedRow {
  readonly properties: JsonObject
  readonly issues: readonly InputIssue[]
}

/**
 * Checks the values of a row against the columns of its data source
 * (https://developers.notion.com/reference/page-property-values) and brings them into Notion's form. A column is named by
 * its name, by its id, or, the title, by `title`. A plain value stands for the object around it: `"Done"` for
 * `{"status": {"name": "Done"}}`, and null empties. Issues name the column, what exists and what is nearest.
 */
export function checkRow(columns: readonly PropertySchema[], values: JsonObject, path = 'properties'): CheckedRow {
  const issues: InputIssue[] = []
  const properties: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(values)) {
    const checking: Checking = { path: `${path}.${key}`, issues }
    const column = findColumn(columns, key, value)
    if (column === undefined) {
      complain(checking, unknownColumn(columns, key))
    } else if (Object.hasOwn(properties, column.name)) {
      complain(checking, `is the same property as "${column.name}", which is given too`)
    } else {
      // As an own key whatever its name: "__proto__" is a possible name of a property.
      Object.defineProperty(properties, column.name, {
        ...{ value: columnValue(column, value, checking), enumerable: true },
      })
    }
  }
  return { properties, issues }
}

/** The properties of a page outside of any database: the title alone. */
export function checkLonePage(values: JsonObject, path = 'properties'): CheckedRow {
  const title: PropertySchema = { id: 'title', name: 'title', type: 'title', options: [] }
  const issues: InputIssue[] = []
  const keys = Object.keys(values)
  const wrong = keys.find((key) => key !== 'title' && !(isObject(values[key]) && values[key].title !== undefined))
  if (wrong !== undefined) {
    return {
      properties: {},
      issues: [
        {
          path: `${path}.${wrong}`,
          message: 'cannot be set: a page outside of a database has only a title, under "title"',
        },
      ],
    }
  }
  const [key] = keys
  if (key === undefined) return { properties: {}, issues }
  if (keys.length > 1) issues.push({ path, message: 'names the title more than once' })
  return { properties: { title: columnValue(title, values[key], { path: `${path}.${key}`, issues }) }, issues }
}

function findColumn(columns: readonly PropertySchema[], key: string, value: unknown): PropertySchema | undefined {
  const named = columns.find((column) => column.name === key)
  const title = columns.find((column) => column.type === 'title')
  // "title" is the title, unless another property has taken that name and the value is one of its own.
  if (key === 'title' && (named === undefined || (isObject(value) && value.title !== undefined))) return title
  return named ?? columns.find((column) => column.id === key || column.id === encodeURIComponent(key))
}

/** What to say about a name that no column has. */
export function unknownColumn(columns: readonly PropertySchema[], key: string): string {
  const names = columns.map((column) => column.name)
  // "title" names the title whatever that is called, which is what "Title" means too.
  const [nearest] = nearestNames(key, [...names, 'title'], 1)
  const shown = names.slice(0, 50).map((name) => `"${name}"`)
  return `is no property of this database${nearest === undefined ? '' : `, did you mean "${nearest}"?`} (there is: ${shown.join(', ')}${names.length > 50 ? ', …' : ''})`
}

type ReadValue = (value: unknown, column: PropertySchema, checking: Checking) => unknown

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
  url: (value, _column, checking) => readLine(value, textLimits.url, checking),
  email: (value, _column, checking) => readLine(value, 200, checking),
  phone_number: (value, _column, checking) => readLine(value, 200, checking),
  relation: readRelation,
}

const listed = new Set(['title', 'rich_text', 'multi_select', 'people', 'files', 'relation'])

function columnValue(column: PropertySchema, given: unknown, checking: Checking): JsonObject {
  const { type } = column
  if (computed.has(type)) {
    complain(checking, `is a ${type} property, which Notion computes; leave it out`)
    return {}
  }
  const value = fromJsonText(given)
  const reader = readers[type]
  // A type that came after this was written: Notion decides.
  if (reader === undefined) return isObject(value) ? value : { [type]: value }
  const inner = isObject(value) && Object.hasOwn(value, type) ? value[type] : undefined
  if (inner === undefined && isObject(value)) {
    const other = Object.keys(value).find((key) => Object.hasOwn(readers, key) || computed.has(key))
    if (other !== undefined && !(type === 'relation' && value.id !== undefined)) {
      complain(checking, `is a ${type} property, not ${other}: pass {"${type}": …}`)
      return {}
    }
  }
  const wrapped = inner !== undefined
  if ((wrapped ? inner : value) === null) return { [type]: emptied(type, checking) }
  return { [type]: reader(wrapped ? inner : value, column, wrapped ? under(checking, type) : checking) }
}

function emptied(type: string, checking: Checking): unknown {
  if (type === 'checkbox') complain(checking, 'has to be true or false')
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

function readText(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const items = richText(typeof value === 'number' ? String(value) : value, checking)
  if (items.length > textLimits.items) {
    complain(
      checking,
      `is longer than a property can be (${textLimits.items} pieces of ${textLimits.content} characters)`,
    )
  }
  return items
}

function readNumber(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  complain(checking, 'has to be a number')
  return null
}

function readOption(value: unknown, column: PropertySchema, checking: Checking): unknown {
  const name = typeof value === 'string' ? value : isObject(value) ? value.name : undefined
  const id = isObject(value) && typeof value.id === 'string' ? value.id : undefined
  if (typeof name !== 'string' && id === undefined) {
    complain(checking, `has to name an option, such as {"name": "${column.options[0]?.name ?? '…'}"}`)
    return null
  }
  if (typeof name === 'string') {
    const known = column.options.some((option) => option.name === name)
    // Notion would add the option to everybody's schema. A model's slip must not; who means it adds it to the schema.
    if (!known && (column.type === 'status' || column.options.length > 0))
      complain(checking, unknownOption(column, name))
    else if (!known && (name === '' || name.length > 100 || name.includes(','))) {
      complain(checking, 'is no possible option: an option has 1 to 100 characters and no comma')
    }
    return id === undefined ? { name } : { id, name }
  }
  if (!column.options.some((option) => option.id === id)) complain(checking, unknownOption(column, String(id)))
  return { id }
}

/** What to say about a name that no option has. */
export function unknownOption(column: PropertySchema, name: string): string {
  const names = column.options.map((option) => option.name)
  const [nearest] = nearestNames(name, names, 1)
  return `"${name}" is no option of "${column.name}"${nearest === undefined ? '' : `, did you mean "${nearest}"?`} (there is: ${names.map((one) => `"${one}"`).join(', ')})`
}

function readOptions(value: unknown, column: PropertySchema, checking: Checking): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, checking)
  return items.map((item, index) => readOption(item, column, Array.isArray(value) ? under(checking, index) : checking))
}

function tooMany(items: readonly unknown[], checking: Checking): void {
  if (items.length > 100) complain(checking, `has ${items.length} entries; one call takes 100`)
}

const date =
  /^\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/

/** Date.parse takes 30 February for 2 March. */
function isCalendarDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** Whether a value is an ISO 8601 date or time as Notion takes it. */
export function isDate(value: unknown): value is string {
  return typeof value === 'string' && date.test(value) && isCalendarDay(value.slice(0, 10))
}

function readDate(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const [start, end] =
    typeof value === 'string' ? value.split(/(?<=\d)\/(?=\d)/) : isObject(value) ? [value.start, value.end] : []
  if (!isDate(start)) {
    complain(checking, 'has to be an ISO 8601 date or time, such as {"start": "2026-07-15"}')
    return null
  }
  if (end !== undefined && end !== null && !isDate(end))
    complain(checking, 'has an end that is no ISO 8601 date or time')
  const zone = isObject(value) && typeof value.time_zone === 'string' ? { time_zone: value.time_zone } : {}
  return { start, ...(end !== undefined && end !== null && { end }), ...zone }
}

function readPeople(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, checking)
  return items.map((item, index) => {
    const id = notionId(isObject(item) ? String(item.id) : String(item), 'user')
    if (id === null)
      complain(
        under(checking, index),
        'has to be the id of a user, such as {"id": "…"}; list them with notion_user_list',
      )
    return isObject(item) && item.object === 'group' ? { object: 'group', id } : { object: 'user', id }
  })
}

function readRelation(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, checking)
  return items.map((item, index) => {
    const id = notionId(isObject(item) ? String(item.id) : String(item), 'page')
    if (id === null) complain(under(checking, index), 'has to be the id or link of a page, such as {"id": "…"}')
    return { id }
  })
}

function readFiles(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  const items = Array.isArray(value) ? value : [value]
  tooMany(items, checking)
  return items.map((item, index) => {
    const at = under(checking, index)
    const url =
      typeof item === 'string' ? item : isObject(item) && isObject(item.external) ? item.external.url : undefined
    const name = isObject(item) && typeof item.name === 'string' ? item.name.slice(0, 100) : undefined
    if (typeof url === 'string') {
      if (!/^https?:\/\//i.test(url) || url.length > textLimits.url) {
        complain(at, `has to be an http(s) address of at most ${textLimits.url} characters`)
      }
      return { type: 'external', name: name ?? (url.split('/').at(-1)?.slice(0, 100) || 'file'), external: { url } }
    }
    if (isObject(item) && isObject(item.file_upload)) {
      const id = notionId(String(item.file_upload.id), 'file_upload')
      if (id === null) complain(under(at, 'file_upload'), 'needs the id of an upload')
      return { type: 'file_upload', ...(name !== undefined && { name }), file_upload: { id } }
    }
    if (isObject(item) && isObject(item.file)) return { type: 'file', name: name ?? 'file', file: item.file }
    complain(at, 'has to be {"external": {"url": "…"}}, {"file_upload": {"id": "…"}} or an address')
    return {}
  })
}

function readCheckbox(value: unknown, _column: PropertySchema, checking: Checking): unknown {
  if (value === 'true' || value === 'false') return value === 'true'
  if (typeof value !== 'boolean') complain(checking, 'has to be true or false')
  return value === true
}

function readLine(value: unknown, limit: number, checking: Checking): unknown {
  if (value === '') return null
  if (typeof value === 'string' && value.length <= limit) return value
  complain(checking, `has to be a text of at most ${limit} characters`)
  return null
}
