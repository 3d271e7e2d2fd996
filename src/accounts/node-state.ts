import type { Log } from '../log.ts'
import type { Secret } from '../vault/secret.ts'
import type { GrantKey } from './connected-account.ts'

/**
 * What one process holds in memory about grants. Correctness across nodes does not depend on it (leases and versions in
 * the database do), with one exception: a pair in `unpersisted` exists nowhere else.
 */
export interface NodeState {
  /** Identifies the node in leases, for operators who read the table. */
  readonly nodeId: string
  /** Renewals in progress in this process, by grant: all callers share one. */
  readonly inFlight: Map<string, Promise<RenewalOutcome>>
  /** Pairs that the provider has issued and the database has not accepted yet, by grant: served from here until then. */
  readonly unpersisted: Map<string, RenewedToken>
  /** Work that continues after its caller was answered. */
  readonly background: Set<Promise<unknown>>
}

/** An access token with the version of the grant that it belongs to. */
export interface RenewedToken {
  readonly accessToken: Secret
  readonly grantId: string
  readonly version: number
}

/**
 * The result of an attempt to get a working token:
 * - `token`: a token, whichever node renewed it.
 * - `ended`: the grant is no longer active.
 * - `unavailable`: the provider could not be asked or gave no usable answer; nothing has changed.
 * - `client_refused`: the provider rejects the OAuth app itself; nothing has changed.
 */
export type RenewalOutcome =
  | { readonly kind: 'token'; readonly token: RenewedToken }
  | { readonly kind: 'ended' }
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number }
  | { readonly kind: 'client_refused' }

/** The empty state of a node that starts. */
export function newNodeState(nodeId: string): NodeState {
  return { nodeId, inFlight: new Map(), unpersisted: new Map(), background: new Set() }
}

/** A grant's key in the maps. It includes the environment, so that a guessed id never reaches another tenant's renewal. */
export const slotOf = ({ environmentId, grantId }: GrantKey) => `${environmentId}/${grantId}`

/** Lets work continue without its caller. A failure is logged; {@link drainRenewals} waits for the work. */
export function inBackground(
  { node: { background }, log }: { readonly node: NodeState; readonly log: Log },
  name: string,
  work: Promise<unknown>,
): void {
  const tracked = work
    .catch((err: unknown) => log.error({ err }, `${name} failed`))
    .finally(() => background.delete(tracked))
  background.add(tracked)
}

/**
 * Resolves when no renewal is in progress in this process and every renewed pair is in the database. A node that stops
 * earlier can lose the only valid tokens of a grant.
 */
export async function drainRenewals({ node }: { readonly node: NodeState }): Promise<void> {
  const { inFlight, background } = node
  while (inFlight.size + background.size > 0) await Promise.allSettled([...inFlight.values(), ...background])
}
