import type { CreateDataSourceParameters, UpdateDataSourceParameters } from '@notionhq/client'
import { AmbiguousDataSourceError, InvalidToolInputError, MissingCapabilityError } from '../errors.ts'
import { entries } from '../tools/bounds.ts'
import type { NotionCall } from './call.ts'
import { resolveDataSource, schemaOf } from './data-sources.ts'
import { notionId } from './ids.ts'
import { checkKeys, foundAt, onlyValue } from './input-values.ts'
import { asText, isObject, type JsonObject, toObject } from './json.ts'
import { alikeNamed, dictionary, exactlyNamed, withId } from './names.ts'
import { addIssue, checkCount, type InputContext, under, unknown } from './rich-text.ts'
import { checkOptionName } from './row-values.ts'
import { ambiguous } from './tool-errors.ts'

/** The keys of the configuration of each type (https://developers.notion.com/reference/property-object). */
const configurations = dictionary<readonly string[]>({
  title: [],
  rich_text: [],
  number: ['format'],
  select: ['options'],
  multi_select: ['options'],
  status: ['options'],
  date: [],
  people: [],
  files: [],
  checkbox: [],
  url: [],
  email: [],
  phone_number: [],
  formula: ['expression'],
  relation: ['data_source_id', 'database_id', 'type', 'single_property', 'dual_property'],
  rollup: ['function', 'relation_property_name', 'relation_property_id', 'rollup_property_name', 'rollup_property_id'],
  unique_id: ['prefix'],
  created_time: [],
  created_by: [],
  last_edited_time: [],
  last_edited_by: [],
  last_visited_time: [],
  button: [],
  location: [],
  place: [],
  verification: [],
})
const types = Object.keys(configurations)

/** Other names of keys of a configuration that are understood: what models write, and what compact results contain. */
const synonyms = dictionary<Readonly<Record<string, string>>>({
  select: { choices: 'options', values: 'options' },
  multi_select: { choices: 'options', values: 'options' },
  status: { choices: 'options', values: 'options' },
  formula: { formula: 'expression' },
  relation: { database: 'database_id' },
  rollup: { relation: 'relation_property_name', of: 'rollup_property_name' },
})

/** The key whose value a string is, where the input has it instead of the configuration. */
const mainKeys = dictionary<string>({
  number: 'format',
  formula: 'expression',
  relation: 'data_source_id',
  unique_id: 'prefix',
})

/** The properties of a new data source in Notion's form. */
export type NewProperties = CreateDataSourceParameters['properties']

/** Changes of the properties of a data source in Notion's form: null removes one. */
export type PropertyChanges = NonNullable<UpdateDataSourceParameters['properties']>

/**
 * Returns the properties of a new data source in Notion's form. The name of a type means a property of that type, a
 * string for an option. Adds an issue unless exactly one property is a title.
 *
 * @see https://developers.notion.com/reference/property-object
 */
export function newProperties(properties: JsonObject, context: InputContext): NewProperties {
  const configs = propertyConfigs(properties, context, false)
  const titles = Object.values(configs).filter((config) => isObject(config) && config.type === 'title').length
  if (titles !== 1) {
    addIssue(context, `must have exactly one title property, such as "Name": {"title": {}}, not ${titles}`)
  }
  for (const [name, config] of Object.entries(configs)) {
    if (name === 'title' && isObject(config) && config.type !== 'title')
      addIssue(under(context, name), 'must be the title property, or have another name: "title" is the id of the title')
  }
  return configs as NewProperties
}

/** Returns changes of properties in Notion's form: as for a new data source, but null removes and `{name}` renames one. */
export function propertyChanges(properties: JsonObject, context: InputContext): PropertyChanges {
  return propertyConfigs(properties, context, true) as PropertyChanges
}

function propertyConfigs(properties: JsonObject, context: InputContext, update: boolean): JsonObject {
  const configs: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(properties)) {
    const config = propertyConfig(value, under(context, name), update)
    Object.defineProperty(configs, name, { value: config, enumerable: true })
  }
  return configs
}

