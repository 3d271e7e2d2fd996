/** Making and changing the columns of data sources (https://developers.notion.com/reference/update-data-source-properties). */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, Id, Json, JsonObject, Page, PropertySchema } from '../model.ts'
import { describeCell } from '../query/cells.ts'
import { asIds, asObject, columnOf, findColumn, type Option, optionsOf } from '../query/columns.ts'
import { dataSourceTitle, liveDataSources } from '../render/databases.ts'
import { evaluationOf } from '../render/property-values.ts'
import { plainText } from '../render/rich-text.ts'
import type { PropertyChange, PropertyConfigInput } from '../validation/property-configs.ts'
import { optionColor } from './property-writes.ts'

/** Characters of property ids, some of which need percent-encoding, as at Notion. */
const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@:;?_^|~'

/** A short id that no column of the data source has. */
function newColumnId(context: CallContext, taken: ReadonlySet<string>): string {
  for (;;) {
    const bytes = Buffer.from(context.newId().replaceAll('-', ''), 'hex')
    // The first four bytes of a UUID are random in every version that is made here, or count up in tests.
    const id = [...bytes.subarray(0, 4)].map((byte) => ID_CHARACTERS[byte % ID_CHARACTERS.length]).join('')
    const fallback = bytes.toString('hex').slice(-6)
    if (!taken.has(id)) return id
    if (!taken.has(fallback)) return fallback
  }
}

function newOptions(context: CallContext, wanted: readonly JsonObject[], existing: readonly Option[]): Option[] {
  const names = new Set<string>()
  return wanted.map((option, index) => {
    const found =
      existing.find(({ id }) => id === option.id) ??
      (option.id === undefined ? existing.find(({ name }) => name === option.name) : undefined)
    const name = String(option.name ?? found?.name ?? '')
    if (names.has(name)) throw validationError(`Options must have different names, but there are two of "${name}".`)
    names.add(name)
    return {
      id: found?.id ?? context.newId(),
      name,
      color: String(option.color ?? found?.color ?? optionColor(index)),
      description:
        (option.description === undefined ? found?.description : (option.description as string | null)) ?? null,
    }
  })
}

/** The groups that every status has, and the options that a new one starts with. */
const STATUS_GROUPS = [
  { group: 'To-do', groupColor: 'gray', option: 'Not started', color: 'default' },
  { group: 'In progress', groupColor: 'blue', option: 'In progress', color: 'blue' },
  { group: 'Complete', groupColor: 'green', option: 'Done', color: 'green' },
] as const

function statusConfig(context: CallContext, config: JsonObject, before: PropertySchema | undefined): JsonObject {
  const existing = before?.type === 'status' ? optionsOf(before) : []
  const sent = Array.isArray(config.options) ? (config.options as readonly JsonObject[]) : undefined
  if (sent === undefined && before?.type === 'status') return before.config
  const defaults = STATUS_GROUPS.map(({ option, color }) => ({ name: option, color }))
  const options = newOptions(context, sent ?? defaults, existing)
  const oldGroups = before?.type === 'status' && Array.isArray(before.config.groups) ? before.config.groups : []
  const groups = STATUS_GROUPS.map(({ group, groupColor }, index) => {
    const old = asObject(oldGroups[index])
    const kept = asIds(old.option_ids).filter((id) => options.some((option) => option.id === id))
    const placed = new Set(oldGroups.flatMap((one) => asIds(asObject(one).option_ids)))
    const fresh = options.filter(({ id }) => !placed.has(id))
    // New options of a new status go one to each group, those that come later to the first.
    const added = sent === undefined ? fresh.slice(index, index + 1) : index === 0 ? fresh : []
    return {
      id: String(old.id ?? context.newId()),
      name: String(old.name ?? group),
      color: String(old.color ?? groupColor),
      option_ids: [...kept, ...added.map(({ id }) => id)],
    }
  })
  return { options: options as unknown as Json, groups }
}

