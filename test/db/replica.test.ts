import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { connectServer, openDatabase, requireUsable } from '../../src/db/database.ts'
import { openReplica } from '../../src/db/replica.ts'
import { createLog } from '../../src/log.ts'
import { startApp } from '../support/app.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'

let primary: PostgresServer
let standby: PostgresServer
beforeAll(async () => {
  primary = await startPostgresServer({ logStatements: true })
  standby = await primary.startStandby()
})
afterAll(async () => {
  await standby.stop()
  await primary.stop()
})

const portOf = (server: PostgresServer) => Number(new URL(server.url('postgres')).port)

it('a standby receives the lists of all users and nothing else', async () => {
  const app = await startApp({
    env: {
      NODE_ENV: 'development',
      DATABASE_URL: primary.url('postgres'),
      DATABASE_REPLICA_URL: standby.url('postgres'),
    },
  })
  try {
    expect(await app.connect('u')).toBe('ACTIVE')
    const read = await app.executeTool('u', 'notion_data_fetch', { query: 'roadmap' })
    expect(read).toMatchObject({ __typename: 'ExecuteToolPayload' })
    await app.graphql(`{
      connectedAccount(identifier: "u") { status transitions { nodes { to } } }
      connectedAccounts(filter: { identifier: "u" }) { nodes { status } }
      toolExecutions(filter: { identifier: "u" }) { nodes { status } }
    }`)
    const lists = `{
      connectedAccounts(filter: { status: [ACTIVE] }) { nodes { identifier } }
      toolExecutions(filter: { status: [SUCCEEDED] }) { nodes { status } }
    }`
    const isList = (statement: string) => /order by .* limit/.test(statement)
    const received = async () =>
      (await standby.statements()).filter((statement) => !/pg_control_system/.test(statement))
    const listed = async () => {
      const { data } = await app.graphql(lists)
      const statements = (await received()).join('\n')
      return {
        data,
        accounts: /from "connected_accounts"/.test(statements),
        journal: /from "tool_executions"/.test(statements),
      }
    }
    await expect.poll(listed, { interval: 100 }).toEqual({
      data: {
        connectedAccounts: { nodes: [{ identifier: 'u' }] },
        toolExecutions: { nodes: [{ status: 'SUCCEEDED' }] },
      },
      accounts: true,
      journal: true,
    })
    expect((await received()).filter((statement) => !isList(statement) || /"identifier" =/.test(statement))).toEqual([])
  } finally {
    await app.stop()
  }
})

it('reads from a standby while it follows and answers, otherwise from the primary, with one warning', async () => {
  const database = await openDatabase({ kind: 'server', url: primary.url('postgres'), maxConnections: 2 }, () => {})
  let skippedMs = 0
  let logged = ''
  const reads = openReplica(standby.url('postgres'), {
    primary: database.db,
    maxConnections: 2,
    log: createLog('info', { write: (line) => (logged += line) }),
    clock: { ...systemClock, now: () => systemClock.now() + skippedMs },
  })
  const server = () =>
    reads.read(async (db) => (await sql<{ port: number }>`select inet_server_port() as port`.execute(db)).rows[0]?.port)
  const warnings = () => [...logged.matchAll(/"reason":"([^"]*)"/g)].map(([, reason]) => reason)
  const follower = await openDatabase({ kind: 'server', url: standby.url('postgres'), maxConnections: 1 }, () => {})
  try {
    await expect.poll(server).toBe(portOf(standby))
    await sql`select pg_wal_replay_pause()`.execute(follower.db)
    await sql`create table written_while_paused ()`.execute(database.db)
    skippedMs = 5_000
    expect(await server()).toBe(portOf(primary))
    await expect.poll(warnings).toEqual(['the replica is more than 5 s behind'])
    await sql`select pg_wal_replay_resume()`.execute(follower.db)
    await expect.poll(server).toBe(portOf(standby))
    await follower.close()
    await standby.kill()
    expect(await server()).toBe(portOf(primary))
    await expect.poll(() => warnings().length).toBe(2)
    await standby.start()
    await expect.poll(server).toBe(portOf(standby))
    expect(warnings()).toHaveLength(2)
  } finally {
    await reads.close()
    await database.close()
  }
})

it('does not read from a server that is not a standby of the primary', async () => {
  const database = await openDatabase({ kind: 'server', url: primary.url('postgres'), maxConnections: 2 }, () => {})
  let logged = ''
  const reads = openReplica(primary.url('postgres'), {
    primary: database.db,
    maxConnections: 1,
    log: createLog('info', { write: (line) => (logged += line) }),
  })
  await expect.poll(() => logged).toContain('is not a standby')
  await reads.close()
  await database.close()
})

it('a standby is refused as the database of a server', async () => {
  const db = connectServer({ connectionString: standby.url('postgres'), max: 1 }, () => {})
  await expect(requireUsable(db)).rejects.toThrow(/is a standby, .* Set DATABASE_URL to the primary server/)
  await db.destroy()
})
