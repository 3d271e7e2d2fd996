import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { expect, vi } from 'vitest'
import type { ClaimedIndex } from '../../src/content-index/claims.ts'
import { deriveIndexKey, type IndexKey, indexKeyContext } from '../../src/content-index/index-key.ts'
import type { IndexLimits } from '../../src/content-index/index-rows.ts'
import type { DocumentKey } from '../../src/content-index/sealed-document.ts'
import type { CrawlTiming } from '../../src/crawler/crawler.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { notion } from '../../src/notion/connector.ts'
import { samplePage } from '../../src/notion/sample-page.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { Vault } from '../../src/vault/vault.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase } from '../support/database.ts'
import { mutate } from '../webhooks/support.ts'

/** Passes that follow one another at once, and as many requests as the sandbox answers. */
export const quickCrawl: Partial<CrawlTiming> = {
  everyMs: 200,
  recentEveryMs: 200,
  fullEveryMs: 1_000,
  reportEveryMs: 100,
  backoff: { firstMs: 50, maxMs: 200 },
}

/** Passes once, and then only after changes. */
export const onePass: Partial<CrawlTiming> = { ...quickCrawl, recentEveryMs: 3_600_000, fullEveryMs: 3_600_000 }

/** Notion without a limit of requests. */
export const fastNotion = { ...notion, rate: { requests: 1_000_000, perMs: 60_000 } }

/** A system on a Postgres of its own, with its rows. */
export interface IndexedApp extends TestApp {
  readonly db: Database['db']
  readonly masterKey: string
  /** Starts another node on the same database, which uses the sandbox of the first. */
  addNode(options?: { crawlTiming?: Partial<CrawlTiming> | null }): Promise<TestApp>
}

/** Starts a system whose OAuth app has its content indexed, unless `contentSearch` is false. */
export async function startIndexed(
  options: {
    crawlTiming?: Partial<CrawlTiming> | null
    indexLimits?: Partial<IndexLimits>
    contentSearch?: boolean
  } = {},
): Promise<IndexedApp> {
  const { crawlTiming = quickCrawl, indexLimits, contentSearch = true } = options
  const database = await newPostgresDatabase()
  const masterKey = randomBytes(32).toString('base64')
  const env = { ...databaseEnv(database.location), VALETKEY_MASTER_KEY: masterKey }
  const common = { connectors: [fastNotion], ...(indexLimits && { indexLimits }) }
  const app = await startApp({ ...common, env, crawlTiming })
  const { db, close } = await openDatabase(database.location, () => {})
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  if (contentSearch) await setContentSearch(app, true)
  return {
    ...app,
    db,
    masterKey,
    addNode: (more = {}) =>
      startApp({
        ...common,
        // Without a sandbox of its own, it uses that of the first node.
        connectors: [{ ...fastNotion, sandbox: null }],
        env: { ...env, VALETKEY_SANDBOX: 'off', NOTION_API_URL: `${app.url}/sandbox` },
        crawlTiming: more.crawlTiming === undefined ? crawlTiming : more.crawlTiming,
      }),
    async stop() {
      await app.stop()
      await close()
      await database.drop()
    },
  }
}

/** Opens the vault of a system. The caller closes it. */
export const vaultOf = async ({ db, masterKey }: IndexedApp): Promise<Vault & { close(): void }> =>
  openVault({ db, keyEncryption: masterKeys({ primary: new Secret(masterKey), older: [] }) })

/** Opens the key of an index, which its first crawl has stored. */
export async function keyOf(app: IndexedApp, index: ClaimedIndex): Promise<IndexKey & DocumentKey> {
  const vault = await vaultOf(app)
  try {
    const key = deriveIndexKey(await vault.open(index.sealedKey ?? '', indexKeyContext(index)))
    return { ...key, sample: samplePage }
  } finally {
    vault.close()
  }
}

/** Registers the OAuth app of the sandbox again, with the index or without. */
export async function setContentSearch(app: TestApp, contentSearch: boolean): Promise<void> {
  const { data } = await app.graphql('{ oauthApp { clientId capabilities confirmationUrl } }')
  const input = { ...(data['oauthApp'] as object), clientSecret: 'a-secret', contentSearch }
  const payload = await mutate(app, 'registerOAuthApp', input, 'oauthApp { contentSearch }')
  expect(payload).toMatchObject({ oauthApp: { contentSearch } })
}

/** What the API says of the index of an account. */
export interface ShownIndex {
  readonly status: string
  readonly pages: number
  readonly indexedPages: number
  readonly lastCompletedAt: string | null
}

