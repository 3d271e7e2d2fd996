import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import { checkInput, inputRules } from '../input-rules.ts'

/** An isolated tenant. */
export interface Environment {
  readonly id: string
  readonly name: string
}

/**
 * Returns the environment of this name and creates it when it does not exist, also when other nodes do so at the same time.
 * Throws InvalidInputError.
 */
export async function ensureEnvironment(db: Db, name: string): Promise<Environment> {
  checkInput(inputRules.environmentName, name, ['environment'])
  const inserted = await db
    .insertInto('environments')
    .values({ name })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning(['id', 'name'])
    .executeTakeFirst()
  return (
    inserted ??
    (await db.selectFrom('environments').select(['id', 'name']).where('name', '=', name).executeTakeFirstOrThrow())
  )
}

/** Returns the id of the environment of this name, or null. */
export async function findEnvironmentId(db: Db, name: string): Promise<string | null> {
  const row = await db.selectFrom('environments').select('id').where('name', '=', name).executeTakeFirst()
  return row?.id ?? null
}

/**
 * Deletes an environment and everything in it, large tables in batches. Its API keys come first, so that callers add
 * nothing meanwhile. When it fails on the way, the rest is there, and another call deletes it.
 */
export async function deleteEnvironment(db: Db, id: string): Promise<void> {
  await db.deleteFrom('api_keys').where('environment_id', '=', id).execute()
  // Accounts refer to grants, and calls to accounts.
  for (const table of ['tool_executions', 'connected_accounts', 'grants'] as const)
    await deleteInBatches(db, table, 'id', db.selectFrom(table).select('id').where('environment_id', '=', id))
  await db.deleteFrom('environments').where('id', '=', id).execute()
}
