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
 * The journal is one append-only file of changes, from which a sandbox restores its content after a crash.
 *
 * - Each line is JSON. The first line contains the format. Every other line contains either the changes of one turn of
 *   the event loop, which are restored together or not at all, or an order for bulk content, which is executed again.
 * - An unreadable line, such as the last one after a crash, is skipped with a warning. The start never fails because
 *   of it.
 * - At the start, and when the file is much larger than its content, the file is compacted: a new file with the last
 *   state of each record replaces it as soon as it is complete.
 */

/** Name of the journal in the data directory. */
export const journalFileName = 'sandbox.jsonl'

const header = { format: 'valetkey-sandbox-journal', version: 1 }

/** `[kind, record]` for a record that was put, `[kind, null, id]` for a deleted record. */
type JournalChange = readonly [Kind, Records[Kind]] | readonly [Kind, null, string]

type JournalLine = { readonly changes: readonly JournalChange[] } | { readonly bulk: BulkOrder }

/** Stores changes in the journal file. */
export interface Journal {
  /** Adds a change. Changes of the same turn of the event loop are written together. */
  changed(change: StoreChange): void
  /** Adds an order for bulk content, instead of the changes that it makes. */
  ordered(order: BulkOrder): void
  /** Waits until all earlier changes are written or have failed to be written. */
  written(): Promise<void>
  /** Deletes all changes and orders. */
  restart(): Promise<void>
  /** Waits until all changes are written and closes the file. */
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

/** Returns the table of a kind, typed for records of any kind. */
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
      logger.warn(`skipped unreadable line ${number} of the sandbox journal ${path}`)
    }
  }
}

/** What a compacted journal contains: the records that bulk content does not determine, and the orders. */
interface JournalContent {
  readonly touched: Map<string, readonly [Kind, string]>
  readonly orders: BulkOrder[]
}

/** Reads a journal into a store. */
async function load(
  path: string,
  store: Store,
  logger: SandboxLogger,
): Promise<{ content: JournalContent; isOurs: boolean }> {
  const content: JournalContent = { touched: new Map(), orders: [] }
  let isOurs = false

  /** Throws an Error when the line is not valid. */
  function apply(line: unknown): void {
    if (!isLine(line)) throw new Error('a line must contain changes or an order')
    if ('bulk' in line) {
      // An order appears twice when the file was compacted before the order's own line was written. Executing it again
      // would undo later changes.
      if (content.orders.some(({ number }) => number === line.bulk.number)) return
      writeBulkContent(store, line.bulk)
      content.orders.push(line.bulk)
      return
    }
    for (const [kind, record, deletedId] of line.changes) {
      const id = record?.id ?? deletedId
      const table = tableOf(store, kind)
      if (!table || id === undefined) throw new Error('a change must contain a known kind and an id')
      if (record) table.put(record)
      else table.delete(id)
      touch(content, kind, id)
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
      logger.warn(`skipped an invalid line of the sandbox journal ${path}`)
    }
  }
  return { content, isOurs }
}

function touch({ touched }: JournalContent, kind: Kind, id: string): void {
  touched.set(`${kind} ${id}`, [kind, id])
}

/**
 * Replaces the file by one with the last state of each record and returns its size in bytes. Orders come first: their
 * content does not depend on other content, and later changes win. All records are read in one turn of the event loop.
 * Forgets deleted records, except those of bulk content.
 */
async function compact(path: string, store: Store, { touched, orders }: JournalContent): Promise<number> {
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

/** Minimum size in bytes at which the file is compacted. */
const minGrowthBytes = 32 * 1024 * 1024

/**
 * Reads the journal of a data directory into an empty store and opens it for changes. Creates the directory if needed.
 * Renames a file of another format. Returns the journal and the orders for bulk content that it contained.
 *
 * Only one process may use a directory: with two, the file stays valid, but the changes of the first one are lost.
 * `growth` is the minimum size in bytes at which the file is compacted.
 */
export async function openJournal(
  directory: string,
  store: Store,
  logger: SandboxLogger,
  growth = minGrowthBytes,
): Promise<{ journal: Journal; orders: readonly BulkOrder[] }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, journalFileName)
  const { content, isOurs } = await load(path, store, logger)
  if (!isOurs) await setAside(path, logger)
  const foundOrders = [...content.orders]
  let compactSize = await compact(path, store, content)
  let size = compactSize

  let file: FileHandle = await open(path, 'a', 0o600)
  let pending: JournalChange[] = []
  let writing: Promise<void> = Promise.resolve()

  /** Runs work on the file after all earlier work. A failure is logged and does not stop the sandbox. */
  function next(work: () => Promise<void>): Promise<void> {
    writing = writing.then(work).catch((error: unknown) => {
      logger.error(`writing the sandbox journal ${path} failed`, error)
    })
    return writing
  }
  async function append(line: string): Promise<void> {
    await file.appendFile(line)
    size += Buffer.byteLength(line)
    // Every added child writes its whole page again, so that the file grows faster than its content. Changes that
    // arrive during the compaction are appended to the new file.
    if (size <= Math.max(growth, compactSize * 4)) return
    // Set before the compaction, so that a failed one is not tried again at every change.
    compactSize = size
    compactSize = await compact(path, store, content)
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
  function add(change: JournalChange, kind: Kind, id: string): void {
    touch(content, kind, id)
    if (pending.length === 0) setImmediate(flush)
    pending.push(change)
  }

  const journal: Journal = {
    changed: ({ kind, id, record }) => add(record ? [kind, record] : [kind, null, id], kind, id),
    ordered(order) {
      flush()
      content.orders.push(order)
      void next(() => append(lineOf({ bulk: order })))
    },
    async written() {
      // The changes of one turn are written at its end, in one line.
      if (pending.length > 0) await new Promise((resolve) => setImmediate(resolve))
      await writing
    },
    restart() {
      pending = []
      content.touched.clear()
      content.orders.length = 0
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
    logger.warn(`the sandbox journal ${path} has another format, renamed it to ${path}.unreadable`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
