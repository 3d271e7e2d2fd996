import type { Capability } from './capability.ts'
import type { ConnectedAccount } from './connected-account.ts'

/**
 * Whether working credentials lack something that only a new consent brings: the OAuth app's capabilities have changed
 * since, it requests further OAuth scopes, or resources that the application expected did not come with the consent.
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

/** What the application should do next, in sentences for a person; null when there is nothing to do. */
export function nextAction(account: ConnectedAccount): string | null {
  switch (account.status) {
    case 'PENDING':
      return pendingAction(account)
    case 'PENDING_CONFIRMATION':
      return 'The user has consented: call confirmAuthorization with the flow_id that came to your confirmationUrl and the identifier of the user who is signed in there.'
    case 'ACTIVE':
      return activeAction(account)
    case 'EXPIRED':
      return account.statusReason === 'OAUTH_APP_CHANGED'
        ? `The OAuth app is another one now. ${sendToLink}`
        : `The credentials no longer work. ${sendToLink}`
    case 'REVOKED':
      return `The access was taken away at the provider. If the user wants it back: ${sendToLink}`
    case 'DISCONNECTED':
      return `Your application disconnected the account. To connect it again: ${sendToLink}`
  }
}

const sendToLink = 'Call authorize and send the user to its link.'

function pendingAction(account: ConnectedAccount): string {
  switch (account.statusReason) {
    case 'AUTHORIZATION_DENIED':
      return `The user said no at the provider. If they change their mind: ${sendToLink}`
    case 'AUTHORIZATION_FAILED':
      return `The last authorization failed at the provider and nothing was kept. To try again: ${sendToLink}`
    case 'AUTHORIZATION_ABANDONED':
      return `The user opened the last link and did not finish in time. To try again: ${sendToLink}`
    case 'CONFIRMATION_REFUSED':
      return `The last authorization was confirmed for another identifier and discarded. To try again: ${sendToLink}`
    case 'CONFIRMATION_EXPIRED':
      return `The last authorization was not confirmed in time; see that your confirmationUrl calls confirmAuthorization. To try again: ${sendToLink}`
    default:
      return sendToLink
  }
}

function activeAction(account: ConnectedAccount): string | null {
  const sentences: string[] = []
  const missing = account.missingResources.map((resource) => `"${resource.name}"`)
  if (missing.length > 0) {
    sentences.push(`The user did not share ${missing.join(', ')}: call authorize again and ask the user to choose it.`)
  }
  const added = addedCapabilities(account)
  if (added.length > 0) {
    sentences.push(`The consent is older than ${added.join(', ')}: call authorize again for a new one.`)
  }
  const removed = removedCapabilities(account)
  if (added.length === 0 && removed.length > 0) {
    sentences.push(
      `The OAuth app has lost ${removed.join(', ')} since the consent: call authorize again for a new one.`,
    )
  }
  const scopes = addedScopes(account)
  if (scopes.length > 0) {
    sentences.push(
      `The consent does not cover the OAuth scopes ${scopes.join(', ')}: call authorize again for a new one.`,
    )
  }
  // A capability that the OAuth app does not claim is no lack of it, and one that it has got since is named above.
  const denied =
    account.grant?.deniedCapabilities.filter(
      (capability) => account.appCapabilities.includes(capability) && !added.includes(capability),
    ) ?? []
  if (denied.length > 0) {
    sentences.push(
      `The provider refuses ${denied.join(', ')}: switch it on in the provider's settings of the OAuth app, then have the user authorize again.`,
    )
  }
  return sentences.length === 0 ? null : sentences.join(' ')
}

/** What the OAuth app had when the user consented and has not now. */
function removedCapabilities(account: ConnectedAccount): readonly Capability[] {
  return account.grant?.capabilities.filter((capability) => !account.appCapabilities.includes(capability)) ?? []
}

/** The OAuth scopes that the app requests now and did not request when the user consented. */
function addedScopes(account: ConnectedAccount): readonly string[] {
  const requested = account.grant?.requestedScopes ?? []
  return account.appScopes.filter((scope) => !requested.includes(scope))
}

/** What the OAuth app has now and had not when the user consented. */
function addedCapabilities(account: ConnectedAccount): readonly Capability[] {
  const consented = account.grant?.capabilities ?? []
  return account.appCapabilities.filter((capability) => !consented.includes(capability))
}
