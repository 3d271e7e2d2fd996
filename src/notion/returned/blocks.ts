import { isDeepStrictEqual } from 'node:util'
import { InvalidToolInputError } from '../../errors.ts'
import type { NotionCall } from '../call.ts'
import { notionId } from '../ids.ts'
import { isObject, type JsonObject } from '../json.ts'
import { compactBlock } from '../shape/blocks.ts'

/**
 * Returns the parts of a block that an input changes. Where the input is a block as a COMPACT result contains it, with its
 * id, what equals the block stays as it is: its text is Markdown there, and would be written with its signs. `current` is
 * the body of the block if nothing is left to change.
 *
 * Throws InvalidToolInputError for the id of another block.
 */
export async function changesOfBlock(
  call: NotionCall,
  blockId: string,
  given: JsonObject,
): Promise<{ readonly block: JsonObject; readonly current: JsonObject | null }> {
  const { id, type } = given
  if (id === undefined || id === null) return { block: given, current: null }
  if (typeof id !== 'string' || notionId(id, 'block') !== blockId) {
    const message = 'must be the block_id, or be left out: it is the id of another block'
    throw new InvalidToolInputError([{ path: 'block.id', message }])
  }
  // In Notion's own form the text has its formatting.
  if (typeof type !== 'string' || given[type] !== undefined || isObject(given.content))
    return { block: given, current: null }
  const current = await call.read((notion) => notion.blocks.retrieve({ block_id: blockId }), {
    target: { id: blockId, kind: 'block' },
  })
  const shown = compactBlock(current) as JsonObject
  const changes = Object.entries(given).filter(
    ([key, value]) => key === 'type' || !isDeepStrictEqual(value, shown[key]),
  )
  return { block: Object.fromEntries(changes), current: changes.length === 1 ? current : null }
}
