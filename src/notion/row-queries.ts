import type { QueryDataSourceResponse } from '@notionhq/client'
import { InvalidToolInputError } from '../errors.ts'
import type { NotionCall } from './call.ts'
import { encodedIds } from './client.ts'
import { schemaOf } from './data-sources.ts'
import type { Paging } from './paging.ts'
import { conditionIssues, exactNames, namesProperties, type RowConditions } from './row-conditions.ts'
import { unknownProperty } from './rows.ts'
import type { DataSource } from './schema-cache.ts'

/**
 * Reads rows of a data source. Conditions that do not fit its properties, as remembered and then as they are now, are
 * refused before they are sent.
 *
 * @see https://developers.notion.com/reference/query-a-data-source
 */
export async function queryRows(
  call: NotionCall,
  source: DataSource,
  given: RowConditions,
  paging: Paging,
  propertyIds: readonly string[] = [],
): Promise<QueryDataSourceResponse> {
  const conditions = namesProperties(given) ? await checkedConditions(call, source, given) : given
  try {
    return await call.read(
      (notion) =>
        notion.dataSources.query({
          data_source_id: source.id,
          ...conditions,
          ...paging,
          ...(propertyIds.length > 0 && { filter_properties: encodedIds(propertyIds) }),
        }),
      { target: { id: source.id, kind: 'data_source' } },
    )
  } catch (error) {
    throw error instanceof InvalidToolInputError ? await listingProperties(call, source, error) : error
  }
}

/** Returns conditions that fit the properties, with exact names. Throws InvalidToolInputError for others. */
async function checkedConditions(
  call: NotionCall,
  source: DataSource,
  conditions: RowConditions,
): Promise<RowConditions> {
  let schema = await schemaOf(call, source.id)
  let issues = conditionIssues(schema.properties, conditions)
  if (issues.length > 0 && !schema.fresh) {
    schema = await schemaOf(call, source.id, { fresh: true })
    issues = conditionIssues(schema.properties, conditions)
  }
  if (issues.length === 0) return exactNames(schema.properties, conditions)
  throw new InvalidToolInputError(
    issues,
    'Correct the listed conditions. Call notion_database_fetch to list the names, types and options.',
  )
}

const missingIn = (message: string) => message.split('property with name or id: ', 2)[1]

/** Notion names the property that does not exist; the message also lists those that exist. */
async function listingProperties(call: NotionCall, source: DataSource, error: InvalidToolInputError): Promise<Error> {
  const issue = error.issues.find(({ message }) => missingIn(message))
  const name = missingIn(issue?.message ?? '')
  if (!issue || !name) return error
  const { properties } = await schemaOf(call, source.id, { fresh: true })
  return new InvalidToolInputError([{ path: issue.path, message: unknownProperty(properties, name) }])
}
