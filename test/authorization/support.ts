import { randomBytes, randomUUID } from 'node:crypto'
import { beginAuthorization } from '../../src/accounts/authorization/begin-authorization.ts'
import { registerOAuthApp } from '../../src/accounts/authorization/register-oauth-app.ts'
import type { Capability } from '../../src/accounts/capability.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { createPendingGrant } from '../../src/accounts/grants/pending-grant.ts'
import type { OAuthApp, OAuthAppRegistration } from '../../src/accounts/oauth-app-store.ts'
import type { OAuthProvider } from '../../src/accounts/provider.ts'
import { connectors } from '../../src/connectors.ts'
import type { Database } from '../../src/db/database.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { type AccountEvent, openAccountEvents } from '../../src/events/status-events.ts'
import { createConnectHandler } from '../../src/http/connect/connect-handler.ts'
import { createLog } from '../../src/log.ts'
import { notionCapabilities as capabilities } from '../../src/notion/capabilities.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { accountsContext } from '../support/accounts-context.ts'
import { freshDatabase } from '../support/database.ts'

/** The application that the tests play: its origin, and where it confirms. */
export const application = 'https://app.example'
export const confirmationUrl = `${application}/connected`

/** An authorization engine with its pages, on a database of its own. */
export interface AuthorizationSystem {
  readonly context: AccountsContext
  readonly database: Database
  readonly environmentId: string
  /** What was published so far. */
  readonly events: readonly AccountEvent[]
  /** Everything that was logged. */
  readonly logged: () => string
  readonly handle: (request: Request, address?: string) => Promise<Response | null>
  registerApp(
    registration?: Partial<OAuthAppRegistration>,
    environmentId?: string,
    options?: { readonly verifyCredentials?: boolean },
  ): Promise<OAuthApp>
  /** A link for this identifier, as the application would get one. */
  link(identifier: string, options?: LinkOptions, environmentId?: string): Promise<string>
  newEnvironment(): Promise<string>
  /** Removes all accounts with their grants and authorizations. */
  clear(): Promise<void>
  status(identifier: string, environmentId?: string): Promise<{ status: string; reason: string } | null>
  close(): Promise<void>
}

export interface LinkOptions {
  readonly returnUrl?: string | null
  readonly state?: string | null
  readonly expectedResources?: readonly { name: string; reason: string | null; resourceId: string | null }[]
  readonly allowUserChange?: boolean
}

/** Starts the engine against a provider's API at `apiUrl`. */
export async function startAuthorizationSystem(options: {
  readonly apiUrl: string
  readonly publicUrl?: string
  readonly provider?: OAuthProvider
  readonly lifetimeSeconds?: number
  readonly development?: boolean
}): Promise<AuthorizationSystem> {
  const database = await freshDatabase('postgres')
  const vault = await openVault({
    db: database.db,
    keyEncryption: masterKeys({ primary: new Secret(randomBytes(32).toString('base64')), older: [] }),
  })
  const accountEvents = await openAccountEvents(database, () => {})
  const lines: string[] = []
  const provider = options.provider ?? createNotionOAuth()
  const context = accountsContext({
    db: database.db,
    vault,
    events: accountEvents,
    providers: new Map([['notion', provider]]),
    providerApiUrl: () => options.apiUrl,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    ...(options.publicUrl !== undefined && { publicUrl: options.publicUrl }),
    ...(options.lifetimeSeconds !== undefined && { authorizationLifetimeSeconds: options.lifetimeSeconds }),
  })
  const { id: environmentId } = await ensureEnvironment(database.db, 'default')
  const handle = createConnectHandler(context, { connectors, development: options.development ?? false })
  const events: AccountEvent[] = []
  accountEvents.subscribe({ onEvent: (event) => void events.push(event), onGap: () => {} })

  return {
    context,
    database,
    environmentId,
    events,
    logged: () => lines.join(''),
    handle: (request, address) => handle(request, randomUUID(), address ?? null),
    registerApp: (registration = {}, environment = environmentId, verification = {}) =>
      registerOAuthApp(
        context,
        environment,
        {
          connectionName: 'notion',
          connector: 'notion',
          clientId: 'client-of-the-tests',
          clientSecret: new Secret('secret-of-the-tests'),
          capabilities: Object.keys(capabilities) as Capability[],
          returnUrls: [application],
          confirmationUrl,
          sandbox: true,
          ...registration,
        },
        verification,
      ),
    async link(identifier, link = {}, environment = environmentId) {
      const begun = await beginAuthorization(context, environment, {
        connectionName: 'notion',
        identifier,
        returnUrl: null,
        state: null,
        expectedResources: [],
        allowUserChange: false,
        ...link,
      })
      return begun.link
    },
    newEnvironment: async () => (await ensureEnvironment(database.db, randomUUID())).id,
    async clear() {
      for (const table of ['authorization_flows', 'connected_accounts', 'grants', 'revocation_outbox'] as const) {
        await database.db.deleteFrom(table).execute()
      }
    },
    async status(identifier, environment = environmentId) {
      const row = await database.db
        .selectFrom('connected_accounts')
        .select(['status', 'status_reason'])
        .where('environment_id', '=', environment)
        .where('identifier', '=', identifier)
        .executeTakeFirst()
      return row ? { status: row.status, reason: row.status_reason } : null
    },
    async close() {
      await accountEvents.close()
      vault.close()
      await database.close()
    },
  }
}

