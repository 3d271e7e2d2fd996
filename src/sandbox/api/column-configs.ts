/** Stored configurations of columns: options with ids, both ends of relations, rollups by ids. */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, Id, Json, JsonObject, PropertySchema } from '../model.ts'
import { asIds, asObject, columnOf, findColumn, type Option, optionsOf } from '../query/columns.ts'
import { liveDataSources } from '../render/databases.ts'
import type { PropertyConfigInput } from '../validation/property-configs.ts'
import { optionColor } from './property-writes.ts'

/** Characters of property ids. Some need percent-encoding, as at Notion. */
const idCharacters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@:;?_^|~'

/** Returns a short id that is not in `taken`. */
export function newColumnId(context: CallContext, taken: ReadonlySet<string>): string {
  for (;;) {
    const bytes = Buffer.from(context.newId().replaceAll('-', ''), 'hex')
    // The first four bytes of a UUID are random, or a counter in tests.
    const id = [...bytes.subarray(0, 4)].map((byte) => idCharacters[byte % idCharacters.length]).join('')
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

/** The groups of every status, and the options of a new one. */
const statusGroups = [
  { group: 'To-do', groupColor: 'gray', option: 'Not started', color: 'default' },
  { group: 'In progress', groupColor: 'blue', option: 'In progress', color: 'blue' },
  { group: 'Complete', groupColor: 'green', option: 'Done', color: 'green' },
] as const

function statusConfig(context: CallContext, config: JsonObject, before: PropertySchema | undefined): JsonObject {
  const existing = before?.type === 'status' ? optionsOf(before) : []
  const sent = Array.isArray(config.options) ? (config.options as readonly JsonObject[]) : undefined
  if (sent === undefined && before?.type === 'status') return before.config
  const defaults = statusGroups.map(({ option, color }) => ({ name: option, color }))
  const options = newOptions(context, sent ?? defaults, existing)
  const oldGroups = before?.type === 'status' && Array.isArray(before.config.groups) ? before.config.groups : []
  const groups = statusGroups.map(({ group, groupColor }, index) => {
    const old = asObject(oldGroups[index])
    const remaining = asIds(old.option_ids).filter((id) => options.some((option) => option.id === id))
    const placed = new Set(oldGroups.flatMap((one) => asIds(asObject(one).option_ids)))
    const fresh = options.filter(({ id }) => !placed.has(id))
    // A new status has one option in each group. Options added later are in the first group.
    const added = sent === undefined ? fresh.slice(index, index + 1) : index === 0 ? fresh : []
    return {
      id: String(old.id ?? context.newId()),
      name: String(old.name ?? group),
      color: String(old.color ?? groupColor),
      option_ids: [...remaining, ...added.map(({ id }) => id)],
    }
  })
  return { options: options as unknown as Json, groups }
}

/** Returns the target of a relation, by the id of a data source or database. Throws 404 when it is not visible. */
function relationTarget(context: CallContext, config: JsonObject): DataSource {
  if (typeof config.data_source_id === 'string') {
    return context.access.requireVisible('data source', config.data_source_id)
  }
  const database = context.access.requireVisible('database', String(config.database_id))
  const [first] = liveDataSources(context, database)
  return first ?? context.access.requireVisible('data source', database.id)
}

/** A change of columns that is not stored yet. */
export interface SchemaDraft {
  readonly columns: PropertySchema[]
  /** Changes of other data sources, to run after the change is stored. */
  readonly after: (() => void)[]
  /** Columns with a new type. */
  readonly retyped: { readonly before: PropertySchema; readonly now: PropertySchema }[]
  readonly removed: PropertySchema[]
}

/** The data source whose columns change. */
export interface Target {
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
    freeName(
      columns.map(({ name }) => name),
      String(wanted.synced_property_name ?? `Related to ${target.title} (${column.name})`),
    )
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

/** Returns the name, with a number appended if the name is taken. */
export function freeName(taken: readonly string[], name: string): string {
  let candidate = name
  for (let count = 1; taken.includes(candidate); count += 1) candidate = `${name} ${count}`
  return candidate
}

/** Returns a rollup with the ids of its columns, which do not change when the columns are renamed. */
function rollupConfig(context: CallContext, draft: SchemaDraft, dataSourceId: Id, config: JsonObject): JsonObject {
  const own = { properties: draft.columns }
  const decode = (id: Json | undefined) => (typeof id === 'string' ? findColumn(draft.columns, id)?.id : undefined)
  const relation = columnOf(own, decode(config.relation_property_id) ?? '', config.relation_property_name)
  if (relation?.type !== 'relation') {
    const named = String(config.relation_property_name ?? config.relation_property_id)
    throw validationError(`Could not find relation property with name or id: ${named}`)
  }
  const relatedId = String(relation.config.data_source_id)
  // A relation to the changed data source itself uses its new columns.
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

/** Returns the stored configuration of a column. Adds changes of other data sources to the draft. */
export function configOf(
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
