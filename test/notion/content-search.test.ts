import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { InvalidToolInputError } from '../../src/errors.ts'
import { notion } from '../../src/notion/connector.ts'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { checkInput } from '../../src/tools/input.ts'
import { capResult } from '../../src/tools/result-cap.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { agentOf } from './agent.ts'
import { testAccount } from './support.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

const name = 'notion_data_fetch'

interface Found {
  readonly results: readonly { readonly id: string; readonly object: string }[]
  readonly next_cursor: string | null
  readonly has_more: boolean
  readonly content_search: {
    readonly pages_searched: number
    readonly pages_searched_before: number
    readonly pages_known: number | null
    readonly more_pages: boolean
    readonly partly_read: number
    readonly skipped: number
    readonly ended_by: string
    readonly matches: readonly {
      readonly id: string
      readonly snippet: string | null
      readonly score: number | null
      readonly via: string
    }[]
  }
}

let workspace: TestWorkspace
// One for each test: what another has written would take from the 60 pages of a call.
beforeEach(async () => {
  workspace = await startWorkspace()
})
afterEach(() => workspace.close())

const search = async (input: string | object, of = workspace) =>
  (await of.run(name, typeof input === 'string' ? { query: input } : input)) as unknown as Found
const idsOf = ({ results }: Found) => results.map(({ id }) => id)
const viaContent = ({ content_search: { matches } }: Found) =>
  matches.filter(({ via }) => via === 'content').map(({ id }) => id)

async function newPage(title: string, markdown: string, parent_page_id: string = acme.product): Promise<string> {
  const page = await workspace.run('notion_page_create', { parent_page_id, properties: { title }, markdown })
  return String(page.id)
}

async function refusal(query: string): Promise<string> {
  const error = await failure(search(query))
  expect(error).toBeInstanceOf(InvalidToolInputError)
  const { issues } = error as InvalidToolInputError
  expect(issues).toHaveLength(1)
  expect(issues[0]?.path).toBe('query')
  return issues[0]?.message ?? ''
}

/** All results of a search, by its cursors. */
async function pagesOf(input: object, of = workspace): Promise<readonly Found[]> {
  const found: Found[] = []
  for (let start_cursor: string | undefined; ; ) {
    const page = await search({ ...input, ...(start_cursor !== undefined && { start_cursor }) }, of)
    found.push(page)
    expect(found.length).toBeLessThan(60)
    expect(page.has_more).toBe(page.next_cursor !== null)
    if (page.next_cursor === null) return found
    start_cursor = page.next_cursor
  }
}