/** Creates this many pending consents of one user of an OAuth app, newer than all others. Their tokens are not valid. */
export async function createPendingConsents(
  context: Pick<AccountsContext, 'db' | 'vault' | 'bindingKey'>,
  oauthAppId: string,
  count: number,
): Promise<void> {
  await context.db.transaction().execute(async (trx) => {
    const { environment_id: environmentId } = await trx
      .selectFrom('oauth_apps')
      .select('environment_id')
      .where('id', '=', oauthAppId)
      .executeTakeFirstOrThrow()
    for (let index = 0; index < count; index++) {
      await createPendingGrant(context, trx, {
        environmentId,
        oauthAppId,
        accountId: randomUUID(),
        capabilities: [],
        deniedCapabilities: [],
        requestedScopes: [],
        scopes: [],
        owner: {
          providerUserId: 'another-user',
          workspaceId: 'another-workspace',
          workspaceName: null,
          workspaceIconUrl: null,
          ownerName: null,
          ownerEmail: null,
          botId: null,
        },
        tokens: { accessToken: new Secret('ntn_none'), refreshToken: new Secret('nrt_none'), expiresInSeconds: null },
        issuedAt: null,
      })
    }
  })
}

/** A browser with cookies of its own. Redirects are not followed: each test says where it goes. */
export class Browser {
  readonly #system: AuthorizationSystem
  readonly cookies = new Map<string, string>()

  constructor(system: AuthorizationSystem) {
    this.#system = system
  }

  /** Opens a page of ours. */
  async visit(url: string, init: { method?: string; headers?: Record<string, string> } = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await this.#system.handle(
      new Request(url, { ...init, headers: { ...(cookie !== '' && { cookie }), ...init.headers } }),
    )
    if (!response) throw new Error(`${new URL(url).pathname} is not ours`)
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      if (/Max-Age=0/.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return response
  }

  /** Opens a link and returns the provider's consent page that it leads to. */
  async openLink(link: string): Promise<string> {
    const response = await this.visit(link)
    if (response.status === 303) return locationOf(response)
    const page = await response.text()
    const href = /href="([^"]+)"/.exec(page)?.[1]
    if (response.status !== 200 || !href) throw new Error(`the link gave ${response.status}: ${page}`)
    return href.replaceAll('&amp;', '&')
  }
}

/** The redirect's target. */
export function locationOf(response: Response): string {
  const location = response.headers.get('location')
  if (response.status !== 303 || location === null) throw new Error(`no redirect but ${response.status}`)
  return location
}

/** Decides on the sandbox's consent page, and returns the callback that the provider sends the browser to. */
export async function consent(
  authorizationUrl: string,
  decision: { readonly user?: string; readonly resources?: string; readonly decision?: 'allow' | 'deny' } = {},
): Promise<string> {
  const response = await fetch(authorizationUrl, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({
      user: decision.user ?? 'owner@acme.test',
      resources: decision.resources ?? 'all',
      decision: decision.decision ?? 'allow',
    }),
  })
  const location = response.headers.get('location')
  if (!location) throw new Error(`the consent page gave ${response.status}: ${await response.text()}`)
  return location
}

/** The whole way of a willing user's browser: link, consent, callback. Returns the URL that the callback leads to. */
export async function connectInBrowser(
  browser: Browser,
  link: string,
  decision: Parameters<typeof consent>[1] = {},
): Promise<string> {
  const callback = await consent(await browser.openLink(link), decision)
  return locationOf(await browser.visit(callback))
}

/** The flow id that the browser brings to the application. */
export function flowIdOf(url: string): string {
  const flowId = new URL(url).searchParams.get('flow_id')
  if (flowId === null) throw new Error(`no flow_id in ${new URL(url).origin}`)
  return flowId
}

/** The `state` in an authorization URL or a callback. */
export const stateOf = (url: string): string => new URL(url).searchParams.get('state') ?? ''
