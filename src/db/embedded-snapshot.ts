import { createHash } from 'node:crypto'
import { chmodSync, constants, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { snapshotsUrl } from '../package-files.ts'
import { openDatabase } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'

/*
 * Creating an embedded database takes Postgres' initdb and all migrations: eight seconds of a processor and hundreds of
 * megabytes, which PGlite holds until the process ends. The build does that once, and a first start copies the result.
 */

interface Modes {
  readonly directory: number
  readonly file: number
}

/** Postgres creates its files for their owner alone. */
const ownerOnly: Modes = { directory: 0o700, file: 0o600 }

/** Another user than the one who built may start the server. */
const readableByAll: Modes = { directory: 0o755, file: 0o644 }

const snapshotsDirectory = fileURLToPath(snapshotsUrl)

/** Everything that the content of a snapshot depends on. */
interface Origin {
  /** The manifest of the installed PGlite, which has its version. */
  readonly pglite: string
  readonly migrations: Awaited<ReturnType<typeof readMigrations>>
}

/** Returns what a snapshot must be made from to be used now. */
export async function currentOrigin(): Promise<Origin> {
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  return {
    pglite: await readFile(join(dirname(pglite), '../package.json'), 'utf8'),
    migrations: await readMigrations(),
  }
}

const nameOf = (origin: Origin) => createHash('sha256').update(JSON.stringify(origin)).digest('hex').slice(0, 32)

/**
 * Creates the data directory of a migrated, empty database from the snapshot that was made from `origin`. Returns false, and
 * leaves everything to PGlite, when there is no such snapshot or when the directory exists. The directory is complete as
 * soon as it exists. Its parent must be locked for this process.
 */
export async function createFromSnapshot(directory: string, origin?: Origin): Promise<boolean> {
  if (existsSync(directory)) return false
  const snapshot = join(snapshotsDirectory, nameOf(origin ?? (await currentOrigin())))
  if (!existsSync(snapshot)) return false
  const incomplete = `${directory}.incomplete`
  rmSync(incomplete, { recursive: true, force: true })
  copyDirectory(snapshot, incomplete, ownerOnly)
  renameSync(incomplete, directory)
  return true
}

/** Makes the snapshot that {@link createFromSnapshot} looks for, and removes all others. */
export async function makeSnapshot(): Promise<void> {
  const name = nameOf(await currentOrigin())
  mkdirSync(snapshotsDirectory, { recursive: true })
  const others = readdirSync(snapshotsDirectory).filter((other) => other !== name)
  for (const other of others) rmSync(join(snapshotsDirectory, other), { recursive: true, force: true })
  const snapshot = join(snapshotsDirectory, name)
  if (existsSync(snapshot)) return
  const scratch = await mkdtemp(join(snapshotsDirectory, 'new-'))
  try {
    const made = join(scratch, 'made')
    const database = await openDatabase({ kind: 'embedded', directory: made }, () => {})
    try {
      await migrate(database.db)
    } finally {
      await database.close()
    }
    const readable = join(scratch, 'readable')
    copyDirectory(made, readable, readableByAll)
    renameSync(readable, snapshot)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function copyDirectory(from: string, to: string, modes: Modes): void {
  mkdirSync(to, { mode: modes.directory })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) {
      copyDirectory(source, target, modes)
      continue
    }
    copyFileSync(source, target, constants.COPYFILE_FICLONE)
    chmodSync(target, modes.file)
  }
}
