import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { claimIndexes, releaseIndex, storeKey } from '../../src/content-index/claims.ts'
import { indexKeyContext, newIndexKey } from '../../src/content-index/index-key.ts'
import { defaultIndexLimits, type IndexLease } from '../../src/content-index/index-rows.ts'
import { advancePass, currentPass } from '../../src/content-index/passes.ts'
import { type IndexedApp, search, startIndexed, vaultOf } from './support.ts'

const hour = 3_600_000
const timing = { recentEveryMs: hour, fullEveryMs: 10 * hour }

let app: IndexedApp
beforeAll(async () => {
  app = await startIndexed({ crawlTiming: null })
  await app.connect('user')
})
afterAll(() => app.stop())

/** The hours until an index is due, and until its next full pass. */
async function dueIn(): Promise<{ readonly next: number; readonly full: number }> {
  const { rows } = await sql<{ next: number; full: number }>`
    select round(extract(epoch from next_at - now()) / 3600)::int as next,
      round(extract(epoch from next_full_at - now()) / 3600)::int as full from content_indexes`.execute(app.db)
  return rows[0] ?? { next: Number.NaN, full: Number.NaN }
}

async function claim(): Promise<IndexLease> {
  const [lease] = await claimIndexes(app.db, 1, { nodeId: 'test', leaseMs: hour })
  if (lease === undefined) throw new Error('No index is due.')
  return lease
}

/** Completes the pass that is due, and returns its kind; null where none is. */
async function pass(lease: IndexLease): Promise<string | null> {
  const due = await currentPass(app.db, lease, timing, defaultIndexLimits)
  const whole = { provenAt: new Date(), objectIds: [], next: null }
  if (due !== null) await advancePass(app.db, lease, due, whole, timing)
  return due?.kind ?? null
}

const release = (lease: IndexLease) =>
  releaseIndex(app.db, lease, { inMs: timing.recentEveryMs, pausedMs: 0, failed: false })

const lastSearchedAt = async () =>
  (await sql<{ at: Date | null }>`select last_searched_at as at from content_indexes`.execute(app.db)).rows[0]?.at

/** As if so many hours had passed since. */
const age = (column: string, hours: number) =>
  sql`update content_indexes set ${sql.ref(column)} = now() - make_interval(hours => ${hours}::int)`.execute(app.db)

it('an index is compared with Notion a fifteenth as often when no one has searched it for a day, and at once when someone does', async () => {
  const fresh = await claim()
  const vault = await vaultOf(app)
  await storeKey(app.db, fresh, await vault.seal(newIndexKey(), indexKeyContext(fresh)))
  vault.close()
  expect(await pass(fresh)).toBe('full')
  await release(fresh)
  expect(await dueIn()).toEqual({ next: 1, full: 10 })

  await age('created_at', 48)
  await age('next_at', 0)
  await age('next_full_at', 0)
  const unused = await claim()
  expect(await pass(unused)).toBe('full')
  await age('listed_through', 10)
  expect(await pass(unused)).toBeNull()
  await release(unused)
  expect(await dueIn()).toEqual({ next: 15, full: 150 })

  await search(app, { query: 'roadmap' })
  expect(await dueIn()).toEqual({ next: 0, full: 0 })
  const used = await claim()
  expect(await pass(used)).toBe('full')
  await age('listed_through', 2)
  expect(await pass(used)).toBe('recent')
  await release(used)
  expect(await dueIn()).toEqual({ next: 1, full: 10 })
})

it('searches of an hour write one time, and change nothing where others did not long ago', async () => {
  const before = await lastSearchedAt()
  await search(app, { query: 'roadmap' })
  expect(await lastSearchedAt()).toEqual(before)
  await age('last_searched_at', 2)
  const times = () => sql`select next_at, next_full_at from content_indexes`.execute(app.db)
  const { rows: due } = await times()
  await search(app, { query: 'roadmap' })
  expect((await lastSearchedAt())?.getTime()).toBeGreaterThanOrEqual(before?.getTime() ?? Number.NaN)
  expect((await times()).rows).toEqual(due)
})

it('a search does not wait for the crawler, which has locked the index', async () => {
  await age('last_searched_at', 2)
  const before = await lastSearchedAt()
  await app.db.transaction().execute(async (trx) => {
    await trx.selectFrom('content_indexes').select('id').forUpdate().execute()
    await search(app, { query: 'roadmap' })
  })
  expect(await lastSearchedAt()).toEqual(before)
})
