import { sql } from 'kysely'
import type { Db } from '../db/database.ts'

/** Counts what operators watch, over all environments: accounts by status, revocations that wait, rejected OAuth apps. */
export async function observeState(db: Db) {
  const [accounts, revocations, apps] = await Promise.all([
    db
      .selectFrom('connected_accounts')
      .select(['status', (eb) => eb.fn.countAll<number>().as('count')])
      .groupBy('status')
      .execute(),
    db
      .selectFrom('revocation_outbox')
      .select((eb) => [
        eb.fn.countAll<number>().as('waiting'),
        sql<number>`coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8`.as('oldest_seconds'),
      ])
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('oauth_apps')
      .select((eb) => eb.fn.countAll<number>().as('rejected'))
      .where('rejected_at', 'is not', null)
      .executeTakeFirstOrThrow(),
  ])
  return {
    accounts: Object.fromEntries(accounts.map(({ status, count }) => [status, count])),
    revocations: { waiting: revocations.waiting, oldestSeconds: revocations.oldest_seconds },
    rejectedApps: apps.rejected,
  }
}
