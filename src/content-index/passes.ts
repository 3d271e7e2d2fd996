import { sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import { currentTime } from '../db/time.ts'
import { bytesOfEnvironment, heldBy, type IndexLease, type IndexLimits, withLease } from './index-rows.ts'
import { pauseOf } from './pace.ts'

/** Listing the pages of a grant: all of them, or those edited since the pass before. */
export interface Pass {
  readonly kind: 'full' | 'recent'
  /** The provider's cursor; null at the start. */
  readonly cursor: string | null
  readonly startedAt: Date
}

/** How often pages are listed, in milliseconds. Pages of unused indexes are listed less often (`pace.ts`). */
export interface PassTiming {
  /** The pause between two passes over those that were edited since. */
  readonly recentEveryMs: number
  /** The pause between two passes over all pages. */
  readonly fullEveryMs: number
}

/**
 * Returns the pass in progress, or begins the one that is due. Null when none is. A full pass that was asked for replaces
 * a pass over recent edits.
 */
export async function currentPass(
  db: Db,
  lease: IndexLease,
  timing: PassTiming,
  limits: IndexLimits,
): Promise<Pass | null> {
  return withLease(db, lease, async (trx) => {
    const row = await trx
      .selectFrom('content_indexes')
      .select(['pass', 'pass_cursor', 'pass_started_at', 'last_completed_at', 'bytes', 'documents', 'floor_edited_at'])
      .select(sql<Date>`clock_timestamp()`.as('now'))
      .select(sql<boolean>`next_full_at <= clock_timestamp()`.as('full_due'))
      .select(
        sql<boolean>`listed_through is null or listed_through <= ${currentTime} - ${pauseOf(timing.recentEveryMs)}`.as(
          'recent_due',
        ),
      )
      .where(heldBy(lease))
      .executeTakeFirstOrThrow()
    if (row.pass !== null && row.pass_started_at !== null && !(row.pass === 'recent' && row.full_due)) {
      return { kind: row.pass, cursor: row.pass_cursor, startedAt: row.pass_started_at }
    }
    const kind = row.full_due || row.last_completed_at === null ? 'full' : row.recent_due ? 'recent' : null
    if (kind === null) return null
    const hasRoom =
      row.floor_edited_at !== null &&
      kind === 'full' &&
      row.documents < limits.documentsPerGrant * roomShare &&
      row.bytes < limits.bytesPerGrant * roomShare &&
      (await bytesOfEnvironment(trx, lease)) < limits.bytesPerEnvironment * roomShare
    await trx
      .updateTable('content_indexes')
      .set({
        pass: kind,
        pass_cursor: null,
        pass_started_at: row.now,
        listed: 0,
        ...(hasRoom && { floor_edited_at: null }),
      })
      .where(heldBy(lease))
      .execute()
    return { kind, cursor: null, startedAt: row.now }
  })
}

/** Older pages are indexed again when an index that was full has come below this share of its limit. */
const roomShare = 0.8

/** Records that a list was processed: which of its objects were proven by it, and where the next one begins. */
export async function advancePass(
  db: Db,
  lease: IndexLease,
  pass: Pass,
  list: {
    readonly provenAt: Date
    readonly objectIds: readonly string[]
    /** Null: it was the last one, which completes the pass. */
    readonly next: string | null
  },
  timing: PassTiming,
): Promise<void> {
  await withLease(db, lease, async (trx) => {
    await trx
      .updateTable('content_documents')
      .set({ proven_at: list.provenAt })
      .where('environment_id', '=', lease.environmentId)
      .where('index_id', '=', lease.indexId)
      .where(sql<boolean>`object_id = any (${[...list.objectIds]}::text[])`)
      .where('proven_at', '<', list.provenAt)
      .execute()
    await trx
      .updateTable('content_indexes')
      .set((eb) => ({ pass_cursor: list.next, listed: eb('listed', '+', list.objectIds.length) }))
      .where(heldBy(lease))
      .execute()
    if (list.next === null) await completePass(trx, lease, pass, timing)
  })
}

async function completePass(trx: Trx, lease: IndexLease, pass: Pass, timing: PassTiming): Promise<void> {
  const ended = { pass: null, pass_cursor: null, pass_started_at: null, listed_through: pass.startedAt }
  if (pass.kind === 'recent') {
    await trx.updateTable('content_indexes').set(ended).where(heldBy(lease)).execute()
    return
  }
  await trx
    .updateTable('content_indexes')
    .set((eb) => ({
      ...ended,
      pages: eb.ref('listed'),
      last_completed_at: currentTime,
      // Not when another one was asked for since it began.
      next_full_at: sql<Date>`case when next_full_at <= ${pass.startedAt}::timestamptz + interval '1 millisecond'
        then ${pass.startedAt}::timestamptz + ${pauseOf(timing.fullEveryMs)} else next_full_at end`,
    }))
    .where(heldBy(lease))
    .execute()
  // What was not listed is asked for one by one: lists of the provider can lack pages for some minutes.
  await sql`
    insert into content_changes (index_id, object_id, environment_id)
    select index_id, object_id, environment_id from content_documents
    where environment_id = ${lease.environmentId} and index_id = ${lease.indexId} and proven_at < ${pass.startedAt}
    on conflict (environment_id, index_id, object_id) do nothing
  `.execute(trx)
}
