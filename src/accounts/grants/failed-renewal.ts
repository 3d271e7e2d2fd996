import { fullJitter } from '../../backoff.ts'
import { OAuthAppRejectedError, ProviderUnavailableError } from '../../errors.ts'
import { checkClient } from '../client-check.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext, RenewalTiming } from '../context.ts'
import type { RenewalOutcome } from '../node-state.ts'
import type { OpenedOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { redirectUri } from '../redirect-uri.ts'
import { rejectOAuthApp } from '../rejected-app.ts'
import { accessTokenWorks } from './access-token-works.ts'
import { endRefusedGrant, type GrantEnd } from './end-grant.ts'
import { openGrantClient } from './grant-client.ts'
import { dropRefreshToken, type GrantSnapshot, type Lease, readGrant, releaseLease } from './lease.ts'
import { openToken } from './open-account.ts'
import { askAboutTokens, countRefusal, type Word, weigh } from './refusal-evidence.ts'
import { tokenContext } from './token-pair.ts'

/*
 * What a failed renewal means for the grant: it ends, or it stays as it is and is renewed later. `refusal-evidence.ts` has
 * the rules for providers that do not name their reason.
 */

/** A provider's Retry-After is followed up to this. */
const maxRetryAfterMs = 15 * 60_000

interface FailedRefresh {
  readonly lease: Lease
  readonly failure: OAuthFailure
  readonly cause: 'refused' | 'scheduled'
  readonly opened: OpenedOAuthClient
}

/**
 * Decides what follows from a failed refresh. Only the provider's explicit refusal ends a grant. Every other failure
 * leaves it unchanged, with a pause before the next attempt and, where the provider may have acted on the request, with
 * the mark that it was sent.
 */
export async function handleRefreshFailure(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, failure } = failed
  const { timing } = context
  switch (failure.kind) {
    case 'grant_refused':
      return handleRefusedGrant(context, failed)
    case 'client_refused':
      await releaseLease(context.db, lease, { unknown: lease.wasSending, backoffMs: null })
      await rejectOAuthApp(context, failed.opened, failure)
      return { kind: 'client_refused' }
    case 'rejected':
    case 'unauthorized':
      return handleUnexplainedRefusal(context, failed)
    case 'not_sent':
    case 'rate_limited':
    case 'ambiguous': {
      const waitMs = Math.min(failure.retryAfterMs ?? 0, maxRetryAfterMs)
      const backoffMs = backoffAfter(timing, lease.failCount, waitMs)
      const unknown = lease.wasSending || failure.kind === 'ambiguous'
      return retryLater(context, failed, { unknown, backoffMs })
    }
  }
}

async function retryLater(
  { db, log }: AccountsContext,
  { lease, failure }: FailedRefresh,
  { unknown, backoffMs }: { readonly unknown: boolean; readonly backoffMs: number },
): Promise<RenewalOutcome> {
  await releaseLease(db, lease, { unknown, backoffMs })
  log.warn(
    {
      grant: lease.grantId,
      environment: lease.environmentId,
      kind: failure.kind,
      status: failure.status,
      code: failure.code,
      backoffMs,
    },
    'token refresh failed, will be retried',
  )
  return unavailable(backoffMs)
}

/**
 * The provider refused the refresh token and did not say why. What it reports elsewhere, and how often and how long it has
 * refused, decides: see `refusal-evidence.ts`.
 */
async function handleUnexplainedRefusal(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, failure, cause, opened } = failed
  const [accessToken, refreshToken] = await Promise.all([
    context.vault.open(lease.sealedAccessToken, tokenContext(lease, 'access_token', lease.version)),
    context.vault.open(lease.sealedRefreshToken, tokenContext(lease, 'refresh_token', lease.version)),
  ])
  const [words, counted] = await Promise.all([
    askAboutTokens(opened, { accessToken, refreshToken }),
    countRefusal(context.db, lease),
  ])
  // The call that asked for this renewal has heard it from the API.
  const api = words.api === 'silent' && cause === 'refused' ? 'refused' : words.api
  const verdict = weigh({ ...words, ...counted, api }, context.timing)
  if (verdict === 'client_refused' || (await isAboutClient(context, failed, words.introspection))) {
    await releaseLease(context.db, lease, { unknown: lease.wasSending, backoffMs: null })
    await rejectOAuthApp(context, opened, failure)
    return { kind: 'client_refused' }
  }
  if (verdict === 'ended') return endUnexplained(context, lease, counted.refusals)
  // It does not report what became of the refresh token.
  return retryLater(context, failed, { unknown: true, backoffMs: backoffAfter(context.timing, lease.failCount) })
}

/** Whether a 401 without a code refuses our client. Where introspection does not show it, a code that cannot exist does. */
async function isAboutClient(
  { publicUrl }: AccountsContext,
  { failure, opened: { app, client, provider } }: FailedRefresh,
  introspection: Word,
): Promise<boolean> {
  if (failure.kind !== 'unauthorized' || introspection !== 'silent') return false
  return (await checkClient(provider, client, redirectUri(publicUrl, app))).verdict === 'refused'
}

