import * as z from 'zod'
import type { NotionCall } from '../call.ts'
import { flagAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { compactPlacesSchema, markedSchema } from '../shape/compact-schema.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { compactPlace, notionPlace, outline, parentTarget, placeBody, placesAt, toPlace } from '../shape/places.ts'
import { titleOf } from '../titles.ts'
import { notionTool } from '../tool-definition.ts'

/** Bounds of one call: searches of 100 results for each kind, and blocks that are read for what contains them. */
const maxSearches = { page: 8, data_source: 3 }
const maxBlocks = 30
const maxPlaces = 300

/** A page, a database, or a row or block on the way, by its id. `parentId` is null at the top. */
interface Found {
  readonly object: JsonObject
  readonly parentId: string | null
  /** Whether it is a place of its own: rows are listed by queries, and blocks only contain. */
  readonly listed: boolean
}

const complete = z
  .boolean()
  .describe('Whether everything shared was found and is listed, down to the depth of the input.')

/**
 * What searches find (https://developers.notion.com/reference/post-search), as a tree. Notion has no request that lists
 * the pages of a workspace.
 */
export const workspaceTree = notionTool({
  name: 'notion_workspace_tree',
  title: 'Show the workspace',
  description:
    'Show the shared pages and databases as an outline, without rows. Use notion_data_fetch to find one by title.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: [],
  input: z.strictObject({
    depth: z.int().min(1).max(20).describe('Levels to show').default(3),
  }),
  output: z.looseObject({
    object: z.literal('workspace_tree'),
    places: z.array(z.looseObject({})),
    complete: z.boolean(),
  }),
  compact: markedSchema(compactPlacesSchema).extend({ complete }),
  result: z.object({
    places: z.array(notionPlace).describe('The pages and databases, each after what contains it.'),
    complete,
  }),
  list: {
    length: (body) => placesAt(body, 'places').length,
    take: (body, length) => ({
      ...(isObject(body) ? body : {}),
      places: placesAt(body, 'places').slice(0, length),
      complete: false,
    }),
  },
  async run(call, { depth }) {
    const [sources, pages] = await Promise.all([search(call, 'data_source'), search(call, 'page')])
    const found = new Map<string, Found>()
    for (const source of sources.results) addDatabase(found, source)
    for (const page of pages.results) {
      const parent = parentTarget(page)
      const isRow = parent?.kind === 'data_source'
      const database = isRow ? textAt(objectAt(page, 'parent'), 'database_id') : null
      found.set(textAt(page, 'id') ?? '', { object: page, parentId: database ?? parent?.id ?? null, listed: !isRow })
    }
    const hasBlocks = await addBlocks(call, found)
    const places = placesOf(found, depth)
    const complete = sources.complete && pages.complete && hasBlocks && places.length <= maxPlaces
    return { object: 'workspace_tree', places: places.slice(0, maxPlaces), complete }
  },
  toResult: (body) => ({ places: placesAt(body, 'places').map(toPlace), complete: flagAt(body, 'complete') }),
  toCompact: (body) => markedData(placesAt(body, 'places').map(compactPlace), { complete: flagAt(body, 'complete') }),
  toMarkdown: (body) =>
    markedText(outline(placesAt(body, 'places')) || '(nothing is shared)', {
      ...(!flagAt(body, 'complete') && { after: 'The workspace has more. Call notion_data_fetch to search by title.' }),
    }),
})

async function search(call: NotionCall, value: 'page' | 'data_source') {
  const results: JsonObject[] = []
  let start_cursor: string | null = null
  for (let requests = 0; requests < maxSearches[value]; requests += 1) {
    const cursor = start_cursor
    const body = await call.read((notion) =>
      notion.search({
        filter: { property: 'object', value },
        page_size: 100,
        ...(cursor !== null && { start_cursor: cursor }),
      }),
    )
    results.push(...objectsAt(body, 'results').filter((object) => !flagAt(object, 'in_trash')))
    start_cursor = textAt(body, 'next_cursor')
    if (start_cursor === null) return { results, complete: true }
  }
  return { results, complete: false }
}

/** A database is found as its data sources, which have its parent. Several are one database with their names. */
function addDatabase(found: Map<string, Found>, source: JsonObject): void {
  const id = parentTarget(source)?.id ?? textAt(source, 'id') ?? ''
  const known = found.get(id)
  const names = [...(known === undefined ? [] : [titleOf(known.object)]), titleOf(source)]
  const title = [{ plain_text: [...new Set(names)].join(', ') }]
  const parentId = parentTarget({ parent: objectAt(source, 'database_parent') })?.id ?? null
  found.set(id, { object: { object: 'database', id, url: source.url, title }, parentId, listed: true })
}

/**
 * Finds the pages that contain others within blocks, such as a column or toggle. Returns false where there are too many blocks:
 * the rest is listed at the top.
 */
async function addBlocks(call: NotionCall, found: Map<string, Found>): Promise<boolean> {
  const nextBlock = () =>
    [...found.values()].find(
      ({ object, parentId }) => parentId !== null && !found.has(parentId) && parentKindOf(object) === 'block',
    )?.parentId ?? null
  for (let read = 0; read < maxBlocks; read += 1) {
    const id = nextBlock()
    if (id === null) return true
    const answer = await call.lookUp({ kind: 'block', id })
    const block = 'body' in answer ? answer.body : { object: 'block', id }
    found.set(id, { object: block, parentId: parentTarget(block)?.id ?? null, listed: false })
  }
  return nextBlock() === null
}

const parentKindOf = (object: JsonObject) =>
  object.object === 'database' ? 'block' : (parentTarget(object)?.kind ?? null)

/** Returns pages and databases in the order of the outline. Rows and blocks between them are left out. */
function placesOf(found: ReadonlyMap<string, Found>, depth: number): readonly JsonObject[] {
  const children = new Map<string | null, Found[]>()
  for (const entry of found.values()) {
    if (!entry.listed) continue
    const parent = nearest(found, entry.parentId)
    children.set(parent, [...(children.get(parent) ?? []), entry])
  }
  const places: JsonObject[] = []
  const add = (parentId: string | null, level: number) => {
    const sorted = [...(children.get(parentId) ?? [])].sort((a, b) =>
      titleOf(a.object).localeCompare(titleOf(b.object)),
    )
    for (const { object } of level < depth ? sorted : []) {
      places.push(placeBody(object, parentId, level))
      add(textAt(object, 'id'), level + 1)
    }
  }
  add(null, 0)
  return places
}

/** Returns the nearest listed object that contains another; null where none is shared. */
function nearest(found: ReadonlyMap<string, Found>, id: string | null): string | null {
  const seen = new Set<string>()
  for (let at = id; at !== null && !seen.has(at); ) {
    const entry = found.get(at)
    if (entry === undefined) return null
    if (entry.listed) return at
    seen.add(at)
    at = entry.parentId
  }
  return null
}
