import {
  InvalidToolInputError,
  ResourceNotFoundError,
  ResourceNotSharedError,
  ResourceUnavailableError,
  WrongResourceTypeError,
} from '../errors.ts'
import type { NotionCall } from './call.ts'
import { notionId, uuidAt } from './ids.ts'
import { objectAt } from './json.ts'
import { named, titleKey } from './names.ts'
import { unknown } from './rich-text.ts'
import { type DataSource, type PropertySchema, propertiesOf, sourcesIn } from './schema-cache.ts'
import { titleOf } from './titles.ts'
import { ambiguous } from './tool-errors.ts'

/**
 * Returns the data source that `database_id` of a tool means: the one of the database, or of several the one that
 * `choice` names by name or id. The id of a data source works as well.
 *
 * Throws AmbiguousDataSourceError where there are several and no choice, InvalidToolInputError where the choice is not
 * one of them, and the errors of a read.
 */
export async function resolveDataSource(call: NotionCall, databaseId: string, choice?: string): Promise<DataSource> {
  return choose(databaseId, await dataSourcesOf(call, databaseId), choice)
}

/** Returns the data sources of a database, or the one of its own id. Throws the errors of a read. */
export async function dataSourcesOf(call: NotionCall, databaseId: string): Promise<readonly DataSource[]> {
  const known = call.schemas.sources.get(call.account, databaseId)
  if (known !== undefined) return known
  const sources = await readSources(call, databaseId)
  call.schemas.sources.set(call.account, databaseId, sources)
  return sources
}

/**
 * Resolves a data source and hands it to `use`. Where a remembered resolution turns out to be gone, it is resolved again
 * and `use` runs once more.
 */
export async function onDataSource<T>(
  call: NotionCall,
  databaseId: string,
  choice: string | undefined,
  use: (source: DataSource) => Promise<T>,
): Promise<T> {
  const wasKnown = call.schemas.sources.get(call.account, databaseId) !== undefined
  const source = await resolveDataSource(call, databaseId, choice)
  try {
    return await use(source)
  } catch (error) {
    if (!isGone(error, source.id)) throw error
    call.schemas.forget(call.account, databaseId)
    call.schemas.forget(call.account, source.id)
    if (!wasKnown) throw error
    const again = await resolveDataSource(call, databaseId, choice)
    if (again.id === source.id) throw error
    return use(again)
  }
}

/** Hands a database id to `use`, and the id of its database where it turns out to be the id of a data source. */
export async function onDatabase<T>(call: NotionCall, id: string, use: (databaseId: string) => Promise<T>): Promise<T> {
  try {
    return await use(id)
  } catch (error) {
    // A request that did not find the id has changed nothing.
    if (!(error instanceof WrongResourceTypeError) || error.resourceId !== id) throw error
    const answer = await call.lookUp({ kind: 'data_source', id })
    const databaseId = 'body' in answer ? uuidAt(objectAt(answer.body, 'parent'), 'database_id') : null
    if (databaseId === null) throw error
    return use(databaseId)
  }
}

/** The properties of a data source. */
export interface Schema {
  readonly properties: readonly PropertySchema[]
  /** Whether it was read just now, rather than remembered. */
  readonly fresh: boolean
}

/** Returns the properties of a data source; with `fresh` as they are now. */
export async function schemaOf(
  call: NotionCall,
  data_source_id: string,
  options?: { readonly fresh: boolean },
): Promise<Schema> {
  const known = options?.fresh ? undefined : call.schemas.properties.get(call.account, data_source_id)
  if (known !== undefined) return { properties: known, fresh: false }
  const body = await call.read((notion) => notion.dataSources.retrieve({ data_source_id }), {
    target: { id: data_source_id, kind: 'data_source' },
  })
  return { properties: propertiesOf(body), fresh: true }
}

/** Returns the id of the data source that a page is a row of; null for a page outside of databases. */
export async function dataSourceOfPage(call: NotionCall, page_id: string): Promise<string | null> {
  const known = call.schemas.pages.get(call.account, page_id)
  if (known !== undefined) return known.id
  const body = await call.read((notion) => notion.pages.retrieve({ page_id }), {
    target: { id: page_id, kind: 'page' },
  })
  const id = uuidAt(objectAt(body, 'parent'), 'data_source_id')
  call.schemas.pages.set(call.account, page_id, { id })
  return id
}

/** Looks for a database of the id first, then for a data source. */
async function readSources(call: NotionCall, id: string): Promise<readonly DataSource[]> {
  const database = await call.lookUp({ kind: 'database', id })
  if ('refusal' in database && database.refusal.status === 404) {
    const direct = await call.lookUp({ kind: 'data_source', id })
    if ('body' in direct) {
      const databaseId = uuidAt(objectAt(direct.body, 'parent'), 'database_id')
      return [{ id, name: titleOf(direct.body), databaseId }]
    }
  }
  return sourcesIn(await call.bodyOf(database, { target: { id, kind: 'database' } }), id)
}

function choose(databaseId: string, sources: readonly DataSource[], choice: string | undefined): DataSource {
  const [first, second] = sources
  if (choice !== undefined) {
    const id = notionId(choice, 'data_source')
    const chosen = sources.find((source) => source.id === id) ?? named(sources, choice) ?? onlyTitled(sources, choice)
    if (chosen !== undefined) return chosen
    const names = sources.map((source) => source.name)
    const ids = sources.map((source) => `${source.name} is ${source.id}`).join(', ')
    const message = `${unknown('data source', choice, names, 'of this database')}. ${ids}`
    throw new InvalidToolInputError([{ path: 'data_source', message }])
  }
  if (first === undefined) {
    throw new ResourceNotFoundError(databaseId, 'The database is readable, and none of its data sources is shared.')
  }
  if (second !== undefined) throw ambiguous(databaseId, sources)
  return first
}

/** Returns the only data source with a name, without regard to case. */
function onlyTitled(sources: readonly DataSource[], choice: string): DataSource | undefined {
  const wanted = titleKey(choice)
  const [only, second] = sources.filter(({ name }) => titleKey(name) === wanted)
  return second === undefined ? only : undefined
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
