/**
 * Custom emojis of the workspace.
 *
 * @see https://developers.notion.com/reference/list-custom-emojis
 */
import type { CallContext } from '../context.ts'
import { partOf } from '../render/lists.ts'
import { pagingOfQuery } from '../validation/paging.ts'

/** `GET /v1/custom_emojis`. `name` is matched exactly. */
export function listCustomEmojis(context: CallContext): unknown {
  const name = context.query.get('name')
  const all = context.access.workspace.customEmojis ?? []
  const found = all.filter((emoji) => name === null || emoji.name === name)
  const { elements, next } = partOf(found, pagingOfQuery(context, { zero: 'refuse' }), ({ id }) => id)
  return { object: 'list', type: 'custom_emoji', results: elements, has_more: next !== null, next_cursor: next }
}
