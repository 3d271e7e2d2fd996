import type { Db } from '../db/database.ts'
import { additionalData, decrypt, encrypt, parseCiphertext } from './ciphertext.ts'
import type { KeyEncryption } from './key-encryption.ts'
import { openKeyRing } from './key-ring.ts'
import { Secret } from './secret.ts'
import type { SealingContext, Vault } from './vault.ts'
import { VaultError } from './vault-error.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Interval in which a node reads changes of the key table, in milliseconds. `keys rotate` waits longer than this. */
export const ringRefreshMs = 10_000

/** A {@link Vault} over the database's key ring. */
export interface OpenedVault extends Vault {
  /** Reads the key table now instead of within {@link ringRefreshMs}. */
  reload(): Promise<void>
  /** Stops reading the key table in the background. */
  close(): void
}

/**
 * Opens the vault: creates the first data key at the first start, checks the key-encryption key with its canary, and updates
 * the key ring in the background. Throws a `wrong_master_key` or `key_service` `VaultError`.
 * `onError` receives failures of the background reads; the known keys stay in use.
 */
export async function openVault(options: {
  readonly db: Db
  readonly keyEncryption: KeyEncryption
  readonly refreshMs?: number
  readonly onError?: (error: unknown) => void
}): Promise<OpenedVault> {
  const ring = await openKeyRing(options.db, options.keyEncryption)
  // Never reload while sealing: the caller may hold the only database connection.
  const timer = setInterval(
    () => void ring.reload().catch(options.onError ?? (() => {})),
    options.refreshMs ?? ringRefreshMs,
  )
  timer.unref()

  return {
    async seal(secret, context) {
      const { kid, key } = ring.primary()
      return encrypt(key, kid, encoder.encode(secret.reveal()), sealingData(context))
    },
    async open(sealed, context) {
      const parsed = parseCiphertext(sealed)
      // Another node may have created the key since the last read. Other keys are never tried.
      if (!ring.get(parsed.kid)) await ring.reload()
      const found = ring.get(parsed.kid)
      if (!found) throw new VaultError('unknown_key', `unknown data key ${JSON.stringify(parsed.kid.slice(0, 64))}`)
      if (found.key === null) throw new VaultError('retired_key', `The data key ${found.kid} is retired.`)
      return new Secret(decoder.decode(decrypt(found.key, parsed, sealingData(context))))
    },
    reload: () => ring.reload(),
    close: () => clearInterval(timer),
  }
}

const sealingData = ({ environmentId, subject, field, version }: SealingContext) =>
  additionalData(environmentId, subject, field, version)
