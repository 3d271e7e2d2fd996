import { entries } from '../tools/bounds.ts'
import { numberIn } from '../tools/numeral.ts'
import { dateValue } from './dates.ts'
import { fileSource } from './decoration.ts'
import { notionId } from './ids.ts'
import { checkKeys, jsonIn, readFlag } from './input-values.ts'
import { asText, isObject, type JsonObject } from './json.ts'
import { type ListedLink, listedLinks, userAddress } from './link-list.ts'
import { dictionary, named, withId } from './names.ts'
import { cutSign, isCutAtLimit, refuseCut } from './references.ts'
import { addIssue, checkCount, type InputContext, isLine, pieces, textLimits, under, unknown } from './rich-text.ts'
import { jsonRichText, richText } from './rich-text-input.ts'
import type { PropertySchema } from './schema-cache.ts'

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

/** Whether Notion computes the values of a type of property. */
export const isComputed = (type: string): boolean => computed.has(type)

const readers = dictionary<ReadValue>({
  title: readText,
  rich_text: readText,
  number: readNumber,
  select: readOption,
  status: readOption,
  multi_select: readOptions,
  date: (value, _property, context) => dateValue(value, context),
  people: readPeople,
  files: readFiles,
  checkbox: readCheckbox,
  url: (value, _property, context) => readLine(value, textLimits.url, context),
  email: (value, _property, context) => readLine(value, 200, context),
  phone_number: (value, _property, context) => readLine(value, 200, context),
  relation: readRelation,
  place: readPlace,
  verification: readVerification,
})

const texts = new Set(['title', 'rich_text'])
const lines = new Set(['url', 'email', 'phone_number'])
const listed = new Set(['title', 'rich_text', 'multi_select', 'people', 'files', 'relation'])

/** The keys of a property in the typed results. */
const typedKeys = ['id', 'name', 'type', 'text', 'value', 'relatedPageIds', 'people']

/**
 * Returns the value of a property in Notion's form. Accepted are Notion's own object, the part of it that differs between
 * values, a plain value, and what the results of the tools contain for the property in any format. In a property of text a
 * string is the text; elsewhere it may be JSON, `""` and `"null"` clear the value unless an option has that name.
 *
 * @see https://developers.notion.com/reference/page-property-values
 */
export function propertyValue(property: PropertySchema, given: unknown, context: InputContext): JsonObject {
  const { type } = property
  if (isComputed(type)) {
    addIssue(context, `must be left out: Notion computes a ${type} property`)
    return {}
  }
  const reader = readers[type]
  const value = typeof given === 'string' ? fromString(property, given) : given
  // A type that is unknown here: Notion decides.
  if (reader === undefined) return isObject(value) && Object.hasOwn(value, type) ? value : { [type]: value }
  const wrapper = isObject(value) ? wrapperOf(type, value, context) : undefined
  if (wrapper === undefined && isObject(value) && (value.id === undefined || !listed.has(type))) {
    const other = Object.keys(value).find((key) => Object.hasOwn(readers, key) || isComputed(key))
    if (other !== undefined) {
      addIssue(context, `must be {"${type}": …}: it is a ${type} property, not ${other}`)
      return {}
    }
  }
  const [inner, at] = wrapper ?? [value, context]
  if (inner === null) return { [type]: emptied(type, context) }
  return { [type]: reader(inner, property, at) }
}

function fromString(property: PropertySchema, text: string): unknown {
  const { type } = property
  if (texts.has(type)) return jsonRichText(text, type) ?? text
  if (named(property.options, text) !== undefined) return text
  if (text === '' || text === 'null') return null
  const read = jsonIn(text)
  if (lines.has(type) && !(isObject(read) && Object.hasOwn(read, type))) return text
  return read ?? text
}

/** Returns what is under the type of a property in Notion's object for it or in the typed results, with its place. */
function wrapperOf(type: string, value: JsonObject, context: InputContext): [unknown, InputContext] | undefined {
  const isTyped = !Object.hasOwn(value, type) && value.type === type && Object.hasOwn(value, 'value')
  if (!isTyped && !Object.hasOwn(value, type)) return undefined
  const keys = isTyped || Object.hasOwn(value, 'relatedPageIds') ? typedKeys : [type, 'type', 'id', 'has_more']
  checkKeys(value, keys, context, `in a ${type} property`)
  if (value.type !== undefined && value.type !== type) addIssue(under(context, 'type'), `must be "${type}"`)
  // Written back, the part that was read would replace the whole.
  if (value.has_more === true) addIssue(under(context, 'has_more'), 'must not be true: pass all entries')
  if (isCutAtLimit(type, value)) refuseCut(under(context, type), 'a list')
  const key = isTyped ? 'value' : type
  return [value[key], under(context, key)]
}

