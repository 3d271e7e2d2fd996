import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { MissingCapabilityError, ProviderError, ToolError } from '../errors.ts'
import type { NotionAnswer, Refusal } from './answer.ts'
import type { NotionCapability } from './capabilities.ts'
import { type CapabilityProbe, probeOf } from './capability-probe.ts'
import { nouns, type Target } from './not-found.ts'

/** Whether a refusal is about permissions: a capability, the rights of the user, or the rights in the workspace. */
export const isForbidden = ({ status, code }: Refusal) => status === 403 && code === 'restricted_resource'

/** Returns the capability that a request needs (https://developers.notion.com/reference/capabilities). */
function capabilityOf({ method, path }: Refusal['request']): Exclude<NotionCapability, 'READ_USER_EMAILS'> {
  const [area] = path.split('/')
  if (area === 'comments') return method === 'GET' ? 'READ_COMMENTS' : 'INSERT_COMMENTS'
  if (area === 'users') return 'READ_USERS'
  if (method === 'GET' || path === 'search' || /\/(?:query|queries)$/.test(path)) return 'READ_CONTENT'
  if (method === 'POST') return path.endsWith('/move') ? 'UPDATE_CONTENT' : 'INSERT_CONTENT'
  return path.endsWith('/children') ? 'INSERT_CONTENT' : 'UPDATE_CONTENT'
}

// The block limit of the free plan is a 403 with the same code.
const aboutPlan = ({ message, blockLimit }: Refusal) =>
  blockLimit || /\b(?:plan|block limit|limit of|upgrade)\b/i.test(message)

/**
 * Returns what a 403 means. Notion answers alike where the connection lacks a capability, where the user may only view
 * the object, and where the workspace does not allow it. Only a capability is a property of the whole account, so it is
 * reported as missing, and remembered, only where Notion also refuses the same kind of request about nothing at all.
 */
export async function explainForbidden(
  refusal: Refusal,
  account: ConnectedAccount,
  target: Target | null,
  probe: (probe: CapabilityProbe) => Promise<NotionAnswer>,
  nowhere: string,
): Promise<ToolError> {
  const { request, status, code, message, requestId } = refusal
  const refused = (text: string, hint: string, userAction: 'SHARE_RESOURCE' | null = null) =>
    new ProviderError(text, { status, code, requestId, retryable: false, hint, userAction })
  if (aboutPlan(refusal)) {
    return refused(message, 'Tell the user that a limit of the plan of their Notion workspace is reached.')
  }
  const capability = capabilityOf(request)
  const denied = await isDenied(probeOf(capability, nowhere), probe)
  if (denied) {
    const declaredNow = account.appCapabilities.includes(capability)
    const consented = account.grant?.capabilities.includes(capability) ?? false
    return new MissingCapabilityError(capability, { needsConsent: declaredNow && !consented })
  }
  // A failed probe shows nothing.
  const operator =
    denied === null ? ` If they may, ask the operator whether ${capability} is switched on for the connection.` : ''
  const right = capability.endsWith('COMMENTS') ? 'comment on' : capability.startsWith('READ') ? 'read' : 'change'
  if (target === null) {
    return refused(
      `Notion does not allow this request for the user or in the workspace: ${message}`,
      `Ask the user whether their role in the Notion workspace allows it.${operator}`,
    )
  }
  return refused(
    `Notion does not allow the user of this account to ${right} the ${nouns[target.kind]} ${target.id}: ${message}`,
    `Ask the user to get the right to ${right} it in Notion (Share menu), or use another ${nouns[target.kind]}.${operator}`,
    'SHARE_RESOURCE',
  )
}

/** Whether Notion refuses a request that is about nothing; null where its answer shows neither. */
async function isDenied(
  probe: CapabilityProbe,
  send: (probe: CapabilityProbe) => Promise<NotionAnswer>,
): Promise<boolean | null> {
  try {
    const answer = await send(probe)
    return 'refusal' in answer && isForbidden(answer.refusal)
  } catch (error) {
    if (error instanceof ToolError) return null
    throw error
  }
}
