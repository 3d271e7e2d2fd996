import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { deleteEnvironment } from '../../src/environments/environment-store.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { DeliveryTiming } from '../../src/webhooks/delivery-worker.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import {
  createAccount,
  createEndpoint,
  documentedVerifier,
  listDeliveries,
  mutate,
  quickDeliveries,
  type Receiver,
  startReceiver,
  status,
} from './support.ts'

const masterKey = randomBytes(32).toString('base64')
let database: TestDatabase
let receiver: Receiver
let client: pg.Client
let apps: TestApp[]
const url = () => (database.location.kind === 'server' ? database.location.url : '')
beforeEach(async () => {
  database = await newPostgresDatabase()
  receiver = await startReceiver()
  client = new pg.Client({ connectionString: url() })
  await client.connect()
  apps = []
})
afterEach(async () => {
  await Promise.all(apps.map((app) => app.stop()))
  await client.end()
  await receiver.close()
  await database.drop()
})

/** Starts another node on the database. */
async function startNode(timing: Partial<DeliveryTiming> = {}): Promise<TestApp> {
  const app = await startApp({
    env: { DATABASE_URL: url(), VALETKEY_MASTER_KEY: masterKey },
    deliveryTiming: { ...quickDeliveries, ...timing },
  })
  apps.push(app)
  return app
}

it('two nodes share the work: each event is sent, and those of one account in order', async () => {
  const [one, two] = [await startNode(), await startNode()]
  await createEndpoint(one, `${receiver.url}/shared`)
  const identifiers = Array.from({ length: 20 }, (_, at) => `user-${at}`)
  await Promise.all(
    identifiers.map(async (identifier, at) => {
      const app = at % 2 === 0 ? one : two
      await createAccount(app, identifier)
      await mutate(app, 'deleteConnectedAccount', { identifier }, 'deletedId')
    }),
  )
  await expect.poll(async () => (await listDeliveries(one, { status: 'DELIVERED' })).length).toBe(60)
  for (const identifier of identifiers) {
    const seen = receiver.requests.filter(({ event }) => event.data['identifier'] === identifier)
    // An attempt that a busy machine cuts off is repeated.
    const order = [...new Set(seen.map(({ event }) => event.data['status'] ?? 'deleted'))]
    expect(order).toEqual(['PENDING', 'DISCONNECTED', 'deleted'])
  }
})

it('an endpoint that hangs has a few requests at a time and delays no other endpoint', async () => {
  const app = await startNode({ attemptMs: 60_000, leaseMs: 90_000, stopMs: 0 })
  await createEndpoint(app, `${receiver.url}/hanging`)
  await createEndpoint(app, `${receiver.url}/prompt`)
  receiver.answer((response, { path }) => {
    if (path === '/prompt') status(200)(response)
  })
  for (let at = 0; at < 40; at++) await createAccount(app, `user-${at}`)
  await expect.poll(() => receiver.at('/prompt').length).toBe(40)
  expect(receiver.at('/hanging').length).toBeLessThanOrEqual(8)
})

it('a stop returns what a receiver does not answer, and another node sends it at once', async () => {
  const first = await startNode({ attemptMs: 60_000, leaseMs: 90_000, stopMs: 200 })
  await createEndpoint(first, `${receiver.url}/stopped`)
  receiver.answer(() => {})
  await createAccount(first, 'stopped')
  await expect.poll(() => receiver.requests.length).toBe(1)
  await apps.pop()?.stop()
  receiver.answer(status(200))
  const second = await startNode()
  await expect.poll(async () => (await listDeliveries(second))[0]).toMatchObject({ status: 'DELIVERED', attempts: 1 })
  const [before, after] = receiver.requests.map(({ headers }) => headers['webhook-id'])
  expect(after).toBe(before)
})

it('a delivery is given up after its time, and the next one of the account follows', async () => {
  const app = await startNode()
  await createEndpoint(app, `${receiver.url}/given-up`)
  receiver.answer((response, { event }) => status(event.data['status'] === 'PENDING' ? 500 : 200)(response))
  await createAccount(app, 'given-up')
  await expect.poll(() => receiver.requests.length).toBeGreaterThan(1)
  await mutate(app, 'deleteConnectedAccount', { identifier: 'given-up' }, 'deletedId')
  const { rows } = await client.query(
    'select extract(epoch from max(give_up_at - occurred_at)) / 3600 as hours from webhook_deliveries',
  )
  expect(Number(rows[0].hours)).toBeCloseTo(72, 1)
  await client.query("update webhook_deliveries set give_up_at = now() where facts ->> 'status' = 'PENDING'")
  await expect
    .poll(async () => (await listDeliveries(app)).map((one) => one.status))
    .toEqual(['DELIVERED', 'DELIVERED', 'FAILED'])
  expect((await listDeliveries(app, { status: 'FAILED' }))[0]).toMatchObject({
    lastError: 'The receiver returned the status 500.',
    nextAttemptAt: null,
    deliveredAt: null,
  })
})

