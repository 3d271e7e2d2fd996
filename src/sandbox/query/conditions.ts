/**
 * Filter conditions by type of value. A condition is parsed once into a test of values. An empty value fails all
 * comparisons except negative ones: it passes `does_not_equal`.
 *
 * All functions throw InvalidInput, in Notion's words, when the condition is not valid.
 *
 * @see https://developers.notion.com/reference/filter-data-source-entries
 */
import {
  alternatives,
  anyObject,
  boolean,
  InvalidInput,
  mismatch,
  notPresent,
  number,
  oneOf,
  onlyKey,
  quoted,
  string,
} from '../validation/check.ts'
import { isIsoDate, uuid } from '../validation/scalars.ts'
import {
  comparisonInterval,
  dateComparisons,
  type Interval,
  isComparisonDate,
  relativeDates,
  relativeSpans,
  spanInterval,
} from './dates.ts'

/** A test of a value. */
export type Test<T> = (value: T) => boolean

const existence = ['is_empty', 'is_not_empty'] as const
const yes = oneOf(true)
const textValue = string()

/** Parses `is_empty` or `is_not_empty`, whose operand is always true. */
function emptinessTest<T>(name: (typeof existence)[number], operand: unknown, path: string, isEmpty: Test<T>): Test<T> {
  yes.read(operand, path)
  return name === 'is_empty' ? isEmpty : (value) => !isEmpty(value)
}
const anyNumber = number()

/** Parses a text condition. `equals` and `does_not_equal` are case-sensitive, the others are not. */
export function textCondition(value: unknown, path: string): Test<string> {
  const [name, operand] = onlyKey(value, path, [
    'equals',
    'does_not_equal',
    'contains',
    'does_not_contain',
    'starts_with',
    'ends_with',
    ...existence,
  ])
  const at = `${path}.${name}`
  if (name === 'is_empty' || name === 'is_not_empty') {
    return emptinessTest(name, operand, at, (text) => text === '')
  }
  const wanted = textValue.read(operand, at)
  const lower = wanted.toLowerCase()
  switch (name) {
    case 'equals':
      return (text) => text === wanted
    case 'does_not_equal':
      return (text) => text !== wanted
    case 'contains':
      return (text) => text.toLowerCase().includes(lower)
    case 'does_not_contain':
      return (text) => !text.toLowerCase().includes(lower)
    case 'starts_with':
      return (text) => text.toLowerCase().startsWith(lower)
    case 'ends_with':
      return (text) => text.toLowerCase().endsWith(lower)
  }
}

/** Parses a number condition. Undefined is the empty value. */
export function numberCondition(value: unknown, path: string): Test<number | undefined> {
  const [name, operand] = onlyKey(value, path, [
    'equals',
    'does_not_equal',
    'greater_than',
    'less_than',
    'greater_than_or_equal_to',
    'less_than_or_equal_to',
    ...existence,
  ])
  const at = `${path}.${name}`
  if (name === 'is_empty' || name === 'is_not_empty') {
    return emptinessTest(name, operand, at, (found) => found === undefined)
  }
  const wanted = anyNumber.read(operand, at)
  switch (name) {
    case 'equals':
      return (found) => found === wanted
    case 'does_not_equal':
      return (found) => found !== wanted
    case 'greater_than':
      return (found) => found !== undefined && found > wanted
    case 'less_than':
      return (found) => found !== undefined && found < wanted
    case 'greater_than_or_equal_to':
      return (found) => found !== undefined && found >= wanted
    case 'less_than_or_equal_to':
      return (found) => found !== undefined && found <= wanted
  }
}

/** Parses a checkbox condition. */
export function checkboxCondition(value: unknown, path: string): Test<boolean> {
  const [name, operand] = onlyKey(value, path, ['equals', 'does_not_equal'])
  const wanted = boolean.read(operand, `${path}.${name}`) === (name === 'equals')
  return (found) => found === wanted
}

/** Several names of options in a condition are alternatives. */
const operandList = (operand: unknown): readonly unknown[] => (Array.isArray(operand) ? operand : [operand])

