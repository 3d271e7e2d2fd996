import * as z from 'zod'
import { idField } from '../input.ts'
import { userOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'
import { unsharedObjectErrors } from '../tool-errors.ts'

/** https://developers.notion.com/reference/get-user */
export const userFetch = notionTool({
  name: 'notion_user_fetch',
  title: 'Get a user',
  description: 'Get one user by id.',
  readOnly: true,
  capability: 'READ_USERS',
  errors: unsharedObjectErrors,
  input: z.strictObject({ user_id: idField('user', 'User ID') }),
  ...userOutput,
  run: (call, { user_id }) =>
    call.read((notion) => notion.users.retrieve({ user_id }), { target: { id: user_id, kind: 'user' } }),
})