describe('a search finds a page', () => {
  it('by a sentence that is only in its content, and shows it', async () => {
    const id = await newPage('Notes of June', '# Decisions\n\nWe chose **heliotrope** as the color of the `zeppelin`.')
    const found = await search('heliotrope zeppelin')
    expect(idsOf(found)).toEqual([id])
    expect(found.content_search).toMatchObject({ ended_by: 'complete', skipped: 0, more_pages: false })
    expect(found.content_search.pages_searched).toBe(found.content_search.pages_known)
    const [match] = found.content_search.matches
    expect(match).toMatchObject({ id, via: 'content' })
    expect(match?.snippet).toContain('We chose heliotrope as the color of the zeppelin.')
    expect(match?.score).toBeGreaterThan(0)
    expect(match?.score).toBeLessThanOrEqual(1)
    expect(found).toMatchObject({ object: 'list', type: 'page_or_data_source', next_cursor: null, has_more: false })
  })

  it('by a property, and by the content of a row', async () => {
    const row = await workspace.run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { Name: 'A row', Status: 'In Progress', Priority: 'Low' },
      child_blocks: ['The supplier is Quetzalcoatl Ltd.'],
    })
    expect(idsOf(await search('quetzalcoatl'))).toEqual([row.id])
    expect(viaContent(await search('quetzalcoatl low progress'))).toEqual([row.id])
  })

  it('by words of its title and its content together, without its being a result by title', async () => {
    const id = await newPage('Walrus review', 'The budget is at an end.')
    const found = await search('walrus budget')
    expect(found.content_search.matches).toMatchObject([{ id, via: 'content' }])
  })

  it.each([
    ['by an accent', 'The résumé of Zoë Łukasz', 'resume zoe lukasz'],
    ['by a beginning of the last word', 'Antidisestablishmentarianism', 'antidisestab'],
    ['by a Chinese word', '我们明天在火星开会', '火星'],
    ['by a Japanese word', '株式会社は木星にあります', '木星'],
    ['by a Thai word', 'วันนี้ไปดาวเสาร์กัน', 'ดาวเสาร์'],
    [
      'by a phrase across formatting',
      'a very **bright** [meteor shower](https://example.com) tonight',
      '"bright meteor shower tonight"',
    ],
    ['by code', '```js\nconst <vulkanite> = 5\n```', 'vulkanite'],
  ])('%s', async (_how, markdown, query) => {
    const id = await newPage('A page', markdown)
    expect(idsOf(await search(query))).toEqual([id])
  })

  it('by a phrase only where its words are adjacent, in the title as well', async () => {
    const [inText, apart] = [await newPage('One', 'the cobalt giraffe'), await newPage('Two', 'cobalt and giraffe')]
    const inTitle = await newPage('Cobalt giraffe', '')
    const titleApart = await newPage('Cobalt or giraffe', '')
    const found = idsOf(await search('"cobalt giraffe"'))
    expect(found).toEqual([inTitle, inText])
    expect(found).not.toContain(apart)
    expect(found).not.toContain(titleApart)
    expect(new Set(idsOf(await search('cobalt giraffe')))).toEqual(new Set([inText, apart, inTitle, titleApart]))
  })

  it('by title first, in the order of Notion, then by content with the best first, each once', async () => {
    const title = await newPage('Pangolin', 'pangolin pangolin')
    const weak = await newPage('Animals', `pangolin ${'and others '.repeat(60)}`)
    const strong = await newPage('Notes', 'pangolin, pangolin, pangolin')
    const found = await search('pangolin')
    expect(idsOf(found)).toEqual([title, strong, weak])
    expect(found.content_search.matches.map(({ via }) => via)).toEqual(['title', 'content', 'content'])
  })

  it('never where it is not shared', async () => {
    const hidden = await newPage('Hidden', 'the axolotl is secret')
    const call = await workspace.connect({ clientId: 'narrow', resources: acme.meetingNotes })
    const found = (await workspace.box.run(name, call, { query: 'axolotl' })) as unknown as Found
    expect(found).toMatchObject({ results: [], content_search: { ended_by: 'complete', pages_known: 1 } })
    expect(idsOf(await search('axolotl'))).toEqual([hidden])
  })
})

describe('the content is not searched', () => {
  it.each([
    ['without a query', {}],
    ['for databases', { query: 'roadmap', filter: 'database' }],
    ['in the trash', { query: 'roadmap', filter: { in_trash: true } }],
    ['for a query that has no words', { query: '?!' }],
  ])('%s, and the result is that of Notion', async (_what, input) => {
    const before = (await workspace.requests()).length
    expect(await search(input)).not.toHaveProperty('content_search')
    expect((await workspace.requests()).slice(before)).toEqual(['POST /v1/search'])
  })

  it('for a query that has only operators', async () => {
    const before = (await workspace.requests()).length
    const found = await search('edited:>=2020 by:me')
    expect(found.content_search).toMatchObject({ pages_searched: 0, pages_known: 0 })
    expect((await workspace.requests()).slice(before)).toEqual(['POST /v1/search'])
  })
})

