import * as z from 'zod'
import { idField } from '../input.ts'
import { databaseOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { objectErrors } from '../tool-errors.ts'
import { readDatabase, withSources } from '../whole-database.ts'

/** https://developers.notion.com/reference/database-retrieve and retrieve-a-data-source */
export const databaseFetch = notionTool({
  name: 'notion_database_fetch',
  title: 'Get a database',
  description: 'Get the title and the properties (columns) of a database.',
  readOnly: true,
  inDefaultSet: true,
  capability: 'READ_CONTENT',
  errors: objectErrors,
  input: z.strictObject({ database_id: idField('database') }),
  ...databaseOutput,
  run: async (call, { database_id }) => withSources(call, await readDatabase(call, database_id)),
})
