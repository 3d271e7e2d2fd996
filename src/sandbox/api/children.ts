/** What new blocks must be like where they are put. */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import type { Block } from '../model.ts'
import { childrenOfType, type NewBlock } from '../validation/blocks.ts'
import { InvalidInput } from '../validation/check.ts'
import { requireUploaded } from './property-writes.ts'

/** Refuses blocks around uploads that do not exist or have no content yet. */
export function requireUploads(context: CallContext, blocks: readonly NewBlock[]): void {
  for (const block of blocks) {
    requireUploaded(context, block.content)
    requireUploads(context, block.children)
  }
}

/**
 * Refuses blocks that cannot hang where they are put: rows only below tables, columns only below lists of columns.
 *
 * @param parent undefined for a page
 */
export function requireFitting(parent: Block | undefined, blocks: readonly NewBlock[]): void {
  const rule = parent === undefined ? 'any' : childrenOfType(parent.type)
  const isClosed = parent?.type.startsWith('heading_') === true && parent.content.is_toggleable !== true
  if (rule === 'none' || isClosed) throw validationError('Block does not support children.')
  const needed = rule === 'rows' ? 'table_row' : rule === 'columns' ? 'column' : undefined
  blocks.forEach((block, index) => {
    const isLoose = needed === undefined && (block.type === 'table_row' || block.type === 'column')
    if (isLoose || (needed !== undefined && block.type !== needed)) {
      const kind = parent?.type ?? 'page'
      throw new InvalidInput([`body.children[${index}] of type ${block.type} cannot be a child of a ${kind}.`])
    }
  })
}