describe('operators', () => {
  it.each([acme.projects, acme.projectsSource, 'Projects', 'projects'])(
    'in:%s selects the rows of a database',
    async (database) => {
      const found = await search({ query: `in:${database}`, page_size: 100 })
      const rows = await workspace.run('notion_database_query', { database_id: acme.projects, page_size: 100 })
      expect(new Set(idsOf(found))).toEqual(new Set((rows.results as Found['results']).map(({ id }) => id)))
    },
  )

  it('in:"…" selects the rows of all data sources of a database, by title and by content', async () => {
    const rows = await search({ query: 'in:"Customer research"', page_size: 100 })
    const sources = new Set(
      rows.results.map((row) => (row as unknown as { parent: { data_source_id: string } }).parent.data_source_id),
    )
    expect(sources).toEqual(new Set([acme.interviewsSource, acme.surveysSource]))
    const elsewhere = await newPage('Interviews of the wombat', 'a wombat')
    const row = await workspace.run('notion_database_insert_row', {
      database_id: acme.research,
      data_source: acme.surveysSource,
      properties: { title: 'Survey' },
      child_blocks: ['What does a wombat eat?'],
    })
    expect(new Set(idsOf(await search('wombat')))).toEqual(new Set([elsewhere, row.id]))
    const found = await search('in:"Customer research" wombat')
    expect(idsOf(found)).toEqual([row.id])
    expect(found.content_search).toMatchObject({ ended_by: 'complete', pages_known: rows.results.length + 1 })
  })

  it('edited: selects by the day, month or year of the last edit', async () => {
    const id = await newPage('A page', 'the marmoset')
    const year = new Date().getUTCFullYear()
    expect(idsOf(await search(`marmoset edited:${year}`))).toEqual([id])
    expect(idsOf(await search(`marmoset edited:>${year}`))).toEqual([])
    expect(idsOf(await search(`edited:<2026-06-02 roadmap`))).toContain(acme.roadmap)
    expect(idsOf(await search(`edited:>2026-06-01 edited:<2026-06-03 roadmap`))).toEqual([])
  })

  it('by:me selects what the user of the account created or edited, and not what its agents wrote', async () => {
    await newPage('A page', 'the ocelot')
    const by = async (providerUserId: string, query: string) => {
      const call = { ...workspace.call, account: testAccount({}, { providerUserId }) }
      return (await workspace.box.run(name, call, { query, page_size: 100 })) as unknown as Found
    }
    const mine = await by(people.acmeOwner, 'by:me')
    expect(mine.results.length).toBeGreaterThan(10)
    for (const result of mine.results as unknown as Record<string, { id: string }>[]) {
      expect([result['created_by']?.id, result['last_edited_by']?.id]).toContain(people.acmeOwner)
    }
    expect(idsOf(await by(people.acmeOwner, 'roadmap by:me'))).toContain(acme.roadmap)
    expect(idsOf(await by(people.acmeChair, 'roadmap by:me'))).toEqual([])
    expect(idsOf(await by(people.acmeOwner, 'ocelot by:me'))).toEqual([])
  })

  it.each([
    ['in:', 'in:Tasks'],
    ['in:Unicorns', 'shared database'],
    [`in:${acme.meetingNotes}`, 'shared database'],
    ['edited:soon x', 'edited:2026-02'],
    ['by:anna x', 'by:me'],
  ])('%s is refused at its place', async (query, fix) => {
    expect(await refusal(query)).toContain(fix)
  })
})

