import type { Secret } from './secret.ts'

/**
 * What a ciphertext is bound to: its additional authenticated data. The code that opens a ciphertext rebuilds the context
 * from the caller and the purpose, never from the row with the ciphertext. A ciphertext that was moved to another tenant,
 * row or column does not open.
 */
export interface SealingContext {
  /** ID of the environment that owns it; `server` for the server's own secrets. */
  readonly environmentId: string
  /** ID of the row to which it belongs: a grant, an OAuth app, a flow, an execution. */
  readonly subject: string
  /** The row's field, such as `access_token`. */
  readonly field: string
  /** The version of the row with which it was written; 1 for rows without a version. */
  readonly version: number
}

/** Encrypts and decrypts secrets. Format: JWE (RFC 7516), `dir` with `A256GCM`, the data key's ID in the header. */
export interface Vault {
  /** Encrypts with the primary data key. Returns a string for a database column. */
  seal(secret: Secret, context: SealingContext): Promise<string>
  /** Decrypts. Throws `VaultError` for another context, an unknown or retired key, or a changed bit. */
  open(sealed: string, context: SealingContext): Promise<Secret>
}
