/**
 * The meaning of date conditions (Notion reference: "Filter data source entries", date).
 *
 * A condition becomes a half-open interval of instants. A date without a time stands for its whole day in UTC, one
 * with a time for that instant; of a date range in a row the start counts.
 */

const dayMs = 86_400_000

/** Instants in milliseconds since the epoch, from inclusive, to exclusive. */
export interface Interval {
  readonly from: number
  readonly to: number
}

const dateOnlyPattern = /^\d{4}-\d{2}-\d{2}$/
const offsetPattern = /(Z|[+-]\d{2}:?\d{2})$/i

/**
 * The instant of an ISO 8601 date; the start of the day, in UTC, if it has no time, and UTC if it has no offset.
 * NaN if it is no date.
 */
export function instant(text: string): number {
  if (dateOnlyPattern.test(text)) return Date.parse(text)
  return Date.parse(offsetPattern.test(text) ? text : `${text}Z`)
}

/** What an ISO 8601 date covers: its day, or its instant. */
function covered(text: string): Interval {
  const from = instant(text)
  return { from, to: dateOnlyPattern.test(text) ? from + dayMs : from + 1 }
}

/** Names of days that Notion takes in place of a date. */
export const relativeDates = [
  'today',
  'tomorrow',
  'yesterday',
  'one_week_ago',
  'one_week_from_now',
  'one_month_ago',
  'one_month_from_now',
] as const

/** Conditions that hold for a span of days around today and take an empty object. */
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

/** The day, in UTC, that is so many days and months away from that of an instant. */
function day(now: number, move: { days?: number; months?: number } = {}): number {
  const at = new Date(now)
  const [year, month, date] = [at.getUTCFullYear(), at.getUTCMonth() + (move.months ?? 0), at.getUTCDate()]
  // A month that is too short takes its last day: one month after January 31 is the end of February.
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

/** Whether a text is what a date comparison takes: an ISO 8601 date or the name of a day. */
export function isComparisonDate(text: string): boolean {
  return isRelativeDate(text) || !Number.isNaN(instant(text))
}

/** The interval in which a comparison with a date holds. `now` decides what "today" is. */
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

/**
 * The interval of a span around today. "Past" and "next" spans hold today; this week runs from Sunday to Saturday.
 */
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
