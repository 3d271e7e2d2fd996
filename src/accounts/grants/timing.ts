/** The waits of renewals, in milliseconds unless said otherwise, and the randomness that spreads them. */
export interface RenewalTiming {
  /** How long a claimed renewal is left alone. Three times the deadline of the provider call that it covers. */
  readonly leaseMs: number
  /** How long a caller waits for a renewal that another node has claimed. */
  readonly waitMs: number
  /** The first and the longest pause between looks at another node's renewal. */
  readonly pollMs: { readonly first: number; readonly longest: number }
  /** Backoff after failures of one grant: the upper bound of the first pause, doubled up to `longest`. */
  readonly backoffMs: { readonly first: number; readonly longest: number }
  /** How long an OAuth app is left alone after the provider has refused its client id or secret. */
  readonly appPauseMs: number
  /** How long a renewed pair that the database did not take is offered to it again. */
  readonly persistMs: number
  /** Between two looks at a grant that nobody uses. */
  readonly verifyEveryMs: number
  /** A number from 0 up to and without 1. */
  readonly random: () => number
}

/** What runs in production. */
export const defaultTiming: RenewalTiming = {
  leaseMs: 30_000,
  waitMs: 15_000,
  pollMs: { first: 50, longest: 400 },
  backoffMs: { first: 1_000, longest: 15 * 60_000 },
  appPauseMs: 5 * 60_000,
  persistMs: 15 * 60_000,
  verifyEveryMs: 3_600_000,
  random: Math.random,
}

/** Full jitter: anything between zero and a bound that doubles with each failure, so that retries do not march in step. */
export function backoff(timing: RenewalTiming, failures: number, floorMs = 0): number {
  const { first, longest } = timing.backoffMs
  const bound = Math.min(longest, first * 2 ** Math.min(failures, 30))
  return Math.min(longest, Math.max(floorMs, Math.round(timing.random() * bound)))
}