function emptied(type: string, context: InputContext): unknown {
  if (type === 'checkbox') addIssue(context, 'must be true or false')
  return type === 'verification' ? { state: 'unverified' } : listed.has(type) ? [] : null
}

function readText(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = value === '' ? [] : richText(typeof value === 'number' ? String(value) : value, context)
  checkCount(items.length, { max: textLimits.items }, context, pieces)
  return items
}

function readNumber(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const number = typeof value === 'string' ? numberIn(value) : value
  if (typeof number === 'number' && Number.isFinite(number)) return number
  const isLong = typeof value === 'string' && /^\s*-?\d{16,}\s*$/.test(value)
  addIssue(context, isLong ? 'must have fewer digits: a number would not hold all of them' : 'must be a number')
  return null
}

const optionKeys = ['id', 'name', 'color', 'description']

function readOption(value: unknown, property: PropertySchema, context: InputContext): unknown {
  if (isObject(value)) checkKeys(value, optionKeys, context, 'in an option')
  const { name, id, color, description } = isObject(value) ? value : ({ name: value } as JsonObject)
  // Notion decides whether they are those of the option.
  const more = { ...(color != null && { color }), ...(description != null && { description }) }
  const byId = typeof id === 'string' ? withId(property.options, id) : undefined
  if (id !== undefined && typeof id === 'string' && typeof name !== 'string') {
    if (byId === undefined) addIssue(context, unknownOption(property, id))
    return { id, ...more }
  }
  if (typeof name !== 'string') {
    addIssue(context, `must name an option, such as {"name": "${property.options[0]?.name ?? '…'}"}`)
    return null
  }
  const known = named(property.options, name)
  if (known !== undefined) {
    if (typeof id === 'string' && byId !== undefined && byId !== known)
      addIssue(under(context, 'id'), `must be left out: it is the id of "${byId.name}"`)
    return { ...(typeof id === 'string' && byId === known && { id }), name: known.name, ...more }
  }
  // Notion would add the option to the schema. A typing error must not do that.
  if (property.type === 'status' || property.options.length > 0) addIssue(context, unknownOption(property, name))
  else checkOptionName(name, context)
  return { name, ...more }
}

/** Adds an issue for what cannot be the name of a new option. */
export function checkOptionName(name: string, context: InputContext): void {
  checkCount(name.length, { min: 1, max: 100 }, context)
  if (name.includes(',')) addIssue(context, 'must have no comma')
}

/** Returns the message about a name that no option has. `others` are more that are accepted here. */
export function unknownOption(property: PropertySchema, name: string, others: PropertySchema['groups'] = []): string {
  const names = [...property.options, ...others].map((option) => option.name)
  return unknown('option', name, names, `of "${property.name}"`)
}

/** Returns the entries of a list, which may be a single entry or, as Markdown shows them, entries with commas between. */
function entriesOf(value: unknown, isEntry: (text: string) => boolean): readonly unknown[] {
  if (Array.isArray(value)) return value
  const parts = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : []
  return parts.length > 1 && parts.every(isEntry) ? parts : [value]
}

function readOptions(value: unknown, property: PropertySchema, context: InputContext): unknown {
  // The name of an option has no comma.
  const items = entriesOf(value, (part) => part !== '')
  checkEntries(items, context)
  return items.map((item, index) =>
    readOption(item, property, items.length > 1 || Array.isArray(value) ? under(context, index) : context),
  )
}

const checkEntries = (items: readonly unknown[], context: InputContext) =>
  checkCount(items.length, { max: 100 }, context, entries)

/** What Notion and the typed results contain of a user. */
const userKeys = ['object', 'id', 'type', 'name', 'avatar_url', 'avatarUrl', 'email', 'person', 'bot', 'agent_id']

