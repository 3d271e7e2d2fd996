import type { Capability } from '../accounts/capability.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { MissingCapabilityError } from '../errors.ts'
import type { AnyTool } from './tool.ts'

/**
 * Fails with a {@link MissingCapabilityError} when a tool is known to be refused for an account: the OAuth app is
 * registered without the capability, or the provider has refused for the lack of it since the last consent. A consent
 * that is merely older than the capability is tried: providers differ in whether it covers it.
 */
export function checkCapabilities(tool: AnyTool, account: ConnectedAccount): void {
  const missing = missingCapability(tool, account)
  if (missing) throw new MissingCapabilityError(missing.capability, missing)
}

/** Why a tool cannot work for an account now, as a sentence; null when it can. */
export function unavailableReason(tool: AnyTool, account: ConnectedAccount): string | null {
  if (tool.connector !== account.connector) return `It works with ${tool.connector} accounts only.`
  if (account.status !== 'ACTIVE') return `The account is ${account.status}: its user has to authorize it.`
  const missing = missingCapability(tool, account)
  return missing ? new MissingCapabilityError(missing.capability, missing).message : null
}

function missingCapability(
  tool: AnyTool,
  account: ConnectedAccount,
): { readonly capability: Capability; readonly needsConsent: boolean } | null {
  for (const capability of tool.requiredCapabilities) {
    if (!account.appCapabilities.includes(capability)) return { capability, needsConsent: false }
    if (account.grant?.deniedCapabilities.includes(capability)) {
      return { capability, needsConsent: !account.grant.capabilities.includes(capability) }
    }
  }
  return null
}
