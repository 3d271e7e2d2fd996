/** Pagination of lists: `page_size` and `start_cursor` in a body or a query string. */
import type { CallContext } from '../context.ts'
import { parseUuid } from '../uuid.ts'
import { isObject, mismatch, nullable, number, outOfBounds, string } from './check.ts'

/** The requested page of a list. */
export interface Paging {
  /** Maximum number of elements. */
  readonly size: number
  /** The `next_cursor` of the page before. Undefined for the first page. */
  readonly cursor: string | undefined
}

/** Rules of an endpoint. By default, a size of 0 means the default size, and cursors are UUIDs. */
export interface PagingRules {
  readonly zero?: 'default' | 'refuse'
  readonly cursors?: 'uuid' | 'any'
}

function readSize(value: number, path: string, max: number, rules: PagingRules): number {
  if (value > max) throw outOfBounds(path, '≤', max, value)
  const min = rules.zero === 'refuse' ? 1 : 0
  if (value < min) throw outOfBounds(path, '≥', min, value)
  return value === 0 ? max : Math.floor(value)
}

const cursorText = nullable(string())

function readCursor(value: unknown, path: string, rules: PagingRules): string | undefined {
  const text = cursorText.read(value, path, ['`undefined`'])
  if (text === null || text === '') return undefined
  if (rules.cursors === 'any') return text
  const id = parseUuid(text)
  if (id === undefined) throw mismatch(path, ['a valid uuid', '`undefined`'], text)
  return id
}

/**
 * Returns the requested page from the query string. Throws InvalidInput when the size is not a number or out of bounds,
 * or the cursor is not a UUID.
 */
export function pagingOfQuery(context: CallContext, rules: PagingRules = {}): Paging {
  const max = context.limits.pageSize
  const size = context.query.get('page_size')
  const cursor = context.query.get('start_cursor')
  const amount = size === null || size.trim() === '' ? undefined : Number(size)
  if (amount !== undefined && !Number.isFinite(amount)) {
    throw mismatch('query.page_size', ['a number', '`undefined`'], size)
  }
  return {
    size: amount === undefined ? max : readSize(amount, 'query.page_size', max, rules),
    cursor: cursor === null ? undefined : readCursor(cursor, 'query.start_cursor', rules),
  }
}

/** Returns the requested page from the body. Throws InvalidInput like `pagingOfQuery`. */
export function pagingOfBody(context: CallContext): Paging {
  const max = context.limits.pageSize
  const body = isObject(context.body) ? context.body : {}
  const size = body.page_size === undefined ? max : number().read(body.page_size, 'body.page_size', ['`undefined`'])
  return {
    size: readSize(size, 'body.page_size', max, {}),
    cursor: body.start_cursor === undefined ? undefined : readCursor(body.start_cursor, 'body.start_cursor', {}),
  }
}
