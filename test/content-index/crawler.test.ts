import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimIndexes, releaseIndex } from '../../src/content-index/claims.ts'
import { removeDocuments, storeDocuments } from '../../src/content-index/crawl-store.ts'
import { defaultIndexLimits, IndexLeaseLostError, noteChanges } from '../../src/content-index/index-rows.ts'
import { crawlSlice } from '../../src/crawler/crawl-slice.ts'
import { RateLimitedError } from '../../src/errors.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import type { ContentSource } from '../../src/tools/content-source.ts'
import { testCall } from '../notion/support.ts'
import { webhookOf } from '../provider-events/support.ts'
import type { TestApp } from '../support/app.ts'
import {
  eventually,
  type IndexedApp,
  idsOf,
  indexOf,
  keyOf,
  newPage,
  onePass,
  passed,
  quickCrawl,
  requestsTo,
  search,
  startIndexed,
  vaultOf,
} from './support.ts'

const contentReads = /^GET \S*\/v1\/pages\/[0-9a-f-]{36}\/markdown$/

const leases = { nodeId: 'test', leaseMs: 60_000 }

describe('the crawler', () => {
  let app: IndexedApp
  let other: TestApp
  beforeAll(async () => {
    app = await startIndexed({ crawlTiming: null })
    await app.connect('user')
    const seeded = await app.sandbox('seed', { pages: 60, databases: 1, rows: 30 })
    expect(seeded).toMatchObject({ pages: 60 })
  })
  afterAll(async () => {
    await other?.stop()
    await app.stop()
  })

  it('continues where a node stopped in the middle of a pass, and stores each page once', async () => {
    // The pass cannot be over before the node is stopped.
    const slow = { match: { path: '/v1/pages/*/markdown' }, kind: 'slow_headers', delayMs: 1_000, times: 0 }
    await app.sandbox('fault', slow)
    // Slices of a few pages each: whatever a node did not finish, another one goes on with.
    other = await app.addNode({ crawlTiming: { ...onePass, sliceMs: 20 } })
    await eventually(async () => (await indexOf(app, 'user'))?.indexedPages ?? 0).toBeGreaterThan(10)
    await other.stop()
    await app.sandbox('clear', {})
    const before = await indexOf(app, 'user')
    expect(before?.status).toBe('BUILDING')
    expect((await search(app, { query: 'paragraph' })).content_search).toMatchObject({
      source: 'live',
      index: { status: 'BUILDING' },
    })
    // As after a crash: the lease is still there, and ends.
    await sql`update content_indexes set lease_owner = 'crashed', lease_until = clock_timestamp() + interval '1 second'`.execute(
      app.db,
    )
    const reads = await requestsTo(app, contentReads)
    const nodes = await Promise.all([0, 1].map(() => app.addNode({ crawlTiming: { ...onePass, sliceMs: 300 } })))
    await eventually(async () => (await indexOf(app, 'user'))?.status).toBe('READY')
    const index = await indexOf(app, 'user')
    expect(index?.indexedPages).toBe(index?.pages)
    expect(index?.pages).toBeGreaterThan(100)
    // What the first node had stored was edited before it was read, and is not read again.
    const seededEarlier = await requestsTo(app, contentReads)
    expect(seededEarlier - reads).toBeLessThan((index?.pages ?? 0) * 2)
    const { rows } = await sql<{ documents: number; counted: number }>`
      select count(*)::int as documents, (select documents from content_indexes) as counted from content_documents`.execute(
      app.db,
    )
    expect(rows[0]).toEqual({ documents: index?.indexedPages, counted: index?.indexedPages })
    for (const node of nodes) await node.stop()
  })

  it('completes a pass while pages change faster than they can be read', async () => {
    const slow = { match: { path: '/v1/pages/*/markdown' }, kind: 'slow_headers', delayMs: 50, times: 0 }
    await app.sandbox('fault', slow)
    const { rows: documents } = await sql<{ environment_id: string; grant_id: string; object_id: string }>`
      select content_documents.environment_id, grant_id, object_id from content_documents
      join content_indexes on content_indexes.id = index_id order by edited_at limit 30`.execute(app.db)
    const [one] = documents
    const { environment_id: environmentId = '', grant_id: grantId = '' } = one ?? {}
    const changed = documents.map(({ object_id }) => object_id)
    let isOver = false
    const changing = (async () => {
      while (!isOver) {
        await noteChanges(app.db, { environmentId, grantIds: [grantId] }, changed)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    // Some look changed, so that a pass has them to read.
    await sql`update content_documents set edited_at = edited_at - interval '1 day'
      where object_id = any (${changed.slice(0, 5)})`.execute(app.db)
    const node = await app.addNode({ crawlTiming: { ...onePass, sliceMs: 1_500 } })
    await passed(app, 'user')
    isOver = true
    await changing
    await node.stop()
    await app.sandbox('clear', {})
  })

  it('lets one node at a time work on an index, and stores nothing for one that lost its lease', async () => {
    await sql`update content_indexes set next_at = clock_timestamp()`.execute(app.db)
    const claims = await Promise.all([1, 2, 3].map(() => claimIndexes(app.db, 10, leases)))
    const [mine, ...others] = claims.flat()
    if (mine === undefined) throw new Error('nothing was claimed')
    expect(others).toEqual([])
    await sql`update content_indexes set lease_until = now() - interval '1 second', next_at = now()`.execute(app.db)
    const [taken] = await claimIndexes(app.db, 10, leases)
    if (taken === undefined) throw new Error('nothing was claimed')
    const key = await keyOf(app, taken)
    const document = {
      objectId: randomUUID(),
      editedAt: new Date(),
      content: { title: 'Title', text: 'text', comments: '', language: null, object: {}, isPart: false },
      readAt: new Date(),
    }
    await expect(storeDocuments(app.db, mine, key, [document], defaultIndexLimits)).rejects.toBeInstanceOf(
      IndexLeaseLostError,
    )
    await expect(removeDocuments(app.db, mine, ['any'])).rejects.toBeInstanceOf(IndexLeaseLostError)
    await releaseIndex(app.db, mine, { inMs: 0, pausedMs: 0, failed: false })
    expect(await claimIndexes(app.db, 10, leases)).toEqual([])
    await storeDocuments(app.db, taken, key, [document], defaultIndexLimits)
    await removeDocuments(app.db, taken, [document.objectId])
    await releaseIndex(app.db, taken, { inMs: 3_600_000, pausedMs: 0, failed: false })
  })

  it('leaves out what was edited the longest ago where the index is as large as it may be, and says so', async () => {
    const [lease] = await (async () => {
      await sql`update content_indexes set next_at = clock_timestamp(), lease_until = null`.execute(app.db)
      return claimIndexes(app.db, 10, leases)
    })()
    if (lease === undefined) throw new Error('nothing was claimed')
    const key = await keyOf(app, lease)
    const { rows } = await sql<{ object_id: string; edited_at: Date }>`
      select object_id, edited_at from content_documents order by edited_at desc, object_id desc`.execute(app.db)
    const document = {
      objectId: randomUUID(),
      editedAt: new Date(),
      content: { title: 'Title', text: 'text', comments: '', language: null, object: {}, isPart: false },
      readAt: new Date(),
    }
    await storeDocuments(app.db, lease, key, [document], { ...defaultIndexLimits, documentsPerGrant: 50 })
    const left = await sql<{
      object_id: string
    }>`select object_id from content_documents order by edited_at desc, object_id desc`.execute(app.db)
    expect(left.rows.map(({ object_id }) => object_id)).toEqual([
      document.objectId,
      ...rows.slice(0, 49).map(({ object_id }) => object_id),
    ])
    expect(await indexOf(app, 'user')).toMatchObject({ status: 'LIMITED', indexedPages: 50 })
    await storeDocuments(app.db, lease, key, [document], { ...defaultIndexLimits, bytesPerEnvironment: 1_000 })
    const index = await sql<{ bytes: number }>`select bytes from content_indexes`.execute(app.db)
    expect(index.rows[0]?.bytes).toBeLessThanOrEqual(1_000)
    await releaseIndex(app.db, lease, { inMs: 3_600_000, pausedMs: 0, failed: false })
  })
})

it('reads several pages at a time, and stores those that were read where another one fails', async () => {
  const app = await startIndexed({ crawlTiming: null })
  try {
    await app.connect('user')
    const [lease] = await claimIndexes(app.db, 1, leases)
    if (lease === undefined) throw new Error('nothing was claimed')
    const objects = Array.from({ length: 6 }, () => ({ id: randomUUID(), editedAt: new Date(), object: {} }))
    const reading: (() => void)[] = []
    const source: ContentSource = {
      ...{ editPrecisionMs: 0, listDelayMs: 0, sample: Buffer.from('{}') },
      list: async () => ({ objects, next: null }),
      find: async () => null,
      async read(_call, listed) {
        // No answer before four are asked for.
        await new Promise<void>((resolve) => {
          if (reading.push(resolve) === 4) for (const answer of reading) answer()
        })
        if (listed === objects[1]) throw new RateLimitedError(1_000)
        return listed === objects[2]
          ? null
          : { ...listed, title: 'Title', text: 'text', comments: '', language: null, isPart: false }
      },
    }
    const vault = await vaultOf(app)
    const context = {
      ...{ db: app.db, vault, source, limits: defaultIndexLimits, passes: { recentEveryMs: 1, fullEveryMs: 1 } },
      ...{ sliceMs: 60_000, isOver: () => false, changeCount: () => 0, onProgress: async () => {} },
      call: testCall('http://localhost:9', 'any'),
    }
    await expect(crawlSlice(context, lease)).rejects.toBeInstanceOf(RateLimitedError)
    vault.close()
    const { rows } = await sql<{ object_id: string }>`select object_id from content_documents`.execute(app.db)
    expect(new Set(rows.map(({ object_id }) => object_id))).toEqual(new Set([objects[0]?.id, objects[3]?.id]))
  } finally {
    await app.stop()
  }
})

it('builds an index again whose segments another program changed', async () => {
  const app = await startIndexed({ crawlTiming: { ...quickCrawl, sweepEveryMs: 200 } })
  try {
    await app.connect('user')
    const page = await newPage(app, 'One', 'The pangolin.')
    await passed(app, 'user')
    const indexIds = async () => (await sql<{ id: string }>`select id from content_indexes`.execute(app.db)).rows
    const [before] = await indexIds()
    // As small as the one that the next page adds, so that both are merged.
    await sql`update content_segments set sealed = sealed || '\\x00'::bytea, documents = 1`.execute(app.db)
    await newPage(app, 'Two', 'The okapi.')
    await eventually(async () => {
      const [now] = await indexIds()
      const { results, content_search } = await search(app, { query: 'pangolin' })
      return [now !== undefined && now.id !== before?.id, content_search.source, results.map(({ id }) => id)]
    }).toEqual([true, 'index', [page]])
    expect(app.log()).toContain('indexing the content of a grant failed')
  } finally {
    await app.stop()
  }
})

describe('with a limit', () => {
  let app: IndexedApp
  beforeAll(async () => {
    app = await startIndexed({
      crawlTiming: { ...quickCrawl, fullEveryMs: 300 },
      indexLimits: { documentsPerGrant: 12 },
    })
    await app.connect('user')
  })
  afterAll(() => app.stop())

  it('an index has the pages that were edited last, pass after pass, and searches say so', async () => {
    const index = await passed(app, 'user')
    expect(index).toMatchObject({ status: 'LIMITED', indexedPages: 12 })
    expect(index.pages).toBeGreaterThan(12)
    const page = await newPage(app, 'Newest', 'The okapi.')
    await eventually(async () => idsOf([await search(app, { query: 'okapi' })])).toEqual([page])
    const { content_search } = await search(app, { query: 'okapi' })
    expect(content_search).toMatchObject({ source: 'index', index: { status: 'LIMITED', indexed_pages: 12 } })
    const compact = await app.executeTool('user', 'notion_data_fetch', { query: 'okapi' }, { outputFormat: 'COMPACT' })
    expect(JSON.stringify(compact['data'])).toContain('Pages that were edited the longest ago are not in it.')
  })
})

describe('after the first pass', () => {
  let app: IndexedApp
  beforeAll(async () => {
    app = await startIndexed({ crawlTiming: onePass })
    await app.connect('user')
    await passed(app, 'user')
    const { data } = await app.graphql('{ oauthApp(connectionName: "notion") { clientId } }')
    const { clientId } = data['oauthApp'] as { clientId: string }
    const { webhookUrl } = await webhookOf(app)
    await app.sandbox('webhook', { clientId, url: webhookUrl })
    const { webhookTokens } = await webhookOf(app)
    expect(await app.sandbox('webhookVerify', { token: webhookTokens?.[0]?.token })).toMatchObject({ state: 'active' })
    await app.sandbox('webhookFaults', { aggregateMs: 0 })
  })
  afterAll(() => app.stop())

  const found = async (query: string) => idsOf([await search(app, { query })])

  it('a page is found after the event of its creation, its change and its restoration, and not after its deletion', async () => {
    const page = await newPage(app, 'Animal', 'The pangolin.')
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('pangolin')).toEqual([page])
    expect((await search(app, { query: 'pangolin' })).content_search.source).toBe('index')
    await app.executeTool('user', 'notion_page_content_update', { page_id: page, content: 'The aardvark.' })
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('aardvark')).toEqual([page])
    expect(await found('pangolin')).toEqual([])
    await app.executeTool('user', 'notion_page_trash', { page_id: page })
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('aardvark')).toEqual([])
    await app.executeTool('user', 'notion_page_restore', { page_id: page })
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('aardvark')).toEqual([page])
  })

  it('a page that changes while a list of pages is read is not overwritten by what the list has of it', async () => {
    const page = await newPage(app, 'Before', 'The serval.')
    for (let at = 0; at < 8; at++) await newPage(app, `Newer ${at}`, 'Nothing.')
    await app.sandbox('webhookFlush', {})
    await passed(app, 'user')
    // All look changed. The newer ones are read first, slowly.
    await sql`update content_documents set edited_at = edited_at - interval '1 day'`.execute(app.db)
    await app.sandbox('fault', {
      match: { path: '/v1/pages/*/markdown' },
      kind: 'slow_headers',
      delayMs: 150,
      times: 0,
    })
    const lists = /^POST \S*\/v1\/search$/
    const before = await requestsTo(app, lists)
    const complete = passed(app, 'user')
    await eventually(() => requestsTo(app, lists)).toBeGreaterThan(before)
    await app.executeTool('user', 'notion_page_update', { page_id: page, properties: { title: 'Renamed meanwhile' } })
    await app.sandbox('webhookFlush', {})
    await complete
    await app.sandbox('clear', {})
    await app.sandbox('webhookFaults', { aggregateMs: 0 })
    const unread = sql`select id::text from provider_events where state = 'PENDING' union all select object_id from content_changes`
    await eventually(async () => (await unread.execute(app.db)).rows.length).toBe(0)
    const { results } = await search(app, { query: 'serval' })
    expect(JSON.stringify(results)).toContain('Renamed meanwhile')
  })

  it('pages below one that was moved to the trash are not found any more', async () => {
    const below = await newPage(app, 'Child', 'The capybara.', { parent: acme.engineering })
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('capybara')).toEqual([below])
    await app.executeTool('user', 'notion_page_trash', { page_id: acme.engineering })
    await app.sandbox('webhookFlush', {})
    await eventually(async () => {
      const { rows } = await sql`select from content_documents where object_id = ${below}`.execute(app.db)
      return rows.length
    }).toBe(0)
    expect(await found('capybara')).toEqual([])
  })
})
