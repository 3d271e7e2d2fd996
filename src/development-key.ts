import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from './vault/secret.ts'

/**
 * The key-encryption key of a development server: kept in the data directory, made at the first start, readable for its
 * owner alone. Production takes its key from the configuration, where it is not beside what it protects.
 */
export async function developmentMasterKey(dataDirectory: string): Promise<Secret> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  const path = join(dataDirectory, 'master.key')
  try {
    return new Secret((await readFile(path, 'utf8')).trim())
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Written beside and linked into place: whoever else starts now finds a whole key or none, and never a second one.
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
