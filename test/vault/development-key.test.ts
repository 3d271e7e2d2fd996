import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { openStore } from '../../src/store.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'

describe('the generated master key', () => {
  let database: TestDatabase
  let directory: string
  let path: string
  const open = async () => {
    const env = { ...databaseEnv(database.location), NODE_ENV: 'development', VALETKEY_DATA_DIR: directory }
    const store = await openStore(readConfig(env), createLog('silent'), { ownDirectory: false })
    await store.close()
  }
  beforeEach(async () => {
    database = await newPostgresDatabase()
    directory = await mkdtemp(join(tmpdir(), 'valetkey-key-'))
    path = join(directory, 'master.key')
    await open()
  })
  afterEach(async () => {
    await database.drop()
    await rm(directory, { recursive: true, force: true })
  })

  it('is not created again for a database that has keys', async () => {
    const key = await readFile(path)
    await rm(path)
    await expect(open()).rejects.toMatchObject({
      name: 'VaultError',
      message: expect.stringContaining(`The file ${path} is missing`) as unknown,
    })
    expect(existsSync(path)).toBe(false)
    await writeFile(path, key)
    await open()
  })

  it('is named by its file when that is damaged', async () => {
    await writeFile(path, '')
    await expect(open()).rejects.toThrow(`The file ${path} is damaged`)
  })

  it('is named by its file when it is that of another database', async () => {
    await writeFile(path, Buffer.alloc(32, 7).toString('base64'))
    await expect(open()).rejects.toThrow(`the file ${path} does not open this database`)
  })
})
