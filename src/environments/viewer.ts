/** What a credential may do, with what each value allows. The GraphQL enum is made from this. */
export const scopes = {
  ADMIN: 'Everything in the environment, including OAuth apps and API keys.',
  ACCOUNTS_READ: 'Read connected accounts, their transitions and tool executions.',
  ACCOUNTS_WRITE: 'Create, authorize, confirm, refresh, disconnect and delete connected accounts.',
  TOOLS_READ: 'Call tools that only read.',
  TOOLS_WRITE: 'Call tools that write.',
  USER_SESSIONS_CREATE: "Create user sessions for users' browsers.",
} as const

export type Scope = keyof typeof scopes

/** What ADMIN stands for. */
export const allScopes: ReadonlySet<Scope> = new Set(Object.keys(scopes) as Scope[])

/**
 * What a user session may do, for its own identifier only: see, authorize, watch and disconnect. It calls no tool and
 * cannot confirm an authorization: the browser is the one that is being checked there, and would vouch for itself.
 */
export const sessionScopes: ReadonlySet<Scope> = new Set(['ACCOUNTS_READ', 'ACCOUNTS_WRITE'])

/** Who is calling: everything that a request may reach is found through it. */
export interface Viewer {
  readonly environmentId: string
  readonly environmentName: string
  /** What the credential may do. ADMIN is here spelled out into all scopes. */
  readonly scopes: ReadonlySet<Scope>
  /** Set for a user session: the only identifier that it may act for. Null for an API key. */
  readonly identifier: string | null
  /** The API key or user session, for logs, budgets and revocation. Never the secret. */
  readonly credential: {
    readonly kind: 'api_key' | 'user_session'
    readonly id: string
    /** The API key: itself, or the one that made the user session and whose revocation ends it. */
    readonly apiKeyId: string
    /** When the credential ends by itself, by the database's clock; null: never. */
    readonly expiresAt: Date | null
  }
}
