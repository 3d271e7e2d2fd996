/** An OAuth app as the commands print it. */
export interface ShownApp {
  readonly connectionName: string
  readonly clientId: string
  readonly redirectUri: string
  readonly confirmationUrl: string | null
  readonly sandbox: boolean
  /** ISO 8601. Null: the provider accepts the app, or was not asked yet. */
  readonly rejectedAt: string | null
  readonly rejectedCode: string | null
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
  /** Resolves when the provider accepts the client id and secret. */
  verify(connectionName: string): Promise<ShownApp>
}
