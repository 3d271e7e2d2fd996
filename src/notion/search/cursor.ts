import type { RankedPlace } from '../../content-index/ranking.ts'
import { isUuid } from '../../uuid.ts'

/** A place between two entries of a {@link Listing}. */
export interface Place {
  /** The cursor of the list of 100 entries; null for the first. */
  readonly start: string | null
  /** The number of its entries that are before the place. */
  readonly passed: number
  /** The id of the last of them; null for none. */
  readonly lastId: string | null
}

/** Where a search continues: within the results by title, or within the pages whose content is searched. */
export interface SearchCursor {
  readonly phase: 'titles' | 'content'
  readonly place: Place
  /** The pages whose content earlier calls of the search went through. */
  readonly done: number
  /** The pages whose content can be searched, as far as they were counted, and whether there are more. */
  readonly known: number
  readonly more: boolean
}

/** Where a search continues in the index of the content. */
export interface IndexCursor {
  readonly phase: 'index'
  /** The document before it, in the order of the ranking; null for the start. */
  readonly after: RankedPlace | null
}

/** The start of the index. */
export const indexStart: IndexCursor = { phase: 'index', after: null }

/** The start of a listing. */
export const beginning: Place = { start: null, passed: 0, lastId: null }

const form =
  /^(titles|content)\.(\d{1,6})\.(\d{1,6})\.([01])\.(\d{1,3})\.([0-9a-f-]{36}|)\.((?:\d{1,2}~)?)([0-9a-f-]{36}|)$/

const indexForm = /^index\.(?:(\d{1,7})\.(\d{1,10}))?$/

/** Returns what a cursor of {@link writeSearchCursor} encodes; null for any other string. */
export function readSearchCursor(cursor: string | undefined): SearchCursor | IndexCursor | null {
  const inIndex = indexForm.exec(cursor ?? '')
  if (inIndex !== null) {
    const [, score, number] = inIndex
    return { phase: 'index', after: score === undefined ? null : { score: Number(score), number: Number(number) } }
  }
  const [, phase, done, known, more, passed, lastId = '', source = '', start = ''] = form.exec(cursor ?? '') ?? []
  if (phase === undefined || Number(passed) > 100) return null
  if ((lastId !== '' && !isUuid(lastId)) || (start !== '' && !isUuid(start))) return null
  return {
    phase: phase === 'titles' ? 'titles' : 'content',
    place: { start: `${source}${start}` || null, passed: Number(passed), lastId: lastId || null },
    done: Number(done),
    known: Number(known),
    more: more === '1',
  }
}

/** Returns a position as a cursor. */
export function writeSearchCursor(cursor: SearchCursor | IndexCursor): string {
  if (cursor.phase === 'index') {
    const { after } = cursor
    return `index.${after === null ? '' : `${after.score}.${after.number}`}`
  }
  const { phase, place, done, known, more } = cursor
  const { start, passed, lastId } = place
  return `${phase}.${done}.${known}.${more ? 1 : 0}.${passed}.${lastId ?? ''}.${start ?? ''}`
}
