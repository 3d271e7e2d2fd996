import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from '../../support/fast-check.ts'
import { at, type Connection, loose, type Notion, startNotion, text } from './notion.ts'

/** Number of queries per property; SANDBOX_QUERY_RUNS changes it. */
const runs = Number(process.env.SANDBOX_QUERY_RUNS ?? 150)

const kinds = ['low', 'mid', 'high'] as const

/** A row as plain values, the reference for the sandbox. */
interface Row {
  readonly title: string
  readonly note: string
  readonly number: number | null
  readonly done: boolean
  readonly kind: (typeof kinds)[number] | null
  readonly tags: readonly string[]
  readonly day: string | null
}

const tagNames = ['red', 'green', 'blue'] as const
const words = ['', 'a', 'A', 'ab', 'Abc', 'bc', 'c d', 'D'] as const
const days = ['2026-01-01', '2026-01-02', '2026-02-28', '2026-03-01', '2025-12-31'] as const

/** Rows with enough combinations of values to find wrong results. */
const rows: readonly Row[] = Array.from({ length: 70 }, (_, index) => ({
  title: `${words[(index * 5) % words.length]}${index % 9}`,
  note: words[(index * 3) % words.length] ?? '',
  number: index % 7 === 0 ? null : ((index * 13) % 11) - 5,
  done: index % 3 === 0,
  kind: index % 5 === 0 ? null : (kinds[(index * 7) % 3] ?? null),
  tags: tagNames.filter((_, tag) => (index >> tag) % 2 === 1),
  day: index % 6 === 0 ? null : (days[(index * 11) % days.length] ?? null),
}))

/** A filter as Notion's JSON, and its meaning as a function. */
interface Meaning {
  readonly json: object
  readonly holds: (row: Row) => boolean
}

type Comparison = readonly [name: string, holds: (value: number, operand: number) => boolean]

const numberComparisons: readonly Comparison[] = [
  ['equals', (value, operand) => value === operand],
  ['greater_than', (value, operand) => value > operand],
  ['less_than', (value, operand) => value < operand],
  ['greater_than_or_equal_to', (value, operand) => value >= operand],
  ['less_than_or_equal_to', (value, operand) => value <= operand],
]

const numberFilter: fc.Arbitrary<Meaning> = fc.oneof(
  fc.tuple(fc.constantFrom(...numberComparisons), fc.integer({ min: -6, max: 6 })).map(([[name, holds], operand]) => ({
    json: { property: 'Number', number: { [name]: operand } },
    holds: ({ number }: Row) => number !== null && holds(number, operand),
  })),
  fc.integer({ min: -6, max: 6 }).map((operand) => ({
    json: { property: 'Number', number: { does_not_equal: operand } },
    holds: ({ number }: Row) => number !== operand,
  })),
  fc.constant({
    json: { property: 'Number', number: { is_empty: true } },
    holds: ({ number }: Row) => number === null,
  }),
)

type TextTest = readonly [name: string, holds: (value: string, operand: string) => boolean]

const lower = (value: string) => value.toLowerCase()

const textTests: readonly TextTest[] = [
  ['equals', (value, operand) => value === operand],
  ['does_not_equal', (value, operand) => value !== operand],
  ['contains', (value, operand) => lower(value).includes(lower(operand))],
  ['does_not_contain', (value, operand) => !lower(value).includes(lower(operand))],
  ['starts_with', (value, operand) => lower(value).startsWith(lower(operand))],
  ['ends_with', (value, operand) => lower(value).endsWith(lower(operand))],
]

const textFilter: fc.Arbitrary<Meaning> = fc
  .tuple(fc.constantFrom(...textTests), fc.constantFrom(...words), fc.boolean())
  .map(([[name, holds], operand, ofTitle]) => ({
    json: { property: ofTitle ? 'Title' : 'Note', [ofTitle ? 'title' : 'rich_text']: { [name]: operand } },
    holds: (row: Row) => holds(ofTitle ? row.title : row.note, operand),
  }))

