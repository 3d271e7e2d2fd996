import * as z from 'zod'
import { onDataSource } from '../data-sources.ts'
import { cursorField, dataSourceField, idField, pageSizeField } from '../input.ts'
import { objectsAt, textAt } from '../json.ts'
import { pagingOf } from '../paging.ts'
import { present } from '../shape/compact.ts'
import { markedSchema } from '../shape/compact-schema.ts'
import { completeness, completenessNotes, listFields, toListFields } from '../shape/lists.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { table } from '../shape/rich-text-markdown.ts'
import { notionTool } from '../tool-definition.ts'
import { dataSourceErrors } from '../tool-errors.ts'

const notionTemplate = z
  .object({
    id: z.string().describe('The id of the template.'),
    name: z.string().describe('The name of the template.'),
    isDefault: z.boolean().describe('Whether new rows use it by default.'),
  })
  .meta({ id: 'NotionTemplate', description: 'A template for rows of a data source.' })

const templates = (body: unknown) =>
  objectsAt(body, 'templates').map((template) => ({
    id: textAt(template, 'id') ?? '',
    name: textAt(template, 'name') ?? '',
    isDefault: template.is_default === true,
  }))

/** https://developers.notion.com/reference/list-data-source-templates */
export const templateList = notionTool({
  name: 'notion_template_list',
  title: 'List templates',
  description: 'List the templates for rows of a database.',
  readOnly: true,
  capability: 'READ_CONTENT',
  errors: dataSourceErrors,
  listKey: 'templates',
  input: z.strictObject({
    database_id: idField('database'),
    name: z.string().max(2000).describe('Only templates whose name contains this').optional(),
    page_size: pageSizeField(),
    start_cursor: cursorField(),
    data_source: dataSourceField(),
  }),
  output: z.looseObject({
    templates: z.array(z.looseObject({})),
    next_cursor: z.string().nullable(),
    has_more: z.boolean(),
  }),
  compact: markedSchema(
    z.array(z.object({ id: z.string(), name: z.string(), is_default: z.literal(true).optional() })),
  ),
  result: z.object({ templates: z.array(notionTemplate).describe('The templates.'), ...listFields }),
  run(call, input) {
    const paging = pagingOf(input, { fallback: 50, uuid: false })
    const { name } = input
    return onDataSource(call, input.database_id, input.data_source, ({ id }) =>
      call.read(
        (notion) =>
          notion.dataSources.listTemplates({ data_source_id: id, ...paging, ...(name !== undefined && { name }) }),
        { target: { id, kind: 'data_source' } },
      ),
    )
  },
  toResult: (body) => ({ templates: templates(body), ...toListFields(body) }),
  toCompact: (body) =>
    markedData(
      templates(body).map(({ id, name, isDefault }) => present({ id, name, ...(isDefault && { is_default: true }) })),
      completeness(body),
    ),
  toMarkdown(body) {
    const rows = templates(body).map(({ id, name, isDefault }) => [name, isDefault ? 'yes' : '', id])
    return markedText(table(['Template', 'Default', 'id'], rows), { after: completenessNotes(body) })
  },
})
