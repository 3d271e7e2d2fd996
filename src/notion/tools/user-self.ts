import * as z from 'zod'
import { userOutput } from '../shape/outputs.ts'
import { notionTool } from '../tool-definition.ts'

/** https://developers.notion.com/reference/get-self */
export const userSelf = notionTool({
  name: 'notion_user_self',
  title: 'Who am I',
  description: 'Get the bot user of this connection and the user that it acts for.',
  readOnly: true,
  capability: [],
  errors: [],
  input: z.strictObject({}),
  ...userOutput,
  run: (call) => call.read((notion) => notion.users.me({})),
})
