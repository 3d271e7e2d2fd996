import { z } from 'zod'
import { inputRules } from '../input-rules.ts'
import { ruled } from './input-fields.ts'
import { badUserInput } from './protocol-errors.ts'

/** The arguments of a page of a newest-first list. */
export interface PageArgs {
  readonly first?: number | null | undefined
  readonly after?: string | null | undefined
}

const defaultPageSize = 20

/** The argument `first` of a list. */
export const firstField = {
  defaultValue: defaultPageSize,
  ...ruled(inputRules.first, 'Maximum number of items to return.'),
} as const

/** The argument `after` of a list. */
export const afterField = ({ rule }: Pick<Cursor<unknown>, 'rule'>) =>
  ruled(rule, 'Cursor of the item before the page: the endCursor of the previous page. Default: the first page.')

/** The page size. Ask the store for one item more than this, to know whether another page follows. */
export const pageSize = ({ first }: PageArgs): number => first ?? defaultPageSize

/**
 * The complexity of a list by its page size. A size below 1, which is refused later, counts as 1: a negative one would
 * pay for other fields of the document.
 */
export const pageComplexity = ({ first }: PageArgs) => ({ field: 1, multiplier: Math.max(first ?? defaultPageSize, 1) })

/** The cursors of one list: what they contain, as a rule for callers' strings and as values. Opaque to clients. */
export interface Cursor<Position> {
  readonly rule: z.ZodType<string>
  encode(position: Position): string
  /** Returns the position, or null without a cursor. Throws BAD_USER_INPUT for a string that the rule refuses. */
  decode(cursor: string | null | undefined): Position | null
}

const invalidCursor = 'must be a cursor of this list. Pass the endCursor of a page'

/** Makes the cursors of a list. `position` is the schema of the values that its items are sorted by. */
export function cursorOf<Position>(position: z.ZodType<Position>): Cursor<Position> {
  const parse = (cursor: string): Position | undefined => {
    try {
      return position.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))).data
    } catch {
      // Not JSON, so not a cursor.
      return undefined
    }
  }
  return {
    rule: z
      .string()
      .max(512, invalidCursor)
      .refine((cursor) => parse(cursor) !== undefined, invalidCursor),
    encode: (value) => Buffer.from(JSON.stringify(value)).toString('base64url'),
    decode(cursor) {
      if (cursor == null) return null
      const found = parse(cursor)
      if (found === undefined) throw badUserInput(`after: ${invalidCursor}`)
      return found
    },
  }
}

/** Cursors of lists in the order of a sequence number. */
export const sequenceCursor = cursorOf(z.tuple([z.int()]))

/** Makes a Relay connection of a list that was read with one item more than the page size. */
export function toConnection<T>(items: readonly T[], size: number, after: unknown, cursorFor: (item: T) => string) {
  const edges = items.slice(0, size).map((node) => ({ node, cursor: cursorFor(node) }))
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
