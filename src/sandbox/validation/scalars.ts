/** Ids, dates and URLs as Notion takes them. */
import { type Check, mismatch } from './check.ts'

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

/**
 * A UUID in lower case with dashes, from one with or without dashes; undefined for any other string.
 * Notion writes ids with dashes and accepts both.
 */
export function parseUuid(text: unknown): string | undefined {
  if (typeof text !== 'string' || !uuidPattern.test(text)) return undefined
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

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/
const dateTime = /^(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/i

/** Whether a text is a date, or a date with a time, of a day that exists (ISO 8601). */
export function isIsoDate(text: string): boolean {
  const parts = datePattern.exec(text) ?? dateTime.exec(text)
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

/** Minutes by which a zone is ahead of UTC at an instant. */
function offsetOf(timeZone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at)
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = '0', minutes = '0'] = /GMT([+-])(\d{2}):(\d{2})/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function localOffset(timeZone: string, local: string): string {
  const asUtc = Date.parse(`${local}Z`)
  const guess = offsetOf(timeZone, asUtc)
  // Where the clock is changed between the two instants, the second look is the right one.
  const offset = offsetOf(timeZone, asUtc - guess * 60_000)
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
}

/** Whether a text names a zone of the IANA time zone database. */
export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

/** The name of a time zone. */
export const timeZone: Check<string> = {
  expected: ['a valid IANA time zone'],
  read(value, path, also = []) {
    if (typeof value === 'string' && isTimeZone(value)) return value
    throw mismatch(path, ['a valid IANA time zone', ...also], value)
  },
}

const localTime = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$/i

/**
 * An ISO 8601 date as answers show it: a day stays a day, and a time is complete and has an offset (RFC 3339). A time
 * without one is that of the zone, or of UTC if there is none.
 */
export function withOffset(date: string, zone: string | null): string {
  const [, day, minutes, seconds = ':00', offset] = localTime.exec(date) ?? []
  if (day === undefined || minutes === undefined) return date
  const local = `${day}T${minutes}${seconds}`
  if (offset === undefined) return `${local}${zone === null ? 'Z' : localOffset(zone, local)}`
  return `${local}${offset.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`
}
