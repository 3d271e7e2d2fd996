import { isDeepStrictEqual } from 'node:util'
import { InvalidToolInputError } from '../../errors.ts'
import type { NotionCall } from '../call.ts'
import { notionId } from '../ids.ts'
import { checked } from '../input.ts'
import { isObject, type JsonObject, objectAt } from '../json.ts'
import { type InputContext, isPlain, under } from '../rich-text.ts'
import { compactBlock } from '../shape/blocks.ts'
import { isMarkdown, refuseMarkdown } from './facts.ts'

/**
 * Returns the parts of a block that an input changes. Where the input is a block as a COMPACT result contains it, with its
 * id, what equals the block stays as it is: its text is Markdown there, and would be written with its signs. `current` is
 * the body of the block if nothing is left to change.
 *
 * Throws InvalidToolInputError for the id of another block, and for a changed text that has more than its plain text.
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
  const content = objectAt(current, type)
  const block = checked((at) =>
    changes.map(([key, value]): [string, unknown] => {
      const place = under(at('block'), key)
      if (key === 'cells') return [key, changedCells(value, shown[key], content.cells, place)]
      const text = key === 'text' ? content.rich_text : key === 'caption' ? content.caption : undefined
      if (isMarkdown(value) && !isPlain(text)) refuseMarkdown(place, 'the id')
      return [key, value]
    }),
  )
  return { block: Object.fromEntries(block), current: changes.length === 1 ? current : null }
}

/** Returns the cells of a row, with the rich text of those that stay as they are. */
function changedCells(value: unknown, shown: unknown, current: unknown, at: InputContext): unknown {
  if (!(Array.isArray(value) && Array.isArray(shown) && Array.isArray(current))) return value
  return value.map((cell, index) => {
    if (isDeepStrictEqual(cell, shown[index])) return current[index]
    if (isMarkdown(cell) && !isPlain(current[index])) refuseMarkdown(under(at, index), 'the id')
    return cell
  })
}
