import { z } from 'zod'
import { cursorField, pageSizeField } from '../input.ts'
import { pagingOf } from '../paging.ts'
import { compactUser } from '../shape/compact.ts'
import { compactList, listBody, listFields, markdownList, results, toListFields } from '../shape/lists.ts'
import { usersTable } from '../shape/markdown.ts'
import { notionUser, toUser } from '../shape/user.ts'
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
  output: listBody,
  result: z.object({ users: z.array(notionUser).describe('The users.'), ...listFields }),
  run: (call, input) => call.read((notion) => notion.users.list(pagingOf(input, { fallback: 100, uuid: false }))),
  toResult: (body) => ({ users: results(body).map(toUser), ...toListFields(body) }),
  toCompact: (body) => compactList(body, compactUser),
  toMarkdown: (body) => markdownList(body, usersTable(results(body))),
})
