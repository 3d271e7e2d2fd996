import { ProviderError, RateLimitedError, ToolError } from '../../errors.ts'
import { type Measured, measure } from '../../search/match.ts'
import type { Query } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import { flagAt, type JsonObject, textAt } from '../json.ts'
import { editedAt } from './conditions.ts'
import { beginning, type Place, type SearchCursor } from './cursor.ts'
import { type Entry, type Listing, type Send, walk } from './listing.ts'
import { pageText } from './page-text.ts'

/**
 * The bounds of one call: pages that are read, a third of what Notion allows in a minute; how many at a time; lists of 100
 * pages; and the milliseconds from the start of the call.
 */
export const scanLimits = { pages: 60, atOnce: 4, lists: 4, milliseconds: 15_000 } as const

/** A timer may fire this much before its time. */
export const timerPrecisionMs = 20

/** Why a search ended. */
export const searchEnds = ['complete', 'page_size', 'page_limit', 'time_limit', 'rate_limit', 'unavailable'] as const
export type SearchEnd = (typeof searchEnds)[number]

/** A page whose content matches, with the cursor that continues after it. */
export interface FoundPage {
  readonly page: JsonObject
  readonly measured: Measured
  readonly cursor: SearchCursor
}

/** What a scan found, and how far it came. */
export interface Scan {
  /** In the order of the listing. */
  readonly found: readonly FoundPage[]
  /** What was measured of all pages that were read. */
  readonly measured: readonly Measured[]
  readonly partlyRead: number
  readonly skipped: number
  readonly known: number
  readonly more: boolean
  readonly endedBy: SearchEnd
  /** Null where nothing is left. */
  readonly next: SearchCursor | null
  /** The failure that ended it. */
  readonly failure: ToolError | null
}

/** What a scan goes through. */
export interface ScanInput {
  readonly query: Query
  readonly listing: Listing
  readonly from: SearchCursor | null
  /** The results that there is room for. */
  readonly room: number
  /** On the scale of {@link NotionCall.elapsed}. */
  readonly startedAt: number
  /** Reads what decides about an object of the listing, with the way to send requests. */
  readonly prepare: (send: Send) => Promise<{
    readonly accepts: (object: JsonObject) => boolean
    readonly isLast: (object: JsonObject) => boolean
  }>
}

type Outcome =
  | { readonly is: 'read'; readonly measured: Measured; readonly partly: boolean }
  | { readonly is: 'skipped' }
  | { readonly is: 'failed'; readonly error: unknown }

/**
 * Reads the content of the pages of a listing, some at a time, and compares it with the query, until a bound is reached.
 * Pages that Notion refuses are skipped. A rate limit or an outage ends it with what was found. Throws only when the call
 * was aborted, and for bugs; no request is left behind.
 */
