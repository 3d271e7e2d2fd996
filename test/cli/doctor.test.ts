import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeVersion } from '../../src/cli/doctor/machine-checks.ts'
import { run } from '../../src/cli/run.ts'
import { connectServer, type Db } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { doctor } from './doctor-support.ts'

const password = 'pass-word-of-the-database-0123456789'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-doctor-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('doctor', () => {
  it('reports every problem, goes on when nothing works, and prints no secret', async () => {
    const key = randomBytes(32).toString('base64')
    const { code, output, of } = await doctor({
      NODE_ENV: 'production',
      PORT: 'many',
      LOG_LEVEL: 'loud',
      VALETKEY_MASTER_KEY: `${key}!`,
      VALETKEY_DATA_DIR: directory,
      DATABASE_URL: `postgres://user:${password}@127.0.0.1:1/name`,
      DATABASE_REPLICA_URL: `postgres://user:${password}@127.0.0.1:1/name`,
      REDIS_URL: `redis://:${password}@127.0.0.1:1`,
      PUBLIC_URL: 'http://valetkey.invalid',
      NOTION_API_URL: 'http://127.0.0.1:59990',
    })
    expect(code).toBe(1)
    expect(of('configuration')).toHaveLength(4)
    expect(of('database')).toEqual([expect.stringMatching(/^error: The database at DATABASE_URL cannot be reached/)])
    expect(of('redis')).toEqual([expect.stringMatching(/^warning: REDIS_URL does not answer/)])
    expect(of('public url').join()).toMatch(/is not https.*does not answer/)
    expect(of('notion')).toEqual([
      expect.stringMatching(/^error: http:\/\/127\.0\.0\.1:59990 does not answer .*ECONNREFUSED/),
    ])
    for (const secret of [password, key]) expect(output).not.toContain(secret)
  })

  it.each(['pass%word-0123456789', 'pass-0123%ff456789', 'pass-%zz-0123456789'])(
    'reads URLs with the password %s, and does not print it',
    async (literal) => {
      const { code, output, of } = await doctor({
        NODE_ENV: 'development',
        VALETKEY_DATA_DIR: directory,
        PORT: '0',
        DATABASE_URL: `postgres://user:${literal}@127.0.0.1:1/name`,
        REDIS_URL: `redis://:${literal}@127.0.0.1:1/banana`,
      })
      expect(code).toBe(1)
      expect(of('configuration').join()).toMatch(/^error: REDIS_URL must have no path/)
      expect(of('redis').join()).toMatch(/^warning: It is not checked/)
      expect(of('database').join()).toMatch(/^error: /)
      expect(output).not.toContain(literal)
    },
  )

  it('reports a database that cannot be written to', async () => {
    const database = await newPostgresDatabase()
    try {
      const { directUrl, url } = database.location
      const owner = connectServer({ connectionString: directUrl ?? url, max: 1 }, () => {})
      const name = new URL(url).pathname.slice(1)
      await sql`alter database ${sql.id(name)} set default_transaction_read_only = on`.execute(owner)
      await owner.destroy()
      const { code, of, fixOf } = await doctor({
        ...databaseEnv(database.location),
        NODE_ENV: 'development',
        VALETKEY_DATA_DIR: directory,
        PORT: '0',
      })
      expect(code).toBe(1)
      expect(of('database')).toEqual(['error: The database at DATABASE_URL is read-only.'])
      expect(fixOf('database').join()).toMatch(/^Remove default_transaction_read_only/)
    } finally {
      await database.drop()
    }
  })

  it('ends when nothing that it asks answers', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    try {
      const { code, of } = await doctor({
        NODE_ENV: 'development',
        VALETKEY_DATA_DIR: directory,
        VALETKEY_SANDBOX: 'off',
        DATABASE_URL: `postgres://user@${address}/name`,
        REDIS_URL: `redis://${address}`,
        PUBLIC_URL: `https://${address}`,
        NOTION_API_URL: `http://${address}`,
      })
      expect(code).toBe(1)
      expect(of('database').join()).toMatch(/^error: .*cannot be reached/)
      for (const check of ['redis', 'public url', 'provider'])
        expect(of(check).join(), check).toMatch(/^(error|warning)/)
    } finally {
      silent.close()
    }
  })

  it('does not create anything', async () => {
    const missing = join(directory, 'missing')
    const { code, of } = await doctor({ VALETKEY_DATA_DIR: missing, PORT: '0' })
    expect(code).toBe(0)
    expect(of('database').join()).toContain('does not exist yet')
    await expect(rm(missing)).rejects.toThrow(/ENOENT/)
  })

  it('knows the releases of Node that the package supports', () => {
    expect(['20.18.3', '18.20.0', '20.19.0', '22.1.0', '24.0.0'].map((version) => nodeVersion(version).status)).toEqual(
      ['error', 'error', 'ok', 'ok', 'ok'],
    )
  })
})

