import type { Candidate, GrantIndex } from '../../content-index/content-indexes.ts'
import { ProviderError, RateLimitedError, ToolError } from '../../errors.ts'
import { type Measured, measure, scoresOf } from '../../search/match.ts'
import type { Query } from '../../search/query.ts'
import type { NotionCall } from '../call.ts'
import type { JsonObject } from '../json.ts'
import { readComments } from './comments.ts'
import { editPrecisionMs, isGone, listedPage } from './content-source.ts'
import type { IndexCursor } from './cursor.ts'
import { pageText } from './page-text.ts'
import { type SearchEnd, scanLimits, timerPrecisionMs } from './scan.ts'

/** How many candidates are ranked together, and how many hits are checked at a time. */
const indexLimits = { together: 300, atOnce: 4 } as const

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

/** What a search of the index found: the best first, among those that were ranked together. */
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
  readonly score: number
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
  let { after, offset } = input.from
  let next: IndexCursor | null = input.from
  try {
    for (;;) {
      const batch = await index.candidates(query, { after, limit: indexLimits.together })
      const hits = await rankedHits(query, batch.found, input.accepts)
      const start = after
      let at = offset
      // Those that were removed are not counted when the search continues.
      let removed = 0
      const here = (): IndexCursor | null => {
        if (at < hits.length) return { phase: 'index', after: start, offset: at - removed }
        return batch.isOver || batch.last === null ? null : { phase: 'index', after: batch.last, offset: 0 }
      }
      next = here()
      while (at < hits.length && found.length < room) {
        if (remaining() <= 0) return end('time_limit', null)
        const some = hits.slice(at, at + Math.min(indexLimits.atOnce, room - found.length))
        for (const one of await Promise.all(some.map((hit) => settled(check(hit))))) {
          if ('error' in one) throw one.error
          at += 1
          if (one.value === 'gone') removed += 1
          next = here()
          if (one.value !== 'gone' && one.value !== null) found.push({ ...one.value, cursor: next })
        }
      }
      if (next === null) return end('complete', null)
      if (found.length >= room) return end('page_size', null)
      after = next.after
      offset = 0
    }
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

  /** Returns the hit as Notion returns it now; null where it does not match any more, `gone` where it was removed. */
  async function check(hit: Hit): Promise<Omit<IndexedPage, 'cursor'> | 'gone' | null> {
    const { score, isPart, objectId } = hit
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
      return 'gone'
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
    const text = pageText(listed.object, content.body)
    const { comments } = await currentComments(hit)
    const again = measure(query, { ...text, comments, editedAt })
    return again.matches ? { page: listed.object, measured: again, score, isPart: isPart || text.isPart } : null
  }

  /** Returns a hit with this page; null where a comment that it needs to match does not exist any more. */
  async function withComments(hit: Hit, page: JsonObject): Promise<Omit<IndexedPage, 'cursor'> | null> {
    const { score, isPart, objectId } = hit
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

/** Returns the candidates that match, the best first. Other work of the process has its turn in between. */
async function rankedHits(
  query: Query,
  candidates: readonly Candidate[],
  accepts: (page: JsonObject) => boolean,
): Promise<readonly Hit[]> {
  const matching: (Candidate & { readonly measured: Measured })[] = []
  let characters = 0
  for (const candidate of candidates) {
    const measured = measure(query, candidate)
    if (measured.matches && accepts(candidate.object)) matching.push({ ...candidate, measured })
    characters += candidate.text.length
    if (characters < 200_000) continue
    characters = 0
    await new Promise((resolve) => setImmediate(resolve))
  }
  const scores = scoresOf(matching.map(({ measured }) => measured))
  return matching.map((one, at) => ({ ...one, score: scores[at] ?? 0 })).sort((a, b) => b.score - a.score)
}
