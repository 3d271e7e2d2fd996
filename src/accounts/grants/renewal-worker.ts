import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { startLoop } from '../../background.ts'
import type { Db } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import { createBusySign } from '../../event-loop.ts'
import { type TokenBucket, tokenBucket } from '../../token-bucket.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { drainRenewals, type RenewalOutcome, slotOf } from '../node-state.ts'
import { type OpenGrantClient, openingGrantClients } from './grant-client.ts'
import { claimDueRenewals, type Lease, sweepInterruptedRenewals } from './lease.ts'
import { runRenewal } from './renewal.ts'
import { sendRevocations } from './revocation-outbox.ts'
import { verifyGrant } from './verify-grant.ts'

/** How the worker works. The defaults suit production. */
export interface RenewalWorkerOptions {
  /** Pause between two runs, in milliseconds, with a tenth of jitter. Default 5000. */
  readonly everyMs?: number
  /** Maximum number of renewals, and of verifications, in progress at the same time. Default 32 each. */
  readonly concurrency?: number
  /** The same while the process is busy. Default 2 each. */
  readonly concurrencyWhenBusy?: number
  /** Whether the process is busy. By default as `event-loop.ts` measures it. */
  readonly isBusy?: () => boolean
  /** Maximum number of requests to the provider per second, on this node. Default 300. */
  readonly requestsPerSecond?: number
}

/** What one run of the worker did. */
export interface WorkerRun {
  readonly renewals: number
  readonly verifications: number
  readonly revocations: number
  readonly interrupted: number
}

/** The background work on grants of one node. Several nodes share it. */
export interface RenewalWorker {
  /** Does everything that is due now and resolves when it is done. */
  runOnce(): Promise<WorkerRun>
  /** Starts nothing more, finishes what is in progress and waits until renewed pairs are in the database. */
  stop(): Promise<void>
}

/** How long a claimed verification excludes others; after a crash it is due again by then. */
const verificationClaimSeconds = 300

/**
 * Starts the background work on grants: renewals that are due, verifications of grants that were not used for a while,
 * queued revocations, and the marks of interrupted renewals. Work is claimed in batches that other nodes skip
 * (`FOR UPDATE SKIP LOCKED`), only as much as can start at once, and within the budget for requests to the provider. None of
 * it is urgent: tokens are renewed before they expire. It takes little of a busy process, so that calls wait less for it.
 */
export function startRenewalWorker(context: AccountsContext, options: RenewalWorkerOptions = {}): RenewalWorker {
  const { everyMs = 5_000, concurrency = 32, concurrencyWhenBusy = 2, requestsPerSecond = 500 } = options
  const { isBusy = createBusySign() } = options
  const places = createPlaces(concurrency, concurrencyWhenBusy, isBusy)
  const budget = tokenBucket(requestsPerSecond, performance)
  const onError = (err: unknown) => context.log.error({ err }, 'background work on a grant failed')

  const run = async (signal: AbortSignal): Promise<WorkerRun> => {
    const work = (claim: (limit: number) => Promise<readonly (() => Promise<unknown>)[]>) =>
      workOff({ claim, places, budget, signal, onError })
    const interrupted = await sweepInterruptedRenewals(context.db, 1_000)
    const [renewals, verifications, revocations] = await Promise.all([
      work(async (limit) => {
        const claim = { nodeId: context.node.nodeId, leaseMs: context.timing.leaseMs }
        const leases = await claimDueRenewals(context.db, limit, claim)
        const openClient = openingGrantClients(context)
        return leases.map((lease) => () => renewShared(context, lease, openClient))
      }),
      work(async (limit) => {
        const grants = await claimDueVerifications(context.db, limit)
        const openClient = openingGrantClients(context)
        return grants.map((grant) => () => verifyGrant(context, grant, { openClient }))
      }),
      revokeDue(context, { places, budget, signal }),
    ])
    return { interrupted, renewals, verifications, revocations }
  }

  const loop = startLoop({
    name: 'background work on grants',
    everyMs,
    jitter: 0.1,
    random: context.timing.random,
    log: context.log,
    measure: context.measure,
    run,
  })
  return {
    runOnce: loop.runOnce,
    async stop() {
      await loop.stop()
      await drainRenewals(context)
    },
  }
}

/** How many more pieces may be in progress, each time that this is asked while the process is not busy. */
const morePlaces = 2

/**
 * Returns how many pieces may be in progress now: few while the process is busy, and from then on more with each piece that
 * ends, as in the slow start of TCP (RFC 5681 section 3.1). Many that start together would make the process busy again.
 */
function createPlaces(concurrency: number, whenBusy: number, isBusy: () => boolean): () => number {
  let places = whenBusy
  return () => {
    places = Math.min(concurrency, isBusy() ? whenBusy : places + morePlaces)
    return places
  }
}

interface Budgeted {
  /** How many pieces may be in progress now. */
  readonly places: () => number
  readonly budget: TokenBucket
  readonly signal: AbortSignal
}

/**
 * Claims and does work until nothing is left: as many pieces at a time as there are places, claimed only when they can start.
 * Returns how many were done. A failed piece is passed to `onError` and does not affect the others.
 */
async function workOff(
  options: Budgeted & {
    readonly claim: (limit: number) => Promise<readonly (() => Promise<unknown>)[]>
    readonly onError: (error: unknown) => void
  },
): Promise<number> {
  const { claim, places, budget, signal, onError } = options
  const running = new Set<Promise<void>>()
  let done = 0
  let more = true
  while (more && !signal.aborted) {
    const all = places()
    const free = all - running.size
    // Claiming one piece costs as much as claiming many: the next claim waits until half of the places are free.
    if (free < all / 2) {
      await Promise.race(running)
      continue
    }
    const limit = await takePermits(budget, free, signal)
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

/** Sends what is due in the revocation outbox, a batch at a time. Returns how many entries were claimed. */
async function revokeDue(context: AccountsContext, { places, budget, signal }: Budgeted): Promise<number> {
  let total = 0
  for (let more = true; more && !signal.aborted; ) {
    const limit = await takePermits(budget, places(), signal)
    const sent = limit === 0 ? 0 : await sendRevocations(context, { limit })
    budget.giveBack(limit - sent)
    total += sent
    more = sent === limit
  }
  return total
}

/** Takes permits, and waits while there are none. Returns zero only when the work was stopped. */
async function takePermits(budget: TokenBucket, wanted: number, signal: AbortSignal): Promise<number> {
  while (!signal.aborted) {
    const taken = budget.take(wanted)
    if (taken > 0) return taken
    await sleep(20)
  }
  return 0
}

/** Renews, and lets callers of this node whose token is refused meanwhile wait for the same renewal. */
function renewShared(context: AccountsContext, lease: Lease, openClient: OpenGrantClient): Promise<RenewalOutcome> {
  const { inFlight } = context.node
  const slot = slotOf(lease)
  const renewal = runRenewal(context, lease, { cause: 'scheduled', openClient })
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
    .forNoKeyUpdate()
    .skipLocked()
  const rows = await db
    .updateTable('grants')
    .set({ next_verify_at: inSeconds(verificationClaimSeconds) })
    .where('id', 'in', due)
    .returning(['environment_id', 'id'])
    .execute()
  return rows.map((row) => ({ environmentId: row.environment_id, grantId: row.id }))
}
