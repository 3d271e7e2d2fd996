import './account-mutations.ts'
import './api-keys.ts'
import './audit-events.ts'
import './connected-account.ts'
import './errors.ts'
import './notion-events.ts'
import './oauth-app-webhook.ts'
import './tool-policy.ts'
import './user-sessions.ts'
import './viewer.ts'
import './webhook-deliveries.ts'
import './webhook-endpoints.ts'
import type { GraphQLSchema } from 'graphql'
import type { Connector } from '../tools/connector.ts'
import type { ToolCatalogue } from '../tools/tool.ts'
import { builder } from './builder.ts'
import { addConnectorTypes } from './oauth-apps.ts'
import { addToolFields } from './tools/tool-fields.ts'

let built: { readonly names: string; readonly schema: GraphQLSchema } | undefined

/**
 * Builds the schema: the operations of this folder and one typed field for each tool of the catalogue. Pothos collects
 * types in one builder per process, so all apps of a process share the schema. Throws for a second set of tools.
 */
export function buildSchema(connectors: readonly Connector[], catalogue: ToolCatalogue): GraphQLSchema {
  const names = catalogue.tools.map((tool) => tool.name).join()
  if (built && built.names !== names) throw new Error('The schema of this process was built for another set of tools.')
  if (!built) {
    addConnectorTypes(connectors)
    addToolFields(catalogue)
    built = { names, schema: builder.toSchema({ sortSchema: false }) }
  }
  return built.schema
}
