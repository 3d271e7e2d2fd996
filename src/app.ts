import { hash } from 'node:crypto'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { startAuthorizationSweeper } from './accounts/authorization/sweep-authorizations.ts'
import { type AccountsContext, defaultAuthorizationLifetimeSeconds, defaultTiming } from './accounts/context.ts'
import { openAccount } from './accounts/grants/open-account.ts'
import { renewAccessToken } from './accounts/grants/renewal.ts'
import { startRenewalWorker } from './accounts/grants/renewal-worker.ts'
import { newNodeState } from './accounts/node-state.ts'
import { countUnconfirmedApps } from './accounts/oauth-app-store.ts'
import { ensureSandboxedApp } from './accounts/sandboxed-app.ts'
import { createTransitionLoader } from './accounts/status-transitions.ts'
import { type Addresses, createAddresses, localUrl } from './addresses.ts'
import type { Config } from './config.ts'
import { connectors as installedConnectors } from './connectors.ts'
import { createRowCache, watchChangedRows } from './db/changed-rows.ts'
import { type Database, type Db, isWritable, permittedConnections } from './db/database.ts'
import { openRedis } from './db/redis.ts'
import { openReplica, primaryReads } from './db/replica.ts'
import { ensureBootstrapApiKey } from './environments/api-keys.ts'
import { authenticate } from './environments/authenticate.ts'
import type { EnvironmentsContext } from './environments/context.ts'
import { ensureEnvironment } from './environments/environment-store.ts'
import { type AccountEvents, openAccountEvents } from './events/status-events.ts'
import { buildSchema } from './graphql/schema.ts'
import { oneToolPerMutation } from './graphql/tools/one-tool-per-mutation.ts'
import { createAccountWatch } from './graphql/watch.ts'
import { createClientAddress } from './http/client-address.ts'
import { createConnectHandler } from './http/connect/connect-handler.ts'
import { createCors } from './http/cors.ts'
import { createGraphQLHandler } from './http/graphql.ts'
import { createMetrics, type Metrics, type WorkerMetrics } from './http/metrics.ts'
import { createRouter } from './http/router.ts'
import { createHttpServer, type HttpServer, type RawMount } from './http/server.ts'
import { createThrottle, type Throttle } from './http/throttle.ts'
import { createToolsPage } from './http/tools-page.ts'
import { createLog, type Log } from './log.ts'
import { signOfDeployment } from './production.ts'
import { fetchFromProvider } from './provider-http.ts'
import { openStore } from './store.ts'
import { createToolCatalogue } from './tools/catalogue.ts'
import type { Connector, RunningSandbox } from './tools/connector.ts'
import { createToolEngine } from './tools/engine.ts'
import type { ToolLimits } from './tools/limits.ts'
import { createRateWindow } from './tools/rate-window.ts'
import { createRedisRateWindow } from './tools/redis-rate-window.ts'
import { Secret } from './vault/secret.ts'
import { serverSecret } from './vault/server-secret.ts'
import type { Vault } from './vault/vault.ts'

/** What the process connects to, and what tests replace. */
export interface Seams {
  /** The workers of this node, when there are several. */
  readonly workerMetrics?: WorkerMetrics
  readonly log?: Log
  /** Wraps the database handle that all stores get. */
  readonly wrapDatabase?: (db: Db) => Db
  /** Other limits of tool calls than those of `tools/limits.ts`. */
  readonly toolLimits?: Partial<ToolLimits>
  /** Other connectors than the installed ones. */
  readonly connectors?: readonly Connector[]
  /** Another throttle than that of `http/throttle.ts`. */
  readonly throttle?: Throttle
}

/** The result of {@link App.listen}. */
export interface Started {
  /** Where this process listens, as other processes of the machine reach it. */
  readonly url: string
  /** The base of all links, without a final slash. */
  readonly publicUrl: string
  /** The ADMIN key of the environment `default`, when this start generated it. */
  readonly generatedApiKey: Secret | null
  readonly database: 'embedded' | 'server'
  /** Where metrics are served on a port of their own; null: they are not. */
  readonly metricsUrl: string | null
  /** Settings that work but should be changed. */
  readonly warnings: readonly string[]
}

