import * as z from 'zod'
import { type JsonObject, objectAt, textAt } from '../json.ts'

export const notionUser = z
  .object({
    id: z.string().describe('The id of the user.'),
    name: z.string().nullable().describe('The name; null if the connection may not read it.'),
    type: z.string().nullable().describe('The kind of user: person or bot.'),
    email: z.string().nullable().describe('The email address; null if the connection may not read it.'),
    avatarUrl: z.string().nullable().describe('The URL of the picture.'),
  })
  .meta({ id: 'NotionUser', description: 'A member or bot of the workspace.' })

/** Converts a user to the typed result. */
export function toUser(user: JsonObject): z.input<typeof notionUser> {
  return {
    id: textAt(user, 'id') ?? '',
    name: textAt(user, 'name'),
    type: textAt(user, 'type'),
    email: textAt(objectAt(user, 'person'), 'email'),
    avatarUrl: textAt(user, 'avatar_url'),
  }
}
