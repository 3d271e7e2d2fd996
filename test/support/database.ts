import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { type Database, openDatabase, type ServerLocation } from '../../src/db/database.ts'
import { createFromSnapshot } from '../../src/db/embedded-snapshot.ts'
import { migrate } from '../../src/db/migrate.ts'
import { throughPooler } from './pgbouncer.ts'

const ignore = () => {}

/** An empty database of the test's own: where it is, and how to remove it. */
export interface TestDatabase {
  readonly location: ServerLocation
  drop(): Promise<void>
}

/** A new database on the run's real Postgres. Tests about locks, races and several nodes take this one. */
export async function newPostgresDatabase(maxConnections = 10): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `valetkey_test_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await admin(`create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const pooler = inject('poolerUrl')
  const location: ServerLocation =
    pooler === null
      ? { kind: 'server', url: url.href, maxConnections }
      : { kind: 'server', url: throughPooler(url.href, pooler), directUrl: url.href, maxConnections }
  return {
    location,
    drop: () => admin(`drop database if exists ${name} with (force)`),
  }
}

/** The configuration of a process that uses a database. */
export const databaseEnv = ({ url, directUrl }: ServerLocation) => ({
  DATABASE_URL: url,
  ...(directUrl != null && { DATABASE_DIRECT_URL: directUrl }),
})

/** A migrated database of the test's own, closed and removed by `close`. `embedded` is PGlite on a copy of the snapshot. */
export async function freshDatabase(kind: 'embedded' | 'postgres' = 'postgres'): Promise<Database> {
  if (kind === 'embedded') {
    const parent = await mkdtemp(join(tmpdir(), 'valetkey-database-'))
    const directory = join(parent, 'database')
    await createFromSnapshot(directory)
    const database = await openDatabase({ kind: 'embedded', directory }, ignore)
    await migrate(database.db)
    return {
      ...database,
      close: async () => {
        await database.close()
        await rm(parent, { recursive: true, force: true })
      },
    }
  }
  const { location, drop } = await newPostgresDatabase()
  const database = await openDatabase(location, ignore)
  await database.withSession(migrate)
  return {
    ...database,
    close: async () => {
      await database.close()
      await drop()
    },
  }
}
