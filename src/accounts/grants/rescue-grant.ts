import { newGrant } from '../authorization/flow.ts'
import { findPendingConsent } from '../authorization/pending-consent.ts'
import type { AccountsContext } from '../context.ts'
import { renewActiveGrant } from './keep-grant.ts'
import type { GrantKey } from './sealed-pair.ts'

/**
 * Looks whether a grant that the provider refuses was replaced there by a newer consent of the same user, which waits
 * for its confirmation: the accounts that rest on the grant are that user's, so it takes the newer pair. Says whether it
 * did. Nothing happens when the grant has moved on from `version`.
 */
export async function rescueGrant(
  context: Pick<AccountsContext, 'db' | 'vault' | 'log' | 'timing'>,
  { environmentId, grantId, version }: GrantKey & { readonly version: number },
): Promise<boolean> {
  const row = await context.db
    .selectFrom('grants')
    .select(['oauth_app_id', 'workspace_id', 'provider_user_id', 'issued_at'])
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .where('version', '=', version)
    .where('status', '=', 'active')
    .executeTakeFirst()
  if (!row) return false
  const owner = {
    environmentId,
    oauthAppId: row.oauth_app_id,
    workspaceId: row.workspace_id,
    providerUserId: row.provider_user_id,
  }
  const pending = await findPendingConsent(context, context.db, owner)
  if (!pending || pending.issuedAt <= row.issued_at) return false
  await context.db.transaction().execute(async (trx) => {
    await renewActiveGrant(context, trx, await newGrant(trx, owner, pending))
  })
  context.log.info(
    { grant: grantId, environment: environmentId },
    'A refused grant took the tokens of a newer consent.',
  )
  return true
}
