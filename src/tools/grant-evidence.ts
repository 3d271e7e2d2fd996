import { sql } from 'kysely'
import type { Capability } from '../accounts/capability.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { Db } from '../db/database.ts'

/**
 * Records, until the next consent, that the provider refused a request of this grant for lack of a capability. Applies
 * only to the version of the grant that was refused: a newer consent may include the capability.
 */
export async function recordDeniedCapability(db: Db, account: ConnectedAccount, capability: string): Promise<void> {
  if (account.grant === null || account.grant.deniedCapabilities.some((known) => known === capability)) return
  await db
    .updateTable('grants')
    .set({ denied_capabilities: sql<Capability[]>`array_append(denied_capabilities, ${capability}::text)` })
    .where('environment_id', '=', account.environmentId)
    .where('id', '=', account.grant.id)
    .where('version', '=', account.grant.version)
    .where('status', '=', 'active')
    .where(sql<boolean>`not (${capability}::text = any (denied_capabilities))`)
    .execute()
}
