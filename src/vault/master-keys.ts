import { createHash, type KeyObject } from 'node:crypto'
import { additionalData, decrypt, encrypt, importDataKey, parseCiphertext } from './ciphertext.ts'
import type { KeyEncryption, WrappingContext } from './key-encryption.ts'
import type { Secret } from './secret.ts'
import { VaultError } from './vault-error.ts'

const defaultSetting = 'VALETKEY_MASTER_KEY'

/**
 * Returns key encryption by configured keys: `primary` wraps; `primary` and `older` unwrap. Each key is 32 bytes in base64
 * or base64url. Data keys are wrapped in the vault's own format. The key ID is a fingerprint, so that keys need no names
 * and a wrong key is detected. `setting` is where they are set, for messages. Throws a `wrong_master_key` {@link VaultError} for a malformed key.
 */
export function masterKeys(
  keys: { readonly primary: Secret; readonly older: readonly Secret[] },
  setting = defaultSetting,
): KeyEncryption {
  const primary = load(keys.primary, 'The first key', setting)
  const all = new Map([[primary.id, primary.key]])
  for (const [index, older] of keys.older.entries()) {
    const { id, key } = load(older, `Key ${index + 2}`, setting)
    all.set(id, key)
  }
  return {
    id: primary.id,
    setting,
    wrap: async (key, context) => encrypt(primary.key, primary.id, key, wrappingData(context)),
    async unwrap(blob, context) {
      const parsed = parseCiphertext(blob)
      const key = all.get(parsed.kid)
      if (!key)
        throw new VaultError(
          'wrong_master_key',
          `The data key ${context.kid} is wrapped by the key ${parsed.kid}, which is not in ${setting} (available: ${[...all.keys()].join(', ')}).`,
        )
      try {
        return decrypt(key, parsed, wrappingData(context))
      } catch {
        throw new VaultError('wrong_master_key', `The data key ${context.kid} does not unwrap with ${setting}.`)
      }
    },
  }
}

/** Returns a new random key in the form that {@link masterKeys} accepts. */
export function generateMasterKey(randomBytes: (size: number) => Buffer): string {
  return randomBytes(32).toString('base64')
}

function load(secret: Secret, which: string, setting: string): { readonly id: string; readonly key: KeyObject } {
  const revealed = secret.reveal().trim()
  const bytes = Buffer.from(revealed, 'base64')
  // Buffer ignores invalid characters: only a value that encodes to the same string was valid.
  const spelling = revealed
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={1,2}$/, '')
  if (bytes.length !== 32 || bytes.toString('base64').replace('=', '') !== spelling)
    throw new VaultError(
      'wrong_master_key',
      `${which} in ${setting} must be 32 bytes in base64. Generate one with: npm run valetkey -- master-key generate`,
    )
  const id = createHash('sha256').update('valetkey key-encryption key id').update(bytes).digest('hex').slice(0, 16)
  const key = importDataKey(bytes)
  bytes.fill(0)
  return { id, key }
}

const wrappingData = (context: WrappingContext) => additionalData('wrapped key', context.purpose, context.kid)
