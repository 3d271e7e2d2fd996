import { sql } from 'kysely'
import { recordAudit } from '../../audit/audit-log.ts'
import { anyOf } from '../../db/found-by-id.ts'
import { AuthorizationFlowNotFoundError, IdentifierMismatchError, ProviderUserChangedError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { findAccountsById } from '../account-store.ts'
import { findShownApp } from '../branded-app.ts'
import type { ShownApp } from '../branding.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { GrantOwner } from '../provider.ts'
import { type Flow, flowColumns, isBoundFlow, toFlow } from './flow.ts'
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
  /** The connections of which the caller may confirm authorizations. Absent or null: all. */
  readonly connectionNames?: readonly string[] | null
}

/**
 * Confirms an authorization, which protects against cross-user session fixation. One attempt: the confirmation token is
 * used up whatever the result. Another identifier than the link's, or another user of the provider than the account's,
 * discards and revokes what the consent brought.
 *
 * Throws AuthorizationFlowNotFoundError (also for tokens of other environments, and of connections that the caller may not use), IdentifierMismatchError or
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
  { confirmationToken, identifier, connectionNames = null }: Confirmation,
): Promise<Outcome> {
  return context.db.transaction().execute(async (trx): Promise<Outcome> => {
    let query = trx.deleteFrom('authorization_flows').where('environment_id', '=', environmentId)
    if (connectionNames !== null) {
      const apps = trx
        .selectFrom('oauth_apps')
        .select('id')
        .where('connection_name', '=', anyOf('text', connectionNames))
      query = query.where('oauth_app_id', 'in', apps.where('environment_id', '=', environmentId))
    }
    const row = await query
      .where('confirmation_hash', '=', hashOneTimeToken(confirmationToken))
      .where('stage', '=', 'consented')
      .where('expires_at', '>', sql<Date>`clock_timestamp()`)
      .returning(flowColumns)
      .executeTakeFirst()
    // Its grant has no flow then, and is discarded by the next sweep.
    if (!row || row.grant_id === null || !isBoundFlow(context, row)) return { kind: 'unknown' }
    const flow = toFlow(row)
    const account = await trx
      .selectFrom('connected_accounts')
      .select('identifier')
      .where('environment_id', '=', environmentId)
      .where('id', '=', flow.accountId)
      .executeTakeFirstOrThrow()
    const record = (outcome: Outcome['kind']) =>
      recordAudit(trx, context.actor, {
        environmentId,
        action: outcome === 'confirmed' ? 'authorization.confirmed' : 'authorization.refused',
        target: `ConnectedAccount:${flow.accountId}`,
        after: { identifier: account.identifier, confirmedAs: identifier, outcome },
      })
    if (account.identifier !== identifier) {
      await record('other_identifier')
      const event = await discard(context, trx, flow, row.grant_id, 'CONFIRMATION_REFUSED')
      return { kind: 'other_identifier', event }
    }
    const activated = await activate(context, trx, flow, row.grant_id)
    if (activated === 'user_changed') {
      await record('other_user')
      return { kind: 'other_user', event: await discard(context, trx, flow, row.grant_id, 'USER_CHANGED') }
    }
    await record('confirmed')
    return { kind: 'confirmed', event: activated, flow }
  })
}

/** An authorization that waits for its confirmation, for display. */
export interface PendingAuthorization {
  readonly environmentId: string
  readonly connector: string
  readonly connectionName: string
  readonly app: ShownApp | null
  /** Whether the account is an example of a sandbox. */
  readonly sandbox: boolean
  readonly identifier: string
  readonly owner: Omit<GrantOwner, 'workspaceIconUrl' | 'botId'>
}

/**
 * Returns what waits under a confirmation token, or null. For the development page that plays the application; in
 * production only {@link confirmAuthorization} reads a confirmation token.
 */
export async function findPendingAuthorization(
  context: Pick<AccountsContext, 'db' | 'bindingKey' | 'log'>,
  confirmationToken: string,
): Promise<PendingAuthorization | null> {
  const row = await context.db
    .selectFrom('authorization_flows')
    .innerJoin('connected_accounts', 'connected_accounts.id', 'authorization_flows.account_id')
    .innerJoin('oauth_apps', 'oauth_apps.id', 'authorization_flows.oauth_app_id')
    .innerJoin('grants', 'grants.id', 'authorization_flows.grant_id')
    .select([
      'authorization_flows.environment_id',
      'authorization_flows.oauth_app_id',
      'identifier',
      'connection_name',
      'connector',
      'oauth_apps.sandbox',
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
    environmentId: row.environment_id,
    connector: row.connector,
    connectionName: row.connection_name,
    app: await findShownApp(context, row.oauth_app_id),
    sandbox: row.sandbox,
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
