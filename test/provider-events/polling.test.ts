import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { acme, globex } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import {
  createEndpoint,
  listEndpoints,
  mutate,
  quickDeliveries,
  type Receiver,
  startReceiver,
} from '../webhooks/support.ts'
import {
  after,
  inboxOf,
  type PolledSystem,
  polled,
  quickPolls,
  registerApp,
  settle,
  startPolled,
} from './poll-support.ts'
import { activate, eventOf, metric, newEnvironment, send, webhookOf } from './support.ts'

const types = ['notion.page.created', 'notion.page.content_updated', 'notion.data_source.created']

let system: PolledSystem
let app: TestApp
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  system = await startPolled()
  app = await system.addNode()
  await registerApp(app)
  await app.connect('owner')
  // The same user: one grant.
  await app.connect('twin')
  await app.connect('member', { user: 'member@acme.test', resources: acme.roadmap })
})
afterAll(async () => {
  await system.stop()
  await receiver.close()
})
beforeEach(async () => {
  for (const { id } of await listEndpoints(app)) await mutate(app, 'deleteWebhookEndpoint', { id }, 'deletedId')
  await expect.poll(pollCount).toBe(0)
  await system.client.query('delete from provider_events')
  system.now = new Date(system.now.getTime() + 3_600_000)
})

const pollCount = async () => {
  const { rows } = await system.client.query('select count(*)::int as count from event_polls')
  return rows[0].count as number
}

/** A moment this many seconds after the beginning of the current minute of Notion. */
const later = (seconds: number) => new Date(Math.floor(system.now.getTime() / 60_000) * 60_000 + seconds * 1_000)

const write = async (toolName: string, toolInput: Record<string, unknown>, identifier = 'owner') => {
  const written = await app.executeTool(identifier, toolName, toolInput, { outputFormat: 'RAW' })
  expect(written).toMatchObject({ __typename: 'ExecuteToolPayload' })
  return written['data'] as { readonly id: string }
}
const newPage = (title: string) => write('notion_page_create', { parent_page_id: acme.product, properties: { title } })
const edit = (id: string, text = 'An edit') => write('notion_block_append', { block_id: id, children: [text] })

/** Lets no poll begin, and waits for those in progress. */
async function pausePolls(): Promise<void> {
  const { client } = system
  await expect
    .poll(async () => {
      // No node claims or ends a poll in between.
      await client.query('begin')
      await client.query('lock table event_polls in share row exclusive mode')
      await client.query(`update event_polls set next_at = now() + interval '1 hour' where lease_owner is null`)
      const { rows } = await client.query(
        'select count(*)::int as running from event_polls where lease_owner is not null',
      )
      await client.query('commit')
      return rows[0].running
    })
    .toBe(0)
}

/**
 * Has the handbook edited, and acts while the node has sent requests that find the edit, before it gets the answers. Returns
 * their number, when it has got them.
 */
async function whileNodeReads(act: () => Promise<void>): Promise<number> {
  const { client, sandbox } = system
  await pausePolls()
  system.now = later(70)
  await edit(acme.handbook)
  const slow = async () => (await sandbox.log()).filter(({ fault }) => fault === 'slow_headers')
  const before = (await slow()).length
  await sandbox.control('fault', { match: { path: '/v1/search' }, kind: 'slow_headers', delayMs: 1_500, times: 0 })
  await client.query('update event_polls set next_at = now()')
  await expect.poll(async () => (await slow()).length - before).toBeGreaterThanOrEqual(2)
  await act()
  await sandbox.control('clear')
  await expect.poll(async () => (await slow()).every(({ status }) => status !== null)).toBe(true)
  // What it would store is stored after the answer.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  return (await slow()).length - before
}

/** Creates an endpoint for all types of polls, and waits until all grants have been polled for the first time. */
async function listen(path = '/events'): Promise<void> {
  await createEndpoint(app, `${receiver.url}${path}`, types)
  for (const identifier of ['owner', 'member']) await polled(system, identifier, 1)
}

