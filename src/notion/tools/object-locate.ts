import * as z from 'zod'
import type { NotionCall } from '../call.ts'
import { idField } from '../input.ts'
import { flagAt, type JsonObject, textAt } from '../json.ts'
import type { Target } from '../not-found.ts'
import { compactPlacesSchema, markedSchema } from '../shape/compact-schema.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { compactPlace, notionPlace, outline, parentTarget, placeBody, placesAt, toPlace } from '../shape/places.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** Deeper than people nest pages. Each level is one request. */
const maxLevels = 40

const complete = z
  .boolean()
  .describe('Whether the path begins at the top of the workspace. If not, more is not shared.')

/** Follows the parents of an object (https://developers.notion.com/reference/parent-object). */
export const objectLocate = notionTool({
  name: 'notion_object_locate',
  title: 'Locate an object',
  description: 'Get the path from the top of the workspace to a page, database, row or block.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ object_id: idField('block', 'ID or link of the page, database or block') }),
  output: z.looseObject({
    object: z.literal('object_path'),
    path: z.array(z.looseObject({})),
    complete: z.boolean(),
  }),
  compact: markedSchema(compactPlacesSchema).extend({ complete }),
  result: z.object({
    path: z.array(notionPlace).describe('The objects from the outermost to the located one.'),
    complete,
  }),
  async run(call, { object_id }) {
    const chain: JsonObject[] = [await start(call, object_id)]
    let complete = false
    while (chain.length < maxLevels) {
      const parent = parentTarget(chain[0] ?? {})
      if (parent === null) {
        complete = true
        break
      }
      const answer = await call.lookUp(parent)
      // What may not be read ends the path.
      if (!('body' in answer) || chain.some(({ id }) => id === answer.body.id)) break
      chain.unshift(answer.body)
    }
    const path = chain.map((object, depth) => placeBody(object, textAt(chain[depth - 1], 'id'), depth))
    return { object: 'object_path', id: object_id, path, complete }
  },
  toResult: (body) => ({ path: placesAt(body, 'path').map(toPlace), complete: flagAt(body, 'complete') }),
  toCompact: (body) => markedData(placesAt(body, 'path').map(compactPlace), { complete: flagAt(body, 'complete') }),
  toMarkdown: (body) =>
    markedText(outline(placesAt(body, 'path')), {
      ...(!flagAt(body, 'complete') && { after: 'What contains the first object is not shared.' }),
    }),
})

/** Pages and databases have a URL under their own kind, and are blocks as well. */
async function start(call: NotionCall, id: string): Promise<JsonObject> {
  for (const kind of ['page', 'database', 'data_source'] as const) {
    const answer = await call.lookUp({ kind, id })
    if ('body' in answer) return answer.body
    if (answer.refusal.status !== 404) break
  }
  const target: Target = { kind: 'block', id }
  return call.bodyOf(await call.lookUp(target), { target })
}
