import { sql } from 'kysely'
import type { AccountName } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { accessTokenWorks } from './access-token-works.ts'
import { requireAccount, requireActive, rereadAccount } from './current-account.ts'
import { type GrantSight, seeGrant } from './lease.ts'
import { inBackground } from './node-state.ts'
import { openToken } from './open-account.ts'
import { pauseOAuthApp } from './pause-oauth-app.ts'
import { type RenewalOptions, renewGrant } from './renewal.ts'
import { type Outcome, toAccountError, unavailable } from './renewal-outcome.ts'
import { reprobeAccount } from './reprobe-account.ts'
import type { GrantKey } from './sealed-pair.ts'
import { defaultTiming, type RenewalTiming } from './timing.ts'
import { observeWorkingAge, scheduleToken } from './token-lifetime.ts'

/**
 * Asks the provider whether an account's credentials work and renews them if they do not, whatever backoff says, and
 * looks anew at what they lack. Gives
 * the account as it is afterwards: ACTIVE, or REVOKED or EXPIRED when that was found out.
 * Fails with AccountNotFoundError, AccountNotActiveError (it was not ACTIVE before), ProviderUnavailableError (nothing
 * has changed) or OAuthAppRejectedError.
 */
export async function refreshAccount(
  context: AccountsContext,
  environmentId: string,
  name: AccountName,
  timing: RenewalTiming = context.timing ?? defaultTiming,
): Promise<ConnectedAccount> {
  const account = requireActive(await requireAccount(context, environmentId, name))
  const key = { environmentId, grantId: account.grant.id }
  const outcome = await verifyGrant(context, key, { timing, ignoreBackoff: true })
  if (outcome.kind === 'unavailable' || outcome.kind === 'client_refused')
    throw toAccountError(outcome, account.connectionName)
  if (outcome.kind === 'token') await reprobeAccount(context, account, outcome.token)
  return rereadAccount(context, account)
}

/** Asks the provider whether a grant's access token works; renews it if not. Writes down when it was last seen to work. */
export async function verifyGrant(
  context: AccountsContext,
  key: GrantKey,
  options: RenewalOptions = {},
): Promise<Outcome> {
  const timing = options.timing ?? context.timing ?? defaultTiming
  const sight = await seeGrant(context.db, key)
  if (!sight?.active || sight.sealedAccessToken === null) return { kind: 'ended' }
  const opened = await openOAuthClient(context, sight.environmentId, sight.oauthAppId)
  if (!opened) return { kind: 'ended' }
  const token = await openToken(context, key, sight.version, sight.sealedAccessToken)
  try {
    // A provider that cannot be asked about a token answers its refresh.
    if (!(await accessTokenWorks(opened, token.accessToken)))
      return await renewGrant(context, key, token.version, options)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind !== 'client_refused') return unavailable(error.retryAfterMs ?? timing.backoffMs.first)
    await pauseOAuthApp(context, opened, error, timing.appPauseMs)
    return { kind: 'client_refused' }
  }
  await recordVerification(context, sight, timing)
  return { kind: 'token', token }
}

async function recordVerification(context: AccountsContext, sight: GrantSight, timing: RenewalTiming): Promise<void> {
  const { verifyIn } = scheduleToken(timing, { renewable: false, expiresInSeconds: null, learnedLifetimeSeconds: null })
  await context.db
    .updateTable('grants')
    .set({
      last_verified_at: sql`clock_timestamp()`,
      next_verify_at: sql`clock_timestamp() + make_interval(secs => ${verifyIn})`,
    })
    .where('environment_id', '=', sight.environmentId)
    .where('id', '=', sight.grantId)
    .where('version', '=', sight.version)
    .where('status', '=', 'active')
    .execute()
  inBackground(context, 'Learning a token lifetime', observeWorkingAge(context.db, sight, sight.ageSeconds))
}
