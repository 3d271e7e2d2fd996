import { sql } from 'kysely'
import type { Db } from './database.ts'

/** The tables that nodes of release 0.1 insert into with a constraint as the target. */
const tables = ['api_keys', 'connected_accounts', 'idempotency_keys']

/**
 * Returns the constraints that only nodes of an earlier release need, by name: those whose first column is not the environment.
 * Migrations leave them in a database that is in use, because such nodes name them in their statements while an upgrade takes
 * place.
 */
export async function constraintsOfEarlierReleases(db: Db): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select found.conname as name from pg_constraint found
    join pg_class on pg_class.oid = found.conrelid and relname = any (${tables}::text[])
    join pg_attribute environment on environment.attrelid = found.conrelid and environment.attname = 'environment_id'
    where found.connamespace = current_schema()::regnamespace and found.contype in ('p', 'u')
      and found.conkey[1] <> environment.attnum
    order by name`.execute(db)
  return rows.map(({ name }) => name)
}

/**
 * Drops {@link constraintsOfEarlierReleases} and returns their names. From then on nodes of these releases cannot create accounts
 * or record writes. Each table is locked for an instant.
 */
export async function finishUpgrade(db: Db): Promise<readonly string[]> {
  const names = await constraintsOfEarlierReleases(db)
  if (names.length > 0) await sql`select drop_constraints_of_release_0_1()`.execute(db)
  return names
}
