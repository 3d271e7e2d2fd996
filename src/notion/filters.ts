import { type IdKind, notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import { addIssue, type InputContext, under, unknown } from './rich-text.ts'
import type { RowConditions } from './row-conditions.ts'
import { isDate } from './rows.ts'

const existence = ['is_empty', 'is_not_empty']
const equality = ['equals', 'does_not_equal']
const containment = ['contains', 'does_not_contain']
const texts = [...equality, ...containment, 'starts_with', 'ends_with', ...existence]
const comparison = ['greater_than', 'less_than', 'greater_than_or_equal_to', 'less_than_or_equal_to']
const numbers = [...equality, ...comparison, ...existence]
const periods = ['past_week', 'past_month', 'past_year', 'this_week', 'next_week', 'next_month', 'next_year']
const times = ['equals', 'before', 'after', 'on_or_before', 'on_or_after', ...periods, ...existence]

/** The operators of each condition. */
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

/**
 * Checks the form of a filter of rows.
 *
 * @see https://developers.notion.com/reference/filter-data-source-entries
 */
export function checkFilter(value: unknown, context: InputContext, depth = 0): void {
  if (!isObject(value)) {
    addIssue(context, 'must be a filter, such as {"property": "Status", "select": {"equals": "Done"}}')
    return
  }
  const group = ['and', 'or'].filter((key) => value[key] !== undefined)
  const [operator] = group
  if (operator !== undefined) {
    const parts = value[operator]
    const at = under(context, operator)
    if (Object.keys(value).length > 1) addIssue(context, `must have no other keys next to "${operator}"`)
    if (depth >= 2) addIssue(context, 'must not be nested deeper than two levels')
    else if (!Array.isArray(parts)) addIssue(at, 'must be a list of filters')
    else if (parts.length > 100) addIssue(at, `must have at most 100 filters, not ${parts.length}`)
    else parts.forEach((part, index) => void checkFilter(part, under(at, index), depth + 1))
    return
  }
  checkCondition(value, context)
}

function checkCondition(filter: JsonObject, context: InputContext): void {
  const found = Object.keys(filter).filter((key) => Object.hasOwn(operators, key))
  const [condition] = found
  if (condition === undefined || found.length > 1) {
    addIssue(
      context,
      `must have one condition, named by the type of the property: ${Object.keys(operators).join(', ')}`,
    )
    return
  }
  const extra = Object.keys(filter).find((key) => key !== condition && !['property', 'timestamp', 'type'].includes(key))
  if (extra !== undefined)
    addIssue(under(context, extra), unknown('key', extra, ['property', 'timestamp', condition], 'in a filter'))
  checkOperators(condition, filter[condition], under(context, condition))
  if (filter.timestamp !== undefined) {
    if (filter.timestamp !== condition)
      addIssue(under(context, 'timestamp'), `must be "${condition}", as the condition is`)
  } else if (typeof filter.property !== 'string' || filter.property === '') {
    addIssue(under(context, 'property'), 'must name a property, or be replaced by "timestamp"')
  }
}

function checkOperators(condition: string, value: unknown, context: InputContext): void {
  const known = operators[condition] ?? []
  const named = isObject(value) ? Object.keys(value) : []
  const [first] = named
  if (first === undefined || named.length > 1) {
    addIssue(context, `must be an object with one of: ${known.join(', ')}`)
    return
  }
  if (known.includes(first)) {
    if (isObject(value)) checkOperand(condition, first, value[first], under(context, first))
    return
  }
  addIssue(under(context, first), unknown('operator', first, known, `for ${condition}`))
}

/** Conditions whose operand is an id. */
const idConditions: Readonly<Record<string, IdKind>> = {
  people: 'user',
  created_by: 'user',
  last_edited_by: 'user',
  relation: 'page',
}

const relativeDay = /^(?:today|tomorrow|yesterday|one_(?:week|month)_(?:ago|from_now))$/

/** Checks the operand of an operator. Notion checks the conditions within formulas and rollups. */
function checkOperand(condition: string, operator: string, operand: unknown, context: InputContext): void {
  const kind = idConditions[condition]
  if (existence.includes(operator)) {
    if (operand !== true) addIssue(context, 'must be true')
  } else if (kind !== undefined) {
    if (typeof operand !== 'string' || (notionId(operand, kind) === null && !(kind === 'user' && operand === 'me'))) {
      addIssue(context, `must be the id of a ${kind}`)
    }
  } else if (operators[condition] === times) {
    if (/_(?:week|month|year)$/.test(operator)) {
      if (!isObject(operand)) addIssue(context, 'must be {}')
    } else if (typeof operand !== 'string' || !(isDate(operand) || relativeDay.test(operand))) {
      addIssue(context, 'must be an ISO 8601 date or time, such as "2026-07-15"')
    }
  } else if (operators[condition] === numbers) {
    if (typeof operand !== 'number' || !Number.isFinite(operand)) addIssue(context, 'must be a number')
  } else if (condition === 'checkbox') {
    if (typeof operand !== 'boolean') addIssue(context, 'must be true or false')
  } else if (condition !== 'formula' && condition !== 'rollup' && typeof operand !== 'string') {
    addIssue(context, 'must be a string')
  }
}

/** Returns a filter that passed {@link checkFilter} in Notion's form: with ids instead of links. */
export function filterOf(filter: JsonObject): NonNullable<RowConditions['filter']> {
  return withIds(filter) as NonNullable<RowConditions['filter']>
}

function withIds(filter: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(filter).map(([key, value]) => {
      if (Array.isArray(value)) return [key, value.map((part) => (isObject(part) ? withIds(part) : part))]
      const kind = idConditions[key]
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

/**
 * Checks the form of sorts of rows and returns them in Notion's form.
 *
 * @see https://developers.notion.com/reference/sort-data-source-entries
 */
export function checkSorts(sorts: readonly JsonObject[], context: InputContext): NonNullable<RowConditions['sorts']> {
  return sorts.flatMap((sort, index) => {
    const at = under(context, index)
    const direction = sort.direction ?? 'ascending'
    if (direction !== 'ascending' && direction !== 'descending') {
      addIssue(under(at, 'direction'), 'must be ascending or descending')
      return []
    }
    const extra = Object.keys(sort).find((key) => !['property', 'timestamp', 'direction'].includes(key))
    if (extra !== undefined)
      addIssue(under(at, extra), unknown('key', extra, ['property', 'timestamp', 'direction'], 'in a sort'))
    if (typeof sort.property === 'string' && sort.property !== '') return { property: sort.property, direction }
    if (sort.timestamp === 'created_time' || sort.timestamp === 'last_edited_time')
      return { timestamp: sort.timestamp, direction }
    addIssue(at, 'must have a property, or a timestamp (created_time or last_edited_time)')
    return []
  })
}
