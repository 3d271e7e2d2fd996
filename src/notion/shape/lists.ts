import { z } from 'zod'
import { flagAt, isObject, type Json, type JsonObject, objectsAt, textAt } from '../json.ts'
import { markedData, markedText } from './marking.ts'

/** The fields by which every list of the typed results goes on. */
export const listFields = {
  nextCursor: z.string().nullable().describe('Pass it as start_cursor to go on; null at the end.'),
  hasMore: z.boolean().describe('Whether there is more.'),
}

/** How a list of Notion goes on, as the typed results hold it. */
export function toListFields(body: unknown): { nextCursor: string | null; hasMore: boolean } {
  return { nextCursor: textAt(body, 'next_cursor'), hasMore: flagAt(body, 'has_more') }
}

/** The body of a list as Notion gives it (https://developers.notion.com/reference/intro#pagination). */
export const listBody = z.looseObject({
  object: z.literal('list'),
  results: z.array(z.looseObject({})),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
})

/** A body with an object of Notion. */
export const objectBody = (object: string) => z.looseObject({ object: z.literal(object), id: z.string() })

/** The objects of a list. */
export const results = (body: unknown): readonly JsonObject[] => objectsAt(body, 'results')

/** A list in the compact form, with its cursor. */
export function compactList(body: unknown, compact: (object: JsonObject) => Json): Json {
  return markedData(results(body).map(compact), compactCursor(body))
}

/** The cursor of a list in the compact form; nothing at the end. */
export function compactCursor(body: unknown): { [key: string]: Json } {
  const cursor = textAt(body, 'next_cursor')
  const status =
    isObject(body) && isObject(body.request_status) ? textAt(body.request_status, 'incomplete_reason') : null
  return {
    ...(cursor !== null && { next_cursor: cursor, has_more: true }),
    ...(status !== null && { incomplete: status }),
  }
}

/** A list as text, with its cursor below. */
export function markdownList(body: unknown, content: string): string {
  const cursor = textAt(body, 'next_cursor')
  const count = results(body).length
  return markedText(count === 0 ? '(nothing)' : content, {
    ...(cursor !== null && { after: `There is more: start_cursor ${cursor}` }),
  })
}
