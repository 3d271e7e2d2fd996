import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { parseToolPolicy, refusingField } from '../environments/tool-policy.ts'
import { MissingCapabilityError, MissingScopeError, type ToolError, ToolNotAllowedError } from '../errors.ts'
import type { AnyTool } from './tool.ts'

/**
 * Throws a {@link ToolNotAllowedError}, {@link MissingCapabilityError} or {@link MissingScopeError} when a tool is known to
 * be refused for an account: the OAuth app does not allow raw requests, its policy does not allow the tool, it is registered without the capability or scope,
 * the provider has refused for lack of it since the last consent, or the consent did not grant the scope. A consent that is
 * merely older than a capability is tried: providers differ in whether it covers it.
 */
export function checkCapabilities(tool: AnyTool, account: ConnectedAccount): void {
  const error = missing(tool, account)
  if (error) throw error
}

/** Returns why a tool cannot be used for an account now, as a sentence; null when it can. */
export function unavailableReason(tool: AnyTool, account: ConnectedAccount): string | null {
  if (tool.connector !== account.connector) return `The tool works with ${tool.connector} accounts only.`
  if (account.status !== 'ACTIVE') return `The account is ${account.status}: its user must authorize it.`
  return missing(tool, account)?.message ?? null
}

function missing(tool: AnyTool, account: ConnectedAccount): ToolError | null {
  const { appCapabilities, appScopes, grant } = account
  const field = refusingField(parseToolPolicy(account.appToolPolicy), tool)
  if (field) return ToolNotAllowedError.byPolicy(tool.name, 'oauthApp', field)
  if (tool.rawRequests && !account.appRawRequests) return new ToolNotAllowedError(tool.name, 'rawRequests')
  for (const capability of tool.requiredCapabilities) {
    if (!appCapabilities.includes(capability)) return new MissingCapabilityError(capability, { needsConsent: false })
    if (grant?.deniedCapabilities.includes(capability)) {
      return new MissingCapabilityError(capability, { needsConsent: !grant.capabilities.includes(capability) })
    }
  }
  for (const scope of tool.requiredScopes ?? []) {
    if (grant?.scopes.includes(scope)) continue
    return new MissingScopeError(scope, { needsConsent: appScopes.includes(scope) })
  }
  return null
}
