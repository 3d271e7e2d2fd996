/** Rollups. A rollup aggregates a property of related pages. */
import type { Page, PropertySchema } from '../model.ts'
import { anyDateCell, dataSourceOf, describeCell, idsCell, instantsCell, isEmptyCell, numberCell } from './cells.ts'
import { asIds, columnOf } from './columns.ts'
import type { DateValue, Evaluation, Rollup, RollupElement } from './evaluation.ts'

/** Returns the elements of a rollup, without pages in the trash. */
export function rollupElements(evaluation: Evaluation, rollup: PropertySchema, page: Page): RollupElement[] {
  const { store } = evaluation
  const { config } = rollup
  const source = dataSourceOf(store, page)
  const relation = source && columnOf(source, config.relation_property_id, config.relation_property_name)
  const target = store.dataSources.get(String(relation?.config.data_source_id))
  const column = target && columnOf(target, config.rollup_property_id, config.rollup_property_name)
  if (relation === undefined || column === undefined) return []
  const elements: RollupElement[] = []
  for (const id of idsCell(relation, page)) {
    const related = store.pages.get(id)
    if (related !== undefined && !related.inTrash) elements.push({ column, page: related })
  }
  return elements
}

const number = (value: number | null): Rollup => ({ type: 'number', number: value })

/** Returns a fraction between 0 and 1, or no value when `whole` is 0. */
const share = (part: number, whole: number) => number(whole === 0 ? null : part / whole)

function median(sorted: readonly number[]): number | null {
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

function arithmetic(name: string, values: readonly number[]): Rollup {
  if (name === 'sum') return number(values.reduce((total, value) => total + value, 0))
  if (values.length === 0) return number(null)
  const sorted = values.toSorted((a, b) => a - b)
  const [min, max] = [sorted[0] ?? 0, sorted.at(-1) ?? 0]
  switch (name) {
    case 'average':
      return number(sorted.reduce((total, value) => total + value, 0) / sorted.length)
    case 'median':
      return number(median(sorted))
    case 'min':
      return number(min)
    case 'max':
      return number(max)
    default:
      return number(max - min)
  }
}

interface Dated {
  readonly date: DateValue
  readonly start: number
  readonly end: number
}

function datesOf(evaluation: Evaluation, elements: readonly RollupElement[]): Dated[] {
  return elements.flatMap(({ column, page }) => {
    const instants = instantsCell(evaluation, column, page)
    if (instants === undefined) return []
    const text = new Date(instants.start).toISOString()
    const date = anyDateCell(evaluation, column, page) ?? { start: text, end: null, time_zone: null }
    return [{ date, ...instants }]
  })
}

function dates(name: string, found: readonly Dated[]): Rollup {
  const [first] = found
  if (first === undefined) return { type: 'date', date: null }
  const earliest = found.reduce((best, other) => (other.start < best.start ? other : best), first)
  const latest = found.reduce((best, other) => (other.end > best.end ? other : best), first)
  const at = (text: string): DateValue => ({ start: text, end: null, time_zone: null })
  switch (name) {
    case 'earliest_date':
      return { type: 'date', date: at(earliest.date.start) }
    case 'latest_date':
      return { type: 'date', date: at(latest.date.end ?? latest.date.start) }
    default:
      return { type: 'date', date: { ...at(earliest.date.start), end: latest.date.end ?? latest.date.start } }
  }
}

/** Returns the number of values of a property. Options, people, files and pages count individually. */
function valueCount(evaluation: Evaluation, { column, page }: RollupElement): number {
  if (isEmptyCell(evaluation, column, page)) return 0
  const value = page.properties[column.id]
  return Array.isArray(value) && column.type !== 'title' && column.type !== 'rich_text' ? asIds(value).length : 1
}

function distinct(evaluation: Evaluation, elements: readonly RollupElement[]): RollupElement[] {
  const seen = new Map<string, RollupElement>()
  for (const element of elements) {
    if (isEmptyCell(evaluation, element.column, element.page)) continue
    const key = describeCell(evaluation, element.column, element.page)
    if (!seen.has(key)) seen.set(key, element)
  }
  return [...seen.values()]
}

/**
 * Computes a rollup. `count_per_group` and `percent_per_group` have no value, because Notion does not document their
 * format in responses.
 */
export function computeRollup(evaluation: Evaluation, rollup: PropertySchema, page: Page): Rollup {
  const elements = rollupElements(evaluation, rollup, page)
  const name = String(rollup.config.function)
  const empty = () => elements.filter((element) => isEmptyCell(evaluation, element.column, element.page)).length
  const checked = () => elements.filter((element) => element.page.properties[element.column.id] === true).length
  switch (name) {
    case 'show_original':
      return { type: 'array', elements }
    case 'show_unique':
      return { type: 'array', elements: distinct(evaluation, elements) }
    case 'count':
      return number(elements.length)
    case 'count_values':
      return number(elements.reduce((total, element) => total + valueCount(evaluation, element), 0))
    case 'unique':
      return number(distinct(evaluation, elements).length)
    case 'empty':
      return number(empty())
    case 'not_empty':
      return number(elements.length - empty())
    case 'percent_empty':
      return share(empty(), elements.length)
    case 'percent_not_empty':
      return share(elements.length - empty(), elements.length)
    case 'checked':
      return number(checked())
    case 'unchecked':
      return number(elements.length - checked())
    case 'percent_checked':
      return share(checked(), elements.length)
    case 'percent_unchecked':
      return share(elements.length - checked(), elements.length)
    case 'sum':
    case 'average':
    case 'median':
    case 'min':
    case 'max':
    case 'range':
      return arithmetic(
        name,
        elements.flatMap(({ column, page: related }) => numberCell(evaluation, column, related) ?? []),
      )
    case 'earliest_date':
    case 'latest_date':
    case 'date_range':
      return dates(name, datesOf(evaluation, elements))
    default:
      return number(null)
  }
}
