import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { generateMasterKey, masterKeys } from '../../src/vault/master-keys.ts'
import { type OpenedVault, openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import type { SealingContext } from '../../src/vault/vault.ts'
import { freshDatabase } from '../support/database.ts'

const context: SealingContext = { environmentId: 'env', subject: 'grant', field: 'access_token', version: 1 }
const newKey = () => new Secret(generateMasterKey(randomBytes))

describe('the vault', () => {
  let database: Database
  let vault: OpenedVault
  const primary = newKey()
  beforeAll(async () => {
    database = await freshDatabase('postgres')
    vault = await openVault({ db: database.db, keyEncryption: masterKeys({ primary, older: [] }) })
  })
  afterAll(async () => {
    vault.close()
    await database.close()
  })

  it('opens what it sealed', async () => {
    const sealed = await vault.seal(new Secret('ntn_türkis'), context)
    expect((await vault.open(sealed, context)).reveal()).toBe('ntn_türkis')
  })

  it.each([
    ['another environment', { ...context, environmentId: 'other' }],
    ['another subject', { ...context, subject: 'other' }],
    ['another field', { ...context, field: 'refresh_token' }],
    ['another version', { ...context, version: 2 }],
    ['parts that only join to the same text', { ...context, environmentId: 'envg', subject: 'rant' }],
  ])('does not open for %s', async (_, other) => {
    const sealed = await vault.seal(new Secret('token'), context)
    await expect(vault.open(sealed, other)).rejects.toMatchObject({ name: 'VaultError', kind: 'does_not_open' })
  })

  it('returns the same server secret to nodes that request it at the same time', async () => {
    const secrets = await Promise.all([1, 2, 3, 4, 5].map(() => serverSecret(database.db, vault, 'pepper')))
    const texts = new Set(secrets.map((secret) => secret.reveal()))
    expect(texts.size).toBe(1)
    expect([...texts][0]).toHaveLength(43)
    expect((await serverSecret(database.db, vault, 'other')).reveal()).not.toBe([...texts][0])
  })

  it('refuses to start with a key that does not open the database, and names the setting', async () => {
    const keyEncryption = masterKeys({ primary: newKey(), older: [] })
    await expect(openVault({ db: database.db, keyEncryption })).rejects.toThrow(/VALETKEY_MASTER_KEY does not open/)
  })

  it('starts with a new key before the old one', async () => {
    const keyEncryption = masterKeys({ primary: newKey(), older: [primary] })
    const other = await openVault({ db: database.db, keyEncryption })
    const sealed = await vault.seal(new Secret('token'), context)
    expect((await other.open(sealed, context)).reveal()).toBe('token')
    other.close()
  })

  it('refuses a master key that is not 32 bytes in base64', async () => {
    for (const text of ['', 'short', randomBytes(31).toString('base64'), `${randomBytes(32).toString('base64')}!`])
      expect(() => masterKeys({ primary: new Secret(text), older: [] })).toThrow(/must be 32 bytes/)
  })
})

describe('the first start', () => {
  it('creates one data key when several nodes start at once', async () => {
    const database = await freshDatabase('postgres')
    const primary = newKey()
    const vaults = await Promise.all(
      [1, 2, 3, 4].map(async () => openVault({ db: database.db, keyEncryption: masterKeys({ primary, older: [] }) })),
    )
    const keys = await database.db.selectFrom('vault_keys').select(['kid', 'state']).execute()
    expect(keys.map((key) => key.state)).toEqual(['primary'])
    for (const vault of vaults) {
      const sealed = await vault.seal(new Secret('token'), context)
      for (const other of vaults) expect((await other.open(sealed, context)).reveal()).toBe('token')
      vault.close()
    }
    await database.close()
  })
})
