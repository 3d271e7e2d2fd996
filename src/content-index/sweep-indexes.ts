import { type RawBuilder, sql } from 'kysely'
import { type Loop, type LoopOptions, startLoop } from '../background.ts'
import type { Db } from '../db/database.ts'
import type { Notifications } from '../db/notifications.ts'
import { indexesWithChanges } from './index-rows.ts'

/** Documents that one statement deletes, and indexes that one statement creates or one sweep waits for. */
const batchSize = 500

/**
 * Deletes what erased indexes have left, in batches, and then creates indexes that are missing. Several nodes may do so at once.
 * Ends early when the signal is aborted.
 */
export async function sweepIndexes(db: Db, signal?: AbortSignal): Promise<void> {
  const erased = await db
    .selectFrom('erased_content_indexes')
    .select(['environment_id', 'id'])
    .limit(batchSize)
    .execute()
  for (const { environment_id, id } of erased) {
    const ofIndex = sql<boolean>`environment_id = ${environment_id} and index_id = ${id}`
    for (let deleted = batchSize; deleted === batchSize; ) {
      if (signal?.aborted) return
      const { numAffectedRows } = await sql`
        delete from content_documents where ${ofIndex} and object_id = any (array (
          select object_id from content_documents where ${ofIndex} limit ${batchSize} for update skip locked
        ))
      `.execute(db)
      deleted = Number(numAffectedRows)
    }
    await db.deleteFrom('content_segments').where(ofIndex).execute()
    await db
      .deleteFrom('erased_content_indexes')
      .where('environment_id', '=', environment_id)
      .where('id', '=', id)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('content_documents').select('object_id').where(ofIndex))),
      )
      .execute()
  }
  // Asks for each by its id: for `not exists`, Postgres would read all indexes.
  await sql`
    delete from content_changes using (
      select environment_id, id from (${indexesWithChanges}) as changed
      where (
        select true from content_indexes
        where content_indexes.environment_id = changed.environment_id and content_indexes.id = changed.id
      ) is null
    ) as erased
    where content_changes.environment_id = erased.environment_id and content_changes.index_id = erased.id
  `.execute(db)
  // Last: it may wait for locks, which must not keep content from being deleted.
  await createMissingIndexes(db, signal)
}

/**
 * Creates indexes of active grants without one: their OAuth app may have switched indexes on while they became active or were
 * locked. Those that are locked now are waited for one by one, while nothing else is locked.
 */
async function createMissingIndexes(db: Db, signal?: AbortSignal): Promise<void> {
  const missing = sql`
    from grants
    join oauth_apps on oauth_apps.environment_id = grants.environment_id and oauth_apps.id = grants.oauth_app_id
    where oauth_apps.content_search and grants.status = 'active'
      and not exists (
        select from content_indexes
        where content_indexes.environment_id = grants.environment_id and content_indexes.grant_id = grants.id
      )`
  // Locked, so that no one ends a grant meanwhile.
  const create = (what: RawBuilder<unknown>) =>
    sql`
      insert into content_indexes (environment_id, grant_id) select grants.environment_id, grants.id ${missing} ${what}
      on conflict (environment_id, grant_id) do nothing
    `.execute(db)
  for (let created = batchSize; created === batchSize && !signal?.aborted; ) {
    const { numAffectedRows } = await create(sql`limit ${batchSize} for share of grants skip locked`)
    created = Number(numAffectedRows)
  }
  const { rows: locked } = await sql<{ id: string }>`select grants.id ${missing} limit ${batchSize}`.execute(db)
  for (const { id } of locked) {
    if (signal?.aborted) return
    await create(sql`and grants.id = ${id} for share of grants`)
  }
}

/**
 * Sweeps now, after each pause, and when an OAuth app has switched indexes on, until stopped. `stop` waits for the batch in
 * progress.
 */
export async function startIndexSweeper(
  db: Db,
  {
    notifications,
    everyMs,
    ...measured
  }: Pick<LoopOptions<unknown>, 'everyMs' | 'log' | 'measure'> & { readonly notifications: Notifications },
): Promise<Pick<Loop<unknown>, 'stop'>> {
  const loop = startLoop({
    ...measured,
    name: 'sweeping content indexes',
    everyMs,
    jitter: 0.25,
    immediately: true,
    run: (signal) => sweepIndexes(db, signal),
  })
  // By the trigger of the migration.
  const stopListening = await notifications.listen('valetkey_missing_indexes', {
    onMessage: loop.wake,
    onGap: loop.wake,
  })
  return {
    async stop() {
      await stopListening()
      await loop.stop()
    },
  }
}
