import { createServer } from 'node:http'
import SchemaBuilder from '@pothos/core'
import { GraphQLJSON, GraphQLJSONObject } from 'graphql-scalars'
import { createYoga } from 'graphql-yoga'
import { dataSourceId, newPageProperties, pageId } from '../notion-bodies.ts'
import { serveParent } from './child.ts'
import { createPoster, listen } from './http.ts'
import { pothosOptions } from './pothos-options.ts'

interface Payload {
  readonly kind: 'payload'
  readonly data: unknown
}

interface Failure {
  readonly kind: 'failure'
  readonly message: string
}

/**
 * The stack floor: graphql-yoga and Pothos with the mutation `executeTool` of Valetkey's shape (an input object, a union
 * as the result, the execution in the payload) and one request to the upstream. No keys, accounts, budgets or journal.
 */
serveParent(async ({ upstream }: { readonly upstream: string }) => {
  const post = createPoster()
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer bench',
    'notion-version': '2026-03-11',
  }
  const builder = new SchemaBuilder<{
    Scalars: { JSON: { Input: unknown; Output: unknown }; JSONObject: { Input: object; Output: object } }
  }>(pothosOptions)
  builder.addScalarType('JSON', GraphQLJSON)
  builder.addScalarType('JSONObject', GraphQLJSONObject)

  const execution = builder.objectRef<{ readonly id: string; readonly status: string }>('ToolExecution').implement({
    fields: (t) => ({ id: t.exposeID('id'), status: t.exposeString('status') }),
  })
  const payload = builder.objectRef<Payload>('ExecuteToolPayload').implement({
    fields: (t) => ({
      data: t.field({ type: 'JSON', resolve: ({ data }) => data }),
      execution: t.field({ type: execution, resolve: () => ({ id: 'bench', status: 'SUCCEEDED' }) }),
    }),
  })
  const failure = builder.objectRef<Failure>('ToolError').implement({
    fields: (t) => ({ message: t.exposeString('message'), hint: t.exposeString('message') }),
  })
  const result = builder.unionType('ExecuteToolResult', {
    types: [payload, failure],
    resolveType: ({ kind }) => (kind === 'payload' ? payload : failure),
  })
  const input = builder.inputType('ExecuteToolInput', {
    fields: (t) => ({
      identifier: t.string({ required: true }),
      connectionName: t.string({ required: true, defaultValue: 'notion' }),
      toolName: t.string({ required: true }),
      toolInput: t.field({ type: 'JSONObject', required: true }),
      idempotencyKey: t.string(),
    }),
  })
  builder.queryType({ fields: (t) => ({ ok: t.boolean({ resolve: () => true }) }) })
  builder.mutationType({
    fields: (t) => ({
      executeTool: t.field({
        type: result,
        args: { input: t.arg({ type: input, required: true }) },
        async resolve(_root, { input: { toolName } }): Promise<Payload | Failure> {
          const [path, body] =
            toolName === 'notion_page_create'
              ? ['pages', { parent: { page_id: pageId }, properties: newPageProperties }]
              : [`data_sources/${dataSourceId}/query`, { page_size: 10 }]
          const { status, text } = await post(`${upstream}/v1/${path}`, headers, JSON.stringify(body))
          if (status !== 200) return { kind: 'failure', message: `status ${status}` }
          return { kind: 'payload', data: JSON.parse(text) }
        },
      }),
    }),
  })
  const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false, landingPage: false })
  return { ready: await listen(createServer((request, response) => void yoga(request, response))) }
})
