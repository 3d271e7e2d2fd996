/**
 * Query filters. A filter is compiled once into a test of rows.
 *
 * @see https://developers.notion.com/reference/filter-data-source-entries
 */
import { limits } from '../context.ts'
import { validationError } from '../errors.ts'
import type { DataSource, Json, Page, PropertySchema } from '../model.ts'
import {
  anyObject,
  array,
  type Check,
  InvalidInput,
  isObject,
  mismatch,
  missing,
  notPresent,
  onlyKey,
} from '../validation/check.ts'
import {
  dateCell,
  idsCell,
  instantsCell,
  isEmptyCell,
  numberCell,
  textCell,
  timeCell,
  verificationCell,
} from './cells.ts'
import { asIds, findColumn, optionsOf } from './columns.ts'
import {
  checkboxCondition,
  dateCondition,
  existenceCondition,
  idOperand,
  listCondition,
  numberCondition,
  optionCondition,
  type Test,
  textCondition,
  verificationCondition,
} from './conditions.ts'
import { instant } from './dates.ts'
import type { Evaluation, FormulaResult } from './evaluation.ts'

/** A test of rows. */
export type RowTest = Test<Page>

const conditionKeys = [
  'title',
  'rich_text',
  'number',
  'checkbox',
  'select',
  'multi_select',
  'status',
  'date',
  'people',
  'files',
  'url',
  'email',
  'phone_number',
  'relation',
  'created_by',
  'created_time',
  'last_edited_by',
  'last_edited_time',
  'formula',
  'unique_id',
  'rollup',
  'verification',
] as const

type ConditionKey = (typeof conditionKeys)[number]

/** Other types of columns that Notion accepts for a condition, such as URLs for a text condition. */
const alsoFor: Readonly<Partial<Record<ConditionKey, readonly string[]>>> = {
  rich_text: ['title', 'url', 'email', 'phone_number'],
  title: ['rich_text'],
  date: ['created_time', 'last_edited_time'],
  people: ['created_by', 'last_edited_by'],
  number: ['unique_id'],
}

/**
 * Returns the ids of the options that a name or id in a condition means: several for the group of a status. Throws for a name
 * that neither an option nor a group has.
 */
function optionIds(column: PropertySchema): (operand: unknown, path: string) => readonly string[] {
  const options = optionsOf(column)
  const groups =
    column.type === 'status' && Array.isArray(column.config.groups) ? column.config.groups.filter(isObject) : []
  return (operand, path) => {
    if (typeof operand !== 'string') throw mismatch(path, ['a string'], operand)
    const option = options.find(({ name }) => name === operand) ?? options.find(({ id }) => id === operand)
    if (option !== undefined) return [option.id]
    const group = groups.find(({ name }) => name === operand)
    if (group !== undefined) return asIds(group.option_ids as Json | undefined)
    const names = [...options, ...groups].map(({ name }) => `"${String(name)}"`).join(', ')
    throw validationError(
      `${column.type} option "${operand}" not found for property "${column.name}". Available options: ${names}`,
    )
  }
}

function storedOption(column: PropertySchema, page: Page): string | undefined {
  const value = page.properties[column.id]
  return typeof value === 'string' ? value : undefined
}

