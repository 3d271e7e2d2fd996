/**
 * Date conditions as half-open intervals. A date without a time is its whole day in UTC, a date with a time is one
 * instant. Only the start of a date range in a row is compared.
 *
 * @see https://developers.notion.com/reference/filter-data-source-entries
 */

const dayMs = 86_400_000

/** Times in milliseconds since the epoch. `from` is inclusive, `to` is exclusive. */
export interface Interval {
  readonly from: number
  readonly to: number
}

const dateOnlyPattern = /^\d{4}-\d{2}-\d{2}$/
const offsetPattern = /(Z|[+-]\d{2}:?\d{2})$/i

/**
 * Returns the time of an ISO 8601 date in milliseconds since the epoch, or NaN if the string is not a date. The default
 * time is the start of the day, and the default offset is UTC.
 */
export function instant(text: string): number {
  if (dateOnlyPattern.test(text)) return Date.parse(text)
  return Date.parse(offsetPattern.test(text) ? text : `${text}Z`)
}

/** Returns the interval of an ISO 8601 date: its day, or one millisecond if it has a time. */
function covered(text: string): Interval {
  const from = instant(text)
  return { from, to: dateOnlyPattern.test(text) ? from + dayMs : from + 1 }
}

/** Names of days that Notion accepts instead of a date. */
export const relativeDates = [
  'today',
  'tomorrow',
  'yesterday',
  'one_week_ago',
  'one_week_from_now',
  'one_month_ago',
  'one_month_from_now',
] as const

/** Conditions for a span of days relative to today. Their operand is an empty object. */
export const relativeSpans = [
  'this_week',
  'past_week',
  'past_month',
  'past_year',
  'next_week',
  'next_month',
  'next_year',
] as const

/** Conditions that compare with a date. */
export const dateComparisons = ['equals', 'before', 'after', 'on_or_before', 'on_or_after'] as const

type RelativeDate = (typeof relativeDates)[number]

/** Returns the start of a day in UTC, relative to the day of `now`. */
function day(now: number, move: { days?: number; months?: number } = {}): number {
  const at = new Date(now)
  const [year, month, date] = [at.getUTCFullYear(), at.getUTCMonth() + (move.months ?? 0), at.getUTCDate()]
  // In a shorter month the last day is used: one month after January 31 is the end of February.
  const inMonth = Math.min(date, new Date(Date.UTC(year, month + 1, 0)).getUTCDate())
  return Date.UTC(year, month, inMonth) + (move.days ?? 0) * dayMs
}

function relativeDay(name: RelativeDate, now: number): number {
  switch (name) {
    case 'today':
      return day(now)
    case 'tomorrow':
      return day(now, { days: 1 })
    case 'yesterday':
      return day(now, { days: -1 })
    case 'one_week_ago':
      return day(now, { days: -7 })
    case 'one_week_from_now':
      return day(now, { days: 7 })
    case 'one_month_ago':
      return day(now, { months: -1 })
    case 'one_month_from_now':
      return day(now, { months: 1 })
  }
}

function isRelativeDate(text: string): text is RelativeDate {
  return relativeDates.some((name) => name === text)
}

/** Returns whether a string is an operand of date comparisons: an ISO 8601 date or the name of a day. */
export function isComparisonDate(text: string): boolean {
  return isRelativeDate(text) || !Number.isNaN(instant(text))
}

/** Returns the interval in which a comparison is true. Named days are relative to `now`. */
export function comparisonInterval(comparison: (typeof dateComparisons)[number], text: string, now: number): Interval {
  const start = isRelativeDate(text) ? relativeDay(text, now) : undefined
  const { from, to } = start === undefined ? covered(text) : { from: start, to: start + dayMs }
  switch (comparison) {
    case 'equals':
      return { from, to }
    case 'before':
      return { from: Number.NEGATIVE_INFINITY, to: from }
    case 'after':
      return { from: to, to: Number.POSITIVE_INFINITY }
    case 'on_or_before':
      return { from: Number.NEGATIVE_INFINITY, to }
    case 'on_or_after':
      return { from, to: Number.POSITIVE_INFINITY }
  }
}

/** Returns the interval of a span. Past and next spans include today. A week starts on Sunday. */
export function spanInterval(span: (typeof relativeSpans)[number], now: number): Interval {
  const today = day(now)
  const pastTo = today + dayMs
  switch (span) {
    case 'this_week': {
      const sunday = today - new Date(now).getUTCDay() * dayMs
      return { from: sunday, to: sunday + 7 * dayMs }
    }
    case 'past_week':
      return { from: day(now, { days: -7 }), to: pastTo }
    case 'past_month':
      return { from: day(now, { months: -1 }), to: pastTo }
    case 'past_year':
      return { from: day(now, { months: -12 }), to: pastTo }
    case 'next_week':
      return { from: today, to: day(now, { days: 7 }) + dayMs }
    case 'next_month':
      return { from: today, to: day(now, { months: 1 }) + dayMs }
    case 'next_year':
      return { from: today, to: day(now, { months: 12 }) + dayMs }
  }
}