/** The whole system, ready to serve. */
export interface App {
  /** Answers a request without a socket. The sandbox is not reachable this way. */
  fetch(request: Request): Promise<Response>
  /** Listens on the configured host and port, and starts the background work. */
  listen(): Promise<Started>
  /**
   * Ends subscriptions, lets running calls finish, stops the background work and closes the database. Takes at most 10
   * seconds, unless this process holds a renewed token pair that the database has not stored yet: it waits for that,
   * because no other process has the pair. A second call returns the same promise.
   */
  stop(): Promise<void>
}

/**
 * After the start of a stop, in milliseconds: when the time of running tool calls ends, and when connections are cut. In
 * between, those calls are answered; the rest of the 10 seconds is for closing.
 */
const stopTimes = { endCalls: 8_000, cut: 9_000 }

/** How many credentials and opened accounts this process holds in memory. */
const held = { credentials: 10_000, accounts: 10_000 }

/**
 * Composes the system from its parts; no other file knows all of them. Opens and migrates the database. Throws the errors
 * of `config.ts`, `db/` and `vault/`.
 */
export async function createApp(config: Config, seams: Seams = {}): Promise<App> {
  const log = seams.log ?? createLog(config.logLevel)
  const closers = createClosers(log)
  try {
    return await compose(config, seams, log, closers)
  } catch (error) {
    await closers.closeAll()
    throw error
  }
}