/** Returns the test of a column for a condition of a matching type. */
function columnTest(
  evaluation: Evaluation,
  column: PropertySchema,
  key: ConditionKey,
  value: unknown,
  path: string,
): RowTest {
  const { store, now } = evaluation
  switch (key) {
    case 'title':
    case 'rich_text':
    case 'url':
    case 'email':
    case 'phone_number': {
      const test = textCondition(value, path)
      return (page) => test(textCell(store, column, page))
    }
    case 'number':
    case 'unique_id':
      return numberTest(evaluation, column, value, path)
    case 'checkbox': {
      const test = checkboxCondition(value, path)
      return (page) => test(page.properties[column.id] === true)
    }
    case 'select':
    case 'status': {
      const test = optionCondition(value, path, optionIds(column))
      return (page) => test(storedOption(column, page))
    }
    case 'multi_select': {
      const test = listCondition(value, path, optionIds(column))
      return (page) => test(asIds(page.properties[column.id]))
    }
    case 'people':
    case 'relation':
    case 'created_by':
    case 'last_edited_by': {
      const test = listCondition(value, path, (operand, at) =>
        operand === 'me' && key !== 'relation' && evaluation.me !== undefined
          ? [evaluation.me]
          : idOperand(operand, at),
      )
      return (page) => test(idsCell(column, page))
    }
    case 'files': {
      const test = existenceCondition(value, path)
      return (page) => test(isEmptyCell(evaluation, column, page))
    }
    case 'date':
    case 'created_time':
    case 'last_edited_time': {
      const test = dateCondition(value, path, now)
      if (column.type !== 'date') return (page) => test(timeCell(column, page))
      return (page) => {
        const date = dateCell(column, page)
        return test(date === undefined ? undefined : instant(date.start))
      }
    }
    case 'verification': {
      const test = verificationCondition(value, path)
      return (page) => test(verificationCell(column, page))
    }
    case 'formula':
      return formulaTest(evaluation, column, value, path)
    case 'rollup':
      return rollupTest(evaluation, column, value, path)
  }
}

function numberTest(evaluation: Evaluation, column: PropertySchema, condition: unknown, path: string): RowTest {
  const test = numberCondition(condition, path)
  return (page) => test(numberCell(evaluation, column, page))
}

function dateTest(evaluation: Evaluation, column: PropertySchema, condition: unknown, path: string): RowTest {
  const test = dateCondition(condition, path, evaluation.now)
  return (page) => test(instantsCell(evaluation, column, page)?.start)
}

function formulaTest(evaluation: Evaluation, column: PropertySchema, value: unknown, path: string): RowTest {
  const [kind, condition] = onlyKey(value, path, ['string', 'checkbox', 'number', 'date'] as const)
  const at = `${path}.${kind}`
  const result = (page: Page): FormulaResult => evaluation.formula(column, page)
  // A result of another type than the condition counts as empty.
  switch (kind) {
    case 'string': {
      const test = textCondition(condition, at)
      return (page) => {
        const found = result(page)
        return test(found.type === 'string' ? (found.value ?? '') : '')
      }
    }
    case 'checkbox': {
      const test = checkboxCondition(condition, at)
      return (page) => {
        const found = result(page)
        return test(found.type === 'boolean' && found.value === true)
      }
    }
    case 'number':
      return numberTest(evaluation, column, condition, at)
    case 'date':
      return dateTest(evaluation, column, condition, at)
  }
}

const elementKeys = [
  'rich_text',
  'number',
  'checkbox',
  'select',
  'multi_select',
  'relation',
  'date',
  'people',
  'files',
  'status',
] as const

function rollupTest(evaluation: Evaluation, column: PropertySchema, value: unknown, path: string): RowTest {
  const [kind, condition] = onlyKey(value, path, ['any', 'none', 'every', 'date', 'number'] as const)
  const at = `${path}.${kind}`
  switch (kind) {
    case 'number':
      return numberTest(evaluation, column, condition, at)
    case 'date':
      return dateTest(evaluation, column, condition, at)
    default: {
      const [key, inner] = onlyKey(condition, at, elementKeys)
      const innerPath = `${at}.${key}`
      // Parsed once for validation. The column is known only from the elements.
      const tests = new Map<string, RowTest>()
      columnTest(evaluation, { id: '', name: '', type: key, description: null, config: {} }, key, inner, innerPath)
      const matches = (element: { column: PropertySchema; page: Page }) => {
        let test = tests.get(element.column.id)
        if (test === undefined) {
          const fits = element.column.type === key || alsoFor[key]?.includes(element.column.type)
          test = fits ? columnTest(evaluation, element.column, key, inner, innerPath) : () => false
          tests.set(element.column.id, test)
        }
        return test(element.page)
      }
      return (page) => {
        const rollup = evaluation.rollup(column, page)
        const elements = rollup.type === 'array' ? rollup.elements : []
        if (kind === 'any') return elements.some(matches)
        return kind === 'none' ? !elements.some(matches) : elements.every(matches)
      }
    }
  }
}