export async function endUnexplained(
  context: AccountsContext,
  grant: GrantKey & { readonly version: number },
  refusals: number,
): Promise<RenewalOutcome> {
  const end: GrantEnd = { status: 'EXPIRED', reason: 'CREDENTIALS_REFUSED' }
  if (!(await endRefusedGrant(context, grant, end))) return reloadOutcome(context, grant)
  const about = { grant: grant.grantId, environment: grant.environmentId, refusals }
  context.log.warn(about, 'ended a grant that the provider refused repeatedly without a reason')
  return { kind: 'ended' }
}

async function handleRefusedGrant(context: AccountsContext, failed: FailedRefresh): Promise<RenewalOutcome> {
  const { lease, cause, opened } = failed
  const { timing } = context
  if (cause === 'scheduled') {
    // A refresh token can become invalid alone, for example when the user authorizes the same client elsewhere. The account
    // works while its access token does. Without an answer it counts as working; its next refusal decides.
    const accessToken = await context.vault.open(
      lease.sealedAccessToken,
      tokenContext(lease, 'access_token', lease.version),
    )
    const works = await accessTokenWorks(opened, accessToken).catch((error: unknown) => {
      if (error instanceof OAuthFailure) return null
      throw error
    })
    if (works !== false) {
      // Without an answer it is verified again soon: the grant may well be gone.
      await dropRefreshToken(context.db, lease, works ? null : timing.backoff.maxMs)
      context.log.warn({ grant: lease.grantId }, 'provider refused a refresh token, its access token still works')
      return unavailable(timing.backoff.firstMs)
    }
  }
  // After an interrupted attempt we may have caused the refusal: the token was used and its successor never arrived.
  const end: GrantEnd = lease.wasSending
    ? { status: 'EXPIRED', reason: 'RENEWAL_INTERRUPTED' }
    : { status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' }
  return (await endRefusedGrant(context, lease, end)) ? { kind: 'ended' } : reloadOutcome(context, lease)
}

/**
 * The access token was refused and there is no refresh token. Asks the provider for the reason: REVOKED if the token is
 * gone before its time, EXPIRED if its time was up or the provider cannot say.
 */
export async function handleRefusalWithoutRefreshToken(
  context: AccountsContext,
  grant: GrantSnapshot,
  sealedAccessToken: string,
): Promise<RenewalOutcome> {
  const { timing } = context
  const end = async (as: GrantEnd): Promise<RenewalOutcome> =>
    (await endRefusedGrant(context, grant, as)) ? { kind: 'ended' } : reloadOutcome(context, grant)
  if (grant.expired) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
  const opened = await openGrantClient(context, grant)
  if (!opened) return { kind: 'ended' }
  const { accessToken } = await openToken(context, grant, grant.version, sealedAccessToken)
  try {
    if (!opened.provider.introspect) return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    const { active } = await opened.provider.introspect(opened.client, accessToken)
    if (!active) return end({ status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' })
    // Introspection and the API contradict each other.
    const counted = await countRefusal(context.db, grant)
    const verdict = weigh({ introspection: 'accepted', api: 'refused', ...counted }, timing)
    return verdict === 'ended'
      ? end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
      : unavailable(timing.backoff.firstMs)
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    if (error.kind === 'client_refused') {
      await rejectOAuthApp(context, opened, error)
      return { kind: 'client_refused' }
    }
    if (error.kind === 'rejected' || error.kind === 'unauthorized' || error.kind === 'grant_refused')
      return end({ status: 'EXPIRED', reason: 'NOT_RENEWABLE' })
    return unavailable(error.retryAfterMs ?? timing.backoff.firstMs)
  }
}

/** The grant changed in the meantime: its new state is the outcome. */
async function reloadOutcome(
  context: AccountsContext,
  seen: GrantKey & { readonly version: number },
): Promise<RenewalOutcome> {
  const grant = await readGrant(context.db, seen)
  if (!grant?.active || grant.sealedAccessToken === null) return { kind: 'ended' }
  if (grant.version === seen.version) return unavailable(1_000)
  return { kind: 'token', token: await openToken(context, seen, grant.version, grant.sealedAccessToken) }
}

/** Nothing has changed and nothing is known; worth another attempt after this time. */
export const unavailable = (retryAfterMs: number): RenewalOutcome => ({
  kind: 'unavailable',
  retryAfterMs: Math.max(1, Math.round(retryAfterMs)),
})

/** The error for a caller whose credentials could be neither renewed nor verified. */
export function toAccountError(
  outcome: Extract<RenewalOutcome, { kind: 'unavailable' | 'client_refused' }>,
  connectionName: string,
): OAuthAppRejectedError | ProviderUnavailableError {
  if (outcome.kind === 'client_refused') return new OAuthAppRejectedError(connectionName)
  return new ProviderUnavailableError(
    `The provider could not renew or verify the credentials. The account has not changed. Try again in ${Math.ceil(outcome.retryAfterMs / 1000)} s.`,
    outcome.retryAfterMs,
  )
}

/** The pause after this many failures, at least `minMs` and never above the maximum. */
export function backoffAfter({ backoff, random }: RenewalTiming, failures: number, minMs = 0): number {
  return Math.min(backoff.maxMs, Math.max(minMs, fullJitter(backoff, failures, random)))
}
