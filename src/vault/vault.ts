import type { Secret } from './secret.ts'

/**
 * What a ciphertext is bound to. It becomes the additional authenticated data and is rebuilt by whoever opens, from who
 * is asking and for what, never from the row that holds the ciphertext: a ciphertext that was moved to another tenant,
 * row or column does not open.
 */
export interface SealingContext {
  /** The environment that owns it; `server` for the server's own secrets. */
  readonly environmentId: string
  /** The row that it belongs to: a grant, an OAuth app, a flow, an execution. */
  readonly subject: string
  /** Which of the row's secrets it is, such as `access_token`. */
  readonly field: string
  /** The row's version that it was written with; 1 where rows have none. */
  readonly version: number
}

/** Seals and opens secrets. Format: JWE (RFC 7516), `dir` with `A256GCM`, the data key's id in the header. */
export interface Vault {
  /** Encrypts with the primary data key. The result is a text for a database column. */
  seal(secret: Secret, context: SealingContext): Promise<string>
  /** Decrypts. Fails with a `VaultError` when the context is another one, the key is unknown or retired, or a bit changed. */
  open(sealed: string, context: SealingContext): Promise<Secret>
}
