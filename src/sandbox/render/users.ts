/**
 * Users in responses.
 *
 * @see https://developers.notion.com/reference/user
 */
import type { CallContext } from '../context.ts'
import type { Bot, Id, Json, JsonObject, Person } from '../model.ts'

/** Returns a user with only the id, which every connection may read. */
export function partialUser(id: Id): JsonObject {
  return { object: 'user', id }
}

/** Returns a person. Includes the email if the connection may read emails. */
export function renderPerson(context: CallContext, person: Person): JsonObject {
  const withEmail = context.access.capabilities.has('READ_USER_EMAILS')
  return {
    object: 'user',
    id: person.id,
    name: person.name,
    avatar_url: person.avatarUrl,
    type: 'person',
    person: withEmail ? { email: person.email } : {},
  }
}

/** Returns a bot. Includes owner and workspace only for the bot of the token. */
export function renderBot(context: CallContext, bot: Bot): JsonObject {
  return {
    object: 'user',
    id: bot.id,
    name: bot.name,
    avatar_url: bot.avatarUrl,
    type: 'bot',
    bot: bot.id === context.access.bot.id ? botInfo(context) : {},
  }
}

function botInfo(context: CallContext): Json {
  const { user, workspace } = context.access
  return {
    owner: { type: 'user', user: renderPerson(context, user) },
    workspace_id: workspace.id,
    workspace_name: workspace.name,
    workspace_limits: { max_file_upload_size_in_bytes: workspace.maxFileUploadSizeInBytes },
  }
}

/** Returns a user in a property or mention: the whole user if the connection may read users, otherwise only the id. */
export function renderUserValue(context: CallContext, id: Id): JsonObject {
  const user = context.store.users.get(id)
  const { capabilities, workspace } = context.access
  const mayRead = capabilities.has('READ_USERS') || capabilities.has('READ_USER_EMAILS')
  if (user === undefined || !mayRead || user.workspaceId !== workspace.id) return partialUser(id)
  return user.type === 'person' ? renderPerson(context, user) : { ...renderBot(context, user), bot: {} }
}
