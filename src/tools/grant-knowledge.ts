import { sql } from 'kysely'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Db } from '../db/database.ts'

/**
 * Remembers that the provider refused a request of this grant for lack of a capability, until the next consent. Only for
 * the version of the grant that was refused: a newer consent may have brought the capability.
 */
export async function rememberDeniedCapability(db: Db, account: ConnectedAccount, capability: string): Promise<void> {
  if (account.grant === null || account.grant.deniedCapabilities.some((known) => known === capability)) return
  await db
    .updateTable('grants')
    .set({ denied_capabilities: sql<string[]>`array_append(denied_capabilities, ${capability}::text)` })
    .where('environment_id', '=', account.environmentId)
    .where('id', '=', account.grant.id)
    .where('version', '=', account.grant.version)
    .where('status', '=', 'active')
    .where(sql<boolean>`not (${capability}::text = any (denied_capabilities))`)
    .execute()
}

/** A proof is written down at most this often, in milliseconds, as almost every call brings one. */
const proofIntervalMs = 60_000

/**
 * Writes down that the provider has just accepted the grant's access token. Of use at most once a minute; a row that
 * somebody else holds is left alone.
 */
export async function rememberProof(db: Db, account: ConnectedAccount, now: Date): Promise<void> {
  const { grant } = account
  if (grant === null) return
  if (grant.lastVerifiedAt !== null && now.getTime() - grant.lastVerifiedAt.getTime() < proofIntervalMs) return
  await db
    .updateTable('grants')
    .set({ last_verified_at: sql<Date>`clock_timestamp()` })
    .where('id', 'in', (select) =>
      select
        .selectFrom('grants')
        .select('id')
        .where('environment_id', '=', account.environmentId)
        .where('id', '=', grant.id)
        .where('version', '=', grant.version)
        .where('status', '=', 'active')
        .forNoKeyUpdate()
        .skipLocked(),
    )
    .execute()
}