async function compose(config: Config, seams: Seams, log: Log, closers: Closers): Promise<App> {
  const connectors = seams.connectors ?? installedConnectors
  const development = config.environment !== 'production'
  const stopping = new AbortController()
  const endCalls = new AbortController()
  const addresses = createAddresses(config)

  // The sandbox stores its content in the data directory as well.
  const store = await openStore(config, log, { ownDirectory: config.sandbox })
  closers.add(() => store.close())
  const { vault } = store
  const database: Database = { ...store.database, db: seams.wrapDatabase?.(store.database.db) ?? store.database.db }
  const { db } = database
  const lists =
    config.databaseReplicaUrl === null
      ? primaryReads(db)
      : openReplica(config.databaseReplicaUrl, { primary: db, maxConnections: config.databasePoolSize, log })
  closers.add(() => lists.close())
  const redis = config.redisUrl === null ? null : openRedis(config.redisUrl, await redisNamespace(db, vault), log)
  if (redis) closers.add(() => redis.close())
  const busEvents = await openAccountEvents(
    database,
    (error) => log.warn({ err: error }, 'sending an event failed'),
    redis,
  )
  closers.add(() => busEvents.close())
  const changedRows = await watchChangedRows(database)
  closers.add(() => changedRows.close())
  const events: AccountEvents = {
    ...busEvents,
    publish(published) {
      for (const { accountId } of published) changedRows.announce(accountId)
      busEvents.publish(published)
    },
  }
  const metrics = createMetrics(seams.workerMetrics)
  closers.add(() => metrics.close())

  const environments: EnvironmentsContext = {
    db,
    apiKeyPepper: await serverSecret(db, vault, 'api-key-pepper'),
    userSessionKey: await serverSecret(db, vault, 'user-session-key'),
    get publicUrl() {
      return addresses.publicUrl()
    },
    log,
    credentials: createRowCache(changedRows, held.credentials),
    known: new LRUCache({ max: held.credentials }),
  }
  const accounts: AccountsContext = {
    db,
    vault,
    events,
    providers: new Map(connectors.map(({ slug, oauth }) => [slug, oauth])),
    providerApiUrl: (app) => providerUrl(config, connectors, app, addresses.sandboxUrl()),
    providerConsentUrl: (app) => providerUrl(config, connectors, app, addresses.publicUrl()),
    get publicUrl() {
      return addresses.publicUrl()
    },
    openingKey: await serverSecret(db, vault, 'authorization-openings'),
    log,
    timing: { ...defaultTiming, verifyEveryMs: config.verifyEverySeconds * 1000 },
    node: newNodeState(String(database.nodeId)),
    openAccounts: createRowCache(changedRows, held.accounts),
    authorizationLifetimeSeconds: defaultAuthorizationLifetimeSeconds,
  }
  const runtime = { fetch: fetchFromProvider, now: Date.now }
  const catalogue = createToolCatalogue(connectors.flatMap((connector) => connector.createTools(runtime)))
  const tools = createToolEngine({
    db,
    nodeId: database.nodeId,
    vault,
    catalogue,
    lists,
    openAccount: (environmentId, name, connector) => openAccount(accounts, environmentId, name, connector),
    renewAccessToken: (account, version) => renewAccessToken(accounts, account, version),
    forgetGrant: (id) => accounts.openAccounts.forget(id),
    providerApiUrl: accounts.providerApiUrl,
    ratePolicy: (connector) => requireConnector(connectors, connector).rate,
    log,
    ...(redis && { rateWindow: createRedisRateWindow(redis, createRateWindow(db)) }),
    observe: metrics.tool,
    endCalls: endCalls.signal,
    limits: { resultBytes: config.resultBytes, ...seams.toolLimits },
  })

  closers.add(() => tools.close())

  const watch = createAccountWatch(accounts, {
    changedRows,
    stopping: stopping.signal,
    observe: metrics.subscriptions,
  })
  const transitions = createTransitionLoader(db)
  const graphql = createGraphQLHandler({
    schema: buildSchema(connectors, catalogue),
    development,
    log,
    rules: [oneToolPerMutation(catalogue)],
    context: (request, viewer) => ({
      viewer,
      environments,
      accounts,
      lists,
      tools,
      watch,
      transitions,
      connectors,
      newAppsAreSandboxed: development && config.sandbox,
      signal: request.signal,
    }),
  })
  const handler = createRouter({
    graphql,
    connect: createConnectHandler(accounts, { connectors, development }),
    authenticate: (header, limit) => authenticate(environments, header, limit),
    toolsPage: createToolsPage(catalogue),
    isReady: () => isWritable(db),
    throttle: seams.throttle ?? createThrottle(),
    cors: createCors(config.corsOrigins),
    metrics,
    servesMetrics: config.metrics === null,
    https: config.publicUrl?.startsWith('https:') ?? false,
    log,
    development,
    stopping: stopping.signal,
  })

  const sandboxes = config.sandbox ? await openSandboxes(config, connectors, addresses, log, closers) : []
  const sandboxServer = createSandboxServer(sandboxes, closers)
  const metricsServer = createMetricsServer(metrics)
  if (config.metrics) closers.add(() => metricsServer.close(0))
  const prepared = createGate()
  const clientAddress = createClientAddress(config.trustedProxies)
  const server = createHttpServer(async (request, peer) => {
    await prepared.opened
    return handler(request, { ...peer, address: clientAddress(peer.address, request.headers.get('x-forwarded-for')) })
  }, sandboxes)

  let stopped: Promise<void> | undefined
  return {
    fetch: (request) => handler(request, { address: null }),
    async listen() {
      if (sandboxes.length > 0) addresses.sandboxPort = (await sandboxServer.listen(0, '127.0.0.1')).port
      addresses.port = (await server.listen(config.port, config.host)).port
      const metricsAt = config.metrics && (await metricsServer.listen(config.metrics.port, config.metrics.host))
      const chosenKey = config.bootstrapApiKey === null ? null : new Secret(config.bootstrapApiKey)
      const { generated } = await ensureBootstrapApiKey(environments, 'default', chosenKey)
      if (development && config.sandbox) {
        const { id } = await ensureEnvironment(db, 'default')
        for (const { slug, sandbox } of connectors) if (sandbox) await ensureSandboxedApp(accounts, id, slug)
      }
      const background = [startRenewalWorker(accounts), startAuthorizationSweeper(accounts), tools.startSweeper()]
      closers.add(() => Promise.all(background.map((work) => work.stop())))
      const warnings = await warningsOf(config, db)
      for (const warning of warnings) log.warn(warning)
      prepared.open()
      return {
        url: addresses.localUrl(),
        publicUrl: addresses.publicUrl(),
        generatedApiKey: generated,
        database: database.kind,
        metricsUrl: metricsAt && `${localUrl(metricsAt.address, metricsAt.port)}/metrics`,
        warnings,
      }
    },
    stop() {
      stopped ??= (async () => {
        stopping.abort()
        const timer = setTimeout(() => endCalls.abort(), stopTimes.endCalls)
        await server.close(stopTimes.cut)
        clearTimeout(timer)
        await closers.closeAll()
      })()
      return stopped
    },
  }
}

/** What must be closed at the end, in reverse order. */
interface Closers {
  add(close: () => unknown): void
  /** Closes everything that was added. Failures are logged. */
  closeAll(): Promise<void>
}

function createClosers(log: Log): Closers {
  const closers: (() => unknown)[] = []
  return {
    add: (close) => void closers.push(close),
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        try {
          await close()
        } catch (error) {
          log.error({ err: error }, 'closing failed')
        }
      }
    },
  }
}