const received = (path = '/events') =>
  receiver.at(path).map(({ event }) => {
    const { identifier, entity, source } = event.data as {
      identifier: string
      entity: { id: string; type: string }
      source: string
    }
    return [event.type, identifier, entity.id, event.timestamp, source]
  })

describe('without webhooks, polls report', () => {
  it('nothing of what was there, and of each edit once its minute is over, for the accounts that share the grant', async () => {
    await listen('/edits')
    await polled(system)
    expect(await inboxOf(system)).toEqual([])
    system.now = later(80)
    await edit(acme.handbook)
    await polled(system)
    // Later edits of the same minute have the same time.
    expect(await inboxOf(system)).toMatchObject([{ type: 'page.content_updated', state: 'POLLED' }])
    expect(received('/edits')).toEqual([])
    await settle(system)
    const at = later(0).toISOString()
    const event = (identifier: string) => ['notion.page.content_updated', identifier, acme.handbook, at, 'POLL']
    await expect.poll(() => received('/edits')).toHaveLength(2)
    expect(received('/edits').sort()).toEqual([event('owner'), event('twin')])
    expect(receiver.at('/edits')[0]?.event.data).toMatchObject({
      authors: [],
      updatedBlocks: [],
      updatedProperties: [],
      truncated: false,
      workspaceId: expect.any(String),
      parent: { type: expect.any(String) },
    })
    await polled(system, 'owner', 3)
    expect(await inboxOf(system)).toHaveLength(1)
  })

  it('a page that is created and edited in one minute once, and an edit of a later minute again', async () => {
    await listen()
    system.now = later(70)
    const { id } = await newPage('New')
    await edit(id)
    await polled(system)
    const created = later(0).toISOString()
    expect(await inboxOf(system, id)).toMatchObject([{ type: 'page.created', at: created }])
    system.now = later(90)
    await edit(id)
    await polled(system)
    expect(await inboxOf(system, id)).toMatchObject([
      { type: 'page.created', at: created },
      { type: 'page.content_updated', at: later(0).toISOString() },
    ])
  })

  it('every minute of an object that is edited all the time, each once and after it', async () => {
    await listen()
    for (let count = 0; count < 4; count++) {
      system.now = later(61)
      await edit(acme.handbook)
      await polled(system)
      await edit(acme.handbook)
      await polled(system)
    }
    const events = await inboxOf(system, acme.handbook)
    expect(new Set(events.map(({ at }) => at)).size).toBe(4)
    expect(events).toHaveLength(4)
    await settle(system)
    await expect
      .poll(async () => (await inboxOf(system, acme.handbook)).map(({ state }) => state))
      .toEqual(['ROUTED', 'ROUTED', 'ROUTED', 'ROUTED'])
  })

  it('data sources, with their parents as webhooks name them', async () => {
    await listen('/sources')
    system.now = later(70)
    const database = await write('notion_database_create', {
      parent: { page_id: acme.product },
      title: 'Plans',
      properties: { Name: 'title' },
    })
    await polled(system)
    await settle(system)
    await expect
      .poll(() => received('/sources').filter(([type]) => type === 'notion.data_source.created'))
      .toHaveLength(2)
    const found = receiver.at('/sources').find(({ event }) => event.type === 'notion.data_source.created')
    expect(found?.event.data).toMatchObject({
      entity: { type: 'data_source' },
      parent: { id: database.id, type: 'database' },
    })
    const row = await write('notion_database_insert_row', { database_id: acme.projects, properties: { Name: 'A row' } })
    await polled(system)
    await settle(system)
    const ofRow = () =>
      receiver.at('/sources').find(({ event }) => (event.data['entity'] as { id: string }).id === row.id)
    await expect.poll(ofRow).toBeDefined()
    expect(ofRow()?.event.data).toMatchObject({
      parent: { id: acme.projects, type: 'database' },
      dataSourceId: expect.any(String),
    })
  })

  it('an edit that the list has late, and none that is older than the first poll', async () => {
    await listen()
    await pausePolls()
    const now = system.now
    system.now = later(-120)
    await edit(acme.handbook)
    system.now = now
    // The first poll was before; later ones have not had the edit in their lists.
    await system.client.query('update event_polls set edited_through = $1, next_at = now()', [later(-300)])
    await polled(system)
    expect(await inboxOf(system, acme.handbook)).toMatchObject([{ at: later(-120).toISOString() }])
    await polled(system, 'owner', 3)
    expect(await inboxOf(system, acme.handbook)).toHaveLength(1)
    await system.client.query('delete from event_polls')
    await polled(system, 'owner', 2)
    expect(await inboxOf(system, acme.handbook)).toHaveLength(1)
  })

  it('all of many edits, which take several lists', async () => {
    await listen()
    system.now = later(70)
    await system.sandbox.control('seed', { pages: 180, databases: 0, rows: 0 })
    const counts = async () => {
      const { rows } = await system.client.query(
        `select count(*)::int as events, count(distinct facts->'entity'->>'id')::int as objects
         from provider_events where event_type = 'page.created' group by grant_id`,
      )
      return rows
    }
    // With the page above them.
    const all = { events: 181, objects: 181 }
    await expect.poll(counts, { timeout: 60_000 }).toEqual([all, all])
    await polled(system, 'owner', 3)
    expect(await counts()).toEqual([all, all])
  })

  it('nothing of what is not shared any more', async () => {
    await listen()
    await system.sandbox.control('unshare', { user: 'member@acme.test', resourceId: acme.roadmap })
    system.now = later(70)
    await edit(acme.roadmap)
    await polled(system, 'owner')
    await polled(system, 'member')
    await settle(system)
    await expect
      .poll(() => inboxOf(system, acme.roadmap))
      .toMatchObject([{ state: 'ROUTED', accounts: ['owner', 'twin'] }])
    await system.sandbox.control('share', { user: 'member@acme.test', resourceId: acme.roadmap })
  })

  it('to each account only what its own grant can read', async () => {
    await listen('/isolated')
    system.now = later(70)
    await edit(acme.handbook)
    await edit(acme.roadmap)
    await polled(system, 'owner')
    await polled(system, 'member')
    await settle(system)
    await expect.poll(() => received('/isolated').length).toBe(5)
    expect(
      received('/isolated')
        .map(([, identifier, id]) => [identifier, id])
        .sort(),
    ).toEqual(
      [
        ['owner', acme.handbook],
        ['twin', acme.handbook],
        ['owner', acme.roadmap],
        ['twin', acme.roadmap],
        ['member', acme.roadmap],
      ].sort(),
    )
  })
})

