import type { Actor } from '../audit/audit-log.ts'
import type { RowCache } from '../db/changed-rows.ts'
import type { Db } from '../db/database.ts'
import type { Log } from '../log.ts'
import type { Secret } from '../vault/secret.ts'
import type { Authentication } from './viewer.ts'

/** What the operations on environments and credentials work with; created once by the composition root. */
export interface EnvironmentsContext {
  /** Who causes what is done with this context; each request has a copy of its own. */
  readonly actor: Actor
  readonly db: Db
  /** The key of the HMAC under which API keys are stored: the server secret `api-key-pepper`. */
  readonly apiKeyPepper: Secret
  /** The key that signs user sessions: the server secret `user-session-key`, at least 32 bytes. */
  readonly userSessionKey: Secret
  /** The key of the bindings of rows; see `vault/row-binding.ts`. */
  readonly bindingKey: Secret
  /** Issuer of user sessions. From the configuration, without a final slash. */
  readonly publicUrl: string
  readonly log: Log
  /** The credentials that were accepted a moment ago, by their SHA-256. */
  readonly credentials: RowCache<Authentication>
  /** The SHA-256 of credentials that were accepted at their last use, which are looked up without a limit. */
  readonly known: {
    has(digest: string): boolean
    set(digest: string, known: true): unknown
    delete(digest: string): unknown
  }
}
