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

/** What {@link deniedAmong} looks at and asks with. */
export interface CapabilityQuestion {
  readonly capabilities: readonly NotionCapability[]
  /** Who consented: a person whose address a connection with READ_USER_EMAILS sees. */
  readonly providerUserId: string
  /** The id of an object that does not exist: a UUID of version 4, never one that was given out. */
  readonly nowhere: string
  /** Sends one probe; fails with an {@link OAuthFailure}. */
  readonly ask: (probe: CapabilityProbe) => Promise<Readonly<Record<string, unknown>>>
}

/**
 * Of the given capabilities those that Notion refuses (https://developers.notion.com/reference/capabilities). All are
 * asked about at once. A refusal is a 403 `restricted_resource` and nothing else: what cannot be asked (rate limit,
 * fault, network) and a 404 that comes before the check of the capability prove nothing. Fails only with a bug's error.
 */
export async function deniedAmong(question: CapabilityQuestion): Promise<readonly NotionCapability[]> {
  const answers = await Promise.all(
    question.capabilities.map((capability) =>
      capability === 'READ_USER_EMAILS' ? hidesEmails(question) : refuses(question, probeOf(capability, question)),
    ),
  )
  return question.capabilities.filter((_capability, at) => answers[at])
}

/** Reads that ask for one entry, and writes below an object that is not there: none of them can leave a trace. */
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

/** Without the capability a person comes without an address; without READ_USERS nobody comes at all. */
async function hidesEmails({ ask, providerUserId }: CapabilityQuestion): Promise<boolean> {
  // Tokens of a whole workspace act for nobody, and an id goes into an address as nothing else.
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
