import { z } from 'zod'
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
  refuse,
} from '../input.ts'
import { createPage, insertRow } from '../page-writing.ts'
import { checkLonePage } from '../rows.ts'
import { pageOutput } from '../shape/page-output.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

/** A request takes 500 KB in all; what JSON and UTF-8 add is left room for. */
export const markdownLimit = 100_000

/** https://developers.notion.com/reference/post-page */
export const pageCreate = notionTool({
  name: 'notion_page_create',
  title: 'Create a page',
  description: 'Create a page under a page or in a database (give one).',
  readOnly: false,
  inDefaultSet: true,
  capability: 'INSERT_CONTENT',
  errors: dataSourceErrors,
  input: z.strictObject({
    database_id: idField('database').optional(),
    parent_page_id: idField('page').optional(),
    properties: objectField('by name; title: "title"').optional(),
    child_blocks: blocksField().optional(),
    markdown: z
      .string()
      .max(markdownLimit)
      .optional()
      .meta({ documentation: 'The content as Markdown, in place of child_blocks.' }),
    icon: iconField().optional(),
    cover: coverField().optional(),
    data_source: dataSourceField(),
  }),
  ...pageOutput,
  async run(call, input) {
    const { database_id, parent_page_id, markdown } = input
    if ((database_id === undefined) === (parent_page_id === undefined)) {
      refuse(
        database_id === undefined ? 'parent_page_id' : 'database_id',
        'give exactly one of database_id and parent_page_id',
      )
    }
    if (markdown !== undefined && input.child_blocks !== undefined) refuse('markdown', 'cannot go with child_blocks')
    const content = checked((at) => ({
      blocks: blocksOf(input.child_blocks, at('child_blocks')),
      decoration: decorations(input, at),
      markdown,
    }))
    const properties = input.properties ?? {}
    if (database_id !== undefined)
      return insertRow(call, { database_id, data_source: input.data_source, properties }, content)
    if (input.data_source !== undefined) refuse('data_source', 'goes with database_id')
    const page = checkLonePage(properties)
    if (page.issues.length > 0) throw new InvalidToolInputError(page.issues)
    const id = parent_page_id ?? ''
    return createPage(call, { type: 'page_id', page_id: id }, page.properties, content, { id, kind: 'page' })
  },
})
