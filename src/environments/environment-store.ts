import { type Actor, recordAudit, systemActor } from '../audit/audit-log.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import { isConflict } from '../db/errors.ts'
import { currentTime } from '../db/time.ts'
import { checkInput, inputRules } from '../input-rules.ts'

/** An isolated tenant. */
export interface Environment {
  readonly id: string
  readonly name: string
}

/** The environment that each server has. Its ADMIN keys belong to the operator, who may read what covers all tenants. */
export const operatorEnvironment = 'default'

/**
 * Returns the environment of this name. Creates it when it does not exist, also when other nodes do so at the same time, and
 * records that in the audit log.
 * Throws InvalidInputError.
 */
export async function ensureEnvironment(db: Db, name: string, actor: Actor = systemActor): Promise<Environment> {
  checkInput(inputRules.environmentName, name, ['environment'])
  const find = () => db.selectFrom('environments').select(['id', 'name']).where('name', '=', name)
  const existing = await find().executeTakeFirst()
  if (existing) return existing
  const inserted = await db.transaction().execute(async (trx) => {
    const created = await trx
      .insertInto('environments')
      .values({ name })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning(['id', 'name'])
      .executeTakeFirst()
    if (created) {
      const { id: environmentId } = created
      const target = `Environment:${environmentId}`
      await recordAudit(trx, actor, { environmentId, action: 'environment.created', target, after: { name } })
    }
    return created
  })
  return inserted ?? (await find().executeTakeFirstOrThrow())
}

/** Returns the id of the environment of this name, or null. */
export async function findEnvironmentId(db: Db, name: string): Promise<string | null> {
  const row = await db.selectFrom('environments').select('id').where('name', '=', name).executeTakeFirst()
  return row?.id ?? null
}

/** Returns the names of all environments, in their order. */
export async function listEnvironmentNames(db: Db): Promise<readonly string[]> {
  const rows = await db.selectFrom('environments').select('name').orderBy('name').execute()
  return rows.map(({ name }) => name)
}

/** How often a deletion begins again that Postgres ended for the work of others. */
const maxAttempts = 10

/**
 * Deletes an environment and everything in it, large tables in batches. Its API keys come first, so that callers add
 * nothing meanwhile. When it fails on the way, the rest is there, and another call deletes it. Its audit log stays.
 */
export async function deleteEnvironment(db: Db, id: string, actor: Actor = systemActor): Promise<void> {
  const act = { environmentId: id, target: `Environment:${id}` }
  const { name } = await db.transaction().execute(async (trx) => {
    const environment = await trx
      .selectFrom('environments')
      .select('name')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    await trx.deleteFrom('api_keys').where('environment_id', '=', id).execute()
    // Nothing is queued for disabled endpoints, so that the deletions below are not reported.
    await trx
      .updateTable('webhook_endpoints')
      .set({ disabled_at: currentTime })
      .where('environment_id', '=', id)
      .execute()
    await recordAudit(trx, actor, { ...act, action: 'environment.deletion_started', before: environment })
    return environment
  })
  const deleteRest = async () => {
    // Accounts refer to grants, and calls to accounts.
    const tables = ['provider_events', 'webhook_deliveries', 'tool_executions', 'connected_accounts', 'grants'] as const
    for (const table of tables)
      await deleteInBatches(db, table, 'id', db.selectFrom(table).select('id').where('environment_id', '=', id))
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('environments').where('id', '=', id).execute()
      await recordAudit(trx, actor, { ...act, action: 'environment.deleted', before: { name } })
    })
  }
  // Work that holds a row of the environment may need to refer to it before it ends: Postgres then ends one of the two.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await deleteRest()
    } catch (error) {
      if (!isConflict(error) || attempt === maxAttempts) throw error
    }
  }
}