/**
 * Parses a select or status condition into a test of option ids. `idsOf` returns the ids of the options with a name or id.
 */
export function optionCondition(
  value: unknown,
  path: string,
  idsOf: (operand: unknown, path: string) => readonly string[],
): Test<string | undefined> {
  const [name, operand] = onlyKey(value, path, ['equals', 'does_not_equal', ...existence])
  const at = `${path}.${name}`
  if (name === 'is_empty' || name === 'is_not_empty') {
    return emptinessTest(name, operand, at, (found) => found === undefined)
  }
  const wanted = operandList(operand).flatMap((one) => idsOf(textValue.read(one, at), at))
  const isWanted: Test<string | undefined> = (found) => found !== undefined && wanted.includes(found)
  return name === 'equals' ? isWanted : (found) => !isWanted(found)
}

/**
 * Parses a list condition into a test of ids: people, related pages or options. `idsOf` returns the ids of the operand.
 */
export function listCondition(
  value: unknown,
  path: string,
  idsOf: (operand: unknown, path: string) => readonly string[],
): Test<readonly string[]> {
  const [name, operand] = onlyKey(value, path, ['contains', 'does_not_contain', ...existence])
  const at = `${path}.${name}`
  if (name === 'is_empty' || name === 'is_not_empty') {
    return emptinessTest(name, operand, at, (found) => found.length === 0)
  }
  const wanted = new Set(operandList(operand).flatMap((one) => idsOf(one, at)))
  const hasWanted: Test<readonly string[]> = (found) => found.some((id) => wanted.has(id))
  return name === 'contains' ? hasWanted : (found) => !hasWanted(found)
}

/** Returns the UUID of a list condition. */
export function idOperand(operand: unknown, path: string): readonly [string] {
  return [uuid.read(operand, path)]
}

/** Parses a condition of values that support only `is_empty` and `is_not_empty`. */
export function existenceCondition(value: unknown, path: string): Test<boolean> {
  const [name, operand] = onlyKey(value, path, existence)
  return emptinessTest(name, operand, `${path}.${name}`, (isEmpty) => isEmpty)
}

/** Parses a verification condition. `none` is the state of a page that was never verified. */
export function verificationCondition(value: unknown, path: string): Test<'verified' | 'expired' | 'unverified'> {
  const [name, operand] = onlyKey(value, path, ['status', 'does_not_equal'])
  const wanted = oneOf('verified', 'expired', 'none').read(operand, `${path}.${name}`)
  return (found) => (found === (wanted === 'none' ? 'unverified' : wanted)) === (name === 'status')
}

function readDate(operand: unknown, path: string): string {
  const text = textValue.read(operand, path)
  if (isComparisonDate(text) && (isIsoDate(text) || relativeDates.some((name) => name === text))) return text
  throw mismatch(path, ['a valid ISO 8601 date string'], operand)
}

function within({ from, to }: Interval): Test<number | undefined> {
  return (found) => found !== undefined && found >= from && found < to
}

/** Parses a date condition into a test of start times. Times and `now` are in milliseconds since the epoch. */
export function dateCondition(value: unknown, path: string, now: number): Test<number | undefined> {
  const [name, operand] = onlyKey(value, path, [...dateComparisons, ...relativeSpans, ...existence])
  const at = `${path}.${name}`
  if (name === 'is_empty' || name === 'is_not_empty') {
    return emptinessTest(name, operand, at, (found) => found === undefined)
  }
  const span = relativeSpans.find((candidate) => candidate === name)
  if (span !== undefined) {
    const empty = anyObject.read(operand, at)
    const [key] = Object.keys(empty)
    if (key !== undefined) throw notPresent(`${at}.${key}`, empty[key])
    return within(spanInterval(span, now))
  }
  const comparison = dateComparisons.find((candidate) => candidate === name)
  if (comparison === undefined) {
    throw new InvalidInput([`${path} should be ${alternatives(dateComparisons)}, instead was ${quoted(name)}.`])
  }
  return within(comparisonInterval(comparison, readDate(operand, at), now))
}
