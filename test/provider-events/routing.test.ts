import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import {
  createEndpoint,
  documentedVerifier,
  listEndpoints,
  mutate,
  quickDeliveries,
  type Receiver,
  startReceiver,
} from '../webhooks/support.ts'
import { activate, connect, eventFor, eventOf, type Grant, metric, newEnvironment, send, webhookOf } from './support.ts'

let database: TestDatabase
let client: pg.Client
let app: TestApp
let receiver: Receiver
let env: Record<string, string>
let token: string
let owner: Grant
let member: Grant
let foreign: Grant
let other: { readonly key: string; readonly path: string; readonly token: string; readonly grant: Grant }
beforeAll(async () => {
  database = await newPostgresDatabase()
  receiver = await startReceiver()
  const url = database.location.kind === 'server' ? database.location.url : ''
  env = { DATABASE_URL: url, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
  client = new pg.Client({ connectionString: url })
  await client.connect()
  app = await startNode()
  token = await activate(app)
  owner = await connect(app, 'owner')
  member = await connect(app, 'member', 'member@acme.test')
  foreign = await connect(app, 'foreign', 'owner@globex.test')
  // The same user of Notion, in another environment with the same connection name.
  const key = await newEnvironment(app, env, 'other')
  const path = new URL((await webhookOf(app, { credential: key })).webhookUrl).pathname
  const otherToken = await activate(app, { path, credential: key })
  const grant = await connect(app, 'owner', 'owner@acme.test', { credential: key })
  other = { key, path, token: otherToken, grant }
})
afterAll(async () => {
  await app.stop()
  await client.end()
  await receiver.close()
  await database.drop()
})
beforeEach(async () => {
  for (const { id } of await listEndpoints(app)) await mutate(app, 'deleteWebhookEndpoint', { id }, 'deletedId')
})

const startNode = (options: { inboxTiming?: null } = {}) =>
  startApp({
    env,
    deliveryTiming: quickDeliveries,
    inboxTiming: { everyMs: 200, backoff: { firstMs: 20, maxMs: 50 } },
    ...options,
  })

const anyType = ['notion.page.created', 'notion.page.content_updated', 'notion.unknown']

/** Sends an event, waits until it was processed, and returns the identifiers that it was for. */
async function routed(event: { readonly id: string }, signedWith = token, path?: string): Promise<string[]> {
  expect(await send(app, event, signedWith, path)).toMatchObject({ status: 200 })
  const find = async () => (await client.query('select * from provider_events where event_id = $1', [event.id])).rows[0]
  await expect.poll(async () => (await find()).state).not.toBe('PENDING')
  const { rows } = await client.query('select identifier from connected_accounts where id = any ($1)', [
    (await find()).account_ids,
  ])
  return rows.map(({ identifier }) => identifier).sort()
}

const bot = ({ botId }: Grant) => ({ id: botId, type: 'bot' })
const person = ({ userId }: Grant) => ({ id: userId, type: 'person' })
const visibleTo = (workspace: Grant, ...entries: readonly object[]) =>
  eventOf({ workspace_id: workspace.workspaceId, accessible_by: entries })

describe('an event is for', () => {
  it('the accounts whose bot it names', async () => {
    expect(await routed(visibleTo(owner, bot(owner)))).toEqual(['owner'])
    expect(await routed(visibleTo(owner, bot(member)))).toEqual(['member'])
    expect(await routed(visibleTo(owner, bot(member), bot(owner)))).toEqual(['member', 'owner'])
  })

  it('the accounts whose user it names, in its workspace', async () => {
    expect(await routed(visibleTo(owner, person(owner)))).toEqual(['owner'])
    expect(await routed(visibleTo(owner, person(member), person(owner), bot(owner)))).toEqual(['member', 'owner'])
    expect(await routed(visibleTo(foreign, person(owner)))).toEqual([])
    expect(await routed(visibleTo(foreign, bot(owner)))).toEqual([])
    expect(await routed(visibleTo(foreign, person(foreign)))).toEqual(['foreign'])
  })

  it('no account if it names no one, or no one known; that is counted', async () => {
    const before = await metric(app, 'unmatched')
    expect(await routed(eventOf({ workspace_id: owner.workspaceId }))).toEqual([])
    expect(await routed(visibleTo(owner))).toEqual([])
    expect(
      await routed(visibleTo(owner, { id: owner.botId, type: 'person' }, { id: owner.userId, type: 'bot' })),
    ).toEqual([])
    expect(await routed(visibleTo(owner, { id: owner.userId, type: 'agent' }))).toEqual([])
    expect(await metric(app, 'unmatched')).toBe(before + 4)
  })

  it('accounts that come after more than 100 others', async () => {
    const many = Array.from({ length: 150 }, (_, at) => ({ id: randomUUID(), type: at % 2 ? 'bot' : 'person' }))
    expect(await routed(visibleTo(owner, ...many, bot(member), ...many, person(owner)))).toEqual(['member', 'owner'])
  })

  it('accounts of the environment whose token has signed it, though both have the same user', async () => {
    const entries = [person(owner), bot(owner), bot(other.grant)]
    const event = visibleTo(owner, ...entries)
    expect(await routed(event)).toEqual(['owner'])
    const { rows } = await client.query(
      'select e.name from provider_events p join environments e on e.id = p.environment_id where event_id = $1',
      [event.id],
    )
    expect(rows).toEqual([{ name: 'default' }])
    expect(await routed(visibleTo(owner, ...entries), other.token, other.path)).toEqual(['owner'])
    // A bot of the other environment's OAuth app.
    expect(await routed(visibleTo(owner, bot(other.grant)))).toEqual([])
  })

  it('no account that was disconnected', async () => {
    const left = await connect(app, 'left', 'member@globex.test')
    expect(await routed(visibleTo(left, bot(left), person(left)))).toEqual(['left'])
    await mutate(app, 'disconnectConnectedAccount', { identifier: 'left' }, 'connectedAccount { status }')
    expect(await routed(visibleTo(left, bot(left), person(left)))).toEqual([])
  })

  it('no account that another program pointed at the grant', async () => {
    await connect(app, 'moved', 'member@globex.test')
    await client.query(
      `update connected_accounts set grant_id = (select id from grants where bot_id = $1) where identifier = 'moved'`,
      [owner.botId],
    )
    expect(await routed(visibleTo(owner, bot(owner)))).toEqual(['owner'])
  })
})

describe('an endpoint', () => {
  it('receives what changed, signed, without names and content', async () => {
    const verify = await documentedVerifier()
    const { secret } = await createEndpoint(app, `${receiver.url}/signed`, ['notion.data_source.schema_updated'])
    const { data } = await app.graphql('{ connectedAccount(identifier: "owner") { id } }')
    const ids = {
      page: randomUUID(),
      block: randomUUID(),
      database: randomUUID(),
      source: randomUUID(),
      author: randomUUID(),
    }
    const event = eventFor([owner], {
      type: 'data_source.schema_updated',
      entity: { id: ids.page, type: 'data_source' },
      authors: [{ id: ids.author, type: 'agent' }],
      data: {
        parent: { id: ids.database, type: 'database', data_source_id: ids.source },
        updated_blocks: [{ id: ids.block, type: 'block' }],
        updated_properties: [{ id: '%3AUPp', name: 'Secret property', action: 'updated' }, 'title'],
      },
    })
    await send(app, event, token)
    await expect.poll(() => receiver.at('/signed').length).toBe(1)
    const [received] = receiver.at('/signed')
    expect(received?.event).toEqual({
      type: 'notion.data_source.schema_updated',
      timestamp: '2026-11-20T09:30:00.123Z',
      data: {
        connectedAccountId: (data['connectedAccount'] as { id: string }).id,
        connectionName: 'notion',
        identifier: 'owner',
        source: 'WEBHOOK',
        eventId: event.id,
        eventType: 'data_source.schema_updated',
        workspaceId: owner.workspaceId,
        entity: { id: ids.page, type: 'data_source' },
        parent: { id: ids.database, type: 'database' },
        dataSourceId: ids.source,
        pageId: null,
        authors: [{ id: ids.author, type: 'agent' }],
        updatedBlocks: [{ id: ids.block, type: 'block' }],
        updatedProperties: ['%3AUPp', 'title'],
        truncated: false,
      },
    })
    if (received) expect(verify(received.headers, received.body, [secret])).toMatchObject({ type: received.event.type })
    const { rows } = await client.query('select * from provider_events')
    expect(JSON.stringify(rows)).not.toMatch(/Secret/)
  })

  it('receives one event for each account, of the types that it names', async () => {
    await createEndpoint(app, `${receiver.url}/two`, anyType)
    await createEndpoint(app, `${receiver.url}/all`)
    const endpoints = await listEndpoints(app)
    expect(endpoints.at(-1)?.events).not.toContain('notion.page.created')
    await send(app, eventFor([owner, member]), token)
    await send(app, eventFor([owner], { type: 'page.deleted' }), token)
    await send(app, eventFor([owner], { type: 'page.reactions_updated', entity: undefined, data: undefined }), token)
    await expect.poll(() => receiver.at('/two').length).toBe(3)
    const seen = receiver.at('/two').map(({ event }) => [event.type, event.data['identifier'], event.data['eventType']])
    expect(seen).toEqual(
      expect.arrayContaining([
        ['notion.page.created', 'owner', 'page.created'],
        ['notion.page.created', 'member', 'page.created'],
        ['notion.unknown', 'owner', 'page.reactions_updated'],
      ]),
    )
    expect(receiver.at('/all')).toEqual([])
  })

  it('receives the events of one account in the order in which they came, with their own times', async () => {
    await createEndpoint(app, `${receiver.url}/order`, anyType)
    const times = ['2026-11-20T09:30:03.000Z', '2026-11-20T09:30:01.000Z', '2026-11-20T09:30:02.000Z']
    for (const timestamp of times) await send(app, eventFor([owner], { timestamp }), token)
    await expect.poll(() => receiver.at('/order').map(({ event }) => event.timestamp)).toEqual(times)
  })

  it('learns that lists are longer than 100 entries', async () => {
    await createEndpoint(app, `${receiver.url}/long`, anyType)
    const blocks = Array.from({ length: 101 }, () => ({ id: randomUUID(), type: 'block' }))
    await send(app, eventFor([owner], { type: 'page.content_updated', data: { updated_blocks: blocks } }), token)
    await expect.poll(() => receiver.at('/long').length).toBe(1)
    const { updatedBlocks, truncated } = receiver.at('/long')[0]?.event.data ?? {}
    expect([updatedBlocks, truncated]).toEqual([blocks.slice(0, 100), true])
  })

  it('of a type that no connector has is refused, with the type that is meant', async () => {
    const { issues } = await mutate(
      app,
      'createWebhookEndpoint',
      { url: `${receiver.url}/x`, events: ['notion.page.create'] },
      'secret } ... on InvalidInputError { issues { path message }',
    )
    expect(issues).toEqual([{ path: 'events.0', message: expect.stringContaining('notion.page.created') }])
  })
})

describe('events in the inbox', () => {
  it('survive the end of the process that received them, and are processed once', async () => {
    await createEndpoint(app, `${receiver.url}/restart`, anyType)
    await app.stop()
    const receiving = await startNode({ inboxTiming: null })
    const events = Array.from({ length: 5 }, () => eventFor([owner, member]))
    for (const event of events) expect(await send(receiving, event, token)).toMatchObject({ status: 200 })
    await receiving.stop()
    expect(receiver.at('/restart')).toEqual([])
    app = await startNode()
    await expect.poll(() => receiver.at('/restart').length).toBe(10)
    // Sent again meanwhile.
    for (const event of events) expect(await send(app, event, token)).toMatchObject({ status: 200 })
    await routed(eventFor([owner], { type: 'page.locked' }))
    expect(receiver.at('/restart')).toHaveLength(10)
  })

  it('are left to the others while one process holds them, and are free again when it is killed', async () => {
    await createEndpoint(app, `${receiver.url}/killed`, anyType)
    await app.stop()
    const receiving = await startNode({ inboxTiming: null })
    const [held, free] = [eventFor([owner]), eventFor([member])]
    for (const event of [held, free]) await send(receiving, event, token)
    await receiving.stop()
    const killed = new pg.Client({ connectionString: env['DATABASE_URL'] })
    killed.on('error', () => {})
    await killed.connect()
    await killed.query('begin')
    await killed.query(`update provider_events set state = 'UNMATCHED', sealed_payload = null where event_id = $1`, [
      held.id,
    ])
    const { rows } = await killed.query('select pg_backend_pid() as pid')
    app = await startNode()
    await expect.poll(() => receiver.at('/killed').length).toBe(1)
    expect(receiver.at('/killed')[0]?.event.data['identifier']).toBe('member')
    await client.query('select pg_terminate_backend($1)', [rows[0].pid])
    await expect.poll(() => receiver.at('/killed').length).toBe(2)
  })

  it('are processed once by several nodes', async () => {
    await createEndpoint(app, `${receiver.url}/nodes`, anyType)
    const second = await startNode()
    const events = Array.from({ length: 40 }, () => eventFor([owner, member]))
    await Promise.all(events.map((event, at) => send(at % 2 ? app : second, event, token)))
    await expect.poll(() => receiver.at('/nodes').length).toBe(80)
    await routed(eventFor([owner], { type: 'page.locked' }))
    const seen = receiver.at('/nodes').map(({ event }) => `${event.data['eventId']} ${event.data['identifier']}`)
    expect(new Set(seen).size).toBe(80)
    await second.stop()
  })

  it('that cannot be opened are tried again, and hold up no others', async () => {
    const [damaged, fine] = [eventFor([owner]), eventFor([member])]
    await client.query(`create function damage() returns trigger language plpgsql as $$
      begin if new.event_id = '${damaged.id}' then new.sealed_payload := 'damaged'; end if; return new; end $$`)
    await client.query('create trigger damage before insert on provider_events for each row execute function damage()')
    await send(app, damaged, token)
    expect(await routed(fine)).toEqual(['member'])
    const state = async () =>
      (await client.query('select state, sealed_payload from provider_events where event_id = $1', [damaged.id])).rows
    await expect.poll(state).toEqual([{ state: 'FAILED', sealed_payload: null }])
    expect(await metric(app, 'failed')).toBe(1)
    await client.query('drop trigger damage on provider_events')
  })

  it('are deleted after a week', async () => {
    const event = eventFor([owner])
    await routed(event)
    await client.query(`update provider_events set received_at = now() - interval '8 days' where event_id = $1`, [
      event.id,
    ])
    await app.stop()
    app = await startNode()
    const count = async () =>
      (await client.query('select count(*)::int from provider_events where event_id = $1', [event.id])).rows[0].count
    await expect.poll(count).toBe(0)
  })
})

it('the embedded database routes events as well', async () => {
  const embedded = await startApp({ deliveryTiming: quickDeliveries })
  const signedWith = await activate(embedded)
  const [one, two] = [await connect(embedded, 'one'), await connect(embedded, 'two', 'member@acme.test')]
  await createEndpoint(embedded, `${receiver.url}/embedded`, anyType)
  const event = visibleTo(one, bot(one), person(two))
  for (const _ of [1, 2]) expect(await send(embedded, event, signedWith)).toMatchObject({ status: 200 })
  await send(embedded, eventFor([two]), signedWith)
  await expect.poll(() => receiver.at('/embedded').length).toBe(3)
  const seen = receiver.at('/embedded').map(({ event: { data } }) => data['identifier'])
  expect(seen.sort()).toEqual(['one', 'two', 'two'])
  await embedded.stop()
})
