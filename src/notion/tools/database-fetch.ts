import { z } from 'zod'
import type { NotionCall } from '../call.ts'
import { uuidAt } from '../ids.ts'
import { idField } from '../input.ts'
import { type JsonObject, objectsAt } from '../json.ts'
import { databaseOutput } from '../shape/database-output.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** Most databases have one data source; of one with very many the rest are named only. */
const mostRead = 20

/** https://developers.notion.com/reference/database-retrieve and retrieve-a-data-source */
export const databaseFetch = notionTool({
  name: 'notion_database_fetch',
  title: 'Get a database',
  description: 'Get title and schema: property names, types, options.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ database_id: idField('database') }),
  ...databaseOutput,
  async run(call, { database_id }) {
    const database = await databaseOf(call, database_id)
    const named = objectsAt(database, 'data_sources')
    const sources = await Promise.all(
      named.map((source, index) => (index < mostRead ? withSchema(call, source) : Promise.resolve(source))),
    )
    const [only] = sources
    // The columns also stand where they stood before a database could have several data sources.
    const properties = sources.length === 1 && only?.properties !== undefined ? { properties: only.properties } : {}
    return { ...database, data_sources: sources, ...properties }
  },
})

async function databaseOf(call: NotionCall, id: string): Promise<JsonObject> {
  const read = (databaseId: string) =>
    call.send({ method: 'get', path: `databases/${databaseId}` }, { target: { id: databaseId, kind: 'database' } })
  const answer = await call.attempt({ method: 'get', path: `databases/${id}` })
  if ('body' in answer) return answer.body
  if (answer.refusal.status !== 404) return read(id)
  const { databaseId } = await call.dataSources.resolve(call, id)
  return read(databaseId ?? id)
}

async function withSchema(call: NotionCall, source: JsonObject): Promise<JsonObject> {
  const id = uuidAt(source, 'id')
  if (id === null) return source
  const answer = await call.attempt({ method: 'get', path: `data_sources/${id}` })
  return 'body' in answer ? { ...source, ...answer.body } : source
}
