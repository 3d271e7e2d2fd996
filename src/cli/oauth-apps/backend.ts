/** An OAuth app as the commands print it. */
export interface ShownApp {
  readonly connectionName: string
  readonly clientId: string
  readonly redirectUri: string
  /** Null: the connector has no events. */
  readonly webhookUrl: string | null
  readonly confirmationUrl: string | null
  readonly returnUrls: readonly string[]
  readonly capabilities: readonly string[]
  readonly scopes: readonly string[]
  readonly rawRequests: boolean
  readonly contentSearch: boolean
  readonly sandbox: boolean
  /** ISO 8601. Null: the provider accepts the app, or was not asked yet. */
  readonly rejectedAt: string | null
  readonly rejectedCode: string | null
}

/** The provider's webhooks of an OAuth app, as the commands print them. */
export interface ShownWebhook {
  readonly url: string | null
  readonly state: 'WAITING' | 'ACTIVE'
  readonly tokens: readonly { readonly token: string; readonly receivedAt: string }[]
}

/** A registration from the command line. Absent fields have their defaults, or with `update` stay as they are. */
export interface RegistrationOptions {
  readonly connectionName: string
  readonly connector?: string | undefined
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  readonly capabilities?: readonly string[] | undefined
  readonly scopes?: readonly string[] | undefined
  readonly returnUrls?: readonly string[] | undefined
  readonly confirmationUrl?: string | undefined
  readonly rawRequests?: boolean | undefined
  readonly contentSearch?: boolean | undefined
  /** Whether the provider is asked first. */
  readonly verifyCredentials: boolean
}

/** Where the commands run: on the database, or on a running server. */
export interface OAuthAppsBackend {
  /** For the output, such as `the environment "default"`. */
  readonly place: string
  register(options: RegistrationOptions): Promise<ShownApp>
  /** Changes what the options name. */
  update(options: RegistrationOptions): Promise<ShownApp>
  list(): Promise<readonly ShownApp[]>
  redirectUri(connectionName: string, connector: string): Promise<string>
  /** With `reset`, the tokens are erased first. Throws a UsageError for an unknown connection. */
  webhook(connectionName: string, options: { readonly reset: boolean }): Promise<ShownWebhook>
  /** Resolves when the provider accepts the client id and secret. */
  verify(connectionName: string): Promise<ShownApp>
}
