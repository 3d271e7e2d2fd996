import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { createLog } from '../../src/log.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { createAddressGuard } from '../../src/webhooks/address-guard.ts'
import { createWebhookEndpoint } from '../../src/webhooks/endpoint-store.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { type Receiver, startReceiver, status } from '../webhooks/support.ts'
import { report, size } from './report.ts'
import type { WebhookProcessSettings } from './webhook-process.ts'

const kills = size(6, 20)
/** Nodes that run at the same time. */
const nodes = 3
/** Requests that a receiver gets between two kills. */
const requestsPerKill = 25

let location: TestDatabase
let database: Database
let receiver: Receiver
beforeAll(async () => {
  location = await newPostgresDatabase(4)
  database = await openDatabase(location.location, () => {})
  await migrate(database.db)
  receiver = await startReceiver()
})
afterAll(async () => {
  await receiver.close()
  await database.close()
  await location.drop()
})

async function startSender(settings: WebhookProcessSettings): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./webhook-process.ts', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return child
}

it(
  `kill -9 of ${kills} nodes that change accounts and send webhooks loses no event and retains the order of each account`,
  async () => {
    const { db } = database
    const masterKey = randomBytes(32).toString('base64')
    const keyEncryption = masterKeys({ primary: new Secret(masterKey), older: [] })
    const vault = await openVault({ db, keyEncryption })
    const guard = createAddressGuard(['127.0.0.0/8'])
    const context = {
      db,
      vault,
      guard,
      providerEventTypes: {},
      log: createLog('silent'),
      random: Math.random,
      actor: systemActor,
    }
    const { id: environmentId } = await ensureEnvironment(db, 'chaos')
    await db
      .insertInto('oauth_apps')
      .values({
        environment_id: environmentId,
        connection_name: 'notion',
        connector: 'notion',
        client_id: 'client',
        client_secret: '',
        capabilities: [],
        return_urls: [],
        confirmation_url: null,
        rejected_code: null,
        token_lifetime_seconds: null,
        sandbox: false,
      })
      .execute()
    await createWebhookEndpoint(context, environmentId, { url: `${receiver.url}/` })

    const settings = { location: location.location, masterKey, environmentId, writes: true }
    const running: ChildProcess[] = []
    let killed = 0
    let requests = 0
    let sinceKill = 0
    receiver.answer((response) => {
      requests++
      sinceKill++
      // Before the response, so that attempts of the killed node are under way; some others fail as well.
      if (sinceKill >= requestsPerKill && running.length === nodes && killed < kills) {
        sinceKill = 0
        running.shift()?.kill('SIGKILL')
        killed++
      }
      status(requests % 7 === 0 ? 500 : 204)(response)
    })
    while (killed < kills) {
      while (running.length < nodes) running.push(await startSender(settings))
      await expect.poll(() => running.length < nodes || killed === kills, { timeout: 60_000 }).toBe(true)
    }
    for (const child of running.splice(0)) {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }

    receiver.answer(status(204))
    const last = await startSender({ ...settings, writes: false })
    const pending = () => db.selectFrom('webhook_deliveries').select('id').where('status', '=', 'PENDING').execute()
    await expect.poll(async () => (await pending()).length, { timeout: size(120_000, 600_000) }).toBe(0)
    last.kill('SIGKILL')
    vault.close()

    // Each change of a status is one event, with one more for each account that needs a new consent.
    const transitions = await db.selectFrom('status_transitions').selectAll().orderBy('sequence').execute()
    const deliveries = await db.selectFrom('webhook_deliveries').selectAll().orderBy('sequence').execute()
    const expected = transitions.flatMap(({ account_id, to_status }) =>
      (to_status === 'REVOKED' ? ['changed', 'reauthorize'] : ['changed']).map((kind) => [account_id, to_status, kind]),
    )
    expect(expected.length).toBeGreaterThan(kills)
    const queued = deliveries.map(({ subject, facts, event_type }) => [
      subject,
      (facts as { status: string }).status,
      event_type.endsWith('status_changed') ? 'changed' : 'reauthorize',
    ])
    expect(queued.map(String).sort()).toEqual(expected.map(String).sort())
    // And each was received, for the first time after the one before it.
    const firstAt = new Map<string, number>()
    for (const [at, { headers }] of receiver.requests.entries()) {
      const id = String(headers['webhook-id'])
      if (!firstAt.has(id)) firstAt.set(id, at)
    }
    const lastOf = new Map<string, number>()
    for (const { subject, event_id } of deliveries) {
      const at = firstAt.get(event_id) ?? -1
      expect(at).toBeGreaterThan(lastOf.get(subject) ?? -1)
      lastOf.set(subject, at)
    }
    const repeated = receiver.requests.length - firstAt.size
    report('kill -9 of nodes that send webhooks', kills, `${firstAt.size} events, none lost, ${repeated} repeated`)
  },
  size(300_000, 1_800_000),
)
