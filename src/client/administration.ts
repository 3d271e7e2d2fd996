import { dated, errorFields, inputErrorFields, mutate, mutateObject } from './mutation.ts'
import type { Transport } from './transport.ts'
import type { ApiKey, Branding, Cancellable, Connection, OAuthApp } from './types.ts'

const appFields =
  'id connectionName clientId redirectUri webhookUrl confirmationUrl returnUrls capabilities scopes rawRequests contentSearch displayName logoUrl accentColor sandbox rejectedAt rejectedCode'
const keyFields = 'id name prefix scopes expiresAt revokedAt lastUsedAt'

/** Operations on your OAuth apps. They require the scope ADMIN. */
export class OAuthApps {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Registers an OAuth app, or replaces the one with the same connection name. */
  register(
    input: {
      clientId: string
      clientSecret: string
      connectionName?: string
      connector?: string
      capabilities?: readonly string[]
      returnUrls?: readonly string[]
      /** Without it accounts become ACTIVE without a confirmation: only for an application with a single user. */
      confirmationUrl?: string
      /** OAuth scopes to request. Default: those that the connector's tools need. */
      scopes?: readonly string[]
      /** Whether agents may read from the provider's API by path. */
      rawRequests?: boolean
      /** Whether the content of what users share is stored as an encrypted index for searches. Default: false. */
      contentSearch?: boolean
      /** Whether to ask the provider first if it accepts the client ID and secret. */
      verifyCredentials?: boolean
    } & Branding,
    options?: Cancellable,
  ): Promise<OAuthApp> {
    return this.#change('registerOAuthApp', input, options)
  }

  /** Changes what users see of your application on the pages. */
  update(change: Branding & Connection, options?: Cancellable): Promise<OAuthApp> {
    return this.#change('updateOAuthApp', change, options)
  }

  /** Lists the OAuth apps by connection name. */
  list(options?: Cancellable): Promise<readonly OAuthApp[]> {
    return this.#transport.request(`query OAuthApps{oauthApps{${appFields}}}`, {}, options)
  }

  /** Asks the provider whether it accepts the client ID and secret. Throws OAuthAppRejectedError when it does not. */
  verify(connectionName: string, options?: Cancellable): Promise<OAuthApp> {
    return this.#change('verifyOAuthApp', { connectionName }, options, errorFields)
  }

  /** Returns the redirect URI that an app has when it is registered under this connection name. Registers nothing. */
  async redirectUri(connectionName: string, connector = 'notion', options?: Cancellable): Promise<string> {
    const document = `query RedirectUri($connectionName:String!){connectors{slug redirectUri(connectionName:$connectionName)}}`
    const connectors = await this.#transport.request<readonly { slug: string; redirectUri: string }[]>(
      document,
      { connectionName },
      options,
    )
    const found = connectors.find(({ slug }) => slug === connector)
    if (!found) throw new RangeError(`unknown connector "${connector}"`)
    return found.redirectUri
  }

  #change(
    field: string,
    input: object,
    options: Cancellable | undefined,
    failure = inputErrorFields,
  ): Promise<OAuthApp> {
    return mutateObject(this.#transport, field, input, 'oauthApp', appFields, { ...options, failure })
  }
}

/** Operations on API keys. They require the scope ADMIN. */
export class ApiKeys {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Creates a key. Its secret is returned only here. Throws a RangeError for an invalid `expiresAt`. */
  async create(
    input: { name: string; scopes: readonly string[]; expiresAt?: Date },
    options?: Cancellable,
  ): Promise<{ apiKey: ApiKey; secret: string }> {
    // Throws for a date that is not one. In JSON it would be null: a key that does not expire.
    const checked = { ...input, expiresAt: input.expiresAt?.toISOString() }
    return mutate(this.#transport, 'createApiKey', checked, `secret apiKey{${keyFields}}`, {
      ...options,
      failure: inputErrorFields,
      once: true,
    })
  }

  /** Lists the keys: those that can be used, then those that have ended, each newest first. */
  list(options?: Cancellable): Promise<readonly ApiKey[]> {
    return this.#transport.request(`query ApiKeys{apiKeys{${keyFields}}}`, {}, options)
  }

  /** Revokes a key, at once on every node. */
  revoke(id: string, options?: Cancellable): Promise<ApiKey> {
    return mutateObject(this.#transport, 'revokeApiKey', { id }, 'apiKey', keyFields, options)
  }
}

/** Sessions for the browsers of your users. */
export class Sessions {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Creates a token with which a user's browser can see, authorize, watch and disconnect the user's own accounts. */
  async create(identifier: string, options: { expiresInSeconds?: number } & Cancellable = {}) {
    const { signal, ...input } = options
    const payload = 'sessionId token expiresAt'
    return dated(
      await mutate<Record<'sessionId' | 'token' | 'expiresAt', string>>(
        this.#transport,
        'createUserSession',
        { identifier, ...input },
        payload,
        { failure: inputErrorFields, signal },
      ),
    )
  }

  /** Revokes a session and ends its streams, for example when the user signs out. */
  async revoke(sessionId: string, options?: Cancellable): Promise<void> {
    await mutate(this.#transport, 'revokeUserSession', { id: sessionId }, 'sessionId', options)
  }

  /** Revokes all sessions of a user. Returns how many were valid. */
  async revokeAll(identifier: string, options?: Cancellable): Promise<number> {
    const { revokedCount } = await mutate<{ revokedCount: number }>(
      this.#transport,
      'revokeUserSessions',
      { identifier },
      'revokedCount',
      { ...options, failure: inputErrorFields },
    )
    return revokedCount
  }
}
