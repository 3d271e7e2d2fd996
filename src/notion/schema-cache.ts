import { LRUCache } from 'lru-cache'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { uuidAt } from './ids.ts'
import { isObject, objectAt, objectsAt, textAt } from './json.ts'
import { exactlyNamed, named, withId } from './names.ts'

/** Where rows live: a table of a database. Most databases have exactly one. */
export interface DataSource {
  readonly id: string
  readonly name: string
  /** Null where the data source was found by its own id and names no database. */
  readonly databaseId: string | null
}

/** A property of a data source, as the API describes it. */
export interface PropertySchema {
  readonly id: string
  readonly name: string
  readonly type: string
  /** The options of a select, multi_select or status property. */
  readonly options: readonly NamedOption[]
  /** The groups of the options of a status property. */
  readonly groups: readonly NamedOption[]
}

interface NamedOption {
  readonly id: string
  readonly name: string
}

/** Caches of databases, data sources and rows, for each account, for some minutes and of limited size. */
export interface SchemaCache {
  /** The data sources of a database. */
  readonly sources: AccountCache<readonly DataSource[]>
  /** The properties of a data source. */
  readonly properties: AccountCache<readonly PropertySchema[]>
  /** The data source that a page is a row of; `id` is null for a page outside of databases. */
  readonly pages: AccountCache<{ readonly id: string | null }>
  /** Caches the databases and data sources in a body that Notion returned to the account. */
  note(account: ConnectedAccount, body: unknown): void
  /** Removes the entries of an id, after the object was changed. */
  forget(account: Pick<ConnectedAccount, 'id'>, id: string): void
  /** Removes all entries, when any object may have changed. */
  clear(): void
}

/** A cache whose entries belong to one account each. */
export interface AccountCache<Value> {
  get(account: ConnectedAccount, id: string): Value | undefined
  set(account: ConnectedAccount, id: string, value: Value): void
  delete(account: Pick<ConnectedAccount, 'id'>, id: string): void
  clear(): void
}

/**
 * Characters of all entries of one cache as JSON. An entry and the index of its names (`names.ts`) take 4 to 7 bytes for each of
 * them, and so a cache up to 70 MB: over 3,000 databases with 15 properties of two options each.
 */
const maxCharacters = 10_000_000

/** A longer entry is read each time: it would displace those of others. Notion recommends schemas of at most 50 KB. */
const maxEntryCharacters = 1_000_000

const minuteMs = 60_000

/** @param now milliseconds since the epoch */
export function createSchemaCache(now: () => number): SchemaCache {
  // A short time: a database with a second data source still works with the first, so nothing reveals an old entry.
  const sources = accountCache<readonly DataSource[]>(minuteMs, now)
  const properties = accountCache<readonly PropertySchema[]>(5 * minuteMs, now)
  const pages = accountCache<{ readonly id: string | null }>(5 * minuteMs, now)
  return {
    sources,
    properties,
    pages,

    note(account, body) {
      for (const object of isObject(body) && body.object === 'list' ? objectsAt(body, 'results') : [body]) {
        const id = uuidAt(object, 'id')
        if (id === null || !isObject(object)) continue
        if (object.object === 'database' && Array.isArray(object.data_sources)) {
          sources.set(account, id, sourcesIn(object, id))
        } else if (object.object === 'data_source' && isObject(object.properties)) {
          properties.set(account, id, propertiesOf(object))
          const databaseId = uuidAt(objectAt(object, 'parent'), 'database_id')
          if (databaseId === null) continue
          // A data source that was not there before: which one is meant must be looked up again.
          const known = sources.get(account, databaseId)
          if (known?.every((source) => source.id !== id)) sources.delete(account, databaseId)
        }
      }
    },

    forget(account, id) {
      for (const cache of [sources, properties, pages]) cache.delete(account, id)
    },

    clear() {
      for (const cache of [sources, properties, pages]) cache.clear()
    },
  }
}

function accountCache<Value extends object>(ttl: number, now: () => number): AccountCache<Value> {
  const cache = new LRUCache<string, Value>({
    maxSize: maxCharacters,
    maxEntrySize: maxEntryCharacters,
    sizeCalculation: (value, key) => key.length + JSON.stringify(value).length,
    ttl,
    ttlResolution: 0,
    perf: { now },
  })
  const keyOf = (account: Pick<ConnectedAccount, 'id'>, id: string) => `${account.id} ${id}`
  return {
    get: (account, id) => cache.get(keyOf(account, id)),
    set: (account, id, value) => void cache.set(keyOf(account, id), value),
    delete: (account, id) => void cache.delete(keyOf(account, id)),
    clear: () => cache.clear(),
  }
}

/** Returns the data sources in the body of a database. */
export function sourcesIn(database: unknown, databaseId: string): readonly DataSource[] {
  return objectsAt(database, 'data_sources').flatMap((source) => {
    const id = uuidAt(source, 'id')
    return id === null ? [] : [{ id, name: textAt(source, 'name') ?? '', databaseId }]
  })
}

/** Returns the properties in the body of a data source. */
export function propertiesOf(dataSource: unknown): readonly PropertySchema[] {
  return Object.entries(objectAt(dataSource, 'properties')).flatMap(([name, property]) => {
    if (!isObject(property)) return []
    const type = textAt(property, 'type') ?? 'unknown'
    const listed = (key: 'options' | 'groups') =>
      objectsAt(property[type], key).map((one) => ({ id: textAt(one, 'id') ?? '', name: textAt(one, 'name') ?? '' }))
    return [{ id: textAt(property, 'id') ?? '', name, type, options: listed('options'), groups: listed('groups') }]
  })
}

// Notion returns ids as a part of a URL has them. A lone surrogate has no such form.
const encodedId = (id: string) => encodeURIComponent(id.replaceAll(/\p{Surrogate}/gu, '\ufffd'))

/**
 * Returns the property of a name or id, or undefined. `title` is the title property whatever its name, unless another
 * property has that name. A name that only one property's name looks like means this property.
 */
export function findProperty(properties: readonly PropertySchema[], name: string): PropertySchema | undefined {
  return (
    exactlyNamed(properties, name) ??
    withId(properties, name) ??
    withId(properties, encodedId(name)) ??
    (name === 'title' ? properties.find((property) => property.type === 'title') : undefined) ??
    named(properties, name)
  )
}
