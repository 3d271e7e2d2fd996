import type { NotionCall } from './call.ts'
import { resolveDataSource } from './data-sources.ts'
import { uuidAt } from './ids.ts'
import { type JsonObject, objectsAt } from './json.ts'

/** Of a database with more data sources the rest is listed by name only. */
const maxSchemas = 20

/** Returns a database by its id or by the id of one of its data sources. */
export async function readDatabase(call: NotionCall, id: string): Promise<JsonObject> {
  const target = { kind: 'database', id } as const
  const answer = await call.lookUp(target)
  if ('body' in answer || answer.refusal.status !== 404) return call.bodyOf(answer, { target })
  const { databaseId } = await resolveDataSource(call, id)
  const parent = { kind: 'database', id: databaseId ?? id } as const
  return call.bodyOf(await call.lookUp(parent), { target: parent })
}

/** Returns a database with its data sources and their properties, in Notion's form. */
export async function withSources(call: NotionCall, database: JsonObject): Promise<JsonObject> {
  const named = objectsAt(database, 'data_sources')
  const sources = await Promise.all(
    named.map((source, index) => (index < maxSchemas ? withSchema(call, source) : Promise.resolve(source))),
  )
  const [only] = sources
  // A database with one data source also has the properties where older API versions had them.
  const properties = sources.length === 1 && only?.properties !== undefined ? { properties: only.properties } : {}
  return { ...database, data_sources: sources, ...properties }
}

async function withSchema(call: NotionCall, source: JsonObject): Promise<JsonObject> {
  const id = uuidAt(source, 'id')
  if (id === null) return source
  const answer = await call.lookUp({ kind: 'data_source', id })
  return 'body' in answer ? { ...source, ...answer.body } : source
}
