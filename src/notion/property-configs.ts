import type { CreateDataSourceParameters, UpdateDataSourceParameters } from '@notionhq/client'
import { AmbiguousDataSourceError } from '../errors.ts'
import type { NotionCall } from './call.ts'
import { resolveDataSource } from './data-sources.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject, toObject } from './json.ts'
import { addIssue, type InputContext, under, unknown } from './rich-text.ts'
import { ambiguous } from './tool-errors.ts'

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
export function newProperties(properties: JsonObject, context: InputContext): NewProperties {
  const configs = propertyConfigs(properties, context, false)
  const titles = Object.values(configs).filter((config) => isObject(config) && config.type === 'title').length
  if (titles !== 1) {
    addIssue(context, `must have exactly one title property, such as "Name": {"title": {}}, not ${titles}`)
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
  const common = {
    ...(typeof value.description === 'string' && { description: value.description }),
    ...(update && typeof value.name === 'string' && { name: value.name }),
  }
  if (type === undefined && update && typeof value.name === 'string') return { name: value.name }
  if (type === undefined || !types.includes(type)) {
    addIssue(context, unknown('property type', type ?? Object.keys(value)[0] ?? '', types))
    return {}
  }
  const held = value[type] ?? {}
  if (!isObject(held)) {
    addIssue(under(context, type), 'must be an object')
    return {}
  }
  return { ...common, type, [type]: configuration(type, held, under(context, type)) }
}

function configuration(type: string, held: JsonObject, context: InputContext): JsonObject {
  if (type === 'relation') return relation(held, context)
  if (type === 'formula' && typeof held.expression !== 'string') addIssue(under(context, 'expression'), 'is required')
  if (!Array.isArray(held.options)) return held
  if (held.options.length > 100)
    addIssue(under(context, 'options'), `must have at most 100 entries, not ${held.options.length}`)
  const options = held.options.map((option, index) => {
    const named = typeof option === 'string' ? { name: option } : option
    if (!isObject(named) || (typeof named.name !== 'string' && typeof named.id !== 'string')) {
      addIssue(under(under(context, 'options'), index), 'must be {"name": "…"}')
      return {}
    }
    if (typeof named.name === 'string' && (named.name === '' || named.name.length > 100 || named.name.includes(','))) {
      addIssue(under(under(context, 'options'), index), 'must have 1 to 100 characters and no comma')
    }
    return named
  })
  return { ...held, options }
}

function relation(held: JsonObject, context: InputContext): JsonObject {
  const { data_source_id, database_id, type, single_property, dual_property, ...extra } = held
  const [wrong] = Object.keys(extra)
  if (wrong !== undefined)
    addIssue(
      under(context, wrong),
      unknown('key', wrong, ['data_source_id', 'type', 'single_property', 'dual_property'], 'in a relation'),
    )
  const given = data_source_id ?? database_id
  const id = typeof given === 'string' ? notionId(given, 'data_source') : null
  if (id === null) addIssue(under(context, 'data_source_id'), 'must be the id of the related database')
  const dual = type === 'dual_property' || isObject(dual_property)
  return {
    data_source_id: id ?? '',
    ...(dual
      ? { type: 'dual_property', dual_property: toObject(dual_property) }
      : { type: 'single_property', single_property: toObject(single_property) }),
  }
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
