import type { Kind, Records } from '../model.ts'
import type { StoreChange } from '../store.ts'

/** A record before and after one operation. */
export interface RecordChange<T> {
  readonly before: T | undefined
  readonly after: T | undefined
}

/** The changes of one operation, at most one for each record. */
export interface ChangeSet {
  /** Id of the person or bot that made the changes, undefined if only the records name it. */
  readonly author: string | undefined
  /** Returns the changed records of a kind in the order of their first change. */
  of<K extends Kind>(kind: K): Iterable<RecordChange<Records[K]>>
  /** Returns the change of a record, if any. */
  get<K extends Kind>(kind: K, id: string): RecordChange<Records[K]> | undefined
  add(change: StoreChange): void
}

/** Creates an empty set. A record that is changed several times has the state before the first and after the last change. */
export function createChangeSet(author: string | undefined): ChangeSet {
  const kinds = new Map<Kind, Map<string, RecordChange<Records[Kind]>>>()
  return {
    author,
    *of(kind) {
      // The maps are typed by kind only here: a record is in the map of its own kind.
      for (const change of kinds.get(kind)?.values() ?? []) yield change as RecordChange<never>
    },
    get: (kind, id) => kinds.get(kind)?.get(id) as RecordChange<never> | undefined,
    add({ kind, id, before, record }) {
      let records = kinds.get(kind)
      if (records === undefined) {
        records = new Map()
        kinds.set(kind, records)
      }
      const earlier = records.get(id)
      records.set(id, { before: earlier ? earlier.before : before, after: record })
    },
  }
}
