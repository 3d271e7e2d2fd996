import * as z from 'zod'
import type { ProviderAnswer, ProviderIdentity } from '../../oauth/oauth2-provider.ts'

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
 * The user id of tokens that belong to a whole workspace, as connections from before users owned them have. All of them in
 * one workspace have the same owner. The id of the bot does not identify it, as it changes with each authorization.
 */
const workspaceOwner = 'workspace'

/**
 * Returns the owner of a token from Notion's token answer, in which `owner.user` may be no more than `{object, id}`. Null
 * when the user or the workspace is not named.
 */
export function ownerInTokenAnswer(answer: ProviderAnswer): ProviderIdentity | null {
  const parsed = workspaceFields.safeParse(answer)
  if (!parsed.success) return null
  const { data } = parsed
  const person = 'user' in data.owner ? data.owner.user : null
  return {
    userId: person?.id ?? workspaceOwner,
    name: person?.name ?? null,
    email: person?.person?.email ?? null,
    installationId: data.bot_id,
    workspace: { id: data.workspace_id, name: data.workspace_name, iconUrl: imageUrl(data.workspace_icon) },
  }
}

/** Returns the same from `GET /v1/users/me`, whose `bot` is an empty object for some kinds of token. */
export function ownerOfBot(me: ProviderAnswer): ProviderIdentity | null {
  const { bot } = me
  if (typeof bot !== 'object' || bot === null) return null
  return ownerInTokenAnswer({ ...bot, bot_id: me.id })
}

/** The icon of a workspace may be an emoji; only an https URL is an image. */
function imageUrl(icon: string | null): string | null {
  return icon !== null && URL.canParse(icon) && new URL(icon).protocol === 'https:' ? icon : null
}
