import { type ClaimedIndex, deleteIndex, storeKey } from '../content-index/claims.ts'
import {
  type Change,
  finishChange,
  type NewDocument,
  nextChanges,
  readKnown,
  removeDocuments,
  storeDocuments,
} from '../content-index/crawl-store.ts'
import { deriveIndexKey, type IndexKey, indexKeyContext, newIndexKey } from '../content-index/index-key.ts'
import type { IndexLimits } from '../content-index/index-rows.ts'
import { advancePass, currentPass, type Pass, type PassTiming } from '../content-index/passes.ts'
import type { DocumentKey } from '../content-index/sealed-document.ts'
import { mergeSegments } from '../content-index/segments.ts'
import type { Db } from '../db/database.ts'
import { databaseNow } from '../db/time.ts'
import { ProviderError } from '../errors.ts'
import type { ContentSource, ListedObject, ReadObject } from '../tools/content-source.ts'
import type { ToolCall } from '../tools/tool.ts'
import type { Vault } from '../vault/vault.ts'
import { neverOpens } from '../vault/vault-error.ts'
import { createTurns, type Turns } from './turns.ts'

/** Documents that are stored together. A crash loses what was read and not stored. */
const batchSize = 10

/** Objects that are read at the same time, so that slow answers do not leave the provider's limit unused. */
const readsAtOnce = 4

/** Changes that are read from the queue together. */
const changesAtOnce = 50

/** The part of a slice that changes have before the pass has its turn. */
const headStart = 0.25

/** What a slice works with. */
export interface SliceContext {
  readonly db: Db
  readonly vault: Vault
  readonly source: ContentSource
  readonly limits: IndexLimits
  readonly passes: PassTiming
  /** The way to the provider, within what work in the background may use of its limit. */
  readonly call: ToolCall
  /** Whether the slice must end: its time is over, or the process stops. */
  readonly isOver: () => boolean
  /** How long the slice is, in milliseconds. */
  readonly sliceMs: number
  /** Returns a number that increases when any object was reported as changed. */
  readonly changeCount: () => number
  /** Called after each commit that changes what the index holds, and whether its status may be another one. */
  readonly onProgress: (mayHaveStatus: boolean) => Promise<void>
}

/**
 * Works on one index for a while: reads what was reported as changed, and goes on with the pass over the pages. Everything is
 * stored under the lease, so that a node that has lost it writes nothing. Returns whether nothing is left to do now.
 *
 * Throws an IndexLeaseLostError, and what the source throws.
 */
export async function crawlSlice(context: SliceContext, lease: ClaimedIndex): Promise<boolean> {
  const { db, passes, limits, isOver } = context
  const key = { ...(await openKey(context, lease)), sample: context.source.sample }
  const turns = createTurns(context.sliceMs * headStart)
  const worker: Worker = { ...context, lease, key, turns, changes: { areRead: false }, failures: { inARow: 0 } }
  while (!isOver()) {
    await readChanges(worker)
    if (isOver()) return false
    const pass = await currentPass(db, lease, passes, limits)
    if (pass !== null) await readList(worker, pass)
    else if (worker.changes.areRead) {
      await merge(worker, { isIdle: true })
      return true
    } else turns.restart()
  }
  return false
}

interface Worker extends SliceContext {
  readonly lease: ClaimedIndex
  readonly key: IndexKey & DocumentKey
  readonly turns: Turns
  /** Whether all changes had been read at the last look. */
  readonly changes: { areRead: boolean }
  readonly failures: { inARow: number }
}

/** Failures in a row after which the provider is taken to be unavailable. */
const maxFailures = 3

/**
 * Reads an object. One that the provider fails to return is left to the next pass over all pages, so that the others do not
 * wait for it; where several in a row fail, throws the last failure.
 */
async function tolerate<T>({ failures }: Worker, read: () => Promise<T>): Promise<T | 'failed'> {
  try {
    const result = await read()
    failures.inARow = 0
    return result
  } catch (error) {
    failures.inARow += 1
    if (!(error instanceof ProviderError) || failures.inARow >= maxFailures) throw error
    return 'failed'
  }
}

/** Opens the key of the index, which the first holder of its lease creates. */
async function openKey({ db, vault }: SliceContext, lease: ClaimedIndex): Promise<IndexKey> {
  if (lease.sealedKey !== null) return deriveIndexKey(await vault.open(lease.sealedKey, indexKeyContext(lease)))
  const key = newIndexKey()
  await storeKey(db, lease, await vault.seal(key, indexKeyContext(lease)))
  return deriveIndexKey(key)
}

/** Reads objects that were reported as changed, as long as it is their turn. Returns their IDs. */
async function readChanges(worker: Worker): Promise<readonly string[]> {
  const { db, lease, changes, turns, isOver } = worker
  const done: string[] = []
  changes.areRead = false
  for (;;) {
    const next = await nextChanges(db, lease, changesAtOnce)
    if (next.length === 0) {
      changes.areRead = true
      return done
    }
    for (const change of next) {
      if (isOver() || !turns.areForChanges()) return done
      if (await turns.take('changes', () => readChange(worker, change))) done.push(change.objectId)
      await finishChange(db, lease, change)
    }
  }
}

