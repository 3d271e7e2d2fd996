import { MissingScopeError, ProviderError, ResourceNotFoundError, type ToolError } from '../../../src/errors.ts'
import type { ConnectorRuntime } from '../../../src/tools/connector.ts'
import { createJsonRequest, type JsonRefusal } from '../../../src/tools/json-request.ts'

/** Makes the function with which the tools of Acme send requests. */
export const acmeRequest = (runtime: ConnectorRuntime) => createJsonRequest({ runtime, explain })

/** Acme's refusals: `{ "error": "…", "message": "…", "resource": "…", "scope": "…" }`. */
function explain({ status, json, requestId }: JsonRefusal): ToolError {
  const text = (key: string) => (typeof json?.[key] === 'string' ? (json[key] as string) : null)
  if (status === 404) {
    return new ResourceNotFoundError(
      text('resource') ?? 'unknown',
      'Acme reports every issue that exists to every user.',
      'Call acme_issue_find to list issues with their ids.',
    )
  }
  if (status === 403 && text('error') === 'insufficient_scope') {
    return new MissingScopeError(text('scope') ?? 'unknown', { needsConsent: true })
  }
  return new ProviderError(text('message') ?? 'Acme refused the request.', {
    status,
    code: text('error'),
    requestId,
    retryable: false,
  })
}
