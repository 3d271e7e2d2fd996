import { z } from 'zod'
import type { GrantOwner } from '../../accounts/provider.ts'

const shortText = z
  .string()
  .transform((text) => text.trim().slice(0, 500) || null)
  .nullable()
  .catch(null)

const user = z.object({
  id: z.string().min(1).max(200),
  name: shortText,
  person: z.object({ email: shortText }).nullable().catch(null),
})

const owner = z.union([
  z.object({ type: z.literal('user'), user }),
  z.object({ type: z.literal('workspace') }),
  z.object({ type: z.literal('user').optional(), user }),
])

const workspaceFields = z.object({
  owner,
  workspace_id: z.string().min(1).max(200),
  workspace_name: shortText,
  workspace_icon: shortText,
  bot_id: shortText,
})

/**
 * Tokens that belong to a whole workspace (connections from before users owned them) have no user. All of them in one
 * workspace are one owner; the bot's id would not do, as it changes with each authorization.
 */
export const workspaceOwner = 'workspace'

/**
 * Reads who a token acts for from Notion's token answer or, by {@link ownerOfBot}, from `GET /v1/users/me`. `owner.user`
 * may be no more than `{object, id}`. Null when the user or the workspace is not named.
 */
export function ownerOf(answer: Readonly<Record<string, unknown>>): GrantOwner | null {
  const parsed = workspaceFields.safeParse(answer)
  if (!parsed.success) return null
  const { data } = parsed
  const person = 'user' in data.owner ? data.owner.user : null
  return {
    providerUserId: person?.id ?? workspaceOwner,
    workspaceId: data.workspace_id,
    workspaceName: data.workspace_name,
    workspaceIconUrl: imageUrl(data.workspace_icon),
    ownerName: person?.name ?? null,
    ownerEmail: person?.person?.email ?? null,
    botId: data.bot_id,
  }
}

/** The same from a bot user; `bot` is an empty object for some kinds of token, which gives null. */
export function ownerOfBot(me: Readonly<Record<string, unknown>>): GrantOwner | null {
  const bot = me.bot
  if (typeof bot !== 'object' || bot === null) return null
  return ownerOf({ ...bot, bot_id: me.id })
}

/** The workspace's icon may be an emoji; only what is an https URL is one. */
function imageUrl(icon: string | null): string | null {
  return icon !== null && URL.canParse(icon) && new URL(icon).protocol === 'https:' ? icon : null
}
