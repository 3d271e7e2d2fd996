import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type IndexedApp,
  idsOf,
  indexOf,
  newPage,
  passed,
  search,
  searchAll,
  setContentSearch,
  startIndexed,
} from './support.ts'

/** Texts of many scripts and forms, with words that occur in several of them. */
const corpus: readonly (readonly [title: string, markdown: string])[] = [
  ['Notes of June', '# Decisions\n\nWe chose **heliotrope** as the color of the `zeppelin`.'],
  ['Notes of July', 'The zeppelin was painted. The color of the hangar is heliotrope grey.'],
  ['Résumé of Zoë', 'The résumé of Zoë Łukasz mentions the Straße and naïve cafés.'],
  ['火星会議', '我们明天在火星开会，讨论预算。'],
  ['木星メモ', '株式会社は木星にあります。火星ではない。'],
  ['บันทึก', 'วันนี้ไปดาวเสาร์กัน และดาวอังคาร'],
  ['회의록', '내일 화성에서 회의를 합니다.'],
  ['Rocket 🚀', 'The launch 🚀 of version 1.2 is on 2026-02-14.'],
  ['Code', '```js\nconst vulkanite = zeppelin + 5\n```'],
  ['Links', 'a very **bright** [meteor shower](https://example.com) tonight\n\n- meteor\n- shower'],
  ['Launch budget', 'Nothing else.'],
  ['Invoices', 'The companies paid their invoices, and agreed to a meeting.'],
  ['Invoice of May', 'The company pays this invoice after two meetings.'],
  ['Rechnungen', 'Die Rechnungen der Häuser in den Straßen sind bezahlt worden.'],
  ['Empty', ''],
  ...Array.from({ length: 30 }, (_, at): readonly [string, string] => [
    `Plan ${at}`,
    `Item ${at} of the quarterly plan. ${at % 3 === 0 ? 'budget approved' : 'approved later; the budget is open'}. ${'filler words '.repeat(at)}`,
  ]),
]

const queries = [
  ...['heliotrope', 'zeppelin', 'heliotrope zeppelin', 'color hangar', 'zepp', 'he', 'resume zoe', 'strasse', 'cafe'],
  ...[
    '火星',
    '"火星开会"',
    '预算',
    '株式会社',
    '木星',
    'ดาว',
    'ดาวเสาร์',
    '화성',
    '회의',
    '🚀',
    '1.2',
    '2026-02-14',
    '2026',
  ],
  ...['vulkanite', '"meteor shower"', 'meteor shower', '"bright meteor shower tonight"', 'launch budget'],
  ...[
    'budget',
    '"budget approved"',
    'approved budget',
    'quarterly plan item',
    'filler',
    'approved edited:>2020',
    'pla',
  ],
  ...['company invoices', 'companies invoice', 'meetings invoice', '"companies"', 'Rechnung Haus', 'strasse rechnung'],
  ...['budget in:Projects', 'progress', 'by:me budget', 'nowhere-to-be-found', 'the', 'a', 'in progress high'],
]

describe('a search in the index', () => {
  let app: IndexedApp
  beforeAll(async () => {
    app = await startIndexed({ contentSearch: false })
    await app.connect('user')
    for (const [title, markdown] of corpus) await newPage(app, title, markdown)
  })
  afterAll(() => app.stop())

  it('finds exactly what a scan of all pages finds and what comments have, for words, phrases and operators of many scripts', async () => {
    const live = new Map<string, readonly string[]>()
    for (const query of queries) {
      const pages = await searchAll(app, { query, page_size: 100 })
      expect(pages[0]?.content_search).toMatchObject({ source: 'live', index: null })
      live.set(query, idsOf(pages).toSorted())
    }
    await setContentSearch(app, true)
    await passed(app, 'user')
    for (const query of queries) {
      const pages = await searchAll(app, { query, page_size: 100 })
      const { source, index, matches } = pages[0]?.content_search ?? {}
      expect([query, source, index?.status]).toEqual([query, 'index', 'READY'])
      // A scan does not read comments, which the seeded workspace has.
      const inComments = pages
        .flatMap((page) => page.content_search.matches)
        .flatMap(({ id, via }) => (via === 'comment' ? [id] : []))
      const others = idsOf(pages).filter((id) => !inComments.includes(id))
      expect([query, others.toSorted()]).toEqual([query, live.get(query)])
      for (const { via, score, snippet } of matches ?? []) if (via === 'content') expect(score && snippet).toBeTruthy()
    }
    expect([...live.values()].filter((ids) => ids.length > 0).length).toBeGreaterThan(queries.length * 0.8)
  })

  it('continues by cursors, with each result once, whatever the size of a page', async () => {
    for (const query of ['budget', 'the', 'filler']) {
      const whole = idsOf(await searchAll(app, { query, page_size: 100 }))
      for (const page_size of [1, 7]) {
        const ids = idsOf(await searchAll(app, { query, page_size }))
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids.toSorted()).toEqual(whole.toSorted())
      }
    }
  })

  it('says how complete the index is, in every form', async () => {
    const index = await indexOf(app, 'user')
    expect(index).toMatchObject({ status: 'READY', lastCompletedAt: expect.any(String) })
    expect(index?.indexedPages).toBe(index?.pages)
    const { content_search } = await search(app, { query: 'heliotrope' })
    expect(content_search.index).toMatchObject({ pages: index?.pages, indexed_pages: index?.indexedPages })
    const compact = await app.executeTool(
      'user',
      'notion_data_fetch',
      { query: 'heliotrope' },
      { outputFormat: 'COMPACT' },
    )
    expect(JSON.stringify(compact['data'])).toContain(`Searched an index of the content of ${index?.pages} of`)
    const { data } = await app.graphql(
      `{ notionDataFetch(identifier: "user", input: { query: "heliotrope" }) {
        ... on NotionDataFetchPayload { contentSearch { source indexStatus indexCompletedAt summary } }
      } }`,
    )
    expect(JSON.stringify(data)).toMatch(/"source":"index","indexStatus":"READY","indexCompletedAt":"20/)
  })

  it('refuses the cursor of an index that does not exist any more', async () => {
    const { next_cursor } = await search(app, { query: 'filler', page_size: 3 })
    expect(next_cursor).toMatch(/^index\./)
    await setContentSearch(app, false)
    expect(await indexOf(app, 'user')).toBeNull()
    const refused = await app.executeTool('user', 'notion_data_fetch', { query: 'filler', start_cursor: next_cursor })
    expect(refused.__typename).toBe('InvalidToolInputError')
    expect((await search(app, { query: 'filler' })).content_search.source).toBe('live')
  })
})