describe('a search of many pages', () => {
  let large: TestWorkspace
  const pages = 150
  beforeAll(async () => {
    large = await startWorkspace({ clientId: 'large' })
    await large.sandbox.control('seed', { pages, databases: 1, rows: 20 })
  })
  afterAll(() => large.close())

  it.each([
    ['a word of the content', { query: 'paragraph of', page_size: 100 }],
    ['small pages of results', { query: 'paragraph of', page_size: 7 }],
    ['a phrase', { query: '"paragraph of bulk page"', page_size: 40 }],
    ['an operator', { query: 'paragraph edited:>2020', page_size: 30 }],
  ])('reaches all of them by cursors, without repetition, for %s', async (_what, input) => {
    const all = await pagesOf(input, large)
    const ids = all.flatMap(idsOf)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.filter((id) => id.startsWith('5eed0000')).length).toBe(pages)
    let before = 0
    for (const { results, content_search: about } of all) {
      expect(results.length).toBeLessThanOrEqual(input.page_size)
      expect(about.pages_searched).toBeLessThanOrEqual(60)
      expect(about.pages_searched_before).toBe(before)
      before += about.pages_searched
    }
    const last = all.at(-1)?.content_search
    expect(last).toMatchObject({ ended_by: 'complete', more_pages: false, pages_known: before })
    expect(all[0]?.content_search.pages_known).toBe(before)
  })

  it('shows a result by title never again as a result by content', async () => {
    const all = await pagesOf({ query: 'bulk page', page_size: 40 }, large)
    const ids = all.flatMap(idsOf)
    expect(new Set(ids).size).toBe(ids.length)
    const byTitle = all.flatMap(({ content_search }) => content_search.matches.filter(({ via }) => via === 'title'))
    expect(byTitle.length).toBe(pages)
    expect(all[0]?.content_search).toMatchObject({ ended_by: 'page_size', pages_searched: 0, pages_known: null })
  })

  it('continues where the size cap cut a result, in every format', async () => {
    const tool = large.box.tool(name)
    for (const query of ['paragraph', 'bulk page', '"bulk page" edited:>2020', 'edited:>2020']) {
      const whole = new Set((await pagesOf({ query, page_size: 100 }, large)).flatMap(idsOf))
      for (const [format, limit] of [
        ['RAW', 15_000],
        ['COMPACT', 4_000],
        ['MARKDOWN', 3_000],
      ] as const) {
        const ids: string[] = []
        let isCut = false
        for (let start: object = {}; ; ) {
          const { value } = checkInput(tool, { query, page_size: 50, ...start })
          const { data, body } = capResult(tool, format, await tool.run(large.call, value), value, limit)
          expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(limit)
          const shown = body as Found
          ids.push(...idsOf(shown))
          isCut ||= JSON.stringify(data).includes('Truncated to')
          if (shown.content_search.matches.length > 0)
            expect(shown.content_search.matches.length).toBe(shown.results.length)
          if (shown.next_cursor === null) break
          expect(JSON.stringify(data)).toContain(shown.next_cursor)
          start = { start_cursor: shown.next_cursor }
        }
        expect(isCut).toBe(true)
        expect(ids.length).toBe(whole.size)
        expect(new Set(ids)).toEqual(whole)
      }
    }
  })

  it('refuses a damaged cursor, and one of another query, at its place', async () => {
    const { next_cursor } = await search({ query: 'paragraph', page_size: 5 }, large)
    const cursor = next_cursor ?? ''
    expect(cursor).not.toBe('')
    const damaged = [
      cursor.slice(0, -1),
      `${cursor}x`,
      cursor.replace('content', 'contents'),
      'content.',
      'cut.1.x..',
      cursor.replace(/\.\d+\./, '.-1.'),
    ]
    for (const input of [
      ...damaged.map((start_cursor) => ({ query: 'paragraph', start_cursor })),
      { start_cursor: cursor },
      { query: 'paragraph', filter: 'database', start_cursor: cursor },
      { query: 'paragraph', start_cursor: cursor.replace('content', 'titles') },
    ]) {
      await expect(search(input, large)).rejects.toMatchObject({
        name: 'InvalidToolInputError',
        issues: [{ path: 'start_cursor' }],
      })
    }
  })

  it('counts at most 400 pages, and reports that there are more', async () => {
    await large.sandbox.control('seed', { pages: 400 })
    const found = await search('paragraph', large)
    expect(found.content_search.more_pages).toBe(true)
    expect(found.content_search.pages_known).toBeGreaterThan(300)
    expect(found.content_search.pages_known).toBeLessThanOrEqual(400)
    const text = String(large.box.tool(name).toMarkdown(found, {}))
    expect(text).toMatch(
      /Searched the content of \d+ of more than \d+ pages\. .*Pass start_cursor to search the rest\./,
    )
  })
})

