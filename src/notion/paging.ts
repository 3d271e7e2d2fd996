import { isUuid } from './ids.ts'
import { refuse } from './input.ts'

/** What a list is asked with (https://developers.notion.com/reference/intro#pagination). */
export interface Paging {
  readonly page_size: number
  readonly start_cursor?: string
}

/**
 * The paging of an input; without `page_size` a list has `fallback` entries. Cursors of searches, queries and blocks are
 * UUIDs (`uuid`), those of other lists opaque: one that cannot be Notion's is refused here.
 */
export function pagingOf(
  input: { readonly page_size?: number | undefined; readonly start_cursor?: string | undefined },
  options: { readonly fallback: number; readonly uuid: boolean },
): Paging {
  const { start_cursor, page_size = options.fallback } = input
  if (start_cursor === undefined) return { page_size }
  if (options.uuid ? !isUuid(start_cursor) : !/^[\w-]+$/.test(start_cursor)) {
    refuse('start_cursor', 'is no cursor: take next_cursor of the result before, unchanged')
  }
  return { page_size, start_cursor }
}
