import * as z from 'zod'
import { MissingCapabilityError } from '../../errors.ts'
import { asyncFor, type BackgroundWrite, whenDone } from '../async-writes.ts'
import type { About, NotionCall } from '../call.ts'
import { idField, refuse } from '../input.ts'
import { flagAt, textAt } from '../json.ts'
import { markedSchema } from '../shape/compact-schema.ts'
import { completeness, completenessNotes, unknownBlocks } from '../shape/lists.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'
import { markdownLimit } from './page-create.ts'

/** https://developers.notion.com/reference/update-page-markdown */
export const pageContentUpdate = notionTool({
  name: 'notion_page_content_update',
  title: 'Edit a page’s content',
  description:
    'Edit the Markdown content of a page. Pass updates to replace passages, or content to replace everything. Call notion_page_fetch first to read it.',
  readOnly: false,
  destructive: true,
  capability: 'UPDATE_CONTENT',
  errors: objectErrors,
  input: z.strictObject({
    page_id: idField('page'),
    updates: z
      .array(
        z.strictObject({
          old_str: z.string().min(1).max(markdownLimit).describe('Exact text that occurs once'),
          new_str: z.string().max(markdownLimit).describe('Replacement'),
          replace_all_matches: z.boolean().describe('Replace every occurrence of old_str').optional(),
        }),
      )
      .min(1)
      .max(100)
      .describe('Replacements, applied in order')
      .optional(),
    content: z.string().max(markdownLimit).describe('New Markdown of the whole page, instead of updates').optional(),
    allow_deleting_content: z.boolean().describe('Allow the edit to delete child pages and databases').optional(),
  }),
  output: z.looseObject({ object: z.literal('page_markdown'), id: z.string(), markdown: z.string() }),
  compact: markedSchema(z.object({ id: z.string(), markdown: z.string() })),
  result: z.object({
    pageId: z.string().describe('The id of the page.'),
    markdown: z.string().describe('The content after the change, as Markdown.'),
    truncated: z.boolean().describe('Whether Notion omitted parts of it.'),
    unknownBlockIds: z
      .array(z.string())
      .describe('The ids of blocks that Notion omitted from the Markdown. Call notion_block_fetch to read them.'),
  }),
  async run(call, { page_id, updates, content: replacement, allow_deleting_content }) {
    // Next to updates, models pass an empty string for no content.
    const content = replacement === '' && updates !== undefined ? undefined : replacement
    if ((updates === undefined) === (content === undefined)) {
      refuse(updates === undefined ? 'updates' : 'content', 'exactly one of updates and content is required')
    }
    const allowed = allow_deleting_content === undefined ? {} : { allow_deleting_content }
    const change =
      updates === undefined
        ? { type: 'replace_content' as const, replace_content: { new_str: content ?? '', ...allowed } }
        : { type: 'update_content' as const, update_content: { content_updates: updates.map(updateOf), ...allowed } }
    const written = updates === undefined ? (content ?? '') : updates.map(({ new_str }) => new_str).join('')
    const about: About = {
      target: { id: page_id, kind: 'page' },
      names: { 'update_content.content_updates': 'updates', 'replace_content.new_str': 'content' },
      place: updates === undefined ? 'content' : 'updates',
      reread: (again) => again.read((notion) => notion.pages.retrieveMarkdown({ page_id })),
    }
    const long = asyncFor(written)
    const before = long.allow_async === undefined ? null : await contentOf(call, page_id)
    const answered = await call.write((notion) => notion.pages.updateMarkdown({ page_id, ...change, ...long }), about)
    const background: BackgroundWrite = {
      ...{ method: 'PATCH', path: `pages/${page_id}/markdown`, body: change },
      nothingWrittenSince: async () => before !== null && before === (await contentOf(call, page_id)),
    }
    return whenDone(call, answered, background, about)
  },
  toResult: (body) => ({
    pageId: textAt(body, 'id') ?? '',
    markdown: textAt(body, 'markdown') ?? '',
    truncated: flagAt(body, 'truncated'),
    unknownBlockIds: [...unknownBlocks(body)],
  }),
  toCompact: (body) => markedData({ id: textAt(body, 'id'), markdown: textAt(body, 'markdown') }, completeness(body)),
  toMarkdown: (body) => markedText(textAt(body, 'markdown') ?? '', { after: completenessNotes(body) }),
})

/** Returns the Markdown of a page; null where Notion omits a part or does not let the connection read it. */
async function contentOf(call: NotionCall, page_id: string): Promise<string | null> {
  try {
    const body = await call.read((notion) => notion.pages.retrieveMarkdown({ page_id }), {
      target: { id: page_id, kind: 'page' },
    })
    return flagAt(body, 'truncated') ? null : textAt(body, 'markdown')
  } catch (error) {
    if (error instanceof MissingCapabilityError) return null
    throw error
  }
}

/** Returns an update without undefined members, which the SDK's types do not allow. */
function updateOf(update: {
  readonly old_str: string
  readonly new_str: string
  replace_all_matches?: boolean | undefined
}) {
  const { replace_all_matches, ...strings } = update
  return replace_all_matches === undefined ? strings : { ...strings, replace_all_matches }
}
