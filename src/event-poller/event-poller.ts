import type { AccountsContext } from '../accounts/context.ts'
import { type Loop, startLoop, unmeasured } from '../background.ts'
import type { Notifications } from '../db/notifications.ts'
import { deleteGoneListeners } from '../provider-events/listeners.ts'
import {
  beginPolls,
  type ClaimedPoll,
  claimPolls,
  PollLeaseLostError,
  releasePoll,
} from '../provider-events/poll-store.ts'
import type { ChangeSource } from '../tools/change-source.ts'
import { polledTypesOf } from '../tools/connector.ts'
import type { ToolEngine } from '../tools/engine.ts'
import { createGrantShare, type GrantShare, withinShare } from '../tools/grant-share.ts'
import { type GrantSlice, workForGrant } from '../tools/grant-slice.ts'
import { type PollIntervals, pollSlice } from './poll-slice.ts'

/** The pauses and bounds of polls. */
export interface PollTiming extends PollIntervals {
  /** The pause between two looks for grants whose poll is due, in milliseconds. */
  readonly everyMs: number
  /** The pause between two looks for grants to begin with, in milliseconds. New listeners are noticed earlier. */
  readonly beginEveryMs: number
  /** How long a node works on one grant before others have their turn, in milliseconds. */
  readonly sliceMs: number
  /** How long a claimed grant excludes other nodes without a sign of life: longer than a slice and a request. */
  readonly leaseMs: number
  /**
   * After a longer pause, in milliseconds, a grant is polled as for the first time: what was edited meanwhile is not reported.
   * Shorter for streams than for endpoints, which get later what they do not get now.
   */
  readonly maxGapMs: { readonly stream: number; readonly endpoint: number }
  /** The share of what the provider allows a grant. */
  readonly share: number
  /** The pauses after failures: the doubling bound of a random pause. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
}

/** The values for production. */
export const defaultPollTiming: PollTiming = {
  everyMs: 5_000,
  beginEveryMs: 15_000,
  intervalMs: 60_000,
  idleIntervalMs: 300_000,
  settleMs: 10_000,
  sliceMs: 20_000,
  leaseMs: 120_000,
  maxGapMs: { stream: 900_000, endpoint: 86_400_000 },
  share: 0.05,
  backoff: { firstMs: 10_000, maxMs: 300_000 },
}

/** Grants that a node polls at a time. Nearly all of that time is waiting for the provider. */
const concurrency = 50

type Context = Pick<AccountsContext, 'db' | 'log' | 'measure' | 'node'>

/** What the poller works with. */
export interface PollerOptions {
  /** The sources of the connectors that have one, by the connectors' slugs. */
  readonly sources: ReadonlyMap<string, ChangeSource>
  readonly engine: Pick<ToolEngine, 'openReader'>
  readonly notifications: Notifications
  readonly timing: PollTiming
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
  /** Called for each event that was found, after the commit. */
  readonly observe: (connector: string, outcome: 'polled') => void
}

/**
 * Starts to poll for events of the grants that someone listens to, where the provider sends none. Each is polled by one node at
 * a time, by a lease. What polls find is processed by the inbox.
 */
export async function startEventPoller(context: Context, options: PollerOptions): Promise<Pick<Loop<unknown>, 'stop'>> {
  const { db, log, measure = unmeasured } = context
  const { timing, random, sources } = options
  const polled = polledTypesOf(sources)
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  const share = createGrantShare(timing.share)
  let stopped: Promise<void> | undefined
  const poll = async (claimed: ClaimedPoll) => {
    try {
      await measure('polling for events', () => pollGrant(context, options, claimed, share, stopping.signal))
    } catch (err) {
      if (!(err instanceof PollLeaseLostError)) log.error({ err, grant: claimed.grantId }, 'polling a grant failed')
    }
  }
  const polls: Loop<void> = startLoop({
    name: 'looking for grants to poll for events',
    everyMs: timing.everyMs,
    jitter: 0.1,
    immediately: true,
    random,
    log,
    measure,
    async run(signal) {
      const limit = concurrency - running.size
      if (limit <= 0 || signal.aborted) return
      const { leaseMs, maxGapMs } = timing
      const claims = await claimPolls(db, polled, { limit, leaseMs, maxGapMs, nodeId: context.node.nodeId })
      for (const claimed of claims) {
        const tracked: Promise<void> = poll(claimed).finally(() => {
          running.delete(tracked)
          // Others may wait for their place; one statement claims several.
          if (claims.length === limit && running.size <= concurrency / 2) polls.wake()
        })
        running.add(tracked)
      }
    },
  })
  const begin: Loop<void> = startLoop({
    name: 'looking for listeners to events',
    everyMs: timing.beginEveryMs,
    jitter: 0.1,
    immediately: true,
    random,
    log,
    measure,
    async run() {
      await deleteGoneListeners(db)
      if (await beginPolls(db, polled)) begin.wake()
      polls.wake()
    },
  })
  // The triggers of the migration notify of new listeners.
  const stopListening = await options.notifications.listen('valetkey_event_listeners', {
    onMessage: begin.wake,
    onGap: begin.wake,
  })
  return {
    stop() {
      stopped ??= (async () => {
        stopping.abort(new Error('The process stops.'))
        await Promise.all([stopListening(), polls.stop(), begin.stop()])
        await Promise.all(running)
      })()
      return stopped
    },
  }
}

/** Polls a claimed grant for one slice, and ends the lease. */
async function pollGrant(
  { db, log }: Context,
  { sources, engine, timing, random, observe }: PollerOptions,
  poll: ClaimedPoll,
  share: GrantShare,
  signal: AbortSignal,
): Promise<void> {
  const { environmentId, grantId, failures, reader } = poll
  const slice: GrantSlice<ChangeSource> = {
    ...{ environmentId, grantId, failures },
    async find() {
      const source = sources.get(reader.connector)
      return source ? { account: reader, source } : null
    },
    name: 'polling a grant for events',
    isLost: (error) => error instanceof PollLeaseLostError,
    retry: (inMs, failed) => releasePoll(db, poll, { inMs, failed }),
  }
  await workForGrant({ engine, timing, random, log, signal }, slice, async (call, source, isOver) => {
    const shared = withinShare(call, grantId, share)
    const found = await pollSlice({ ...{ db, source, random, log, isOver }, intervals: timing, call: shared }, poll)
    for (let count = 0; count < found; count++) observe(reader.connector, 'polled')
  })
}
