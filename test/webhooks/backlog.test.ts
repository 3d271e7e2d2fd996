import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createLog } from '../../src/log.ts'
import { createAddressGuard } from '../../src/webhooks/address-guard.ts'
import { claimDeliveries, giveUpExpired } from '../../src/webhooks/claims.ts'
import { listWebhookDeliveries } from '../../src/webhooks/delivery-store.ts'
import { updateWebhookEndpoint } from '../../src/webhooks/endpoint-store.ts'
import { openExplained, type Plan } from '../db/plans.ts'
import { newPostgresDatabase } from '../support/database.ts'

const environmentId = randomUUID()
const backlogSize = 20_000
const options = {
  limit: 32,
  leaseSeconds: 30,
  maxPerEndpoint: 8,
  providerTypes: [],
  running: new Map<string, number>(),
}

const plans: Plan[] = []
let client: pg.Client
let db: Db
let close: () => Promise<void>
beforeAll(async () => {
  const { location, drop } = await newPostgresDatabase()
  const database = await openDatabase(location, () => {})
  await migrate(database.db)
  await database.close()
  client = new pg.Client({ connectionString: location.url })
  await client.connect()
  // So that Postgres knows of the tables what a test lets it know.
  await client.query(`
    alter table webhook_endpoints set (autovacuum_enabled = false);
    alter table webhook_deliveries set (autovacuum_enabled = false);
    insert into environments (id, name) values ('${environmentId}', 'backlogs')`)
  db = await openExplained(location.url, plans)
  close = async () => {
    await Promise.all([db.destroy(), client.end()])
    await drop()
  }
})
afterAll(() => close())
beforeEach(async () => {
  await client.query('truncate webhook_endpoints, webhook_deliveries')
  plans.splice(0)
})

/** Creates an endpoint with due deliveries that are about `subjects` accounts in turn. The oldest one is `minutes` old. */
async function addEndpoint({
  due,
  subjects = due,
  minutes = 2 * 24 * 60,
}: {
  due: number
  subjects?: number
  minutes?: number
}): Promise<string> {
  const id = randomUUID()
  await client.query(
    `insert into webhook_endpoints (id, environment_id, url, secret) values ($1, $2, 'https://app.example/', 'sealed')`,
    [id, environmentId],
  )
  await client.query(
    `with subjects as (select n, gen_random_uuid() as id from generate_series(0, $4::int - 1) n)
     insert into webhook_deliveries (environment_id, endpoint_id, event_id, event_type, subject, facts, occurred_at,
       next_attempt_at, give_up_at)
     select $1, $2, gen_random_uuid(), 'connected_account.deleted', subjects.id, '{}', queued_at, queued_at,
       queued_at + interval '3 days'
     from generate_series(1, $3::int) as delivery (n) join subjects on subjects.n = delivery.n % $4
     cross join lateral (
       select now() - make_interval(mins => $5) + (delivery.n - 1) * interval '1 millisecond' as queued_at
     ) queued
     order by delivery.n`,
    [environmentId, id, due, subjects, minutes],
  )
  return id
}

const rowsRead = () => plans.reduce((sum, { rows }) => sum + rows, 0)

describe.each([
  ['with statistics', 'analyze'],
  ['without statistics', ''],
])('a claim %s', (_, statistics) => {
  it('reads few rows of an endpoint with a backlog that takes no more, and claims those of others', async () => {
    const busy = await addEndpoint({ due: backlogSize })
    const other = await addEndpoint({ due: 2 })
    await client.query(statistics)
    const { claimed } = await claimDeliveries(db, { ...options, running: new Map([[busy, 8]]) })
    expect(claimed.map(({ endpointId }) => endpointId)).toEqual([other, other])
    expect(rowsRead()).toBeLessThan(200)
  })

  it('reads few rows of a backlog that it claims from, and claims the oldest', async () => {
    const endpoint = await addEndpoint({ due: backlogSize })
    await client.query(statistics)
    const { claimed } = await claimDeliveries(db, options)
    const { rows } = await client.query<{ id: string }>('select id from webhook_deliveries order by sequence limit 8')
    expect(claimed.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort())
    expect(rowsRead()).toBeLessThan(200)
    plans.splice(0)
    const { examined } = await claimDeliveries(db, { ...options, running: new Map([[endpoint, 8]]) })
    expect(examined).toBe(0)
    expect(rowsRead()).toBeLessThan(200)
  })
})

it('a claim serves an endpoint with fewer attempts under way before those that have waited longer', async () => {
  const slow: string[] = []
  while (slow.length < 4) slow.push(await addEndpoint({ due: 20 }))
  const prompt = await addEndpoint({ due: 1 })
  const { claimed } = await claimDeliveries(db, { ...options, limit: 4, running: new Map(slow.map((id) => [id, 7])) })
  expect(claimed.map(({ endpointId }) => endpointId)).toContain(prompt)
})

/** Claims until nothing is due. */
async function claimAll(): Promise<void> {
  while ((await claimDeliveries(db, options)).examined > 0);
}

