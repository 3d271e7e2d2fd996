import type { ConnectedAccount } from '../accounts/connected-account.ts'
import {
  InvalidToolInputError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  WrongResourceTypeError,
} from '../errors.ts'
import { nearestNames } from '../tools/nearest.ts'
import { boundedCache } from './bounded-cache.ts'
import type { NotionCall } from './call.ts'
import { notionId, uuidAt } from './ids.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from './json.ts'
import { ambiguous } from './tool-errors.ts'

/** Where rows live: a database's table. Most databases have exactly one. */
export interface DataSource {
  readonly id: string
  readonly name: string
  /** Null where the data source was named itself and does not say. */
  readonly databaseId: string | null
}

/** A column of a data source as the API describes it. */
export interface PropertySchema {
  readonly id: string
  readonly name: string
  readonly type: string
  /** The names and ids of the options of a select, multi_select or status property. */
  readonly options: readonly { readonly id: string; readonly name: string }[]
}

/** The columns of a data source. */
export interface Schema {
  readonly properties: readonly PropertySchema[]
  /** Whether it was read just now, rather than remembered. */
  readonly fresh: boolean
}

/** What `database_id` means, and what a data source looks like; remembered for some minutes for each account. */
export interface DataSources {
  /**
   * The data source of a database id (or of a data source id, which works too), by the choice of a name or id where there
   * are several. Fails with AmbiguousDataSourceError where there are several and no choice, with InvalidToolInputError
   * where the choice is none of them, and as any read does.
   */
  resolve(call: NotionCall, databaseId: string, choice?: string): Promise<DataSource>
  /** {@link resolve}, then `use`; once more with a new resolution if `use` finds that a remembered one is gone. */
  on<T>(
    call: NotionCall,
    databaseId: string,
    choice: string | undefined,
    use: (source: DataSource) => Promise<T>,
  ): Promise<T>
  /** `use` with a database id; where that turns out to be a data source's, again with the id of its database. */
  onDatabase<T>(call: NotionCall, id: string, use: (databaseId: string) => Promise<T>): Promise<T>
  /** The columns; `fresh` reads them anew. */
  schema(call: NotionCall, dataSourceId: string, options?: { readonly fresh: boolean }): Promise<Schema>
  /** The data source that a page is a row of, null where it is none. */
  ofPage(call: NotionCall, pageId: string): Promise<string | null>
  /** Takes in a body that Notion gave to the account: a database or data source in it replaces what is remembered of it. */
  note(account: ConnectedAccount, body: JsonObject): void
  /** Drops what is remembered under an id, after it was changed. */
  forget(call: NotionCall, id: string): void
}

const remembered = { entries: 5_000, ttlMs: 5 * 60_000 }
// A database that got a second table goes on answering under the first: nothing refuses what is old.
const rememberedSources = { ...remembered, ttlMs: 60_000 }

/** @param now milliseconds, for the age of what is remembered */
export function createDataSources(now: () => number): DataSources {
  const resolutions = boundedCache<readonly DataSource[]>(rememberedSources, now)
  const schemas = boundedCache<readonly PropertySchema[]>(remembered, now)
  const pages = boundedCache<{ readonly dataSourceId: string | null }>(remembered, now)
  const accountKey = (account: ConnectedAccount, id: string) => `${account.id} ${id}`
  const key = (call: NotionCall, id: string) => accountKey(call.account, id)

  async function sources(call: NotionCall, databaseId: string): Promise<readonly DataSource[]> {
    const known = resolutions.get(key(call, databaseId))
    if (known !== undefined) return known
    const found = await readSources(call, databaseId)
    resolutions.set(key(call, databaseId), found)
    return found
  }

  const dataSources: DataSources = {
    async resolve(call, databaseId, choice) {
      return choose(databaseId, await sources(call, databaseId), choice)
    },

    async on(call, databaseId, choice, use) {
      const wasKnown = resolutions.get(key(call, databaseId)) !== undefined
      const source = await dataSources.resolve(call, databaseId, choice)
      try {
        return await use(source)
      } catch (error) {
        if (!isGone(error, source.id)) throw error
        dataSources.forget(call, databaseId)
        dataSources.forget(call, source.id)
        if (!wasKnown) throw error
        const again = await dataSources.resolve(call, databaseId, choice)
        if (again.id === source.id) throw error
        return use(again)
      }
    },

    async onDatabase(call, id, use) {
      try {
        return await use(id)
      } catch (error) {
        // What was not found under the id was not changed either.
        if (!(error instanceof WrongResourceTypeError) || error.resourceId !== id) throw error
        const answer = await call.attempt({ method: 'get', path: `data_sources/${id}` })
        const databaseId = 'body' in answer ? uuidAt(objectAt(answer.body, 'parent'), 'database_id') : null
        if (databaseId === null) throw error
        return use(databaseId)
      }
    },

    async schema(call, dataSourceId, options) {
      const known = options?.fresh ? undefined : schemas.get(key(call, dataSourceId))
      if (known !== undefined) return { properties: known, fresh: false }
      const body = await call.send(
        { method: 'get', path: `data_sources/${dataSourceId}` },
        { target: { id: dataSourceId, kind: 'data_source' } },
      )
      return { properties: propertiesOf(body), fresh: true }
    },

    async ofPage(call, pageId) {
      const known = pages.get(key(call, pageId))
      if (known !== undefined) return known.dataSourceId
      const body = await call.send({ method: 'get', path: `pages/${pageId}` }, { target: { id: pageId, kind: 'page' } })
      const dataSourceId = uuidAt(objectAt(body, 'parent'), 'data_source_id')
      pages.set(key(call, pageId), { dataSourceId })
      return dataSourceId
    },

    note(account, body) {
      const objects = body.object === 'list' ? objectsAt(body, 'results') : [body]
      for (const object of objects) {
        const id = uuidAt(object, 'id')
        if (id === null) continue
        if (object.object === 'database' && Array.isArray(object.data_sources)) {
          resolutions.set(accountKey(account, id), sourcesIn(object, id))
        } else if (object.object === 'data_source' && isObject(object.properties)) {
          schemas.set(accountKey(account, id), propertiesOf(object))
          const databaseId = uuidAt(objectAt(object, 'parent'), 'database_id')
          if (databaseId === null) continue
          const known = resolutions.get(accountKey(account, databaseId))
          // One more table than there was: which of them is meant has to be asked anew.
          if (known?.every((source) => source.id !== id)) resolutions.delete(accountKey(account, databaseId))
        }
      }
    },

    forget(call, id) {
      resolutions.delete(key(call, id))
      schemas.delete(key(call, id))
      pages.delete(key(call, id))
    },
  }
  return dataSources
}