it('what is past its time in a pause is given up in batches, without an attempt, and can be replayed', async () => {
  const app = await startNode()
  const { endpoint } = await createEndpoint(app, `${receiver.url}/backlog`)
  receiver.answer(status(503, { 'retry-after': '3600' }))
  await createAccount(app, 'paused')
  await expect.poll(async () => (await listDeliveries(app))[0]?.lastStatusCode).toBe(503)
  await client.query(`
    insert into webhook_deliveries (environment_id, endpoint_id, event_id, event_type, subject, facts, occurred_at, give_up_at)
    select environment_id, endpoint_id, gen_random_uuid(), event_type, gen_random_uuid(), facts, occurred_at,
      now() - interval '1 hour'
    from webhook_deliveries cross join generate_series(1, 1200)`)
  // A node sweeps when it starts.
  const other = await startNode()
  const counts = async () => {
    const { rows } = await client.query(
      'select status, count(*)::int from webhook_deliveries group by status order by status',
    )
    return rows
  }
  await expect.poll(counts).toEqual([
    { status: 'FAILED', count: 1200 },
    { status: 'PENDING', count: 1 },
  ])
  expect(receiver.requests).toHaveLength(1)
  expect((await listDeliveries(app, { status: 'FAILED' }))[0]).toMatchObject({
    attempts: 0,
    lastError: 'It was not attempted within 3 days.',
    nextAttemptAt: null,
    deliveredAt: null,
  })
  const metrics = await fetch(`${other.url}/metrics`, { headers: { authorization: `Bearer ${other.apiKey}` } })
  expect(await metrics.text()).toMatch(/^valetkey_webhook_attempts_total\{outcome="failed"\} 1200$/m)
  expect(await mutate(app, 'replayWebhookDeliveries', { endpointId: endpoint.id }, 'replayed')).toMatchObject({
    replayed: 1200,
  })
})

it('deliveries are deleted 14 days after their end, and replaced secrets after their overlap', async () => {
  const app = await startNode()
  const { endpoint } = await createEndpoint(app, `${receiver.url}/old`)
  await mutate(app, 'rotateWebhookSecret', { id: endpoint.id }, 'secret')
  for (const identifier of ['a', 'b', 'c']) await createAccount(app, identifier)
  await expect.poll(async () => (await listDeliveries(app, { status: 'DELIVERED' })).length).toBe(3)
  await client.query(`
    update webhook_deliveries set finished_at = finished_at - interval '15 days' where facts ->> 'identifier' <> 'c';
    update webhook_endpoints set previous_secret_expires_at = now()`)
  // A node sweeps when it starts.
  await startNode()
  await expect.poll(async () => (await listDeliveries(app)).length).toBe(1)
  const secrets = () => client.query('select previous_secret from webhook_endpoints')
  await expect.poll(async () => (await secrets()).rows).toEqual([{ previous_secret: null }])
})

it('requests are signed with both secrets after the keys of the vault were rotated', async () => {
  const app = await startNode()
  const { endpoint, secret } = await createEndpoint(app, `${receiver.url}/rotated`)
  const rotated = await mutate(app, 'rotateWebhookSecret', { id: endpoint.id }, 'secret')
  const operator = await openDatabase(database.location, () => {})
  const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
  const vault = await openVault({ db: operator.db, keyEncryption })
  const result = await rotateKeys({
    db: operator.db,
    vault,
    keyEncryption,
    columns: sealedColumns,
    settleMs: 0,
    actor: systemActor,
    onProgress: () => {},
  })
  vault.close()
  await operator.close()
  expect(result).toMatchObject({ unreadable: 0, stillUsed: [], retired: [expect.any(String)] })
  await createAccount(app, 'rotated')
  await expect.poll(() => receiver.requests.length).toBe(1)
  const verify = await documentedVerifier()
  const [request] = receiver.requests
  for (const one of [secret, String(rotated['secret'])]) verify(request?.headers ?? {}, request?.body ?? '', [one])
})

it('the rejection of an OAuth app is reported once', async () => {
  const app = await startNode()
  await createEndpoint(app, `${receiver.url}/misconfigured`, ['oauth_app.misconfigured'])
  await app.connect('someone')
  const { data } = await app.graphql('{ oauthApp { id clientId } }')
  const { id, clientId } = data['oauthApp'] as { id: string; clientId: string }
  await app.sandbox('client', { clientId, clientSecret: 'another' })
  await app.sandbox('expire', { access: true })
  for (let at = 0; at < 2; at++) {
    const refreshed = await mutate(app, 'refreshConnectedAccount', { identifier: 'someone' }, 'connectedAccount { id }')
    expect(refreshed['__typename']).toBe('OAuthAppRejectedError')
  }
  await expect.poll(() => receiver.requests.length).toBe(1)
  expect(receiver.requests[0]?.event.data).toEqual({ oauthAppId: id, connectionName: 'notion', code: 'invalid_client' })
  expect(await listDeliveries(app)).toHaveLength(1)
})

it.each([
  ['the command', (db: Db, id: string) => deleteEnvironment(db, id)],
  ['one statement', (db: Db, id: string) => db.deleteFrom('environments').where('id', '=', id).execute()],
])(
  'the deletion of an environment by %s removes its endpoints and deliveries, and reports nothing',
  async (_how, remove) => {
    const app = await startNode()
    await createEndpoint(app, `${receiver.url}/removed`)
    await createAccount(app, 'removed')
    await expect.poll(() => receiver.requests.length).toBe(1)
    const operator = await openDatabase(database.location, () => {})
    const { id } = await operator.db.selectFrom('environments').select('id').executeTakeFirstOrThrow()
    await remove(operator.db, id)
    await operator.close()
    const { rows } = await client.query(
      'select (select count(*) from webhook_endpoints) + (select count(*) from webhook_deliveries) as left',
    )
    expect(Number(rows[0].left)).toBe(0)
    expect(receiver.requests.map(({ event }) => event.type)).not.toContain('connected_account.deleted')
  },
)