const checkboxFilter: fc.Arbitrary<Meaning> = fc.tuple(fc.boolean(), fc.boolean()).map(([operand, negated]) => ({
  json: { property: 'Done', checkbox: { [negated ? 'does_not_equal' : 'equals']: operand } },
  holds: ({ done }: Row) => (done === operand) !== negated,
}))

const selectFilter: fc.Arbitrary<Meaning> = fc.oneof(
  fc.tuple(fc.constantFrom(...kinds), fc.boolean()).map(([operand, negated]) => ({
    json: { property: 'Kind', select: { [negated ? 'does_not_equal' : 'equals']: operand } },
    holds: ({ kind }: Row) => (kind === operand) !== negated,
  })),
  fc.constant({
    json: { property: 'Kind', select: { is_not_empty: true } },
    holds: ({ kind }: Row) => kind !== null,
  }),
)

const tagsFilter: fc.Arbitrary<Meaning> = fc.oneof(
  fc.tuple(fc.constantFrom(...tagNames), fc.boolean()).map(([operand, negated]) => ({
    json: { property: 'Tags', multi_select: { [negated ? 'does_not_contain' : 'contains']: operand } },
    holds: ({ tags }: Row) => tags.includes(operand) !== negated,
  })),
  fc.constant({
    json: { property: 'Tags', multi_select: { is_empty: true } },
    holds: ({ tags }: Row) => tags.length === 0,
  }),
)

const dateTests: readonly TextTest[] = [
  ['equals', (value, operand) => value === operand],
  ['before', (value, operand) => value < operand],
  ['after', (value, operand) => value > operand],
  ['on_or_before', (value, operand) => value <= operand],
  ['on_or_after', (value, operand) => value >= operand],
]

const dateFilter: fc.Arbitrary<Meaning> = fc
  .tuple(fc.constantFrom(...dateTests), fc.constantFrom(...days, '2026-01-15'))
  .map(([[name, holds], operand]) => ({
    json: { property: 'Day', date: { [name]: operand } },
    // Days in ISO 8601 compare as strings.
    holds: ({ day }: Row) => day !== null && holds(day, operand),
  }))

const condition = fc.oneof(numberFilter, textFilter, checkboxFilter, selectFilter, tagsFilter, dateFilter)

function group(parts: fc.Arbitrary<Meaning>): fc.Arbitrary<Meaning> {
  return fc.tuple(fc.boolean(), fc.array(parts, { minLength: 1, maxLength: 4 })).map(([all, members]) => ({
    json: { [all ? 'and' : 'or']: members.map(({ json }) => json) },
    holds: (row: Row) => (all ? members.every(({ holds }) => holds(row)) : members.some(({ holds }) => holds(row))),
  }))
}

const filter = fc.oneof(condition, group(condition), group(fc.oneof(condition, group(condition))))

/** Returns the sort key of a row by property; null is empty. */
const sortKeys: Readonly<Record<string, (row: Row) => string | number | null>> = {
  Title: ({ title }) => lower(title) || null,
  Note: ({ note }) => lower(note) || null,
  Number: ({ number }) => number,
  Done: ({ done }) => Number(done),
  Kind: ({ kind }) => (kind === null ? null : kinds.indexOf(kind)),
  Day: ({ day }) => day,
}

interface Order {
  readonly property: string
  readonly direction: 'ascending' | 'descending'
}

const sorts: fc.Arbitrary<Order[]> = fc.array(
  fc.record({
    property: fc.constantFrom(...Object.keys(sortKeys)),
    direction: fc.constantFrom('ascending' as const, 'descending' as const),
  }),
  { maxLength: 3 },
)

