import * as z from 'zod'
import { cursorField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { usersOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/get-users */
export const userList = notionTool({
  name: 'notion_user_list',
  title: 'List users',
  description: 'List the members and bots of the workspace to get user IDs.',
  readOnly: true,
  capability: 'READ_USERS',
  errors: [],
  listKey: 'results',
  input: z.strictObject({ page_size: pageSizeField(), start_cursor: cursorField() }),
  ...usersOutput,
  run: (call, input) => call.read((notion) => notion.users.list(pagingOf(input, { fallback: 100, uuid: false }))),
})
