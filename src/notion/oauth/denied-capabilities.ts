import { OAuthFailure } from '../../accounts/provider.ts'
import { isUuid } from '../../uuid.ts'
import type { NotionCapability } from '../capabilities.ts'
import { type CapabilityProbe, probeOf } from '../capability-probe.ts'
import { isObject, textAt } from '../json.ts'

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
      capability === 'READ_USER_EMAILS'
        ? hidesEmails(question)
        : refuses(question, probeOf(capability, question.nowhere)),
    ),
  )
  return question.capabilities.filter((_capability, at) => answers[at])
}

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
