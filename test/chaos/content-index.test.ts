import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { webhookOf } from '../provider-events/support.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { clientOf, type TestClient } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { createEndpoint, type Receiver, startReceiver } from '../webhooks/support.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import type { ContentProcessSettings } from './content-process.ts'
import { report, size } from './report.ts'
import { startSandboxProcess } from './sandbox-process.ts'

const kills = size(3, 20)
/** Nodes that run at the same time. */
const nodes = 2
/** Events that are accepted between two kills. */
const acceptedPerKill = size(10, 60)
/** Pages whose content changes while nodes are killed. */
const pages = size(8, 40)

/** The accounts, each with a grant of its own, and their users. */
const accounts = { ada: 'owner@acme.test', grace: 'member@acme.test', zoe: 'owner@globex.test' } as const
const eventTypes = ['created', 'deleted', 'undeleted', 'content_updated', 'properties_updated'].map(
  (type) => `notion.page.${type}`,
)

interface Node {
  readonly child: ChildProcess
  readonly url: string
}

let sandbox: RunningSandbox
let location: TestDatabase
let database: Database
let receiver: Receiver
let balancer: Balancer
let running: Node[] = []
const settings = () => ({ ...common, location: location.location, apiUrl: sandbox.url })
const common = { masterKey: randomBytes(32).toString('base64'), apiKey: 'the-operators-own-key-0123456789' }