function propertyTest(evaluation: Evaluation, dataSource: DataSource, source: Record<string, unknown>, path: string) {
  if (typeof source.property !== 'string') throw mismatch(`${path}.property`, ['a string'], source.property)
  const key = conditionKeys.find((candidate) => source[candidate] !== undefined)
  if (key === undefined) throw missing(...conditionKeys.map((candidate) => `${path}.${candidate}`))
  for (const name of Object.keys(source)) {
    if (name !== key && name !== 'property' && name !== 'type') throw notPresent(`${path}.${name}`, source[name])
  }
  const column = findColumn(dataSource.properties, source.property)
  if (column === undefined) throw new InvalidInput([`Could not find property with name or id: ${source.property}`])
  if (column.type !== key && !alsoFor[key]?.includes(column.type)) {
    throw new InvalidInput([
      `The property type in the database does not match the property type of the filter provided: database property ${column.type} does not match filter ${key}`,
    ])
  }
  return columnTest(evaluation, column, key, source[key], `${path}.${key}`)
}

function timestampTest(evaluation: Evaluation, source: Record<string, unknown>, path: string): RowTest {
  const { timestamp } = source
  if (timestamp !== 'created_time' && timestamp !== 'last_edited_time') {
    throw mismatch(`${path}.timestamp`, ['`"created_time"`', '`"last_edited_time"`'], timestamp)
  }
  if (source[timestamp] === undefined) throw missing(`${path}.${timestamp}`)
  for (const name of Object.keys(source)) {
    if (name !== timestamp && name !== 'timestamp' && name !== 'type') throw notPresent(`${path}.${name}`, source[name])
  }
  const test = dateCondition(source[timestamp], `${path}.${timestamp}`, evaluation.now)
  return timestamp === 'created_time' ? (page) => test(page.createdTime) : (page) => test(page.lastEditedTime)
}

function compoundTest(
  evaluation: Evaluation,
  dataSource: DataSource,
  source: Record<string, unknown>,
  path: string,
  level: number,
): RowTest {
  const kind = source.and === undefined ? 'or' : 'and'
  const at = `${path}.${kind}`
  if (level > limits.filterNesting) throw notPresent(at, source[kind])
  for (const name of Object.keys(source)) if (name !== kind) throw notPresent(`${path}.${name}`, source[name])
  const part: Check<RowTest> = {
    expected: ['an object'],
    read: (value, where) => compile(evaluation, dataSource, value, where, level + 1),
  }
  const tests = array(part).read(source[kind], at)
  // An empty group accepts all rows, with `or` too.
  if (tests.length === 0) return () => true
  return kind === 'and' ? (page) => tests.every((test) => test(page)) : (page) => tests.some((test) => test(page))
}

function compile(evaluation: Evaluation, dataSource: DataSource, value: unknown, path: string, level: number): RowTest {
  const source = anyObject.read(value, path)
  if (source.and !== undefined || source.or !== undefined) {
    return compoundTest(evaluation, dataSource, source, path, level)
  }
  if (source.timestamp !== undefined) return timestampTest(evaluation, source, path)
  if (source.property === undefined) {
    throw missing(`${path}.or`, `${path}.and`, `${path}.property`, `${path}.timestamp`)
  }
  return propertyTest(evaluation, dataSource, source, path)
}

/**
 * Compiles `body.filter` of a query. Returns undefined without a filter. Groups nest at most two levels.
 *
 * Throws InvalidInput, in Notion's words, when the format, a column or the type of a condition is not valid.
 */
export function compileFilter(evaluation: Evaluation, dataSource: DataSource, value: unknown): RowTest | undefined {
  if (value === undefined || (isObject(value) && Object.keys(value).length === 0)) return undefined
  return compile(evaluation, dataSource, value, 'body.filter', 1)
}
