import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { connectServer } from '../../src/db/database.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'
import { hasRedis, type RedisServer, startRedisServer } from '../support/redis-server.ts'
import {
  awsKms,
  googleKeyName,
  googleKms,
  newServiceAccount,
  serve,
  transitEngine,
} from '../vault/key-service-stand-ins.ts'
import { doctor } from './doctor-support.ts'

/** Nothing listens on this port. */
const nowhere = '127.0.0.1:1'

let directory: string
let env: Record<string, string>
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-doctor-services-'))
  env = { NODE_ENV: 'development', PORT: '0', VALETKEY_DATA_DIR: directory }
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describe('doctor, with a replica', () => {
  let primary: PostgresServer
  let standby: PostgresServer
  beforeAll(async () => {
    primary = await startPostgresServer()
    standby = await primary.startStandby()
  })
  afterAll(async () => {
    await standby.stop()
    await primary.stop()
  })

  const found = async (replica: string) => {
    const result = await doctor({ ...env, DATABASE_URL: primary.url('postgres'), DATABASE_REPLICA_URL: replica })
    return { code: result.code, line: result.of('replica').join(), fix: result.fixOf('replica').join() }
  }

  it('finds nothing wrong with a standby that follows the primary', async () => {
    await expect
      .poll(() => found(standby.url('postgres')), { interval: 500 })
      .toMatchObject({ code: 0, line: expect.stringMatching(/^ok: It is at most \S+ ms behind\.$/) })
  })

  it('warns of a standby that is behind, and of one that does not answer', async () => {
    const [onStandby, onPrimary] = [standby, primary].map((server) =>
      connectServer({ connectionString: server.url('postgres'), max: 1 }, () => {}),
    )
    if (!onStandby || !onPrimary) throw new Error('There are two servers.')
    try {
      await sql`select pg_wal_replay_pause()`.execute(onStandby)
      await sql`create table written_meanwhile ()`.execute(onPrimary)
      const late = await found(standby.url('postgres'))
      expect(late).toMatchObject({ code: 0, fix: 'Check the replication of the standby.' })
      expect(late.line).toBe('warning: It is more than 5 s behind: lists are read from the primary.')
      await sql`select pg_wal_replay_resume()`.execute(onStandby)
    } finally {
      await Promise.all([onStandby.destroy(), onPrimary.destroy()])
    }
    const silent = await found(`postgres://postgres@${nowhere}/postgres`)
    expect(silent).toMatchObject({ code: 0, fix: 'Check that it runs, and that host, name and password are correct.' })
    expect(silent.line).toMatch(/^warning: DATABASE_REPLICA_URL does not answer \(.*ECONNREFUSED/)
  })

  it('warns of a Postgres whose autovacuum is off', async () => {
    const db = connectServer({ connectionString: primary.url('postgres'), max: 1 }, () => {})
    const maintenance = async () => {
      const { code, of, fixOf } = await doctor({ ...env, DATABASE_URL: primary.url('postgres') })
      return { code, line: of('maintenance').join(), fix: fixOf('maintenance').join() }
    }
    try {
      expect((await maintenance()).line).toBe('ok: Autovacuum is on.')
      for (const setting of ['autovacuum', 'track_counts']) {
        await sql.raw(`alter system set ${setting} = off`).execute(db)
        await sql`select pg_reload_conf()`.execute(db)
        await expect.poll(maintenance).toEqual({
          code: 0,
          line: 'warning: Autovacuum is off, so that tables grow and calls become slower.',
          fix: 'Set autovacuum and track_counts of the Postgres server to on, and reload it.',
        })
        await sql.raw(`alter system reset ${setting}`).execute(db)
        await sql`select pg_reload_conf()`.execute(db)
      }
    } finally {
      await db.destroy()
    }
  })

  it('reports a server that is not a standby, or that of another primary', async () => {
    const other = await newPostgresDatabase()
    try {
      for (const url of [primary.url('postgres'), other.location.directUrl ?? other.location.url]) {
        const { code, line, fix } = await found(url)
        expect(code).toBe(1)
        expect(line).toBe('error: DATABASE_REPLICA_URL is not a standby of the database at DATABASE_URL.')
        expect(fix).toBe('Set DATABASE_REPLICA_URL to a streaming standby, or remove it.')
      }
    } finally {
      await other.drop()
    }
  })
})

describe.skipIf(!hasRedis)('doctor, with Redis', () => {
  let redis: RedisServer
  let database: TestDatabase
  beforeAll(async () => {
    redis = await startRedisServer()
    database = await newPostgresDatabase()
  })
  afterAll(async () => {
    await redis.kill()
    await database.drop()
  })

  const found = async (url: string) => {
    const { code, of, fixOf, output } = await doctor({ ...env, ...databaseEnv(database.location), REDIS_URL: url })
    expect(output).not.toContain(redis.password)
    // Without Redis, Postgres carries events.
    expect(code).toBe(0)
    return { line: of('redis').join(), fix: fixOf('redis').join() }
  }

  it('measures the round trip', async () => {
    expect((await found(redis.url)).line).toMatch(/^(?:ok|warning): Round trip .* ms, at most .* ms of 9\.$/)
  })

  it('warns of a wrong password, or of none', async () => {
    const { host } = new URL(redis.url)
    for (const [url, reason] of [
      [`redis://:not-the-password@${host}`, 'WRONGPASS'],
      [`redis://${host}`, 'NOAUTH'],
    ] as const) {
      const { line, fix } = await found(url)
      expect(line).toMatch(
        new RegExp(`^warning: Redis refuses the connection \\(${reason} .*\\): Postgres does the work`),
      )
      expect(fix).toBe('Correct the user and the password in REDIS_URL.')
    }
  })

  it('warns of a server that does not answer', async () => {
    const { line, fix } = await found(`redis://:${redis.password}@${nowhere}`)
    expect(line).toMatch(/^warning: REDIS_URL does not answer \(.*ECONNREFUSED.*\): Postgres does the work of Redis\.$/)
    expect(fix).toBe('Check that it runs, and that host, name and password are correct.')
  })
})

describe('doctor, with a key service', () => {
  const token = 'hvs.token-of-the-engine'
  const account = newServiceAccount('valetkey@p-1.iam.gserviceaccount.com')
  const unprivileged = newServiceAccount('unprivileged@p-1.iam.gserviceaccount.com')
  const standIns: Awaited<ReturnType<typeof serve>>[] = []
  let urls: readonly string[]
  beforeAll(async () => {
    standIns.push(
      await serve(transitEngine(token)),
      await serve(awsKms('AKIDVALETKEY')),
      await serve(googleKms(account)),
    )
    urls = standIns.map(({ url }) => url)
    for (const { email, file } of [account, unprivileged]) await writeFile(join(directory, email), file)
    vi.stubEnv('AWS_REGION', 'eu-central-1')
    vi.stubEnv('AWS_PROFILE', undefined)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-access-key-of-aws')
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    for (const { server } of standIns) {
      server.closeAllConnections()
      server.close()
    }
  })

  interface Settings {
    readonly url?: string
    readonly key?: string
    /** Whether the credential may use the key. */
    readonly permitted?: boolean
  }
  /** The variables of each service. The AWS SDK and Google's library read theirs from the process. */
  const services: Readonly<Record<string, (settings?: Settings) => Record<string, string>>> = {
    'OpenBao or Vault transit': ({ url = urls[0] ?? '', key = 'valetkey', permitted = true } = {}) => ({
      VALETKEY_TRANSIT_KEY: key,
      VAULT_ADDR: url,
      VAULT_TOKEN: permitted ? token : 'hvs.another-token',
    }),
    'AWS KMS': ({ url = urls[1] ?? '', key = 'valetkey', permitted = true } = {}) => {
      vi.stubEnv('AWS_ENDPOINT_URL_KMS', url)
      vi.stubEnv('AWS_ACCESS_KEY_ID', permitted ? 'AKIDVALETKEY' : 'AKIDSTRANGER')
      return { VALETKEY_AWS_KMS_KEY: `alias/${key}` }
    },
    'Google Cloud KMS': ({ url = urls[2] ?? '', key = 'valetkey', permitted = true } = {}) => {
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(directory, (permitted ? account : unprivileged).email))
      return { VALETKEY_GOOGLE_KMS_KEY: googleKeyName(key), VALETKEY_GOOGLE_KMS_ENDPOINT: url }
    },
  }

  describe.each(Object.keys(services))('%s (against a local stand-in)', (name) => {
    let database: TestDatabase
    const variables = (settings?: Settings) => ({
      ...env,
      ...databaseEnv(database.location),
      ...services[name]?.(settings),
    })
    beforeAll(async () => {
      database = await newPostgresDatabase()
      const print = () => {}
      const create = ['api-keys', 'create', '--name', 'first', '--scopes', 'TOOLS_READ']
      expect(await run(create, variables(), print, print)).toBe(0)
    })
    afterAll(() => database.drop())

    const found = async (settings?: Settings) => {
      const { code, of, fixOf, output } = await doctor(variables(settings))
      for (const secret of [token, 'hvs.another-token', 'secret-access-key-of-aws'])
        expect(output).not.toContain(secret)
      return { code, line: of('keys').join(), fix: fixOf('keys').join() }
    }

    it('is ok where it opens the database', async () => {
      const { code, line } = await found()
      expect(line).toMatch(/^ok: The .* key \S*valetkey encrypts and opens what this database holds\.$/)
      expect(code).toBe(0)
    })

    it('is an error without permission', async () => {
      const { code, line, fix } = await found({ permitted: false })
      expect(code).toBe(1)
      expect(line).toMatch(/^error: .*(?: 403 |UnrecognizedClientException|PERMISSION_DENIED)/)
      expect(fix).toMatch(/^Check .*(?:credentials|VAULT_TOKEN)/)
    })

    it('is an error where it does not respond', async () => {
      const { code, line, fix } = await found({ url: `http://${nowhere}` })
      expect(code).toBe(1)
      expect(line).toMatch(/^error: .*(?:does not respond|failed)/)
      expect(fix).toMatch(/^Check .*that this machine can connect to it\.$/)
    })

    it('is an error where the key is another one', async () => {
      const { code, line, fix } = await found({ key: 'another' })
      expect(code).toBe(1)
      expect(line).toMatch(/^error: .* does not unwrap this data key/)
      expect(fix).toMatch(/^Set VALETKEY_\w+ to the key that wrapped it\.$/)
    })
  })
})
