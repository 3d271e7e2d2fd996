import { join } from 'node:path'
import { startAuthorizationSweeper } from './accounts/authorization/sweep-authorizations.ts'
import type { AccountsContext } from './accounts/context.ts'
import { startGrantKeeper } from './accounts/grants/keeper.ts'
import { openAccount } from './accounts/grants/open-account.ts'
import { renewAccessToken } from './accounts/grants/renewal.ts'
import { defaultTiming } from './accounts/grants/timing.ts'
import { countUnconfirmedApps } from './accounts/oauth-app-store.ts'
import { ensureSandboxedApp } from './accounts/sandboxed-app.ts'
import type { Config } from './config.ts'
import { connectors as installedConnectors } from './connectors.ts'
import { type Database, type Db, isReachable } from './db/database.ts'
import { ensureBootstrapApiKey } from './environments/api-keys.ts'
import { authenticate, isStillValid } from './environments/authenticate.ts'
import type { EnvironmentsContext } from './environments/context.ts'
import { ensureEnvironment } from './environments/environment-store.ts'
import { openAccountEvents } from './events/status-events.ts'
import { createLoaders } from './graphql/loaders.ts'
import { buildSchema } from './graphql/schema.ts'
import { oneToolPerMutation } from './graphql/tools/one-tool-per-mutation.ts'
import { createAccountWatch } from './graphql/watch.ts'
import { createConnectHandler } from './http/connect/connect-handler.ts'
import { createCors } from './http/cors.ts'
import { createGraphQLHandler } from './http/graphql.ts'
import { createMetrics } from './http/metrics.ts'
import { createRouter } from './http/router.ts'
import { createHttpServer, type RawMount } from './http/server.ts'
import { createThrottle, type Throttle } from './http/throttle.ts'
import { createToolsPage } from './http/tools-page.ts'
import { createLog, type Log } from './log.ts'
import { openStore } from './store.ts'
import { createToolCatalogue } from './tools/catalogue.ts'
import type { Connector, RunningSandbox } from './tools/connector.ts'
import { createToolEngine } from './tools/engine.ts'
import type { ToolLimits } from './tools/limits.ts'
import { Secret } from './vault/secret.ts'
import { serverSecret } from './vault/server-secret.ts'

/** What a test may put in the place of the real thing. */
export interface Seams {
  readonly log?: Log
  /** The handle that all stores get in the place of the database's own. */
  readonly wrapDatabase?: (db: Db) => Db
  /** Other bounds of tool calls than those of `tools/limits.ts`. */
  readonly toolLimits?: Partial<ToolLimits>
  /** Other connectors than the installed ones. */
  readonly connectors?: readonly Connector[]
  /** Other limits on how often may be called than those of `http/throttle.ts`. */
  readonly throttle?: Throttle
}

/** What {@link App.listen} found and made. */
export interface Started {
  /** Where this process listens, as other processes of the machine reach it. */
  readonly url: string
  /** The base of all links, without a final slash. */
  readonly publicUrl: string
  /** The ADMIN key of the environment `default`, when this start generated it. */
  readonly generatedApiKey: Secret | null
  readonly database: 'embedded' | 'server'
  /** What works and should not stay as it is. */
  readonly warnings: readonly string[]
}

/** The whole system, ready to serve. */
export interface App {
  /** Answers a request without a socket; all but the sandbox. */
  fetch(request: Request): Promise<Response>
  /** Listens on the configured host and port, and begins the background work. */
  listen(): Promise<Started>
  /**
   * Ends subscriptions, lets running calls finish, stops the background work and closes the database.
   * Takes at most 10 seconds, unless the process holds a renewed token pair that the database has not taken yet: it waits
   * for that, since nobody else has it. Calling it again gives the same promise.
   */
  stop(): Promise<void>
}

/**
 * After a stop was asked for: when the time of tool calls that still run is over, and when connections are cut. In between
 * such calls are answered with what is known of them; the rest of the 10 s is for closing. Milliseconds.
 */
const stopTimes = { callsEnd: 8_000, cut: 9_000 }

