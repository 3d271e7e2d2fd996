/** Lists in answers (https://developers.notion.com/reference/intro#pagination). */
import type { Json, JsonObject } from '../model.ts'
import { InvalidInput } from '../validation/check.ts'
import type { Paging } from '../validation/paging.ts'

/** A part of a list and the id at which the next one starts. */
export interface Part<T> {
  readonly elements: readonly T[]
  /** Null at the end of the list. */
  readonly next: string | null
}

/** The failure of a cursor that names nothing in the list. */
export function invalidCursor(cursor: string): InvalidInput {
  return new InvalidInput([`The start_cursor provided is invalid: ${cursor}`])
}

/**
 * The part of a list that is asked for. A cursor is the id of the element that the part starts with.
 *
 * @throws InvalidInput if no element has the id
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

/**
 * Notion's list object.
 *
 * @param type what the elements are, such as `block`
 */
export function renderList(type: string, results: readonly Json[], next: string | null): JsonObject {
  return { object: 'list', results, next_cursor: next, has_more: next !== null, type, [type]: {} }
}
