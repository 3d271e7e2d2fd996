import * as z from 'zod'
import { InvalidToolInputError } from '../../errors.ts'
import {
  blocksField,
  blocksOf,
  checked,
  coverField,
  dataSourceField,
  decorations,
  iconField,
  idField,
  objectField,
  pagePropertiesHint,
  refuse,
} from '../input.ts'
import { createPage, insertRow } from '../page-writing.ts'
import { copyOf } from '../returned/pages.ts'
import { checkLonePage } from '../rows.ts'
import { pageOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** In UTF-16 code units. Notion accepts requests of 500 KB, to which JSON and UTF-8 add. */
export const markdownLimit = 100_000

/** https://developers.notion.com/reference/post-page */
export const pageCreate = notionTool({
  name: 'notion_page_create',
  title: 'Create a page',
  description: 'Create a page under a page, or a row of a database.',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database').optional(),
    parent_page_id: idField('page', 'Parent page, instead of database_id').optional(),
    properties: objectField(pagePropertiesHint).optional(),
    child_blocks: blocksField().optional(),
    markdown: z.string().max(markdownLimit).describe('Content as Markdown, instead of child_blocks').optional(),
    icon: iconField().optional(),
    cover: coverField().optional(),
    data_source: dataSourceField(),
  }),
  ...pageOutput,
  async run(call, passed) {
    const { database_id, parent_page_id } = passed
    // Models pass an empty string for no Markdown.
    const markdown = passed.markdown === '' ? undefined : passed.markdown
    if ((database_id === undefined) === (parent_page_id === undefined)) {
      refuse(
        database_id === undefined ? 'parent_page_id' : 'database_id',
        'exactly one of database_id and parent_page_id is required',
      )
    }
    if (markdown !== undefined && passed.child_blocks !== undefined)
      refuse('markdown', 'must not be combined with child_blocks')
    const input = await copyOf(call, passed)
    const content = checked((at) => ({
      blocks: blocksOf(input.child_blocks, at('child_blocks')),
      decoration: decorations(input, at),
      markdown,
    }))
    const properties = input.properties ?? {}
    if (database_id !== undefined)
      return insertRow(call, { database_id, data_source: input.data_source, properties }, content)
    if (input.data_source !== undefined) refuse('data_source', 'must not be passed without database_id')
    const page = checkLonePage(properties)
    if (page.issues.length > 0) throw new InvalidToolInputError(page.issues)
    const id = parent_page_id ?? ''
    return createPage(call, { type: 'page_id', page_id: id }, page.properties, content, { id, kind: 'page' })
  },
})