function propertyConfig(given: unknown, context: InputContext, update: boolean): unknown {
  if (update && given === null) return null
  const value = typeof given === 'string' ? { [given]: {} } : given
  if (!isObject(value)) {
    addIssue(context, 'must be a property, such as {"select": {"options": [{"name": "High"}]}}, or a type')
    return {}
  }
  const type = typeof value.type === 'string' ? value.type : Object.keys(value).find((key) => types.includes(key))
  const { name, description } = value
  if (name !== undefined && name !== null && typeof name !== 'string')
    addIssue(under(context, 'name'), 'must be a string')
  if (typeof name === 'string' && !update && !context.path.endsWith(`.${name}`))
    addIssue(under(context, 'name'), 'must be left out, or be the key of the property')
  if (description !== undefined && description !== null && typeof description !== 'string')
    addIssue(under(context, 'description'), 'must be a string or null')
  const common = {
    ...(description !== undefined && (description !== null || update) && { description }),
    ...(update && typeof name === 'string' && { name }),
  }
  if (type === undefined && update && typeof name === 'string') {
    checkKeys(value, ['id', 'name'], context, 'next to a new name without a type')
    return { name }
  }
  const keys = type === undefined ? undefined : configurations[type]
  if (type === undefined || keys === undefined) {
    addIssue(context, unknown('property type', type ?? Object.keys(value)[0] ?? '', types))
    return {}
  }
  const { held, at } = heldBy(value, type, keys, context)
  return { ...common, type, [type]: configuration(type, held, at, update) }
}

const general = new Set(['id', 'type', 'name', 'description'])

/**
 * Returns the configuration of a property with the names that Notion uses: from under its type, from next to it, or both.
 * Null means that a key is not given, but for a prefix, which it removes.
 */
function heldBy(
  value: JsonObject,
  type: string,
  keys: readonly string[],
  context: InputContext,
): { readonly held: JsonObject; readonly at: InputContext } {
  const at = under(context, type)
  const main = mainKeys[type]
  const below = value[type] ?? {}
  const short = typeof below === 'string' && main !== undefined ? { [main]: below } : below
  const list = Array.isArray(short) && keys.includes('options') ? { options: short } : short
  if (!isObject(list)) addIssue(at, 'must be an object')
  const places = [
    { object: isObject(list) ? list : {}, place: at },
    {
      object: Object.fromEntries(Object.entries(value).filter(([key]) => key !== type && !general.has(key))),
      place: context,
    },
  ]
  const renamed = synonyms[type] ?? {}
  const known = [...keys, ...Object.keys(renamed)]
  for (const { object, place } of places) checkKeys(object, known, place, `in a ${type} property`)
  const held = keys.flatMap((key) => {
    const spellings = [key, ...Object.keys(renamed).filter((one) => renamed[one] === key)]
    const found = onlyValue(places.flatMap(({ object, place }) => foundAt(object, spellings, place)))
    const cleared = key === 'prefix' && places.some(({ object }) => object[key] === null)
    return found === undefined ? (cleared ? [[key, null] as const] : []) : [[key, found.value] as const]
  })
  return {
    held: Object.fromEntries(held),
    at: isObject(value[type]) && Object.keys(value[type]).length > 0 ? at : context,
  }
}

function configuration(type: string, held: JsonObject, context: InputContext, update: boolean): JsonObject {
  if (type === 'relation') return relation(held, context)
  if (type === 'formula' && typeof held.expression !== 'string') addIssue(under(context, 'expression'), 'is required')
  for (const key of Object.keys(held)) {
    if (key !== 'options' && typeof held[key] !== 'string' && held[key] !== null)
      addIssue(under(context, key), 'must be a string')
  }
  const { options } = held
  if (options === undefined) return held
  const at = under(context, 'options')
  if (!Array.isArray(options)) {
    addIssue(at, 'must be a list, such as [{"name": "High"}]')
    return held
  }
  checkCount(options.length, { max: 100 }, at, entries)
  return { ...held, options: options.map((option, index) => optionConfig(option, under(at, index), update)) }
}

