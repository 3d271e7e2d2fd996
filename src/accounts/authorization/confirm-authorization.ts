import { sql } from 'kysely'
import { AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { findAccountsById } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { GrantOwner } from '../provider.ts'
import { type Flow, flowColumns, toFlow } from './flow.ts'
import { hashOneTimeToken } from './one-time-token.ts'
import { activate, discard } from './outcome.ts'
import { withOutcome } from './return-url.ts'
import { convertSealedConsent } from './sealed-consents.ts'

/** The application's statement on which of its users came back from the provider. */
export interface Confirmation {
  /** The `flow_id` that the browser brought to the application's confirmation URL. */
  readonly confirmationToken: string
  /** The user who is signed in to the application there. */
  readonly identifier: string
}

/**
 * Confirms an authorization, which protects against cross-user session fixation. One attempt: the confirmation token is
 * used up whatever the result. Another identifier than the link's, or another user of the provider than the account's,
 * discards and revokes what the consent brought.
 *
 * Throws AuthorizationFlowNotFoundError (also for tokens of other environments), IdentifierMismatchError or
 * ProviderUserChangedError.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-security-topics-update/
 */
export async function confirmAuthorization(
  context: AccountsContext,
  environmentId: string,
  confirmation: Confirmation,
): Promise<{ readonly account: ConnectedAccount; readonly returnUrl: string | null }> {
  let outcome = await confirm(context, environmentId, confirmation)
  if (outcome.kind === 'unknown') {
    await convertSealedConsent(context, hashOneTimeToken(confirmation.confirmationToken))
    // Another node may have converted it in the meantime.
    outcome = await confirm(context, environmentId, confirmation)
  }
  // Refusals are thrown only now: inside the transaction they would have undone the discarding.
  if (outcome.kind === 'unknown') throw new AuthorizationFlowNotFoundError()
  if (outcome.event) context.events.publish([outcome.event])
  if (outcome.kind === 'other_identifier') throw new IdentifierMismatchError()
  if (outcome.kind === 'other_user') throw new ProviderUserChangedError()
  const { flow } = outcome
  const [account] = await findAccountsById(context.db, environmentId, [flow.accountId])
  if (!account) throw new AuthorizationFlowNotFoundError()
  const { returnUrl, applicationState, missingResources: missing } = flow
  return {
    account,
    returnUrl: returnUrl && withOutcome(returnUrl, applicationState, { status: 'ACTIVE', error: null, missing }),
  }
}

type Outcome =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'other_identifier'; readonly event: AccountEvent | null }
  | { readonly kind: 'other_user'; readonly event: AccountEvent | null }
  | { readonly kind: 'confirmed'; readonly event: AccountEvent; readonly flow: Flow }

function confirm(
  context: AccountsContext,
  environmentId: string,
  { confirmationToken, identifier }: Confirmation,
): Promise<Outcome> {
  return context.db.transaction().execute(async (trx): Promise<Outcome> => {
    const row = await trx
      .deleteFrom('authorization_flows')
      .where('environment_id', '=', environmentId)
      .where('confirmation_hash', '=', hashOneTimeToken(confirmationToken))
      .where('stage', '=', 'consented')
      .where('expires_at', '>', sql<Date>`clock_timestamp()`)
      .returning(flowColumns)
      .executeTakeFirst()
    if (!row || row.grant_id === null) return { kind: 'unknown' }
    const flow = toFlow(row)
    const account = await trx
      .selectFrom('connected_accounts')
      .select('identifier')
      .where('environment_id', '=', environmentId)
      .where('id', '=', flow.accountId)
      .executeTakeFirstOrThrow()
    if (account.identifier !== identifier) {
      const event = await discard(context, trx, flow, row.grant_id, 'CONFIRMATION_REFUSED')
      return { kind: 'other_identifier', event }
    }
    const activated = await activate(context, trx, flow, row.grant_id)
    if (activated === 'user_changed') {
      return { kind: 'other_user', event: await discard(context, trx, flow, row.grant_id, 'USER_CHANGED') }
    }
    return { kind: 'confirmed', event: activated, flow }
  })
}

/** An authorization that waits for its confirmation, for display. */
export interface PendingAuthorization {
  readonly connectionName: string
  readonly identifier: string
  readonly owner: Omit<GrantOwner, 'workspaceIconUrl' | 'botId'>
}

/**
 * Returns what waits under a confirmation token, or null. For the development page that plays the application; in
 * production only {@link confirmAuthorization} reads a confirmation token.
 */
export async function findPendingAuthorization(
  context: Pick<AccountsContext, 'db'>,
  confirmationToken: string,
): Promise<PendingAuthorization | null> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('connected_accounts', 'connected_accounts.id', 'authorization_flows.account_id')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .innerJoin('grants', 'grants.id', 'authorization_flows.grant_id')
    .select([
      'identifier',
      'connection_name',
      'provider_user_id',
      'workspace_id',
      'workspace_name',
      'owner_name',
      'owner_email',
    ])
    .where('confirmation_hash', '=', hashOneTimeToken(confirmationToken))
    .where('stage', '=', 'consented')
    .where('authorization_flows.expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  if (!row) return null
  return {
    connectionName: row.connection_name,
    identifier: row.identifier,
    owner: {
      providerUserId: row.provider_user_id,
      workspaceId: row.workspace_id,
      workspaceName: row.workspace_name,
      ownerName: row.owner_name,
      ownerEmail: row.owner_email,
    },
  }
}
