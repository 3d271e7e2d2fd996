import type { Db } from '../db/database.ts'
import type { KeyEncryption } from './key-encryption.ts'
import { openKeyRing } from './key-ring.ts'
import { additionalData, openText, parseSealedText, sealText } from './sealed-text.ts'
import { Secret } from './secret.ts'
import type { SealingContext, Vault } from './vault.ts'
import { VaultError } from './vault-error.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** How often a node looks for keys that were promoted or retired elsewhere. `keys rotate` waits for longer than this. */
export const ringRefreshMs = 10_000

/** A {@link Vault} over the database's key ring. */
export interface OpenedVault extends Vault {
  /** Looks at the key table now instead of within {@link ringRefreshMs}. */
  reload(): Promise<void>
  /** Ends the background look at the key table. */
  close(): void
}

/**
 * Opens the vault: makes the first data key at the first start, checks the key-encryption key by its canary, and keeps
 * the key ring current. Fails with a `VaultError` of kind `wrong_master_key` or `key_service`.
 * `onError` hears of failed looks at the key table; the known keys stay in use.
 */
export async function openVault(options: {
  readonly db: Db
  readonly keyEncryption: KeyEncryption
  readonly refreshMs?: number
  readonly onError?: (error: unknown) => void
}): Promise<OpenedVault> {
  const ring = await openKeyRing(options.db, options.keyEncryption)
  // In the background and never while sealing: who seals may hold the only database connection.
  const timer = setInterval(
    () => void ring.reload().catch(options.onError ?? (() => {})),
    options.refreshMs ?? ringRefreshMs,
  )
  timer.unref()

  return {
    async seal(secret, context) {
      const { kid, key } = ring.primary()
      return sealText(key, kid, encoder.encode(secret.reveal()), sealingData(context))
    },
    async open(sealed, context) {
      const parsed = parseSealedText(sealed)
      // A key that another node has made since the last look is found by one more look, never by trying others.
      if (!ring.get(parsed.kid)) await ring.reload()
      const found = ring.get(parsed.kid)
      if (!found)
        throw new VaultError('unknown_key', `There is no data key ${JSON.stringify(parsed.kid.slice(0, 64))}.`)
      if (found.key === null) throw new VaultError('retired_key', `The data key ${found.kid} was retired.`)
      return new Secret(decoder.decode(await openText(found.key, parsed, sealingData(context))))
    },
    reload: () => ring.reload(),
    close: () => clearInterval(timer),
  }
}

const sealingData = ({ environmentId, subject, field, version }: SealingContext) =>
  additionalData(environmentId, subject, field, version)
