import type { Scope, Viewer } from '../environments/viewer.ts'

/** What a field or an object asks of a credential. */
interface Rule {
  readonly scope: Scope | null
  /** `application`: only with an API key. `own`: a user session may, for its own identifier. */
  readonly who: 'application' | 'own'
}

/**
 * Who may use which root field: with {@link nodeRules}, the one place to read. A field that is not listed here does not
 * build. Fields of other types are reached only through these, within the viewer's environment (and identifier, for a
 * user session): whoever may change an account or call a tool for it sees that account in the answer.
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
  // Which of the two tool scopes it takes depends on the tool that the input names.
  'Mutation.executeTool': { scope: null, who: 'application' },
  'Mutation.createApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.revokeApiKey': { scope: 'ADMIN', who: 'application' },
  'Mutation.createUserSession': { scope: 'USER_SESSIONS_CREATE', who: 'application' },
  'Subscription.connectedAccountStatus': { scope: 'ACCOUNTS_READ', who: 'own' },
  'Subscription.connectedAccountStatusChanges': { scope: 'ACCOUNTS_READ', who: 'application' },
  'tool that reads': { scope: 'TOOLS_READ', who: 'application' },
  'tool that writes': { scope: 'TOOLS_WRITE', who: 'application' },
} as const satisfies Record<string, Rule>

/** Who may fetch an object of which type by its id, with `node`: the same as may find it otherwise. */
const nodeRules = {
  Environment: { scope: null, who: 'own' },
  ConnectedAccount: rules['Query.connectedAccounts'],
  OAuthApp: rules['Query.oauthApps'],
  ToolExecution: rules['Query.toolExecutions'],
  ApiKey: rules['Query.apiKeys'],
} as const satisfies Record<string, Rule>

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

/** Whether a viewer may fetch objects of this type by their ids. Which of them exist for it is for the store to say. */
export function mayFetch(viewer: Viewer | null, type: keyof typeof nodeRules): viewer is Viewer {
  if (viewer === null) return false
  const { scope, who }: Rule = nodeRules[type]
  return (scope === null || viewer.scopes.has(scope)) && (who === 'own' || viewer.credential.kind === 'api_key')
}

/** What a root field asks for, to tell whoever lacks it. */
export function ruleOf(parentType: string, fieldName: string): Rule {
  const name = `${parentType}.${fieldName}`
  const known: Readonly<Record<string, Rule>> = rules
  return known[name] ?? rules[parentType === 'Query' ? 'tool that reads' : 'tool that writes']
}

/** The names of all guarded root fields, for the test that compares them with the schema. */
export const guardedFields = Object.keys(rules) as readonly GuardedField[]
