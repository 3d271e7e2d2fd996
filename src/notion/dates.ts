import { checkKeys, foundAt, keysUnder, onlyValue } from './input-values.ts'
import { isObject } from './json.ts'
import { addIssue, type InputContext } from './rich-text.ts'

const date =
  /^\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?$/

/** Date.parse reads 30 February as 2 March. */
function isCalendarDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** Whether a value is an ISO 8601 date or time in a form that Notion accepts. */
export function isDate(value: unknown): value is string {
  return typeof value === 'string' && date.test(value) && isCalendarDay(value.slice(0, 10))
}

/** A date or a range of dates in Notion's form. */
export interface DateValue {
  readonly start: string
  readonly end?: string
  readonly time_zone?: string
}

/** The keys of a date, each with the other spellings that are understood. */
const spellings = {
  start: ['start', 'start_date', 'startDate'],
  end: ['end', 'end_date', 'endDate'],
  time_zone: ['time_zone', 'timezone', 'timeZone'],
} as const
const knownKeys = Object.values(spellings).flat()

/**
 * Returns a date in Notion's form: from Notion's object, or from a string such as `2026-07-15`,
 * `2026-07-15/2026-07-17` or `2026-07-15T10:00:00 Europe/Berlin`, as compact results contain it. With a time zone, a time
 * with an offset becomes the local time of the same instant, since Notion accepts only one of the two. Null, with an issue,
 * for any other value.
 *
 * @see https://developers.notion.com/reference/page-property-values#date
 */
export function dateValue(value: unknown, context: InputContext): DateValue | null {
  const given = typeof value === 'string' ? dateParts(value) : value
  if (!isObject(given)) return notADate(context)
  checkKeys(given, knownKeys, context, 'in a date')
  const placeOf = isObject(value) ? keysUnder(context) : () => context
  const [start, end, zone] = (['start', 'end', 'time_zone'] as const).map((key) =>
    // Models pass an empty string for what a date does not have.
    onlyValue(foundAt(given, spellings[key], placeOf).filter(({ value }) => key === 'start' || value !== '')),
  )
  if (!isDate(start?.value)) return notADate(start?.context ?? context)
  if (end !== undefined && !isDate(end.value)) addIssue(end.context, 'must be an ISO 8601 date or time')
  if (zone !== undefined && !isTimeZone(zone.value))
    addIssue(zone.context, 'must be the IANA name of a time zone, such as "Europe/Berlin"')
  const time_zone = isTimeZone(zone?.value) ? zone.value : undefined
  if (isDate(end?.value)) {
    if (isBefore(end.value, start.value)) addIssue(end.context, 'must not be before the start')
  }
  if (
    zone !== undefined &&
    time_zone !== undefined &&
    [start, end].some((one) => isDate(one?.value) && isDay(one.value))
  )
    addIssue(zone.context, 'must be left out: only times have a time zone, such as "2026-07-15T10:00:00"')
  return {
    start: localTime(start.value, time_zone),
    ...(isDate(end?.value) && { end: localTime(end.value, time_zone) }),
    ...(time_zone !== undefined && { time_zone }),
  }
}

function notADate(context: InputContext): null {
  addIssue(context, 'must be an ISO 8601 date or time, such as {"start": "2026-07-15"}')
  return null
}

const isDay = (date: string) => date.length === 10
const hasOffset = (date: string) => /(?:Z|[+-]\d\d:?\d\d)$/.test(date.slice(10))
const dayMs = 86_400_000

/** Whether a date is certainly before another. Without an offset on both sides the zone decides, by up to a day. */
function isBefore(date: string, other: string): boolean {
  const [time, otherTime] = [date, other].map((one) =>
    Date.parse(isDay(one) || hasOffset(one) ? one.replace(' ', 'T') : `${one.replace(' ', 'T')}Z`),
  )
  const alike = isDay(date) === isDay(other) && hasOffset(date) === hasOffset(other)
  return (time ?? 0) < (otherTime ?? 0) - (alike ? 0 : dayMs)
}

function dateParts(text: string): unknown {
  const whole = text.trim()
  const space = whole.lastIndexOf(' ')
  const last = whole.slice(space + 1)
  const time_zone = space > 0 && /^[A-Za-z][\w+/-]*$/.test(last) ? last : null
  const range = time_zone === null ? whole : whole.slice(0, space).trimEnd()
  const [start, end = null, ...more] = range.split(/(?<=[\dZ])\s*[/→]\s*(?=\d)/)
  return more.length > 0 ? null : { start, end, time_zone }
}

function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string' || !/^[A-Za-z]/.test(value)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

function localTime(time: string, timeZone: string | undefined): string {
  if (timeZone === undefined || !hasOffset(time)) return time
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
  const [day, clock] = parts.format(new Date(time.replace(' ', 'T'))).split(' ')
  return `${day}T${clock}${/\.\d+/.exec(time)?.[0] ?? ''}`
}
