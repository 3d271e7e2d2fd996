import { z } from 'zod'
import { flagAt, isObject, type Json, type JsonObject, objectsAt, textAt } from '../json.ts'
import { markedData, markedText } from './marking.ts'

/** The paging fields of every list in the typed results. */
export const listFields = {
  nextCursor: z
    .string()
    .nullable()
    .describe('The cursor for the next page, to be passed as start_cursor; null on the last page.'),
  hasMore: z.boolean().describe('Whether there are more results.'),
}

/** Converts the paging fields of a list. */
export function toListFields(body: unknown): { nextCursor: string | null; hasMore: boolean } {
  return { nextCursor: textAt(body, 'next_cursor'), hasMore: flagAt(body, 'has_more') }
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
export function compactList(body: unknown, compact: (object: JsonObject) => Json): Json {
  return markedData(results(body).map(compact), compactCursor(body))
}

/** Returns the cursor of a list in the compact form; nothing on the last page. */
export function compactCursor(body: unknown): { [key: string]: Json } {
  const cursor = textAt(body, 'next_cursor')
  const status =
    isObject(body) && isObject(body.request_status) ? textAt(body.request_status, 'incomplete_reason') : null
  return {
    ...(cursor !== null && { next_cursor: cursor, has_more: true }),
    ...(status !== null && { incomplete: status }),
  }
}

/** Returns a list as text, followed by its cursor. */
export function markdownList(body: unknown, content: string): string {
  const cursor = textAt(body, 'next_cursor')
  const count = results(body).length
  return markedText(count === 0 ? '(nothing)' : content, {
    ...(cursor !== null && { after: `There is more: start_cursor ${cursor}` }),
  })
}
