/** What a wrapped key is bound to, as short texts. Key services call it encryption context or associated data. */
export type WrappingContext = Readonly<Record<'purpose' | 'kid', string>>

/**
 * Where the key-encryption key is: in the configuration or in a key service. Data keys are stored wrapped by it, so that
 * the database alone opens nothing.
 *
 * `unwrap` fails with a `VaultError`: `wrong_master_key` when this source cannot open the blob (another key, another
 * context, changed bytes), `key_service` when the service could not be asked. Its messages hold no key material.
 */
export interface KeyEncryption {
  /** The key that wraps now. Not secret; the same for every node that is configured alike. */
  readonly id: string
  /** Where an operator sets this key, for messages: such as `VALETKEY_MASTER_KEY`. */
  readonly setting: string
  /** Wraps 32 bytes with the key called {@link KeyEncryption.id}; the blob itself says how to unwrap it. */
  wrap(key: Uint8Array, context: WrappingContext): Promise<string>
  /** Gives the 32 bytes back, under the key that wraps now or any older one that the source still has. */
  unwrap(blob: string, context: WrappingContext): Promise<Uint8Array>
}
