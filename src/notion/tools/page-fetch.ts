import { hash } from 'node:crypto'
import * as z from 'zod'
import type { NotionCall } from '../call.ts'
import { cursorField, idField, refuse } from '../input.ts'
import { isObject, type JsonObject, objectsAt, textAt, toObject } from '../json.ts'
import { pageByTitle } from '../page-by-title.ts'
import { pagingOf } from '../paging.ts'
import { blocksMarkdown, compactBlock, notionBlock, toBlock } from '../shape/blocks.ts'
import { compactFullPage } from '../shape/compact.ts'
import { compactBlockSchema, compactPageSchema, markedSchema } from '../shape/compact-schema.ts'
import { completeness, completenessNotes, listFields, objectBody, toListFields, unknownBlocks } from '../shape/lists.ts'
import { pageMarkdown } from '../shape/markdown.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { notionPage, toPage } from '../shape/objects.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'

/** The maximum Markdown of one result in UTF-16 code units: about 6000 tokens, and below 100 KB in any script. */
const maxPartLength = 24_000

/**
 * https://developers.notion.com/reference/retrieve-a-page, and retrieve-page-markdown or get-block-children. The body is
 * that of the page with the content as `markdown` or `results`, and the cursor for the next part.
 */
export const pageFetch = notionTool({
  name: 'notion_page_fetch',
  title: 'Read a page',
  description: 'Get the properties and content of a page or row, by its ID or title.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  listKey: 'results',
  input: z.strictObject({
    page_id: idField('page').optional(),
    title: z.string().trim().min(1).max(2000).describe('Title, instead of page_id').optional(),
    format: z.enum(['markdown', 'blocks']).describe('Use blocks to get block IDs for editing').default('markdown'),
    start_cursor: cursorField(),
  }),
  output: objectBody('page').extend({
    markdown: z.string().optional(),
    results: z.array(z.looseObject({})).optional(),
    next_cursor: z.string().nullable(),
    has_more: z.boolean(),
  }),
  compact: markedSchema(
    z.object({
      page: compactPageSchema,
      markdown: z.string().describe('The content as Markdown of Notion.').optional(),
      blocks: z.array(compactBlockSchema).describe('The content, if format is blocks.').optional(),
    }),
  ),
  result: z.object({
    page: notionPage.describe('The page with its properties.'),
    markdown: z.string().nullable().describe('The content as Markdown; null if format is blocks.'),
    blocks: z.array(notionBlock).describe('The content as blocks, if format is blocks.'),
    truncated: z.boolean().describe('Whether Notion omitted parts of the Markdown.'),
    unknownBlockIds: z
      .array(z.string())
      .describe('The ids of blocks that Notion omitted from the Markdown. Call notion_block_fetch to read them.'),
    ...listFields,
  }),
  async run(call, input) {
    const { title } = input
    if ((input.page_id === undefined) === (title === undefined)) {
      refuse(title === undefined ? 'page_id' : 'title', 'exactly one of page_id and title is required')
    }
    // The cursor is checked before anything is sent.
    const content = input.format === 'blocks' ? blocksContent(call, input) : markdownContent(call, input)
    const page_id = input.page_id ?? (await pageByTitle(call, title ?? ''))
    const page = await call.read((notion) => notion.pages.retrieve({ page_id }), {
      target: { id: page_id, kind: 'page' },
    })
    return { ...page, ...(await content(page_id, page)) }
  },
  list: {
    // Cuts Markdown between lines, if the lines are short enough.
    length: (body) => textAt(body, 'markdown')?.length ?? 0,
    take(body, length, input) {
      const page = toObject(body)
      const markdown = untilLine(textAt(page, 'markdown') ?? '', length)
      const end = readCursor(input.start_cursor).offset + markdown.length
      return { ...page, markdown, next_cursor: cursorAfter(page, markdown, end), has_more: true }
    },
  },
  toResult: (body) => ({
    page: toPage(toObject(body)),
    markdown: textAt(body, 'markdown'),
    blocks: objectsAt(body, 'results').map(toBlock),
    truncated: isObject(body) && body.truncated === true,
    unknownBlockIds: [...unknownBlocks(body)],
    ...toListFields(body),
  }),
  toCompact(body) {
    const markdown = textAt(body, 'markdown')
    const content = markdown === null ? { blocks: objectsAt(body, 'results').map(compactBlock) } : { markdown }
    return markedData({ page: compactFullPage(toObject(body)), ...content }, completeness(body))
  },
  toMarkdown(body) {
    const text = textAt(body, 'markdown') ?? blocksMarkdown(objectsAt(body, 'results'))
    return markedText(`${pageMarkdown(toObject(body))}\n\n${text}`, { after: completenessNotes(body) })
  },
})

