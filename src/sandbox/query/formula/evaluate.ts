/**
 * Formulas. The sandbox evaluates a subset of Notion's language. An unsupported formula, or one that uses an
 * unsupported value, has the result `{type: "string", string: null}`.
 */
import type { DataSource, Page, PropertySchema } from '../../model.ts'
import { anyDateCell, dataSourceOf, describeCell, instantsCell, isEmptyCell, numberCell } from '../cells.ts'
import { findColumn } from '../columns.ts'
import type { Evaluation, FormulaResult } from '../evaluation.ts'
import { FormulaUnsupported, type FormulaValue, functions, isDate, maxTextLength } from './functions.ts'
import { type Expression, FormulaSyntaxError, parseFormula } from './parse.ts'

/** A formula compiled for the rows of a data source. */
type Compiled = (evaluation: Evaluation, page: Page) => FormulaValue

function propertyValue(evaluation: Evaluation, column: PropertySchema, page: Page): FormulaValue {
  switch (column.type) {
    case 'number':
      return numberCell(evaluation, column, page) ?? null
    case 'checkbox':
      return page.properties[column.id] === true
    case 'date':
      return anyDateCell(evaluation, column, page) ?? null
    case 'created_time':
    case 'last_edited_time': {
      const instants = instantsCell(evaluation, column, page)
      if (instants === undefined) return null
      return { start: new Date(instants.start).toISOString(), end: null, time_zone: null }
    }
    case 'formula':
      return evaluation.formula(column, page).value
    case 'rollup': {
      const rollup = evaluation.rollup(column, page)
      if (rollup.type === 'array') throw new FormulaUnsupported('lists')
      return rollup.type === 'number' ? rollup.number : rollup.date
    }
    default:
      return isEmptyCell(evaluation, column, page) ? null : describeCell(evaluation, column, page)
  }
}

function truthy(value: FormulaValue): boolean {
  return value !== null && value !== false && value !== 0 && value !== ''
}

function compileCall(name: string, args: readonly Expression[], columns: readonly PropertySchema[]): Compiled {
  const parts = args.map((arg) => compile(arg, columns))
  const value = (index: number, evaluation: Evaluation, page: Page): FormulaValue =>
    parts[index]?.(evaluation, page) ?? null
  switch (name) {
    case 'prop': {
      const [key] = args
      if (key?.kind !== 'literal') throw new FormulaUnsupported('prop requires a property name')
      const column = findColumn(columns, String(key.value))
      if (column === undefined) throw new FormulaUnsupported(`unknown property ${String(key.value)}`)
      return (evaluation, page) => propertyValue(evaluation, column, page)
    }
    case 'if':
      return (evaluation, page) => value(truthy(value(0, evaluation, page)) ? 1 : 2, evaluation, page)
    case 'ifs':
      return (evaluation, page) => {
        for (let index = 0; index + 1 < parts.length; index += 2) {
          if (truthy(value(index, evaluation, page))) return value(index + 1, evaluation, page)
        }
        return parts.length % 2 === 1 ? value(parts.length - 1, evaluation, page) : null
      }
    case 'and':
      return (evaluation, page) => parts.every((part) => truthy(part(evaluation, page)))
    case 'or':
      return (evaluation, page) => parts.some((part) => truthy(part(evaluation, page)))
    case 'now':
      return ({ now }) => ({ start: new Date(now).toISOString(), end: null, time_zone: null })
    case 'today':
      return ({ now }) => ({ start: new Date(now).toISOString().slice(0, 10), end: null, time_zone: null })
    case 'pi':
      return () => Math.PI
    case 'e':
      return () => Math.E
    default: {
      const apply = Object.hasOwn(functions, name) ? functions[name] : undefined
      if (apply === undefined) throw new FormulaUnsupported(name)
      return (evaluation, page) => {
        const result = apply(parts.map((part) => part(evaluation, page)))
        if (typeof result === 'string' && result.length > maxTextLength) throw new FormulaUnsupported('too long string')
        return result
      }
    }
  }
}

function compile(expression: Expression, columns: readonly PropertySchema[]): Compiled {
  if (expression.kind === 'call') return compileCall(expression.name, expression.args, columns)
  const { value } = expression
  return () => value
}

/** Compiled formulas by data source and source. Records are immutable, so that entries do not become stale. */
const compiled = new WeakMap<DataSource, Map<string, Compiled | undefined>>()

function compiledFor(dataSource: DataSource, source: string): Compiled | undefined {
  let known = compiled.get(dataSource)
  if (known === undefined) {
    known = new Map()
    compiled.set(dataSource, known)
  }
  if (!known.has(source)) {
    try {
      known.set(source, compile(parseFormula(source), dataSource.properties))
    } catch (error) {
      if (!(error instanceof FormulaSyntaxError) && !(error instanceof FormulaUnsupported)) throw error
      known.set(source, undefined)
    }
  }
  return known.get(source)
}

function resultOf(value: FormulaValue): FormulaResult {
  if (typeof value === 'number') return { type: 'number', value: Number.isFinite(value) ? value : null }
  if (typeof value === 'boolean') return { type: 'boolean', value }
  if (isDate(value)) return { type: 'date', value }
  return { type: 'string', value }
}

/**
 * Evaluates a formula for a row.
 *
 * Throws FormulaUnsupported when the formula, or a value that it uses, is not supported.
 */
export function evaluateFormula(evaluation: Evaluation, source: string, page: Page): FormulaResult {
  const dataSource = dataSourceOf(evaluation.store, page)
  const formula = dataSource && compiledFor(dataSource, source)
  if (formula === undefined) throw new FormulaUnsupported(source)
  return resultOf(formula(evaluation, page))
}
