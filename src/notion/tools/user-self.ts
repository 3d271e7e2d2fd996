import * as z from 'zod'
import { type JsonObject, objectAt, textAt, toObject } from '../json.ts'
import { userAddress } from '../link-list.ts'
import { compactUser, present } from '../shape/compact.ts'
import { compactUserSchema, markedSchema } from '../shape/compact-schema.ts'
import { objectBody } from '../shape/lists.ts'
import { usersTable } from '../shape/markdown.ts'
import { markedData, markedText } from '../shape/marking.ts'
import { link } from '../shape/rich-text-markdown.ts'
import { notionUser, toUser } from '../shape/user.ts'
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
  output: objectBody('user'),
  compact: markedSchema(
    compactUserSchema.extend({
      owner: compactUserSchema.describe('The user that it acts for; absent for the workspace.').optional(),
      workspace: z.string().optional(),
      max_upload_bytes: z.number().describe('The size of the largest file that can be uploaded.').optional(),
    }),
  ),
  result: z.object({
    user: notionUser.describe('The bot user.'),
    owner: notionUser.nullable().describe('The user that it acts for; null for the workspace.'),
    workspaceName: z.string().nullable().describe('The name of the workspace.'),
    maxUploadBytes: z.number().nullable().describe('The size of the largest file that can be uploaded, in bytes.'),
  }),
  run: (call) => call.read((notion) => notion.users.me({})),
  toResult(body) {
    const { owner, workspace, max_upload_bytes } = aboutBot(body)
    return {
      user: toUser(toObject(body)),
      owner: owner && toUser(owner),
      workspaceName: workspace,
      maxUploadBytes: max_upload_bytes,
    }
  },
  toCompact(body) {
    const { owner, ...about } = aboutBot(body)
    return markedData(present({ ...compactUser(toObject(body)), owner: owner && compactUser(owner), ...about }))
  },
  toMarkdown(body) {
    const { owner, workspace, max_upload_bytes } = aboutBot(body)
    const ownerId = textAt(owner, 'id')
    const lines = [
      usersTable([toObject(body)]),
      ...(ownerId === null ? [] : [`Acts for ${link(textAt(owner, 'name') ?? ownerId, userAddress(ownerId))}.`]),
      ...(workspace === null ? [] : [`Workspace: ${workspace}`]),
      ...(max_upload_bytes === null ? [] : [`Largest upload: ${max_upload_bytes} bytes`]),
    ]
    return markedText(lines.join('\n\n'))
  },
})

/** Returns what Notion reports of a bot besides its user. It may report nothing. */
function aboutBot(body: unknown) {
  const bot = objectAt(body, 'bot')
  const owner: JsonObject = objectAt(objectAt(bot, 'owner'), 'user')
  const limit = objectAt(bot, 'workspace_limits').max_file_upload_size_in_bytes
  return {
    owner: textAt(owner, 'id') === null ? null : owner,
    workspace: textAt(bot, 'workspace_name'),
    max_upload_bytes: typeof limit === 'number' ? limit : null,
  }
}
