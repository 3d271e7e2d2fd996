import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'

/** The commands of docs/production.md, as they are there. */
const page = readFileSync(new URL('../../docs/production.md', import.meta.url), 'utf8')
const commandOf = (program: string) => new RegExp(`^${program} .*$`, 'm').exec(page)?.[0] ?? ''

/** Null when pg_dump can read the run's server; otherwise why not. It reads servers of its own version and older ones. */
async function obstacle(): Promise<string | null> {
  const { stdout, status } = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' })
  if (status !== 0) return 'Install the client programs of Postgres.'
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  const { rows } = await client.query('show server_version')
  await client.end()
  const [own, server] = [stdout, rows[0]?.server_version].map((text) => Number(/(\d+)\./.exec(text)?.[1]))
  return (own ?? 0) >= (server ?? 0) ? null : `pg_dump is version ${own}, the server is version ${server}.`
}

const missing = await obstacle()
if (missing !== null) process.stderr.write(`Not run: backup and restore. ${missing}\n`)

describe.skipIf(missing !== null)('a backup that is restored after the tokens of some accounts have changed', () => {
  let directory: string
  let databases: TestDatabase[]
  const masterKey = randomBytes(32).toString('base64')
  const apps: TestApp[] = []
  const start = async (database: TestDatabase, key = masterKey) => {
    const env = { ...databaseEnv(database.location), VALETKEY_MASTER_KEY: key }
    const app = await startApp({ directory, env })
    apps.push(app)
    return app
  }
  const sh = (program: string, database: TestDatabase) =>
    execFileSync('sh', ['-c', commandOf(program)], {
      cwd: directory,
      env: { ...process.env, DATABASE_URL: database.location.directUrl ?? database.location.url },
    })
  const search = (app: TestApp, identifier: string) => app.executeTool(identifier, 'notion_data_fetch', {})

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'valetkey-backup-'))
    databases = await Promise.all([newPostgresDatabase(), newPostgresDatabase()])
  })
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop()
    for (const database of databases) await database.drop()
    await rm(directory, { recursive: true, force: true })
  })

  it('serves the accounts whose tokens are still those of the backup, and reports the others with a status', async () => {
    const [original, restored] = databases as [TestDatabase, TestDatabase]
    const before = await start(original)
    await before.sandbox('mode', { rotation: 'strict' })
    await before.connect('unchanged', { user: 'owner@acme.test' })
    await before.connect('renewed', { user: 'member@acme.test' })
    await before.connect('disconnected', { user: 'owner@globex.test' })
    sh('pg_dump', original)

    await before.sandbox('expire', { user: 'member@acme.test', access: true })
    expect(await search(before, 'renewed')).toMatchObject({ __typename: 'ExecuteToolPayload' })
    await before.graphql(
      'mutation { disconnectConnectedAccount(input: { identifier: "disconnected" }) { __typename } }',
    )
    await before.connect('later', { user: 'member@globex.test' })
    await apps.pop()?.stop()

    // Onto a database that has something: the command replaces it.
    await (await start(restored)).connect('replaced')
    await apps.pop()?.stop()
    sh('pg_restore', restored)
    const after = await start(restored)
    expect(await search(after, 'unchanged')).toMatchObject({ __typename: 'ExecuteToolPayload' })
    for (const identifier of ['renewed', 'disconnected']) {
      expect(await search(after, identifier)).toMatchObject({ __typename: 'AccountNotActiveError' })
      const { data } = await after.graphql(
        'query ($identifier: String!) { connectedAccount(identifier: $identifier) { status } }',
        { identifier },
      )
      expect(['REVOKED', 'EXPIRED']).toContain((data['connectedAccount'] as { status: string }).status)
    }
    for (const identifier of ['later', 'replaced']) {
      expect(await search(after, identifier)).toMatchObject({ __typename: 'AccountNotFoundError' })
    }
    expect(await after.connect('renewed', { user: 'member@acme.test' })).toBe('ACTIVE')
    expect(await search(after, 'renewed')).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('does not start with another master key than that of the backup', async () => {
    const [original, restored] = databases as [TestDatabase, TestDatabase]
    await (await start(original)).connect('unchanged')
    sh('pg_dump', original)
    await apps.pop()?.stop()
    sh('pg_restore', restored)
    await expect(start(restored, randomBytes(32).toString('base64'))).rejects.toThrow(/does not open this database/)
  })
})
