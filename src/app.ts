import { LRUCache } from 'lru-cache'
import { openBindingKey } from './accounts/authorization/bind-existing-rows.ts'
import { type AccountsContext, defaultAuthorizationLifetimeSeconds, defaultTiming } from './accounts/context.ts'
import { openAccount } from './accounts/grants/open-account.ts'
import { renewAccessToken } from './accounts/grants/renewal.ts'
import { createPairStore } from './accounts/grants/token-pair.ts'
import { newNodeState } from './accounts/node-state.ts'
import { findOAuthApp } from './accounts/oauth-app-store.ts'
import { plannedRedirectUri } from './accounts/redirect-uri.ts'
import { ensureSandboxedApp, hasProviderApp } from './accounts/sandboxed-app.ts'
import { createTransitionLoader } from './accounts/status-transitions.ts'
import { tracedProvider } from './accounts/traced-provider.ts'
import { createAddresses, localUrl } from './addresses.ts'
import { isLoopback } from './application-url.ts'
import { actingAs, systemActor } from './audit/audit-log.ts'
import { type BackgroundTiming, startBackgroundWork } from './background-work.ts'
import { steadyNow, systemClock } from './clock.ts'
import { type Closers, createClosers } from './closers.ts'
import type { Config } from './config.ts'
import { connectors as installedConnectors } from './connectors.ts'
import { createContentIndexes } from './content-index/content-indexes.ts'
import { createIndexLoader } from './content-index/index-status.ts'
import { createRowCache } from './db/changed-rows.ts'
import type { Db } from './db/database.ts'
import { createEntrances } from './entrances.ts'
import { findApiKeyViewer } from './environments/authenticate.ts'
import type { EnvironmentsContext } from './environments/context.ts'
import { ensureEnvironment, operatorEnvironment } from './environments/environment-store.ts'
import { ensureBootstrapApiKey, openGraphiqlKey, retireGraphiqlKey } from './environments/operator-keys.ts'
import { isValidSession } from './environments/user-sessions.ts'
import { actorOf } from './environments/viewer.ts'
import { openFoundation } from './foundation.ts'
import { createApprovalWatch } from './graphql/approval-watch.ts'
import { createEventWatch } from './graphql/event-watch.ts'
import { buildSchema } from './graphql/schema.ts'
import { oneToolPerMutation } from './graphql/tools/one-tool-per-mutation.ts'
import { createAccountWatch } from './graphql/watch.ts'
import { createGraphQLHandler } from './http/graphql.ts'
import type { WorkerMetrics } from './http/metrics.ts'
import { createMetricsServer } from './http/metrics-server.ts'
import { createThrottle, type Throttle } from './http/throttle.ts'
import { createLog, type Log } from './log.ts'
import { createEventListeners } from './provider-events/listeners.ts'
import { publicEventTypes } from './provider-events/provider-event.ts'
import { fetchFromProvider } from './provider-http.ts'
import { createProviderUrls, newAppsAreSandboxed } from './provider-urls.ts'
import { createSandboxServer, openSandboxes } from './sandboxes.ts'
import { startWarnings } from './start-warnings.ts'
import { createApprovers } from './tools/approvers.ts'
import { createToolCatalogue } from './tools/catalogue.ts'
import {
  type Connector,
  changeSourcesOf,
  contentSourcesOf,
  polledTypesOf,
  requireConnector,
} from './tools/connector.ts'
import { createToolEngine } from './tools/engine.ts'
import type { ToolLimits } from './tools/limits.ts'
import { createRateWindow } from './tools/rate-window.ts'
import { createRedisRateWindow } from './tools/redis-rate-window.ts'
import { tracedEngine } from './tools/traced-engine.ts'
import { Secret } from './vault/secret.ts'
import { installationProof, serverSecret } from './vault/server-secret.ts'
import { createAddressGuard } from './webhooks/address-guard.ts'
import type { WebhooksContext } from './webhooks/context.ts'
import { readWebhookQueue } from './webhooks/delivery-store.ts'