/** The address by which this machine reaches what listens on a host; a wildcard is none to connect to. */
function loopbackOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

async function warningsOf(config: Config, db: Db): Promise<readonly string[]> {
  const unconfirmed = await countUnconfirmedApps(db)
  return [
    ...(unconfirmed === 0
      ? []
      : [
          `${unconfirmed} OAuth app${unconfirmed === 1 ? ' has' : 's have'} no confirmationUrl: accounts turn ACTIVE for whoever follows a link. That is only sensible where one person uses the application.`,
        ]),
    ...(config.environment === 'production' && config.publicUrl === null
      ? ['PUBLIC_URL is not set: links and redirect URIs point to localhost.']
      : []),
  ]
}

/**
 * Puts the parts together: the only place that knows them all. Opens and migrates the database; fails with the errors of
 * `config.ts`, `db/` and `vault/`.
 */
export async function createApp(config: Config, seams: Seams = {}): Promise<App> {
  const log = seams.log ?? createLog(config.logLevel)
  const development = config.environment !== 'production'
  const stopping = new AbortController()
  const callsEnd = new AbortController()
  const closers: (() => unknown)[] = []
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        log.error({ err: error }, 'closing failed')
      }
    }
  }

  try {
    // The sandbox keeps its content in the data directory as well.
    const store = await openStore(config, log, { ownDirectory: config.sandbox })
    closers.push(() => store.close())
    const { vault } = store
    const database: Database = { ...store.database, db: seams.wrapDatabase?.(store.database.db) ?? store.database.db }
    const events = await openAccountEvents(database, (error) => log.warn({ err: error }, 'an event was not sent'))
    closers.push(() => events.close())

    let port = config.port
    let sandboxPort = 0
    const localUrl = () => `http://${loopbackOf(config.host)}:${port}`
    const publicUrl = () => config.publicUrl ?? `http://localhost:${port}`
    const metrics = createMetrics()
    closers.push(() => metrics.close())

    const environments: EnvironmentsContext = {
      db: database.db,
      apiKeyPepper: await serverSecret(database.db, vault, 'api-key-pepper'),
      userSessionKey: await serverSecret(database.db, vault, 'user-session-key'),
      get publicUrl() {
        return publicUrl()
      },
      log,
    }
    const connectors = seams.connectors ?? installedConnectors
    const connectorOf = (wanted: string): Connector => {
      const connector = connectors.find(({ slug }) => slug === wanted)
      if (!connector) throw new Error(`The connector ${wanted} is not installed.`)
      return connector
    }
    /** The base of a connector's API, for this server or for a user's browser; both differ for the sandbox alone. */
    const providerUrl = (app: { readonly connector: string; readonly sandbox: boolean }, server: string) => {
      const connector = connectorOf(app.connector)
      if (app.sandbox && connector.sandbox) return `${server}${connector.sandbox.basePath}`
      return config.apiUrls[connector.slug] ?? connector.apiUrl
    }
    const accounts: AccountsContext = {
      db: database.db,
      vault,
      events,
      providers: new Map(connectors.map(({ slug, oauth }) => [slug, oauth])),
      providerApiUrl: (app) => providerUrl(app, `http://127.0.0.1:${sandboxPort}`),
      providerConsentUrl: (app) => providerUrl(app, publicUrl()),
      get publicUrl() {
        return publicUrl()
      },
      log,
      timing: { ...defaultTiming, verifyEveryMs: config.verifyEverySeconds * 1000 },
    }
    const runtime = { fetch, now: Date.now }
    const catalogue = createToolCatalogue(connectors.flatMap((connector) => connector.createTools(runtime)))
    const tools = createToolEngine({
      db: database.db,
      ratePolicy: (connector) => connectorOf(connector).rate,
      nodeId: database.nodeId,
      vault,
      catalogue,
      openAccount: (environmentId, name, connector) => openAccount(accounts, environmentId, name, connector),
      renewAccessToken: (account, version) => renewAccessToken(accounts, account, version),
      providerApiUrl: accounts.providerApiUrl,
      log,
      observe: metrics.tool,
      endCalls: callsEnd.signal,
      limits: { resultBytes: config.resultBytes, ...seams.toolLimits },
    })

    const watch = createAccountWatch(accounts, {
      isStillValid: (viewer) => isStillValid(environments, viewer),
      stopping: stopping.signal,
      observe: metrics.subscriptions,
    })
    const graphql = createGraphQLHandler({
      schema: buildSchema(connectors, catalogue),
      development,
      log,
      rules: [oneToolPerMutation(catalogue)],
      context: (request, viewer) => ({
        viewer,
        environments,
        accounts,
        tools,
        watch,
        loaders: createLoaders(database.db, viewer),
        connectors,
        newAppsAreSandboxed: development && config.sandbox,
        signal: request.signal,
      }),
    })
    const handler = createRouter({
      graphql,
      connect: createConnectHandler(accounts, { connectors, development }),
      authenticate: (header) => authenticate(environments, header),
      toolsPage: createToolsPage(catalogue),
      isReady: () => isReachable(database.db),
      throttle: seams.throttle ?? createThrottle(),
      cors: createCors(config.corsOrigins),
      metrics,
      log,
      development,
      stopping: stopping.signal,
    })

    const mounts: RawMount[] = []
    for (const { sandbox } of config.sandbox ? connectors : []) {
      if (!sandbox) continue
      const { basePath } = sandbox
      const running: RunningSandbox = await sandbox.create({
        publicUrl: () => `${publicUrl()}${basePath}`,
        dataDirectory: join(config.dataDirectory, basePath),
        control: development,
        logger: {
          warn: (message) => log.warn(message),
          error: (message, error) => log.error({ err: error }, message),
        },
      })
      closers.push(() => running.close())
      mounts.push({ prefix: basePath, handle: (request, response) => running.handle(request, response) })
    }
    // The server asks its own sandbox over a socket of its own: the public URL may lead through a proxy or nowhere from
    // here, and running calls need the sandbox after a stop has closed the public socket.
    const sandboxServer = createHttpServer(async () => new Response(null, { status: 404 }), mounts)
    if (mounts.length > 0) closers.push(() => sandboxServer.close(0))
    // Whoever calls between the first listening and the end of the preparations waits, instead of being told that the
    // key in their hand is unknown.
    let beginServing = () => {}
    const prepared = new Promise<void>((resolve) => {
      beginServing = resolve
    })
    const server = createHttpServer((request, peer) => prepared.then(() => handler(request, peer)), mounts)

    let stopped: Promise<void> | undefined
    return {
      fetch: (request) => handler(request, { address: null }),
      async listen() {
        if (mounts.length > 0) sandboxPort = (await sandboxServer.listen(0, '127.0.0.1')).port
        const address = await server.listen(config.port, config.host)
        port = address.port
        const { generated } = await ensureBootstrapApiKey(
          environments,
          'default',
          config.bootstrapApiKey === null ? null : new Secret(config.bootstrapApiKey),
        )
        if (development && config.sandbox) {
          const { id } = await ensureEnvironment(database.db, 'default')
          for (const { slug, sandbox } of connectors) if (sandbox) await ensureSandboxedApp(accounts, id, slug)
        }
        const background = [startGrantKeeper(accounts), startAuthorizationSweeper(accounts), tools.startSweeper()]
        closers.push(() => Promise.all(background.map((work) => work.stop())))
        const warnings = await warningsOf(config, database.db)
        for (const warning of warnings) log.warn(warning)
        beginServing()
        return {
          url: localUrl(),
          publicUrl: publicUrl(),
          generatedApiKey: generated,
          database: database.kind,
          warnings,
        }
      },
      stop() {
        stopped ??= (async () => {
          stopping.abort()
          const timer = setTimeout(() => callsEnd.abort(), stopTimes.callsEnd)
          await server.close(stopTimes.cut)
          clearTimeout(timer)
          await closeAll()
        })()
        return stopped
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
