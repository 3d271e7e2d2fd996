/** Updates rows after changes of columns. */
import type { CallContext } from '../context.ts'
import type { DataSource, Json, Page, PropertySchema } from '../model.ts'
import { describeCell } from '../query/cells.ts'
import { asIds, optionsOf } from '../query/columns.ts'
import { evaluationOf } from '../render/property-values.ts'
import type { SchemaDraft } from './column-configs.ts'

/** Returns a value converted to the new type of its column, undefined if it cannot be converted. */
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

/** Updates the rows of a data source for changed types, removed columns and new numbers. Returns the next unique id. */
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
