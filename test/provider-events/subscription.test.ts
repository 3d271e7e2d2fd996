import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { mutate } from '../webhooks/support.ts'
import { activate, connect, eventFor, type Grant, newEnvironment, send } from './support.ts'

let database: TestDatabase
let env: Record<string, string>
let receiving: TestApp
let streaming: TestApp
let token: string
let owner: Grant
let member: Grant
let otherKey: string
beforeAll(async () => {
  database = await newPostgresDatabase()
  const url = database.location.kind === 'server' ? database.location.url : ''
  env = { DATABASE_URL: url, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
  receiving = await startApp({ env })
  // It processes nothing itself.
  streaming = await startApp({ env, inboxTiming: null })
  token = await activate(receiving)
  owner = await connect(receiving, 'owner')
  member = await connect(receiving, 'member', 'member@acme.test')
  otherKey = await newEnvironment(receiving, env, 'other')
})
afterAll(async () => {
  await receiving.stop()
  await streaming.stop()
  await database.drop()
})

interface Seen {
  readonly eventId: string
  readonly type: string
  readonly connectedAccount: { readonly identifier: string }
  readonly [field: string]: unknown
}

interface Watching {
  readonly seen: Seen[]
  /** Identifiers of the accounts of these events. */
  of(event: { readonly id: string }): string[]
  readonly ended: Promise<string>
  close(): void
}

/** Subscribes, and waits until the stream is open: until it emits an event that it must emit. */
async function watching(
  args: string,
  { credential = streaming.apiKey, until = eventFor([owner, member]) as { readonly id: string } | null } = {},
): Promise<Watching> {
  const seen: Seen[] = []
  const abort = new AbortController()
  const document = `subscription { notionEvents${args} {
    eventId source type eventType occurredAt connectedAccount { identifier } workspaceId entity { objectId type }
    parent { objectId type } dataSourceId pageId authors { objectId type } updatedBlocks { objectId type }
    updatedProperties truncated
  } }`
  const ended = (async () => {
    try {
      for await (const data of streaming.subscribe(document, {}, { credential, signal: abort.signal }))
        seen.push(data['notionEvents'] as Seen)
      return 'complete'
    } catch (error) {
      return String(error)
    }
  })()
  if (until !== null) {
    // A stream that is not open yet does not get them.
    for (let at = 0; seen.length === 0 && at < 200; at++) {
      await send(receiving, { ...until, id: randomUUID() }, token)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(seen.length).toBeGreaterThan(0)
  }
  return {
    seen,
    of: (event) => seen.filter(({ eventId }) => eventId === event.id).map((one) => one.connectedAccount.identifier),
    ended,
    close: () => abort.abort(),
  }
}

it('emits what changed for the accounts that may see it, on another node than the one that processed it', async () => {
  const all = await watching('')
  const ids = { entity: randomUUID(), parent: randomUUID(), author: randomUUID(), block: randomUUID() }
  const event = eventFor([owner, member], {
    type: 'page.content_updated',
    entity: { id: ids.entity, type: 'page' },
    authors: [{ id: ids.author, type: 'person' }],
    data: {
      parent: { id: ids.parent, type: 'page' },
      page_id: ids.parent,
      updated_blocks: [{ id: ids.block, type: 'block' }],
      updated_properties: ['title'],
    },
  })
  await send(receiving, event, token)
  await expect.poll(() => all.of(event).sort()).toEqual(['member', 'owner'])
  expect(all.seen.find(({ eventId }) => eventId === event.id)).toEqual({
    eventId: event.id,
    source: 'WEBHOOK',
    type: 'notion.page.content_updated',
    eventType: 'page.content_updated',
    occurredAt: '2026-11-20T09:30:00.123Z',
    connectedAccount: { identifier: expect.any(String) },
    workspaceId: owner.workspaceId,
    entity: { objectId: ids.entity, type: 'page' },
    parent: { objectId: ids.parent, type: 'page' },
    dataSourceId: null,
    pageId: ids.parent,
    authors: [{ objectId: ids.author, type: 'person' }],
    updatedBlocks: [{ objectId: ids.block, type: 'block' }],
    updatedProperties: ['title'],
    truncated: false,
  })
  all.close()
})

it('emits the types and accounts that were asked for, and to a user session its own', async () => {
  const types = await watching('(types: ["notion.page.deleted", "notion.unknown"], identifier: "owner")', {
    until: eventFor([owner], { type: 'page.deleted' }),
  })
  const { token: session } = await mutate(streaming, 'createUserSession', { identifier: 'member' }, 'token')
  const own = await watching('', { credential: String(session) })
  const narrowed = await mutate(
    receiving,
    'createApiKey',
    { name: 'narrowed', scopes: ['ACCOUNTS_READ'], identifierPrefixes: ['own'] },
    'secret',
  )
  const prefix = await watching('', { credential: String(narrowed['secret']) })
  const other = await watching('', { credential: otherKey, until: null })
  const events = ['page.created', 'page.deleted', 'page.hidden'].map((type) => eventFor([owner, member], { type }))
  for (const event of events) await send(receiving, event, token)
  const last = events[2]
  if (!last) throw new Error('unreachable')
  await expect.poll(() => [types.of(last), own.of(last), prefix.of(last)]).toEqual([['owner'], ['member'], ['owner']])
  expect(events.map((event) => types.of(event))).toEqual([[], ['owner'], ['owner']])
  expect(events.map((event) => own.of(event))).toEqual([['member'], ['member'], ['member']])
  expect(events.map((event) => prefix.of(event))).toEqual([['owner'], ['owner'], ['owner']])
  expect(other.seen).toEqual([])
  for (const stream of [types, own, prefix, other]) stream.close()
})

it('refuses other identifiers of a session, and types that no connector has', async () => {
  const { token: session } = await mutate(streaming, 'createUserSession', { identifier: 'member' }, 'token')
  const refusal = async (args: string, credential?: string) =>
    (await streaming.graphql(`subscription { notionEvents${args} { eventId } }`, {}, credential)).errors?.[0]?.message
  expect(await refusal('(identifier: "owner")', String(session))).toMatch(/its own identifier/)
  expect(await refusal('(types: ["notion.page.create"])')).toMatch(
    /unknown event type "notion.page.create".*"notion.page.created"/,
  )
  const scoped = await mutate(receiving, 'createApiKey', { name: 'tools', scopes: ['TOOLS_READ'] }, 'secret')
  expect(await refusal('', String(scoped['secret']))).toMatch(/requires the scope ACCOUNTS_READ/)
})

it('ends with the credential', async () => {
  const created = await mutate(
    receiving,
    'createApiKey',
    { name: 'ends', scopes: ['ACCOUNTS_READ'] },
    'apiKey { id } secret',
  )
  const stream = await watching('', { credential: String(created['secret']) })
  await mutate(receiving, 'revokeApiKey', { id: (created['apiKey'] as { id: string }).id }, 'apiKey { id }')
  expect(await stream.ended).toMatch(/revoked/)
})

it('emits nothing of an account that was disconnected', async () => {
  const left = await connect(receiving, 'left', 'owner@globex.test')
  const stream = await watching('', { until: eventFor([left]) })
  await mutate(receiving, 'disconnectConnectedAccount', { identifier: 'left' }, 'connectedAccount { status }')
  const [gone, last] = [eventFor([left]), eventFor([owner])]
  await send(receiving, gone, token)
  await send(receiving, last, token)
  await expect.poll(() => stream.of(last)).toEqual(['owner'])
  expect(stream.of(gone)).toEqual([])
  stream.close()
})
