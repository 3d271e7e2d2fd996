import * as z from 'zod'
import { flagAt, type Json, type JsonObject, objectAt, objectsAt, textAt, toObject } from '../json.ts'
import { markedData, markedText } from './marking.ts'

/** The paging fields of every list in the typed results. */
export const listFields = {
  nextCursor: z
    .string()
    .nullable()
    .describe('The cursor for the next page, to be passed as start_cursor; null on the last page.'),
  hasMore: z.boolean().describe('Whether there are more results.'),
  incompleteReason: z
    .string()
    .nullable()
    .describe(
      'Why Notion left out results that no cursor leads to, such as query_result_limit_reached: narrow the filter. Null if it left out none.',
    ),
}

/** Converts the paging fields of a list. */
export function toListFields(body: unknown): {
  nextCursor: string | null
  hasMore: boolean
  incompleteReason: string | null
} {
  return {
    nextCursor: textAt(body, 'next_cursor'),
    hasMore: flagAt(body, 'has_more'),
    incompleteReason: incompleteReason(body),
  }
}

/** Returns why a list lacks results on all of its pages; null for a complete list. */
function incompleteReason(body: unknown): string | null {
  const status = objectAt(body, 'request_status')
  return status.type === 'incomplete' ? (textAt(status, 'incomplete_reason') ?? 'incomplete') : null
}

/** The body of a list (https://developers.notion.com/reference/intro#pagination). */
export const listBody = z.looseObject({
  object: z.literal('list'),
  results: z.array(z.looseObject({})),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
})

/** The body of a single object. */
export const objectBody = (object: string) => z.looseObject({ object: z.literal(object), id: z.string() })

/** Returns the objects of a list. */
export const results = (body: unknown): readonly JsonObject[] => objectsAt(body, 'results')

/** Converts a list to the compact form, with its cursor. */
export function compactList(body: unknown, compact: (object: JsonObject) => Json): { [key: string]: Json } {
  return markedData(results(body).map(compact), completeness(body))
}

/** Returns in the compact form what a body reports about its own completeness: the cursor, and what Notion left out. */
export function completeness(body: unknown): { [key: string]: Json } {
  const cursor = textAt(body, 'next_cursor')
  const reason = incompleteReason(body)
  const unknown = unknownBlocks(body)
  return {
    ...(cursor !== null && { next_cursor: cursor }),
    ...((cursor !== null || flagAt(body, 'has_more')) && { has_more: true }),
    ...(reason !== null && { incomplete: reason }),
    ...(flagAt(body, 'truncated') && { truncated: true }),
    ...(unknown.length > 0 && { unknown_block_ids: [...unknown] }),
  }
}

/** Returns the ids of the blocks that Notion left out of the Markdown of a page. */
export function unknownBlocks(body: unknown): readonly string[] {
  const ids = toObject(body).unknown_block_ids
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []
}

/** Returns {@link completeness} as sentences, one on each line. */
export function completenessNotes(body: unknown): string {
  const cursor = textAt(body, 'next_cursor')
  const reason = incompleteReason(body)
  const unknown = unknownBlocks(body)
  const notes = [
    ...(cursor === null ? [] : [`There is more: start_cursor ${cursor}`]),
    ...(cursor === null && flagAt(body, 'has_more') ? ['There is more. Narrow the input to get it.'] : []),
    ...(reason === null ? [] : [`Incomplete (${reason}): Notion left out results. Narrow the filter to get them.`]),
    ...(flagAt(body, 'truncated') ? ['truncated: true. Notion left out a part of the content.'] : []),
    ...(unknown.length === 0 ? [] : [`Omitted by Notion, read with notion_block_fetch: ${unknown.join(', ')}`]),
  ]
  return notes.join('\n')
}

/** Returns a list as text, followed by what it reports about its completeness. */
export function markdownList(body: unknown, content: string): string {
  return markedText(results(body).length === 0 ? '(nothing)' : content, { after: completenessNotes(body) })
}
