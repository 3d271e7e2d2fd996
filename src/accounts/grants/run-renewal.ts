import type { AccountsContext } from '../context.ts'
import { openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure, type TokenSet } from '../provider.ts'
import { judgeFailure } from './judge-failure.ts'
import { keepRenewedPair } from './keep-renewed-pair.ts'
import { claimRenewal, type Lease, releaseLease } from './lease.ts'
import { nodeState } from './node-state.ts'
import { type Outcome, unavailable } from './renewal-outcome.ts'
import { rescueGrant } from './rescue-grant.ts'
import { tokenContext } from './sealed-pair.ts'
import { backoff, type RenewalTiming } from './timing.ts'

/**
 * Renews a grant with a lease that this node holds, and gives the lease back in every case but its own death. `refused`
 * says that the provider refused the access token, `scheduled` that nobody has doubted it.
 * Fails only for the database, the vault or a bug.
 */
export async function runRenewal(
  context: AccountsContext,
  lease: Lease,
  cause: 'refused' | 'scheduled',
  timing: RenewalTiming,
): Promise<Outcome> {
  const giveUp = async (unknown: boolean) => {
    await releaseLease(context.db, lease, { unknown, backoffMs: backoff(timing, lease.failCount) }).catch(() => {})
  }
  const [opened, refreshToken] = await Promise.all([
    openOAuthClient(context, lease.environmentId, lease.oauthAppId),
    context.vault.open(lease.sealedRefreshToken, tokenContext(lease, 'refresh_token', lease.version)),
  ]).catch(async (error: unknown) => {
    await giveUp(lease.wasSending)
    throw error
  })
  if (!opened) return { kind: 'ended' }

  let tokens: TokenSet
  try {
    ;({ tokens } = await opened.provider.refresh(opened.client, refreshToken))
  } catch (error) {
    if (!(error instanceof OAuthFailure)) {
      await giveUp(true)
      throw error
    }
    if (error.kind === 'grant_refused' && (await rescueGrant(context, lease))) {
      const options = { nodeId: nodeState(context).nodeId, leaseMs: timing.leaseMs, ignoreBackoff: true }
      const next = await claimRenewal(context.db, { ...lease, version: lease.version + 1 }, options)
      return next ? runRenewal(context, next, cause, timing) : unavailable(timing.backoffMs.first)
    }
    return judgeFailure(context, { lease, failure: error, cause, opened, timing })
  }
  // A refresh may leave the refresh token out and then the old one goes on (RFC 6749 section 6).
  const pair = { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken }
  return keepRenewedPair(context, lease, pair, cause, timing)
}