/** Reads the index of an account; null where it has none. */
export async function indexOf(app: TestApp, identifier: string): Promise<ShownIndex | null> {
  const { data, errors } = await app.graphql(
    `query ($identifier: String!) {
      connectedAccount(identifier: $identifier) { contentIndex { status pages indexedPages lastCompletedAt } }
    }`,
    { identifier },
  )
  expect(errors).toBeUndefined()
  return (data['connectedAccount'] as { contentIndex: ShownIndex | null } | null)?.contentIndex ?? null
}

/** Waits until a full pass that began after this moment is complete. One that is in progress is not enough. */
export async function passed(app: IndexedApp, identifier: string): Promise<ShownIndex> {
  const { rows: askedFor } = await sql<{ at: string }>`
    update content_indexes set next_full_at = clock_timestamp(), next_at = clock_timestamp(), pass = null
    from connected_accounts account
    where account.grant_id = content_indexes.grant_id and account.identifier = ${identifier}
    returning next_full_at::text as at`.execute(app.db)
  const { rows: times } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(app.db)
  const before = times[0]?.now ?? new Date(0)
  // Also used where hooks prepare tests, in which there is no expect.poll.
  await vi.waitFor(
    async () => {
      const at = new Date((await indexOf(app, identifier))?.lastCompletedAt ?? 0)
      expect(at.getTime()).toBeGreaterThan(before.getTime())
      const { rows } = await sql<{ at: string }>`
        select next_full_at::text as at from content_indexes
        join connected_accounts account on account.grant_id = content_indexes.grant_id
        where account.identifier = ${identifier}`.execute(app.db)
      expect(rows[0]?.at).not.toBe(askedFor[0]?.at)
    },
    { timeout: 60_000, interval: 100 },
  )
  const index = await indexOf(app, identifier)
  if (index === null) throw new Error('The account has no index.')
  return index
}

/** Creates a page with this content below a page of the workspace. */
export async function newPage(
  app: TestApp,
  title: string,
  markdown: string,
  { identifier = 'user', parent = acme.product as string } = {},
): Promise<string> {
  const page = await app.executeTool(
    identifier,
    'notion_page_create',
    { parent_page_id: parent, properties: { title }, markdown },
    { outputFormat: 'RAW' },
  )
  expect(page).toMatchObject({ __typename: 'ExecuteToolPayload' })
  return (page['data'] as { id: string }).id
}

/** The result of a search in RAW. */
export interface Found {
  readonly results: readonly { readonly id: string; readonly object: string }[]
  readonly next_cursor: string | null
  readonly content_search: {
    readonly source: 'live' | 'index'
    readonly index: { readonly status: string; readonly pages: number; readonly indexed_pages: number } | null
    readonly ended_by: string
    readonly matches: readonly {
      readonly id: string
      readonly snippet: string | null
      readonly score: number | null
      readonly via: string
    }[]
  }
}

/** Searches for an account. */
export async function search(app: TestApp, input: object, identifier = 'user'): Promise<Found> {
  const found = await app.executeTool(identifier, 'notion_data_fetch', { ...input }, { outputFormat: 'RAW' })
  expect(found).toMatchObject({ __typename: 'ExecuteToolPayload' })
  return found['data'] as Found
}

/** All results of a search, by its cursors. */
export async function searchAll(app: TestApp, input: object, identifier = 'user'): Promise<readonly Found[]> {
  const pages: Found[] = []
  for (let start_cursor: string | null | undefined; start_cursor !== null; ) {
    const found = await search(app, { ...input, ...(start_cursor !== undefined && { start_cursor }) }, identifier)
    pages.push(found)
    expect(pages.length).toBeLessThan(100)
    start_cursor = found.next_cursor
  }
  return pages
}

export const idsOf = (pages: readonly Found[]) => pages.flatMap(({ results }) => results.map(({ id }) => id))

/** Waits until the index was found in this state. */
export const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 60_000, interval: 100 })

/** Makes everything look as if Notion had returned it long ago. */
export const forgetProofs = (app: IndexedApp) =>
  sql`update content_documents set proven_at = proven_at - interval '1 hour', read_at = edited_at + interval '1 hour'`.execute(
    app.db,
  )

/** The requests of one kind that reached the sandbox. */
export async function requestsTo(app: TestApp, pattern: RegExp): Promise<number> {
  const { requests } = (await app.sandbox('log')) as { requests: readonly { method: string; path: string }[] }
  return requests.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length
}
