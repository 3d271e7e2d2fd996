/** Users in answers (https://developers.notion.com/reference/user). */
import type { CallContext } from '../context.ts'
import type { Bot, Id, Json, JsonObject, Person } from '../model.ts'

/** A user by id alone, which every connection may see. */
export function partialUser(id: Id): JsonObject {
  return { object: 'user', id }
}

/** A person; the email only for connections that may read emails. */
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

/** A bot; whose it is and where, only of the bot that asks. */
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

/** A user as people properties and mentions show it: whole if the connection may read users, else the id alone. */
export function renderUserValue(context: CallContext, id: Id): JsonObject {
  const user = context.store.users.get(id)
  const { capabilities, workspace } = context.access
  const mayRead = capabilities.has('READ_USERS') || capabilities.has('READ_USER_EMAILS')
  if (user === undefined || !mayRead || user.workspaceId !== workspace.id) return partialUser(id)
  return user.type === 'person' ? renderPerson(context, user) : { ...renderBot(context, user), bot: {} }
}