describe('a failure during the search of the content', () => {
  const pathOf = (id: string) => `/v1/pages/${id}/markdown`

  async function withFault<T>(fault: object, act: () => Promise<T>): Promise<T> {
    await workspace.sandbox.control('fault', fault)
    try {
      return await act()
    } finally {
      await workspace.sandbox.control('clear')
    }
  }

  it.each([403, 404, 400])('skips a page that Notion refuses with %i, and counts it', async (status) => {
    const [refused, other] = [
      await newPage('A', `the kinkajou ${status}`),
      await newPage('B', `the kinkajou ${status}`),
    ]
    const reason = { 403: 'restricted_resource', 404: 'object_not_found', 400: 'validation_error' }[status]
    const fault = { match: { path: pathOf(refused) }, kind: 'status', status, reason, times: 0 }
    const found = await withFault(fault, () => search(`kinkajou "${status}"`))
    expect(idsOf(found)).toEqual([other])
    expect(found.content_search).toMatchObject({ skipped: 1, ended_by: 'complete' })
    expect(String(workspace.box.tool(name).toMarkdown(found, {}))).toContain('1 could not be read.')
  })

  it.each([
    ['rate_limit', { kind: 'rate_limit' }],
    ['unavailable', { kind: 'status', status: 503, reason: 'service_unavailable' }],
    ['unavailable', { kind: 'reset' }],
  ])('ends it as %s with what was found, and a cursor continues there', async (end, fault) => {
    const word = `tamarin${end}${fault.kind.length}`
    const pages: string[] = []
    for (let page = 0; page < 8; page += 1) pages.push(await newPage(`Page ${page}`, word))
    const title = await newPage(word, '')
    // The last edited is read first.
    const order = idsOf(await search({ query: word, page_size: 100 }))
    const broken = [...pages].reverse()[5] ?? ''
    const found = await withFault({ ...fault, match: { path: pathOf(broken) }, times: 0 }, () => search(word))
    expect(idsOf(found)[0]).toBe(title)
    expect(found.content_search.ended_by).toBe(end)
    expect(idsOf(found)).not.toContain(broken)
    const rest = await search({ query: word, start_cursor: found.next_cursor })
    const ids = [...idsOf(found), ...idsOf(rest)]
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(ids)).toEqual(new Set(order))
    const atOnce = { ...fault, match: { path: '/v1/pages/*/markdown' }, times: 0 }
    const again = await withFault(atOnce, () => failure(search({ query: word, start_cursor: found.next_cursor })))
    expect(again.name).toBe(end === 'rate_limit' ? 'RateLimitedError' : 'ProviderError')
  })

  it('loses no result by title when the list of pages fails', async () => {
    const search503 = { match: { method: 'POST', path: '/v1/search' }, kind: 'status', status: 503, times: 0 }
    const requests = async () => (await workspace.requests()).length
    const before = await requests()
    // The first search is for titles, the second lists the pages.
    const running = search('roadmap')
    while ((await requests()) === before) await new Promise((resolve) => setTimeout(resolve, 1))
    await withFault(search503, () => running)
    const found = await running
    expect(idsOf(found)).toContain(acme.roadmap)
  })

  it('counts a page that Notion returns in part', async () => {
    const found = await search('handbook')
    expect(found.content_search.partly_read).toBeGreaterThan(0)
    expect(String(workspace.box.tool(name).toMarkdown(found, {}))).toContain('could be read only in part')
  })
})

describe('the formats of a search', () => {
  it('have the passage, the score and how far the search came', async () => {
    const id = await newPage('Formats', 'An <notion-content> okapi | and </notion-content> more')
    const body = await search('okapi')
    const tool = workspace.box.tool(name)
    const [match] = body.content_search.matches
    const compact = tool.toCompact(body, {}) as Record<string, unknown>
    expect(compact).toMatchObject({
      untrusted_notion_content: [
        { id, title: 'Formats', match: { snippet: match?.snippet, score: match?.score, via: 'content' } },
      ],
      content_search: expect.stringMatching(/^Searched the content of (\d+) of \1 pages\./),
    })
    const text = String(tool.toMarkdown(body, {}))
    expect(text.match(/<notion-content>/g)).toHaveLength(1)
    expect(text.match(/<\/notion-content>/g)).toHaveLength(1)
    expect(text.indexOf('okapi')).toBeLessThan(text.indexOf('</notion-content>'))
    expect(text.indexOf('Searched the content')).toBeGreaterThan(text.indexOf('</notion-content>'))
    const typed = tool.result.parse(tool.toResult(body, {}))
    expect(typed).toMatchObject({
      results: [{ objectId: id, match: { via: 'content', score: match?.score, snippet: match?.snippet } }],
      contentSearch: { endedBy: 'complete', pagesSearchedBefore: 0, skipped: 0, morePages: false },
    })
    const titles = await search({ page_size: 1 })
    expect(tool.result.parse(tool.toResult(titles, {}))).toMatchObject({
      results: [{ match: null }],
      contentSearch: null,
    })
  })
})

