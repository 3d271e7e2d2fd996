import { nearestNames } from '../tools/nearest.ts'
import { type IdKind, notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { type Checking, complain, under } from './rich-text.ts'
import { isDate } from './rows.ts'

const existence = ['is_empty', 'is_not_empty']
const equality = ['equals', 'does_not_equal']
const containment = ['contains', 'does_not_contain']
const texts = [...equality, ...containment, 'starts_with', 'ends_with', ...existence]
const numbers = [
  ...[...equality, 'greater_than', 'less_than', 'greater_than_or_equal_to', 'less_than_or_equal_to'],
  ...existence,
]
const times = [
  ...['equals', 'before', 'after', 'on_or_before', 'on_or_after', 'past_week', 'past_month', 'past_year'],
  ...['this_week', 'next_week', 'next_month', 'next_year', ...existence],
]

/** What each condition can ask. */
const operators: Readonly<Record<string, readonly string[]>> = {
  title: texts,
  rich_text: texts,
  number: numbers,
  checkbox: equality,
  select: [...equality, ...existence],
  multi_select: [...containment, ...existence],
  status: [...equality, ...existence],
  date: times,
  people: [...containment, ...existence],
  files: existence,
  url: texts,
  email: texts,
  phone_number: texts,
  relation: [...containment, ...existence],
  created_by: [...containment, ...existence],
  created_time: times,
  last_edited_by: [...containment, ...existence],
  last_edited_time: times,
  formula: ['string', 'checkbox', 'number', 'date'],
  unique_id: numbers,
  rollup: ['any', 'every', 'none', 'number', 'date'],
  verification: ['status'],
}

/** Checks the form of a filter of rows (https://developers.notion.com/reference/filter-data-source-entries). */
export function checkFilter(value: unknown, checking: Checking, depth = 0): void {
  if (!isObject(value)) {
    complain(checking, 'has to be a filter, such as {"property": "Status", "select": {"equals": "Done"}}')
    return
  }
  const group = ['and', 'or'].filter((key) => value[key] !== undefined)
  const [operator] = group
  if (operator !== undefined) {
    const parts = value[operator]
    const at = under(checking, operator)
    if (Object.keys(value).length > 1) complain(checking, `has to have "${operator}" alone`)
    if (depth >= 2) complain(checking, 'is nested deeper than the two levels that Notion takes')
    else if (!Array.isArray(parts)) complain(at, 'has to be a list of filters')
    else if (parts.length > 100) complain(at, `has ${parts.length} filters; Notion takes 100`)
    else parts.forEach((part, index) => void checkFilter(part, under(at, index), depth + 1))
    return
  }
  checkCondition(value, checking)
}

function checkCondition(filter: JsonObject, checking: Checking): void {
  const found = Object.keys(filter).filter((key) => Object.hasOwn(operators, key))
  const [condition] = found
  if (condition === undefined || found.length > 1) {
    complain(
      checking,
      `has to have one condition, named by the type of the property: ${Object.keys(operators).join(', ')}`,
    )
    return
  }
  const extra = Object.keys(filter).find((key) => key !== condition && !['property', 'timestamp', 'type'].includes(key))
  if (extra !== undefined) complain(under(checking, extra), 'is not known in a filter')
  checkOperators(condition, filter[condition], under(checking, condition))
  if (filter.timestamp !== undefined) {
    if (filter.timestamp !== condition)
      complain(under(checking, 'timestamp'), `has to be "${condition}", as the condition is`)
  } else if (typeof filter.property !== 'string' || filter.property === '') {
    complain(under(checking, 'property'), 'has to name a property')
  }
}

function checkOperators(condition: string, value: unknown, checking: Checking): void {
  const known = operators[condition] ?? []
  const named = isObject(value) ? Object.keys(value) : []
  const [first] = named
  if (first === undefined || named.length > 1) {
    complain(checking, `has to be an object with one of: ${known.join(', ')}`)
    return
  }
  if (known.includes(first)) {
    if (isObject(value)) checkOperand(condition, first, value[first], under(checking, first))
    return
  }
  const [nearest] = nearestNames(first, known, 1)
  complain(
    under(checking, first),
    `is not known for ${condition}${nearest === undefined ? '' : `, did you mean "${nearest}"?`} (there is: ${known.join(', ')})`,
  )
}

const naming: Readonly<Record<string, IdKind>> = {
  ...{ people: 'user', created_by: 'user', last_edited_by: 'user', relation: 'page' },
}

const relativeDay = /^(?:today|tomorrow|yesterday|one_(?:week|month)_(?:ago|from_now))$/

/** What stands behind an operator; what holds conditions of its own (formulas, rollups) is Notion's to check. */
function checkOperand(condition: string, operator: string, operand: unknown, checking: Checking): void {
  const kind = naming[condition]
  if (existence.includes(operator)) {
    if (operand !== true) complain(checking, 'has to be true')
  } else if (kind !== undefined) {
    if (typeof operand !== 'string' || (notionId(operand, kind) === null && !(kind === 'user' && operand === 'me'))) {
      complain(checking, `has to be the id of a ${kind}`)
    }
  } else if (operators[condition] === times) {
    if (/_(?:week|month|year)$/.test(operator)) {
      if (!isObject(operand)) complain(checking, 'has to be {}')
    } else if (typeof operand !== 'string' || !(isDate(operand) || relativeDay.test(operand))) {
      complain(checking, 'has to be an ISO 8601 date or time, such as "2026-07-15"')
    }
  } else if (operators[condition] === numbers) {
    if (typeof operand !== 'number' || !Number.isFinite(operand)) complain(checking, 'has to be a number')
  } else if (condition === 'checkbox') {
    if (typeof operand !== 'boolean') complain(checking, 'has to be true or false')
  } else if (condition !== 'formula' && condition !== 'rollup' && typeof operand !== 'string') {
    complain(checking, 'has to be a text')
  }
}

/** A filter that passed {@link checkFilter}, with ids in place of the links that stand for them. */
export function withIds(filter: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(filter).map(([key, value]) => {
      if (Array.isArray(value)) return [key, value.map((part) => (isObject(part) ? withIds(part) : part))]
      const kind = naming[key]
      return [key, kind !== undefined && isObject(value) ? idsIn(value, kind) : value]
    }),
  )
}

const idsIn = (condition: JsonObject, kind: IdKind): JsonObject =>
  Object.fromEntries(
    Object.entries(condition).map(([operator, operand]) => [
      operator,
      typeof operand === 'string' ? (notionId(operand, kind) ?? operand) : operand,
    ]),
  )

/** Checks the form of the order of rows (https://developers.notion.com/reference/sort-data-source-entries). */
export function checkSorts(sorts: readonly JsonObject[], checking: Checking): readonly JsonObject[] {
  return sorts.map((sort, index) => {
    const at = under(checking, index)
    const direction = sort.direction ?? 'ascending'
    if (direction !== 'ascending' && direction !== 'descending') {
      complain(under(at, 'direction'), 'has to be ascending or descending')
    }
    const extra = Object.keys(sort).find((key) => !['property', 'timestamp', 'direction'].includes(key))
    if (extra !== undefined) complain(under(at, extra), 'is not known in a sort')
    if (typeof sort.property === 'string' && sort.property !== '') return { property: sort.property, direction }
    if (sort.timestamp === 'created_time' || sort.timestamp === 'last_edited_time')
      return { timestamp: sort.timestamp, direction }
    complain(at, 'has to name a property, or a timestamp (created_time, last_edited_time)')
    return {}
  })
}
