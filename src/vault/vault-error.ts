/**
 * Why the vault did not do what it was asked:
 * - `malformed`: the text is no sealed text of ours.
 * - `unknown_key`, `retired_key`: no data key of this id opens anything; other keys are never tried.
 * - `does_not_open`: another context, another key, or a changed bit; cryptography cannot tell which.
 * - `wrong_master_key`: the key-encryption key is not the one that wrapped the data keys.
 * - `key_service`: the service that holds the key-encryption key refused or could not be reached.
 */
export type VaultErrorKind =
  | 'malformed'
  | 'unknown_key'
  | 'retired_key'
  | 'does_not_open'
  | 'wrong_master_key'
  | 'key_service'

/** The vault refused. Neither the message nor any field holds key material, plaintext or ciphertext. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly kind: VaultErrorKind

  constructor(kind: VaultErrorKind, message: string) {
    super(message)
    this.kind = kind
  }
}

const lasting: ReadonlySet<VaultErrorKind> = new Set(['malformed', 'unknown_key', 'retired_key', 'does_not_open'])

/**
 * Whether an error says that a text opens here neither now nor later: it was changed or moved, or its key is gone. Who is
 * about to erase or replace such a text must not be stopped by it.
 */
export function neverOpens(error: unknown): boolean {
  return error instanceof VaultError && lasting.has(error.kind)
}
