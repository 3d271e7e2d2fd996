import type { Db } from '../db/database.ts'
import type { AccountEvents } from '../events/status-events.ts'
import type { Log } from '../log.ts'
import type { Vault } from '../vault/vault.ts'
import type { RenewalTiming } from './grants/timing.ts'
import type { OAuthProvider } from './provider.ts'

/** What the operations on accounts work with; made once by the composition root. */
export interface AccountsContext {
  readonly db: Db
  readonly vault: Vault
  readonly events: AccountEvents
  /** The OAuth of each connector, by the connector's slug. */
  readonly providers: ReadonlyMap<string, OAuthProvider>
  /** The base of the provider's API for an OAuth app, without a final slash: the sandbox's or the real one's. */
  readonly providerApiUrl: (app: { readonly connector: string; readonly sandbox: boolean }) => string
  /** Where browsers reach the same, if that is another address: the base of the provider's consent page. */
  readonly providerConsentUrl?: (app: { readonly connector: string; readonly sandbox: boolean }) => string
  /** The base of our own links and of redirect URIs, without a final slash. From the configuration, never from a request. */
  readonly publicUrl: string
  readonly log: Log
  /** The waits of renewals and verifications; `defaultTiming` where it is not given. */
  readonly timing?: RenewalTiming
}
