import { randomUUID } from 'node:crypto'
import type { Db } from '../../db/database.ts'
import type { AccountsContext } from '../context.ts'
import type { Outcome, RenewedToken } from './renewal-outcome.ts'
import type { GrantKey } from './sealed-pair.ts'

/** What one node keeps in memory about renewals: nothing here is needed for correctness over nodes, the leases are. */
export interface NodeState {
  /** Names the node in leases, for people who look at the table. */
  readonly nodeId: string
  /** Renewals under way in this process, by grant: all its callers share one. */
  readonly inFlight: Map<string, Promise<Outcome>>
  /** Pairs that the provider has issued and the database has not taken yet, by grant: served from here until it has. */
  readonly unpersisted: Map<string, RenewedToken>
  /** Work that goes on after its caller has been answered. */
  readonly background: Set<Promise<unknown>>
}

// By database handle, which each node has one of: contexts are copied freely.
const states = new WeakMap<Db, NodeState>()

/** The state of the node that this context belongs to. */
export function nodeState(context: Pick<AccountsContext, 'db'>): NodeState {
  let state = states.get(context.db)
  if (!state) {
    state = { nodeId: randomUUID(), inFlight: new Map(), unpersisted: new Map(), background: new Set() }
    states.set(context.db, state)
  }
  return state
}

/** A grant's place in the maps. The environment is part of it: nobody meets another tenant's renewal by a guessed id. */
export const slotOf = ({ environmentId, grantId }: GrantKey) => `${environmentId}/${grantId}`

/** Lets work go on without its caller. Its failure is logged; {@link drainRenewals} waits for it. */
export function inBackground(context: Pick<AccountsContext, 'db' | 'log'>, what: string, work: Promise<unknown>): void {
  const { background } = nodeState(context)
  const tracked = work
    .catch((error: unknown) => context.log.error({ err: error }, `${what} failed.`))
    .finally(() => background.delete(tracked))
  background.add(tracked)
}

/**
 * Resolves when no renewal is under way in this process and every renewed pair is in the database. A node that stops
 * before that may lose the only living tokens of a grant.
 */
export async function drainRenewals(context: Pick<AccountsContext, 'db'>): Promise<void> {
  const { inFlight, background } = nodeState(context)
  while (inFlight.size + background.size > 0) await Promise.allSettled([...inFlight.values(), ...background])
}
