import { type ExpressionBuilder, sql } from 'kysely'
import type { Db, Trx } from '../db/database.ts'
import type { Tables } from '../db/tables.ts'
import { inSeconds } from '../db/time.ts'

/** How large indexes become. Beyond it, what was edited the longest ago is left out. */
export interface IndexLimits {
  readonly documentsPerGrant: number
  readonly bytesPerGrant: number
  readonly bytesPerEnvironment: number
}

/** The limits in production: 20,000 pages and 256 MiB for each grant, 4 GiB for each environment. */
export const defaultIndexLimits: IndexLimits = {
  documentsPerGrant: 20_000,
  bytesPerGrant: 256 * 1024 * 1024,
  bytesPerEnvironment: 4 * 1024 * 1024 * 1024,
}

/** An index, by values that the caller knows. */
export interface IndexKeyColumns {
  readonly indexId: string
  readonly environmentId: string
  readonly grantId: string
}

/** The right to write an index until it ends or another node takes it over. */
export interface IndexLease extends IndexKeyColumns {
  readonly fence: number
  readonly leaseMs: number
}

/** Another node has taken over the index, or its grant has ended. Nothing was written. */
export class IndexLeaseLostError extends Error {
  override readonly name = 'IndexLeaseLostError'

  constructor() {
    super('The index was taken over by another node, or its grant has ended.')
  }
}

/** Runs work in a transaction that locks the row of an index. Returns null when there is none. */
export async function withIndex<Result>(
  db: Db,
  index: IndexKeyColumns,
  work: (trx: Trx) => Promise<Result>,
): Promise<Result | null> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('content_indexes')
      .select('id')
      .where(isRowOf(index))
      .forUpdate()
      .executeTakeFirst()
    return row ? work(trx) : null
  })
}

/** Runs work in a transaction that holds the lease, and extends it. Throws {@link IndexLeaseLostError}. */
export async function withLease<Result>(
  db: Db,
  lease: IndexLease,
  work: (trx: Trx) => Promise<Result>,
): Promise<Result> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('content_indexes')
      .set({ lease_until: inSeconds(lease.leaseMs / 1000) })
      .where(heldBy(lease))
      .returning('id')
      .executeTakeFirst()
    if (!row) throw new IndexLeaseLostError()
    return work(trx)
  })
}

/** True for the row of an index. */
export const isRowOf =
  ({ indexId, environmentId, grantId }: IndexKeyColumns) =>
  (eb: ExpressionBuilder<Tables, 'content_indexes'>) =>
    eb.and([eb('environment_id', '=', environmentId), eb('grant_id', '=', grantId), eb('id', '=', indexId)])

/** True for the row of an index while the lease is the newest one of it. */
export const heldBy = (lease: IndexLease) => (eb: ExpressionBuilder<Tables, 'content_indexes'>) =>
  eb.and([isRowOf(lease)(eb), eb('fence', '=', lease.fence)])

/** Returns the bytes that the indexes of an environment have together. */
export async function bytesOfEnvironment(trx: Trx, { environmentId }: IndexLease): Promise<number> {
  const { bytes } = await trx
    .selectFrom('content_indexes')
    .select(sql<number>`coalesce(sum(bytes), 0)::bigint`.as('bytes'))
    .where('environment_id', '=', environmentId)
    .executeTakeFirstOrThrow()
  return bytes
}

/** Counts what an index holds, and stores it with the index. */
export async function recount(trx: Trx, { indexId, environmentId }: IndexKeyColumns): Promise<void> {
  const counted = trx
    .selectFrom('content_documents')
    .select((eb) => [
      eb.fn.countAll<number>().as('documents'),
      sql<number>`coalesce(sum(bytes), 0)::bigint`.as('bytes'),
    ])
    .where('environment_id', '=', environmentId)
    .where('index_id', '=', indexId)
  const { documents, bytes } = await counted.executeTakeFirstOrThrow()
  await trx
    .updateTable('content_indexes')
    .set({ documents, bytes })
    .where('environment_id', '=', environmentId)
    .where('id', '=', indexId)
    .execute()
}

/** Reports objects of indexes as changed, so that they are read again. An empty ID: all are to be listed again. */
export async function noteChanges(
  db: Db,
  { environmentId, grantIds }: { readonly environmentId: string; readonly grantIds: readonly string[] },
  objectIds: readonly string[],
): Promise<void> {
  if (objectIds.length === 0 || grantIds.length === 0) return
  await sql`
    insert into content_changes (index_id, object_id, environment_id)
    select content_indexes.id, object_id, content_indexes.environment_id
    from content_indexes, unnest(${[...new Set(objectIds)]}::text[]) as object_id
    where content_indexes.environment_id = ${environmentId} and content_indexes.grant_id = any (${grantIds}::uuid[])
    order by content_indexes.id, object_id
    on conflict (environment_id, index_id, object_id)
    do update set revision = content_changes.revision + 1, noted_at = clock_timestamp()
  `.execute(db)
}

/** Below the id of any index. */
const beforeAllIds = '00000000-0000-0000-0000-000000000000'

/**
 * The keys of indexes that have changes, as a query of (environment_id, id). It goes from one index to the next, as an index
 * may have thousands of changes. Those of erased indexes are among them until they are swept.
 */
export const indexesWithChanges = sql<string>`
  with recursive changed (environment_id, id) as (
    select ${beforeAllIds}::uuid, ${beforeAllIds}::uuid
    union all
    select following.environment_id, following.index_id
    from changed cross join lateral (
      select environment_id, index_id from content_changes
      where (environment_id, index_id) > (changed.environment_id, changed.id)
      order by environment_id, index_id limit 1
    ) as following
  )
  select environment_id, id from changed where id > ${beforeAllIds}::uuid
`
