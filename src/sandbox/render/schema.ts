/**
 * Columns of data sources in responses.
 *
 * @see https://developers.notion.com/reference/property-object
 */
import type { CallContext } from '../context.ts'
import type { DataSource, Json, JsonObject, PropertySchema } from '../model.ts'
import { asObject, columnOf, encodedId, optionsOf } from '../query/columns.ts'

function relationTarget(context: CallContext, column: PropertySchema): DataSource | undefined {
  return context.store.dataSources.get(String(column.config.data_source_id))
}

/**
 * Returns whether responses include a column. Relations to a database that is not shared, and rollups over them, are
 * omitted as in Notion.
 */
export function isShown(context: CallContext, dataSource: DataSource, column: PropertySchema): boolean {
  if (column.type === 'rollup') {
    const { relation_property_id, relation_property_name } = column.config
    const relation = columnOf(dataSource, relation_property_id, relation_property_name)
    return relation === undefined || isShown(context, dataSource, relation)
  }
  if (column.type !== 'relation') return true
  const target = relationTarget(context, column)
  return target !== undefined && context.access.canSee(target.id)
}

/** Returns the columns that responses include. */
export function shownColumns(context: CallContext, dataSource: DataSource): readonly PropertySchema[] {
  return dataSource.properties.filter((column) => isShown(context, dataSource, column))
}

function renderRelation(context: CallContext, column: PropertySchema): JsonObject {
  const target = relationTarget(context, column)
  const ids = { database_id: target?.databaseId ?? null, data_source_id: target?.id ?? null }
  if (column.config.type !== 'dual_property') return { ...ids, type: 'single_property', single_property: {} }
  const { synced_property_id, synced_property_name } = asObject(column.config.dual_property)
  const synced = target && columnOf(target, synced_property_id, synced_property_name)
  return {
    ...ids,
    type: 'dual_property',
    dual_property: {
      synced_property_id: synced === undefined ? String(synced_property_id ?? '') : encodedId(synced),
      synced_property_name: synced?.name ?? String(synced_property_name ?? ''),
    },
  }
}

function renderRollupConfig(context: CallContext, dataSource: DataSource, column: PropertySchema): JsonObject {
  const { config } = column
  const relation = columnOf(dataSource, config.relation_property_id, config.relation_property_name)
  const target = relation && relationTarget(context, relation)
  const rolled = target && columnOf(target, config.rollup_property_id, config.rollup_property_name)
  return {
    function: config.function ?? null,
    relation_property_id: relation === undefined ? String(config.relation_property_id ?? '') : encodedId(relation),
    relation_property_name: relation?.name ?? String(config.relation_property_name ?? ''),
    rollup_property_id: rolled === undefined ? String(config.rollup_property_id ?? '') : encodedId(rolled),
    rollup_property_name: rolled?.name ?? String(config.rollup_property_name ?? ''),
  }
}

function renderOptions(column: PropertySchema): Json[] {
  return optionsOf(column).map(({ id, name, color, description }) => ({
    id,
    name,
    color,
    description: description ?? null,
  }))
}

function renderConfig(context: CallContext, dataSource: DataSource, column: PropertySchema): Json {
  switch (column.type) {
    case 'select':
    case 'multi_select':
      return { options: renderOptions(column) }
    case 'status':
      return { options: renderOptions(column), groups: column.config.groups ?? [] }
    case 'relation':
      return renderRelation(context, column)
    case 'rollup':
      return renderRollupConfig(context, dataSource, column)
    case 'number':
      return { format: column.config.format ?? 'number' }
    case 'formula':
      return { expression: column.config.expression ?? '' }
    case 'unique_id':
      return { prefix: column.config.prefix ?? null }
    default:
      return {}
  }
}

/** Returns a column object. */
export function renderColumn(context: CallContext, dataSource: DataSource, column: PropertySchema): JsonObject {
  return {
    id: encodedId(column),
    name: column.name,
    description: column.description,
    type: column.type,
    [column.type]: renderConfig(context, dataSource, column),
  }
}

/** Returns the columns that responses include, by name. */
export function renderColumns(context: CallContext, dataSource: DataSource): JsonObject {
  return Object.fromEntries(
    shownColumns(context, dataSource).map((column) => [column.name, renderColumn(context, dataSource, column)]),
  )
}
