/**
 * Creates and changes the columns of data sources.
 *
 * @see https://developers.notion.com/reference/update-data-source-properties
 */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, PropertySchema } from '../model.ts'
import { asObject, findColumn, titleColumn } from '../query/columns.ts'
import { dataSourceTitle } from '../render/databases.ts'
import { plainText } from '../render/rich-text.ts'
import type { PropertyChange, PropertyConfigInput } from '../validation/property-configs.ts'
import { configOf, freeName, newColumnId, type SchemaDraft, type Target } from './column-configs.ts'

/** Returns columns in the order of their creation: rollups after the relations that they depend on. */
function inOrder<T>(entries: readonly (readonly [string, T])[], typeOf: (entry: T) => string | undefined) {
  const rank = (entry: T) => (typeOf(entry) === 'rollup' ? 1 : 0)
  return entries.toSorted(([, a], [, b]) => rank(a) - rank(b))
}

/**
 * Returns the columns of a new data source. Without a title column, adds the title "Name", or "Name 1" if another column
 * has this name. Throws 400 `validation_error` when a column is invalid.
 */
export function newColumns(
  context: CallContext,
  target: Target,
  inputs: ReadonlyMap<string, PropertyConfigInput>,
): SchemaDraft {
  const draft: SchemaDraft = { columns: [], after: [], retyped: [], removed: [] }
  const entries = [...inputs]
  const titles = entries.filter(([, { type }]) => type === 'title')
  if (titles.length > 1) throw validationError('A data source has exactly one title property.')
  if (titles.length === 0) draft.columns.push({ ...titleColumn, name: freeName([...inputs.keys()], 'Name') })
  for (const [name, input] of inOrder(entries, ({ type }) => type)) define(context, draft, target, name, input)
  // Sorts the columns in the order of the request. The other ends of relations are last.
  const order = new Map(entries.map(([name], index) => [name, index]))
  const rank = ({ name, type }: PropertySchema) => order.get(name) ?? (type === 'title' ? -1 : entries.length)
  draft.columns.sort((a, b) => rank(a) - rank(b))
  return draft
}

function define(
  context: CallContext,
  draft: SchemaDraft,
  target: Target,
  key: string,
  input: PropertyConfigInput,
): void {
  const before = findColumn(draft.columns, key)
  const name = input.name ?? before?.name ?? key
  requireFree(draft, name, before)
  if (before === undefined && input.type === 'title' && draft.columns.some(({ type }) => type === 'title')) {
    throw validationError('A data source has exactly one title property.')
  }
  if (before !== undefined && (before.type === 'title') !== (input.type === 'title')) {
    throw validationError(
      'The type of the title property cannot be changed, and no other property can become the title.',
    )
  }
  const id =
    before?.id ??
    (input.type === 'title' ? 'title' : newColumnId(context, new Set(draft.columns.map((column) => column.id))))
  const config = configOf(context, draft, target, { id, name, before }, input)
  const description = input.description === undefined ? (before?.description ?? null) : input.description
  const column: PropertySchema = { id, name, type: input.type, description, config }
  const index = draft.columns.findIndex((one) => one.id === id)
  if (index < 0) draft.columns.push(column)
  else draft.columns[index] = column
  if (before !== undefined && before.type !== input.type) draft.retyped.push({ before, now: column })
}

function requireFree(draft: SchemaDraft, name: string, except: PropertySchema | undefined): void {
  if (draft.columns.some((column) => column.name === name && column.id !== except?.id)) {
    throw validationError(`There is another property with the name ${name}.`)
  }
}

function remove(context: CallContext, draft: SchemaDraft, column: PropertySchema): void {
  if (column.type === 'title') throw validationError('The title property cannot be removed.')
  draft.columns.splice(draft.columns.indexOf(column), 1)
  draft.removed.push(column)
  const { config } = column
  if (column.type !== 'relation' || config.type !== 'dual_property') return
  // The other end becomes a one-way relation.
  const syncedId = asObject(config.dual_property).synced_property_id
  const oneWay = (list: readonly PropertySchema[]) =>
    list.map((one) =>
      one.id === syncedId && one.type === 'relation'
        ? {
            ...one,
            config: { data_source_id: one.config.data_source_id ?? null, type: 'single_property', single_property: {} },
          }
        : one,
    )
  draft.after.push(() => {
    const other = context.store.dataSources.get(String(config.data_source_id))
    if (other !== undefined) context.store.dataSources.put({ ...other, properties: oneWay(other.properties) })
  })
}

/** Returns the columns of a data source after the changes, without storing them. Throws 400 when a change is invalid. */
export function changedColumns(
  context: CallContext,
  dataSource: DataSource,
  changes: ReadonlyMap<string, PropertyChange>,
): SchemaDraft {
  const draft: SchemaDraft = { columns: [...dataSource.properties], after: [], retyped: [], removed: [] }
  const target = { dataSourceId: dataSource.id, title: plainText(context.store, dataSourceTitle(context, dataSource)) }
  const typeOf = (change: PropertyChange) => (change.kind === 'define' ? change.definition.type : undefined)
  for (const [key, change] of inOrder([...changes], typeOf)) {
    const column = findColumn(draft.columns, key)
    if (change.kind === 'define') define(context, draft, target, key, change.definition)
    else if (column === undefined) throw validationError(`Could not find property with name or id: ${key}`)
    else if (change.kind === 'remove') remove(context, draft, column)
    else {
      requireFree(draft, change.name, column)
      draft.columns[draft.columns.indexOf(column)] = { ...column, name: change.name }
    }
  }
  return draft
}
