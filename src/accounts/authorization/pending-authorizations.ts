import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import { neverOpens } from '../../vault/vault-error.ts'
import type { GrantOwner } from '../provider.ts'
import type { AuthorizationContext } from './context.ts'
import { flowColumns, openPending, toFlow } from './flow.ts'
import { hashOneTimeText } from './one-time-text.ts'
import { giveUp } from './outcome.ts'

/** An authorization that waits for its confirmation, as far as a person needs to see it. */
export interface PendingAuthorization {
  readonly connectionName: string
  readonly identifier: string
  readonly owner: GrantOwner
}

/**
 * What waits under a flow id; null when nothing does. For the development page that stands in for the application: in
 * production nothing but confirmAuthorization looks at a flow id.
 */
export async function findPendingAuthorization(
  context: AuthorizationContext,
  flowId: string,
): Promise<PendingAuthorization | null> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('connected_accounts', 'connected_accounts.id', 'authorization_flows.account_id')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .select([...flowColumns, 'pending_tokens', 'identifier', 'connection_name'])
    .where('confirmation_hash', '=', hashOneTimeText(flowId))
    .where('stage', '=', 'awaiting_confirmation')
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  if (!row || row.pending_tokens === null) return null
  const { owner } = await openPending(context.vault, toFlow(row), row.pending_tokens)
  return { connectionName: row.connection_name, identifier: row.identifier, owner }
}

/**
 * Ends all authorizations of an account that are under way and gives up what those brought that wait for confirmation.
 * For disconnecting and deleting an account: without it a later confirmation would bring the account back, and deleted
 * tokens would live on at the provider. Call it before the account's row is locked or removed.
 */
export async function endAuthorizations(
  context: AuthorizationContext,
  trx: Trx,
  account: { readonly environmentId: string; readonly accountId: string },
): Promise<void> {
  const rows = await trx
    .deleteFrom('authorization_flows')
    .where('environment_id', '=', account.environmentId)
    .where('account_id', '=', account.accountId)
    .returning([...flowColumns, 'pending_tokens'])
    .execute()
  if (rows.every((row) => row.pending_tokens === null)) return
  // Before the grant that may get the tokens: see end-grant.ts.
  await trx
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', account.environmentId)
    .where('id', '=', account.accountId)
    .forUpdate()
    .execute()
  for (const row of rows) {
    if (row.pending_tokens === null) continue
    const flow = toFlow(row)
    try {
      await giveUp(context, trx, flow, await openPending(context.vault, flow, row.pending_tokens))
    } catch (err) {
      if (!neverOpens(err)) throw err
      context.log.error({ err, flow: flow.id }, 'unreadable tokens of an authorization were erased without revocation')
    }
  }
}
