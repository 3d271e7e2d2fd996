import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from './vault/secret.ts'

/**
 * Returns the key-encryption key of a development server, which is created in the data directory at the first start and is
 * readable by its owner only. Production reads its key from the configuration, so that it is not stored next to the data
 * that it protects.
 */
export async function developmentMasterKey(dataDirectory: string): Promise<Secret> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const path = join(dataDirectory, 'master.key')
  try {
    return new Secret((await readFile(path, 'utf8')).trim())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
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
  return new Secret((await readFile(path, 'utf8')).trim())
}