async function startNode(): Promise<Node> {
  const given: ContentProcessSettings = settings()
  const child = fork(fileURLToPath(new URL('./content-process.ts', import.meta.url)), [JSON.stringify(given)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [url] = (await once(child, 'message')) as [string]
  return { child, url }
}

async function kill({ child }: Node): Promise<void> {
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
  child.kill('SIGKILL')
  await gone
}

beforeAll(async () => {
  ;[sandbox, location, receiver] = await Promise.all([startSandboxProcess(), newPostgresDatabase(10), startReceiver()])
  database = await openDatabase(location.location, () => {})
  balancer = await startBalancer(() => running.map(({ url }) => url))
})
afterAll(async () => {
  await Promise.all(running.map(kill))
  await balancer.close()
  await receiver.close()
  await database.close()
  await location.drop()
  await sandbox.close()
})

/** A page that changes, with the state that the index must reach. */
interface TrackedPage {
  readonly id: string
  title: string
  /** The word that only its content has now. */
  word: string
  isTrashed: boolean
}

/** Edits pages as another connection of the same workspace, one change after the other, until it is stopped. */
function startEditing(token: string) {
  const tracked: TrackedPage[] = []
  const replaced: string[] = []
  let count = 0
  let stopped = false
  const call = async (method: string, path: string, body: unknown) => {
    const answer = await sandbox.call(token, method, path, body)
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  // Of the same length: none is the beginning of another one.
  const newWord = () => `token${String(++count).padStart(6, '0')}`
  const titled = (title: string) => ({ title: { title: [{ text: { content: title } }] } })
  const create = async () => {
    const [title, word] = [`Page ${tracked.length}`, newWord()]
    const parent = { page_id: acme.product }
    const { id } = await call('POST', '/v1/pages', { parent, properties: titled(title), markdown: `It has ${word}.` })
    tracked.push({ id: String(id), title, word, isTrashed: false })
  }
  const write = async (page: TrackedPage) => {
    const word = newWord()
    await call('PATCH', `/v1/pages/${page.id}/markdown`, {
      type: 'replace_content',
      replace_content: { new_str: `It has ${word}.` },
    })
    replaced.push(page.word)
    page.word = word
  }
  const rename = async (page: TrackedPage) => {
    const title = `Renamed ${newWord()}`
    await call('PATCH', `/v1/pages/${page.id}`, { properties: titled(title) })
    page.title = title
  }
  const trash = async (page: TrackedPage) => {
    const isTrashed = !page.isTrashed
    await call('PATCH', `/v1/pages/${page.id}`, { in_trash: isTrashed })
    page.isTrashed = isTrashed
  }
  const change = async (at: number) => {
    const page = tracked[(at * 7) % tracked.length]
    if (page === undefined) return
    if (at % 40 === 0) return await trash(page)
    if (page.isTrashed) return
    if (at % 5 === 1) return await rename(page)
    await write(page)
  }
  const prepared = (async () => {
    while (tracked.length < pages) await create()
  })()
  const over = prepared.then(async () => {
    for (let at = 1; !stopped; at++) {
      if (at % 20 === 10) await create()
      else await change(at)
      // Slow enough for what is left at the end, and for what the nodes can take in meanwhile.
      await sleep(size(150, 100))
    }
  })
  return {
    tracked,
    replaced,
    prepared,
    count: () => count,
    async stop() {
      stopped = true
      await over
    },
  }
}

/** Sets the OAuth app, its webhook, an endpoint and the accounts up, at a node. */
async function setUp(client: TestClient): Promise<void> {
  const registered = await client.graphql(
    `mutation ($app: RegisterOAuthAppInput!) { registerOAuthApp(input: $app) { __typename ... on Error { message } } }`,
    { app: { clientId: 'test-client', clientSecret: 'test-secret', contentSearch: true } },
  )
  expect(registered.data['registerOAuthApp']).toMatchObject({ __typename: 'RegisterOAuthAppPayload' })
  for (const [identifier, user] of Object.entries(accounts)) {
    const { access_token: accessToken, refresh_token: refreshToken } = await sandbox.connect({ user })
    const imported = await client.graphql(
      `mutation ($account: ImportConnectedAccountInput!) {
        importConnectedAccount(input: $account) { __typename ... on Error { message } }
      }`,
      { account: { identifier, accessToken, refreshToken } },
    )
    expect(imported.data['importConnectedAccount']).toEqual({ __typename: 'ImportConnectedAccountPayload' })
  }
  await createEndpoint(client, `${receiver.url}/`, eventTypes)
  const url = `${balancer.url}/webhooks/notion/notion`
  expect(await sandbox.control('webhook', { clientId: 'test-client', url })).toMatchObject({ verificationStatus: 200 })
  const { webhookTokens } = await webhookOf(client)
  await sandbox.control('webhookVerify', { token: webhookTokens?.[0]?.token })
}

/** All pages that the sandbox lists for a user. */
async function listedFor(user: string): Promise<string[]> {
  const { access_token: token } = await sandbox.connect({ user }, { id: 'observer', secret: 'observer-secret' })
  const found: string[] = []
  for (let start_cursor: unknown; start_cursor !== null; ) {
    const { status, body } = await sandbox.call(token, 'POST', '/v1/search', {
      filter: { property: 'object', value: 'page' },
      page_size: 100,
      ...(typeof start_cursor === 'string' && { start_cursor }),
    })
    expect(status).toBe(200)
    found.push(...(body['results'] as { id: string }[]).map(({ id }) => id))
    start_cursor = body['next_cursor']
  }
  return found.toSorted()
}

interface Found {
  readonly results: readonly { readonly id: string; readonly properties: object }[]
  readonly content_search: { readonly source: string }
}

const count = async (condition: ReturnType<typeof sql>): Promise<number> => {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${condition}`.execute(database.db)
  return rows[0]?.count ?? 0
}

it(
  `kill -9 of ${kills} nodes that crawl and process events loses no page and no event, and has none twice`,
  async () => {
    await sandbox.control('rateLimit', { perMinute: 1_000_000 })
    await sandbox.control('seed', { pages: size(20, 200), databases: 1, rows: size(10, 100) })
    // The first pass is not over before the first kill.
    await sandbox.control('fault', {
      match: { path: '/v1/pages/*/markdown' },
      kind: 'slow_headers',
      delayMs: 20,
      times: size(60, 600),
    })
    // Late, doubled and in another order.
    await sandbox.control('webhookFaults', { aggregateMs: 100, duplicate: 1, reverse: true, delayMs: 50 })
    running = await Promise.all(Array.from({ length: nodes }, startNode))
    const [first] = running
    if (first === undefined) throw new Error('No node runs.')
    await setUp(clientOf(first.url, common.apiKey))
    const editor = await sandbox.connect({}, { id: 'editor', secret: 'editor-secret' })
    const editing = startEditing(editor.access_token)

    const dying = new Set<Node>()
    const killed = { inCrawl: 0, atRequest: 0, afterAcceptance: 0 }
    let leasesLeft = 0
    let armed: 'crawl' | 'request' | 'acceptance' | null = null
    let acceptedAtKill = 0
    const die = (node: Node | undefined) => {
      if (node === undefined) return
      armed = null
      dying.add(node)
      running = running.filter((one) => one !== node)
      node.child.kill('SIGKILL')
    }
    const isDue = () => balancer.acceptedRequests() - acceptedAtKill >= acceptedPerKill
    const nodeAt = (url: string) => running.find((node) => node.url === url)
    balancer.watch(
      (url) => {
        if (armed === 'request' && isDue()) die(nodeAt(url))
      },
      (url) => {
        if (armed === 'acceptance' && isDue()) die(nodeAt(url))
      },
    )
    for (let at = 0; at < kills; at++) {
      while (running.length < nodes) running.push(await startNode())
      await editing.prepared
      acceptedAtKill = balancer.acceptedRequests()
      const kind = (['crawl', 'request', 'acceptance'] as const)[at % 3]
      armed = kind ?? null
      if (kind === 'crawl') {
        // The oldest one, while an index is worked on.
        await expect
          .poll(() => count(sql`content_indexes where lease_owner is not null`), { interval: 5 })
          .toBeGreaterThan(0)
        die(running[0])
        killed.inCrawl++
      } else {
        await expect.poll(() => armed, { interval: 20, timeout: 200_000 }).toBeNull()
        if (kind === 'request') killed.atRequest++
        else killed.afterAcceptance++
      }
      for (const node of dying) await kill(node)
      dying.clear()
      leasesLeft += await count(sql`content_indexes where lease_owner is not null and is_node_gone(lease_owner::int)`)
    }
    await editing.stop()
    await sandbox.control('clear', {})
    const ended = { timeout: size(120_000, 600_000), interval: 200 }
    await expect.poll(async () => (await sandbox.control('webhookFlush', {}))['waiting'], ended).toBe(0)
    const { webhooks, dropped } = (await sandbox.control('webhooks')) as unknown as {
      webhooks: { sent: number; delivered: number; failed: number; dropped: number }[]
      dropped: number
    }
    // All that changed was reported, so that the index must have it without another pass.
    expect({ ...webhooks[0], droppedEarlier: dropped }).toMatchObject({ failed: 0, dropped: 0, droppedEarlier: 0 })
    await expect.poll(() => count(sql`provider_events where state = 'PENDING'`), ended).toBe(0)
    await expect.poll(() => count(sql`content_changes`), ended).toBe(0)
    await expect.poll(() => count(sql`webhook_deliveries where status = 'PENDING'`), ended).toBe(0)
    // The pages below one that was moved to the trash are looked at in a pass, which ends by itself. No lease is left.
    const busy = sql`content_indexes where lease_owner is not null or pass is not null or last_completed_at is null or next_full_at <= clock_timestamp()`
    await expect.poll(() => count(busy), ended).toBe(0)

    // Each event is in the inbox once, and was received for each account that may see it.
    const { rows: events } = await sql<{ event_id: string; event_type: string; state: string; account_ids: string[] }>`
      select event_id, event_type, state, account_ids from provider_events`.execute(database.db)
    expect(events.map(({ event_id }) => event_id).toSorted()).toEqual([...balancer.accepted].toSorted())
    expect(events.filter(({ state }) => state === 'FAILED')).toEqual([])
    const wanted = events
      .filter(({ event_type }) => eventTypes.includes(`notion.${event_type}`))
      .flatMap(({ event_id, account_ids }) => account_ids.map((id) => `${event_id} ${id}`))
    const { rows: deliveries } = await sql<{ name: string }>`
      select (facts ->> 'eventId') || ' ' || subject as name from webhook_deliveries`.execute(database.db)
    expect(deliveries.map(({ name }) => name).toSorted()).toEqual(wanted.toSorted())
    const received = receiver.requests.map(({ event }) => `${event.data['eventId']} ${event.data['identifier']}`)
    const { rows: named } = await sql<{ id: string; identifier: string }>`
      select id, identifier from connected_accounts`.execute(database.db)
    const identifiers = new Map(named.map(({ id, identifier }) => [id, identifier]))
    const expected = wanted.map((name) => {
      const [event = '', account = ''] = name.split(' ')
      return `${event} ${identifiers.get(account)}`
    })
    expect(new Set(received)).toEqual(new Set(expected))

    // Each page of each grant is in its index once, and no other one.
    const [node] = running
    const client = clientOf(node?.url ?? '', common.apiKey)
    let documents = 0
    for (const [identifier, user] of Object.entries(accounts)) {
      const { rows } = await sql<{ object_id: string; counted: number }>`
        select object_id, content_indexes.documents as counted from content_documents
        join content_indexes on content_indexes.id = index_id
        join connected_accounts account on account.grant_id = content_indexes.grant_id
        where account.identifier = ${identifier}`.execute(database.db)
      expect(rows.map(({ object_id }) => object_id).toSorted()).toEqual(await listedFor(user))
      expect(rows[0]?.counted).toBe(rows.length)
      documents += rows.length
    }
    const found = async (word: string) => {
      const result = await client.executeTool('ada', 'notion_data_fetch', { query: word }, { outputFormat: 'RAW' })
      const { results, content_search } = result['data'] as Found
      expect(content_search.source).toBe('index')
      return results
    }
    for (const page of editing.tracked) {
      const results = await found(page.word)
      expect(results.map(({ id }) => id)).toEqual(page.isTrashed ? [] : [page.id])
      if (!page.isTrashed) expect(JSON.stringify(results[0]?.properties)).toContain(`"${page.title}"`)
    }
    for (const word of editing.replaced.slice(-size(30, 300))) expect(await found(word)).toEqual([])

    const repeated = received.length - expected.length
    report(
      'kill -9 of nodes that crawl and process events, which come late, twice and out of order',
      kills,
      `${killed.inCrawl} in a crawl, ${killed.atRequest} at a request, ${killed.afterAcceptance} after an acceptance; ` +
        `${editing.count()} changes, ${events.length} events in ${webhooks[0]?.sent} requests, each recorded once; ` +
        `${wanted.length} deliveries, none lost, ${repeated} repeated; ${documents} pages in 3 indexes, each once with its last content; ` +
        `${leasesLeft} leases taken over`,
    )
  },
  size(300_000, 3_600_000),
)
