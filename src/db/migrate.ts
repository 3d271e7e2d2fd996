import { readdir, readFile } from 'node:fs/promises'
import { type Kysely, type Migration, type MigrationProvider, Migrator, sql } from 'kysely'
import type { Db } from './database.ts'

const directory = new URL('../../migrations/', import.meta.url)

/** A migration failed. The database is unchanged. */
export class MigrationFailedError extends Error {
  override readonly name = 'MigrationFailedError'

  constructor(migration: string, cause: unknown) {
    super(`The migration ${migration} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Reads `migrations/*.sql` in the order of their names. Plain SQL, so that migrations never depend on current code. */
const sqlFiles: MigrationProvider = {
  async getMigrations() {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
    const migrations = names.map(async (name): Promise<[string, Migration]> => {
      const text = await readFile(new URL(name, directory), 'utf8')
      return [name.replace(/\.sql$/, ''), { up: async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db)) }]
    })
    return Object.fromEntries(await Promise.all(migrations))
  },
}

/**
 * Migrates the database to the newest version, in one transaction under an advisory lock: when several nodes start at
 * once, one migrates and the others wait, without the time limit of statements. Returns the names of the migrations that ran. Throws a
 * {@link MigrationFailedError}.
 */
export async function migrate(db: Db): Promise<readonly string[]> {
  const { error, results = [] } = await db.connection().execute(async (connection) => {
    // On a large database, and when waiting for a node that migrates one, a statement takes longer than others may.
    await sql`set statement_timeout = 0`.execute(connection)
    try {
      return await new Migrator({
        db: connection,
        provider: sqlFiles,
        migrationTableName: 'migrations',
        migrationLockTableName: 'migrations_lock',
      }).migrateToLatest()
    } finally {
      await sql`reset statement_timeout`.execute(connection)
    }
  })
  const failed = results.find((result) => result.status === 'Error')
  if (error !== undefined) throw new MigrationFailedError(failed?.migrationName ?? '(before the first)', error)
  return results.filter((result) => result.status === 'Success').map((result) => result.migrationName)
}