describe('while a receiver is down', () => {
  it('what waits for the end of a pause is not written, and reports when that is', async () => {
    const endpoint = await addEndpoint({ due: 20 })
    await client.query(`update webhook_endpoints set paused_until = date_trunc('second', now()) + interval '1 hour'`)
    const state = 'select id, xmin from webhook_deliveries order by sequence'
    const { rows: before } = await client.query(state)
    await claimAll()
    expect((await client.query(state)).rows).toEqual(before)
    const { rows } = await client.query('select paused_until from webhook_endpoints')
    const filter = { endpointId: endpoint, status: null }
    const deliveries = await listWebhookDeliveries(db, environmentId, filter, { limit: 100, before: null })
    expect(deliveries.map(({ nextAttemptAt }) => nextAttemptAt)).toEqual(Array(20).fill(rows[0].paused_until))
  })

  it('an endpoint that is enabled makes due what is not, and does not write the rest of its backlog', async () => {
    const id = await addEndpoint({ due: 20 })
    await client.query(`
      update webhook_deliveries set next_attempt_at = now() + interval '1 hour'
      where sequence = (select min(sequence) from webhook_deliveries)`)
    const { rows: before } = await client.query('select id, xmin from webhook_deliveries order by sequence')
    const context = { db, guard: createAddressGuard([]), providerEventTypes: {}, log: createLog('silent') }
    await updateWebhookEndpoint({ ...context, random: () => 0, actor: systemActor }, environmentId, id, {
      enabled: true,
    })
    const { rows } = await client.query(`
      select id, xmin, next_attempt_at <= clock_timestamp() as is_due from webhook_deliveries order by sequence`)
    expect(rows.map(({ is_due }) => is_due)).toEqual(Array(20).fill(true))
    expect(rows.map((row, at) => row.xmin === before[at].xmin)).toEqual([false, ...Array(19).fill(true)])
  })

  it.each([
    { waited: 1, pause: 5 },
    { waited: 60, pause: 60 },
    { waited: 2 * 24 * 60, pause: 6 * 60 },
  ])(
    'what has waited $waited min for earlier deliveries about its account is written again after $pause min',
    async ({ waited, pause }) => {
      await addEndpoint({ due: 20, subjects: 1, minutes: waited })
      await client.query(`
        update webhook_deliveries set next_attempt_at = now() + interval '3 hours'
        where sequence = (select min(sequence) from webhook_deliveries)`)
      await claimAll()
      const { rows } = await client.query<{ minutes: number }>(`
        select round(extract(epoch from next_attempt_at - now()) / 60)::integer as minutes
        from webhook_deliveries order by sequence`)
      const [first, second, ...others] = rows.map(({ minutes }) => minutes)
      expect([first, second]).toEqual([180, 180])
      expect(new Set(others)).toEqual(new Set([pause]))
    },
  )
})

describe('deliveries whose time is over', () => {
  it.each([
    ['with statistics', 'analyze'],
    ['without statistics', ''],
  ])('are given up by reading few of those that wait, %s', async (_, statistics) => {
    await addEndpoint({ due: backlogSize, subjects: 100 })
    await client.query(`update webhook_deliveries set give_up_at = now() - interval '1 hour' where sequence % 2 = 0`)
    await client.query(statistics)
    expect(await giveUpExpired(db, 500)).toBe(500)
    expect(rowsRead()).toBeLessThan(3_000)
    expect(await giveUpExpired(db, backlogSize)).toBe(backlogSize / 2 - 500)
    expect(await giveUpExpired(db, 500)).toBe(0)
    const { rows } = await client.query(`
      select status, count(*)::integer, count(finished_at)::integer as finished, sum(attempts)::integer as attempts
      from webhook_deliveries group by status order by status`)
    expect(rows).toEqual([
      { status: 'FAILED', count: backlogSize / 2, finished: backlogSize / 2, attempts: 0 },
      { status: 'PENDING', count: backlogSize / 2, finished: 0, attempts: 0 },
    ])
  })

  it('are followed by the next ones about their accounts', async () => {
    await addEndpoint({ due: 8, subjects: 2 })
    await client.query(`
      with numbered as (select id, row_number() over (order by sequence) as n from webhook_deliveries)
      update webhook_deliveries delivery set next_attempt_at = now() + interval '1 hour',
        give_up_at = case when n <= 4 then now() - interval '1 hour' else give_up_at end
      from numbered where numbered.id = delivery.id`)
    expect(await giveUpExpired(db, 500)).toBe(4)
    const { rows } = await client.query(`
      select next_attempt_at <= clock_timestamp() as is_due from webhook_deliveries
      where status = 'PENDING' order by sequence`)
    expect(rows.map(({ is_due }) => is_due)).toEqual([true, true, false, false])
  })

  it('are left while an attempt is under way, and while their last attempt may still begin', async () => {
    await addEndpoint({ due: 1 })
    await client.query(`update webhook_deliveries set give_up_at = now()`)
    expect(await giveUpExpired(db, 500)).toBe(0)
    const { claimed } = await claimDeliveries(db, options)
    expect(claimed).toMatchObject([{ isLast: true }])
    await client.query(`update webhook_deliveries set give_up_at = now() - interval '1 hour'`)
    expect(await giveUpExpired(db, 500)).toBe(0)
    // The process of the attempt is gone.
    await client.query('update webhook_deliveries set next_attempt_at = now()')
    expect(await giveUpExpired(db, 500)).toBe(1)
  })
})
