import type { Scope } from '../environments/viewer.ts'

/**
 * Who may use which root field: the one place to read. A field that is not listed here does not build. Fields of other
 * types are reached only through these, within the viewer's environment (and identifier, for a user session).
 *
 * `application`: only with an API key. `own`: a user session may, for its own identifier.
 */
const rules = {
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
  // Which of the two tool scopes it takes depends on the tool that the input names.
  'Mutation.executeTool': { scope: null, who: 'application' },
  'Mutation.createApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.revokeApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.createUserSession': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Subscription.connectedAccountStatus': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Subscription.connectedAccountStatusChanges': { scope: 'ACCOUNTS_READ', who: 'application' },
  'tool that reads': { scope: 'TOOLS_READ', who: 'application' },
  'tool that writes': { scope: 'TOOLS_WRITE', who: 'application' },
} as const satisfies Record<string, { scope: Scope | null; who: 'application' | 'own' }>

/** A root field, or one of the two kinds of tool fields. */
export type GuardedField = keyof typeof rules

interface IdentifierArgs {
  readonly identifier?: string | null | undefined
  readonly input?: { readonly identifier?: string | null | undefined } | null | undefined
}

/**
 * The `authScopes` of a root field. For a field that names an identifier (as an argument or in its input) a user
 * session has to name its own.
 */
export function access(field: GuardedField) {
  const { scope, who } = rules[field]
  return (_parent: unknown, args: object) => {
    const { input, identifier = input?.identifier }: IdentifierArgs = args
    return {
      $all: {
        authenticated: true,
        ...(scope === null ? {} : { scope }),
        ...(who === 'application' ? { application: true } : {}),
        ...(who === 'own' && typeof identifier === 'string' ? { actsFor: identifier } : {}),
      },
    }
  }
}

/** The names of all guarded root fields, for the test that compares them with the schema. */
export const guardedFields = Object.keys(rules) as readonly GuardedField[]
