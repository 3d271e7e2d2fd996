import { codegen } from '@graphql-codegen/core'
import * as operationTypes from '@graphql-codegen/typescript-operations'
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  Kind,
  parse,
  print,
  printSchema,
  stripIgnoredCharacters,
  visit,
} from 'graphql'

/** The fragments of a document that a definition uses, directly or through others. */
function fragmentsOf(definition: Parameters<typeof print>[0], document: DocumentNode): Set<FragmentDefinitionNode> {
  const used = new Set<FragmentDefinitionNode>()
  visit(definition, {
    FragmentSpread({ name }) {
      for (const each of document.definitions) {
        if (each.kind !== Kind.FRAGMENT_DEFINITION || each.name.value !== name.value) continue
        used.add(each)
        for (const nested of fragmentsOf(each, document)) used.add(nested)
      }
    },
  })
  return used
}

/** Strings instead of syntax trees: the console sends them as they are and needs no GraphQL library. */
function printDocuments(document: DocumentNode): string {
  const documents = document.definitions.flatMap((each) => {
    if (each.kind !== Kind.OPERATION_DEFINITION || each.name === undefined) return []
    const name = each.name.value
    const result = `${name}${each.operation.charAt(0).toUpperCase()}${each.operation.slice(1)}`
    const text = stripIgnoredCharacters([each, ...fragmentsOf(each, document)].map(print).join(' '))
    return `export const ${name} = ${JSON.stringify(text)} as Operation<${result}, ${result}Variables>`
  })
  return [
    '/** A document with the types of its result and variables. */',
    'export type Operation<Result, Variables> = string & { readonly types?: (variables: Variables) => Result }',
    ...documents,
  ].join('\n\n')
}

/**
 * Returns src/console/operations.ts: the operations of operations.graphql as strings, with the types of their variables and
 * results. Throws an error for an operation that is not valid for the schema.
 */
export async function consoleOperations(schema: GraphQLSchema, text: string): Promise<string> {
  const operations = parse(text)
  const generated = await codegen({
    filename: 'operations.ts',
    schema: parse(printSchema(schema)),
    schemaAst: schema,
    documents: [{ location: 'src/console/operations.graphql', document: operations }],
    plugins: [{ types: {} }, { documents: {} }],
    pluginMap: { types: operationTypes, documents: { plugin: () => printDocuments(operations) } },
    config: {
      enumType: 'string-literal',
      immutableTypes: true,
      skipTypename: true,
      scalars: { DateTime: 'string', URL: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>' },
    },
  })
  return `/* Made from operations.graphql and the schema by npm run schema. */\n${generated.trimEnd()}\n`
}
