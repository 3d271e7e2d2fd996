/**
 * Query sorts. Empty values are last in both directions. Rows with equal values are in order of creation. Strings
 * compare without case, options by their order in the column.
 *
 * @see https://developers.notion.com/reference/sort-data-source-entries
 */
import type { DataSource, Page, PropertySchema } from '../model.ts'
import { anyObject, array, type Check, InvalidInput, oneOf, string } from '../validation/check.ts'
import { describeCell, instantsCell, isEmptyCell, numberCell, textCell, timeCell } from './cells.ts'
import { asIds, findColumn, optionsOf } from './columns.ts'
import type { Evaluation } from './evaluation.ts'

/** The value that a row is sorted by. Undefined is the empty value. All keys of a sort have the same type. */
type SortKey = number | string | undefined

interface Sort {
  readonly keyOf: (page: Page) => SortKey
  readonly descending: boolean
}

function textKey(text: string): SortKey {
  return text === '' ? undefined : text.toLowerCase()
}

function optionRanks(column: PropertySchema): ReadonlyMap<unknown, number> {
  return new Map(optionsOf(column).map(({ id }, index) => [id, index]))
}

/** Returns the ranks of options as one string, so that lists compare element by element. */
function ranksKey(ids: readonly string[], ranks: ReadonlyMap<unknown, number>): SortKey {
  if (ids.length === 0) return undefined
  return ids.map((id) => String.fromCharCode(32 + (ranks.get(id) ?? 0))).join('')
}

function columnKey(evaluation: Evaluation, column: PropertySchema): (page: Page) => SortKey {
  const { store } = evaluation
  switch (column.type) {
    case 'number':
    case 'unique_id':
      return (page) => numberCell(evaluation, column, page)
    case 'checkbox':
      return (page) => (page.properties[column.id] === true ? 1 : 0)
    case 'title':
    case 'rich_text':
    case 'url':
    case 'email':
    case 'phone_number':
      return (page) => textKey(textCell(store, column, page))
    case 'select':
    case 'status': {
      const ranks = optionRanks(column)
      return (page) => ranks.get(page.properties[column.id])
    }
    case 'multi_select': {
      const ranks = optionRanks(column)
      return (page) => ranksKey(asIds(page.properties[column.id]), ranks)
    }
    case 'created_time':
    case 'last_edited_time':
      return (page) => timeCell(column, page)
    case 'date':
      return (page) => instantsCell(evaluation, column, page)?.start
    case 'formula':
      return (page) => {
        const { type, value } = evaluation.formula(column, page)
        if (value === null) return undefined
        if (type === 'number') return value
        if (type === 'boolean') return value ? 1 : 0
        return type === 'date' ? instantsCell(evaluation, column, page)?.start : textKey(value)
      }
    case 'rollup':
      return (page) => {
        const rollup = evaluation.rollup(column, page)
        if (rollup.type === 'number') return rollup.number ?? undefined
        if (rollup.type === 'date') return instantsCell(evaluation, column, page)?.start
        return textKey(rollup.elements.map((one) => describeCell(evaluation, one.column, one.page)).join(', '))
      }
    default:
      return (page) =>
        isEmptyCell(evaluation, column, page) ? undefined : textKey(describeCell(evaluation, column, page))
  }
}

const direction = oneOf('ascending', 'descending')
const timestamp = oneOf('created_time', 'last_edited_time')
const propertyName = string()

function sortCheck(evaluation: Evaluation, dataSource: DataSource): Check<Sort> {
  return {
    expected: ['an object'],
    read(value, path) {
      const source = anyObject.read(value, path)
      const descending = () => direction.read(source.direction, `${path}.direction`) === 'descending'
      if (source.timestamp !== undefined) {
        const which = timestamp.read(source.timestamp, `${path}.timestamp`)
        const keyOf = (page: Page) => (which === 'created_time' ? page.createdTime : page.lastEditedTime)
        return { keyOf, descending: descending() }
      }
      const name = propertyName.read(source.property, `${path}.property`)
      const column = findColumn(dataSource.properties, name)
      if (column === undefined) throw new InvalidInput([`Could not find sort property with name or id: ${name}`])
      return { keyOf: columnKey(evaluation, column), descending: descending() }
    },
  }
}

/** Compares two keys. Returns a negative number when the first sorts first. Empty keys are last in both directions. */
function compareKeys(a: SortKey, b: SortKey, descending: boolean): number {
  if (a === b) return 0
  if (a === undefined) return 1
  if (b === undefined) return -1
  return a < b === descending ? 1 : -1
}

/** Returns sorted rows. The input must be in order of creation. */
export type Sorter = (rows: Page[]) => Page[]

/**
 * Compiles `body.sorts` of a query. Earlier sorts take precedence. Returns undefined without sorts.
 *
 * Throws InvalidInput, in Notion's words, when a sort is not valid.
 */
export function compileSorts(evaluation: Evaluation, dataSource: DataSource, value: unknown): Sorter | undefined {
  if (value === undefined) return undefined
  const sorts = array(sortCheck(evaluation, dataSource)).read(value, 'body.sorts', ['`undefined`'])
  if (sorts.length === 0) return undefined
  return (rows) => {
    // Keys are computed once per row, because there are many more comparisons than rows.
    const keys = sorts.map(({ keyOf }) => rows.map(keyOf))
    const order = rows.map((_, index) => index)
    order.sort((a, b) => {
      for (let level = 0; level < sorts.length; level += 1) {
        const result = compareKeys(keys[level]?.[a], keys[level]?.[b], sorts[level]?.descending ?? false)
        if (result !== 0) return result
      }
      return a - b
    })
    return order.flatMap((index) => rows[index] ?? [])
  }
}
