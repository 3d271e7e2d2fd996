import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config, KeyService } from './config.ts'
import {
  type Database,
  DatabaseAbsentError,
  type DatabaseLocation,
  type Db,
  openDatabase,
  requireUsable,
  type WrapPool,
} from './db/database.ts'
import { lockDirectory } from './db/directory-lock.ts'
import { createFromSnapshot } from './db/embedded-snapshot.ts'
import { finishUpgrade } from './db/finish-upgrade.ts'
import { migrate, requireMigrated } from './db/migrate.ts'
import { requireSessions } from './db/sessions.ts'
import { developmentKeyPath, developmentMasterKey } from './development-key.ts'
import type { Log } from './log.ts'
import { awsKmsKeys } from './vault/aws-kms-keys.ts'
import { googleKmsKeys } from './vault/google-kms-keys.ts'
import type { KeyEncryption } from './vault/key-encryption.ts'
import { masterKeys } from './vault/master-keys.ts'
import { type OpenedVault, openVault } from './vault/open-vault.ts'
import { Secret } from './vault/secret.ts'
import { transitKeys } from './vault/transit-keys.ts'

/** The migrated database of a configuration, and its vault. */
export interface Store {
  readonly database: Database
  readonly keyEncryption: KeyEncryption
  readonly vault: OpenedVault
  /** Closes both and unlocks the data directory. */
  close(): Promise<void>
}

/**
 * Opens the database and the vault of a configuration, for the server and for the operator's commands. Locks the data
 * directory for this process when `ownDirectory` is set, and always for the embedded database.
 *
 * Throws a DirectoryLockedError when another process has the directory, a DatabaseUnusableError (a DatabaseAbsentError where
 * `mustBeMigrated` refuses an empty one), a MigrationFailedError or
 * a VaultError.
 */
export async function openStore(
  config: Config,
  log: Log,
  options: {
    readonly ownDirectory: boolean
    readonly wrapPool?: WrapPool | undefined
    /** Whether a database that lacks migrations is refused instead of created or migrated. */
    readonly mustBeMigrated?: boolean
    /** Whether statements may run for any time. Connects without a pooler, which has limits of its own. Default: false. */
    readonly unlimited?: boolean
  },
): Promise<Store> {
  const directory = join(config.dataDirectory, 'database')
  if (options.mustBeMigrated && config.databaseUrl === null && !existsSync(directory))
    throw new DatabaseAbsentError(
      `The embedded database ${directory} does not exist. Set DATABASE_URL or VALETKEY_DATA_DIR as for the server, or start the server once to create it.`,
    )
  const unlock =
    options.ownDirectory || config.databaseUrl === null ? await lockDirectory(config.dataDirectory) : async () => {}
  let database: Database | undefined
  try {
    if (config.databaseUrl === null && (await createFromSnapshot(directory))) log.info('created database')
    const configured = locationOf(config, directory)
    const location =
      options.unlimited && configured.kind === 'server'
        ? { ...configured, url: configured.directUrl ?? configured.url, directUrl: null, unlimited: true }
        : configured
    database = await openDatabase(
      location,
      (error) => log.warn({ err: error }, 'database connection failed'),
      options.wrapPool,
    )
    if (location.kind === 'server') {
      await requireUsable(database.db)
      await requireSessions(location, database.db)
    }
    if (options.mustBeMigrated) await requireMigrated(database.db)
    const migrated = await database.withSession(migrate)
    if (migrated.length > 0) log.info({ migrated }, 'migrated database')
    // No node of another release uses a database within this process.
    if (location.kind === 'embedded') await finishUpgrade(database.db)
    const keyEncryption = await keyEncryptionOf(config, database.db)
    const vault = await openVault({
      db: database.db,
      keyEncryption,
      onError: (error) => log.error({ err: error }, 'reading the key table failed'),
    })
    const opened = database
    return {
      database,
      keyEncryption,
      vault,
      async close() {
        vault.close()
        await opened.close()
        await unlock()
      },
    }
  } catch (error) {
    await database?.close()
    await unlock()
    throw error
  }
}

export function locationOf(config: Config, directory: string): DatabaseLocation {
  const { databaseUrl: url, databaseDirectUrl: directUrl, databasePoolSize: maxConnections } = config
  return url === null ? { kind: 'embedded', directory } : { kind: 'server', url, directUrl, maxConnections }
}

/**
 * Data keys are wrapped by a key service, by the configured master keys, or in development by a generated one, which is
 * created for a database without keys.
 */
export async function keyEncryptionOf(
  { keyService, masterKeys: configured, dataDirectory }: Config,
  db: Db,
): Promise<KeyEncryption> {
  if (keyService !== null) return keysOfService(keyService)
  if (configured === null) {
    const anyKey = await db.selectFrom('vault_keys').select('kid').limit(1).executeTakeFirst()
    const generated = await developmentMasterKey(dataDirectory, { mayCreate: anyKey === undefined })
    return masterKeys({ primary: generated, older: [] }, `the file ${developmentKeyPath(dataDirectory)}`)
  }
  const [primary, ...older] = configured.map((key) => new Secret(key))
  if (!primary) throw new Error('No master key is configured.')
  return masterKeys({ primary, older })
}

async function keysOfService(service: KeyService): Promise<KeyEncryption> {
  switch (service.kind) {
    case 'transit': {
      const { address, key, token, namespace } = service
      return transitKeys({ address, key, token: () => new Secret(token), ...(namespace !== null && { namespace }) })
    }
    case 'aws-kms':
      return awsKmsKeys({ key: service.key })
    case 'google-kms': {
      const { key, endpoint } = service
      return googleKmsKeys({ key, ...(endpoint !== null && { endpoint }) })
    }
  }
}
