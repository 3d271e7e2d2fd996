import type { ToolCall } from '../../tools/tool.ts'
import type { NotionAnswer } from '../answer.ts'
import type { NotionRequest } from '../client.ts'
import { objectsAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'

/** The lists of 100 comments of one page that are read, and the characters of them that are searched. */
const maxLists = 10
const maxTextLength = 100_000

/** Sends a read, and returns the answer of Notion or its refusal. */
export type Ask = <Body extends object>(request: NotionRequest<Body>) => Promise<NotionAnswer<Body>>

/** The open comments of a page, one after the other on lines of their own. */
export interface PageComments {
  readonly comments: string
  /** Whether the page has more comments than that. */
  readonly isPart: boolean
}

/** Whether comments can be read for an account, as far as it is known. */
export const mayReadComments = ({ appCapabilities, grant }: ToolCall['account']) =>
  appCapabilities.includes('READ_COMMENTS') && grant?.deniedCapabilities.includes('READ_COMMENTS') === false

/**
 * Reads the open comments of a page. Those on the blocks in it are listed by the IDs of the blocks only, and are not read.
 * Without the capability, or when Notion refuses for another reason, there are none. Throws what `ask` throws.
 *
 * @see https://developers.notion.com/reference/list-comments
 */
export async function readComments(ask: Ask, pageId: string): Promise<PageComments> {
  let comments = ''
  let cursor: string | null = null
  for (let list = 0; list < maxLists && comments.length <= maxTextLength; list++) {
    const paging: { readonly page_size: number; readonly start_cursor?: string } = {
      page_size: 100,
      ...(cursor !== null && { start_cursor: cursor }),
    }
    const answer = await ask((notion) => notion.comments.list({ block_id: pageId, ...paging }))
    if ('refusal' in answer) return { comments, isPart: false }
    for (const comment of objectsAt(answer.body, 'results')) comments += `${plainText(comment.rich_text)}\n`
    cursor = textAt(answer.body, 'next_cursor')
    if (cursor === null) break
  }
  return { comments: comments.slice(0, maxTextLength), isPart: cursor !== null || comments.length > maxTextLength }
}
