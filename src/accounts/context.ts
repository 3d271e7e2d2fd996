import type { Actor } from '../audit/audit-log.ts'
import type { MeasureWork } from '../background.ts'
import type { RowCache } from '../db/changed-rows.ts'
import type { Db } from '../db/database.ts'
import type { AccountEvents } from '../events/status-events.ts'
import type { Log } from '../log.ts'
import type { Secret } from '../vault/secret.ts'
import type { Vault } from '../vault/vault.ts'
import type { OpenedAccount } from './connected-account.ts'
import type { NodeState } from './node-state.ts'
import type { StorePair } from './pair-update.ts'
import type { OAuthProvider } from './provider.ts'

/** What the operations on accounts work with. The composition root creates one per process. */
export interface AccountsContext {
  /** Who causes what is done with this context. Each request has a copy of its own. */
  readonly actor: Actor
  readonly db: Db
  readonly vault: Vault
  readonly events: AccountEvents
  /** The OAuth of each connector, by the connector's slug. */
  readonly providers: ReadonlyMap<string, OAuthProvider>
  /** The base URL of the provider's API for an OAuth app, without a trailing slash: the sandbox or the real provider. */
  readonly providerApiUrl: (app: { readonly connector: string; readonly sandbox: boolean }) => string
  /** The base URL of the provider's consent page, where browsers reach it at another address than this server does. */
  readonly providerConsentUrl?: (app: { readonly connector: string; readonly sandbox: boolean }) => string
  /** The base of our own links and of redirect URIs, without a trailing slash. From the configuration, never from a request. */
  readonly publicUrl: string
  /** Authenticates openings of links and the cookies of their browsers. All nodes share it. */
  readonly openingKey: Secret
  /** The key of the bindings of rows; see `vault/row-binding.ts`. */
  readonly bindingKey: Secret
  readonly log: Log
  readonly timing: RenewalTiming
  /** What this process holds in memory. Copies of a context share it. */
  readonly node: NodeState
  /** Stores the pairs of renewals. Copies of a context share it. */
  readonly storePair: StorePair
  /** The accounts that were opened for tool calls a moment ago, by environment, connection and identifier. */
  readonly openAccounts: RowCache<OpenedAccount>
  /** How long a link, and after the exchange a confirmation, can be used. */
  readonly authorizationLifetimeSeconds: number
  /** Called with the outcome of every attempt to renew a grant. */
  readonly observeRenewal?: (outcome: string) => void
  /** Measures background work. */
  readonly measure?: MeasureWork
}

/** Ten minutes, the maximum lifetime of a code that RFC 6749 section 4.1.2 recommends. */
export const defaultAuthorizationLifetimeSeconds = 600

/** The waits of renewals and verifications, in milliseconds, and the randomness that spreads them. */
export interface RenewalTiming {
  /** How long a claimed renewal excludes others. Three times the deadline of the provider call that it covers. */
  readonly leaseMs: number
  /** How long a caller waits for a renewal that another node has claimed. */
  readonly waitMs: number
  /** The pauses between checks of another node's renewal: the first one, doubled up to the maximum. */
  readonly poll: { readonly firstMs: number; readonly maxMs: number }
  /** Backoff after failures of one grant: the upper bound of the first pause, doubled up to the maximum. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
  /** How long renewals of an OAuth app pause after the provider rejected its client id or secret. */
  readonly appPauseMs: number
  /**
   * How many refusals without a reason, over which time, end a grant: where introspection confirms that its access token
   * is not active, and where only the provider's API refuses it.
   */
  readonly endAfter: Readonly<
    Record<'confirmed' | 'unconfirmed', { readonly refusals: number; readonly spanMs: number }>
  >
  /** How long storing a renewed pair is retried when the database does not accept it. */
  readonly persistMs: number
  /** The interval between verifications of a grant that is not used. */
  readonly verifyEveryMs: number
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
}

/** The timing in production. */
export const defaultTiming: RenewalTiming = {
  leaseMs: 30_000,
  waitMs: 15_000,
  poll: { firstMs: 50, maxMs: 400 },
  backoff: { firstMs: 1_000, maxMs: 15 * 60_000 },
  appPauseMs: 5 * 60_000,
  endAfter: { confirmed: { refusals: 3, spanMs: 60_000 }, unconfirmed: { refusals: 10, spanMs: 86_400_000 } },
  persistMs: 15 * 60_000,
  verifyEveryMs: 3_600_000,
  random: Math.random,
}
