/** Checks of ids, dates and time zones. */
import { parseUuid } from '../uuid.ts'
import { type Check, mismatch } from './check.ts'

/** Checks a UUID with or without dashes. Returns it in lower case with dashes. */
export const uuid: Check<string> = {
  expected: ['a valid uuid'],
  read(value, path, also = []) {
    if (value !== undefined && typeof value !== 'string') throw mismatch(path, ['a string', ...also], value)
    const id = parseUuid(value)
    if (id === undefined) throw mismatch(path, ['a valid uuid', ...also], value)
    return id
  },
}

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const dateTimePattern = /^(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** Returns whether a string is an ISO 8601 date, with or without a time, of an existing day. */
export function isIsoDate(text: string): boolean {
  const parts = datePattern.exec(text) ?? dateTimePattern.exec(text)
  if (parts === null) return false
  const [year, month, day] = parts.slice(1, 4).map(Number)
  if (year === undefined || month === undefined || day === undefined) return false
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return month >= 1 && month <= 12 && day >= 1 && day <= lastDay && !Number.isNaN(Date.parse(text.replace(' ', 'T')))
}

/** Checks an ISO 8601 date, with or without a time. */
export const isoDate: Check<string> = {
  expected: ['a valid ISO 8601 date string'],
  read(value, path, also = []) {
    if (typeof value === 'string' && isIsoDate(value)) return value
    throw mismatch(path, ['a valid ISO 8601 date string', ...also], value)
  },
}

/** Returns the offset of a time zone from UTC at an instant, in minutes. */
function offsetOf(timeZone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at)
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function localOffset(timeZone: string, local: string): string {
  const asUtc = Date.parse(`${local}Z`)
  const guess = offsetOf(timeZone, asUtc)
  // The second lookup is correct when the offset changes between the two instants.
  const offset = offsetOf(timeZone, asUtc - guess * 60_000)
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
}

/** Returns whether a string is the name of an IANA time zone. */
export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

/** Checks the name of an IANA time zone. */
export const timeZone: Check<string> = {
  expected: ['a valid IANA time zone'],
  read(value, path, also = []) {
    if (typeof value === 'string' && isTimeZone(value)) return value
    throw mismatch(path, ['a valid IANA time zone', ...also], value)
  },
}

const localPattern = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** Whether an ISO 8601 date is a time without an offset. */
export const isLocalTime = (date: string): boolean => {
  const [, , minutes, , offset] = localPattern.exec(date) ?? []
  return minutes !== undefined && offset === undefined
}

/**
 * Returns an ISO 8601 date in the format of Notion's responses: a day without a time does not change, a time is complete
 * and has an offset. A time without an offset is in `zone`, or in UTC if `zone` is null.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3339
 */
export function withOffset(date: string, zone: string | null): string {
  const [, day, minutes, seconds = ':00', offset] = localPattern.exec(date) ?? []
  if (day === undefined || minutes === undefined) return date
  const local = `${day}T${minutes}${seconds}`
  if (offset === undefined) return `${local}${zone === null ? 'Z' : localOffset(zone, local)}`
  return `${local}${offset.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`
}