describe('polls', () => {
  it('go on where Notion asked to wait, and after failures, with nothing lost', async () => {
    await listen()
    const fault = { match: { path: '/v1/search' }, times: 2 }
    await system.sandbox.control('fault', { ...fault, kind: 'rate_limit', retryAfter: 1 })
    await system.sandbox.control('fault', { ...fault, kind: 'status', status: 500 })
    await system.sandbox.control('fault', { ...fault, kind: 'status', status: 400, reason: 'validation_error' })
    system.now = later(70)
    await edit(acme.handbook)
    await expect.poll(() => inboxOf(system, acme.handbook)).toHaveLength(1)
    await polled(system, 'owner', 2)
    expect(await inboxOf(system, acme.handbook)).toHaveLength(1)
    await system.sandbox.control('clear')
  })

  it('read again what a node has read and not stored when it crashed', async () => {
    await listen()
    // Another node has it, and is gone.
    await system.client.query(
      `update event_polls set lease_owner = 'crashed', fence = fence + 1, lease_until = clock_timestamp() + interval '1 second',
       next_at = clock_timestamp() + interval '1 second'`,
    )
    system.now = later(70)
    await edit(acme.handbook)
    await expect.poll(() => inboxOf(system, acme.handbook)).toHaveLength(1)
  })

  it('store nothing for a node that has lost its lease', async () => {
    await listen()
    const answered = await whileNodeReads(async () => {
      await system.client.query(`update event_polls set fence = fence + 1, next_at = now() + interval '1 hour'`)
    })
    expect(answered).toBeGreaterThan(0)
    expect(await inboxOf(system, acme.handbook)).toEqual([])
    await system.client.query(`update event_polls set next_at = now(), lease_until = null`)
    await expect.poll(() => inboxOf(system, acme.handbook)).toHaveLength(1)
  })

  it('of two nodes find each event once', async () => {
    const other = await system.addNode()
    await listen('/two')
    for (let count = 0; count < 5; count++) {
      system.now = later(65)
      await edit(acme.handbook)
      await edit(acme.roadmap)
    }
    await polled(system, 'owner', 3)
    await polled(system, 'member', 3)
    await settle(system)
    await expect.poll(async () => (await inboxOf(system)).every(({ state }) => state === 'ROUTED')).toBe(true)
    const expected = (await inboxOf(system)).reduce((sum, { accounts }) => sum + accounts.length, 0)
    await expect.poll(() => received('/two').length).toBe(expected)
    const distinct = new Set(received('/two').map((one) => JSON.stringify(one)))
    expect(distinct.size).toBe(expected)
    await other.stop()
  })

  it('happen only where someone listens, for what polls can find, and end with the last endpoint', async () => {
    await createEndpoint(app, `${receiver.url}/others`, ['notion.comment.created', 'notion.page.deleted'])
    await createEndpoint(app, `${receiver.url}/all`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(await pollCount()).toBe(0)
    const { endpoint } = await createEndpoint(app, `${receiver.url}/events`, types)
    await polled(system, 'owner', 1)
    expect(await pollCount()).toBe(2)
    await mutate(app, 'updateWebhookEndpoint', { id: endpoint.id, enabled: false }, 'webhookEndpoint { id }')
    await expect.poll(pollCount).toBe(0)
  })

  it('follow the open streams, each for its account', async () => {
    const abort = new AbortController()
    const seen: Record<string, unknown>[] = []
    const document = `subscription { notionEvents(identifier: "member", types: ["notion.page.content_updated"]) {
      type source occurredAt entity { objectId } connectedAccount { identifier } authors { objectId }
    } }`
    const stream = (async () => {
      for await (const { notionEvents } of app.subscribe(document, {}, { signal: abort.signal }))
        seen.push(notionEvents as Record<string, unknown>)
    })().catch(() => {})
    await polled(system, 'member', 1)
    expect(await pollCount()).toBe(1)
    system.now = later(70)
    await edit(acme.roadmap)
    await polled(system, 'member')
    await settle(system)
    await expect
      .poll(() => seen)
      .toEqual([
        {
          type: 'notion.page.content_updated',
          source: 'POLL',
          occurredAt: later(0).toISOString(),
          entity: { objectId: acme.roadmap },
          connectedAccount: { identifier: 'member' },
          authors: [],
        },
      ])
    abort.abort()
    await stream
    await expect.poll(pollCount, { timeout: 60_000 }).toBe(0)
  })

  it('follow what the credential of a stream may act for, and not streams for which polls find nothing', async () => {
    const key = async (input: Record<string, unknown>) =>
      String(
        (await mutate(app, 'createApiKey', { name: 'narrowed', scopes: ['ACCOUNTS_READ'], ...input }, 'secret'))[
          'secret'
        ],
      )
    const { token: session } = await mutate(app, 'createUserSession', { identifier: 'twin' }, 'token')
    const streams: readonly [string, string | undefined][] = [
      ['', String(session)],
      ['', await key({ identifierPrefixes: ['mem'] })],
      ['(identifier: "owner")', await key({ connectionNames: ['notion'], identifiers: ['owner', 'other'] })],
      ['(connectionName: "notion")', await key({ identifiers: ['one'] })],
      ['(types: ["notion.page.deleted"])', undefined],
    ]
    const abort = new AbortController()
    const open = streams.map(async ([args, credential]) => {
      const options = { signal: abort.signal, ...(credential !== undefined && { credential }) }
      for await (const _ of app.subscribe(`subscription { notionEvents${args} { type } }`, {}, options));
    })
    const listeners = async () => {
      const { rows } = await system.client.query(
        `select connection_name as connection, identifiers, identifier from event_listeners order by identifier`,
      )
      return rows
    }
    await expect.poll(listeners).toEqual([
      { connection: '', identifiers: 'prefix', identifier: 'mem' },
      { connection: 'notion', identifiers: 'one', identifier: 'one' },
      { connection: 'notion', identifiers: 'one', identifier: 'owner' },
      { connection: '', identifiers: 'one', identifier: 'twin' },
    ])
    await expect.poll(pollCount).toBe(2)
    abort.abort()
    await Promise.allSettled(open)
    await expect.poll(listeners, { timeout: 60_000 }).toEqual([])
    await expect.poll(pollCount).toBe(0)
  })

  it('of the streams of a node end when the node is gone, and begin without what happened meanwhile', async () => {
    await system.client.query(
      `insert into event_listeners (environment_id, node_id, connector, connection_name, identifiers, identifier)
       select id, 12345, 'notion', '', 'any', '' from environments where name = 'default'`,
    )
    await expect.poll(async () => (await system.client.query('select 1 from event_listeners')).rowCount).toBe(0)
    await listen()
    await pausePolls()
    system.now = later(70)
    await edit(acme.handbook)
    system.now = later(4_000)
    await system.client.query(`update event_polls set passed_at = now() - interval '2 days', next_at = now()`)
    await polled(system)
    expect(await inboxOf(system, acme.handbook)).toEqual([])
  })

  it('stop for accounts that are disconnected, and their events reach no one', async () => {
    await app.connect('leaving', { user: 'owner@globex.test' })
    await listen()
    await polled(system, 'leaving', 1)
    expect(await pollCount()).toBe(3)
    const left = globex.roadmap
    system.now = later(70)
    await write('notion_block_append', { block_id: left, children: ['An edit'] }, 'leaving')
    await polled(system, 'leaving')
    expect(await inboxOf(system, left)).toMatchObject([{ state: 'POLLED' }])
    await mutate(app, 'disconnectConnectedAccount', { identifier: 'leaving' }, 'connectedAccount { status }')
    expect(await pollCount()).toBe(2)
    await settle(system)
    await expect.poll(() => inboxOf(system, left)).toMatchObject([{ state: 'UNMATCHED', accounts: [] }])
  })

  it('are counted', async () => {
    const before = await metric(app, 'polled')
    await listen()
    system.now = later(70)
    await edit(acme.handbook)
    await polled(system)
    expect(await metric(app, 'polled')).toBe(before + 1)
  })
})

it('polls that begin again have other leases, so that a node from before stores nothing', async () => {
  const fences = async () => {
    const { rows } = await system.client.query('select fence::text as fence from event_polls')
    return rows.map(({ fence }) => BigInt(fence))
  }
  await listen()
  await pausePolls()
  await system.client.query('update event_polls set fence = fence + 1000')
  const before = await fences()
  await system.client.query('delete from event_polls')
  await polled(system, 'owner', 1)
  const [latest = 0n] = before.sort((one, other) => (one < other ? 1 : -1))
  for (const fence of await fences()) expect(fence).toBeGreaterThan(latest)
})

describe('of another environment', () => {
  it('the same user of Notion is polled with its own grant, and nothing crosses', async () => {
    const key = await newEnvironment(app, { ...system.env, VALETKEY_SANDBOX: 'off' }, 'other')
    await app.connect('foreign', { credential: key })
    await createEndpoint(app, `${receiver.url}/foreign`, types, key)
    await polled(system, 'foreign', 1)
    expect(await pollCount()).toBe(1)
    system.now = later(70)
    await edit(acme.handbook)
    await polled(system, 'foreign')
    await settle(system)
    await expect.poll(() => received('/foreign').map(([, identifier]) => identifier)).toEqual(['foreign'])
    expect(await inboxOf(system)).toMatchObject([{ accounts: ['foreign'] }])
    const endpoints = await listEndpoints(app, key)
    for (const { id } of endpoints) await mutate(app, 'deleteWebhookEndpoint', { id }, 'deletedId', key)
  })
})

describe('when the webhook becomes active', () => {
  it('polls end at once, and begin again after a reset without what happened meanwhile', async () => {
    await listen('/switch')
    // The URL with the name is that of the other environment as well.
    const path = new URL((await webhookOf(app)).webhookUrl).pathname
    let token = ''
    await whileNodeReads(async () => {
      token = await activate(app, { path })
      expect(await pollCount()).toBe(0)
    })
    expect(await pollCount()).toBe(0)
    expect(await inboxOf(system, acme.handbook)).toEqual([])
    const { rows } = await system.client.query(
      `select bot_id, workspace_id from grants join connected_accounts on grant_id = grants.id where identifier = 'owner'`,
    )
    const event = eventOf({
      type: 'page.content_updated',
      workspace_id: rows[0].workspace_id,
      accessible_by: [{ id: rows[0].bot_id, type: 'bot' }],
      entity: { id: randomUUID(), type: 'page' },
    })
    expect(await send(app, event, token, path)).toMatchObject({ status: 200 })
    await expect
      .poll(() =>
        received('/switch')
          .map(([, identifier, , , source]) => [identifier, source])
          .sort(),
      )
      .toEqual([
        ['owner', 'WEBHOOK'],
        ['twin', 'WEBHOOK'],
      ])
    system.now = later(70)
    await mutate(app, 'resetOAuthAppWebhook', { connectionName: 'notion' }, 'oauthApp { id }')
    expect((await webhookOf(app)).webhookState).toBe('WAITING')
    await polled(system)
    expect(await inboxOf(system)).toEqual([])
    system.now = later(70)
    await edit(acme.handbook)
    await polled(system)
    expect(await inboxOf(system, acme.handbook)).toHaveLength(1)
  })
})

it('the embedded database polls as well, and exact times are reported at once, each edit that a poll sees', async () => {
  const alone = await startApp({
    pollTiming: { ...quickPolls, share: 0.5 },
    inboxTiming: { everyMs: 50 },
    deliveryTiming: quickDeliveries,
  })
  await alone.sandbox('rateLimit', { perMinute: 1_000_000 })
  await alone.connect('ada')
  await createEndpoint(alone, `${receiver.url}/embedded`, types)
  const made: string[] = []
  const reported = () => received('/embedded').filter(([, , id]) => made.includes(String(id)))
  // Until the first poll was there.
  for (let count = 0; reported().length === 0; count++) {
    const page = await alone.executeTool(
      'ada',
      'notion_page_create',
      { parent_page_id: acme.product, properties: { title: `Page ${count}` } },
      { outputFormat: 'RAW' },
    )
    made.push((page['data'] as { id: string }).id)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  const found = reported()
  expect(new Set(found.map(([, , id]) => id)).size).toBe(found.length)
  for (const one of found)
    expect(one).toEqual(['notion.page.created', 'ada', expect.any(String), expect.any(String), 'POLL'])
  await alone.stop()
})

it('polls of idle grants pause longer', async () => {
  await app.stop()
  app = await system.addNode({ pollTiming: { ...quickPolls, intervalMs: 1_000, idleIntervalMs: 300_000 } })
  await createEndpoint(app, `${receiver.url}/idle`, types)
  await polled(system, 'owner', 1)
  const pause = async () => {
    const { rows } = await system.client.query(
      `select extract(epoch from next_at - passed_at)::float as seconds from event_polls poll
       join connected_accounts account using (environment_id, grant_id) where identifier = 'member'`,
    )
    return rows[0]?.seconds as number
  }
  system.now = after(400 * 86_400)
  await system.client.query('update event_polls set next_at = now()')
  await expect.poll(pause).toBeGreaterThan(200)
})