/** What the process connects to, and what tests replace. */
export interface Seams extends BackgroundTiming {
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
  /** The connection without an OAuth app that the operator registers next, with its redirect URI; null: it has one. */
  readonly unregistered: { readonly connectionName: string; readonly redirectUri: string } | null
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
 * between, those calls are answered; the rest of the 10 seconds is for closing. What waits of traces and
 * of metrics is sent for at most `flush` each, until `end`.
 */
const stopTimes = { endCalls: 8_000, cut: 9_000, flush: 1_000, end: 9_800 }

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

async function compose(config: Config, seams: Seams, processLog: Log, closers: Closers): Promise<App> {
  const connectors = seams.connectors ?? installedConnectors
  const development = config.environment !== 'production'
  const stopping = new AbortController()
  const endCalls = new AbortController()
  const addresses = createAddresses(config)
  let closedBy = Number.POSITIVE_INFINITY
  const flushMs = () => Math.max(0, Math.min(stopTimes.flush, closedBy - performance.now()))
  const foundation = await openFoundation(config, { ...seams, log: processLog, closers, flushMs })
  const { log, tracing, traced, vault, database, lists, redis, events, changedRows, routedEvents, metrics } = foundation
  const { db } = database

  const bindingKey = await openBindingKey(db, vault, log)
  const environments: EnvironmentsContext = {
    actor: systemActor,
    db,
    apiKeyPepper: await serverSecret(db, vault, 'api-key-pepper'),
    userSessionKey: await serverSecret(db, vault, 'user-session-key'),
    bindingKey,
    get publicUrl() {
      return addresses.publicUrl()
    },
    log,
    credentials: createRowCache(changedRows, held.credentials),
    known: new LRUCache({ max: held.credentials }),
  }
  const timing = { ...defaultTiming, verifyEveryMs: config.verifyEverySeconds * 1000 }
  const accounts: AccountsContext = {
    actor: systemActor,
    db,
    vault,
    events,
    providers: new Map(connectors.map(({ slug, oauth }) => [slug, tracing ? tracedProvider(tracing, oauth) : oauth])),
    ...createProviderUrls(config, connectors, addresses),
    get publicUrl() {
      return addresses.publicUrl()
    },
    openingKey: await serverSecret(db, vault, 'authorization-openings'),
    bindingKey,
    log,
    timing,
    storePair: createPairStore({ timing }, db, systemClock),
    node: newNodeState(String(database.nodeId)),
    openAccounts: createRowCache(changedRows, held.accounts),
    authorizationLifetimeSeconds: defaultAuthorizationLifetimeSeconds,
    observeRenewal: metrics.renewal,
    ...(tracing && { measure: tracing.background }),
  }
  const fetchTraced = traced?.toProvider(fetchFromProvider) ?? fetchFromProvider
  const contentIndexes = createContentIndexes({ db, vault, log })
  const runtime = { fetch: fetchTraced, now: steadyNow, changes: routedEvents, contentIndexes }
  const catalogue = createToolCatalogue(connectors.flatMap((connector) => connector.createTools(runtime)))
  const engine = createToolEngine({
    db,
    nodeId: database.nodeId,
    vault,
    catalogue,
    lists,
    openAccount: (environmentId, name, connector) => openAccount(accounts, environmentId, name, connector),
    requesterOf: (environmentId, apiKeyId) => findApiKeyViewer(environments, environmentId, apiKeyId),
    renewAccessToken: (account, version) => renewAccessToken(accounts, account, version),
    forgetGrant: (id) => accounts.openAccounts.forget(id),
    providerApiUrl: accounts.providerApiUrl,
    ratePolicy: (connector) => requireConnector(connectors, connector).rate,
    log,
    ...(redis && { rateWindow: createRedisRateWindow(redis, createRateWindow(db)) }),
    observe: metrics.tool,
    observeBudgetWait: metrics.budgetWait,
    endCalls: endCalls.signal,
    limits: { resultBytes: config.resultBytes, ...seams.toolLimits },
  })

  const tools = tracing ? tracedEngine(tracing, engine) : engine
  closers.add(() => tools.close())
  await tools.ready

  const guard = createAddressGuard(config.webhookPrivateNetworks)
  const webhooks: WebhooksContext = {
    db,
    vault,
    guard: traced ? { ...guard, fetch: traced.toWebhook(guard.fetch) } : guard,
    providerEventTypes: publicEventTypes(connectors),
    log,
    random: Math.random,
    actor: systemActor,
    ...(tracing && { measure: tracing.background }),
  }
  metrics.webhookQueue(() => readWebhookQueue(db))

  const indexes = createIndexLoader(db)
  const watch = createAccountWatch(accounts, {
    changedRows,
    indexes,
    stopping: stopping.signal,
    observe: metrics.subscriptions,
  })
  const approvalWatch = await createApprovalWatch({
    notifications: database.notifications,
    watch,
    approvals: tools.approvals,
    log,
  })
  closers.add(() => approvalWatch.close())
  const changeSources = changeSourcesOf(connectors, runtime)
  const eventListeners = createEventListeners(database, log)
  closers.add(() => eventListeners.close())
  const eventWatch = createEventWatch({
    ...{ db, routedEvents, connectors, watch, log },
    listeners: eventListeners,
    polledTypes: polledTypesOf(changeSources),
  })
  const approvers = createApprovers({
    db,
    key: await serverSecret(db, vault, 'approval-openings'),
    tools,
    viewerOfKey: (environmentId, apiKeyId) => findApiKeyViewer(environments, environmentId, apiKeyId),
    isValidSession: (environmentId, sessionId) => isValidSession(db, environmentId, sessionId),
    isHttps: () => addresses.publicUrl().startsWith('https:'),
  })
  const transitions = createTransitionLoader(db)
  const cursorKey = await serverSecret(db, vault, 'list-cursors')
  const installation = await serverSecret(db, vault, 'installation')
  const schema = buildSchema(connectors, catalogue)
  // Only on a development server of this machine whose accounts are examples of the sandbox.
  const graphiqlHasKey = async () =>
    development &&
    config.sandbox &&
    isLoopback(new URL(addresses.publicUrl()).hostname) &&
    !(await hasProviderApp(accounts))
  const graphiqlKey = async () =>
    (await graphiqlHasKey()) ? openGraphiqlKey(environments, vault, operatorEnvironment) : null
  const throttle = seams.throttle ?? createThrottle()
  const graphql = createGraphQLHandler({
    schema,
    development,
    graphiql: development ? { publicUrl: () => addresses.publicUrl(), key: graphiqlKey } : null,
    log,
    tracing,
    rules: [oneToolPerMutation(catalogue)],
    context: (request, { viewer, requestId, address }) => {
      const actor = actorOf(viewer, { sourceAddress: address, requestId })
      return {
        viewer,
        environments: actingAs(environments, actor),
        accounts: actingAs(accounts, actor),
        lists,
        tools,
        loaders: new Map(),
        watch,
        approvalWatch,
        eventWatch,
        approvers,
        transitions,
        indexes,
        webhooks: actingAs(webhooks, actor),
        cursorKey,
        connectors,
        sessionsMayChangeUser: config.sessionsMayChangeUser,
        newAppsAreSandboxed: newAppsAreSandboxed(config),
        takeAuthorization: (user) => throttle.take(user, 'authorization'),
        signal: request.signal,
      }
    },
  })
  const sandboxes = config.sandbox ? await openSandboxes(config, connectors, addresses, log, closers) : []
  const sandboxServer = createSandboxServer(sandboxes, log, closers)
  const metricsServer = createMetricsServer(metrics, log)
  if (config.metrics) closers.add(() => metricsServer.close(0))
  const { handler, server, open } = createEntrances({
    config,
    connectors,
    environments,
    accounts,
    tools,
    approvers,
    schema,
    graphql,
    watch,
    metrics,
    sandboxes,
    proveInstallation: (challenge) => installationProof(installation, challenge),
    log,
    tracing,
    stopping: stopping.signal,
    throttle,
  })

  let stopped: Promise<void> | undefined
  return {
    fetch: (request) => handler(request, { address: null }),
    async listen() {
      if (sandboxes.length > 0) addresses.sandboxPort = (await sandboxServer.listen(0, '127.0.0.1')).port
      addresses.port = (await server.listen(config.port, config.host)).port
      const metricsAt = config.metrics && (await metricsServer.listen(config.metrics.port, config.metrics.host))
      const chosenKey = config.bootstrapApiKey === null ? null : new Secret(config.bootstrapApiKey)
      const { generated } = await ensureBootstrapApiKey(environments, operatorEnvironment, chosenKey)
      if (!(await graphiqlHasKey())) await retireGraphiqlKey(environments, vault)
      if (development && config.sandbox) {
        const { id } = await ensureEnvironment(db, operatorEnvironment)
        for (const { slug, sandbox } of connectors) if (sandbox) await ensureSandboxedApp(accounts, id, slug)
      }
      await startBackgroundWork(
        {
          ...{ config, accounts, tools, webhooks, connectors },
          contentSources: contentSourcesOf(connectors, runtime),
          changeSources,
          database,
          observeDelivery: metrics.webhook,
          observeEvent: metrics.providerEvent,
        },
        seams,
        closers,
        stopping.signal,
      )
      const unregistered = await unregisteredConnection(config, accounts, connectors)
      const warnings = await startWarnings(config, db)
      for (const warning of warnings) log.warn(warning)
      open()
      return {
        url: addresses.localUrl(),
        publicUrl: addresses.publicUrl(),
        generatedApiKey: generated,
        database: database.kind,
        metricsUrl: metricsAt && `${localUrl(metricsAt.address, metricsAt.port)}/metrics`,
        unregistered,
        warnings,
      }
    },
    stop() {
      stopped ??= (async () => {
        closedBy = performance.now() + stopTimes.end
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

/** Returns the connection of the first connector in the environment `default`, when it has no OAuth app that works. */
async function unregisteredConnection(
  config: Config,
  accounts: AccountsContext,
  [connector]: readonly Connector[],
): Promise<Started['unregistered']> {
  if (!connector) return null
  const { slug: connectionName } = connector
  const { id: environmentId } = await ensureEnvironment(accounts.db, operatorEnvironment)
  const app = await findOAuthApp(accounts.db, environmentId, connectionName)
  if (app && (config.sandbox || !app.sandbox)) return null
  const registered = { environmentId, connectionName, connector: connectionName }
  return { connectionName, redirectUri: await plannedRedirectUri(accounts, registered) }
}
