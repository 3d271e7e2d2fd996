import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { operatorActor } from '../../src/audit/audit-log.ts'
import { rotateCommand, statusCommand } from '../../src/cli/key-commands.ts'
import { sealedColumns } from '../../src/cli/sealed-columns.ts'
import type { Database } from '../../src/db/database.ts'
import type { KeyEncryption } from '../../src/vault/key-encryption.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { type OpenedVault, openVault } from '../../src/vault/open-vault.ts'
import { keyStatus, rotateKeys } from '../../src/vault/rotate-keys.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret, serverSecretContext } from '../../src/vault/server-secret.ts'
import { freshDatabase } from '../support/database.ts'

const newKey = () => new Secret(randomBytes(32).toString('base64'))
const columns = sealedColumns.filter((column) => column.table === 'server_secrets')

describe('rotating the data key', () => {
  let database: Database
  let keyEncryption: KeyEncryption
  let vault: OpenedVault
  const masterKey = newKey()
  const rotate = (options: Partial<Parameters<typeof rotateKeys>[0]> = {}) =>
    rotateKeys({
      db: database.db,
      vault,
      keyEncryption,
      columns,
      actor: operatorActor,
      settleMs: 0,
      onProgress: () => {},
      batchSize: 7,
      ...options,
    })
  const states = async () =>
    (await keyStatus(database.db, columns)).map(({ state, ciphertexts }) => ({ state, ciphertexts }))

  beforeEach(async () => {
    database = await freshDatabase('postgres')
    keyEncryption = masterKeys({ primary: masterKey, older: [] })
    vault = await openVault({ db: database.db, keyEncryption })
    for (let index = 0; index < 30; index++) await serverSecret(database.db, vault, `purpose ${index}`)
  })
  afterEach(async () => {
    vault.close()
    await database.close()
  })

  it('re-encrypts everything and erases the old key', async () => {
    const before = await serverSecret(database.db, vault, 'purpose 3')
    const result = await rotate()
    expect(result).toMatchObject({ rewrapped: 30, unreadable: 0, stillUsed: [] })
    expect(await states()).toEqual([
      { state: 'primary', ciphertexts: 30 },
      { state: 'retired', ciphertexts: 0 },
    ])
    const keys = await database.db
      .selectFrom('vault_keys')
      .select('wrapped_key')
      .where('state', '=', 'retired')
      .execute()
    expect(keys).toEqual([{ wrapped_key: null }])
    expect((await serverSecret(database.db, vault, 'purpose 3')).reveal()).toBe(before.reveal())
  })

  it.each(['added', 'promoted', 'rewrapped', 'retired'] as const)(
    'continues after an interruption at %s',
    async (step) => {
      const interrupted = rotate({
        onProgress: (progress) => {
          if (progress.step === step) throw new Error('interrupted')
        },
      })
      await expect(interrupted).rejects.toThrow('interrupted')
      await rotate()
      const after = await states()
      expect(after[0]).toEqual({ state: 'primary', ciphertexts: 30 })
      // After an interruption at the retirement nothing is left to do, and the second call is a new rotation.
      expect(after.slice(1).every((key) => key.state === 'retired' && key.ciphertexts === 0)).toBe(true)
      expect(after).toHaveLength(step === 'retired' ? 3 : 2)
    },
  )

  it('refuses a ciphertext that another node stores with a retired key, and that node finds the new key', async () => {
    const other = await openVault({ db: database.db, keyEncryption, refreshMs: 60_000 })
    const sealed = await other.seal(new Secret('late'), serverSecretContext('late'))
    await rotate()
    const store = (text: string) =>
      database.db.insertInto('server_secrets').values({ purpose: 'late', sealed: text }).execute()
    await expect(store(sealed)).rejects.toThrow(/retired/)
    await expect(vault.open(sealed, serverSecretContext('late'))).rejects.toMatchObject({ kind: 'retired_key' })
    await other.reload()
    await store(await other.seal(new Secret('late'), serverSecretContext('late')))
    expect((await serverSecret(database.db, other, 'late')).reveal()).toBe('late')
    other.close()
  })

  it('waits for a transaction that stores with the old key before it retires that key', async () => {
    const sealed = await vault.seal(new Secret('slow'), serverSecretContext('slow'))
    let commit = () => {}
    const held = new Promise<void>((resolve) => {
      commit = resolve
    })
    const writing = database.db.transaction().execute(async (trx) => {
      await trx.insertInto('server_secrets').values({ purpose: 'slow', sealed }).execute()
      await held
    })
    const rotating = rotate()
    await expect.poll(async () => (await states()).find((key) => key.state === 'decrypt_only')?.ciphertexts).toBe(0)
    commit()
    await writing
    expect(await rotating).toMatchObject({ stillUsed: [], rewrapped: 31 })
    expect((await serverSecret(database.db, vault, 'slow')).reveal()).toBe('slow')
  })

  it('does not retire a key of unreadable ciphertexts, and reports them', async () => {
    await database.db
      .updateTable('server_secrets')
      .set({ purpose: 'moved' })
      .where('purpose', '=', 'purpose 5')
      .execute()
    const lines: string[] = []
    const store = { database, vault, keyEncryption, close: async () => {} }
    expect(await rotateCommand(store, (line) => lines.push(line), 0)).toBe(1)
    expect(lines.join('\n')).toMatch(/Ciphertexts that no key opens: 1\./)
    expect((await states()).map((key) => key.state)).toEqual(['primary', 'decrypt_only'])
    await statusCommand(store, (line) => lines.push(line))
    expect(lines.at(-1)).toMatch(/decrypt_only +1 /)
    // Unreadable ciphertexts do not prevent the retirement of the next primary key.
    expect(await rotate()).toMatchObject({ rewrapped: 29, unreadable: 1, stillUsed: [expect.any(String)] })
    expect((await states()).map((key) => key.state)).toEqual(['primary', 'retired', 'decrypt_only'])
  })

  it('re-encrypts everything with a new master key', async () => {
    vault.close()
    const next = newKey()
    keyEncryption = masterKeys({ primary: next, older: [masterKey] })
    vault = await openVault({ db: database.db, keyEncryption })
    const lines: string[] = []
    const store = { database, vault, keyEncryption, close: async () => {} }
    expect(await rotateCommand(store, (line) => lines.push(line), 0)).toBe(0)
    const alone = masterKeys({ primary: next, older: [] })
    const opened = await openVault({ db: database.db, keyEncryption: alone })
    expect((await serverSecret(database.db, opened, 'purpose 1')).reveal()).toHaveLength(43)
    opened.close()
    expect(lines[0]).toContain('Nodes that were started without that key cannot open it')
    await rotateCommand(store, (line) => lines.push(line), 0)
    expect(lines.filter((line) => line.startsWith('Added')).at(-1)).toContain('as soon as they notice it')
  })

  it.each(['added', 'promoted', 'rewrapped', 'retired'] as const)(
    'needs the old master key no more after a rotation with it that was interrupted at %s',
    async (step) => {
      const interrupted = rotate({
        onProgress: (progress) => {
          if (progress.step === step) throw new Error('interrupted')
        },
      })
      await expect(interrupted).rejects.toThrow('interrupted')
      vault.close()
      const next = newKey()
      keyEncryption = masterKeys({ primary: next, older: [masterKey] })
      vault = await openVault({ db: database.db, keyEncryption })
      expect(await rotate()).toMatchObject({ stillUsed: [], wrappedByOthers: [], unreadable: 0 })
      vault.close()
      vault = await openVault({ db: database.db, keyEncryption: masterKeys({ primary: next, older: [] }) })
      expect((await serverSecret(database.db, vault, 'purpose 1')).reveal()).toHaveLength(43)
      expect((await states()).map((key) => key.state)).toEqual(['primary', expect.anything(), expect.anything()])
    },
  )

  it('is not reported as done while the old master key is still required', async () => {
    await database.db
      .updateTable('server_secrets')
      .set({ purpose: 'moved' })
      .where('purpose', '=', 'purpose 5')
      .execute()
    const [old] = await keyStatus(database.db, columns)
    vault.close()
    keyEncryption = masterKeys({ primary: newKey(), older: [masterKey] })
    vault = await openVault({ db: database.db, keyEncryption })
    const lines: string[] = []
    const store = { database, vault, keyEncryption, close: async () => {} }
    expect(await rotateCommand(store, (line) => lines.push(line), 0)).toBe(1)
    expect(lines.join('\n')).not.toMatch(/^Done/m)
    expect(lines.at(-1)).toContain(`Still wrapped by another key than the first one of VALETKEY_MASTER_KEY`)
    expect(lines.at(-1)).toContain(`: ${old?.kid}. Do not remove older keys from VALETKEY_MASTER_KEY.`)
  })

  it('does not disturb concurrent sealing and opening', async () => {
    const other = await openVault({ db: database.db, keyEncryption, refreshMs: 20 })
    let running = true
    const traffic = (async () => {
      let opened = 0
      while (running) {
        for (let index = 0; index < 30; index++) {
          await serverSecret(database.db, other, `purpose ${index}`)
          opened++
        }
        await serverSecret(database.db, other, `created meanwhile ${opened}`)
      }
      return opened
    })()
    for (let round = 0; round < 3; round++)
      expect(await rotate({ settleMs: 100 })).toMatchObject({ unreadable: 0, stillUsed: [] })
    running = false
    expect(await traffic).toBeGreaterThan(30)
    other.close()
  })
})
