import { isUuid } from '../uuid.ts'
import { refuse } from './input.ts'

/** The parameters of a list (https://developers.notion.com/reference/intro#pagination). */
export interface Paging {
  readonly page_size: number
  readonly start_cursor?: string
}

/**
 * Returns the paging of an input. Without `page_size` a list has `fallback` entries. Cursors of searches, queries and
 * blocks are UUIDs (`uuid`), those of other lists are opaque; a cursor that cannot be Notion's is refused here.
 */
export function pagingOf(
  input: { readonly page_size?: number | undefined; readonly start_cursor?: string | undefined },
  options: { readonly fallback: number; readonly uuid: boolean },
): Paging {
  const { start_cursor, page_size = options.fallback } = input
  if (start_cursor === undefined) return { page_size }
  if (options.uuid ? !isUuid(start_cursor) : !/^[\w-]+$/.test(start_cursor)) {
    refuse('start_cursor', 'must be the next_cursor of the previous result, unchanged')
  }
  return { page_size, start_cursor }
}
