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
    readonly expiresAt: Date | null
  }
}
