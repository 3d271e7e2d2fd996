import { setImmediate } from 'node:timers/promises'
import type { Candidate, GrantIndex } from '../../content-index/content-indexes.ts'
import { highestScore } from '../../content-index/ranking.ts'
import { ProviderError, RateLimitedError, ToolError } from '../../errors.ts'
import { type Measured, measure, shownScore } from '../../search/match.ts'
import type { Query } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import type { JsonObject } from '../json.ts'
import { readComments } from './comments.ts'
import { editPrecisionMs, isGone, listedPage } from './content-source.ts'
import type { IndexCursor } from './cursor.ts'
import { pageText } from './page-text.ts'
import { type SearchEnd, scanLimits, timerPrecisionMs } from './scan.ts'

/** The documents that are opened at a time, and the hits that are checked at a time. */
const indexLimits = { fewest: 8, most: 50, atOnce: 4 } as const

/** The characters of documents that are compared before other work of the process has its turn. */
const charactersAtOnce = 200_000

/** A hit that Notion returned longer ago is requested again before it is returned, in milliseconds. */
export const provenForMs = 15 * 60_000

/** A page that the index found, with the cursor that continues after it. */
export interface IndexedPage {
  readonly page: JsonObject
  readonly measured: Measured
  readonly score: number
  readonly isPart: boolean
  /** Null where nothing is left. */
  readonly cursor: IndexCursor | null
}

/** What a search of the index found, the best first. */
export interface Indexed {
  readonly found: readonly IndexedPage[]
  readonly endedBy: SearchEnd
  readonly next: IndexCursor | null
  readonly failure: ToolError | null
}

/** What the index is searched for. */
export interface IndexInput {
  readonly query: Query
  readonly from: IndexCursor
  /** The results that there is room for. */
  readonly room: number
  /** On the scale of {@link NotionCall.elapsed}. */
  readonly startedAt: number
  readonly accepts: (page: JsonObject) => boolean
}

interface Hit extends Candidate {
  readonly measured: Measured
}

/**
 * Searches the index of the content that an account can read. What Notion has not returned lately is requested again: a page
 * that it does not return any more is left out and removed from the index, and one that changed is compared again, as are
 * comments. Throws only when the call was aborted, and for bugs.
 */
