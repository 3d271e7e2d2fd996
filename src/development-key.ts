import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from './vault/secret.ts'
import { VaultError } from './vault/vault-error.ts'

/** The file of the generated key in a data directory. */
export const developmentKeyPath = (dataDirectory: string): string => join(dataDirectory, 'master.key')

/**
 * Returns the key-encryption key of a development server, which is created in the data directory at the first start and is
 * readable by its owner only. Production reads its key from the configuration, so that it is not stored next to the data
 * that it protects. Without `mayCreate`, for a database that has keys already, no key is created. Throws a `wrong_master_key`
 * {@link VaultError} that names the file when it is missing then, or damaged.
 */
export async function developmentMasterKey(
  dataDirectory: string,
  { mayCreate }: { readonly mayCreate: boolean },
): Promise<Secret> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const path = developmentKeyPath(dataDirectory)
  try {
    return await readKey(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (!mayCreate)
    throw new VaultError(
      'wrong_master_key',
      `The file ${path} is missing, which has the generated master key of this database. Restore the file, or set VALETKEY_MASTER_KEY to that key.`,
    )
  // The complete file is linked into place, so that processes that start together read the same complete key.
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
  try {
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
  return readKey(path)
}

async function readKey(path: string): Promise<Secret> {
  const key = (await readFile(path, 'utf8')).trim()
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(key)) return new Secret(key)
  throw new VaultError(
    'wrong_master_key',
    `The file ${path} is damaged: it must have the generated master key, 32 bytes in base64. Restore the file, or set VALETKEY_MASTER_KEY to that key.`,
  )
}
