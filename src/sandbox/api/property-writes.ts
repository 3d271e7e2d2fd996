/** Writes property values: finds columns by name, options by name, and updates both ends of relations. */
import type { CallContext } from '../context.ts'
import { objectNotFound, validationError } from '../errors.ts'
import type { DataSource, Id, Json, JsonObject, Page, PropertySchema } from '../model.ts'
import { asIds, asObject, columnOf, findColumn, type Option, optionsOf, titleColumn } from '../query/columns.ts'
import { InvalidInput } from '../validation/check.ts'
import { type OptionReference, type PropertyInput, readPropertyValues } from '../validation/property-values.ts'
import { editStamps } from './tree.ts'

/** Valid values that are not stored yet. */
export interface PropertyWrite {
  /** Values by property id. */
  readonly values: Readonly<Record<string, Json>>
  /** All columns with the new options of this write. Undefined if there are no new options. */
  readonly columns: readonly PropertySchema[] | undefined
}

/** Colors of new options, in order. */
const optionColors = ['default', 'gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'red']

/** Returns the default color of an option by its index. */
export function optionColor(index: number): string {
  return optionColors[index % optionColors.length] ?? 'default'
}

/** Creates a draft of the columns, to which new options are added. */
function createSchemaDraft(context: CallContext, columns: readonly PropertySchema[]) {
  const draft = new Map(columns.map((column) => [column.id, column]))
  let changed = false
  return {
    optionId(columnId: string, wanted: OptionReference): string {
      const column = draft.get(columnId) ?? titleColumn
      const options = optionsOf(column)
      const found =
        options.find(({ id }) => id === wanted.id) ??
        (wanted.id === undefined ? options.find(({ name }) => name === wanted.name) : undefined)
      if (found !== undefined) return found.id
      const { name } = wanted
      if (column.type === 'status') {
        throw validationError(`Invalid status option. Status option "${name ?? wanted.id}" does not exist.`)
      }
      if (name === undefined) {
        throw validationError(`Invalid ${column.type} option. Option with id "${wanted.id}" does not exist.`)
      }
      const option: Option = {
        id: context.newId(),
        name,
        color: wanted.color ?? optionColor(options.length),
        description: wanted.description ?? null,
      }
      const config = { ...column.config, options: [...options, option] as unknown as Json }
      draft.set(columnId, { ...column, config })
      changed = true
      return option.id
    },
    columns: () => (changed ? [...draft.values()] : undefined),
  }
}

/** Returns the pages of a relation without duplicates. Throws 400 or 404 when a page is not in the related data source. */
function relatedPages(context: CallContext, column: PropertySchema, ids: readonly Id[]): Id[] {
  for (const id of ids) {
    const { parent } = context.access.requireVisible('page', id)
    if (parent.type !== 'data_source_id' || parent.id !== column.config.data_source_id) {
      throw validationError(`Page with ID: ${id} is not in the data source that ${column.name} is related to.`)
    }
  }
  return [...new Set(ids)]
}

function people(context: CallContext, ids: readonly Id[]): Id[] {
  for (const id of ids) {
    const user = context.store.users.get(id)
    if (user?.workspaceId !== context.access.workspace.id) {
      throw objectNotFound('user', id, context.access.client.name)
    }
  }
  return [...new Set(ids)]
}

/** Throws 404 when a file, icon or cover refers to an unknown upload, and 400 when the upload has no content yet. */
export function requireUploaded(context: CallContext, file: JsonObject | null | undefined): void {
  if (file?.type !== 'file_upload') return
  const id = String(asObject(file.file_upload).id)
  const upload = context.store.fileUploads.get(id)
  if (upload?.workspaceId !== context.access.workspace.id) {
    throw objectNotFound('file upload', id, context.access.client.name)
  }
  if (upload.status !== 'uploaded') {
    throw validationError(`File upload with ID ${id} has status "${upload.status}"; it must be "uploaded" to be used.`)
  }
}

type Draft = ReturnType<typeof createSchemaDraft>

function storedValue(context: CallContext, column: PropertySchema, input: PropertyInput, draft: Draft): Json {
  switch (input.type) {
    case 'select':
    case 'status':
      return input.value === null ? null : draft.optionId(column.id, input.value)
    case 'multi_select':
      return [...new Set(input.value.map((option) => draft.optionId(column.id, option)))]
    case 'relation':
      return relatedPages(context, column, input.value)
    case 'people':
      return people(context, input.value)
    case 'files':
      for (const file of input.value) requireUploaded(context, file)
      return input.value
    case 'verification': {
      const verifiedBy = input.value?.state === 'verified' ? { verified_by: context.access.bot.id } : {}
      return input.value && { ...input.value, ...verifiedBy }
    }
    case 'title':
    case 'rich_text':
      return input.value as Json
    default:
      return input.value
  }
}

/**
 * Checks `body.properties` and returns the values to store. `columns` are those of the data source, or only the title.
 * Throws InvalidInput or NotionApiError when a value is invalid.
 */
export function readPropertyWrite(
  context: CallContext,
  columns: readonly PropertySchema[],
  value: unknown,
): PropertyWrite {
  if (value === undefined) return { values: {}, columns: undefined }
  const typeOf = (key: string) => findColumn(columns, key)?.type
  const inputs = [...readPropertyValues(value, 'body.properties', typeOf)].map(
    ([key, input]) => [key, input, findColumn(columns, key)] as const,
  )
  const unknown = inputs.filter(([, , column]) => column === undefined)
  if (unknown.length > 0) {
    throw new InvalidInput(unknown.map(([key]) => `${key} is not a property that exists.`))
  }
  const draft = createSchemaDraft(context, columns)
  const values: Record<string, Json> = {}
  for (const [, input, column] of inputs) {
    if (column === undefined) continue
    if (column.type !== input.type) throw new InvalidInput([`${column.name} is expected to be ${column.type}.`])
    values[column.id] = storedValue(context, column, input, draft)
  }
  return { values, columns: draft.columns() }
}

/** Stores the new options of a write in the columns of a data source. */
export function saveNewOptions(context: CallContext, dataSourceId: Id, write: PropertyWrite): void {
  const dataSource = context.store.dataSources.get(dataSourceId)
  if (write.columns === undefined || dataSource === undefined) return
  context.store.dataSources.put({ ...dataSource, properties: write.columns })
}

/** Returns the column at the other end of a two-way relation, undefined for other columns. */
function syncedColumn(context: CallContext, column: PropertySchema): PropertySchema | undefined {
  if (column.type !== 'relation' || column.config.type !== 'dual_property') return undefined
  const target = context.store.dataSources.get(String(column.config.data_source_id))
  const { synced_property_id, synced_property_name } = asObject(column.config.dual_property)
  return target && columnOf(target, synced_property_id, synced_property_name)
}

/** Updates the other ends of two-way relations after a change of a page. `before` is empty for a new page. */
export function syncRelations(
  context: CallContext,
  dataSource: DataSource,
  pageId: Id,
  before: Readonly<Record<string, Json>>,
  after: Readonly<Record<string, Json>>,
): void {
  const { pages } = context.store
  for (const column of dataSource.properties) {
    const synced = syncedColumn(context, column)
    if (synced === undefined) continue
    const [had, has] = [asIds(before[column.id]), asIds(after[column.id])]
    const change = (id: Id, make: (ids: readonly Id[]) => Id[]) => {
      const other: Page | undefined = pages.get(id)
      if (other === undefined) return
      const ids = make(asIds(other.properties[synced.id]))
      pages.put({ ...other, properties: { ...other.properties, [synced.id]: ids }, ...editStamps(context) })
    }
    for (const id of has) if (!had.includes(id)) change(id, (ids) => [...ids.filter((one) => one !== pageId), pageId])
    for (const id of had) if (!has.includes(id)) change(id, (ids) => ids.filter((one) => one !== pageId))
  }
}