export async function searchIndex(call: NotionCall, index: GrantIndex, input: IndexInput): Promise<Indexed> {
  const { query, room } = input
  const remaining = () => scanLimits.milliseconds - (call.elapsed() - input.startedAt)
  const within = () => ({ milliseconds: Math.max(0, remaining()) })
  const found: IndexedPage[] = []
  const proven: string[] = []
  let next: IndexCursor | null = input.from
  try {
    const ranking = await index.rank(query)
    for (let at = next.after === null ? 0 : ranking.indexAfter(next.after); at < ranking.length; ) {
      // One more than there is room for: whether any follows.
      const count = Math.min(indexLimits.most, Math.max(indexLimits.fewest, room - found.length + 1))
      const places = Array.from({ length: Math.min(count, ranking.length - at) }, (_, offset) =>
        ranking.at(at + offset),
      )
      const hits = await matching(query, await index.open(places), input.accepts)
      for (let from = 0; from < hits.length; ) {
        if (found.length >= room) return end('page_size', null)
        if (remaining() <= 0) return end('time_limit', null)
        const some = hits.slice(from, from + Math.min(indexLimits.atOnce, room - found.length))
        for (const one of await Promise.all(some.map((hit) => settled(check(hit))))) {
          if ('error' in one) throw one.error
          next = { phase: 'index', after: hits[from]?.place ?? null }
          from += 1
          if (one.value !== null) found.push({ ...one.value, cursor: next })
        }
      }
      at += places.length
      next = { phase: 'index', after: places.at(-1) ?? null }
      if (remaining() <= 0 && at < ranking.length) return end('time_limit', null)
    }
    next = null
    return end('complete', null)
  } catch (error) {
    if (!(error instanceof ToolError)) throw error
    const isLate = remaining() <= timerPrecisionMs
    return end(error instanceof RateLimitedError ? 'rate_limit' : isLate ? 'time_limit' : 'unavailable', error)
  } finally {
    await index.prove(proven, index.openedAt)
  }

  function end(endedBy: SearchEnd, failure: ToolError | null): Indexed {
    return { found, endedBy, next, failure }
  }

  /** Returns the hit as Notion returns it now; null where it does not match any more, or was removed. */
  async function check(hit: Hit): Promise<Omit<IndexedPage, 'cursor'> | null> {
    const { isPart, objectId } = hit
    const score = scoreOf(hit)
    if (isRecent(hit.provenAt)) return await withComments(hit, hit.object)
    takeRequest()
    const answer = await call.attempt((notion) => notion.pages.retrieve({ page_id: objectId }), within())
    if ('refusal' in answer && !isGone(answer.refusal)) {
      const { status, code, message } = answer.refusal
      throw new ProviderError(message, { status, code, retryable: false })
    }
    const listed = 'body' in answer ? listedPage({ ...answer.body }) : null
    if (listed === null) {
      await index.remove(hit)
      return null
    }
    const editedAt = listed.editedAt.getTime()
    if (editedAt === hit.editedAt && hit.readAt.getTime() >= editedAt + editPrecisionMs) {
      proven.push(objectId)
      return input.accepts(listed.object) ? await withComments(hit, listed.object) : null
    }
    await index.noteChanged([objectId])
    if (!input.accepts(listed.object)) return null
    const content = await call.attempt((notion) => notion.pages.retrieveMarkdown({ page_id: objectId }), within())
    if ('refusal' in content) return null
    const text = await pageText(listed.object, content.body)
    const { comments } = await currentComments(hit)
    const again = measure(query, { ...text, comments, editedAt })
    return again.matches ? { page: listed.object, measured: again, score, isPart: isPart || text.isPart } : null
  }

  /** Returns a hit with this page; null where a comment that it needs to match does not exist any more. */
  async function withComments(hit: Hit, page: JsonObject): Promise<Omit<IndexedPage, 'cursor'> | null> {
    const { isPart, objectId } = hit
    const score = scoreOf(hit)
    const { comments, areNew } = await currentComments(hit)
    if (!areNew) return { page, measured: hit.measured, score, isPart }
    await index.noteChanged([objectId])
    const measured = measure(query, { ...hit, comments })
    return measured.matches ? { page, measured, score, isPart } : null
  }

  /** A comment changes no page: those of a hit that were read longer ago, and that it needs to match, are read again. */
  async function currentComments(hit: Hit): Promise<{ readonly comments: string; readonly areNew: boolean }> {
    const { comments, measured, objectId, readAt } = hit
    if (measured.via !== 'comment' || isRecent(readAt)) return { comments, areNew: false }
    takeRequest()
    const now = await readComments((request) => call.attempt(request, within()), objectId)
    return { comments: now.comments, areNew: now.comments !== comments }
  }

  function isRecent(at: Date): boolean {
    return index.openedAt.getTime() - at.getTime() <= provenForMs
  }

  function takeRequest(): void {
    const waitMs = call.takeScanRequest()
    if (waitMs > 0) throw new RateLimitedError(waitMs)
  }
}

/** A failure of one is looked at in its turn, when all have ended. */
const settled = <T>(promise: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> =>
  promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )

const scoreOf = ({ place }: Candidate) => shownScore(place.score / highestScore)

/** Returns the candidates that match. Other work of the process has its turn in between. */
async function matching(
  query: Query,
  candidates: readonly Candidate[],
  accepts: (page: JsonObject) => boolean,
): Promise<readonly Hit[]> {
  const hits: Hit[] = []
  let characters = 0
  for (const candidate of candidates) {
    const measured = measure(query, candidate)
    if (measured.matches && accepts(candidate.object)) hits.push({ ...candidate, measured })
    characters += candidate.text.length
    if (characters < charactersAtOnce) continue
    characters = 0
    await setImmediate()
  }
  return hits
}