/** Reference "Tools that take database_id": the database first, then a data source of that id. */
async function readSources(call: NotionCall, id: string): Promise<readonly DataSource[]> {
  const request = { method: 'get', path: `databases/${id}` } as const
  const answer = await call.attempt(request)
  if ('body' in answer) return sourcesIn(answer.body, id)
  if (answer.refusal.status === 404) {
    const direct = await call.attempt({ method: 'get', path: `data_sources/${id}` })
    if ('body' in direct) {
      const databaseId = uuidAt(objectAt(direct.body, 'parent'), 'database_id')
      return [{ id, name: plainTitle(direct.body), databaseId }]
    }
  }
  // Asked once more through the way that turns a refusal into the error that it means.
  const body = await call.send(request, { target: { id, kind: 'database' } })
  return sourcesIn(body, id)
}

function sourcesIn(database: JsonObject, databaseId: string): readonly DataSource[] {
  return objectsAt(database, 'data_sources').flatMap((source) => {
    const id = uuidAt(source, 'id')
    return id === null ? [] : [{ id, name: textAt(source, 'name') ?? '', databaseId }]
  })
}

function choose(databaseId: string, sources: readonly DataSource[], choice: string | undefined): DataSource {
  const [first, second] = sources
  if (choice !== undefined) {
    const id = notionId(choice, 'data_source')
    const chosen =
      sources.find((source) => source.id === id) ??
      sources.find((source) => source.name === choice) ??
      sources.find((source) => source.name.toLowerCase() === choice.trim().toLowerCase())
    if (chosen !== undefined) return chosen
    const names = sources.map((source) => source.name)
    const [nearest] = nearestNames(choice, names, 1)
    throw new InvalidToolInputError([
      {
        path: 'data_source',
        message: `is no data source of this database, which has: ${sources.map((source) => `${source.name} (${source.id})`).join(', ')}${nearest === undefined ? '' : `; the nearest is "${nearest}"`}`,
      },
    ])
  }
  if (first === undefined) {
    throw new ResourceNotFoundError(databaseId, 'The database can be read, and none of its data sources is shared.')
  }
  if (second !== undefined) throw ambiguous(databaseId, sources)
  return first
}

function isGone(error: unknown, id: string): boolean {
  return (
    (error instanceof ResourceNotFoundError ||
      error instanceof ResourceNotSharedError ||
      error instanceof ResourceUnavailableError ||
      error instanceof WrongResourceTypeError) &&
    error.resourceId === id
  )
}

function plainTitle(body: JsonObject): string {
  return objectsAt(body, 'title')
    .map((part) => textAt(part, 'plain_text') ?? '')
    .join('')
}

/** The columns in the body of a data source. */
export function propertiesOf(body: JsonObject): readonly PropertySchema[] {
  return Object.entries(objectAt(body, 'properties')).flatMap(([name, property]) => {
    if (!isObject(property)) return []
    const type = textAt(property, 'type') ?? 'unknown'
    const options = objectsAt(property[type], 'options').map((option) => ({
      id: textAt(option, 'id') ?? '',
      name: textAt(option, 'name') ?? '',
    }))
    return [{ id: textAt(property, 'id') ?? '', name, type, options }]
  })
}
