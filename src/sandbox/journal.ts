import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { BulkOrder } from './bulk.ts'
import { isBulkId, writeBulkContent } from './bulk.ts'
import type { Kind, Records } from './model.ts'
import type { SandboxLogger } from './state.ts'
import type { Store, StoreChange } from './store.ts'

/**
 * The journal: one file to which every change is appended, so that a sandbox that is killed finds its content again.
 *
 * - Each line is JSON. The first names the format; each other holds either the changes of one moment, which therefore
 *   are found again together or not at all, or an order for bulk content, which is made again instead of being kept.
 * - A line that cannot be read (the last one after a crash) is left out with a warning; a start never fails for it.
 * - At the start, and when it has grown far beyond what it says, the file is written anew with the last state of each
 *   record, and takes its name only when it is whole.
 */

/** The file in the data directory. */
export const journalFileName = 'sandbox.jsonl'

const header = { format: 'valetkey-sandbox-journal', version: 1 }

/** `[kind, record]` for a record that was put, `[kind, null, id]` for one that was deleted. */
type JournalChange = readonly [Kind, Records[Kind]] | readonly [Kind, null, string]

type JournalLine = { readonly changes: readonly JournalChange[] } | { readonly bulk: BulkOrder }

/** Where changes are kept. */
export interface Journal {
  /** Notes a change. It is written together with all others of the same turn of the event loop. */
  changed(change: StoreChange): void
  /** Notes an order in place of the changes that it makes. */
  ordered(order: BulkOrder): void
  /** Waits until all that was noted so far is in the file, or could not be put there. */
  written(): Promise<void>
  /** Forgets everything that was noted. */
  restart(): Promise<void>
  /** Waits until all that was noted is written, and lets go of the file. */
  close(): Promise<void>
}

const lineOf = (line: JournalLine | typeof header) => `${JSON.stringify(line)}\n`

function isLine(value: unknown): value is JournalLine {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('bulk' in value || ('changes' in value && Array.isArray(value.changes)))
  )
}

/** Puts and deletes by table, without the types of each table getting in the way. */
function tableOf(store: Store, kind: Kind) {
  return store[kind] as
    | { get(id: string): Records[Kind] | undefined; put(record: Records[Kind]): void; delete(id: string): boolean }
    | undefined
}

async function* readLines(path: string, logger: SandboxLogger): AsyncGenerator<unknown> {
  const input = createReadStream(path)
  const opened = await new Promise<boolean>((resolve) => {
    input.once('open', () => resolve(true))
    input.once('error', () => resolve(false))
  })
  if (!opened) return
  let number = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1
    try {
      yield JSON.parse(line) as unknown
    } catch {
      logger.warn(`The sandbox's journal ${path} has an unreadable line ${number}; it is left out.`)
    }
  }
}

/** What is to be kept: which records differ from bulk content, and which orders there were. */
interface Kept {
  readonly touched: Map<string, readonly [Kind, string]>
  readonly orders: BulkOrder[]
}

/** Reads what a journal says into a store. */
async function load(path: string, store: Store, logger: SandboxLogger): Promise<{ kept: Kept; isOurs: boolean }> {
  const kept: Kept = { touched: new Map(), orders: [] }
  let isOurs = false

  /** @throws Error of any kind for a line that nothing here has written */
  function apply(line: unknown): void {
    if (!isLine(line)) throw new Error('neither changes nor an order')
    if ('bulk' in line) {
      // Found twice if the file was written anew before the order's own line: what changed since is not to be undone.
      if (kept.orders.some(({ number }) => number === line.bulk.number)) return
      writeBulkContent(store, line.bulk)
      kept.orders.push(line.bulk)
      return
    }
    for (const [kind, record, deletedId] of line.changes) {
      const id = record?.id ?? deletedId
      const table = tableOf(store, kind)
      if (!table || id === undefined) throw new Error('a change of nothing')
      if (record) table.put(record)
      else table.delete(id)
      touch(kept, kind, id)
    }
  }

  for await (const line of readLines(path, logger)) {
    if (!isOurs) {
      const first = line as { format?: unknown; version?: unknown } | null
      isOurs = first?.format === header.format && first.version === header.version
      if (!isOurs) break
      continue
    }
    try {
      apply(line)
    } catch {
      logger.warn(`The sandbox's journal ${path} has a line that makes no sense; it is left out.`)
    }
  }
  return { kept, isOurs }
}

