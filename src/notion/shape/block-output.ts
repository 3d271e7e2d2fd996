import { z } from 'zod'
import { isObject } from '../json.ts'
import { blocksMarkdown, compactBlock, notionBlock, toBlock } from './blocks.ts'
import { compactList, listBody, listFields, markdownList, objectBody, results, toListFields } from './lists.ts'
import { markedData, markedText } from './marking.ts'

/** The forms of a result that is one block. */
export const blockOutput = {
  output: objectBody('block'),
  result: z.object({ block: notionBlock.describe('The block.') }),
  toResult: (body: unknown) => ({ block: toBlock(isObject(body) ? body : {}) }),
  toCompact: (body: unknown) => markedData(compactBlock(isObject(body) ? body : {})),
  toMarkdown: (body: unknown) => markedText(blocksMarkdown(isObject(body) ? [body] : [])),
}

/** The forms of a result that is a list of blocks. */
export const blocksOutput = {
  output: listBody,
  result: z.object({ blocks: z.array(notionBlock).describe('The blocks, in their order.'), ...listFields }),
  toResult: (body: unknown) => ({ blocks: results(body).map(toBlock), ...toListFields(body) }),
  toCompact: (body: unknown) => compactList(body, compactBlock),
  toMarkdown: (body: unknown) => markdownList(body, blocksMarkdown(results(body))),
}
