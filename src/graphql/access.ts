import type { Scope, Viewer } from '../environments/viewer.ts'

/** The conditions that `authScopes` can require of a request's credential. */
export interface AuthScopes {
  /** Any valid credential. */
  authenticated: boolean
  /** A credential with this scope. */
  scope: Scope
  /** An API key: the application itself, not a user's browser. */
  application: boolean
  /** A credential that may act for this identifier: an API key, or the user session of that identifier. */
  actsFor: string
}

/** What a field or an object requires of a credential. */
interface Rule {
  readonly scope: Scope | null
  /** `application`: only with an API key. `own`: a user session may, for its own identifier. */
  readonly who: 'application' | 'own'
}

/**
 * Who may use which root field. With {@link nodeRules} these are all rules; a root field that is not listed here cannot
 * be defined. Fields of other types are reached only through root fields, within the viewer's environment (and
 * identifier, for a user session): a caller that may change an account or run a tool for it sees that account in the
 * response.
 */
const rules = {
  'Query.node': { scope: null, who: 'own' },
  'Query.viewer': { scope: null, who: 'own' },
  'Query.connectors': { scope: null, who: 'own' },
  'Query.oauthApp': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Query.oauthApps': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Query.apiKeys': { scope: 'ADMIN', who: 'application' },
  'Query.connectedAccount': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Query.connectedAccounts': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Query.tools': { scope: null, who: 'own' },
  'Query.tool': { scope: null, who: 'own' },
  'Query.toolExecutions': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Mutation.registerOAuthApp': { scope: 'ADMIN', who: 'application' },
  'Mutation.getOrCreateConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'own' },
  'Mutation.authorize': { scope: 'ACCOUNTS_WRITE', who: 'own' },
  'Mutation.confirmAuthorization': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.refreshConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.disconnectConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'own' },
  'Mutation.deleteConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.importConnectedAccount': { scope: 'ADMIN', who: 'application' },
  // The tool named in the input determines which of the two tool scopes is required.
  'Mutation.executeTool': { scope: null, who: 'application' },
  'Mutation.createApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.revokeApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.createUserSession': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Subscription.connectedAccountStatus': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Subscription.connectedAccountStatusChanges': { scope: 'ACCOUNTS_READ', who: 'application' },
  'tool that reads': { scope: 'TOOLS_READ', who: 'application' },
  'tool that writes': { scope: 'TOOLS_WRITE', who: 'application' },
} as const satisfies Record<string, Rule>

/** Who may fetch objects of a type with `node`: the callers that may read them with other fields. */
const nodeRules: Readonly<Record<string, Rule>> = {
  Environment: { scope: null, who: 'own' },
  ConnectedAccount: rules['Query.connectedAccounts'],
  OAuthApp: rules['Query.oauthApps'],
  ToolExecution: rules['Query.toolExecutions'],
  ApiKey: rules['Query.apiKeys'],
}

/** A root field, or one of the two kinds of tool fields. */
export type GuardedField = keyof typeof rules

interface IdentifierArgs {
  readonly identifier?: string | null | undefined
  readonly input?: { readonly identifier?: string | null | undefined } | null | undefined
}

/**
 * Returns the `authScopes` of a root field. Where a field takes an identifier (as an argument or in its input), a user
 * session must pass its own.
 */
export function access(field: GuardedField) {
  const { scope, who } = rules[field]
  return (_parent: unknown, args: object) => {
    const { input, identifier = input?.identifier }: IdentifierArgs = args
    const required: Partial<AuthScopes> = { authenticated: true }
    if (scope !== null) required.scope = scope
    if (who === 'application') required.application = true
    if (who === 'own' && typeof identifier === 'string') required.actsFor = identifier
    return { $all: required }
  }
}

/** Whether a viewer may fetch objects of this type with `node`. The loader of the type limits which ones it finds. */
export function mayFetch(viewer: Viewer | null, type: string): boolean {
  const rule = nodeRules[type]
  if (viewer === null || rule === undefined) return false
  const { scope, who } = rule
  return (scope === null || viewer.scopes.has(scope)) && (who === 'own' || viewer.credential.kind === 'api_key')
}

/** Returns what a root field requires, for the error that a caller without it gets. */
export function ruleOf(parentType: string, fieldName: string): Rule {
  const name = `${parentType}.${fieldName}`
  const known: Readonly<Record<string, Rule>> = rules
  return known[name] ?? rules[parentType === 'Query' ? 'tool that reads' : 'tool that writes']
}

/** Names of all guarded root fields, for the test that compares them with the schema. */
export const guardedFields = Object.keys(rules) as readonly GuardedField[]
