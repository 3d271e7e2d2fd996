import { InvalidToolInputError } from '../errors.ts'
import type { NotionCall } from './call.ts'
import type { DataSource } from './data-sources.ts'
import type { JsonObject } from './json.ts'
import type { Paging } from './paging.ts'
import { conditionIssues, nameColumns, type RowConditions } from './row-conditions.ts'
import { unknownColumn } from './rows.ts'

/**
 * Reads rows of a data source (https://developers.notion.com/reference/query-a-data-source). Conditions that do not fit
 * its columns, as they are remembered and then as they are now, are refused before they are sent.
 */
export async function queryRows(
  call: NotionCall,
  source: DataSource,
  conditions: RowConditions,
  paging: Paging,
  propertyIds: readonly string[] = [],
): Promise<JsonObject> {
  if (nameColumns(conditions)) await checkConditions(call, source, conditions)
  try {
    return await call.send(
      {
        method: 'post',
        path: `data_sources/${source.id}/query`,
        body: { ...conditions, ...paging },
        ...(propertyIds.length > 0 && { query: { filter_properties: propertyIds } }),
      },
      { target: { id: source.id, kind: 'data_source' } },
    )
  } catch (error) {
    throw error instanceof InvalidToolInputError ? await withColumns(call, source, error) : error
  }
}

async function checkConditions(call: NotionCall, source: DataSource, conditions: RowConditions): Promise<void> {
  const schema = await call.dataSources.schema(call, source.id)
  let issues = conditionIssues(schema.properties, conditions)
  if (issues.length > 0 && !schema.fresh) {
    issues = conditionIssues((await call.dataSources.schema(call, source.id, { fresh: true })).properties, conditions)
  }
  if (issues.length === 0) return
  throw new InvalidToolInputError(
    issues.slice(0, 20),
    'Correct the listed conditions; notion_database_fetch shows the names, types and options.',
  )
}

const missing = /property with name or id: (.+)$/

/** Notion says which property is not there; which ones are, the columns say. */
async function withColumns(call: NotionCall, source: DataSource, error: InvalidToolInputError): Promise<Error> {
  const issue = error.issues.find(({ message }) => missing.test(message))
  const name = missing.exec(issue?.message ?? '')?.[1]
  if (issue === undefined || name === undefined) return error
  const { properties } = await call.dataSources.schema(call, source.id, { fresh: true })
  return new InvalidToolInputError([{ path: issue.path, message: `"${name}" ${unknownColumn(properties, name)}` }])
}
