import * as z from 'zod'
import { cursorField, pageSizeField } from '../input.ts'
import { type JsonObject, textAt } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { present } from '../shape/compact.ts'
import { markedSchema } from '../shape/compact-schema.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
import { table } from '../shape/rich-text-markdown.ts'
import { notionTool } from '../tool-definition.ts'

const notionCustomEmoji = z
  .object({
    id: z.string().describe('The id. Use it as {"custom_emoji": {"id": …}} in an icon or a mention.'),
    name: z.string().describe('The name without colons.'),
    url: z.string().nullable().describe('The URL of the image.'),
  })
  .meta({ id: 'NotionCustomEmoji', description: 'An emoji that the workspace added.' })

const toEmoji = (emoji: JsonObject) => ({
  id: textAt(emoji, 'id') ?? '',
  name: textAt(emoji, 'name') ?? '',
  url: textAt(emoji, 'url'),
})

/** https://developers.notion.com/reference/list-custom-emojis */
export const customEmojiList = notionTool({
  name: 'notion_custom_emoji_list',
  title: 'List custom emojis',
  description: 'List the emojis that the workspace added, to use their IDs in icons: {"custom_emoji":{"id":"…"}}.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: [],
  listKey: 'results',
  input: z.strictObject({
    name: z.string().min(1).max(200).describe('Exact name').optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
  }),
  output: listBody,
  compact: markedSchema(z.array(notionCustomEmoji.extend({ url: z.string().optional() }))),
  result: z.object({ customEmojis: z.array(notionCustomEmoji).describe('The emojis.'), ...listFields }),
  run: (call, input) => {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    const name = input.name?.replace(/^:(.+):$/, '$1')
    return call.read((notion) => notion.customEmojis.list({ ...paging, ...(name !== undefined && { name }) }))
  },
  toResult: (body) => ({ customEmojis: results(body).map(toEmoji), ...toListFields(body) }),
  toCompact: (body) => compactList(body, (emoji) => present(toEmoji(emoji))),
  toMarkdown: (body) =>
    markdownList(
      body,
      table(
        ['Emoji', 'id', 'URL'],
        results(body)
          .map(toEmoji)
          .map(({ id, name, url }) => [name, id, url ?? '']),
      ),
    ),
})
