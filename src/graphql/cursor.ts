import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import * as z from 'zod'
import { InvalidInputError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import type { GraphQLContext } from './context.ts'
import { ruled } from './input-fields.ts'
import { badUserInput } from './protocol-errors.ts'
import { viewerOf } from './viewer.ts'

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

/** What cursors are sealed with, and for whom. */
type SealedFor = Pick<GraphQLContext, 'viewer' | 'cursorKey'>

/** The cursors of one list: what they contain, as a rule for callers' strings and as values. Opaque to clients. */
export interface Cursor<Position> {
  readonly rule: z.ZodType<string>
  encode(context: SealedFor, position: Position): string
  /**
   * Returns the position, or null without a cursor. Throws BAD_USER_INPUT for a string that is not a cursor of this list
   * and of the viewer's environment.
   */
  decode(context: SealedFor, cursor: string | null | undefined): Position | null
}

const invalidCursor = 'must be a cursor of this list. Pass the endCursor of a page'

/**
 * Makes the cursors of a list. `position` is the schema of the values that its items are sorted by, which may number the
 * rows of all environments: cursors are encrypted for one list and one environment, with AES-256-GCM, and padded, so that
 * neither their content nor their length shows how much others do.
 */
export function cursorOf<Position>(list: string, position: z.ZodType<Position>): Cursor<Position> {
  const audience = (context: SealedFor) => JSON.stringify([list, viewerOf(context).environmentId])
  return {
    rule: z.string().regex(/^[\w-]{64,512}$/, invalidCursor),
    encode(context, value) {
      const text = JSON.stringify(value)
      const padded = text.padEnd(Math.ceil(text.length / paddedTo) * paddedTo)
      // An IV of the content: random ones must not be used for more than 2^32 cursors, which pages may need in weeks.
      const iv = derive(context, 'iv', audience(context), padded).subarray(0, ivLength)
      const cipher = createCipheriv(algorithm, derive(context, 'key'), iv)
      cipher.setAAD(Buffer.from(audience(context)))
      return Buffer.concat([iv, cipher.update(padded), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    },
    decode(context, cursor) {
      if (cursor == null) return null
      try {
        const bytes = Buffer.from(cursor, 'base64url')
        const decipher = createDecipheriv(algorithm, derive(context, 'key'), bytes.subarray(0, ivLength), {
          authTagLength: tagLength,
        })
        decipher.setAAD(Buffer.from(audience(context)))
        decipher.setAuthTag(bytes.subarray(-tagLength))
        const text = Buffer.concat([decipher.update(bytes.subarray(ivLength, -tagLength)), decipher.final()])
        return position.parse(JSON.parse(text.toString('utf8')))
      } catch {
        // Of another list, environment or release, or changed.
        const issues = [{ path: 'after', message: invalidCursor }]
        throw badUserInput(new InvalidInputError(issues).message, { issues })
      }
    },
  }
}

const algorithm = 'aes-256-gcm'
const ivLength = 12
const tagLength = 16
/** Positions are padded to a multiple of this many bytes: above any sequence number. */
const paddedTo = 32

const derive = ({ cursorKey }: SealedFor, ...purpose: readonly string[]): Buffer =>
  createHmac('sha256', cursorKey.reveal()).update(JSON.stringify(purpose)).digest()

/** Makes the cursors of a list in the order of a sequence number. */
export const sequenceCursor = (list: string) => cursorOf(list, z.tuple([z.int()]))

/**
 * Makes a Relay connection of a list that was read with one item more than the page size. Cursors are made when they are
 * read: most documents select one of a page.
 */
export function toConnection<T>(items: readonly T[], size: number, after: unknown, cursorFor: (item: T) => string) {
  const edges = items.slice(0, size).map((node) => ({
    node,
    get cursor() {
      return cursorFor(node)
    },
  }))
  return {
    edges,
    pageInfo: {
      hasNextPage: items.length > size,
      hasPreviousPage: after != null,
      get startCursor() {
        return edges[0]?.cursor ?? null
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null
      },
    },
  }
}
