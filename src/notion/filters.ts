import { entries as counted } from '../tools/bounds.ts'
import { isDate } from './dates.ts'
import { type IdKind, notionId } from './ids.ts'
import { checkKeys } from './input-values.ts'
import { asText, isObject, type JsonObject } from './json.ts'
import { dictionary } from './names.ts'
import { addIssue, checkCount, type InputContext, under, unknown } from './rich-text.ts'
import type { RowConditions } from './row-conditions.ts'

const existence = ['is_empty', 'is_not_empty']
const equality = ['equals', 'does_not_equal']
const containment = ['contains', 'does_not_contain']
const texts = [...equality, ...containment, 'starts_with', 'ends_with', ...existence]
const comparison = ['greater_than', 'less_than', 'greater_than_or_equal_to', 'less_than_or_equal_to']
const numbers = [...equality, ...comparison, ...existence]
const periods = ['past_week', 'past_month', 'past_year', 'this_week', 'next_week', 'next_month', 'next_year']
const times = ['equals', 'before', 'after', 'on_or_before', 'on_or_after', ...periods, ...existence]

/** The operators of each condition. */
const operators = dictionary<readonly string[]>({
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
  unique_id: numbers,
  verification: ['status', 'does_not_equal'],
})

/** The conditions within the condition of a rollup that has several values. */
const entries = ['rich_text', 'number', 'checkbox', 'select', 'multi_select', 'relation', 'date', 'people', 'files']
const ofEntries = dictionary(Object.fromEntries([...entries, 'status'].map((name) => [name, name])))

/** The conditions within a condition, by the key that contains them. */
const inner = dictionary<Readonly<Record<string, string | typeof ofEntries>>>({
  formula: { string: 'rich_text', checkbox: 'checkbox', number: 'number', date: 'date' },
  rollup: { any: ofEntries, every: ofEntries, none: ofEntries, number: 'number', date: 'date' },
})

/** All conditions of a filter (https://developers.notion.com/reference/filter-data-source-entries). */
export const conditions: readonly string[] = [...Object.keys(operators), ...Object.keys(inner)]

/** In one `and` or `or`. */
const maxFilters = 100

/**
 * Checks the form of a filter of rows.
 *
 * @see https://developers.notion.com/reference/filter-data-source-entries
 */
export function checkFilter(given: unknown, context: InputContext, depth = 0): void {
  const value = present(given)
  if (!isObject(value)) {
    addIssue(context, 'must be a filter, such as {"property": "Status", "select": {"equals": "Done"}}')
    return
  }
  const [operator] = ['and', 'or'].filter((key) => value[key] !== undefined)
  if (operator !== undefined) {
    const parts = value[operator]
    const at = under(context, operator)
    if (Object.keys(value).length > 1) addIssue(context, `must have no other keys next to "${operator}"`)
    if (depth >= 2) addIssue(context, 'must not be nested deeper than two levels')
    else if (!Array.isArray(parts)) addIssue(at, 'must be a list of filters')
    else if (parts.length > maxFilters) checkCount(parts.length, { max: maxFilters }, at, ['filter', 'filters'])
    else parts.forEach((part, index) => void checkFilter(part, under(at, index), depth + 1))
    return
  }
  checkCondition(value, context)
}

/** Returns an object without keys whose value is null, by which models leave keys out. */
const present = (value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, held]) => held !== null)) : value

function checkCondition(filter: JsonObject, context: InputContext): void {
  const found = Object.keys(filter).filter((key) => conditions.includes(key))
  const [condition] = found
  if (condition === undefined || found.length > 1) {
    addIssue(context, `must have one condition, named by the type of the property: ${conditions.join(', ')}`)
    return
  }
  checkKeys(filter, ['property', 'timestamp', 'type', condition], context, 'in a filter')
  if (filter.type !== undefined && filter.type !== condition)
    addIssue(under(context, 'type'), `must be "${condition}", as the condition is`)
  checkOperators(condition, filter[condition], under(context, condition))
  if (filter.timestamp !== undefined) {
    const { timestamp } = filter
    if (timestamp !== 'created_time' && timestamp !== 'last_edited_time')
      addIssue(under(context, 'timestamp'), 'must be "created_time" or "last_edited_time"')
    else if (timestamp !== condition)
      addIssue(under(context, condition), `must be {"${timestamp}": …}, as the timestamp is`)
    if (filter.property !== undefined) addIssue(under(context, 'property'), 'must not be combined with "timestamp"')
  } else if (typeof filter.property !== 'string' || filter.property === '') {
    addIssue(under(context, 'property'), 'must name a property, or be replaced by "timestamp"')
  }
}

function checkOperators(condition: string, given: unknown, context: InputContext): void {
  const value = present(given)
  const nested = inner[condition]
  const known = nested === undefined ? (operators[condition] ?? []) : Object.keys(nested)
  const names = isObject(value) ? Object.keys(value) : []
  const [first] = names
  if (!isObject(value) || first === undefined || names.length > 1) {
    addIssue(context, `must be an object with one of: ${known.join(', ')}`)
  } else if (!known.includes(first)) {
    addIssue(under(context, first), unknown('operator', first, known, `for ${condition}`))
  } else if (nested === undefined) {
    checkOperand(condition, first, operandOf(condition, value[first]), under(context, first))
  } else {
    const within = nested[first]
    if (typeof within === 'string') checkOperators(within, value[first], under(context, first))
    else checkEntries(value[first], under(context, first))
  }
}

