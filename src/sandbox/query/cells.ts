/** Typed values of rows. */
import type { DataSource, Id, Json, JsonObject, Page, PropertySchema, StoredRichText } from '../model.ts'
import { plainText } from '../render/rich-text.ts'
import type { Store } from '../store.ts'
import { asIds, asObject, optionsOf } from './columns.ts'
import { instant } from './dates.ts'
import type { DateValue, Evaluation, FormulaResult } from './evaluation.ts'

/** Returns the data source of a row. Returns undefined for a page that is not a row. */
export function dataSourceOf(store: Store, page: Page): DataSource | undefined {
  return page.parent.type === 'data_source_id' ? store.dataSources.get(page.parent.id) : undefined
}

/** Returns the string of a title, rich text, URL, email or phone number. */
export function textCell(store: Store, column: PropertySchema, page: Page): string {
  const value = page.properties[column.id]
  if (typeof value === 'string') return value
  if (column.type !== 'title' && column.type !== 'rich_text') return ''
  return Array.isArray(value) ? plainText(store, value as unknown as StoredRichText) : ''
}

/** Returns the date of a date column. */
export function dateCell(column: PropertySchema, page: Page): DateValue | undefined {
  const value = page.properties[column.id]
  return typeof value === 'object' && value !== null ? (value as unknown as DateValue) : undefined
}

/** Returns the ids of a people, relation, `created_by` or `last_edited_by` column. */
export function idsCell(column: PropertySchema, page: Page): readonly Id[] {
  if (column.type === 'created_by') return [page.createdBy]
  if (column.type === 'last_edited_by') return [page.lastEditedBy]
  return asIds(page.properties[column.id])
}

/** Returns the time of a `created_time` or `last_edited_time` column. */
export function timeCell(column: PropertySchema, page: Page): number {
  return column.type === 'created_time' ? page.createdTime : page.lastEditedTime
}

/** Returns the state of a verification. */
export function verificationCell(column: PropertySchema, page: Page): 'verified' | 'expired' | 'unverified' {
  const state = asObject(page.properties[column.id]).state
  return state === 'verified' || state === 'expired' ? state : 'unverified'
}

/** Returns the number of a number, unique id, formula or rollup column. */
export function numberCell(evaluation: Evaluation, column: PropertySchema, page: Page): number | undefined {
  switch (column.type) {
    case 'formula': {
      const { type, value } = evaluation.formula(column, page)
      return type === 'number' && value !== null ? value : undefined
    }
    case 'rollup': {
      const rollup = evaluation.rollup(column, page)
      return rollup.type === 'number' && rollup.number !== null ? rollup.number : undefined
    }
    default: {
      const value = page.properties[column.id]
      return typeof value === 'number' ? value : undefined
    }
  }
}

/** Returns start and end of a date or time in milliseconds since the epoch. */
export function instantsCell(
  evaluation: Evaluation,
  column: PropertySchema,
  page: Page,
): { readonly start: number; readonly end: number } | undefined {
  if (column.type === 'created_time' || column.type === 'last_edited_time') {
    const at = timeCell(column, page)
    return { start: at, end: at }
  }
  const date = anyDateCell(evaluation, column, page)
  if (date === undefined) return undefined
  const start = instant(date.start)
  return { start, end: date.end === null ? start : instant(date.end) }
}

/** Returns the date of a date, formula or rollup column. */
export function anyDateCell(evaluation: Evaluation, column: PropertySchema, page: Page): DateValue | undefined {
  if (column.type === 'formula') {
    const { type, value } = evaluation.formula(column, page)
    return type === 'date' ? (value ?? undefined) : undefined
  }
  if (column.type === 'rollup') {
    const rollup = evaluation.rollup(column, page)
    return rollup.type === 'date' ? (rollup.date ?? undefined) : undefined
  }
  return column.type === 'date' ? dateCell(column, page) : undefined
}

/** Returns whether a cell is empty for the condition `is_empty`. An unchecked checkbox is not empty. */
export function isEmptyCell(evaluation: Evaluation, column: PropertySchema, page: Page): boolean {
  switch (column.type) {
    case 'checkbox':
    case 'created_time':
    case 'created_by':
    case 'last_edited_time':
    case 'last_edited_by':
      return false
    case 'title':
    case 'rich_text':
    case 'url':
    case 'email':
    case 'phone_number':
      return textCell(evaluation.store, column, page) === ''
    case 'formula': {
      const { value } = evaluation.formula(column, page)
      return value === null || value === ''
    }
    case 'rollup': {
      const rollup = evaluation.rollup(column, page)
      if (rollup.type === 'array') return rollup.elements.length === 0
      return rollup.type === 'date' ? rollup.date === null : rollup.number === null
    }
    case 'verification':
      return verificationCell(column, page) === 'unverified'
    default: {
      const value = page.properties[column.id]
      return value === undefined || value === null || (Array.isArray(value) && value.length === 0)
    }
  }
}

/** Returns a value as a string, for formulas and for the comparison of values. */
export function describeCell(evaluation: Evaluation, column: PropertySchema, page: Page): string {
  const { store } = evaluation
  const value: Json | undefined = page.properties[column.id]
  switch (column.type) {
    case 'select':
    case 'status':
      return optionsOf(column).find(({ id }) => id === value)?.name ?? ''
    case 'multi_select': {
      const names = new Map(optionsOf(column).map(({ id, name }) => [id, name]))
      return asIds(value)
        .map((id) => names.get(id) ?? '')
        .join(', ')
    }
    case 'people':
    case 'created_by':
    case 'last_edited_by':
      return idsCell(column, page)
        .map((id) => store.users.get(id)?.name ?? '')
        .join(', ')
    case 'relation':
      return asIds(value)
        .map((id) => pageTitle(store, id))
        .join(', ')
    case 'files':
      return (Array.isArray(value) ? (value as readonly JsonObject[]) : [])
        .map(({ name }) => String(name ?? ''))
        .join(', ')
    case 'created_time':
    case 'last_edited_time':
      return new Date(timeCell(column, page)).toISOString()
    case 'checkbox':
      return value === true ? 'Yes' : 'No'
    case 'formula':
      return describeResult(evaluation.formula(column, page))
    case 'number':
      return typeof value === 'number' ? String(value) : ''
    case 'unique_id': {
      const { prefix } = column.config
      if (typeof value !== 'number') return ''
      return typeof prefix === 'string' ? `${prefix}-${value}` : String(value)
    }
    case 'rollup':
    case 'date': {
      const date = anyDateCell(evaluation, column, page)
      if (date !== undefined) return date.end === null ? date.start : `${date.start} → ${date.end}`
      const number = numberCell(evaluation, column, page)
      return number === undefined ? '' : String(number)
    }
    default:
      return textCell(store, column, page)
  }
}

function describeResult(result: FormulaResult): string {
  if (result.value === null) return ''
  return result.type === 'date' ? result.value.start : String(result.value)
}

function pageTitle(store: Store, id: Id): string {
  const title = store.pages.get(id)?.properties.title
  return title === undefined || title === null ? '' : plainText(store, title as unknown as StoredRichText)
}
