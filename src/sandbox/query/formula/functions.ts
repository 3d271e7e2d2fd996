/** Supported functions of formulas. */
import { instant } from '../dates.ts'
import type { DateValue } from '../evaluation.ts'

/** A value in a formula. Null is the empty value. */
export type FormulaValue = string | number | boolean | DateValue | null

/** An unsupported formula: an unknown function, invalid arguments or a result over the limits. */
export class FormulaUnsupported extends Error {
  override readonly name = 'FormulaUnsupported'
}

/** Maximum length of a string. Without it, a short formula could use up the memory. */
export const maxTextLength = 100_000

function unsupported(what: string): never {
  throw new FormulaUnsupported(what)
}

/** Returns whether a value is a date. */
export function isDate(value: FormulaValue): value is DateValue {
  return typeof value === 'object' && value !== null
}

function toText(value: FormulaValue): string {
  if (value === null) return ''
  return isDate(value) ? (value.end === null ? value.start : `${value.start} → ${value.end}`) : String(value)
}

function toNumber(value: FormulaValue): number {
  if (value === null) return 0
  if (isDate(value)) return instant(value.start)
  const number = Number(value)
  return Number.isNaN(number) ? unsupported('argument must be a number') : number
}

function toDate(value: FormulaValue): DateValue {
  return isDate(value) ? value : unsupported('argument must be a date')
}

function toBoolean(value: FormulaValue): boolean {
  return value !== null && value !== false && value !== 0 && value !== ''
}

function isEmpty(value: FormulaValue): boolean {
  return value === null || value === '' || value === 0 || value === false
}

function compare(left: FormulaValue, right: FormulaValue): number {
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  return toNumber(left) - toNumber(right)
}

function equal(left: FormulaValue, right: FormulaValue): boolean {
  if (isDate(left) && isDate(right)) return instant(left.start) === instant(right.start)
  return left === right
}

const unitMs: ReadonlyMap<string, number> = new Map(
  Object.entries({
    weeks: 604_800_000,
    days: 86_400_000,
    hours: 3_600_000,
    minutes: 60_000,
    seconds: 1000,
    milliseconds: 1,
  }),
)

const monthsPerUnit: ReadonlyMap<string, number> = new Map(Object.entries({ years: 12, quarters: 3, months: 1 }))

/** Returns the date at a time. It has no time of day if `like` has none. */
function dateAt(milliseconds: number, like?: DateValue): DateValue {
  if (Number.isNaN(milliseconds) || Math.abs(milliseconds) > 8.64e15) unsupported('date is out of range')
  const text = new Date(milliseconds).toISOString()
  const dateOnly = like !== undefined && like.start.length === 10 && text.endsWith('T00:00:00.000Z')
  return { start: dateOnly ? text.slice(0, 10) : text, end: null, time_zone: null }
}

function unit(value: FormulaValue): string {
  const name = toText(value)
  return name.endsWith('s') ? name : `${name}s`
}

function shift(value: FormulaValue, amount: number, by: FormulaValue): DateValue {
  const date = toDate(value)
  const at = instant(date.start)
  const months = monthsPerUnit.get(unit(by))
  if (months === undefined) return dateAt(at + amount * (unitMs.get(unit(by)) ?? unsupported('unit is unknown')), date)
  const moved = new Date(at)
  const day = moved.getUTCDate()
  moved.setUTCDate(1)
  moved.setUTCMonth(moved.getUTCMonth() + amount * months)
  // In a shorter month the last day is used.
  const last = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate()
  moved.setUTCDate(Math.min(day, last))
  return dateAt(moved.getTime(), date)
}