/** The colors of options. */
const optionColors = ['default', 'gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'red']

function optionConfig(given: unknown, context: InputContext, update: boolean): JsonObject {
  const option = typeof given === 'string' ? { name: given } : given
  if (!isObject(option) || (typeof option.name !== 'string' && !(update && typeof option.id === 'string'))) {
    addIssue(context, 'must be {"name": "…"}')
    return {}
  }
  // Notion creates the id. An option that was read from another property has one.
  const { id, name, color, description } = option
  checkKeys(option, ['id', 'name', 'color', 'description'], context, 'in an option')
  if (typeof name === 'string') checkOptionName(name, context)
  if (color !== undefined && color !== null && !optionColors.includes(asText(color)))
    addIssue(under(context, 'color'), unknown('color', asText(color), optionColors))
  return {
    ...(update && typeof id === 'string' && { id }),
    ...(typeof name === 'string' && { name }),
    ...(color !== undefined && color !== null && { color }),
    ...(description !== undefined && (description !== null || update) && { description }),
  }
}

function relation(held: JsonObject, context: InputContext): JsonObject {
  const { data_source_id, database_id, type, single_property, dual_property } = held
  if (type !== undefined && type !== 'single_property' && type !== 'dual_property')
    addIssue(under(context, 'type'), 'must be single_property or dual_property')
  const given = data_source_id ?? database_id
  // Notion returns both ids of a relation.
  const id = typeof given === 'string' ? notionId(given, 'data_source') : null
  if (id === null) addIssue(under(context, 'data_source_id'), 'must be the id of the related database')
  if (isObject(single_property)) checkKeys(single_property, [], under(context, 'single_property'))
  const dual = type === 'dual_property' || isObject(dual_property)
  const pair = toObject(dual_property)
  checkKeys(pair, ['synced_property_id', 'synced_property_name'], under(context, 'dual_property'))
  return {
    data_source_id: id ?? '',
    ...(dual
      ? { type: 'dual_property', dual_property: pair }
      : { type: 'single_property', single_property: toObject(single_property) }),
  }
}

/**
 * Returns changes with the names of properties as they are, where they are passed as names that look the same: Notion would
 * add properties. Throws InvalidToolInputError where several look the same.
 */
export async function exactKeys(
  call: NotionCall,
  dataSourceId: string,
  changes: PropertyChanges,
): Promise<PropertyChanges> {
  const schema = await schemaOf(call, dataSourceId).catch((error: unknown) => {
    // A connection that may change and not read: the names are sent as they are.
    if (error instanceof MissingCapabilityError) return undefined
    throw error
  })
  if (schema === undefined) return changes
  const entries = Object.entries(changes).map(([key, change]) => {
    if (exactlyNamed(schema.properties, key) !== undefined || withId(schema.properties, key) !== undefined)
      return [key, change]
    const alike = alikeNamed(schema.properties, key)
    const [only, second] = alike
    if (second === undefined) return [only?.name ?? key, change]
    const message = `must be one of the names that look the same: ${alike.map(({ name }) => JSON.stringify(name)).join(', ')}`
    throw new InvalidToolInputError([{ path: `properties.${key}`, message }])
  })
  return Object.fromEntries(entries)
}

/** Returns the properties with the data sources of related databases instead of the ids of the databases. */
export async function withDataSources<Properties extends NewProperties | PropertyChanges>(
  call: NotionCall,
  properties: Properties,
): Promise<Properties> {
  const resolved: Record<string, unknown> = {}
  for (const [name, config] of Object.entries(properties)) {
    let value: unknown = config
    if (isObject(config) && isObject(config.relation) && typeof config.relation.data_source_id === 'string') {
      const { data_source_id: id } = config.relation
      const source = await resolveDataSource(call, id).catch((error: unknown) => {
        if (!(error instanceof AmbiguousDataSourceError)) throw error
        throw ambiguous(id, error.choices, `properties.${name}.relation.data_source_id`)
      })
      value = { ...config, relation: { ...config.relation, data_source_id: source.id } }
    }
    Object.defineProperty(resolved, name, { value, enumerable: true })
  }
  return resolved as Properties
}
