/** Ids, dates and URLs as Notion takes them. */
import { type Check, mismatch } from './check.ts'

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/**
 * A UUID in lower case with dashes, from one with or without dashes; undefined if it is none.
 * Notion writes ids with dashes and accepts both.
 */
export function parseUuid(text: unknown): string | undefined {
  if (typeof text !== 'string' || !UUID.test(text)) return undefined
  const hex = text.replaceAll('-', '').toLowerCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** A UUID, given back with dashes and in lower case. */
export const uuid: Check<string> = {
  expected: ['a valid uuid'],
  read(value, path, also = []) {
    if (value !== undefined && typeof value !== 'string') throw mismatch(path, ['a string', ...also], value)
    const id = parseUuid(value)
    if (id === undefined) throw mismatch(path, ['a valid uuid', ...also], value)
    return id
  },
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** Whether a text is a date, or a date with a time, of a day that exists (ISO 8601). */
export function isIsoDate(text: string): boolean {
  const parts = DATE.exec(text) ?? DATE_TIME.exec(text)
  if (parts === null) return false
  const [year, month, day] = parts.slice(1, 4).map(Number)
  if (year === undefined || month === undefined || day === undefined) return false
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && !Number.isNaN(Date.parse(text.replace(' ', 'T')))
}

/** An ISO 8601 date, with or without a time. */
export const isoDate: Check<string> = {
  expected: ['a valid ISO 8601 date string'],
  read(value, path, also = []) {
    if (typeof value === 'string' && isIsoDate(value)) return value
    throw mismatch(path, ['a valid ISO 8601 date string', ...also], value)
  },
}
