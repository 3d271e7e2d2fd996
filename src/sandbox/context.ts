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

/** Versions that answer, oldest first (https://developers.notion.com/reference/versioning). */
export const apiVersions = ['2022-06-28', '2025-09-03', '2026-03-11'] as const

export type ApiVersion = (typeof apiVersions)[number]

/** What can be shared with a connection or inherits sharing. A block lookup also finds pages and databases, which are blocks too. */
export interface Resources {
  readonly page: Page
  readonly block: Block | Page | Database
  readonly database: Database
  readonly 'data source': DataSource
}

/** What a token may do: whose it is, what was shared with it, which capabilities it has. */
export interface GrantAccess {
  readonly grant: Grant
  readonly client: Client
  readonly user: Person
  readonly bot: Bot
  readonly workspace: Workspace
  /** What the client had at the consent and still has: removing bites at once, adding needs another consent. */
  readonly capabilities: ReadonlySet<Capability>
  /** Throws 403 `restricted_resource` without the capability. READ_USER_EMAILS counts as READ_USERS. */
  requireCapability(capability: Capability): void
  /**
   * Whether content is within what was shared and within what the user may see. Trash does not matter.
   * Answers are remembered for the call: checking many rows of one data source costs one walk.
   */
  canSee(id: Id): boolean
  /** Whether the user may also change it; only asked about what `canSee`. */
  canEdit(id: Id): boolean
  /** The record if it is of the kind and visible, else 404 `object_not_found` in Notion's words for that kind. */
  requireVisible<K extends keyof Resources>(kind: K, id: Id): Resources[K]
  /** As `requireVisible`, and 403 `restricted_resource` if the user may only view it. */
  requireEditable<K extends keyof Resources>(kind: K, id: Id): Resources[K]
  /** Shares something that the connection itself has just created at the top of the workspace. */
  addRoot(id: Id): void
}

/** Notion's limits (https://developers.notion.com/reference/request-limits). Lengths are UTF-16 units. */
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

/** Raw bytes of a body that is not JSON. */
export interface RawBody {
  readonly contentType: string
  readonly bytes: Buffer
}

/** What an endpoint gets. Path, token, version, capability and JSON syntax have been checked; nothing else has. */
export interface CallContext {
  readonly store: Store
  now(): Date
  /** A fresh UUID. */
  newId(): Id
  readonly access: GrantAccess
  readonly version: ApiVersion
  /** Decoded path parameters by name, unchecked. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON; undefined without a body (which Notion takes for an empty object where all fields are optional). */
  readonly body: unknown
  /** Set instead of `body` on routes with `rawBody`. */
  readonly raw: RawBody | undefined
  readonly headers: IncomingHttpHeaders
  readonly requestId: string
  /** Origin and base of the sandbox without a slash at the end, for links that the sandbox itself must answer. */
  readonly publicUrl: string
  readonly limits: typeof limits
}

/** One operation of the API. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Segments after a colon are parameters: `/v1/pages/:page_id`. Literal segments win over parameters. */
  readonly path: string
  /** Checked before the handler runs; absent: any valid token will do. */
  readonly capability?: Capability
  /** Versions that have the path; absent: all of them. In others it answers `invalid_request_url`. */
  readonly versions?: readonly ApiVersion[]
  /** The largest body in bytes that is taken as it is, unparsed; absent: JSON up to 500 KB. */
  readonly rawBody?: number
  /** Gives the JSON of a 200, or throws a NotionApiError. */
  handler(context: CallContext): unknown
}
