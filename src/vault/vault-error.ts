/**
 * Why an operation of the vault failed:
 * - `malformed`: the value is not a ciphertext of this vault.
 * - `unknown_key`, `retired_key`: the data key does not exist or is retired; other keys are never tried.
 * - `does_not_open`: another context, another key, or a changed bit; these cannot be distinguished.
 * - `not_bound`: a row does not match its binding; see `row-binding.ts`.
 * - `wrong_master_key`: the key-encryption key is not the one that wrapped the data keys.
 * - `key_service`: the service that holds the key-encryption key refused or is unreachable.
 */
export type VaultErrorKind =
  | 'malformed'
  | 'unknown_key'
  | 'retired_key'
  | 'does_not_open'
  | 'not_bound'
  | 'wrong_master_key'
  | 'key_service'

/** An operation of the vault failed. The message and the fields never contain key material, plaintext or ciphertext. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly kind: VaultErrorKind

  constructor(kind: VaultErrorKind, message: string) {
    super(message)
    this.kind = kind
  }
}

const permanent: ReadonlySet<VaultErrorKind> = new Set(['malformed', 'unknown_key', 'retired_key', 'does_not_open'])

/**
 * Returns whether an error is permanent: the ciphertext was changed or moved, or its key is gone. Such an error must not
 * prevent the ciphertext from being erased or replaced.
 */
export function neverOpens(error: unknown): boolean {
  return error instanceof VaultError && permanent.has(error.kind)
}
