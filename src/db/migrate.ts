import { readdir, readFile } from 'node:fs/promises'
import { type Kysely, type Migration, Migrator, sql } from 'kysely'
import { migrationsUrl } from '../package-files.ts'
import { DatabaseAbsentError, DatabaseUnusableError, type Db } from './database.ts'

/** A migration failed. The database is unchanged. */
export class MigrationFailedError extends Error {
  override readonly name = 'MigrationFailedError'

  constructor(migration: string, cause: unknown) {
    super(`The migration ${migration} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** A migration: its name and its statements. */
type SqlFile = readonly [name: string, text: string]

/** Reads `migrations/*.sql` in the order of their names. Plain SQL, so that migrations never depend on current code. */
export async function readMigrations(): Promise<readonly SqlFile[]> {
  const names = (await readdir(migrationsUrl)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => [name.replace(/\.sql$/, ''), await readFile(new URL(name, migrationsUrl), 'utf8')]),
  )
}

/**
 * Migrates the database to the newest version, in one transaction under an advisory lock: when several nodes start at
 * once, one migrates and the others wait, without the time limit of statements. Returns the names of the migrations that ran.
 * Throws a {@link MigrationFailedError}, or a {@link DatabaseUnusableError} for a database of a newer release.
 */
export async function migrate(db: Db): Promise<readonly string[]> {
  const migrations = await readMigrations()
  const { ran, newer } = await compareMigrations(db, migrations)
  if (newer.length > 0) {
    throw new DatabaseUnusableError(
      `The database was migrated by a newer release of Valetkey: this one does not have the migration ${newer.join(', ')}. Start that release or a newer one. A database cannot be migrated back.`,
    )
  }
  if (ran?.length === migrations.length) return []
  const { error, results = [] } = await db.connection().execute(async (connection) => {
    // On a large database, and when waiting for a node that migrates one, a statement takes longer than others may.
    await sql`set statement_timeout = 0`.execute(connection)
    try {
      return await new Migrator({
        db: connection,
        provider: { getMigrations: async () => Object.fromEntries(migrations.map(toKysely)) },
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

/** Throws a {@link DatabaseUnusableError} for a database that lacks migrations of this release, and changes nothing. */
export async function requireMigrated(db: Db): Promise<void> {
  const { ran, pending } = await compareMigrations(db, await readMigrations())
  if (ran === null)
    throw new DatabaseAbsentError(
      'The database does not belong to Valetkey: it has no migrations. Set DATABASE_URL to the database of the server, or start the server once to create it.',
    )
  if (pending.length > 0)
    throw new DatabaseUnusableError(
      `The database lacks migrations of this release: ${pending.join(', ')}. Start the server of this release, which runs them.`,
    )
}

/** Returns which migrations a database has (null: it is empty), which it lacks, and which only a newer release has. */
export async function compareMigrations(
  db: Db,
  migrations: readonly SqlFile[],
): Promise<{
  readonly ran: readonly string[] | null
  readonly pending: readonly string[]
  readonly newer: readonly string[]
}> {
  const ran = await ranMigrations(db)
  const known = migrations.map(([name]) => name)
  return {
    ran,
    pending: known.filter((name) => ran?.includes(name) !== true),
    newer: ran?.filter((name) => !known.includes(name)) ?? [],
  }
}

const toKysely = ([name, text]: SqlFile): [string, Migration] => [
  name,
  { up: async (db: Kysely<unknown>) => void (await sql.raw(text).execute(db)) },
]

/**
 * Returns the names of the migrations that the database has, null for an empty database. kysely reads the catalogue several
 * times to find out. What fails here fails again in kysely, which reports it.
 */
async function ranMigrations(db: Db): Promise<readonly string[] | null> {
  return sql<{ name: string }>`select name from migrations`.execute(db).then(
    ({ rows }) => rows.map(({ name }) => name),
    () => null,
  )
}
