import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import type { AccountsContext } from '../context.ts'
import { claimDueRenewals, sweepCutOffRenewals } from './lease.ts'
import { drainRenewals, nodeState, slotOf } from './node-state.ts'
import { type ProviderBudget, tokenBucket } from './provider-budget.ts'
import { sendRevocations } from './revocation-outbox.ts'
import { runRenewal } from './run-renewal.ts'
import type { GrantKey } from './sealed-pair.ts'
import { defaultTiming, type RenewalTiming } from './timing.ts'
import { verifyGrant } from './verify-grant.ts'

/** How the keeper works. Every field has a default that suits production. */
export interface GrantKeeperOptions {
  readonly timing?: RenewalTiming
  /** Pause between two looks for due work, in milliseconds, with a tenth of jitter. Default 5000. */
  readonly everyMs?: number
  /** Renewals, and verifications, that are under way at the same time. Default 32 each. */
  readonly concurrency?: number
  /** Requests of the keeper to the provider per second, on this node. Default 200. */
  readonly requestsPerSecond?: number
}

/** What one run of the keeper did. */
export interface KeeperRun {
  readonly renewals: number
  readonly verifications: number
  readonly revocations: number
  readonly cutOff: number
}

/** The background care for grants on one node. Several nodes share the work. */
export interface GrantKeeper {
  /** Does everything that is due now and resolves when it is done. */
  runOnce(): Promise<KeeperRun>
  /** Starts nothing more, finishes what is under way and sees renewed pairs into the database. */
  stop(): Promise<void>
}

/** How long a claimed verification keeps others away; after a crash it is due again by then. */
const verificationClaimSeconds = 300

/**
 * Starts the background care: renewals that are due, verification of grants that nobody has asked for in a while,
 * queued revocations, and the marks that crashed nodes left. Work is claimed in batches that other nodes skip
 * (`FOR UPDATE SKIP LOCKED`), only as much as can be started at once, and within the provider's budget.
 */
export function startGrantKeeper(context: AccountsContext, options: GrantKeeperOptions = {}): GrantKeeper {
  const timing = options.timing ?? context.timing ?? defaultTiming
  const everyMs = options.everyMs ?? 5_000
  const concurrency = options.concurrency ?? 32
  const budget = tokenBucket(options.requestsPerSecond ?? 200, () => performance.now())
  const stopping = new AbortController()
  const { signal } = stopping

  const renewDue = () =>
    workOff(
      concurrency,
      budget,
      signal,
      async (limit) => {
        const { nodeId } = nodeState(context)
        const leases = await claimDueRenewals(context.db, limit, { nodeId, leaseMs: timing.leaseMs })
        return leases.map(
          (lease) => () => shared(context, lease, () => runRenewal(context, lease, 'scheduled', timing)),
        )
      },
      onError,
    )

  const verifyDue = () =>
    workOff(
      concurrency,
      budget,
      signal,
      async (limit) => {
        const grants = await claimDueVerifications(context.db, limit)
        return grants.map((grant) => () => verifyGrant(context, grant, { timing }))
      },
      onError,
    )

  const revokeDue = async () => {
    let total = 0
    for (let more = true; more && !signal.aborted; ) {
      const limit = await takeSome(budget, concurrency, signal)
      const sent = limit === 0 ? 0 : await sendRevocations(context, { limit, timing })
      budget.giveBack(limit - sent)
      total += sent
      more = sent === limit
    }
    return total
  }

  function onError(error: unknown) {
    context.log.error({ err: error }, 'Background care for a grant failed.')
  }

  const run = async (): Promise<KeeperRun> => {
    const cutOff = await sweepCutOffRenewals(context.db, 1_000)
    const [renewals, verifications, revocations] = await Promise.all([renewDue(), verifyDue(), revokeDue()])
    return { cutOff, renewals, verifications, revocations }
  }

  // One run at a time: a second one would only compete with the first for the same budget.
  let last: Promise<unknown> = Promise.resolve()
  const runOnce = () => {
    const next = last.then(run)
    last = next.catch(() => {})
    return next
  }

  const loop = (async () => {
    while (!signal.aborted) {
      await sleep(everyMs * (0.9 + 0.2 * timing.random()), undefined, { signal, ref: false }).catch(() => {})
      if (!signal.aborted) await runOnce().catch(onError)
    }
  })()

  return {
    runOnce,
    async stop() {
      stopping.abort()
      await loop
      await last
      await drainRenewals(context)
    },
  }
}

/**
 * Claims and does work until nothing is left: at most `concurrency` pieces at a time, claimed only when they can start.
 * Gives how many were done. A failed piece is told to `onError` and costs the others nothing.
 */
async function workOff(
  concurrency: number,
  budget: ProviderBudget,
  signal: AbortSignal,
  claim: (limit: number) => Promise<readonly (() => Promise<unknown>)[]>,
  onError: (error: unknown) => void,
): Promise<number> {
  const running = new Set<Promise<void>>()
  let done = 0
  let more = true
  while (more && !signal.aborted) {
    const free = concurrency - running.size
    // Claims of one are as expensive as claims of many: they are made when half of the places are free.
    if (free < concurrency / 2) {
      await Promise.race(running)
      continue
    }
    const limit = await takeSome(budget, free, signal)
    const pieces = limit === 0 ? [] : await claim(limit)
    budget.giveBack(limit - pieces.length)
    more = pieces.length === limit
    done += pieces.length
    for (const piece of pieces) {
      const tracked = piece()
        .then(() => {}, onError)
        .finally(() => running.delete(tracked))
      running.add(tracked)
    }
  }
  await Promise.all(running)
  return done
}

/** Takes what the budget gives, and waits while it gives nothing. Zero only when there is no need to go on. */
async function takeSome(budget: ProviderBudget, wanted: number, signal: AbortSignal): Promise<number> {
  for (;;) {
    const taken = signal.aborted ? 0 : budget.take(wanted)
    if (taken > 0 || signal.aborted) return taken
    await sleep(20)
  }
}

/** Lets callers of this node whose token is refused meanwhile wait for this renewal instead of asking the database. */
function shared(context: AccountsContext, key: GrantKey, renew: () => ReturnType<typeof runRenewal>) {
  const { inFlight } = nodeState(context)
  const slot = slotOf(key)
  const renewal = renew()
  if (inFlight.has(slot)) return renewal
  const tracked = renewal.finally(() => inFlight.delete(slot))
  inFlight.set(slot, tracked)
  return tracked
}

async function claimDueVerifications(db: Db, limit: number): Promise<readonly GrantKey[]> {
  const due = db
    .selectFrom('grants')
    .select('id')
    .where('status', '=', 'active')
    .where('next_verify_at', '<=', sql<Date>`now()`)
    .where(
      sql<boolean>`not exists (select from oauth_apps where oauth_apps.id = grants.oauth_app_id and oauth_apps.refresh_paused_until > clock_timestamp())`,
    )
    .orderBy('next_verify_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  const rows = await db
    .updateTable('grants')
    .set({ next_verify_at: sql`clock_timestamp() + make_interval(secs => ${verificationClaimSeconds})` })
    .where('id', 'in', due)
    .returning(['environment_id', 'id'])
    .execute()
  return rows.map((row) => ({ environmentId: row.environment_id, grantId: row.id }))
}
