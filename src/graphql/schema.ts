import './account-mutations.ts'
import './api-keys.ts'
import './connected-account.ts'
import './errors.ts'
import './oauth-apps.ts'
import './viewer.ts'
import type { GraphQLSchema } from 'graphql'
import type { ToolCatalogue } from '../tools/tool.ts'
import { builder } from './builder.ts'
import { addToolFields } from './tools/tool-fields.ts'

/**
 * Builds the schema: the operations of this folder and one typed field for each tool of the catalogue. Once per process,
 * as Pothos collects types in one builder.
 */
export function buildSchema(catalogue: ToolCatalogue): GraphQLSchema {
  addToolFields(catalogue)
  return builder.toSchema()
}
