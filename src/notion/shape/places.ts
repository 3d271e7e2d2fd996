import * as z from 'zod'
import { type JsonObject, objectAt, objectsAt, textAt, toObject } from '../json.ts'
import { titleOf } from '../titles.ts'
import { blockText } from './blocks.ts'
import { present } from './compact.ts'

export const notionPlace = z
  .object({
    objectId: z.string().describe('The id.'),
    object: z.string().describe('The kind: page, database, data_source or block.'),
    title: z.string().describe('The title as plain text; the text of a block.'),
    url: z.string().nullable().describe('The URL in Notion; null for a block.'),
    parentId: z
      .string()
      .nullable()
      .describe('The id of what contains it; null at the top of the workspace, or where that is not shared.'),
    depth: z.int().describe('How many listed objects contain it.'),
  })
  .meta({ id: 'NotionPlace', description: 'A page, database or block with its place in the workspace.' })

export type NotionPlace = z.input<typeof notionPlace>

/** The form in which our own bodies hold a place. */
export function placeBody(object: JsonObject, parent_id: string | null, depth: number): JsonObject {
  const kind = textAt(object, 'object') ?? ''
  const held = kind === 'block' ? textAt(object, 'type') : null
  return {
    id: textAt(object, 'id') ?? '',
    object: held === 'child_page' ? 'page' : held === 'child_database' ? 'database' : kind,
    title: kind === 'block' ? blockText(object) : titleOf(object),
    url: textAt(object, 'url'),
    parent_id,
    depth,
  }
}

/** Converts a place of one of our own bodies to the typed result. */
export function toPlace(place: JsonObject): NotionPlace {
  return {
    objectId: textAt(place, 'id') ?? '',
    object: textAt(place, 'object') ?? '',
    title: textAt(place, 'title') ?? '',
    url: textAt(place, 'url'),
    parentId: textAt(place, 'parent_id'),
    depth: typeof place.depth === 'number' ? place.depth : 0,
  }
}

export const compactPlace = (place: JsonObject) => {
  const { objectId: id, object, title, depth } = toPlace(place)
  return present({ depth, object, title, id })
}

/** Returns places as a list, each below what contains it. */
export const outline = (places: readonly JsonObject[]): string =>
  places
    .map(toPlace)
    .map(({ title, object, objectId: id, depth }) => {
      const text = title.replaceAll(/\s+/g, ' ').trim() || '(untitled)'
      return `${'  '.repeat(depth)}- ${text} (${object} ${id})`
    })
    .join('\n')

/** The id of an object's parent, and what kind it is; null at the top of the workspace. */
export function parentTarget(object: JsonObject) {
  // The parent of a data source is its database, that of a row its data source.
  const parent = objectAt(object, 'parent')
  for (const kind of ['block', 'page', 'data_source', 'database'] as const) {
    const id = textAt(parent, `${kind}_id`)
    if (id !== null && parent.type === `${kind}_id`) return { kind, id }
  }
  return null
}

export const placesAt = (body: unknown, key: string) => objectsAt(toObject(body), key)
