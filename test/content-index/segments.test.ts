import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { claimIndexes } from '../../src/content-index/claims.ts'
import { removeDocuments, storeDocuments } from '../../src/content-index/crawl-store.ts'
import { deriveIndexKey, newIndexKey } from '../../src/content-index/index-key.ts'
import { defaultIndexLimits, type IndexLease } from '../../src/content-index/index-rows.ts'
import { type RankedPlace, rankDocuments } from '../../src/content-index/ranking.ts'
import { mergeSegments, type SegmentPart, type SegmentSize, segmentsToMerge } from '../../src/content-index/segments.ts'
import type { Language } from '../../src/search/inflection.ts'
import { frequencyOf, measure } from '../../src/search/match.ts'
import { readQuery } from '../../src/search/query.ts'
import fc from '../support/fast-check.ts'
import { type IndexedApp, startIndexed } from './support.ts'

/** Few words, of which several begin alike, so that queries find something. */
const vocabulary = [
  'report',
  'reports',
  'reporten',
  're',
  'budget',
  'bud',
  'zeppelin',
  'z',
  '火',
  '火星',
  '星人',
  'ดาว',
  '2026',
  'naïve',
]

const queries = [
  'report',
  '"report"',
  'reports budget',
  'reporten bud',
  're',
  'budget re',
  '"report budget"',
  '火星',
  '"火星人"',
  'zeppelin bud',
  'z',
  '2026 naive',
  'none',
]