/** Returns whether the document is now as the provider returned the object. */
async function readChange(worker: Worker, { objectId }: Change): Promise<boolean> {
  const { db, source, call } = worker
  if (objectId === '') return false
  const readAt = await databaseNow(db)
  const read = await tolerate(worker, async () => {
    const listed = await source.find(call, objectId)
    return listed && (await source.read(call, listed))
  })
  if (read === 'failed') return false
  if (read === null) await remove(worker, [objectId])
  else if (!(await isLeftOut(worker, read))) await store(worker, [toDocument(read, readAt)])
  return true
}

/** Reads what is new or changed in the next list of a pass, and proves the rest of it. Unfinished, it is listed again. */
async function readList(worker: Worker, pass: Pass): Promise<void> {
  const { db, lease, source, call, passes, turns, isOver, changeCount } = worker
  const provenAt = await databaseNow(db)
  const { objects, next } = await turns.take('pass', () => source.list(call, pass.cursor))
  const known = await readKnown(
    db,
    lease,
    objects.map(({ id }) => id),
  )
  const since =
    pass.kind === 'recent' && known.listedThrough ? known.listedThrough.getTime() - source.listDelayMs : null
  const isEarlier = ({ editedAt }: ListedObject) => since !== null && editedAt.getTime() < since
  const isDropped = ({ editedAt }: ListedObject) => known.floorEditedAt !== null && editedAt <= known.floorEditedAt
  const unchanged = (listed: ListedObject) => {
    const before = known.documents.get(listed.id)
    if (before === undefined) return false
    // Read once in a pass, however often it changes: the next pass finds a later edit.
    if (before.readAt >= pass.startedAt) return true
    const editedAt = listed.editedAt.getTime()
    return before.editedAt.getTime() === editedAt && before.readAt.getTime() >= editedAt + source.editPrecisionMs
  }
  const wanted = objects.filter((one) => !isEarlier(one) && !isDropped(one) && !unchanged(one))
  const batch: NewDocument[] = []
  const refused: string[] = []
  const storeRead = async () => {
    await store(worker, batch.splice(0))
    await remove(worker, refused.splice(0))
  }
  // Read after the list was: what it has of them is older.
  const newer = new Set<string>()
  let seen = changeCount()
  for (let at = 0; at < wanted.length; at += readsAtOnce) {
    // Each slice reads pages, however long the list took.
    if (at > 0 && isOver()) return await storeRead()
    if ((changeCount() !== seen || !worker.changes.areRead) && turns.areForChanges()) {
      seen = changeCount()
      // What changed meanwhile comes first, and after what was read before it.
      await storeRead()
      for (const id of await readChanges(worker)) newer.add(id)
    }
    const together = wanted.slice(at, at + readsAtOnce).filter(({ id }) => !newer.has(id))
    const readAt = await databaseNow(db)
    const reads = await turns.take('pass', () =>
      Promise.allSettled(together.map((listed) => tolerate(worker, () => source.read(call, listed)))),
    )
    for (const [index, read] of reads.entries()) {
      if (read.status === 'rejected' || read.value === 'failed') continue
      if (read.value !== null) batch.push(toDocument(read.value, readAt))
      else if (together[index] !== undefined) refused.push(together[index].id)
    }
    const failed = reads.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') {
      await storeRead()
      throw failed.reason
    }
    if (batch.length >= batchSize) await store(worker, batch.splice(0))
  }
  await storeRead()
  const isLast = next === null || objects.some(isEarlier)
  const objectIds = objects.map(({ id }) => id)
  await advancePass(db, lease, pass, { provenAt, objectIds, next: isLast ? null : next }, passes)
  if (isLast) await merge(worker, { isIdle: true })
  await worker.onProgress(isLast)
}

async function store(worker: Worker, documents: readonly NewDocument[]): Promise<void> {
  if (documents.length === 0) return
  const { db, lease, key, limits, onProgress } = worker
  await onProgress(await storeDocuments(db, lease, key, documents, limits))
  await merge(worker, { isIdle: false })
}

async function remove(worker: Worker, objectIds: readonly string[]): Promise<void> {
  if (objectIds.length === 0) return
  const { db, lease, onProgress } = worker
  await removeDocuments(db, lease, objectIds)
  await onProgress(false)
  await merge(worker, { isIdle: false })
}

/** An index with a segment that another program changed is deleted: the sweeper begins a new one. */
async function merge({ db, lease, key }: Worker, when: { readonly isIdle: boolean }): Promise<void> {
  try {
    await mergeSegments(db, lease, key, when)
  } catch (error) {
    if (neverOpens(error)) await deleteIndex(db, lease)
    throw error
  }
}

async function isLeftOut({ db, lease }: Worker, { id, editedAt }: ListedObject): Promise<boolean> {
  const { floorEditedAt } = await readKnown(db, lease, [id])
  return floorEditedAt !== null && editedAt <= floorEditedAt
}

function toDocument({ id, editedAt, ...read }: ReadObject, readAt: Date): NewDocument {
  const { title, text, comments, language, object, isPart } = read
  return { objectId: id, editedAt, readAt, content: { title, text, comments, language, object, isPart } }
}
