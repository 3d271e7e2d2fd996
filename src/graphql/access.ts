import { type ActedOn, permitsAll } from '../environments/narrowing.ts'
import type { Scope, Viewer } from '../environments/viewer.ts'

/** The conditions that `authScopes` can require of a request's credential. */
export interface AuthScopes {
  /** Any valid credential. */
  authenticated: boolean
  /** A credential with this scope. */
  scope: Scope
  /** An API key: the application itself, not a user's browser. */
  application: boolean
  /** A credential that may act on this connection and identifier. */
  actsOn: ActedOn
  /** A credential that is not narrowed to some identifiers, or not narrowed to a part of the environment at all. */
  actsOnAll: 'identifiers' | 'environment'
  /** A user session. */
  session: boolean
}

/** What a field or an object requires of a credential. */
interface Rule {
  readonly scope: Scope | null
  readonly who: Callers
  /** What an API key must not be narrowed to a part of, if it concerns more than the arguments name. */
  readonly all?: 'identifiers' | 'environment'
}

/** `application`: only with an API key. `own`: a user session may, for its own identifier. `session`: only a user session. */
export type Callers = 'application' | 'own' | 'session'

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
  'Query.toolPolicy': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Query.pendingApprovals': { scope: 'TOOLS_APPROVE', who: 'own' },
  'Query.auditEvents': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Query.connectedAccount': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Query.connectedAccounts': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Query.tools': { scope: null, who: 'own' },
  'Query.tool': { scope: null, who: 'own' },
  'Query.toolExecutions': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Query.toolExecutionStatistics': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Mutation.registerOAuthApp': { scope: 'ADMIN', who: 'application', all: 'identifiers' },
  'Mutation.updateOAuthApp': { scope: 'ADMIN', who: 'application', all: 'identifiers' },
  'Mutation.verifyOAuthApp': { scope: 'ADMIN', who: 'application', all: 'identifiers' },
  'Mutation.resetOAuthAppWebhook': { scope: 'ADMIN', who: 'application', all: 'identifiers' },
  'Mutation.getOrCreateConnectedAccount': { scope: 'ACCOUNTS_AUTHORIZE', who: 'own' },
  'Mutation.updateConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.authorize': { scope: 'ACCOUNTS_AUTHORIZE', who: 'own' },
  'Mutation.confirmAuthorization': { scope: 'ACCOUNTS_CONFIRM', who: 'application' },
  'Mutation.refreshConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.disconnectConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'own' },
  'Mutation.deleteConnectedAccount': { scope: 'ACCOUNTS_WRITE', who: 'application' },
  'Mutation.importConnectedAccount': { scope: 'ADMIN', who: 'application' },
  // The tool named in the input determines which of the two tool scopes is required.
  'Mutation.executeTool': { scope: null, who: 'application' },
  'Mutation.approveToolExecution': { scope: 'TOOLS_APPROVE', who: 'own' },
  'Mutation.rejectToolExecution': { scope: 'TOOLS_APPROVE', who: 'own' },
  'Mutation.confirmApprover': { scope: 'TOOLS_APPROVE', who: 'own' },
  'Mutation.setToolPolicy': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.createApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.narrowApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.revokeApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.createUserSession': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Mutation.revokeUserSession': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Mutation.revokeUserSessions': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Mutation.createStreamTicket': { scope: 'ACCOUNTS_READ', who: 'session' },
  'Query.webhookEventTypes': { scope: null, who: 'own' },
  'Query.webhookEndpoints': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Query.webhookDeliveries': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.createWebhookEndpoint': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.updateWebhookEndpoint': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.deleteWebhookEndpoint': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.rotateWebhookSecret': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.replayWebhookDelivery': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Mutation.replayWebhookDeliveries': { scope: 'ADMIN', who: 'application', all: 'environment' },
  'Subscription.connectedAccountStatus': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Subscription.connectedAccountStatusChanges': { scope: 'ACCOUNTS_READ', who: 'application' },
  'Subscription.pendingApprovals': { scope: 'TOOLS_APPROVE', who: 'own' },
  'Subscription.notionEvents': { scope: 'ACCOUNTS_READ', who: 'own' },
  'tool that reads': { scope: 'TOOLS_READ', who: 'application' },
  'tool that writes': { scope: 'TOOLS_WRITE', who: 'application' },
} as const satisfies Record<string, Rule>

/** Who may fetch objects of a type with `node`: the callers that may read them with other fields. */
const nodeRules: Readonly<Record<string, Rule>> = {
  Environment: { scope: null, who: 'own' },
  ConnectedAccount: rules['Query.connectedAccounts'],
  OAuthApp: rules['Query.oauthApps'],
  ToolExecution: rules['Query.toolExecutions'],
  ToolApproval: rules['Query.pendingApprovals'],
  ApiKey: rules['Query.apiKeys'],
  AuditEvent: rules['Query.auditEvents'],
  WebhookEndpoint: rules['Query.webhookEndpoints'],
  WebhookDelivery: rules['Query.webhookDeliveries'],
}

/** A root field, or one of the two kinds of tool fields. */
export type GuardedField = keyof typeof rules

interface NameArgs extends ActedOn {
  readonly input?: ActedOn | null | undefined
}

/**
 * Returns the `authScopes` of a root field. Where a field takes an identifier or a connection name (as an argument or in its
 * input), a user session must pass its own identifier, and a narrowed API key what it permits.
 */
export function access(field: GuardedField) {
  const { scope, who, all }: Rule = rules[field]
  return (_parent: unknown, args: object) => {
    const { input, identifier = input?.identifier, connectionName = input?.connectionName }: NameArgs = args
    const required: Partial<AuthScopes> = { authenticated: true }
    if (scope !== null) required.scope = scope
    if (who === 'application') required.application = true
    if (identifier != null || connectionName != null) required.actsOn = { identifier, connectionName }
    if (all !== undefined) required.actsOnAll = all
    if (who === 'session') required.session = true
    return { $all: required }
  }
}

/** Whether a viewer may fetch objects of this type with `node`. The loader of the type limits which ones it finds. */
export function mayFetch(viewer: Viewer | null, type: string): boolean {
  const rule = Object.hasOwn(nodeRules, type) ? nodeRules[type] : undefined
  return viewer !== null && rule !== undefined && meets(viewer, rule)
}

/** Whether a viewer may use a root field, for what other fields show only to those who may. Arguments are not considered. */
export const mayUse = (viewer: Viewer, field: GuardedField): boolean => meets(viewer, rules[field])

function meets(viewer: Viewer, { scope, who, all }: Rule): boolean {
  return (
    (scope === null || viewer.scopes.has(scope)) &&
    (who === 'own' || viewer.credential.kind === 'api_key') &&
    (all === undefined || permitsAll(viewer.narrowing, all))
  )
}

/** Returns what a root field requires, for the error that a caller without it gets. */
export function ruleOf(parentType: string, fieldName: string): Rule {
  const name = `${parentType}.${fieldName}`
  const known: Readonly<Record<string, Rule>> = rules
  return known[name] ?? rules[parentType === 'Query' ? 'tool that reads' : 'tool that writes']
}

/** Names of all guarded root fields, for the test that compares them with the schema. */
export const guardedFields = Object.keys(rules) as readonly GuardedField[]
