import { OAuthFailure } from '../../accounts/provider.ts'
import { isUuid } from '../../uuid.ts'
import type { NotionCapability } from '../capabilities.ts'
import { isObject, textAt } from '../json.ts'

/** A request that only a connection with a certain capability may make, and that changes nothing. */
export interface CapabilityProbe {
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** Below `/v1/`, with its query. */
  readonly path: string
  readonly body: Readonly<Record<string, unknown>> | null
}

/** The input of {@link deniedAmong}. */
export interface CapabilityQuestion {
  readonly capabilities: readonly NotionCapability[]
  /** The user who consented. A connection with READ_USER_EMAILS sees the email address of this user. */
  readonly providerUserId: string
  /** The id of an object that does not exist: a random UUID. */
  readonly nowhere: string
  /** Sends one probe. Throws an {@link OAuthFailure}. */
  readonly ask: (probe: CapabilityProbe) => Promise<Readonly<Record<string, unknown>>>
}

/**
 * Returns those of the given capabilities that Notion refuses. All are probed at once. Only a 403 `restricted_resource`
 * is a refusal. A failed probe (rate limit, fault, network) and a 404, which Notion may send before it checks the
 * capability, prove nothing. Throws only for a bug.
 *
 * @see https://developers.notion.com/reference/capabilities
 */
export async function deniedAmong(question: CapabilityQuestion): Promise<readonly NotionCapability[]> {
  const answers = await Promise.all(
    question.capabilities.map((capability) =>
      capability === 'READ_USER_EMAILS' ? hidesEmails(question) : refuses(question, probeOf(capability, question)),
    ),
  )
  return question.capabilities.filter((_capability, at) => answers[at])
}

/** Returns a read of one entry, or a write to an object that does not exist. Neither changes anything. */
function probeOf(
  capability: Exclude<NotionCapability, 'READ_USER_EMAILS'>,
  { nowhere }: CapabilityQuestion,
): CapabilityProbe {
  switch (capability) {
    case 'READ_CONTENT':
      return { method: 'POST', path: 'search', body: { page_size: 1 } }
    case 'INSERT_CONTENT':
      return {
        method: 'PATCH',
        path: `blocks/${nowhere}/children`,
        body: { children: [{ object: 'block', type: 'paragraph', paragraph: { rich_text: text } }] },
      }
    case 'UPDATE_CONTENT':
      return { method: 'PATCH', path: `pages/${nowhere}`, body: { in_trash: false } }
    case 'READ_COMMENTS':
      return { method: 'GET', path: `comments?block_id=${nowhere}&page_size=1`, body: null }
    case 'INSERT_COMMENTS':
      return { method: 'POST', path: 'comments', body: { parent: { page_id: nowhere }, rich_text: text } }
    case 'READ_USERS':
      return { method: 'GET', path: 'users?page_size=1', body: null }
  }
}

const text = [{ type: 'text', text: { content: 'Does this connection have the capability?' } }] as const

async function refuses({ ask }: CapabilityQuestion, probe: CapabilityProbe): Promise<boolean> {
  try {
    await ask(probe)
    return false
  } catch (error) {
    return isRefusal(error)
  }
}

/** Without READ_USER_EMAILS a person has no email address. Without READ_USERS Notion refuses the request. */
async function hidesEmails({ ask, providerUserId }: CapabilityQuestion): Promise<boolean> {
  // Tokens of a whole workspace act for no user. Only a UUID may become a part of the path.
  if (!isUuid(providerUserId)) return false
  try {
    const user = await ask({ method: 'GET', path: `users/${providerUserId}`, body: null })
    return user.type === 'person' && isObject(user.person) && textAt(user.person, 'email') === null
  } catch (error) {
    return isRefusal(error)
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof OAuthFailure)) throw error
  return error.status === 403 && error.code === 'restricted_resource'
}
