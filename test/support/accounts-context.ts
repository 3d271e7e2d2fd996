import { randomBytes, randomUUID } from 'node:crypto'
import {
  type AccountsContext,
  defaultAuthorizationLifetimeSeconds,
  defaultTiming,
  type RenewalTiming,
} from '../../src/accounts/context.ts'
import { createPairStore } from '../../src/accounts/grants/token-pair.ts'
import { newNodeState } from '../../src/accounts/node-state.ts'
import { systemActor } from '../../src/audit/audit-log.ts'
import { systemClock } from '../../src/clock.ts'
import { noRowCache } from '../../src/db/changed-rows.ts'
import { Secret } from '../../src/vault/secret.ts'
import { bindingKey } from './bindings.ts'

/** Timing for tests: short backoff, short lease. */
export const quickTiming: RenewalTiming = {
  ...defaultTiming,
  leaseMs: 3_000,
  waitMs: 8_000,
  poll: { firstMs: 10, maxMs: 50 },
  backoff: { firstMs: 50, maxMs: 400 },
  appPauseMs: 60_000,
}

/** The context of one node, from its parts and defaults for the rest. */
export function accountsContext(
  parts: Pick<AccountsContext, 'db' | 'vault' | 'events' | 'log'> & Partial<AccountsContext>,
): AccountsContext {
  const timing = parts.timing ?? quickTiming
  return {
    actor: systemActor,
    providers: new Map(),
    providerApiUrl: () => 'http://127.0.0.1:9',
    publicUrl: 'https://valetkey.example',
    openingKey: new Secret(randomBytes(32).toString('base64url')),
    bindingKey,
    timing,
    storePair: createPairStore({ timing }, parts.db, systemClock),
    node: newNodeState(randomUUID()),
    openAccounts: noRowCache,
    authorizationLifetimeSeconds: defaultAuthorizationLifetimeSeconds,
    ...parts,
  }
}
