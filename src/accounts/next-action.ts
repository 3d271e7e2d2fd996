import type { Capability } from './capability.ts'
import type { ConnectedAccount } from './connected-account.ts'

/**
 * Whether an ACTIVE account lacks something that only a new consent can add: the OAuth app's capabilities have changed
 * since the last one, it requests additional OAuth scopes, or the consent did not include expected resources.
 */
export function needsReauthorization(account: ConnectedAccount): boolean {
  if (account.status !== 'ACTIVE') return false
  return (
    addedCapabilities(account).length > 0 ||
    removedCapabilities(account).length > 0 ||
    addedScopes(account).length > 0 ||
    account.missingResources.length > 0
  )
}

/** Returns what the application should do next, in sentences for a developer, or null when there is nothing to do. */
export function nextAction(account: ConnectedAccount): string | null {
  const action = accountAction(account)
  const { appRejection, statusReason } = account
  if (appRejection === null && statusReason !== 'OAUTH_APP_REJECTED') return action
  // It comes first: a consent would fail, and so do renewals.
  const rejected = `The provider rejected the OAuth app${appRejection === null ? '' : ` (${appRejection})`}. ${correctApp}`
  return action === null ? rejected : `${rejected} Then: ${action}`
}

function accountAction(account: ConnectedAccount): string | null {
  switch (account.status) {
    case 'PENDING':
      return pendingAction(account)
    case 'PENDING_CONFIRMATION':
      return 'The user has consented. Call confirmAuthorization with the flow_id that your confirmationUrl received and the identifier of the user who is signed in there.'
    case 'ACTIVE':
      return activeAction(account)
    case 'EXPIRED':
      return account.statusReason === 'OAUTH_APP_CHANGED'
        ? `The OAuth app was registered with another client id. ${sendToLink}`
        : `The credentials stopped working. ${sendToLink}`
    case 'REVOKED':
      return `The access was revoked at the provider. If the user wants to restore it: ${sendToLink}`
    case 'DISCONNECTED':
      return `Your application disconnected the account. To connect it again: ${sendToLink}`
  }
}

const correctApp =
  "Compare its client ID, client secret and redirectUri with the provider's settings, and correct them with registerOAuthApp."
const sendToLink = 'Call authorize and send the user to its link.'

function pendingAction(account: ConnectedAccount): string {
  switch (account.statusReason) {
    case 'AUTHORIZATION_DENIED':
      return `The user denied consent at the provider. If the user changes their mind: ${sendToLink}`
    case 'AUTHORIZATION_FAILED':
      return `The last authorization failed at the provider, and no tokens were stored. To try again: ${sendToLink}`
    case 'AUTHORIZATION_ABANDONED':
      return `The user opened the last link and did not finish in time. If the provider showed an error, check the client ID and redirectUri of the OAuth app. To try again: ${sendToLink}`
    case 'CONFIRMATION_REFUSED':
      return `The last authorization was confirmed for another identifier and discarded. To try again: ${sendToLink}`
    case 'CONFIRMATION_EXPIRED':
      return `The last authorization was not confirmed in time. Make sure that your confirmationUrl calls confirmAuthorization. To try again: ${sendToLink}`
    default:
      return sendToLink
  }
}

function activeAction(account: ConnectedAccount): string | null {
  const sentences: string[] = []
  const missing = account.missingResources.map((resource) => `"${resource.name}"`)
  if (missing.length > 0) {
    sentences.push(`The user did not share ${missing.join(', ')}. Call authorize again and ask the user to select it.`)
  }
  const added = addedCapabilities(account)
  if (added.length > 0) {
    sentences.push(`The consent is older than ${added.join(', ')}. Call authorize again for a new consent.`)
  }
  const removed = removedCapabilities(account)
  if (added.length === 0 && removed.length > 0) {
    sentences.push(
      `${removed.join(', ')} was removed from the OAuth app after the consent. Call authorize again for a new consent.`,
    )
  }
  const scopes = addedScopes(account)
  if (scopes.length > 0) {
    sentences.push(
      `The consent does not include the OAuth scopes ${scopes.join(', ')}. Call authorize again for a new consent.`,
    )
  }
  // Only capabilities that are registered for the OAuth app count, and those added since the consent are listed above.
  const denied =
    account.grant?.deniedCapabilities.filter(
      (capability) => account.appCapabilities.includes(capability) && !added.includes(capability),
    ) ?? []
  if (denied.length > 0) {
    sentences.push(
      `The provider refuses ${denied.join(', ')}. Enable it in the provider's settings of the OAuth app, then ask the user to authorize again.`,
    )
  }
  return sentences.length === 0 ? null : sentences.join(' ')
}

/** The capabilities that were removed from the OAuth app after the consent. */
function removedCapabilities(account: ConnectedAccount): readonly Capability[] {
  return account.grant?.capabilities.filter((capability) => !account.appCapabilities.includes(capability)) ?? []
}

/** The OAuth scopes that were added to the OAuth app after the consent. */
function addedScopes(account: ConnectedAccount): readonly string[] {
  const requested = account.grant?.requestedScopes ?? []
  return account.appScopes.filter((scope) => !requested.includes(scope))
}

/** The capabilities that were added to the OAuth app after the consent. */
function addedCapabilities(account: ConnectedAccount): readonly Capability[] {
  const consented = account.grant?.capabilities ?? []
  return account.appCapabilities.filter((capability) => !consented.includes(capability))
}