/** Returns rows in the order of the sorts: one stable pass for each sort, the last sort first. */
function inOrder(found: readonly number[], orders: readonly Order[]): number[] {
  let result = [...found]
  for (const { property, direction } of orders.toReversed()) {
    const keyOf = (index: number) => {
      const row = rows[index]
      return row === undefined ? null : (sortKeys[property]?.(row) ?? null)
    }
    const empty = result.filter((index) => keyOf(index) === null)
    const full = result.filter((index) => keyOf(index) !== null)
    const sign = direction === 'ascending' ? 1 : -1
    full.sort((a, b) => {
      const [left, right] = [keyOf(a) ?? 0, keyOf(b) ?? 0]
      return left === right ? 0 : left < right ? -sign : sign
    })
    result = [...full, ...empty]
  }
  return result
}

describe('queries compared with a simple reference', () => {
  let notion: Notion
  let on: Connection
  let sourceId: string
  let ids: string[]

  beforeAll(async () => {
    notion = await startNotion()
    on = await notion.connect()
    const options = (names: readonly string[]) => ({ options: names.map((name) => ({ name })) })
    const database = await on.client.request({
      path: 'databases',
      method: 'post',
      body: {
        parent: { type: 'page_id', page_id: on.pageId },
        initial_data_source: {
          properties: {
            Title: { title: {} },
            Note: { rich_text: {} },
            Number: { number: {} },
            Done: { checkbox: {} },
            Kind: { select: options(kinds) },
            Tags: { multi_select: options(tagNames) },
            Day: { date: {} },
          },
        },
      },
    })
    sourceId = String(at(database, 'data_sources.0.id'))
    ids = []
    for (const row of rows) {
      const page = await on.client.request({
        path: 'pages',
        method: 'post',
        body: {
          parent: { data_source_id: sourceId },
          properties: {
            Title: { title: row.title === '' ? [] : text(row.title) },
            Note: { rich_text: row.note === '' ? [] : text(row.note) },
            Number: { number: row.number },
            Done: { checkbox: row.done },
            Kind: { select: row.kind === null ? null : { name: row.kind } },
            Tags: { multi_select: row.tags.map((name) => ({ name })) },
            Day: { date: row.day === null ? null : { start: row.day } },
          },
        },
      })
      ids.push(loose(page).id)
    }
  })

  afterAll(() => notion.close())

  const run = async (body: Record<string, unknown>) => {
    const part = await on.client.request<{ results: { id: string }[]; next_cursor: string | null; has_more: boolean }>({
      path: `data_sources/${sourceId}/query`,
      method: 'post',
      body,
    })
    return { found: part.results.map(({ id }) => ids.indexOf(id)), next: part.next_cursor, more: part.has_more }
  }

  const matching = (holds: (row: Row) => boolean) => rows.flatMap((row, index) => (holds(row) ? [index] : []))

  it('return exactly the rows that match the filter', async () => {
    await fc.assert(
      fc.asyncProperty(filter, async ({ json, holds }) => {
        expect((await run({ filter: json })).found).toEqual(matching(holds))
      }),
      { numRuns: runs },
    )
  })

  it('return rows in the order of the sorts, then of creation', async () => {
    await fc.assert(
      fc.asyncProperty(filter, sorts, async ({ json, holds }, orders) => {
        expect((await run({ filter: json, sorts: orders })).found).toEqual(inOrder(matching(holds), orders))
      }),
      { numRuns: runs },
    )
  })

  it('return every row once with any page size', async () => {
    await fc.assert(
      fc.asyncProperty(filter, sorts, fc.integer({ min: 1, max: 40 }), async ({ json, holds }, orders, size) => {
        const all: number[] = []
        let cursor: string | null = null
        do {
          const { found, next, more } = await run({
            filter: json,
            sorts: orders,
            page_size: size,
            ...(cursor !== null && { start_cursor: cursor }),
          })
          expect(found.length).toBeLessThanOrEqual(size)
          expect(more).toBe(next !== null)
          if (more) expect(found).toHaveLength(size)
          all.push(...found)
          cursor = next
        } while (cursor !== null)
        expect(all).toEqual(inOrder(matching(holds), orders))
      }),
      { numRuns: Math.ceil(runs / 3) },
    )
  })
})
