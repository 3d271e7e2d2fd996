import { type KeyObject, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { importDataKey, protectedHeader } from './ciphertext.ts'
import type { KeyEncryption, WrappingContext } from './key-encryption.ts'
import { VaultError } from './vault-error.ts'

/** A data key in this process's memory. A retired key has no key material. */
export type DataKey =
  | { readonly kid: string; readonly state: 'primary' | 'decrypt_only'; readonly key: KeyObject }
  | { readonly kid: string; readonly state: 'retired'; readonly key: null }

/** The data keys of the database, unwrapped once and held in memory. */
export interface KeyRing {
  /** Returns the key that encrypts. Throws an `unknown_key` {@link VaultError} if there is none. */
  primary(): { readonly kid: string; readonly key: KeyObject }
  /** Returns the key with this ID as of the last load, or undefined. */
  get(kid: string): DataKey | undefined
  /** Reads the key table again, with every change that another node committed before the call. */
  reload(): Promise<void>
}

const dataKeyContext = (kid: string): WrappingContext => ({ purpose: 'valetkey data key', kid })
const canaryContext = (kekId: string): WrappingContext => ({ purpose: 'valetkey canary', kid: kekId })

/** The plaintext of every canary. */
const canaryBytes = new Uint8Array(Buffer.from('valetkey canary, thirty-two byte'))

/**
 * Loads the key ring. Creates the first data key if there is none; of several nodes, the first insertion counts. Checks the
 * key-encryption key with the canaries before anything is encrypted with it.
 * Throws a `wrong_master_key` or `key_service` {@link VaultError}.
 */
export async function openKeyRing(db: Db, keyEncryption: KeyEncryption): Promise<KeyRing> {
  const anyKey = await db.selectFrom('vault_keys').select('kid').limit(1).executeTakeFirst()
  // A unique index allows one primary key: the insertion does nothing when another node was first.
  if (!anyKey) await insertDataKey(db, keyEncryption, 'primary')
  await checkCanaries(db, keyEncryption)

  let keys = new Map<string, DataKey>()
  const load = async () => {
    const rows = await db.selectFrom('vault_keys').select(['kid', 'state', 'wrapped_key']).execute()
    const next = new Map<string, DataKey>()
    for (const { kid, state, wrapped_key } of rows) {
      if (state === 'retired' || wrapped_key === null) {
        next.set(kid, { kid, state: 'retired', key: null })
        continue
      }
      // Each process unwraps each key once, so that no call depends on the key service.
      const key = keys.get(kid)?.key ?? (await unwrapDataKey(keyEncryption, kid, wrapped_key))
      next.set(kid, { kid, state, key })
    }
    keys = next
  }
  await load()

  let loading: Promise<void> | undefined
  return {
    primary() {
      for (const key of keys.values()) if (key.state === 'primary') return key
      throw new VaultError('unknown_key', 'The vault has no primary data key.')
    },
    get: (kid) => keys.get(kid),
    async reload() {
      // A load in progress may have read the table before the change that the caller needs.
      await loading?.catch(() => {})
      loading ??= load().finally(() => {
        loading = undefined
      })
      await loading
    },
  }
}

/**
 * The first character of the IDs of data keys that a release with bindings created; earlier IDs are hexadecimal. A data
 * key is wrapped for its ID, so that this sign can neither be removed nor added without the key-encryption key.
 */
const bindingRelease = 'k'

/** Whether a database has a data key in use that a release with bindings created, so that all its rows are bound. */
export async function hasKeyOfBindingRelease(db: Db): Promise<boolean> {
  const key = await db
    .selectFrom('vault_keys')
    .select('kid')
    .where('kid', 'like', `${bindingRelease}%`)
    .where('state', '<>', 'retired')
    .limit(1)
    .executeTakeFirst()
  return key !== undefined
}

/** Creates, wraps and stores a data key. Returns its ID, or null if there is a primary key already. */
export async function insertDataKey(
  db: Db,
  keyEncryption: KeyEncryption,
  state: 'primary' | 'decrypt_only',
): Promise<string | null> {
  const kid = `${bindingRelease}${randomBytes(8).toString('hex')}`
  const bytes = randomBytes(32)
  const wrapped = await keyEncryption.wrap(bytes, dataKeyContext(kid))
  bytes.fill(0)
  const inserted = await db
    .insertInto('vault_keys')
    .values({
      kid,
      header: protectedHeader(kid),
      state,
      kek_id: keyEncryption.id,
      wrapped_key: wrapped,
      promoted_at: state === 'primary' ? sql<Date>`clock_timestamp()` : null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('kid')
    .executeTakeFirst()
  return inserted?.kid ?? null
}

/**
 * Proves, without writing anything, that the key-encryption key wraps and unwraps, and unwraps every data key in use. Throws a
 * `wrong_master_key` or `key_service` {@link VaultError}. Returns the IDs of the keys that wrap them.
 */
export async function testKeyEncryption(db: Db, keyEncryption: KeyEncryption): Promise<readonly string[]> {
  const context = canaryContext(keyEncryption.id)
  const bytes = await keyEncryption.unwrap(await keyEncryption.wrap(canaryBytes, context), context)
  if (Buffer.compare(bytes, canaryBytes) !== 0)
    throw new VaultError('wrong_master_key', `${keyEncryption.setting} does not open what it encrypted.`)
  const keys = await db
    .selectFrom('vault_keys')
    .select(['kid', 'kek_id', 'wrapped_key'])
    .where('state', '<>', 'retired')
    .execute()
  for (const { kid, wrapped_key } of keys)
    if (wrapped_key !== null) await unwrapDataKey(keyEncryption, kid, wrapped_key)
  return [...new Set(keys.map(({ kek_id }) => kek_id))]
}

async function unwrapDataKey(keyEncryption: KeyEncryption, kid: string, wrapped: string): Promise<KeyObject> {
  const bytes = await keyEncryption.unwrap(wrapped, dataKeyContext(kid))
  if (bytes.length !== 32) throw new VaultError('wrong_master_key', `The data key ${kid} does not unwrap to 32 bytes.`)
  const key = importDataKey(bytes)
  bytes.fill(0)
  return key
}

/**
 * Opens the canary of every key-encryption key in use, and stores one for the current key. A wrong key is detected at the
 * start instead of at the first user's call.
 */
async function checkCanaries(db: Db, keyEncryption: KeyEncryption): Promise<void> {
  const inUse = db.selectFrom('vault_keys').where('state', '<>', 'retired').select('kek_id')
  const canaries = await db
    .selectFrom('vault_canaries')
    .select(['kek_id', 'sealed'])
    .where((eb) => eb.or([eb('kek_id', 'in', inUse), eb('kek_id', '=', keyEncryption.id)]))
    .execute()
  for (const canary of canaries) {
    try {
      const bytes = await keyEncryption.unwrap(canary.sealed, canaryContext(canary.kek_id))
      if (Buffer.compare(bytes, canaryBytes) === 0) continue
    } catch (error) {
      if (error instanceof VaultError && error.kind === 'key_service') throw error
    }
    throw new VaultError(
      'wrong_master_key',
      `${keyEncryption.setting} does not open this database: its data keys are wrapped by the key ${canary.kek_id}, and the configured key is ${keyEncryption.id}. Set ${keyEncryption.setting} to the database's key, or add that key after the new one.`,
    )
  }
  if (canaries.some((canary) => canary.kek_id === keyEncryption.id)) return
  const sealed = await keyEncryption.wrap(canaryBytes, canaryContext(keyEncryption.id))
  await db
    .insertInto('vault_canaries')
    .values({ kek_id: keyEncryption.id, sealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
