import type { Db } from '../../db/database.ts'
import { neverOpens } from '../../vault/vault-error.ts'
import type { GrantOwner } from '../provider.ts'
import type { AuthorizationContext } from './context.ts'
import { flowColumns, openPending, type PendingGrant, toFlow } from './flow.ts'

/** How many waiting consents of one OAuth app are looked through. */
const mostPending = 200

/**
 * The newest consent of one provider user for an OAuth app that waits for its confirmation; null when none does. One that
 * no longer opens is none: nobody can confirm it.
 */
export async function findPendingConsent(
  context: Pick<AuthorizationContext, 'vault'>,
  db: Db,
  owner: Pick<GrantOwner, 'providerUserId' | 'workspaceId'> & {
    readonly environmentId: string
    readonly oauthAppId: string
  },
): Promise<PendingGrant | null> {
  const rows = await db
    .selectFrom('authorization_flows')
    .select([...flowColumns, 'pending_tokens'])
    .where('environment_id', '=', owner.environmentId)
    .where('oauth_app_id', '=', owner.oauthAppId)
    .where('stage', '=', 'awaiting_confirmation')
    // The later of two expires later.
    .orderBy('expires_at', 'desc')
    .limit(mostPending)
    .execute()
  for (const row of rows) {
    if (row.pending_tokens === null) continue
    try {
      const pending = await openPending(context.vault, toFlow(row), row.pending_tokens)
      const { providerUserId, workspaceId } = pending.owner
      if (providerUserId === owner.providerUserId && workspaceId === owner.workspaceId) return pending
    } catch (error) {
      if (!neverOpens(error)) throw error
    }
  }
  return null
}
