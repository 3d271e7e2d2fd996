import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, type Started } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import type { IndexLimits } from '../../src/content-index/index-rows.ts'
import type { CrawlTiming } from '../../src/crawler/crawler.ts'
import type { Db } from '../../src/db/database.ts'
import type { PollTiming } from '../../src/event-poller/event-poller.ts'
import type { Throttle } from '../../src/http/throttle.ts'
import { createLog } from '../../src/log.ts'
import type { InboxTiming } from '../../src/provider-events/inbox-worker.ts'
import type { Connector } from '../../src/tools/connector.ts'
import type { ToolLimits } from '../../src/tools/limits.ts'
import type { DeliveryTiming } from '../../src/webhooks/delivery-worker.ts'
import { type Browser, newBrowser } from './browser.ts'
import { databaseEnv, newPostgresDatabase } from './database.ts'

/** A GraphQL answer as it came over HTTP. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly data: Record<string, unknown>
  readonly errors: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[] | undefined
}

/** Calls a running server as an application does, with its ADMIN key by default. */
export interface TestClient {
  readonly url: string
  readonly apiKey: string
  /** Sends a GraphQL document with the ADMIN key, another credential, or (null) none. */
  graphql(document: string, variables?: Record<string, unknown>, credential?: string | null): Promise<Answer>
  /** Reads a subscription's `data` as it comes; aborting ends it. */
  subscribe(
    document: string,
    variables?: Record<string, unknown>,
    options?: { credential?: string; signal?: AbortSignal },
  ): AsyncGenerator<Record<string, unknown>>
  /** A control operation of the sandbox. */
  sandbox(operation: string, parameters?: Record<string, unknown>): Promise<unknown>
  /** Connects a user's account: from `authorize` to the confirmation. Returns the identifier's final status. */
  connect(identifier: string, options?: ConnectOptions): Promise<string>
  /** Runs a tool and returns the member of its result union. */
  executeTool(
    identifier: string,
    toolName: string,
    toolInput: Record<string, unknown>,
    more?: Record<string, unknown>,
  ): Promise<{ readonly __typename: string; readonly [field: string]: unknown }>
}

/** A running system of the test's own, on a free port, with the sandbox. */
export interface TestApp extends TestClient {
  readonly config: Config
  readonly started: Started
  /** What the process has logged so far. */
  log(): string
  stop(): Promise<void>
}

/** How the consent goes. */
export interface ConnectOptions {
  readonly connectionName?: string
  readonly user?: string
  readonly resources?: string
  readonly credential?: string
  readonly browser?: Browser
  readonly allowUserChange?: boolean
}

