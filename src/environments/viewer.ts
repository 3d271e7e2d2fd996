/** The scopes of credentials, with what each allows. The GraphQL enum is made from this. */
export const scopes = {
  ADMIN: 'Everything in the environment, including OAuth apps and API keys.',
  ACCOUNTS_READ: 'Read connected accounts, their transitions and tool executions.',
  ACCOUNTS_WRITE: 'Create, authorize, confirm, refresh, disconnect and delete connected accounts.',
  TOOLS_READ: 'Call tools that only read.',
  TOOLS_WRITE: 'Call tools that write.',
  USER_SESSIONS_CREATE: "Create user sessions for users' browsers.",
} as const

export type Scope = keyof typeof scopes

/** Whether a stored string is a scope of this release. */
export const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text)

/** The scopes that ADMIN includes. */
export const allScopes: ReadonlySet<Scope> = new Set(Object.keys(scopes) as Scope[])

/**
 * The scopes of a user session, for its own identifier only: read, authorize, watch and disconnect. It cannot call tools,
 * and cannot confirm an authorization, because confirmation checks the browser that holds the session.
 */
export const sessionScopes: ReadonlySet<Scope> = new Set(['ACCOUNTS_READ', 'ACCOUNTS_WRITE'])

/** The caller of a request. Everything that a request may access is found through it. */
export interface Viewer {
  readonly environmentId: string
  readonly environmentName: string
  /** The scopes of the credential. ADMIN is expanded to all scopes. */
  readonly scopes: ReadonlySet<Scope>
  /** The only identifier that a user session may act for. Null for an API key. */
  readonly identifier: string | null
  /** The API key or user session, for logs, budgets and revocation. Never the secret. */
  readonly credential: {
    readonly kind: 'api_key' | 'user_session'
    readonly id: string
    /** The API key itself, or the one that created the user session and whose revocation ends it. */
    readonly apiKeyId: string
    /** When the credential expires, by the database's clock; null: never. */
    readonly expiresAt: Date | null
  }
}

/** Why a credential is not accepted. `message` is for the caller and contains nothing of the credential. */
export interface Refusal {
  readonly kind: 'refused'
  readonly reason: 'malformed' | 'unknown' | 'expired' | 'revoked'
  readonly message: string
}

/**
 * The result of checking the Authorization header: the viewer, no credential, why it is not accepted, or the milliseconds
 * until it can be looked up.
 */
export type Authentication =
  | { readonly kind: 'viewer'; readonly viewer: Viewer }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'throttled'; readonly waitMs: number }
  | Refusal
