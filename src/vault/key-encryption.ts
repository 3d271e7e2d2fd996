/** What a wrapped key is bound to. Key services call it encryption context or associated data. */
export type WrappingContext = Readonly<Record<'purpose' | 'kid', string>>

/**
 * The source of the key-encryption key: the configuration or a key service. Data keys are stored wrapped by it, so that a
 * copy of the database alone opens nothing.
 *
 * `unwrap` throws `VaultError`: `wrong_master_key` when this source cannot open the blob (another key, another context,
 * changed bytes), `key_service` when the service is unavailable. Messages never contain key material.
 */
export interface KeyEncryption {
  /** ID of the key that wraps. Not secret; equal on every node with the same configuration. */
  readonly id: string
  /** Where an operator sets this key, for messages, such as `VALETKEY_MASTER_KEY`. */
  readonly setting: string
  /** Wraps 32 bytes with the key {@link KeyEncryption.id}. The blob contains what `unwrap` needs. */
  wrap(key: Uint8Array, context: WrappingContext): Promise<string>
  /** Returns the 32 bytes, with the current key or an older one that the source still has. */
  unwrap(blob: string, context: WrappingContext): Promise<Uint8Array>
}
