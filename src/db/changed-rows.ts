import { LRUCache } from 'lru-cache'
import type { Database } from './database.ts'

/** Reports changes of rows that this process holds in memory, whichever node made them. */
export interface ChangedRows {
  /** Whether every change that was committed more than a second ago is known here. */
  areKnown(): boolean
  /** Calls the listener with the id of each changed row; with null when any row may have changed. */
  subscribe(listener: (id: string | null) => void): void
  /** Reports a commit of this process at once, before the database does. Null: any row may have changed. */
  announce(id: string | null): void
  close(): Promise<void>
}

/** A change is known on every node within this time, or the node holds nothing. Milliseconds. */
const defaultKnownWithinMs = 1_000

const channel = 'valetkey_changed_rows'

/** Listens to the triggers of the migrations. The embedded database has one process, which hears of each commit. */
export async function watchChangedRows(
  database: Pick<Database, 'kind' | 'notifications'>,
  knownWithinMs = defaultKnownWithinMs,
): Promise<ChangedRows> {
  const listeners: ((id: string | null) => void)[] = []
  const announce = (id: string | null) => {
    for (const listener of listeners) listener(id)
  }
  let caughtUpAt = Number.NEGATIVE_INFINITY
  const close = await database.notifications.listen(channel, {
    onMessage: announce,
    onGap: () => announce(null),
    onLost: () => {
      caughtUpAt = Number.NEGATIVE_INFINITY
    },
    onCaughtUp: (moment) => {
      caughtUpAt = moment
    },
  })
  return {
    areKnown: () => database.kind === 'embedded' || performance.now() - caughtUpAt < knownWithinMs,
    subscribe: (listener) => void listeners.push(listener),
    announce,
    close,
  }
}

/** A value that was read from rows, and the ids of those rows. */
export interface ReadRows<Value> {
  readonly value: Value
  /** Empty: the value is not held. */
  readonly rows: readonly string[]
  /** How long it is true without a change of the rows, in milliseconds; null: for any time. */
  readonly validMs?: number | null
}

/** Values that were read from rows, each held until one of its rows changes. */
export interface RowCache<Value> {
  /** Returns the value held under the key, or reads it. */
  read(key: string, read: () => Promise<ReadRows<Value>>): Promise<Value>
  /** Forgets what was read from a row, on this node and at once. For changes that this process has committed itself. */
  forget(rowId: string): void
}

/** Holds nothing. */
export const noRowCache: RowCache<never> = {
  read: async (_key, read) => (await read()).value,
  forget: () => {},
}

/** The longest time for which a value is held, in milliseconds. Changes end it earlier; unused values must end as well. */
const maxAgeMs = 10 * 60_000

/**
 * Characters as JSON for each value that a cache may hold. Most values are shorter. An API key can be narrowed to a thousand
 * identifiers of 512 characters, which each of its sessions repeats, and an account can have 8 KB of metadata.
 */
const meanCharacters = 2_000

/**
 * Creates a cache of at most `max` values, and of fewer where they are large. Nothing is returned from it while changes may be
 * unknown, and a value that was read while any row changed is not held: the read may have seen the state before the change.
 */
export function createRowCache<Value extends object>(changes: ChangedRows, max: number): RowCache<Value> {
  const keysOf = new Map<string, Set<string>>()
  const held = new LRUCache<string, ReadRows<Value>>({
    max,
    maxSize: max * meanCharacters,
    sizeCalculation: ({ value }) => JSON.stringify(value).length,
    ttl: maxAgeMs,
    dispose: ({ rows }, key) => {
      for (const id of rows) {
        const keys = keysOf.get(id)
        keys?.delete(key)
        if (keys?.size === 0) keysOf.delete(id)
      }
    },
  })
  let changeCount = 0
  const forget = (id: string | null) => {
    changeCount += 1
    if (id === null) held.clear()
    else for (const key of [...(keysOf.get(id) ?? [])]) held.delete(key)
  }
  changes.subscribe(forget)
  return {
    forget,
    async read(key, read) {
      const known = changes.areKnown()
      const found = known ? held.get(key) : undefined
      if (found !== undefined) return found.value
      const before = changeCount
      const askedAt = performance.now()
      const fresh = await read()
      const ttl = Math.floor(Math.min(fresh.validMs ?? maxAgeMs, maxAgeMs) - (performance.now() - askedAt))
      if (known && fresh.rows.length > 0 && ttl > 0 && changeCount === before) {
        // A value that is larger than the cache is not held.
        const isHeld = held.set(key, fresh, { ttl }).has(key)
        for (const id of isHeld ? fresh.rows : []) {
          const keys = keysOf.get(id) ?? new Set()
          keysOf.set(id, keys.add(key))
        }
      }
      return fresh.value
    },
  }
}
