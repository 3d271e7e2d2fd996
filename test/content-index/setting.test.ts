import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notion } from '../../src/notion/connector.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { mutate } from '../webhooks/support.ts'
import {
  eventually,
  type IndexedApp,
  idsOf,
  indexOf,
  newPage,
  onePass,
  passed,
  quickCrawl,
  requestsTo,
  search,
  setContentSearch,
  startIndexed,
} from './support.ts'

describe('contentSearch', () => {
  let app: IndexedApp
  beforeAll(async () => {
    app = await startIndexed({ contentSearch: false, crawlTiming: quickCrawl })
  })
  afterAll(() => app.stop())

  /** What a user reads before the consent; empty where the link redirects to the provider at once. */
  async function connectPage(expectedResources: readonly { name: string }[]): Promise<string> {
    const payload = await mutate(app, 'authorize', { identifier: 'reader', expectedResources }, 'link')
    return (await fetch(String(payload['link']), { redirect: 'manual' })).text()
  }
  const resources = [{ name: 'Roadmap' }]

  it('is off by default: nothing is indexed, and the connect page does not mention it', async () => {
    const { data } = await app.graphql('{ oauthApp { contentSearch } }')
    expect(data['oauthApp']).toEqual({ contentSearch: false })
    await app.connect('user')
    expect(await indexOf(app, 'user')).toBeNull()
    expect((await search(app, { query: 'roadmap' })).content_search).toMatchObject({ source: 'live', index: null })
    expect(await connectPage(resources)).toContain('Roadmap')
    expect(await connectPage(resources)).not.toContain('encrypted copy')
    expect(await connectPage([])).toBe('')
  })

  it('is shown to users before the consent, and indexes the accounts from before', async () => {
    await setContentSearch(app, true)
    const sentence = 'the application stores an encrypted copy of its text and comments until you disconnect'
    expect(await connectPage(resources)).toContain(sentence)
    // Whatever the application asks for: the link must not lead to the consent without it.
    const page = await connectPage([])
    expect(page).toContain(sentence)
    expect(page).not.toContain('It needs:')
    expect(await passed(app, 'user')).toMatchObject({ status: 'READY' })
  })

  it('finds changes without webhooks', async () => {
    const page = await newPage(app, 'Animal', 'The pangolin.')
    await eventually(async () => idsOf([await search(app, { query: 'pangolin' })])).toEqual([page])
    await app.executeTool('user', 'notion_page_content_update', { page_id: page, content: 'The aardvark.' })
    await eventually(async () => idsOf([await search(app, { query: 'aardvark' })])).toEqual([page])
    expect((await search(app, { query: 'pangolin' })).results).toEqual([])
  })

  it('indexes the other pages where Notion fails to return one, and this one when it does', async () => {
    const page = await newPage(app, 'Unreadable', 'The echidna.')
    await app.sandbox('fault', { match: { path: `/v1/pages/${page}/markdown` }, kind: 'status', status: 500, times: 0 })
    await sql`delete from content_documents`.execute(app.db)
    await passed(app, 'user')
    expect(idsOf([await search(app, { query: 'aardvark' })])).toHaveLength(1)
    await app.sandbox('clear', {})
    await eventually(async () => idsOf([await search(app, { query: 'echidna' })])).toEqual([page])
  })

  it('cannot be switched on by another program that writes to the database', async () => {
    await setContentSearch(app, false)
    await sql`update oauth_apps set content_search = true`.execute(app.db)
    const refused = await app.graphql(
      `mutation { executeTool(input: { identifier: "user", toolName: "notion_data_fetch", toolInput: { query: "a" } }) { __typename } }`,
    )
    expect(refused.errors?.[0]?.message).toContain('Internal error')
    await eventually(async () => app.log()).toContain('indexing the content of a grant failed')
    const { rows } =
      await sql`select from content_documents join content_indexes on index_id = content_indexes.id`.execute(app.db)
    expect(rows).toEqual([])
    await setContentSearch(app, true)
    expect(await passed(app, 'user')).toMatchObject({ status: 'READY' })
  })

  it('gets an index for a grant that was missed', async () => {
    await sql`delete from content_indexes`.execute(app.db)
    const { sweepIndexes } = await import('../../src/content-index/sweep-indexes.ts')
    await sweepIndexes(app.db)
    expect(await passed(app, 'user')).toMatchObject({ status: 'READY' })
  })
})

it('gets an index at once for a grant that was locked when it was switched on', async () => {
  const app = await startIndexed({ contentSearch: false, crawlTiming: { ...onePass, sweepEveryMs: 3_600_000 } })
  try {
    await app.connect('user')
    await app.db.transaction().execute(async (trx) => {
      await sql`select from grants for no key update`.execute(trx)
      await setContentSearch(app, true)
      expect(await indexOf(app, 'user')).toBeNull()
    })
    await eventually(async () => (await indexOf(app, 'user'))?.status).toBe('READY')
  } finally {
    await app.stop()
  }
})

describe('the crawler', () => {
  const everything = /^(?:GET|POST) \S*\/v1\/(?:search|comments|pages\/)/
  let app: TestApp
  afterAll(() => app?.stop())

  it('uses nothing while calls use most of what Notion allows', async () => {
    // A window that does not end during the test.
    const rate = { requests: 200, perMs: 6_000_000 }
    app = await startApp({ database: 'postgres', connectors: [{ ...notion, rate }], crawlTiming: onePass })
    await app.sandbox('rateLimit', { perMinute: 1_000_000 })
    await app.connect('user')
    await app.sandbox('seed', { pages: 200, databases: 0, rows: 0 })
    const calls = Array.from({ length: 160 }, () => app.executeTool('user', 'notion_user_self', {}))
    for (const call of await Promise.all(calls)) expect(call.__typename).toBe('ExecuteToolPayload')
    const before = await requestsTo(app, everything)
    await setContentSearch(app, true)
    await eventually(async () => (await indexOf(app, 'user'))?.status).toBe('BUILDING')
    const left = await Promise.all(Array.from({ length: 30 }, () => app.executeTool('user', 'notion_user_self', {})))
    for (const call of left) expect(call.__typename).toBe('ExecuteToolPayload')
    // Nothing is sent however long it waits; a short time shows it.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(await requestsTo(app, everything)).toBe(before)
  })
})
