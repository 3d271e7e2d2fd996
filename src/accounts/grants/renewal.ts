import { setTimeout as sleep } from 'node:timers/promises'
import { AccountNotActiveError } from '../../errors.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { requireActive, requireSameProvider, rereadAccount } from './current-account.ts'
import { judgeWithoutRefreshToken } from './judge-failure.ts'
import { claimRenewal, seeGrant } from './lease.ts'
import { nodeState, slotOf } from './node-state.ts'
import { openAccessToken, openToken } from './open-account.ts'
import { type Outcome, type RenewedToken, toAccountError, unavailable } from './renewal-outcome.ts'
import { rescueGrant } from './rescue-grant.ts'
import { runRenewal } from './run-renewal.ts'
import type { GrantKey } from './sealed-pair.ts'
import { defaultTiming, type RenewalTiming } from './timing.ts'

/** How a renewal may behave; the defaults are for callers whose tool call was refused. */
export interface RenewalOptions {
  readonly timing?: RenewalTiming
  /** Asks the provider although earlier failures say to wait or to leave the OAuth app alone: someone asked for it. */
  readonly ignoreBackoff?: boolean
}

/**
 * A working access token after the provider refused the one of `refusedVersion` (HTTP 401). One renewal is made for all
 * callers on all nodes: who comes late or loses the race gets the winner's token. At most 15 s are waited for another
 * node, and 10 s for the provider.
 *
 * Fails with AccountNotActiveError when the account does not stand any more (this call may be the one that found out),
 * ProviderUnavailableError when the provider cannot be asked now (nothing has changed), OAuthAppRejectedError when it
 * refuses the OAuth app itself, and AccountNotFoundError when the account is gone.
 */
export async function renewAccessToken(
  context: AccountsContext,
  account: ConnectedAccount,
  refusedVersion: number,
  options: RenewalOptions = {},
): Promise<RenewedToken> {
  const { environmentId, grant } = requireActive(account)
  const outcome = await renewGrant(context, { environmentId, grantId: grant.id }, refusedVersion, options)
  if (outcome.kind === 'token') return outcome.token
  if (outcome.kind !== 'ended') throw toAccountError(outcome, account.connectionName)
  const current = await rereadAccount(context, account)
  if (current.status === 'ACTIVE' && current.grant && current.grant.id !== grant.id)
    return openAccessToken(context, requireSameProvider(account, current))
  throw new AccountNotActiveError(current)
}

/** {@link renewAccessToken} for a grant: all callers of this process share one attempt. */
export async function renewGrant(
  context: AccountsContext,
  key: GrantKey,
  refusedVersion: number,
  options: RenewalOptions = {},
): Promise<Outcome> {
  const { inFlight } = nodeState(context)
  const slot = slotOf(key)
  for (;;) {
    const running = inFlight.get(slot)
    if (!running) break
    const outcome = await running
    // What was under way may have been about an older version, which is no answer to this caller.
    if (outcome.kind !== 'token' || outcome.token.version > refusedVersion) return outcome
  }
  const attempt = attemptRenewal(context, key, refusedVersion, options).finally(() => inFlight.delete(slot))
  inFlight.set(slot, attempt)
  return attempt
}

async function attemptRenewal(
  context: AccountsContext,
  key: GrantKey,
  refusedVersion: number,
  { timing = context.timing ?? defaultTiming, ignoreBackoff = false }: RenewalOptions,
): Promise<Outcome> {
  const { nodeId, unpersisted } = nodeState(context)
  let refused = refusedVersion
  const deadline = performance.now() + timing.waitMs
  for (let pause = timing.pollMs.first; ; pause = Math.min(pause * 2, timing.pollMs.longest)) {
    const local = unpersisted.get(slotOf(key))
    if (local) return local.version > refused ? { kind: 'token', token: local } : unavailable(1_000)
    const sight = await seeGrant(context.db, key)
    if (!sight?.active || sight.sealedAccessToken === null) return { kind: 'ended' }
    if (sight.version > refused)
      return { kind: 'token', token: await openToken(context, key, sight.version, sight.sealedAccessToken) }
    if (sight.appPausedMs > 0 && !ignoreBackoff) return { kind: 'client_refused' }
    if (!sight.renewable) {
      if (!(await rescueGrant(context, sight)))
        return judgeWithoutRefreshToken(context, sight, sight.sealedAccessToken, timing)
      // Nobody has seen the newer pair work: it is renewed at once, as after a refused refresh.
      refused = sight.version + 1
    } else if (!sight.leased) {
      if (sight.backoffMs > 0 && !ignoreBackoff) return unavailable(sight.backoffMs)
      const claim = { ...key, version: sight.version }
      const lease = await claimRenewal(context.db, claim, { nodeId, leaseMs: timing.leaseMs, ignoreBackoff })
      if (lease) return runRenewal(context, lease, 'refused', timing)
    }
    if (performance.now() >= deadline) return unavailable(1_000)
    await sleep(pause * (0.5 + timing.random() / 2))
  }
}
