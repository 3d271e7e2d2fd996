import { ProviderError } from '../../errors.ts'
import type { Fetch } from '../../provider-http.ts'
import type { ContentSource, ListedObject } from '../../tools/content-source.ts'
import { type Refusal, refusalError } from '../answer.ts'
import { backgroundRead } from '../background-read.ts'
import { uuidAt } from '../ids.ts'
import { flagAt, type JsonObject, objectsAt, textAt } from '../json.ts'
import { samplePage } from '../sample-page.ts'
import { mayReadComments, readComments } from './comments.ts'
import { editedAt } from './conditions.ts'
import { pageText } from './page-text.ts'

/**
 * Notion rounds the times of edits to minutes: content that was read this long after the last edit has no later edit of the same
 * time. Twice the minute, as Notion's clock may differ from ours. Milliseconds.
 */
export const editPrecisionMs = 120_000

/**
 * Notion's pages and rows with their comments, for an index of their content. Its lists can lack new pages and edits for some minutes.
 */
export function createContentSource(parts: { readonly fetch: Fetch; readonly now: () => number }): ContentSource {
  const ask = backgroundRead(parts)
  return {
    editPrecisionMs,
    sample: samplePage,
    listDelayMs: 600_000,
    async list(call, cursor) {
      const answer = await ask(call, (notion) =>
        notion.search({
          filter: { property: 'object', value: 'page' },
          sort: { timestamp: 'last_edited_time', direction: 'descending' },
          page_size: 100,
          ...(cursor !== null && { start_cursor: cursor }),
        }),
      )
      if ('refusal' in answer) throw refusalError(answer.refusal)
      const objects = objectsAt(answer.body, 'results').flatMap((page) => listedPage(page) ?? [])
      return { objects, next: textAt(answer.body, 'next_cursor') }
    },
    async find(call, id) {
      const answer = await ask(call, (notion) => notion.pages.retrieve({ page_id: id }))
      if ('body' in answer) return listedPage({ ...answer.body })
      if (isGone(answer.refusal)) return null
      throw refusalError(answer.refusal)
    },
    async read(call, listed) {
      try {
        const answer = await ask(call, (notion) => notion.pages.retrieveMarkdown({ page_id: listed.id }))
        if ('refusal' in answer) return null
        const content = await pageText(listed.object, answer.body)
        if (!mayReadComments(call.account)) return { ...listed, ...content, comments: '' }
        const { comments, isPart } = await readComments((request) => ask(call, request), listed.id)
        return { ...listed, ...content, comments, isPart: content.isPart || isPart }
      } catch (error) {
        if (error instanceof ProviderError && error.code === 'answer_too_large') return null
        throw error
      }
    },
  }
}

/** Returns a page as the index holds it; null for what is in the trash, and for a part of a page. */
export function listedPage(page: JsonObject): ListedObject | null {
  const id = uuidAt(page, 'id')
  const at = editedAt(page)
  if (page.object !== 'page' || id === null || at === null || flagAt(page, 'in_trash')) return null
  return { id, editedAt: new Date(at), object: page }
}

/** Whether Notion does not return the page to this connection. A connection without the capability is refused with 403. */
export const isGone = ({ status, code }: Refusal): boolean =>
  status === 404 || (status === 400 && code === 'validation_error')