/** A data source that a relation can be about, by the id of either it or its database. */
function relationTarget(context: CallContext, config: JsonObject): DataSource {
  if (typeof config.data_source_id === 'string') {
    return context.access.requireVisible('data source', config.data_source_id)
  }
  const database = context.access.requireVisible('database', String(config.database_id))
  const [first] = liveDataSources(context, database)
  return first ?? context.access.requireVisible('data source', database.id)
}

/** What is put into other data sources once the change is known to be sound. */
export interface SchemaDraft {
  readonly columns: PropertySchema[]
  readonly after: (() => void)[]
  /** Columns whose type changed, as they were before. */
  readonly retyped: { readonly before: PropertySchema; readonly now: PropertySchema }[]
  readonly removed: PropertySchema[]
}

interface Target {
  readonly dataSourceId: Id
  readonly title: string
}

function relationConfig(
  context: CallContext,
  draft: SchemaDraft,
  target: Target,
  column: { readonly id: string; readonly name: string },
  config: JsonObject,
): JsonObject {
  const isSelf = config.data_source_id === target.dataSourceId
  const related = isSelf ? undefined : relationTarget(context, config)
  const relatedId = related?.id ?? target.dataSourceId
  if (config.type !== 'dual_property') {
    return { data_source_id: relatedId, type: 'single_property', single_property: {} }
  }
  const wanted = asObject(config.dual_property)
  const columns = related?.properties ?? draft.columns
  const existing = columnOf({ properties: columns }, wanted.synced_property_id, wanted.synced_property_name)
  const syncedId = existing?.id ?? newColumnId(context, new Set([...columns.map(({ id }) => id), column.id]))
  const syncedName =
    existing?.name ??
    freeName(columns, String(wanted.synced_property_name ?? `Related to ${target.title} (${column.name})`))
  const back: PropertySchema = {
    id: syncedId,
    name: syncedName,
    type: 'relation',
    description: null,
    config: {
      data_source_id: target.dataSourceId,
      type: 'dual_property',
      dual_property: { synced_property_id: column.id, synced_property_name: column.name },
    },
  }
  const put = (list: readonly PropertySchema[]) => [...list.filter(({ id }) => id !== syncedId), back]
  if (related === undefined) draft.columns.splice(0, draft.columns.length, ...put(draft.columns))
  else {
    draft.after.push(() => {
      const latest = context.store.dataSources.get(related.id) ?? related
      context.store.dataSources.put({ ...latest, properties: put(latest.properties) })
    })
  }
  return {
    data_source_id: relatedId,
    type: 'dual_property',
    dual_property: { synced_property_id: syncedId, synced_property_name: syncedName },
  }
}

function freeName(columns: readonly PropertySchema[], name: string): string {
  let candidate = name
  for (let count = 1; columns.some((column) => column.name === candidate); count += 1) candidate = `${name} ${count}`
  return candidate
}

/** A rollup by the ids of its columns, which stay when the columns are renamed. */
function rollupConfig(context: CallContext, draft: SchemaDraft, dataSourceId: Id, config: JsonObject): JsonObject {
  const own = { properties: draft.columns }
  const decode = (id: Json | undefined) => (typeof id === 'string' ? findColumn(draft.columns, id)?.id : undefined)
  const relation = columnOf(own, decode(config.relation_property_id) ?? '', config.relation_property_name)
  if (relation?.type !== 'relation') {
    const named = String(config.relation_property_name ?? config.relation_property_id)
    throw validationError(`Could not find relation property with name or id: ${named}`)
  }
  const relatedId = String(relation.config.data_source_id)
  // A relation to the data source that is being made or changed sees its columns as they will be.
  const target = relatedId === dataSourceId ? own : context.store.dataSources.get(relatedId)
  const key = String(config.rollup_property_id ?? config.rollup_property_name)
  const rolled = findColumn(target?.properties ?? [], key)
  if (rolled === undefined) throw validationError(`Could not find rollup property with name or id: ${key}`)
  return {
    function: config.function ?? 'count',
    relation_property_id: relation.id,
    relation_property_name: relation.name,
    rollup_property_id: rolled.id,
    rollup_property_name: rolled.name,
  }
}