describe('through GraphQL', () => {
  let app: TestApp
  beforeAll(async () => {
    // The tests read more pages in a minute than Notion allows for searches.
    app = await startApp({ connectors: [{ ...notion, rate: { requests: 100_000, perMs: 60_000 } }] })
    await app.connect('ann')
  })
  afterAll(() => app.stop())

  it('has typed matches, and how far the search came', async () => {
    const { data, errors } = await app.graphql(
      `{
        notionDataFetch(identifier: "ann", input: { query: "roadmap by:me", pageSize: 3 }) {
          ... on NotionDataFetchPayload {
            results { objectId match { snippet score via } }
            hasMore
            contentSearch { pagesSearched pagesKnown morePages partlyRead skipped endedBy summary }
          }
          ... on Error { message }
        }
      }`,
    )
    expect(errors).toBeUndefined()
    expect(data['notionDataFetch']).toMatchObject({
      results: [{ match: { via: 'title' } }, { match: { via: 'title' } }, { match: { via: 'title' } }],
      hasMore: true,
      contentSearch: {
        pagesSearched: 0,
        pagesKnown: null,
        endedBy: 'page_size',
        summary: expect.stringContaining('start_cursor'),
      },
    })
  })

  it('reports a query that cannot be read at its place', async () => {
    const agent = agentOf(app, 'ann')
    expect(await agent.issues(name, { query: 'roadmap edited:soon' })).toMatchObject([{ path: 'query' }])
    const { content_search } = await agent.body(name, { query: 'freeze' })
    expect(content_search).toMatchObject({ ended_by: 'complete', matches: [{ id: acme.roadmap, via: 'content' }] })
  })

  it('ends when its time is over, with the results by title and a cursor for the rest', async () => {
    const agent = agentOf(app, 'ann')
    await app.sandbox('mode', { latencyMs: 5_000 })
    const first = (await agent.body(name, { query: 'roadmap' })) as Found
    await app.sandbox('mode', { latencyMs: 0 })
    expect(first.content_search).toMatchObject({ ended_by: 'time_limit' })
    expect(idsOf(first)).toContain(acme.roadmap)
    const rest = (await agent.body(name, { query: 'roadmap', start_cursor: first.next_cursor })) as Found
    expect(rest.content_search).toMatchObject({ ended_by: 'complete' })
    expect([...idsOf(first), ...idsOf(rest)]).toEqual(idsOf((await agent.body(name, { query: 'roadmap' })) as Found))
  })

  it('sends nothing more when the caller leaves', async () => {
    const markdownRequests = async () => {
      const { requests } = (await app.sandbox('log')) as { requests: { path: string }[] }
      return requests.filter(({ path }) => path.endsWith('/markdown')).length
    }
    const before = await markdownRequests()
    await app.sandbox('fault', {
      match: { path: '/v1/pages/*/markdown' },
      kind: 'slow_headers',
      delayMs: 120_000,
      times: 0,
    })
    const caller = new AbortController()
    const gone = fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${app.apiKey}` },
      body: JSON.stringify({
        query: `mutation { executeTool(input: { identifier: "ann", toolName: "${name}", toolInput: { query: "capybara" } }) { __typename } }`,
      }),
      signal: caller.signal,
    }).catch((error: unknown) => error)
    await expect.poll(markdownRequests).toBe(before + 4)
    caller.abort()
    await gone
    const statuses = async () => {
      const { data } = await app.graphql('{ toolExecutions(first: 1) { nodes { status errorType } } }')
      return data['toolExecutions']
    }
    await expect.poll(statuses).toMatchObject({ nodes: [{ status: 'FAILED', errorType: 'Cancelled' }] })
    expect(await markdownRequests()).toBe(before + 4)
    await app.sandbox('clear', {})
  })
})
