import * as z from 'zod'
import { InvalidToolInputError } from '../../errors.ts'
import { refuse } from '../input.ts'
import { asJson, isObject, type JsonObject } from '../json.ts'
import { markedSchema } from '../shape/compact-schema.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** Folders and ids, and no dots or percent signs, with which a path could leave the API. */
const pathForm = /^\/?(?:v1\/)?([a-z][a-z_]*(?:\/[\w-]+)*)$/

/** What the account may not read through a tool: tokens. */
const closed = /^oauth(?:\/|$)/

/** A GET request by path, for what has no tool (https://developers.notion.com/reference/intro). */
export const apiRequest = notionTool({
  name: 'notion_api_request',
  title: 'Read by path',
  description:
    'Send a GET request to the Notion API, for what no other tool reads. Works only where the operator allows it.',
  readOnly: true,
  rawRequests: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    path: z.string().min(1).max(2000).describe('Path with query, such as /v1/users?page_size=10'),
  }),
  output: z.looseObject({}),
  compact: markedSchema(z.unknown()),
  result: z.object({ body: z.json().describe("Notion's answer.") }),
  async run(call, input) {
    const [given = '', search = '', ...rest] = input.path.trim().split('?')
    const path = pathForm.exec(given)?.[1]
    if (path === undefined || closed.test(path) || rest.length > 0) {
      refuse('path', 'must be a path of the Notion API such as /v1/users, with a query after "?", and not of /v1/oauth')
    }
    try {
      return await call.read<JsonObject>((notion) => notion.request({ method: 'get', path, query: queryOf(search) }))
    } catch (error) {
      if (!(error instanceof InvalidToolInputError)) throw error
      // Ids and parameters that Notion refuses are parts of the one string.
      const issues = error.issues.map(({ path: part, message }) => ({ path: 'path', message: `${part} ${message}` }))
      throw new InvalidToolInputError(issues)
    }
  },
  toResult: (body) => ({ body: asJson(isObject(body) ? body : {}) as never }),
  toCompact: (body) => markedData(asJson(body)),
  toMarkdown: (body) => markedText(JSON.stringify(body, null, 2)),
})

/** Returns a query as the SDK takes it: a key that is repeated has a list. */
function queryOf(search: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(search)
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((key) => {
      const values = parameters.getAll(key)
      return [key, values.length > 1 ? values : (values[0] ?? '')]
    }),
  )
}