describe('doctor, while a server runs', () => {
  let database: TestDatabase
  let app: TestApp
  let other: TestApp
  let db: Db
  let env: Record<string, string>
  beforeAll(async () => {
    database = await newPostgresDatabase()
    env = {
      ...databaseEnv(database.location),
      NODE_ENV: 'development',
      VALETKEY_SANDBOX: 'off',
      VALETKEY_DATA_DIR: join(directory, 'server'),
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
    }
    expect((await doctor({ ...env, PORT: '0' })).of('migrations')).toEqual([
      'ok: The database is empty. The first start migrates it.',
    ])
    app = await startApp({ directory: join(directory, 'server'), env })
    other = await startApp()
    const { port } = new URL(app.url)
    env = { ...env, PORT: port, PUBLIC_URL: `http://localhost:${port}`, NOTION_API_URL: `${other.url}/sandbox` }
    db = connectServer({ connectionString: database.location.directUrl ?? database.location.url, max: 1 }, () => {})
  })
  afterAll(async () => {
    await db.destroy()
    await app.stop()
    await other.stop()
    await database.drop()
  })

  it('finds nothing wrong with it but what is not set up', async () => {
    const { code, of } = await doctor(env)
    expect(code).toBe(0)
    for (const [check, text] of [
      ['database version', 'Postgres'],
      ['pooling', 'Sessions and notifications work'],
      ['privileges', 'may migrate and use all tables'],
      ['migrations', 'have run'],
      ['keys', 'VALETKEY_MASTER_KEY encrypts and opens'],
      ['clock', 'apart'],
      ['server', 'is ready'],
      ['public url', 'leads to this installation'],
      ['notion', 'answers within'],
      ['webhooks', 'No delivery was given up'],
    ] as const) {
      expect(of(check), check).toEqual([expect.stringMatching(/^ok: /)])
      expect(of(check).join()).toContain(text)
    }
    expect(of('oauth apps').join()).toMatch(/^warning: There is no OAuth app/)
  })

  it('distinguishes another installation at the public URL', async () => {
    const { code, of } = await doctor({ ...env, PUBLIC_URL: other.url.replace('127.0.0.1', 'localhost') })
    expect(code).toBe(1)
    expect(of('public url').join()).toMatch(/^error: .* leads to another installation/)
  })

  it('reports another master key, and writes nothing with it', async () => {
    const before = await sql`select * from vault_canaries`.execute(db)
    const { code, of } = await doctor({ ...env, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') })
    expect(code).toBe(1)
    expect(of('keys').join()).toMatch(/^error: .*VALETKEY_MASTER_KEY/)
    expect((await sql`select * from vault_canaries`.execute(db)).rows).toEqual(before.rows)
  })

  it('reports OAuth apps that are rejected, and migrations of other releases', async () => {
    await run(
      'oauth-apps register broken --client-id mine'.split(' '),
      env,
      () => {},
      () => {},
      { readLine: async () => 'a-secret', close: () => {} },
    )
    await sql`update oauth_apps set rejected_at = now(), rejected_code = 'invalid_client'`.execute(db)
    const rejected = await doctor(env)
    expect(rejected.code).toBe(1)
    expect(rejected.of('oauth apps').join()).toMatch(/^error: The provider rejects "broken" .*invalid_client/)
    expect(rejected.of('settings').join()).toMatch(/^warning: 1 OAuth app has no confirmationUrl/)

    await sql`insert into migrations (name, timestamp) values ('9999_later', 'x')`.execute(db)
    const newer = await doctor(env)
    expect(newer.code).toBe(1)
    expect(newer.of('migrations').join()).toMatch(/^error: A newer release .* 9999_later/)
    await sql`delete from migrations where name = '9999_later' or name like '0024%'`.execute(db)
    const pending = await doctor(env)
    expect(pending.of('migrations').join()).toMatch(/^warning: 1 have not run: 0024/)
    expect(pending.of('content')).toHaveLength(1)
  })
})

it('doctor asks the server that has locked the embedded database, and reads the database after its end', async () => {
  const data = join(directory, 'embedded')
  const app = await startApp({ directory: data })
  const { port } = new URL(app.url)
  const env = { VALETKEY_DATA_DIR: data, PORT: port }
  const running = await doctor(env, '--online')
  expect(running.of('database').join()).toContain(`in use by a running process (pid ${process.pid})`)
  expect(running.of('server').join()).toMatch(/^ok: It runs at .* and is ready/)
  await app.stop()
  const stopped = await doctor(env)
  expect(stopped.code).toBe(0)
  expect(stopped.of('migrations').join()).toMatch(/^ok: All/)
  expect(stopped.of('server').join()).toMatch(/^ok: None runs/)
})
