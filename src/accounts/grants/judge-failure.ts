import type { AccountsContext } from '../context.ts'
import { type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { accessTokenWorks } from './access-token-works.ts'
import { endRefusedGrant } from './end-grant.ts'
import { dropRefreshToken, type GrantSight, type Lease, releaseLease, seeGrant } from './lease.ts'
import { openToken } from './open-account.ts'
import { pauseOAuthApp } from './pause-oauth-app.ts'
import { type Outcome, unavailable } from './renewal-outcome.ts'
import { type GrantKey, tokenContext } from './sealed-pair.ts'
import { backoff, type RenewalTiming } from './timing.ts'

/** The longest pause that a provider's Retry-After is followed for. */
const longestRetryAfterMs = 15 * 60_000

/** A refresh that gave no tokens, with what is needed to judge it. */
export interface FailedRenewal {
  readonly lease: Lease
  readonly failure: OAuthFailure
  /** Whether the provider had refused the access token before. */
  readonly cause: 'refused' | 'scheduled'
  readonly opened: OpenedOAuthClient
  readonly timing: RenewalTiming
}

/**
 * What follows from a failed refresh. Only a provider's own word ends a grant; everything else leaves it as it is, with
 * a pause before the next attempt and, where the request may have been acted on, with the mark that it was sent.
 */
export async function judgeFailure(context: AccountsContext, failed: FailedRenewal): Promise<Outcome> {
  const { lease, failure, timing } = failed
  switch (failure.kind) {
    case 'grant_refused':
      return judgeRefusedGrant(context, failed)
    case 'client_refused':
      await releaseLease(context.db, lease, { unknown: lease.wasSending, backoffMs: null })
      await pauseOAuthApp(context, failed.opened, failure, timing.appPauseMs)
      return { kind: 'client_refused' }
    case 'not_sent':
    case 'rate_limited':
    case 'ambiguous':
    case 'rejected': {
      const wait = Math.min(failure.retryAfterMs ?? 0, longestRetryAfterMs)
      const backoffMs = backoff(timing, lease.failCount, wait)
      // A refusal that makes no sense as OAuth may come from something in between: no word on what happened behind it.
      const unknown = lease.wasSending || failure.kind === 'ambiguous' || failure.kind === 'rejected'
      await releaseLease(context.db, lease, { unknown, backoffMs })
      context.log.warn(
        {
          grant: lease.grantId,
          environment: lease.environmentId,
          kind: failure.kind,
          status: failure.status,
          backoffMs,
        },
        'A token pair could not be renewed; it will be tried again.',
      )
      return unavailable(backoffMs)
    }
  }
}

async function judgeRefusedGrant(context: AccountsContext, failed: FailedRenewal): Promise<Outcome> {
  const { lease, cause, opened, timing } = failed
  if (cause === 'scheduled') {
    // A refresh token can die alone, for example when the user authorizes the same client elsewhere: while the access
    // token works the account does. Without an answer it counts as working; its next refusal decides.
    const accessToken = await context.vault.open(
      lease.sealedAccessToken,
      tokenContext(lease, 'access_token', lease.version),
    )
    const works = await accessTokenWorks(opened, accessToken).catch((error: unknown) => {
      if (error instanceof OAuthFailure) return null
      throw error
    })
    if (works !== false) {
      // Without an answer it is looked at again soon: the grant may well be gone.
      await dropRefreshToken(context.db, lease, works ? null : timing.backoffMs.longest)
      context.log.warn({ grant: lease.grantId }, 'The provider refused a refresh token whose access token still works.')
      return unavailable(timing.backoffMs.first)
    }
  }
  // After a cut-off attempt the refusal may be our own doing: the token was used up and its successor never arrived.
  const to = lease.wasSending
    ? ({ status: 'EXPIRED', reason: 'RENEWAL_INTERRUPTED' } as const)
    : ({ status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' } as const)
  if (await endRefusedGrant(context, lease, to)) return { kind: 'ended' }
  return whatStands(context, lease)
}

/**
 * The access token was refused and there is nothing to renew it with. The provider is asked what became of it: REVOKED if
 * it says that the token is gone before its time, EXPIRED if its time was up or the provider cannot say.
 */
export async function judgeWithoutRefreshToken(
  context: AccountsContext,
  sight: GrantSight,
  sealedAccessToken: string,
  timing: RenewalTiming,
): Promise<Outcome> {
  const end = async (to: Parameters<typeof endRefusedGrant>[2]): Promise<Outcome> =>
    (await endRefusedGrant(context, sight, to)) ? { kind: 'ended' } : whatStands(context, sight)
  if (sight.expired) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
  const opened = await openOAuthClient(context, sight.environmentId, sight.oauthAppId)
  if (!opened) return { kind: 'ended' }
  const { accessToken } = await openToken(context, sight, sight.version, sealedAccessToken)
  try {
    if (!opened.provider.introspect) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    const { active } = await opened.provider.introspect(opened.client, accessToken)
    return active ? unavailable(timing.backoffMs.first) : end({ status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' })
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind === 'client_refused') {
      await pauseOAuthApp(context, opened, error, timing.appPauseMs)
      return { kind: 'client_refused' }
    }
    if (error.kind === 'rejected' || error.kind === 'grant_refused')
      return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    return unavailable(error.retryAfterMs ?? timing.backoffMs.first)
  }
}

/** Something newer came in between: that is the answer. */
async function whatStands(context: AccountsContext, seen: GrantKey & { readonly version: number }): Promise<Outcome> {
  const sight = await seeGrant(context.db, seen)
  if (!sight?.active || sight.sealedAccessToken === null) return { kind: 'ended' }
  if (sight.version === seen.version) return unavailable(1_000)
  return { kind: 'token', token: await openToken(context, seen, sight.version, sight.sealedAccessToken) }
}
