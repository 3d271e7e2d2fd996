/**
 * Lists in responses.
 *
 * @see https://developers.notion.com/reference/intro#pagination
 */
import type { Json, JsonObject } from '../model.ts'
import { InvalidInput } from '../validation/check.ts'
import type { Paging } from '../validation/paging.ts'

/** A page of a list. */
export interface Part<T> {
  readonly elements: readonly T[]
  /** Cursor for the next page: the id of its first element. Null on the last page. */
  readonly next: string | null
}

/** Returns the error for an unknown cursor. */
export function invalidCursor(cursor: string): InvalidInput {
  return new InvalidInput([`The start_cursor provided is invalid: ${cursor}`])
}

/**
 * Returns a page of a list. The cursor is the id of its first element.
 *
 * Throws InvalidInput when no element has the id.
 */
export function partOf<T>(elements: readonly T[], paging: Paging, idOf: (element: T) => string): Part<T> {
  const start = paging.cursor === undefined ? 0 : elements.findIndex((element) => idOf(element) === paging.cursor)
  if (start < 0) throw invalidCursor(paging.cursor ?? '')
  const following = elements[start + paging.size]
  return {
    elements: elements.slice(start, start + paging.size),
    next: following === undefined ? null : idOf(following),
  }
}

/** Returns Notion's list object. `type` is the type of the elements, such as `block`. */
export function renderList(type: string, results: readonly Json[], next: string | null): JsonObject {
  return { object: 'list', results, next_cursor: next, has_more: next !== null, type, [type]: {} }
}
