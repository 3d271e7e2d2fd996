import { z } from 'zod'
import { type JsonObject, objectAt, textAt } from '../json.ts'

/** A person or bot. */
export const notionUser = z
  .object({
    id: z.string().describe('The id of the user.'),
    name: z.string().nullable().describe('The name, where the connection may see it.'),
    type: z.string().nullable().describe('person or bot.'),
    email: z.string().nullable().describe('The address, where the connection may see it.'),
    avatarUrl: z.string().nullable().describe('The picture.'),
  })
  .meta({ id: 'NotionUser', description: 'A member or a bot of the workspace.' })

/** A user as the typed results hold it. */
export function toUser(user: JsonObject): z.input<typeof notionUser> {
  return {
    id: textAt(user, 'id') ?? '',
    name: textAt(user, 'name'),
    type: textAt(user, 'type'),
    email: textAt(objectAt(user, 'person'), 'email'),
    avatarUrl: textAt(user, 'avatar_url'),
  }
}
