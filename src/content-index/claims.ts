import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { heldBy, type IndexLease, indexesWithChanges, withLease } from './index-rows.ts'
import { pauseOf } from './pace.ts'

/** What a node works on. */
export interface ClaimedIndex extends IndexLease {
  readonly sealedKey: string | null
  readonly failures: number
}

/**
 * Claims indexes that are due, or that have changes to read. Nodes that claim at the same time get different ones. The
 * caller releases each with {@link releaseIndex}.
 */
export async function claimIndexes(
  db: Db,
  limit: number,
  { nodeId, leaseMs }: { readonly nodeId: string; readonly leaseMs: number },
): Promise<readonly ClaimedIndex[]> {
  // Each part by its own index; those of the second may be claimed or paused.
  const found = sql<readonly string[]>`array (
    (select id from content_indexes where next_at <= now() order by next_at limit ${limit * 4})
    union
    (select id from (${indexesWithChanges}) as changed)
  )`
  const due = db
    .selectFrom('content_indexes')
    .select('id')
    .where(sql<boolean>`id = any (${found})`)
    .where((eb) => eb.or([eb('paused_until', 'is', null), eb('paused_until', '<=', currentTime)]))
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', currentTime)]))
    // As an expression: by the column, Postgres would go through all indexes in this order until it meets one of these.
    .orderBy(sql`next_at + interval '0'`)
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .updateTable('content_indexes')
    .set((eb) => ({
      lease_owner: nodeId,
      lease_until: inSeconds(leaseMs / 1000),
      // Due again after a crash; its holder sets when otherwise.
      next_at: inSeconds(leaseMs / 1000),
      fence: eb('fence', '+', 1),
    }))
    .where('id', 'in', due)
    .returning(['id', 'environment_id', 'grant_id', 'fence', 'sealed_key', 'failures'])
    .execute()
  return rows.map((row) => ({
    indexId: row.id,
    environmentId: row.environment_id,
    grantId: row.grant_id,
    fence: row.fence,
    leaseMs,
    sealedKey: row.sealed_key,
    failures: row.failures,
  }))
}

/**
 * Ends the lease, if this holder still has it. The index is due again after `inMs`, which is longer for an unused one, and after
 * `pausedMs`. `failed` delays the next one after each failure in a row.
 */
export async function releaseIndex(
  db: Db,
  lease: IndexLease,
  next: { readonly inMs: number; readonly pausedMs: number; readonly failed: boolean },
): Promise<void> {
  await db
    .updateTable('content_indexes')
    .set((eb) => ({
      lease_owner: null,
      lease_until: null,
      next_at: sql<Date>`greatest(${currentTime} + ${pauseOf(next.inMs)}, ${inSeconds(next.pausedMs / 1000)})`,
      paused_until: next.pausedMs > 0 ? inSeconds(next.pausedMs / 1000) : null,
      failures: next.failed ? eb('failures', '+', 1) : 0,
    }))
    .where(heldBy(lease))
    .execute()
}

/** Deletes an index that must not be: its grant or OAuth app does not have one any more. */
export async function deleteIndex(db: Db, lease: IndexLease): Promise<void> {
  await db.deleteFrom('content_indexes').where(heldBy(lease)).execute()
}

/** Stores the key of an index that has none. */
export async function storeKey(db: Db, lease: IndexLease, sealedKey: string): Promise<void> {
  await withLease(db, lease, async (trx) => {
    await trx.updateTable('content_indexes').set({ sealed_key: sealedKey }).where(heldBy(lease)).execute()
  })
}