/** Checks the condition that entries of a rollup must meet. */
function checkEntries(given: unknown, context: InputContext): void {
  const value = present(given)
  const names = isObject(value) ? Object.keys(value) : []
  const [first] = names
  if (!isObject(value) || first === undefined || names.length > 1 || ofEntries[first] === undefined)
    addIssue(context, `must be an object with one of: ${Object.keys(ofEntries).join(', ')}`)
  else checkOperators(first, value[first], under(context, first))
}

/** Conditions whose operand is an id. */
const idConditions = dictionary<IdKind>({
  people: 'user',
  created_by: 'user',
  last_edited_by: 'user',
  relation: 'page',
})

/** Conditions whose operand is the name of an option or a list of such names. */
const optionConditions = ['select', 'multi_select', 'status']

const relativeDay = /^(?:today|tomorrow|yesterday|one_(?:week|month)_(?:ago|from_now))$/

/** Checks the operand of an operator. */
function checkOperand(condition: string, operator: string, operand: unknown, context: InputContext): void {
  const kind = idConditions[condition]
  if (existence.includes(operator)) {
    if (operand !== true) addIssue(context, 'must be true')
  } else if (kind !== undefined) {
    if (typeof operand !== 'string' || (notionId(operand, kind) === null && !(kind === 'user' && operand === 'me'))) {
      addIssue(context, `must be the id of a ${kind}${kind === 'user' ? ' or "me"' : ''}`)
    }
  } else if (operators[condition] === times) {
    if (/_(?:week|month|year)$/.test(operator)) {
      if (!isObject(operand) || Object.keys(operand).length > 0) addIssue(context, 'must be {}')
    } else if (typeof operand !== 'string' || !(isDate(operand) || relativeDay.test(operand))) {
      addIssue(context, 'must be an ISO 8601 date or time, such as "2026-07-15"')
    }
  } else if (operators[condition] === numbers) {
    if (typeof operand !== 'number' || !Number.isFinite(operand)) addIssue(context, 'must be a number')
  } else if (condition === 'checkbox') {
    if (typeof operand !== 'boolean') addIssue(context, 'must be true or false')
  } else if (condition === 'verification') {
    if (!['verified', 'expired', 'none'].includes(asText(operand)))
      addIssue(context, 'must be "verified", "expired" or "none"')
  } else if (Array.isArray(operand) && optionConditions.includes(condition)) {
    checkCount(operand.length, { min: 1, max: 100 }, context, counted)
    if (operand.some((one) => typeof one !== 'string')) addIssue(context, 'must be a list of strings')
  } else if (typeof operand !== 'string') {
    addIssue(
      context,
      optionConditions.includes(condition) ? 'must be a string or a list of strings' : 'must be a string',
    )
  }
}

/** Returns an operand in Notion's form: an id instead of a link, a boolean instead of a string of it. */
function operandOf(condition: string, operand: unknown): unknown {
  if (typeof operand !== 'string') return operand
  const kind = idConditions[condition]
  if (kind !== undefined && operand !== 'true') return notionId(operand, kind) ?? operand
  const isText = operators[condition] === texts || optionConditions.includes(condition)
  return !isText && (operand === 'true' || operand === 'false') ? operand === 'true' : operand
}

/** Returns a filter that passed {@link checkFilter} in Notion's form: with ids instead of links. */
export function filterOf(filter: JsonObject): NonNullable<RowConditions['filter']> {
  return converted(filter) as NonNullable<RowConditions['filter']>
}

function converted(filter: JsonObject): JsonObject {
  const entries = Object.entries(present(filter) as JsonObject).map(([key, value]) => {
    if (Array.isArray(value)) return [key, value.map((part) => (isObject(part) ? converted(part) : part))]
    if (!isObject(value)) return [key, value]
    // The keys of a formula and a rollup contain conditions.
    if (operators[key] === undefined) return [key, converted(value)]
    const operands = Object.entries(present(value) as JsonObject)
    return [key, Object.fromEntries(operands.map(([operator, operand]) => [operator, operandOf(key, operand)]))]
  })
  return Object.fromEntries(entries)
}

/**
 * Checks the form of sorts of rows and returns them in Notion's form.
 *
 * @see https://developers.notion.com/reference/sort-data-source-entries
 */
export function checkSorts(sorts: readonly JsonObject[], context: InputContext): NonNullable<RowConditions['sorts']> {
  return sorts.flatMap((given, index) => {
    const sort = present(given) as JsonObject
    const at = under(context, index)
    const direction = directions[asText(sort.direction ?? 'ascending')]
    if (direction === undefined) {
      addIssue(under(at, 'direction'), 'must be ascending or descending')
      return []
    }
    checkKeys(sort, ['property', 'timestamp', 'direction'], at, 'in a sort')
    if (sort.property !== undefined && sort.timestamp !== undefined)
      addIssue(under(at, 'timestamp'), 'must not be combined with "property"')
    if (typeof sort.property === 'string' && sort.property !== '') return { property: sort.property, direction }
    if (sort.timestamp === 'created_time' || sort.timestamp === 'last_edited_time')
      return { timestamp: sort.timestamp, direction }
    addIssue(at, 'must have a property, or a timestamp (created_time or last_edited_time)')
    return []
  })
}

const directions = dictionary<'ascending' | 'descending'>({
  ascending: 'ascending',
  descending: 'descending',
  asc: 'ascending',
  desc: 'descending',
})
