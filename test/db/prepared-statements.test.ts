import { randomUUID } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { findAccountsById } from '../../src/accounts/account-store.ts'
import { findOAuthAppsById } from '../../src/accounts/oauth-app-store.ts'
import { connectServer, type Database, type Db, isWritable, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { findApiKeysById } from '../../src/environments/api-keys.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { readWebhookStates } from '../../src/provider-events/webhook-tokens.ts'
import { webhookUrls } from '../../src/provider-events/webhook-url.ts'
import { findExecutionsById } from '../../src/tools/journal.ts'
import { findWebhookDeliveriesById } from '../../src/webhooks/delivery-store.ts'
import { findWebhookEndpointsById } from '../../src/webhooks/endpoint-store.ts'
import { freshDatabase, newPostgresDatabase } from '../support/database.ts'

// A session of the server is tested, which a pooler would share.
const direct = inject('poolerUrl') === null

let database: Database
beforeAll(async () => {
  database = await freshDatabase()
})
afterAll(() => database.close())

/** Runs a statement often, all on one connection, and returns the texts that this connection has prepared. */
const preparedAfter = (statement: RawBuilder<unknown>) =>
  database.db.connection().execute(async (connection) => {
    for (let use = 0; use < 10; use += 1) await statement.execute(connection)
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(connection)
    return rows.map((row) => row.statement)
  })

describe('a statement on a server', () => {
  it.runIf(direct)('is prepared when it is used often with parameters', async () => {
    expect(await preparedAfter(sql`select id from environments where name = ${'any'}`)).toContain(
      'select id from environments where name = $1',
    )
  })

  it.each([
    ['without parameters', sql`select id from environments`],
    ['for every column', sql`select * from environments where name = ${'any'}`],
    ['for every column of a change', sql`update environments set name = name where name = ${'any'} returning *`],
    ['with a limit', sql`select id from environments limit ${1}`],
    [
      'for a list of rows',
      sql`select name from (values ${sql.join(Array.from({ length: 41 }, (_, at) => sql`(${at}::int)`))}) as given (name)`,
    ],
  ])('is not prepared %s', async (_which, statement) => {
    const { sql: text } = statement.compile(database.db)
    expect(await preparedAfter(statement)).not.toContain(text)
  })

  it('works on while another node adds a column to the table that it reads', async () => {
    const read = () => database.db.selectFrom('environments').select('id').where('name', '=', 'any').executeTakeFirst()
    for (let use = 0; use < 10; use += 1) await read()
    await sql`alter table environments add column added_later text`.execute(database.db)
    for (let use = 0; use < 10; use += 1) await read()
  })
})

describe('a query for the objects with some ids', () => {
  const find: readonly [string, (db: Db, environmentId: string, ids: readonly string[]) => Promise<unknown>][] = [
    ['accounts', findAccountsById],
    ['API keys', (db, environmentId, ids) => findApiKeysById({ db }, environmentId, ids)],
    ['calls', findExecutionsById],
    ['OAuth apps', findOAuthAppsById],
    ['states of webhooks', readWebhookStates],
    ['URLs of webhooks', (db, ...of) => webhookUrls({ db, publicUrl: 'https://valetkey.example' }, ...of)],
    ['webhook deliveries', findWebhookDeliveriesById],
    ['webhook endpoints', findWebhookEndpointsById],
  ]

  it.runIf(direct).each(find)('is prepared once for any number of them: %s', async (_what, query) => {
    const ids = Array.from({ length: 3 }, () => randomUUID())
    const added = await database.db.connection().execute(async (connection) => {
      const count = async () => (await sql`select from pg_prepared_statements`.execute(connection)).rows.length
      const before = await count()
      for (let use = 0; use < 30; use += 1) await query(connection, randomUUID(), ids.slice(use % 3))
      return (await count()) - before
    })
    expect(added).toBe(1)
  })
})

describe('a connection that has not answered a query in time', () => {
  it('leaves the pool, so that its late answer holds up no other query', async () => {
    const { location, drop } = await newPostgresDatabase()
    const options = { connectionString: location.url, max: 1, pooled: true, query_timeout: 1_000 }
    const late = connectServer(options, () => {})
    await expect(sql`select pg_sleep(60)`.execute(late)).rejects.toThrow('Query read timeout')
    expect(await isWritable(late)).toBe(true)
    await late.destroy()
    await drop()
  })
})

describe('a connection whose server became read-only, as after a failover', () => {
  it.runIf(direct)(
    'leaves the pool with the first write that fails, and makes the node not ready until then',
    async () => {
      const { location, drop } = await newPostgresDatabase(1)
      const demoted = await openDatabase(location, () => {})
      await migrate(demoted.db)
      expect(await isWritable(demoted.db)).toBe(true)
      await sql`set session characteristics as transaction read only`.execute(demoted.db)
      expect(await isWritable(demoted.db)).toBe(false)
      const write = () => ensureEnvironment(demoted.db, 'any')
      await expect(write()).rejects.toMatchObject({ code: '25006' })
      await write()
      expect(await isWritable(demoted.db)).toBe(true)
      await demoted.close()
      await drop()
    },
  )
})
