import type { GraphQLSchema } from 'graphql'
import type { AccountsContext } from './accounts/context.ts'
import type { Config } from './config.ts'
import { isWritable } from './db/database.ts'
import { authenticate, authenticateTicket } from './environments/authenticate.ts'
import type { EnvironmentsContext } from './environments/context.ts'
import type { AccountWatch } from './graphql/watch.ts'
import { createClientAddress } from './http/client-address.ts'
import { createConnectHandler } from './http/connect/connect-handler.ts'
import { createConsole } from './http/console.ts'
import { createCors } from './http/cors.ts'
import type { GraphQLHandler } from './http/graphql.ts'
import { createIdentify } from './http/identify.ts'
import type { Metrics } from './http/metrics.ts'
import { createProviderWebhooks } from './http/provider-webhooks.ts'
import { createRouter } from './http/router.ts'
import { createSchemaFiles } from './http/schema-files.ts'
import { createHttpServer, type FetchHandler, type HttpServer, type RawMount } from './http/server.ts'
import type { Throttle } from './http/throttle.ts'
import { createToolsPage } from './http/tools-page.ts'
import { createWebSocketEndpoint } from './http/websocket.ts'
import type { Log } from './log.ts'
import type { McpEndpoint } from './mcp/mcp-endpoint.ts'
import { consoleUrl, readVersion } from './package-files.ts'
import type { Tracing } from './telemetry/tracing.ts'
import type { Approvers } from './tools/approvers.ts'
import type { Connector } from './tools/connector.ts'
import type { ToolEngine } from './tools/engine.ts'

/** Where requests come in. */
export interface Entrances {
  /** Answers a request of any path but those of the sandboxes. */
  readonly handler: FetchHandler
  /** Serves the handler, WebSocket and the sandboxes. Requests wait until {@link Entrances.open}. */
  readonly server: HttpServer
  /** Lets requests in. Those that arrive before the bootstrap key exists would be refused as unauthenticated. */
  open(): void
}

/** Connects what answers requests with what all requests pass first: routes, throttles, credentials and CORS. */
export function createEntrances(parts: {
  readonly config: Config
  readonly connectors: readonly Connector[]
  readonly environments: EnvironmentsContext
  readonly accounts: AccountsContext
  readonly tools: ToolEngine
  readonly approvers: Approvers
  readonly schema: GraphQLSchema
  readonly graphql: GraphQLHandler
  readonly watch: AccountWatch
  readonly metrics: Metrics
  readonly sandboxes: readonly RawMount[]
  /** Proves to `valetkey doctor` that the public URL leads to this installation. */
  readonly proveInstallation: (challenge: string) => string
  readonly log: Log
  readonly tracing: Tracing | null
  readonly stopping: AbortSignal
  readonly throttle: Throttle
}): Entrances {
  const { config, connectors, environments, accounts, tools, graphql, log, stopping, throttle } = parts
  const development = config.environment !== 'production'
  // Its library is loaded by the first request.
  let mcp: Promise<McpEndpoint> | undefined
  const loadMcp = () => {
    mcp ??= import('./mcp/mcp-endpoint.ts').then(({ createMcpEndpoint }) =>
      createMcpEndpoint({ accounts, tools, version: readVersion(), log }),
    )
    return mcp
  }
  const cors = createCors(config.corsOrigins, config.publicUrl)
  const identify = createIdentify({
    authenticate: (header, limit, address) => authenticate(environments, header, limit, address),
    authenticateTicket: (ticket, limit) => authenticateTicket(environments, ticket, limit),
    throttle,
  })
  const handler = createRouter({
    graphql,
    identify,
    schemaFiles: createSchemaFiles(parts.schema),
    connect: createConnectHandler(accounts, {
      connectors,
      development,
      approvals: { approvers: parts.approvers, tools },
    }),
    providerWebhooks: createProviderWebhooks({
      accounts,
      connectors,
      throttle,
      observe: parts.metrics.providerEvent,
    }),
    console: config.console ? createConsole(consoleUrl) : null,
    mcp: async (...call) => (await loadMcp())(...call),
    toolsPage: createToolsPage(tools.catalogue, connectors),
    isReady: () => isWritable(environments.db),
    proveInstallation: parts.proveInstallation,
    throttle,
    cors,
    metrics: parts.metrics,
    servesMetrics: config.metrics === null,
    https: config.publicUrl?.startsWith('https:') ?? false,
    log,
    tracing: parts.tracing,
    development,
    stopping,
  })

  const prepared = createGate()
  const clientAddress = createClientAddress(config.trustedProxies)
  const webSocket = createWebSocketEndpoint({
    graphql,
    identify,
    throttle,
    watch: parts.watch,
    allowsOrigin: cors.has,
    addressOf: ({ socket, headers }) =>
      clientAddress(socket.remoteAddress ?? null, headers['x-forwarded-for']?.toString() ?? null),
    log,
    stopping,
  })
  const server = createHttpServer(
    async (request, peer) => {
      await prepared.opened
      return handler(request, { ...peer, address: clientAddress(peer.address, request.headers.get('x-forwarded-for')) })
    },
    parts.sandboxes,
    {
      log,
      upgrades: {
        async upgrade(...args) {
          await prepared.opened
          await webSocket.upgrade(...args)
        },
      },
    },
  )

  return { handler, server, open: prepared.open }
}

/** A promise that `open` resolves. */
function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