function touch({ touched }: Kept, kind: Kind, id: string): void {
  touched.set(`${kind} ${id}`, [kind, id])
}

/**
 * Writes the orders first: what they make is the same whatever else there is, and later changes then win. All records
 * are taken at one moment. Forgets about what is gone for good.
 *
 * @returns the size of the file in bytes
 */
async function compact(path: string, store: Store, { touched, orders }: Kept): Promise<number> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.appendFile(lineOf(header))
    for (const order of orders) await file.appendFile(lineOf({ bulk: order }))
    const changes: JournalChange[] = []
    for (const [key, [kind, id]] of touched) {
      const record = tableOf(store, kind)?.get(id)
      if (record) changes.push([kind, record])
      else if (isBulkId(id)) changes.push([kind, null, id])
      else touched.delete(key)
    }
    for (let from = 0; from < changes.length; from += 1000) {
      await file.appendFile(lineOf({ changes: changes.slice(from, from + 1000) }))
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  return (await stat(path)).size
}

/** Bytes by which the file may at least grow before it is written anew. */
const leastGrowth = 32 * 1024 * 1024

/**
 * Reads what a data directory holds into an empty store, and keeps the file open for what follows. The directory is
 * made if there is none. A file of another format is set aside under another name. One process at a time: two would not
 * spoil the file, but only the changes of the later one would be found again.
 *
 * @param growth bytes by which the file may at least grow before it is written anew
 * @returns the journal, and the orders for bulk content that it held
 */
export async function openJournal(
  directory: string,
  store: Store,
  logger: SandboxLogger,
  growth = leastGrowth,
): Promise<{ journal: Journal; orders: readonly BulkOrder[] }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, journalFileName)
  const { kept, isOurs } = await load(path, store, logger)
  if (!isOurs) await setAside(path, logger)
  const foundOrders = [...kept.orders]
  let compactSize = await compact(path, store, kept)
  let size = compactSize

  let file: FileHandle = await open(path, 'a', 0o600)
  let pending: JournalChange[] = []
  let writing: Promise<void> = Promise.resolve()

  /** Does one thing after the other with the file. Trouble is reported once for each attempt, and does not stop the sandbox. */
  function next(work: () => Promise<void>): Promise<void> {
    writing = writing.then(work).catch((error: unknown) => {
      logger.error(`The sandbox's journal ${path} cannot be written.`, error)
    })
    return writing
  }
  async function append(line: string): Promise<void> {
    await file.appendFile(line)
    size += Buffer.byteLength(line)
    // A page with many children is written whole for each one that is added, so that the file outgrows its content.
    // Changes that come meanwhile wait for their turn and are appended to the new file.
    if (size <= Math.max(growth, compactSize * 4)) return
    // If that fails, the next attempt is as far away as after a success.
    compactSize = size
    compactSize = await compact(path, store, kept)
    size = compactSize
    const old = file
    file = await open(path, 'a', 0o600)
    await old.close()
  }
  function flush(): void {
    if (pending.length === 0) return
    const line = lineOf({ changes: pending })
    pending = []
    void next(() => append(line))
  }
  function note(change: JournalChange, kind: Kind, id: string): void {
    touch(kept, kind, id)
    if (pending.length === 0) setImmediate(flush)
    pending.push(change)
  }

  const journal: Journal = {
    changed: ({ kind, id, record }) => note(record ? [kind, record] : [kind, null, id], kind, id),
    ordered(order) {
      flush()
      kept.orders.push(order)
      void next(() => append(lineOf({ bulk: order })))
    },
    async written() {
      // Changes of one turn stay together in one line: the turn ends before it is written.
      if (pending.length > 0) await new Promise((resolve) => setImmediate(resolve))
      await writing
    },
    restart() {
      pending = []
      kept.touched.clear()
      kept.orders.length = 0
      return next(async () => {
        await file.truncate(0)
        await file.appendFile(lineOf(header))
        size = compactSize = 0
      })
    },
    async close() {
      flush()
      await next(() => file.close())
    },
  }
  return { journal, orders: foundOrders }
}

async function setAside(path: string, logger: SandboxLogger): Promise<void> {
  try {
    await rename(path, `${path}.unreadable`)
    logger.warn(`The sandbox's journal ${path} has another format; it is kept as ${path}.unreadable.`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
