import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OAuthProvider } from '../accounts/provider.ts'
import type { ContentIndexes } from '../content-index/content-indexes.ts'
import type { PolledTypes } from '../provider-events/poll-store.ts'
import type { ProviderEvents } from '../provider-events/provider-event.ts'
import type { RoutedEvents } from '../provider-events/routed-events.ts'
import type { Fetch } from '../provider-http.ts'
import type { ChangeSource } from './change-source.ts'
import type { ContentSource } from './content-source.ts'
import type { AnyTool, RatePolicy } from './tool.ts'
import type { ToolExamples } from './tool-example.ts'

/** What a connector's tools may use from outside, so that tests can replace it. */
export interface ConnectorRuntime {
  readonly fetch: Fetch
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** What changed at the provider, whichever node received it. Absent: nothing is reported. */
  readonly changes?: Pick<RoutedEvents, 'subscribe'>
  /** The indexes of the content that grants can read. Absent: there are none. */
  readonly contentIndexes?: ContentIndexes
}

/** Sentences of the connect page that depend on the provider. Plain text. */
export interface ConnectPageTexts {
  /** What the user does on the provider's consent page with the resources that the connect page lists. */
  readonly consentStep: string
}

/** A local stand-in for the provider, for development. */
export interface ConnectorSandbox {
  /** The path under which the server mounts it, without a final slash, such as `/sandbox`. */
  readonly basePath: string
  create(options: {
    readonly publicUrl: () => string
    readonly dataDirectory: string
    /** Whether its control operations are served. */
    readonly control: boolean
    readonly logger: { warn(message: string): void; error(message: string, error: unknown): void }
  }): Promise<RunningSandbox>
}

/** A sandbox that serves requests. */
export interface RunningSandbox {
  handle(request: IncomingMessage, response: ServerResponse): unknown
  close(): Promise<void>
}

/**
 * Everything that Valetkey knows about one provider. A connector is one folder that exports such an object, and one line
 * in `connectors.ts`.
 */
export interface Connector {
  /** Lower-case letters and digits. Prefix of its tools' names, and the connection name that callers get by default. */
  readonly slug: string
  /** The name for people, such as `Notion`. */
  readonly name: string
  /**
   * The base of the provider's API, without a final slash. The environment variable `<SLUG>_API_URL` overrides it; OAuth
   * apps of the sandbox use the sandbox's.
   */
  readonly apiUrl: string
  readonly oauth: OAuthProvider
  readonly rate: RatePolicy
  readonly connectPage: ConnectPageTexts
  /** Null: new OAuth apps always use the provider itself. */
  readonly sandbox: ConnectorSandbox | null
  /** Makes the tools, in the order in which models see them. Called once per server. */
  createTools(runtime: ConnectorRuntime): readonly AnyTool[]
  /** Absent: the content of the provider is not indexed. */
  readonly createContentSource?: (runtime: ConnectorRuntime) => ContentSource
  /** Absent: without webhooks there are no events. Requires `events`. */
  readonly createChangeSource?: (runtime: ConnectorRuntime) => ChangeSource
  /** Absent: the provider sends no events. */
  readonly events?: ProviderEvents
  /** Returns examples of its tools for documentation. Loaded on demand. Absent: none. */
  readonly toolExamples?: () => Promise<ToolExamples>
}

/** Returns the installed connector of a slug. Throws when an OAuth app is left of a connector that was removed. */
export function requireConnector(connectors: readonly Connector[], slug: string): Connector {
  const connector = connectors.find((one) => one.slug === slug)
  if (!connector) throw new Error(`The connector ${slug} is not installed.`)
  return connector
}

/** Returns the sources of content of the connectors that have one, by the connectors' slugs. */
export const contentSourcesOf = (
  connectors: readonly Connector[],
  runtime: ConnectorRuntime,
): ReadonlyMap<string, ContentSource> =>
  new Map(
    connectors.flatMap(({ slug, createContentSource }) =>
      createContentSource ? [[slug, createContentSource(runtime)]] : [],
    ),
  )

/** Returns the sources of changes of the connectors that have one, by the connectors' slugs. */
export const changeSourcesOf = (
  connectors: readonly Connector[],
  runtime: ConnectorRuntime,
): ReadonlyMap<string, ChangeSource> =>
  new Map(
    connectors.flatMap(({ slug, createChangeSource }) =>
      createChangeSource ? [[slug, createChangeSource(runtime)]] : [],
    ),
  )

/** Returns the types of events that the sources show, with the connectors' slugs. */
export const polledTypesOf = (sources: ReadonlyMap<string, ChangeSource>): readonly PolledTypes[] =>
  [...sources].map(([connector, { types }]) => ({ connector, types: types.map((type) => `${connector}.${type}`) }))
