import { hash } from 'node:crypto'
import { type GraphQLSchema, introspectionFromSchema, isAbstractType } from 'graphql'
import { printSorted } from '../graphql/printed-schema.ts'

/** Answers GET and HEAD of one of {@link isSchemaFile}. */
export type SchemaFiles = (request: Request, path: string) => Response

/** The files by path: the schema for code generators, and the abstract types for caches (Apollo's `possibleTypes`). */
const files: Readonly<Record<string, { readonly type: string; readonly write: (schema: GraphQLSchema) => string }>> = {
  '/schema.graphql': { type: 'text/plain; charset=utf-8', write: printSorted },
  '/schema.json': {
    type: 'application/json',
    write: (schema) => JSON.stringify(introspectionFromSchema(schema)),
  },
  '/possibleTypes.json': { type: 'application/json', write: (schema) => JSON.stringify(possibleTypes(schema)) },
}

export const isSchemaFile = (path: string) => Object.hasOwn(files, path)

/**
 * Serves the files of a schema, in production too, where introspection is off. Each is made at its first use, and has an
 * entity tag (RFC 9110 section 8.8.3).
 */
export function createSchemaFiles(schema: GraphQLSchema): SchemaFiles {
  const made = new Map<string, { readonly body: string; readonly etag: string }>()
  return (request, path) => {
    const file = files[path]
    if (!file) throw new Error(`${path} is not a file of the schema.`)
    if (!['GET', 'HEAD'].includes(request.method))
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    let known = made.get(path)
    if (!known) {
      const body = file.write(schema)
      known = { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 22)}"` }
      made.set(path, known)
    }
    const headers = { etag: known.etag, 'cache-control': 'private, no-cache', vary: 'authorization' }
    const tags = request.headers.get('if-none-match') ?? ''
    if (tags.trim() === '*' || tags.split(',').some((tag) => tag.trim().replace(/^W\//, '') === known.etag)) {
      return new Response(null, { status: 304, headers })
    }
    const body = request.method === 'HEAD' ? null : known.body
    return new Response(body, { headers: { ...headers, 'content-type': file.type } })
  }
}

function possibleTypes(schema: GraphQLSchema): Record<string, readonly string[]> {
  const types = Object.values(schema.getTypeMap()).filter(isAbstractType)
  return Object.fromEntries(types.map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)]))
}
