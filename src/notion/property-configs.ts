import { nearestNames } from '../tools/nearest.ts'
import type { NotionCall } from './call.ts'
import { notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, under } from './rich-text.ts'

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

/**
 * Columns as Notion takes them (https://developers.notion.com/reference/property-object). The name of a type stands for a
 * column of that type, a text for an option. With `update`, null removes a column and `{name}` renames one.
 */
export function columnConfigs(properties: JsonObject, checking: Checking, update: boolean): JsonObject {
  const columns: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(properties)) {
    const column = columnConfig(value, under(checking, name), update)
    Object.defineProperty(columns, name, { value: column, enumerable: true })
  }
  return columns
}

function columnConfig(given: unknown, checking: Checking, update: boolean): unknown {
  if (update && given === null) return null
  const value = typeof given === 'string' ? { [given]: {} } : given
  if (!isObject(value)) {
    complain(checking, 'has to be a property, such as {"select": {"options": [{"name": "High"}]}}, or a type')
    return {}
  }
  const type = typeof value.type === 'string' ? value.type : Object.keys(value).find((key) => types.includes(key))
  const common = {
    ...(typeof value.description === 'string' && { description: value.description }),
    ...(update && typeof value.name === 'string' && { name: value.name }),
  }
  if (type === undefined && update && typeof value.name === 'string') return { name: value.name }
  if (type === undefined || !types.includes(type)) {
    const wrong = type ?? Object.keys(value)[0] ?? ''
    const [nearest] = nearestNames(wrong, types, 1)
    complain(
      checking,
      `has no known type${nearest === undefined ? '' : `, did you mean "${nearest}"?`} (there is: ${types.join(', ')})`,
    )
    return {}
  }
  const held = value[type] ?? {}
  if (!isObject(held)) {
    complain(under(checking, type), 'has to be an object')
    return {}
  }
  return { ...common, type, [type]: configuration(type, held, under(checking, type)) }
}

function configuration(type: string, held: JsonObject, checking: Checking): JsonObject {
  if (type === 'relation') return relation(held, checking)
  if (type === 'formula' && typeof held.expression !== 'string') complain(under(checking, 'expression'), 'is missing')
  if (!Array.isArray(held.options)) return held
  if (held.options.length > 100)
    complain(under(checking, 'options'), `has ${held.options.length} entries; Notion takes 100`)
  const options = held.options.map((option, index) => {
    const named = typeof option === 'string' ? { name: option } : option
    if (!isObject(named) || (typeof named.name !== 'string' && typeof named.id !== 'string')) {
      complain(under(under(checking, 'options'), index), 'has to be {"name": "…"}')
      return {}
    }
    if (typeof named.name === 'string' && (named.name === '' || named.name.length > 100 || named.name.includes(','))) {
      complain(
        under(under(checking, 'options'), index),
        'is no possible option: an option has 1 to 100 characters and no comma',
      )
    }
    return named
  })
  return { ...held, options }
}

function relation(held: JsonObject, checking: Checking): JsonObject {
  const { data_source_id, database_id, type, single_property, dual_property, ...extra } = held
  const [wrong] = Object.keys(extra)
  if (wrong !== undefined) complain(under(checking, wrong), 'is not known in a relation')
  const given = data_source_id ?? database_id
  const id = typeof given === 'string' ? notionId(given, 'data_source') : null
  if (id === null) complain(under(checking, 'data_source_id'), 'has to be the id of the related database')
  const dual = type === 'dual_property' || isObject(dual_property)
  return {
    data_source_id: id ?? '',
    ...(dual
      ? { type: 'dual_property', dual_property: isObject(dual_property) ? dual_property : {} }
      : { type: 'single_property', single_property: isObject(single_property) ? single_property : {} }),
  }
}

/** The columns with the data sources of related databases in place of the databases' own ids. */
export async function withDataSources(call: NotionCall, columns: JsonObject): Promise<JsonObject> {
  const resolved: Record<string, unknown> = {}
  for (const [name, column] of Object.entries(columns)) {
    let value = column
    if (isObject(column) && isObject(column.relation) && typeof column.relation.data_source_id === 'string') {
      const source = await call.dataSources.resolve(call, column.relation.data_source_id)
      value = { ...column, relation: { ...column.relation, data_source_id: source.id } }
    }
    Object.defineProperty(resolved, name, { value, enumerable: true })
  }
  return resolved
}