function readPeople(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const links = typeof value === 'string' && value.includes(userAddress('')) ? linksIn(value, context) : null
  const items = links?.map(({ address }) => address) ?? entriesOf(value, (part) => notionId(part, 'user') !== null)
  checkEntries(items, context)
  return items.map((item, index) => {
    const at = links === null ? under(context, index) : context
    if (isObject(item)) checkKeys(item, userKeys, at, 'in a user')
    if (item === cutSign) refuseCut(at, 'a list')
    const id = notionId(isObject(item) ? asText(item.id) : asText(item), 'user')
    if (id === null && item !== cutSign)
      addIssue(at, 'must be the id of a user, such as {"id": "…"}. Call notion_user_list to list the users')
    return isObject(item) && item.object === 'group' ? { object: 'group', id } : { object: 'user', id }
  })
}

function readRelation(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const items = entriesOf(value, (part) => notionId(part, 'page') !== null)
  checkEntries(items, context)
  return items.map((item, index) => {
    const at = under(context, index)
    if (isObject(item)) checkKeys(item, ['id'], at, 'in a relation')
    const id = notionId(isObject(item) ? asText(item.id) : asText(item), 'page')
    if (item === cutSign)
      addIssue(at, 'must be the ids of the other pages. Call notion_property_item_fetch to list them')
    else if (id === null) addIssue(at, 'must be the id or link of a page, such as {"id": "…"}')
    return { id }
  })
}

/** Returns the links of a string in a list of files or people. Adds an issue where it is anything else. */
function linksIn(text: string, context: InputContext): readonly ListedLink[] {
  const links = listedLinks(text)
  if (links === null)
    addIssue(context, 'must be a list, or links with commas between, such as "[name](address), [name](<address>)"')
  return links ?? []
}

/** Where Notion stores uploaded files. The links expire, so as external files they would stop working. */
const hosted =
  /^https:\/\/(?:prod-files-secure\.s3\.[\w.-]*amazonaws\.com|[\w.-]*amazonaws\.com\/secure\.notion-static\.com|file\.notion\.so)\//

function readFiles(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const isText = typeof value === 'string'
  const items = Array.isArray(value) ? value : isText ? listedFiles(value, context) : [value]
  checkEntries(items, context)
  return items.map((item, index) => readFile(item, isText ? context : under(context, index)))
}

const listedFiles = (text: string, context: InputContext) =>
  linksIn(text, context).map(({ text: name, address: url }) => (name ? { name, url } : url))

function readFile(item: unknown, at: InputContext): unknown {
  const { name: given = null, ...source } = isObject(item) ? item : { url: item }
  if (given !== null) isLine(given, { min: 1, max: 100 }, under(at, 'name'))
  const file = isObject(source.file) ? source.file : { url: source.url }
  if (isObject(source.file) || (typeof file.url === 'string' && hosted.test(file.url))) {
    checkKeys(source, ['type', 'file', 'url'], at, 'in a file')
    checkKeys(file, ['url', 'expiry_time'], under(at, 'file'), 'in a file')
    return { type: 'file', name: given ?? 'file', file: { url: file.url } }
  }
  const found = fileSource(source, at, isObject(item) ? undefined : () => at)
  if (found === null || !('external' in found)) return { ...found, ...(given !== null && { name: given }) }
  const last = found.external.url.split(/[?#]/, 1)[0]?.split('/').at(-1)?.slice(0, 100)
  return { ...found, name: given ?? (last || 'file') }
}

function readCheckbox(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  // Markdown results have yes and no.
  return value === 'yes' || (value !== 'no' && readFlag(value, context))
}

function readLine(value: unknown, limit: number, context: InputContext): unknown {
  return isLine(value, { max: limit }, context) ? value : null
}

const placeKeys = ['name', 'address', 'aws_place_id', 'google_place_id']

function readPlace(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  if (!isObject(value) || typeof value.lat !== 'number' || typeof value.lon !== 'number') {
    addIssue(context, 'must be a place, such as {"lat": 52.52, "lon": 13.4, "name": "Berlin"}')
    return null
  }
  checkKeys(value, ['lat', 'lon', ...placeKeys], context, 'in a place')
  return value
}

function readVerification(value: unknown, _property: PropertySchema, context: InputContext): unknown {
  const given = isObject(value) ? value : { state: value }
  const { state, date = null } = given
  // Notion returns who verified the page and sets it itself; compact results have it under `by`.
  checkKeys(given, ['state', 'date', 'verified_by', 'by'], context, 'in a verification')
  if (state !== 'verified' && state !== 'unverified')
    addIssue(under(context, 'state'), 'must be "verified" or "unverified"')
  if (date === null) return { state }
  if (state === 'unverified') addIssue(under(context, 'date'), 'must be left out: only "verified" has a date')
  return { state, date: dateValue(date, under(context, 'date')) }
}
