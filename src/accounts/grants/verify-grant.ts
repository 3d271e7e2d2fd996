import { sql } from 'kysely'
import { inSeconds } from '../../db/time.ts'
import { type AccountName, requireAccount, requireActive, rereadAccount } from '../account-store.ts'
import type { ConnectedAccount, GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { inBackground, type RenewalOutcome, type RenewedToken } from '../node-state.ts'
import { openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { rejectOAuthApp } from '../rejected-app.ts'
import { accessTokenWorks } from './access-token-works.ts'
import { toAccountError, unavailable } from './failed-renewal.ts'
import { type OpenGrantClient, openingGrantClients } from './grant-client.ts'
import { type GrantSnapshot, readGrant } from './lease.ts'
import { openToken } from './open-account.ts'
import { type RenewalOptions, renewGrant } from './renewal.ts'
import { observeWorkingAge, scheduleToken } from './token-lifetime.ts'
import { noRefusals } from './token-pair.ts'

/**
 * Asks the provider whether an account's credentials work, renews them if they do not (without regard to backoff), and
 * checks again which capabilities and resources they lack. Returns the account afterwards: ACTIVE, or REVOKED or EXPIRED
 * when that was found out.
 *
 * Throws AccountNotFoundError, AccountNotActiveError (it was not ACTIVE before), ProviderUnavailableError (nothing has
 * changed) or OAuthAppRejectedError.
 */
export async function refreshAccount(
  context: AccountsContext,
  environmentId: string,
  name: AccountName,
): Promise<ConnectedAccount> {
  const account = requireActive(context, await requireAccount(context, environmentId, name))
  const outcome = await verifyGrant(context, { environmentId, grantId: account.grant.id }, { ignoreBackoff: true })
  if (outcome.kind === 'unavailable' || outcome.kind === 'client_refused')
    throw toAccountError(outcome, account.connectionName)
  if (outcome.kind === 'token') await checkAccess(context, account, outcome.token)
  return rereadAccount(context, account)
}

/** Asks the provider whether a grant's access token works, and renews it if not. Records when it was last seen to work. */
export async function verifyGrant(
  context: AccountsContext,
  key: GrantKey,
  options: RenewalOptions & { readonly openClient?: OpenGrantClient } = {},
): Promise<RenewalOutcome> {
  const { openClient = openingGrantClients(context) } = options
  const grant = await readGrant(context.db, key)
  if (!grant?.active || grant.sealedAccessToken === null) return { kind: 'ended' }
  const opened = await openClient(grant)
  if (!opened) return { kind: 'ended' }
  const token = await openToken(context, key, grant.version, grant.sealedAccessToken)
  try {
    // A provider that cannot be asked about a token answers its refresh.
    if (!(await accessTokenWorks(opened, token.accessToken)))
      return await renewGrant(context, key, token.version, options)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind !== 'client_refused') return unavailable(error.retryAfterMs ?? context.timing.backoff.firstMs)
    await rejectOAuthApp(context, opened, error)
    return { kind: 'client_refused' }
  }
  await recordVerification(context, grant)
  return { kind: 'token', token }
}

async function recordVerification(context: AccountsContext, grant: GrantSnapshot): Promise<void> {
  const { verifyIn } = scheduleToken(context.timing, {
    renewable: false,
    expiresInSeconds: null,
    learnedLifetimeSeconds: null,
  })
  await context.db
    .updateTable('grants')
    .set({ last_verified_at: sql`clock_timestamp()`, next_verify_at: inSeconds(verifyIn), ...noRefusals })
    .where('environment_id', '=', grant.environmentId)
    .where('id', '=', grant.grantId)
    .where('version', '=', grant.version)
    .where('status', '=', 'active')
    .execute()
  inBackground(context, 'learning a token lifetime', observeWorkingAge(context.db, grant, grant.ageSeconds))
}

/**
 * Checks again what an account's access lacks: capabilities that the provider refuses, and expected resources that the
 * consent did not include. Users share pages and operators enable capabilities without a new consent. What the provider
 * does not answer stays as it was.
 */
async function checkAccess(context: AccountsContext, account: ConnectedAccount, token: RenewedToken): Promise<void> {
  const { environmentId, oauthAppId, missingResources, authorizedAt } = account
  const opened = await openOAuthClient(context, environmentId, oauthAppId)
  if (!opened) return
  const { app, client, provider } = opened
  try {
    const owner = await provider.identify?.(client, token.accessToken)
    const ids = missingResources.flatMap(({ resourceId }) => (resourceId === null ? [] : [resourceId]))
    const names = missingResources.flatMap(({ name, resourceId }) => (resourceId === null ? [name] : []))
    const [denied, visibleIds, visibleNames] = await Promise.all([
      (owner && provider.deniedCapabilities?.(client, token.accessToken, { capabilities: app.capabilities, owner })) ??
        [],
      provider.visibleResources?.(client, token.accessToken, ids) ?? new Set<string>(),
      provider.visibleTitles?.(client, token.accessToken, names) ?? new Set<string>(),
    ])
    await context.db
      .updateTable('grants')
      .set({
        denied_capabilities: [...denied],
        ...(owner && { owner_name: owner.ownerName, owner_email: owner.ownerEmail }),
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', token.grantId)
      .where('version', '=', token.version)
      .where('status', '=', 'active')
      .execute()
    context.openAccounts.forget(token.grantId)
    if (visibleIds.size + visibleNames.size === 0) return
    const missing = missingResources.filter(({ name, resourceId }) =>
      resourceId === null ? !visibleNames.has(name) : !visibleIds.has(resourceId),
    )
    await context.db
      .updateTable('connected_accounts')
      .set({ missing_resources: JSON.stringify(missing) })
      .where('environment_id', '=', environmentId)
      .where('id', '=', account.id)
      .where('grant_id', '=', token.grantId)
      // A consent that came meanwhile has listed what it lacks, under the same grant where it is of the same user.
      .where(sql<boolean>`date_trunc('milliseconds', authorized_at) is not distinct from ${authorizedAt}::timestamptz`)
      .execute()
    context.openAccounts.forget(account.id)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    context.log.warn({ grant: token.grantId, failure: error.kind }, 'access of an account could not be checked')
  }
}