describe('the segments of an index', () => {
  let app: IndexedApp
  let lease: IndexLease
  const key = { ...deriveIndexKey(newIndexKey()), sample: Buffer.from('{}') }
  beforeAll(async () => {
    app = await startIndexed({ crawlTiming: null })
    await app.connect('user')
    const [claimed] = await claimIndexes(app.db, 1, { nodeId: 'test', leaseMs: 3_600_000 })
    if (claimed === undefined) throw new Error('nothing was claimed')
    lease = claimed
  })
  afterAll(() => app.stop())
  beforeEach(async () => {
    await sql`truncate content_documents, content_segments`.execute(app.db)
  })

  interface Stored {
    readonly title: string
    readonly text: string
    readonly editedAt: Date
    readonly language?: Language | null
  }

  async function store(documents: ReadonlyMap<string, Stored>): Promise<void> {
    const rows = [...documents].map(([objectId, { title, text, editedAt, language = null }]) => ({
      ...{ objectId, editedAt, readAt: new Date() },
      content: { title, text, comments: '', language, object: {}, isPart: false },
    }))
    await storeDocuments(app.db, lease, key, rows, defaultIndexLimits)
  }

  /** The objects of a ranking, without documents that do not exist any more. */
  async function ranked(query: string): Promise<readonly string[]> {
    const fail = (error: unknown) => {
      throw error
    }
    const ranking = await rankDocuments(app.db, lease, key, readQuery(query), fail)
    const { rows } = await sql<{ number: number; object_id: string }>`
      select number, object_id from content_documents`.execute(app.db)
    const objects = new Map(rows.map((row) => [row.number, row.object_id]))
    return Array.from({ length: ranking.length }, (_, at) => objects.get(ranking.at(at).number) ?? '').filter(Boolean)
  }

  const listed = async () =>
    (
      await sql<SegmentSize>`
        select segment, documents from content_segments where bucket = -1 order by segment`.execute(app.db)
    ).rows

  const word = fc.constantFrom(...vocabulary)
  const document = fc.record({
    title: fc.array(word, { maxLength: 2 }).map((words) => words.join(' ')),
    text: fc.array(word, { maxLength: 8 }).map((words) => words.join(' ')),
    editedAt: fc.nat(1_000).map((day) => new Date(day * 86_400_000)),
    language: fc.constantFrom('en', 'de', null),
  })
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('store' as const),
        at: fc.nat(30),
        documents: fc.array(document, { minLength: 1, maxLength: 20 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(30) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('merge' as const), isIdle: fc.boolean() }) },
  )

  it('find what a plain comparison of all documents finds, whatever was stored, replaced, removed and merged', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      await sql`truncate content_documents, content_segments`.execute(app.db)
      const ids = Array.from({ length: 50 }, () => randomUUID())
      const model = new Map<string, Stored>()
      for (const one of steps) {
        if (one.do === 'store') {
          const documents = new Map(
            one.documents.map((document, at) => [ids[(one.at + at) % ids.length] ?? '', document]),
          )
          await store(documents)
          for (const [id, document] of documents) model.set(id, document)
        } else if (one.do === 'remove') {
          await removeDocuments(app.db, lease, [ids[one.at] ?? ''])
          model.delete(ids[one.at] ?? '')
        } else await mergeSegments(app.db, lease, key, one)
      }
      for (const query of queries) {
        const { terms } = readQuery(query)
        const matching = [...model].flatMap(([id, { title, text, language = null }]) =>
          measure({ terms }, { title, text, language, editedAt: null }).matches ? [id] : [],
        )
        const found = await ranked(query)
        expect(new Set(found).size).toBe(found.length)
        // Candidates: words of a phrase may be apart, and one letter says nothing.
        expect([query, matching.filter((id) => !found.includes(id))]).toEqual([query, []])
        if (/^[a-z]{2,}( [a-z]{2,})*$/.test(query)) expect([query, found.length]).toEqual([query, matching.length])
      }
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('are few, and list hardly anything that does not exist any more', async () => {
    const ids = Array.from({ length: 100 }, () => randomUUID())
    for (let round = 0; round < 150; round += 1) {
      const documents = ids.slice((round * 7) % 90, ((round * 7) % 90) + 5)
      await store(new Map(documents.map((id) => [id, { title: 'A', text: `report ${round}`, editedAt: new Date() }])))
      await mergeSegments(app.db, lease, key, { isIdle: false })
    }
    const segments = await listed()
    expect(segments.length).toBeLessThan(20)
    expect(segments.reduce((sum, { documents }) => sum + documents, 0)).toBeLessThanOrEqual(1.5 * ids.length)
  })

  it('have many buckets where they have many words, and are searched by all of them', async () => {
    const words = (from: number, count: number) =>
      Array.from({ length: count }, (_, at) => `${((from + at) * 7_919).toString(36)}w${from + at}`).join(' ')
    const ids = Array.from({ length: 16 }, () => randomUUID())
    for (const [at, id] of ids.entries()) {
      await store(new Map([[id, { title: 'Words', text: words(at * 2_000, 2_500), editedAt: new Date() }]]))
      await mergeSegments(app.db, lease, key, { isIdle: false })
    }
    const { rows } = await sql<{ buckets: number }>`select max(buckets) as buckets from content_segments`.execute(
      app.db,
    )
    expect(rows[0]?.buckets).toBeGreaterThan(8)
    for (const at of [0, 5, 15]) {
      expect(await ranked(`"${words(at * 2_000 + 600, 1)}"`)).toEqual([ids[at]])
      expect((await ranked(`"${words(at * 2_000 + 2_200, 1)}"`)).toSorted()).toEqual(ids.slice(at, at + 2).toSorted())
    }
  })

  it('rank by rarity, frequency, title, length and time, as one collection whatever the segments', async () => {
    const day = (number: number) => new Date(number * 86_400_000)
    const filler = 'filler '.repeat(200)
    const documents: Record<string, Stored> = {
      often: { title: 'One', text: 'budget budget budget report', editedAt: day(1_000) },
      once: { title: 'Two', text: 'budget report', editedAt: day(1_000) },
      older: { title: 'Two', text: 'budget report', editedAt: day(0) },
      long: { title: 'Three', text: `budget report ${filler}`, editedAt: day(1_000) },
      titled: { title: 'Budget report', text: 'other', editedAt: day(1_000) },
      none: { title: 'Four', text: 'report', editedAt: day(1_000) },
    }
    const order = ['titled', 'often', 'once', 'older', 'long']
    for (const together of [true, false]) {
      await sql`truncate content_documents, content_segments`.execute(app.db)
      const all = Object.entries(documents)
      for (const part of together ? [all] : all.map((one) => [one])) await store(new Map(part))
      expect(await ranked('budget report')).toEqual(order)
      expect(await ranked('budget report edited:>1971')).toEqual(order.filter((id) => id !== 'older'))
    }
    expect(frequencyOf({ title: 1, text: 0 })).toBeGreaterThan(frequencyOf({ title: 0, text: 1 }))
  })

  it('have a document once that is stored again as it was, in its place', async () => {
    const page = { title: 'Page', text: 'budget', editedAt: new Date(0) }
    await store(
      new Map([
        ['one', page],
        ['two', page],
      ]),
    )
    const { rows: before } = await sql<{ number: number; read_at: Date }>`
      select number, read_at from content_documents order by object_id`.execute(app.db)
    await store(
      new Map([
        ['one', page],
        ['two', { ...page, title: 'Another' }],
      ]),
    )
    const { rows: after } = await sql<{ number: number; read_at: Date }>`
      select number, read_at from content_documents order by object_id`.execute(app.db)
    expect(after[0]?.number).toBe(before[0]?.number)
    expect(after[0]?.read_at.getTime()).toBeGreaterThan(before[0]?.read_at.getTime() ?? 0)
    expect(after[1]?.number).toBeGreaterThan(before[1]?.number ?? 0)
    expect((await listed()).map(({ documents }) => documents)).toEqual([2, 1])
  })

  it('find words that are longer than any entry, and no forms of them, as a plain comparison does', async () => {
    const long = 'abcdefgh'.repeat(10)
    const texts = new Map([
      ['exact', long],
      ['form', `${long}s`],
      ['short', 'abcdefgh'],
    ])
    const language = 'en'
    await store(new Map([...texts].map(([id, text]) => [id, { title: 'Page', text, editedAt: new Date(0), language }])))
    const query = `${long} page`
    const compared = { title: 'Page', editedAt: null, language } as const
    const matching = [...texts].filter(([, text]) => measure(readQuery(query), { ...compared, text }).matches)
    expect(matching.map(([id]) => id)).toEqual(['exact'])
    // Candidates: those with the same entry as well.
    expect((await ranked(query)).toSorted()).toEqual(['exact', 'form'])
  })

  it('are reported as unreadable where another program deleted their lists', async () => {
    for (const text of ['zeppelin', 'zeppelin and more']) {
      await store(new Map([[randomUUID(), { title: 'Page', text, editedAt: new Date(0) }]]))
    }
    await sql`delete from content_segments where bucket = -1 and segment = (select min(segment) from content_segments)`.execute(
      app.db,
    )
    const unreadable: SegmentPart[] = []
    const ranking = await rankDocuments(app.db, lease, key, readQuery('zeppelin'), (_, part) => unreadable.push(part))
    expect(ranking.length).toBe(1)
    expect(unreadable).toMatchObject([{ bucket: -1, buckets: 1 }])
  })

  it('rank in an order that continues after any of its places', async () => {
    const ids = Array.from({ length: 40 }, () => randomUUID())
    await store(new Map(ids.map((id, at) => [id, { title: 'Page', text: `budget ${at % 3}`, editedAt: new Date(0) }])))
    const ranking = await rankDocuments(app.db, lease, key, readQuery('budget'), () => {})
    const places: RankedPlace[] = Array.from({ length: ranking.length }, (_, at) => ranking.at(at))
    expect(places.map((place) => ranking.indexAfter(place))).toEqual(places.map((_, at) => at + 1))
    expect(ranking.length).toBe(ids.length)
    const [first] = places
    if (first === undefined) throw new Error('nothing was ranked')
    expect(ranking.indexAfter({ score: first.score + 1, number: 0 })).toBe(0)
    expect(ranking.indexAfter({ score: 0, number: 0 })).toBe(ids.length)
  })
})