/** Starts the system; `postgres` on a fresh database of the run's server, otherwise embedded in `directory`. */
export async function startApp(
  options: {
    database?: 'embedded' | 'postgres'
    directory?: string
    env?: Record<string, string>
    throttle?: Throttle
    wrapDatabase?: (db: Db) => Db
    connectors?: readonly Connector[]
    deliveryTiming?: Partial<DeliveryTiming>
    inboxTiming?: Partial<InboxTiming> | null
    pollTiming?: Partial<PollTiming> | null
    crawlTiming?: Partial<CrawlTiming> | null
    indexLimits?: Partial<IndexLimits>
    toolLimits?: Partial<ToolLimits>
    maintenance?: { readonly everyMs: number }
  } = {},
): Promise<TestApp> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'valetkey-app-')))
  const database = options.database === 'postgres' ? await newPostgresDatabase() : null
  const config = readConfig(
    {
      NODE_ENV: 'development',
      PORT: '0',
      VALETKEY_DATA_DIR: directory,
      VALETKEY_BOOTSTRAP_API_KEY: bootstrapKey,
      LOG_LEVEL: 'info',
      ...(database && databaseEnv(database.location)),
      ...options.env,
    },
    options.connectors,
  )
  let logged = ''
  const app = await createApp(config, {
    log: createLog(config.logLevel, {
      write: (line) => {
        logged += line
      },
    }),
    ...(options.throttle ? { throttle: options.throttle } : {}),
    ...(options.wrapDatabase ? { wrapDatabase: options.wrapDatabase } : {}),
    ...(options.connectors ? { connectors: options.connectors } : {}),
    ...(options.toolLimits ? { toolLimits: options.toolLimits } : {}),
    ...(options.inboxTiming === undefined ? {} : { inboxTiming: options.inboxTiming }),
    ...(options.pollTiming === undefined ? {} : { pollTiming: options.pollTiming }),
    ...(options.crawlTiming === undefined ? {} : { crawlTiming: options.crawlTiming }),
    ...(options.indexLimits ? { indexLimits: options.indexLimits } : {}),
    ...(options.deliveryTiming ? { deliveryTiming: options.deliveryTiming } : {}),
    ...(options.maintenance ? { maintenance: options.maintenance } : {}),
  })
  const started = await app.listen()
  // A public URL that a test sets is for browsers that use a proxy: tests reach the server directly.
  const url = options.env?.['PUBLIC_URL'] === undefined ? started.publicUrl : started.url
  const apiKey = config.bootstrapApiKey ?? ''

  return {
    ...clientOf(url, apiKey),
    config,
    started,
    log: () => logged,
    async stop() {
      await app.stop()
      await database?.drop()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A client of the server at a URL. */
export function clientOf(url: string, apiKey: string): TestClient {
  const graphql: TestClient['graphql'] = async (document, variables = {}, credential = apiKey) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
      },
      body: JSON.stringify({ query: document, variables }),
    })
    const body = (await response.json()) as Pick<Answer, 'data' | 'errors'>
    return { status: response.status, headers: response.headers, data: body.data, errors: body.errors }
  }

  return {
    url,
    apiKey,
    graphql,
    async executeTool(identifier, toolName, toolInput, more = {}) {
      const answer = await graphql(
        `mutation ($input: ExecuteToolInput!) {
          executeTool(input: $input) {
            __typename
            ... on ExecuteToolPayload { data execution { id status } }
            ... on ToolError { message hint retryable retryAfterMs userAction }
          }
        }`,
        { input: { identifier, toolName, toolInput, ...more } },
      )
      if (answer.errors) throw new Error(answer.errors.map(({ message }) => message).join('; '))
      return answer.data['executeTool'] as { __typename: string }
    },
    async *subscribe(document, variables = {}, { credential = apiKey, signal } = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          authorization: `Bearer ${credential}`,
        },
        body: JSON.stringify({ query: document, variables }),
        ...(signal ? { signal } : {}),
      })
      if (!response.body) throw new Error('The subscription has no body.')
      let text = ''
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const event = text.slice(0, end)
          text = text.slice(end + 2)
          if (event.includes('event: complete')) return
          const data = /^data: (.*)$/m.exec(event)?.[1]
          if (!data) continue
          const payload = JSON.parse(data) as Pick<Answer, 'data' | 'errors'>
          if (payload.errors) throw new Error(payload.errors.map(({ message }) => message).join('; '))
          yield payload.data
        }
      }
    },
    async sandbox(operation, parameters) {
      const response = await fetch(
        `${url}/sandbox/_control/${operation}`,
        parameters === undefined
          ? {}
          : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(parameters) },
      )
      const body: unknown = await response.json()
      if (!response.ok) throw new Error(`sandbox ${operation}: ${JSON.stringify(body)}`)
      return body
    },
    async connect(identifier, options = {}) {
      const {
        connectionName = 'notion',
        user,
        resources = 'all',
        credential,
        browser,
        allowUserChange = false,
      } = options
      const authorized = await graphql(
        `mutation ($input: AuthorizeInput!) {
          authorize(input: $input) { ... on AuthorizePayload { link } ... on Error { __typename message } }
        }`,
        { input: { connectionName, identifier, ...(allowUserChange && { allowUserChange }) } },
        credential,
      )
      const { link, message } = authorized.data['authorize'] as { link?: string; message?: string }
      if (!link) throw new Error(message)
      const visitor = browser ?? newBrowser()
      const consent = await visitor.consentOf(await visitor.get(link))
      const callback = visitor.redirectOf(
        await visitor.post(consent, { resources, decision: 'allow', ...(user ? { user } : {}) }),
      )
      const confirmation = visitor.redirectOf(await visitor.get(callback))
      const confirmed = await graphql(
        `mutation ($input: ConfirmAuthorizationInput!) {
          confirmAuthorization(input: $input) {
            ... on ConfirmAuthorizationPayload { connectedAccount { status } }
            ... on Error { __typename message }
          }
        }`,
        { input: { flowId: confirmation.searchParams.get('flow_id'), identifier } },
        credential,
      )
      const outcome = confirmed.data['confirmAuthorization'] as {
        connectedAccount?: { status: string }
        message?: string
      }
      if (!outcome.connectedAccount) throw new Error(outcome.message)
      return outcome.connectedAccount.status
    },
  }
}

/** An operator may choose any text; tests take one that no redaction pattern knows. */
const bootstrapKey = 'bootstrap-key-of-the-tests-0123456789'
