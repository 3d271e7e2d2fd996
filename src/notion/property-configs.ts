import type { CreateDataSourceParameters, UpdateDataSourceParameters } from '@notionhq/client'
import type { NotionCall } from './call.ts'
import { resolveDataSource } from './data-sources.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, under, unknown } from './rich-text.ts'

const types = [
  'title',
  'rich_text',
  'number',
  'select',
  'multi_select',
  'status',
  'date',
  'people',
  'files',
  'checkbox',
  'url',
  'email',
  'phone_number',
  'formula',
  'relation',
  'rollup',
  'unique_id',
  'created_time',
  'created_by',
  'last_edited_time',
  'last_edited_by',
  'place',
]

/** The properties of a new data source in Notion's form. */
export type NewProperties = CreateDataSourceParameters['properties']

/** Changes of the properties of a data source in Notion's form: null removes one. */
export type PropertyChanges = NonNullable<UpdateDataSourceParameters['properties']>

/**
 * Returns the properties of a new data source in Notion's form. The name of a type stands for a property of that type, a
 * string for an option. Adds an issue unless exactly one property is a title.
 *
 * @see https://developers.notion.com/reference/property-object
 */
export function newProperties(properties: JsonObject, checking: Checking): NewProperties {
  const configs = propertyConfigs(properties, checking, false)
  const titles = Object.values(configs).filter((config) => isObject(config) && config.type === 'title').length
  if (titles !== 1) {
    complain(checking, `must have exactly one title property, such as "Name": {"title": {}}, not ${titles}`)
  }
  return configs as NewProperties
}

/** Returns changes of properties in Notion's form: as for a new data source, but null removes and `{name}` renames one. */
export function propertyChanges(properties: JsonObject, checking: Checking): PropertyChanges {
  return propertyConfigs(properties, checking, true) as PropertyChanges
}

function propertyConfigs(properties: JsonObject, checking: Checking, update: boolean): JsonObject {
  const columns: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(properties)) {
    const column = propertyConfig(value, under(checking, name), update)
    Object.defineProperty(columns, name, { value: column, enumerable: true })
  }
  return columns
}

function propertyConfig(given: unknown, checking: Checking, update: boolean): unknown {
  if (update && given === null) return null
  const value = typeof given === 'string' ? { [given]: {} } : given
  if (!isObject(value)) {
    complain(checking, 'must be a property, such as {"select": {"options": [{"name": "High"}]}}, or a type')
    return {}
  }
  const type = typeof value.type === 'string' ? value.type : Object.keys(value).find((key) => types.includes(key))
  const common = {
    ...(typeof value.description === 'string' && { description: value.description }),
    ...(update && typeof value.name === 'string' && { name: value.name }),
  }
  if (type === undefined && update && typeof value.name === 'string') return { name: value.name }
  if (type === undefined || !types.includes(type)) {
    complain(checking, unknown('property type', type ?? Object.keys(value)[0] ?? '', types))
    return {}
  }
  const held = value[type] ?? {}
  if (!isObject(held)) {
    complain(under(checking, type), 'must be an object')
    return {}
  }
  return { ...common, type, [type]: configuration(type, held, under(checking, type)) }
}

function configuration(type: string, held: JsonObject, checking: Checking): JsonObject {
  if (type === 'relation') return relation(held, checking)
  if (type === 'formula' && typeof held.expression !== 'string') complain(under(checking, 'expression'), 'is required')
  if (!Array.isArray(held.options)) return held
  if (held.options.length > 100)
    complain(under(checking, 'options'), `must have at most 100 entries, not ${held.options.length}`)
  const options = held.options.map((option, index) => {
    const named = typeof option === 'string' ? { name: option } : option
    if (!isObject(named) || (typeof named.name !== 'string' && typeof named.id !== 'string')) {
      complain(under(under(checking, 'options'), index), 'must be {"name": "…"}')
      return {}
    }
    if (typeof named.name === 'string' && (named.name === '' || named.name.length > 100 || named.name.includes(','))) {
      complain(under(under(checking, 'options'), index), 'must have 1 to 100 characters and no comma')
    }
    return named
  })
  return { ...held, options }
}

function relation(held: JsonObject, checking: Checking): JsonObject {
  const { data_source_id, database_id, type, single_property, dual_property, ...extra } = held
  const [wrong] = Object.keys(extra)
  if (wrong !== undefined)
    complain(
      under(checking, wrong),
      unknown('key', wrong, ['data_source_id', 'type', 'single_property', 'dual_property'], 'in a relation'),
    )
  const given = data_source_id ?? database_id
  const id = typeof given === 'string' ? notionId(given, 'data_source') : null
  if (id === null) complain(under(checking, 'data_source_id'), 'must be the id of the related database')
  const dual = type === 'dual_property' || isObject(dual_property)
  return {
    data_source_id: id ?? '',
    ...(dual
      ? { type: 'dual_property', dual_property: isObject(dual_property) ? dual_property : {} }
      : { type: 'single_property', single_property: isObject(single_property) ? single_property : {} }),
  }
}

/** Returns the properties with the data sources of related databases instead of the ids of the databases. */
export async function withDataSources<Properties extends NewProperties | PropertyChanges>(
  call: NotionCall,
  properties: Properties,
): Promise<Properties> {
  const resolved: Record<string, unknown> = {}
  for (const [name, column] of Object.entries(properties)) {
    let value: unknown = column
    if (isObject(column) && isObject(column.relation) && typeof column.relation.data_source_id === 'string') {
      const source = await resolveDataSource(call, column.relation.data_source_id)
      value = { ...column, relation: { ...column.relation, data_source_id: source.id } }
    }
    Object.defineProperty(resolved, name, { value, enumerable: true })
  }
  return resolved as Properties
}