function between(left: FormulaValue, right: FormulaValue, by: FormulaValue): number {
  const [from, to] = [instant(toDate(right).start), instant(toDate(left).start)]
  const months = monthsPerUnit.get(unit(by))
  if (months === undefined) return Math.trunc((to - from) / (unitMs.get(unit(by)) ?? unsupported('unit is unknown')))
  const [a, b] = [new Date(from), new Date(to)]
  const whole = (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth()
  return Math.trunc(whole / months)
}

function datePart(value: FormulaValue, read: (date: Date) => number): number {
  return read(new Date(instant(toDate(value).start)))
}

type Args = readonly FormulaValue[]
const numbers = (args: Args) => args.map(toNumber)
const at = (args: Args, index: number): FormulaValue => args[index] ?? null
const num = (args: Args, index: number) => toNumber(at(args, index))
const text = (args: Args, index: number) => toText(at(args, index))

function add(args: Args): FormulaValue {
  const [left, right] = [at(args, 0), at(args, 1)]
  if (typeof left === 'string' || typeof right === 'string') return toText(left) + toText(right)
  return toNumber(left) + toNumber(right)
}

function rounded(value: number, digits: number): number {
  const factor = 10 ** digits
  return Math.round(value * factor) / factor
}

/** Functions of evaluated arguments by name. */
export const functions: Readonly<Record<string, (args: Args) => FormulaValue>> = {
  add,
  subtract: (args) => num(args, 0) - num(args, 1),
  multiply: (args) => num(args, 0) * num(args, 1),
  divide: (args) => num(args, 0) / num(args, 1),
  mod: (args) => num(args, 0) % num(args, 1),
  pow: (args) => num(args, 0) ** num(args, 1),
  unaryMinus: (args) => -num(args, 0),
  equal: (args) => equal(at(args, 0), at(args, 1)),
  unequal: (args) => !equal(at(args, 0), at(args, 1)),
  larger: (args) => compare(at(args, 0), at(args, 1)) > 0,
  largerEq: (args) => compare(at(args, 0), at(args, 1)) >= 0,
  smaller: (args) => compare(at(args, 0), at(args, 1)) < 0,
  smallerEq: (args) => compare(at(args, 0), at(args, 1)) <= 0,
  not: (args) => !toBoolean(at(args, 0)),
  empty: (args) => isEmpty(at(args, 0)),
  length: (args) => text(args, 0).length,
  concat: (args) => args.map(toText).join(''),
  contains: (args) => text(args, 0).includes(text(args, 1)),
  substring: (args) => text(args, 0).substring(num(args, 1), args.length > 2 ? num(args, 2) : undefined),
  replaceAll: (args) => {
    const [parts, by] = [text(args, 0).split(text(args, 1)), text(args, 2)]
    return parts.length * by.length <= maxTextLength ? parts.join(by) : unsupported('too long string')
  },
  lower: (args) => text(args, 0).toLowerCase(),
  upper: (args) => text(args, 0).toUpperCase(),
  trim: (args) => text(args, 0).trim(),
  repeat: (args) => {
    const [value, times] = [text(args, 0), num(args, 1)]
    return times >= 0 && value.length * times <= maxTextLength ? value.repeat(times) : unsupported('too long string')
  },
  format: (args) => text(args, 0),
  toNumber: (args) => num(args, 0),
  abs: (args) => Math.abs(num(args, 0)),
  ceil: (args) => Math.ceil(num(args, 0)),
  floor: (args) => Math.floor(num(args, 0)),
  round: (args) => rounded(num(args, 0), args.length > 1 ? num(args, 1) : 0),
  sqrt: (args) => Math.sqrt(num(args, 0)),
  cbrt: (args) => Math.cbrt(num(args, 0)),
  exp: (args) => Math.exp(num(args, 0)),
  ln: (args) => Math.log(num(args, 0)),
  log10: (args) => Math.log10(num(args, 0)),
  log2: (args) => Math.log2(num(args, 0)),
  sign: (args) => Math.sign(num(args, 0)),
  min: (args) => Math.min(...numbers(args)),
  max: (args) => Math.max(...numbers(args)),
  sum: (args) => numbers(args).reduce((total, value) => total + value, 0),
  dateAdd: (args) => shift(at(args, 0), num(args, 1), at(args, 2)),
  dateSubtract: (args) => shift(at(args, 0), -num(args, 1), at(args, 2)),
  dateBetween: (args) => between(at(args, 0), at(args, 1), at(args, 2)),
  dateStart: (args) => ({ ...toDate(at(args, 0)), end: null }),
  dateEnd: (args) => {
    const date = toDate(at(args, 0))
    return { ...date, start: date.end ?? date.start, end: null }
  },
  timestamp: (args) => instant(toDate(at(args, 0)).start),
  fromTimestamp: (args) => dateAt(num(args, 0)),
  year: (args) => datePart(at(args, 0), (date) => date.getUTCFullYear()),
  month: (args) => datePart(at(args, 0), (date) => date.getUTCMonth() + 1),
  date: (args) => datePart(at(args, 0), (date) => date.getUTCDate()),
  // In Notion Monday is day 1 of the week.
  day: (args) => datePart(at(args, 0), (date) => date.getUTCDay() || 7),
  hour: (args) => datePart(at(args, 0), (date) => date.getUTCHours()),
  minute: (args) => datePart(at(args, 0), (date) => date.getUTCMinutes()),
}
