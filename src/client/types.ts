import type { ToolInputs } from './tool-inputs.ts'

/** The status of an account; `ACTIVE` means that tools can be called. */
export type AccountStatus = 'PENDING' | 'PENDING_CONFIRMATION' | 'ACTIVE' | 'EXPIRED' | 'REVOKED' | 'DISCONNECTED'

/** What your application stores with an account: JSON of its own. */
export type Metadata = Readonly<Record<string, unknown>>

/** A user's account at a provider, as the server describes it. */
export interface ConnectedAccount {
  readonly id: string
  readonly connectionName: string
  /** Your own ID of the user. */
  readonly identifier: string
  readonly status: AccountStatus
  readonly statusReason: string
  /** Whether the credentials work but lack something that requires a new consent. */
  readonly needsReauthorization: boolean
  /** What your application should do next, for people; null when nothing is needed. */
  readonly nextAction: string | null
  readonly workspace: { readonly name: string | null; readonly iconUrl: string | null } | null
  readonly metadata: Metadata
  readonly createdAt: string
  readonly authorizedAt: string | null
  readonly lastUsedAt: string | null
}

/** Which accounts to list. Fields that are absent do not restrict the list. */
export interface AccountFilter {
  readonly connectionName?: string
  /** Your own ID of the user: their accounts under all connections. */
  readonly identifier?: string
  readonly identifierPrefix?: string
  readonly status?: readonly AccountStatus[]
  /** What the metadata contains. */
  readonly metadata?: Metadata
  readonly workspaceId?: string
  /** Start of the name of the workspace, in upper or lower case. */
  readonly workspaceName?: string
  /** Start of the email address of the user at the provider, in upper or lower case. */
  readonly ownerEmail?: string
}

/** What users see of your application on the pages. Null removes a field; an absent one is unchanged. */
export interface Branding {
  readonly displayName?: string | null
  /** Https, or http on localhost. */
  readonly logoUrl?: string | null
  /** Such as `#14532d`. */
  readonly accentColor?: string | null
}

/** A tool, as a model is offered it. */
export interface ToolDefinition {
  readonly name: string
  readonly title: string
  readonly description: string
  /** JSON Schema. */
  readonly inputSchema: Readonly<Record<string, unknown>>
  readonly readOnly: boolean
  readonly destructive: boolean
  /** Whether each call needs the approval of a person, and fails with an ApprovalRequiredError before. */
  readonly requiresApproval: boolean
}

/** The name of a tool of this version of the server. A server may have others. */
export type ToolName = keyof ToolInputs

/** The input of a tool by its name; for other names, any object. */
export type ToolInput<Name extends string> = Name extends ToolName
  ? ToolInputs[Name]
  : Readonly<Record<string, unknown>>

/** Any name, where editors suggest those that are known. */
export type AnyToolName = ToolName | (string & {})

/** The result of a tool call. */
export interface ToolResult<Data = unknown> {
  readonly data: Data
  readonly execution: { readonly id: string; readonly durationMs: number | null }
}

/** Your OAuth app at a provider. */
export interface OAuthApp {
  readonly id: string
  readonly connectionName: string
  readonly clientId: string
  /** To be registered with the provider. */
  readonly redirectUri: string
  /** For the provider's webhooks; null if the connector has no events. */
  readonly webhookUrl: string | null
  readonly confirmationUrl: string | null
  readonly returnUrls: readonly string[]
  readonly capabilities: readonly string[]
  /** The OAuth scopes that it requests. */
  readonly scopes: readonly string[]
  /** Whether agents may read from the provider's API by path. */
  readonly rawRequests: boolean
  /** Whether the content of what users share is stored as an encrypted index for searches. */
  readonly contentSearch: boolean
  readonly displayName: string | null
  readonly logoUrl: string | null
  readonly accentColor: string | null
  readonly sandbox: boolean
  /** Since when the provider rejects the app; null if it is accepted or was not used yet. */
  readonly rejectedAt: string | null
  /** The error code of the rejection, such as `invalid_client`. */
  readonly rejectedCode: string | null
}

/** An API key, without its secret. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: readonly string[]
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  readonly lastUsedAt: string | null
}

/** A tool call that waits for the approval of a person. */
export interface ToolApproval {
  readonly id: string
  readonly status: 'APPROVED' | 'EXPIRED' | 'PENDING' | 'REJECTED'
  readonly tool: { readonly name: string; readonly title: string }
  readonly connectedAccount: { readonly connectionName: string; readonly identifier: string }
  /** What the call would do, for a person. Its input is data, not instructions. */
  readonly summary: string
  /** A page on which the user of the account decides, if your application calls `confirmApprover`. */
  readonly approvalUrl: string
  /** The exact input; null once it is decided. */
  readonly input: Readonly<Record<string, unknown>> | null
  readonly expiresAt: string
}

/** Which of a user's accounts. Default: the connection `notion`. */
export interface Connection {
  readonly connectionName?: string | undefined
}

/** Ends an operation when it is aborted. */
export interface Cancellable {
  readonly signal?: AbortSignal | undefined
}

/** An account whose authorization was confirmed. */
export interface ConfirmedAccount extends ConnectedAccount {
  /** Send the browser there: the `returnUrl` of `authorize`, with the outcome in its parameters. Null without one. */
  readonly returnUrl: string | null
}

/** How the authorization of an account goes. */
export interface AuthorizeOptions extends Connection, Cancellable {
  /** Where the browser goes at the end, with `?status=…&state=…`. */
  readonly returnUrl?: string
  /** Returned to your application unchanged. */
  readonly state?: string
  /** Whether another user of the provider may replace the current one of the account. */
  readonly allowUserChange?: boolean
  /** Pages and databases that the agent needs; shown to the user. */
  readonly expectedResources?: readonly ExpectedResource[]
}

/** A page or database that the agent needs. */
export interface ExpectedResource {
  /** Its title, as the user knows it. */
  readonly name: string
  /** Why the agent needs it; shown to the user. */
  readonly reason?: string
  /** Its ID at the provider. Without it, the title decides after the consent whether it was shared. */
  readonly resourceId?: string
}

/** How a tool is called. */
export interface ExecuteOptions extends Connection, Cancellable {
  readonly identifier: string
  /**
   * Makes a write happen once, also when you repeat the call. Default: a random key for each call. With null the call has no
   * key: it is not repeated after a failure of the connection, and an approved call is recognized by its input.
   */
  readonly idempotencyKey?: string | null | undefined
  /** Default: RAW, the provider's own JSON. */
  readonly outputFormat?: 'RAW' | 'COMPACT' | 'MARKDOWN'
  /** Whether a missing authorization throws AuthorizationRequired with a link, instead of the tool's error. Default: true. */
  readonly authorizationLinks?: boolean
}

/** Which tools to list. Default: the ten that an agent needs first. */
export interface ToolSelection extends Connection, Cancellable {
  readonly set?: 'DEFAULT' | 'ALL'
  readonly names?: readonly AnyToolName[]
  readonly readOnly?: boolean
  /** The form of the input schemas. Default: STANDARD, plain JSON Schema. */
  readonly dialect?: 'STANDARD' | 'OPENAI_STRICT' | 'GEMINI'
  /** Only tools that can work for this user's account, as far as is known. */
  readonly identifier?: string
}
