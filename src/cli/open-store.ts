import { join } from 'node:path'
import type { Config } from '../config.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { lockDirectory } from '../db/directory-lock.ts'
import { migrate } from '../db/migrate.ts'
import { developmentMasterKey } from '../development-key.ts'
import type { KeyEncryption } from '../vault/key-encryption.ts'
import { masterKeys } from '../vault/master-keys.ts'
import { type OpenedVault, openVault } from '../vault/open-vault.ts'
import { Secret } from '../vault/secret.ts'

/** What commands work on: the database that the server works on, and its vault. */
export interface Store {
  readonly database: Database
  readonly keyEncryption: KeyEncryption
  readonly vault: OpenedVault
  close(): Promise<void>
}

/**
 * Opens what the configuration names, as the server does. The embedded database takes one process: a
 * DirectoryLockedError says that the server is running on it.
 */
export async function openStore(config: Config, onError: (error: unknown) => void): Promise<Store> {
  const embedded = config.databaseUrl === null
  const unlock = embedded ? await lockDirectory(config.dataDirectory) : async () => {}
  try {
    const database = await openDatabase(
      config.databaseUrl === null
        ? { kind: 'embedded', directory: join(config.dataDirectory, 'database') }
        : { kind: 'server', url: config.databaseUrl, maxConnections: config.databasePoolSize },
      onError,
    )
    try {
      await migrate(database.db)
      const [primary, ...older] = config.masterKeys?.map((key) => new Secret(key)) ?? [
        await developmentMasterKey(config.dataDirectory),
      ]
      if (!primary) throw new Error('There is no master key.')
      const keyEncryption = await masterKeys({ primary, older })
      const vault = await openVault({ db: database.db, keyEncryption, onError })
      return {
        database,
        keyEncryption,
        vault,
        close: async () => {
          vault.close()
          await database.close()
          await unlock()
        },
      }
    } catch (error) {
      await database.close()
      throw error
    }
  } catch (error) {
    await unlock()
    throw error
  }
}