/** The prefix of this installation in a Redis server that others may share: derived from a secret of its database. */
async function redisNamespace(db: Db, vault: Vault): Promise<string> {
  const secret = await serverSecret(db, vault, 'redis-namespace')
  return `valetkey:${hash('sha256', secret.reveal()).slice(0, 16)}:`
}

function requireConnector(connectors: readonly Connector[], slug: string): Connector {
  const connector = connectors.find((one) => one.slug === slug)
  if (!connector) throw new Error(`The connector ${slug} is not installed.`)
  return connector
}

/** The base of a provider's API for an OAuth app: the provider's own, or that of its sandbox on `server`. */
function providerUrl(
  config: Config,
  connectors: readonly Connector[],
  app: { readonly connector: string; readonly sandbox: boolean },
  server: string,
): string {
  const { slug, sandbox, apiUrl } = requireConnector(connectors, app.connector)
  if (app.sandbox && sandbox) return `${server}${sandbox.basePath}`
  return config.apiUrls[slug] ?? apiUrl
}

async function openSandboxes(
  config: Config,
  connectors: readonly Connector[],
  addresses: Addresses,
  log: Log,
  closers: Closers,
): Promise<readonly RawMount[]> {
  const mounts: RawMount[] = []
  for (const { sandbox } of connectors) {
    if (!sandbox) continue
    const { basePath } = sandbox
    const running: RunningSandbox = await sandbox.create({
      publicUrl: () => `${addresses.publicUrl()}${basePath}`,
      dataDirectory: join(config.dataDirectory, basePath),
      control: config.environment !== 'production',
      logger: {
        warn: (message) => log.warn(message),
        error: (message, error) => log.error({ err: error }, message),
      },
    })
    closers.add(() => running.close())
    mounts.push({ prefix: basePath, handle: (request, response) => running.handle(request, response) })
  }
  return mounts
}

/**
 * A server of its own for this process's requests to its sandbox: the public URL may lead through a proxy that this
 * process cannot reach, and running calls need the sandbox after a stop has closed the public socket.
 */
function createSandboxServer(sandboxes: readonly RawMount[], closers: Closers): HttpServer {
  const server = createHttpServer(async () => new Response(null, { status: 404 }), sandboxes)
  if (sandboxes.length > 0) closers.add(() => server.close(0))
  return server
}

/** A server for Prometheus alone, so that no proxy in front of the API publishes the metrics. */
function createMetricsServer(metrics: Metrics): HttpServer {
  return createHttpServer(
    async ({ url }) => (new URL(url).pathname === '/metrics' ? metrics.expose() : new Response(null, { status: 404 })),
    [],
    { port: 'METRICS_PORT', host: 'METRICS_HOST' },
  )
}

/**
 * Holds requests that arrive between the start of listening and the end of the preparations: without the bootstrap key
 * they would be refused as unauthenticated.
 */
function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

async function warningsOf(config: Config, db: Db): Promise<readonly string[]> {
  const warnings: string[] = []
  const unconfirmed = await countUnconfirmedApps(db)
  if (unconfirmed > 0) {
    warnings.push(
      `${unconfirmed} OAuth app${unconfirmed === 1 ? ' has' : 's have'} no confirmationUrl: any person who opens a link can make its account ACTIVE. Use this only for an application with a single user.`,
    )
  }
  if (config.databaseUrl !== null) {
    // Each worker has one connection more than its pool, for events.
    const possible = config.workers * (config.databasePoolSize + 1)
    const permitted = await permittedConnections(db)
    if (possible > permitted) {
      warnings.push(
        `VALETKEY_WORKERS and DATABASE_POOL_SIZE allow ${possible} database connections, more than the ${permitted} that the server permits. Decrease them, or increase max_connections.`,
      )
    }
  }
  if (config.environment === 'production' && config.publicUrl === null) {
    warnings.push('PUBLIC_URL is not set: links and redirect URIs point to localhost.')
  }
  const { environment, host, publicUrl } = config
  const reached = signOfDeployment({ HOST: host, ...(publicUrl !== null && { PUBLIC_URL: publicUrl }) })
  if (environment !== 'production' && reached !== null) {
    warnings.push(
      `NODE_ENV is ${environment} and ${reached}: GraphiQL, introspection and the sandbox's control are open to the network. Set NODE_ENV=production unless this is intended.`,
    )
  }
  return warnings
}
