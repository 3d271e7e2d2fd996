import { Valetkey } from 'valetkey/client'
import { graphql } from './gql/gql.js'
import type { TypedDocumentString } from './gql/graphql.js'
import possibleTypes from './gql/possible-types.js'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '' } = process.env
const valetkey = new Valetkey({ url, apiKey })

const query = graphql(`
  query QueryTasks($identifier: String!, $input: NotionDatabaseQueryInput!) {
    notionDatabaseQuery(identifier: $identifier, input: $input) {
      __typename
      ... on NotionDatabaseQueryPayload {
        rows {
          id
          title
          lastEditedTime
        }
      }
      ... on AccountNotActiveError {
        status
      }
      ... on ToolError {
        message
        hint
      }
    }
  }
`)

/** Sends a document. The document decides the types of the variables and of the result. */
function send<Result, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  return valetkey.graphql<Result>(document.toString(), variables)
}

const { notionDatabaseQuery: outcome } = await send(query, {
  identifier: process.argv[2] ?? 'user_1',
  input: { databaseId: '2561ab6c-418b-8072-beec-c4779fa811cf', pageSize: 2 },
})
if (outcome.__typename === 'NotionDatabaseQueryPayload') {
  for (const row of outcome.rows) console.log(`${row.title}, edited at ${row.lastEditedTime}`)
} else {
  console.log(`${outcome.__typename}: ${outcome.message} ${outcome.hint}`)
}
console.log(`${possibleTypes.possibleTypes.ToolError.length} errors of tools`)