export async function scanPages(call: NotionCall, input: ScanInput): Promise<Scan> {
  const { query, room } = input
  const {
    place: from,
    done: doneBefore,
    known,
    more,
  } = input.from ?? { place: beginning, done: 0, known: 0, more: true }
  const end = new AbortController()
  const remaining = () => scanLimits.milliseconds - (call.elapsed() - input.startedAt)
  const within = (signal?: AbortSignal) => ({ milliseconds: Math.max(0, remaining()), ...(signal && { signal }) })
  const send: Send = async (request) => call.bodyOf(await call.attempt(request, within()), { place: 'start_cursor' })
  const pages = walk(input.listing, from, scanLimits.lists, send)

  const found: FoundPage[] = []
  const measured: Measured[] = []
  const pending: { readonly entry: Entry; readonly outcome: Promise<Outcome> }[] = []
  const stop: { by: SearchEnd | null; error: unknown } = { by: null, error: null }
  let [started, partlyRead, skipped, listed] = [0, 0, 0, 0]
  let place = from
  let rules: Awaited<ReturnType<ScanInput['prepare']>> | null = null
  let isOver = false

  function fail(error: unknown): void {
    stop.error ??= error
    if (error instanceof RateLimitedError) stop.by ??= 'rate_limit'
    else stop.by ??= remaining() <= timerPrecisionMs ? 'time_limit' : 'unavailable'
  }

  /** Returns the next page that may match; null where none is left, or the lists of this call are used up. */
  async function nextPage(): Promise<Entry | null> {
    rules ??= await input.prepare(send)
    for (;;) {
      const entry = await pages.next()
      if (entry === null) {
        isOver = pages.isOver()
        return null
      }
      if (rules.isLast(entry.object)) {
        isOver = true
        return null
      }
      if (entry.object.object !== 'page' || flagAt(entry.object, 'in_trash') || !rules.accepts(entry.object)) continue
      listed += 1
      return entry
    }
  }

  async function readPage(page: JsonObject): Promise<Outcome> {
    try {
      const page_id = textAt(page, 'id') ?? ''
      const answer = await call.attempt((notion) => notion.pages.retrieveMarkdown({ page_id }), within(end.signal))
      if ('refusal' in answer) return { is: 'skipped' }
      const { isPart, ...content } = await pageText(page, answer.body)
      return { is: 'read', measured: measure(query, { ...content, editedAt: editedAt(page) }), partly: isPart }
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'answer_too_large') return { is: 'skipped' }
      return { is: 'failed', error }
    }
  }

  const cursorAt = (at: Place): SearchCursor => ({
    phase: 'content',
    place: at,
    done: doneBefore + measured.length + skipped,
    known: 0,
    more: true,
  })

  async function startReads(): Promise<void> {
    while (pending.length < scanLimits.atOnce && stop.by === null && !isOver) {
      if (started >= scanLimits.pages) stop.by = 'page_limit'
      else if (remaining() <= 0) stop.by = 'time_limit'
      else {
        const entry = await nextPage()
        if (entry === null) {
          if (!isOver) stop.by = 'page_limit'
          return
        }
        const waitMs = call.takeScanRequest()
        if (waitMs > 0) {
          fail(new RateLimitedError(waitMs))
          return
        }
        started += 1
        pending.push({ entry, outcome: readPage(entry.object) })
      }
    }
  }

  let isFull = false
  for (;;) {
    try {
      await startReads()
    } catch (error) {
      fail(error)
    }
    const first = pending.shift()
    if (first === undefined) break
    const outcome = await first.outcome
    if (outcome.is === 'failed') {
      fail(outcome.error)
      break
    }
    place = first.entry.after
    if (outcome.is === 'skipped') {
      skipped += 1
      continue
    }
    measured.push(outcome.measured)
    if (outcome.partly) partlyRead += 1
    if (!outcome.measured.matches) continue
    found.push({ page: first.entry.object, measured: outcome.measured, cursor: cursorAt(place) })
    isFull = found.length >= room
    if (isFull) break
  }
  // The pages that were read ahead are left to the next call.
  const isCaughtUp = () => listed === measured.length + skipped
  const reached = isCaughtUp() ? pages.place() : place
  if (isFull || stop.error !== null) end.abort(new Error('The scan is over.'))
  await Promise.all(pending.map(({ outcome }) => outcome))
  if (stop.error !== null && !(stop.error instanceof ToolError)) throw stop.error
  await lookAhead()

  const isComplete = isOver && isCaughtUp() && stop.error === null
  const counts = isOver
    ? { known: doneBefore + listed, more: false }
    : { known: Math.max(known, doneBefore + listed), more }
  const withCounts = (cursor: SearchCursor): SearchCursor => ({ ...cursor, ...counts })
  return {
    found: found.map((one) => ({ ...one, cursor: withCounts(one.cursor) })),
    measured,
    partlyRead,
    skipped,
    ...counts,
    endedBy: isComplete ? 'complete' : isFull ? 'page_size' : (stop.by ?? 'page_limit'),
    next: isComplete ? null : withCounts(cursorAt(reached)),
    failure: stop.error instanceof ToolError ? stop.error : null,
  }

  /** Looks for a page after those that were read; the first call of a search counts all of them. */
  async function lookAhead(): Promise<void> {
    try {
      while (stop.error === null && !isOver && remaining() > 0) {
        if ((await nextPage()) === null || input.from !== null) return
      }
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
    }
  }
}