function configOf(
  context: CallContext,
  draft: SchemaDraft,
  target: Target,
  column: { readonly id: string; readonly name: string; readonly before: PropertySchema | undefined },
  input: PropertyConfigInput,
): JsonObject {
  const { config, type } = input
  switch (type) {
    case 'select':
    case 'multi_select': {
      const before = column.before?.type === type ? column.before : undefined
      if (config.options === undefined && before !== undefined) return before.config
      const existing = column.before === undefined ? [] : optionsOf(column.before)
      const wanted = Array.isArray(config.options) ? (config.options as readonly JsonObject[]) : []
      return { options: newOptions(context, wanted, existing) as unknown as Json }
    }
    case 'status':
      return statusConfig(context, config, column.before)
    case 'relation':
      return relationConfig(context, draft, target, column, config)
    case 'rollup':
      return rollupConfig(context, draft, target.dataSourceId, config)
    default:
      return config
  }
}

/** Columns in the order in which they can be made: rollups rest on relations. */
function inOrder<T>(entries: readonly (readonly [string, T])[], typeOf: (entry: T) => string | undefined) {
  const rank = (entry: T) => (typeOf(entry) === 'rollup' ? 1 : 0)
  return entries.toSorted(([, a], [, b]) => rank(a) - rank(b))
}

/**
 * The columns of a new data source. One without a title gets one called "Name".
 *
 * @param target the data source to be, whose id relations to itself may name
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
  if (titles.length === 0)
    draft.columns.push({ id: 'title', name: 'Name', type: 'title', description: null, config: {} })
  for (const [name, input] of inOrder(entries, ({ type }) => type)) define(context, draft, target, name, input)
  // In the order of the request, whatever the order of making them was; the other ends of relations come last.
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
  // The other end goes on as a one-way relation.
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

/** The columns of a data source after the changes of a request. Nothing is stored yet. */
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

/** What a value becomes when the type of its column changes; undefined if it is lost. */
function converted(context: CallContext, page: Page, before: PropertySchema, now: PropertySchema): Json | undefined {
  const value = page.properties[before.id]
  if (before.type === 'select' && now.type === 'multi_select') return typeof value === 'string' ? [value] : undefined
  if (before.type === 'multi_select' && now.type === 'select') return asIds(value)[0]
  const text = describeCell(evaluationOf(context), before, page)
  if (text === '') return undefined
  switch (now.type) {
    case 'rich_text':
    case 'url':
    case 'email':
    case 'phone_number':
      return text
    case 'number':
      return Number.isFinite(Number(text)) ? Number(text) : undefined
    case 'select':
    case 'status':
      return optionsOf(now).find(({ name }) => name === text)?.id
    case 'checkbox':
      return text === 'Yes' || text === 'true'
    default:
      return undefined
  }
}

/** Brings the rows of a data source in line with its changed columns: other types, removed columns, new numbers. */
export function updateRows(context: CallContext, dataSource: DataSource, draft: SchemaDraft): number {
  const { pages, rowsOf } = context.store
  const numbered = draft.columns.filter(
    ({ type, id }) => type === 'unique_id' && !dataSource.properties.some((old) => old.id === id && old.type === type),
  )
  let next = dataSource.nextUniqueId
  if (draft.retyped.length === 0 && draft.removed.length === 0 && numbered.length === 0) return next
  if (numbered.length > 0) next = 1
  for (const id of [...rowsOf(dataSource.id)]) {
    const page = pages.get(id)
    if (page === undefined) continue
    const properties: Record<string, Json> = { ...page.properties }
    for (const column of draft.removed) delete properties[column.id]
    for (const { before, now } of draft.retyped) {
      const value = converted(context, page, before, now)
      if (value === undefined) delete properties[now.id]
      else properties[now.id] = value
    }
    for (const column of numbered) properties[column.id] = next
    if (numbered.length > 0) next += 1
    pages.put({ ...page, properties })
  }
  return next
}
