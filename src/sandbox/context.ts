import type { IncomingHttpHeaders } from 'node:http'
import type {
  Block,
  Bot,
  Capability,
  Client,
  Database,
  DataSource,
  Grant,
  Id,
  Page,
  Person,
  Workspace,
} from './model.ts'
import type { Store } from './store.ts'

/**
 * Supported API versions, oldest first.
 *
 * @see https://developers.notion.com/reference/versioning
 */
export const apiVersions = ['2022-06-28', '2025-09-03', '2026-03-11'] as const

export type ApiVersion = (typeof apiVersions)[number]

/** Content that can be shared with a connection. A block lookup also finds pages and databases: they are blocks too. */
export interface Resources {
  readonly page: Page
  readonly block: Block | Page | Database
  readonly database: Database
  readonly 'data source': DataSource
}

/** The access of a token: its user, the content shared with it, and its capabilities. */
export interface GrantAccess {
  readonly grant: Grant
  readonly client: Client
  readonly user: Person
  readonly bot: Bot
  readonly workspace: Workspace
  /**
   * Capabilities at the consent that the client still has. Removals apply immediately, additions at the next consent.
   */
  readonly capabilities: ReadonlySet<Capability>
  /** Throws 403 `restricted_resource` when the capability is missing. READ_USER_EMAILS includes READ_USERS. */
  requireCapability(capability: Capability): void
  /**
   * Returns whether content is shared and visible to the user, in the trash or not. Caches results for the call, so
   * that checking many rows of a data source costs one walk.
   */
  canSee(id: Id): boolean
  /** Returns whether the user may edit content. Call it only for content that `canSee`. */
  canEdit(id: Id): boolean
  /** Returns a visible record of this kind. Throws 404 `object_not_found` when there is none. */
  requireVisible<K extends keyof Resources>(kind: K, id: Id): Resources[K]
  /** Like `requireVisible`. Throws 403 `restricted_resource` when the user may only view the record. */
  requireEditable<K extends keyof Resources>(kind: K, id: Id): Resources[K]
  /** Shares content that the connection created at the top level of the workspace. */
  addRoot(id: Id): void
}

/**
 * Notion's limits. Lengths are in UTF-16 code units.
 *
 * @see https://developers.notion.com/reference/request-limits
 */
export const limits = {
  bodyBytes: 500 * 1024,
  blocksPerRequest: 1000,
  arrayElements: 100,
  nestingLevels: 2,
  textLength: 2000,
  urlLength: 2000,
  equationLength: 1000,
  emailLength: 200,
  phoneNumberLength: 200,
  relationsPerRequest: 100,
  peoplePerRequest: 100,
  multiSelectOptionsPerRequest: 100,
  pageSize: 100,
  referencesPerProperty: 25,
  queryRows: 10_000,
  filterNesting: 2,
} as const

/** A request body that is not JSON. */
export interface RawBody {
  readonly contentType: string
  readonly bytes: Buffer
}

/** Input of an endpoint. Only path, token, version, capability and JSON syntax are checked. */
export interface CallContext {
  readonly store: Store
  now(): Date
  /** Returns a new UUID. */
  newId(): Id
  readonly access: GrantAccess
  readonly version: ApiVersion
  /** Decoded path parameters by name, not validated. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON. Undefined without a body, which Notion treats as an empty object if all fields are optional. */
  readonly body: unknown
  /** The body of routes with `rawBody`; `body` is undefined then. */
  readonly raw: RawBody | undefined
  readonly headers: IncomingHttpHeaders
  readonly requestId: string
  /** Origin and base path of the sandbox without a trailing slash, for links to the sandbox itself. */
  readonly publicUrl: string
  readonly limits: typeof limits
}

/** One operation of the API. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Segments that start with a colon are parameters: `/v1/pages/:page_id`. Literal segments win over parameters. */
  readonly path: string
  /** Required capability. If absent, any valid token is accepted. */
  readonly capability?: Capability
  /** Versions that have the path, by default all. Other versions return `invalid_request_url`. */
  readonly versions?: readonly ApiVersion[]
  /** Maximum size in bytes of an unparsed body. If absent, the body is JSON of at most 500 KB. */
  readonly rawBody?: number
  /** Returns the JSON of a 200 response. Throws NotionApiError for every other response. */
  handler(context: CallContext): unknown
}