type Input = { readonly start_cursor?: string | undefined }
type Content = (page_id: string, page: JsonObject) => Promise<JsonObject>

function blocksContent(call: NotionCall, { start_cursor }: Input): Content {
  const paging = pagingOf({ start_cursor }, { fallback: 100, uuid: true })
  return async (page_id) => {
    const { results, next_cursor, has_more } = await call.read(
      (notion) => notion.blocks.children.list({ block_id: page_id, ...paging }),
      { target: { id: page_id, kind: 'page' } },
    )
    return { results, next_cursor, has_more }
  }
}

function markdownContent(call: NotionCall, { start_cursor }: Input): Content {
  const { edited, offset, before, check } = readCursor(start_cursor)
  const refuseEdited = (): never =>
    refuse('start_cursor', 'is outdated: the page was edited. Call notion_page_fetch without start_cursor')
  return async (page_id, page) => {
    // A position in the old text does not apply to the new text.
    if (edited !== null && edited !== editedAt(page)) refuseEdited()
    const body = await call.read((notion) => notion.pages.retrieveMarkdown({ page_id }), {
      target: { id: page_id, kind: 'page' },
    })
    const whole = textAt(body, 'markdown') ?? ''
    // Notion rounds the time of an edit to the minute.
    if (check !== null && check !== checkOf(whole.slice(Math.max(0, offset - before), offset))) refuseEdited()
    const markdown = untilLine(whole.slice(offset), maxPartLength)
    const end = offset + markdown.length
    const more = end < whole.length
    return {
      markdown,
      truncated: body.truncated === true,
      unknown_block_ids: body.unknown_block_ids ?? [],
      next_cursor: more ? cursorAfter(page, markdown, end) : null,
      has_more: more,
    }
  }
}

/** Returns the text up to the last end of a line within a length; cuts within a line only if that line is longer. */
function untilLine(text: string, length: number): string {
  if (text.length <= length) return text
  const end = text.lastIndexOf('\n', length - 1) + 1
  if (end > 0) return text.slice(0, end)
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff && length > 1 ? length - 1 : length)
}

/** How much of the text before a position shows whether it still is the place where a part ended, in UTF-16 code units. */
const maxChecked = 2_000

/** A position in the Markdown of a page. */
interface Position {
  /** The time of the page's last edit in milliseconds since the epoch; null at the beginning. */
  readonly edited: string | null
  readonly offset: number
  /** The length of the text before the position that {@link checkOf} was made of, and its result; null at the beginning. */
  readonly before: number
  readonly check: string | null
}

/** Returns the cursor after a part that ends at an offset: `md-<edited>-<offset>-<before>-<check>`. */
function cursorAfter(page: JsonObject, part: string, offset: number): string {
  const before = part.slice(-maxChecked)
  return `md-${editedAt(page)}-${offset}-${before.length}-${checkOf(before)}`
}

/** Returns a digest of a text without the addresses in it: those of files are signed again for each answer. */
function checkOf(text: string): string {
  const whole = text.slice(text.search(/\s/) + 1)
  return hash('sha256', whole.replaceAll(/https?:\/\/[^\s<>()"]+/g, '')).slice(0, 8)
}

function readCursor(cursor: string | undefined): Position {
  if (cursor === undefined) return { edited: null, offset: 0, before: 0, check: null }
  const found = /^md-(\d{1,15})-(\d{1,9})-(\d{1,4})-([0-9a-f]{8})$/.exec(cursor)
  if (found === null) {
    refuse('start_cursor', 'must be the next_cursor of the previous result with the same format, unchanged')
  }
  const [, edited = null, offset, before, check = null] = found
  return { edited, offset: Number(offset), before: Number(before), check }
}

const editedAt = (page: JsonObject) => String(Date.parse(textAt(page, 'last_edited_time') ?? '') || 0)