describe('the segments to merge', () => {
  const sizes = (...documents: readonly number[]) => documents.map((one, segment) => ({ segment, documents: one }))

  it.each([
    ['nothing', [], 0, 0, 0],
    ['one', [1], 1, 0, 0],
    ['a few, where no others are about to be added', [500, 1, 1, 1], 503, 0, 3],
    ['none, where each is much larger than the smaller ones', [500, 40, 2], 542, 0, 0],
    ['all, where all but the smallest are alike', [500, 490, 2], 992, 0, 3],
    ['eight small ones', [900, 1, 1, 2, 1, 1, 1, 3, 1], 911, 8, 8],
    ['eight larger ones and what is smaller', [130, 140, 150, 160, 170, 180, 190, 200, 1, 1], 1_322, 10, 10],
    ['all, where a third does not exist any more', [900, 20], 500, 2, 2],
    ['all, where a third does not exist any more of few', [10, 1], 7, 2, 2],
    ['the only one, where its only document does not exist any more', [1], 0, 1, 1],
    ['none, where few do not exist any more', [900, 20], 800, 0, 0],
  ])('are %s', (_what, documents, stored, count, countIdle) => {
    expect(segmentsToMerge(sizes(...documents), stored, { isIdle: false })).toHaveLength(count)
    expect(segmentsToMerge(sizes(...documents), stored, { isIdle: true })).toHaveLength(countIdle)
  })

  it('leave few for any order of stores', () => {
    const store = fc.record({ documents: fc.integer({ min: 1, max: 60 }), isIdle: fc.boolean() })
    const property = fc.property(fc.array(store, { maxLength: 400 }), (stores) => {
      let segments: readonly SegmentSize[] = []
      let total = 0
      for (const [at, { documents, isIdle }] of stores.entries()) {
        total += documents
        segments = [...segments, { segment: at, documents }]
        const merged = segmentsToMerge(segments, total, { isIdle })
        if (merged.length > 0) {
          const sum = merged.reduce((all, one) => all + one.documents, 0)
          segments = [...segments.filter((one) => !merged.includes(one)), { segment: at, documents: sum }]
        }
        if (isIdle) expect(segments.length).toBeLessThanOrEqual(7)
      }
      expect(segments.length).toBeLessThanOrEqual(8 * 5)
    })
    fc.assert(property, { numRuns: 300 })
  })
})
