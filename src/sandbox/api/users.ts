/**
 * Users.
 *
 * @see https://developers.notion.com/reference/user
 */
import type { CallContext } from '../context.ts'
import { objectNotFound } from '../errors.ts'
import type { User } from '../model.ts'
import { partOf, renderList } from '../render/lists.ts'
import { renderBot, renderPerson } from '../render/users.ts'
import { pagingOfQuery } from '../validation/paging.ts'
import { pathId } from './endpoint.ts'

function render(context: CallContext, user: User) {
  return user.type === 'person' ? renderPerson(context, user) : renderBot(context, user)
}

/** `GET /v1/users/me`: returns the bot of the token. */
export function retrieveSelf(context: CallContext): unknown {
  return renderBot(context, context.access.bot)
}

/** `GET /v1/users/{user_id}`. */
export function retrieveUser(context: CallContext): unknown {
  const id = pathId(context, 'user_id')
  const user = context.store.users.get(id)
  if (user?.workspaceId !== context.access.workspace.id) {
    throw objectNotFound('user', id, context.access.client.name)
  }
  return render(context, user)
}

/** `GET /v1/users`: returns the people of the workspace and the bot of the token, without bots of other connections. */
export function listUsers(context: CallContext): unknown {
  const { store, access } = context
  const users = [...store.usersIn(access.workspace.id)].flatMap((id) => {
    const user = store.users.get(id)
    return user === undefined || (user.type === 'bot' && user.id !== access.bot.id) ? [] : [user]
  })
  const { elements, next } = partOf(users, pagingOfQuery(context), ({ id }) => id)
  return renderList(
    'user',
    elements.map((user) => render(context, user)),
    next,
  )
}
