import { badUserInput } from './protocol-errors.ts'

/** Relay pages of newest-first lists: how many, and behind which cursor. */
export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
}

const largestPage = 100

/** Reads `first` (1 to 100, default 20). One more is asked of the store than is shown, to know whether there is more. */
export function pageSize(args: PageArgs): number {
  const first = args.first ?? 20
  if (first < 1 || first > largestPage) throw badUserInput(`first has to be between 1 and ${largestPage}.`)
  return first
}

/** Makes a cursor of the values that the list is ordered by. Opaque to clients. */
export function encodeCursor(...parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** The parts of a cursor, each in its given kind (numbers are whole); a cursor of another list or a mangled one is refused. */
export function decodeCursor(cursor: string, kinds: readonly ('string' | 'number')[]): readonly (string | number)[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    const fits = (part: unknown, at: number) =>
      kinds[at] === 'number' ? Number.isSafeInteger(part) : typeof part === 'string'
    if (Array.isArray(parts) && parts.length === kinds.length && parts.every(fits)) {
      return parts
    }
  } catch {
    // Not JSON: told below as any other mangled cursor.
  }
  throw badCursor()
}

/** The error for a cursor that no page of the list has given. */
export function badCursor() {
  return badUserInput('after is not a cursor of this list: use the endCursor of a page.')
}

/** Cuts a list that was read with one item too many into a Relay connection. */
export function toConnection<T>(items: readonly T[], size: number, after: unknown, cursorOf: (item: T) => string) {
  const edges = items.slice(0, size).map((node) => ({ node, cursor: cursorOf(node) }))
  return {
    edges,
    pageInfo: {
      hasNextPage: items.length > size,
      hasPreviousPage: after != null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}
