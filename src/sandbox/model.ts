/**
 * The records of the sandbox. They are compact, so that hundreds of thousands of rows fit into memory. Notion's JSON is
 * built when a record is read.
 *
 * - `id` is a lower-case UUID with dashes, unless the record documents another format.
 * - Records are immutable. A change puts a new object into the store.
 * - Times are in milliseconds since the epoch.
 */

/** A lower-case UUID with dashes. */
export type Id = string

/** Any value that `JSON.parse` returns. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }

/**
 * A permission of a connection. READ_USER_EMAILS includes READ_USERS.
 *
 * @see https://developers.notion.com/reference/capabilities
 */
export type Capability =
  | 'READ_CONTENT'
  | 'INSERT_CONTENT'
  | 'UPDATE_CONTENT'
  | 'READ_COMMENTS'
  | 'INSERT_COMMENTS'
  | 'READ_USERS'
  | 'READ_USER_EMAILS'

/** All capabilities in display order. */
export const allCapabilities: readonly Capability[] = [
  'READ_CONTENT',
  'INSERT_CONTENT',
  'UPDATE_CONTENT',
  'READ_COMMENTS',
  'INSERT_COMMENTS',
  'READ_USERS',
  'READ_USER_EMAILS',
]

/**
 * A stored element of a rich text array: Notion's request format without defaults. Reading adds `plain_text`, `href`
 * and all `annotations`.
 */
export interface RichTextItem {
  readonly type: 'text' | 'mention' | 'equation'
  readonly text?: { readonly content: string; readonly link?: { readonly url: string } | null }
  /** A mention by id, such as `{ type: 'user', user: { id } }`. Reading looks up the object. */
  readonly mention?: JsonObject
  readonly equation?: { readonly expression: string }
  /** Annotations that differ from the defaults. */
  readonly annotations?: JsonObject
}

/** Rich text. A string is one unformatted text element, the empty string is an empty list. */
export type StoredRichText = string | readonly RichTextItem[]

/** An icon or cover as Notion's JSON, including ids of uploaded files. */
export type StoredFile = JsonObject

/**
 * The parent of a page, block, database or comment. Rows of data sources are pages with the parent `data_source_id`.
 */
export type Parent =
  | { readonly type: 'workspace' }
  | { readonly type: 'page_id'; readonly id: Id }
  | { readonly type: 'block_id'; readonly id: Id }
  | { readonly type: 'database_id'; readonly id: Id }
  | { readonly type: 'data_source_id'; readonly id: Id }

/** Time and author of the creation and the last change. Authors are persons or bots. */
export interface Stamps {
  readonly createdTime: number
  readonly lastEditedTime: number
  readonly createdBy: Id
  readonly lastEditedBy: Id
}

/** Access of a person to a resource. With `view` it can be read, but not edited or shared with a connection. */
export type AccessLevel = 'full' | 'view' | 'none'

/** Access rule of a resource and its descendants. The rule of a descendant overrides it. */
export interface Access {
  /** Level of all members of the workspace who are not in `users`. */
  readonly everyone: AccessLevel
  readonly users: { readonly [userId: Id]: AccessLevel }
}

export interface Workspace {
  readonly id: Id
  readonly name: string
  readonly icon: string | null
  readonly maxFileUploadSizeInBytes: number
  /** Absent in records of older versions: none. */
  readonly customEmojis?: readonly { readonly id: Id; readonly name: string; readonly url: string }[]
}

export interface Person {
  readonly id: Id
  readonly type: 'person'
  readonly workspaceId: Id
  readonly name: string
  readonly avatarUrl: string | null
  readonly email: string
  /** False for members who cannot sign in on the consent page. */
  readonly canConsent: boolean
}

/** The bot of one authorization: the user in `users/me` and the author of changes. Created when a code is exchanged. */
export interface Bot {
  readonly id: Id
  readonly type: 'bot'
  readonly workspaceId: Id
  readonly name: string
  readonly avatarUrl: string | null
  readonly ownerId: Id
}

export type User = Person | Bot

/**
 * A page, a row of a data source (`parent.type` is `data_source_id`), or a template of a data source (`parent.type` is
 * `database_id`; search does not return it).
 *
 * `properties` contains values by property id. Names and types are in the data source. A page that is not a row has
 * only the property `title`. The format of a value depends on the type of its property:
 * - title, rich_text: `StoredRichText`
 * - number: number or null · checkbox: boolean · url, email, phone_number: string or null
 * - select, status: option id or null · multi_select: option ids
 * - date: `{ start, end, time_zone }` as Notion's strings, or null
 * - people: user ids · relation: all page ids (reading applies limits)
 * - files: Notion's file objects as JSON
 * - unique_id: number without prefix · verification, place, button: Notion's JSON under the key of the type
 * - formula, rollup, created_time, created_by, last_edited_time, last_edited_by: never stored
 *
 * A missing key is an empty value.
 */
export interface Page extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly parent: Parent
  readonly properties: { readonly [propertyId: string]: Json }
  readonly icon: StoredFile | null
  readonly cover: StoredFile | null
  readonly inTrash: boolean
  readonly isArchived: boolean
  readonly isLocked: boolean
  readonly publicUrl: string | null
  /** Null: the rule of the parent applies. */
  readonly access: Access | null
  /** Ids of blocks, child pages and child databases in display order. */
  readonly children: readonly Id[]
}

/** A block other than a page or database. Those have own records and are shown as `child_page` and `child_database`. */
export interface Block extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly parent: Parent
  readonly type: string
  /** Notion's JSON under the key of the type, without `children` and with rich text as `StoredRichText`. */
  readonly content: JsonObject
  readonly inTrash: boolean
  readonly children: readonly Id[]
}

export interface Database extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly parent: Parent
  readonly title: StoredRichText
  readonly description: StoredRichText
  readonly icon: StoredFile | null
  readonly cover: StoredFile | null
  readonly isInline: boolean
  readonly isLocked: boolean
  readonly inTrash: boolean
  readonly publicUrl: string | null
  readonly access: Access | null
  /** In order of creation. Version 2022-06-28 shows the first one as the database. */
  readonly dataSourceIds: readonly Id[]
}

/**
 * A column. `id` is `title` for the title, otherwise a short string. `config` is Notion's JSON under the key of the
 * type.
 */
export interface PropertySchema {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly description: string | null
  readonly config: JsonObject
}

export interface DataSource extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly databaseId: Id
  readonly title: StoredRichText
  readonly description: StoredRichText
  readonly icon: StoredFile | null
  readonly inTrash: boolean
  readonly properties: readonly PropertySchema[]
  readonly templates: readonly { readonly id: Id; readonly name: string; readonly isDefault: boolean }[]
  /** Next number of a `unique_id` property. */
  readonly nextUniqueId: number
}

/**
 * A view of a database. `filter`, `sorts`, `quickFilters` and `configuration` are Notion's JSON. A dashboard has no data
 * source; `dashboardId` is the dashboard that a widget belongs to.
 */
export interface View extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly databaseId: Id
  readonly dataSourceId: Id | null
  readonly name: string
  readonly type: string
  readonly filter: JsonObject | null
  readonly sorts: readonly Json[] | null
  readonly quickFilters: JsonObject
  readonly configuration: JsonObject | null
  readonly dashboardId: Id | null
}

/** The rows of a view as of one query. */
export interface ViewQuery {
  readonly id: Id
  readonly viewId: Id
  readonly grantId: Id
  readonly rowIds: readonly Id[]
  readonly expiresTime: number
}

/** A write in the background. `id` is `task_` and 32 hex digits. One of `result` and `error` is set. */
export interface AsyncTask {
  readonly id: string
  readonly grantId: Id
  readonly name: string
  readonly createdTime: number
  /** How often the task was read. */
  readonly polls: number
  readonly result: JsonObject | null
  readonly error: JsonObject | null
}

/** A thread of comments. `pageId` is the page of the parent and determines access and trash. */
export interface Discussion {
  readonly id: Id
  readonly workspaceId: Id
  readonly parent: Parent
  readonly pageId: Id
  readonly resolved: boolean
}

export interface Comment extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly discussionId: Id
  readonly parent: Parent
  readonly richText: StoredRichText
  /** Notion's `display_name` object. */
  readonly displayName: JsonObject | null
  readonly attachments: readonly JsonObject[]
}

/** Metadata of an uploaded file. The sandbox counts the bytes and discards them. */
export interface FileUpload extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly status: 'pending' | 'uploaded' | 'expired' | 'failed'
  readonly mode: 'single_part' | 'multi_part' | 'external_url'
  readonly filename: string | null
  readonly contentType: string | null
  readonly contentLength: number | null
  readonly expiryTime: number | null
  readonly numberOfParts: number | null
  /** Numbers of the received parts. */
  readonly sentParts: readonly number[]
  readonly archived: boolean
}

/** A public connection. `id` is the client id as sent. An unregistered client exists from its first use. */
export interface Client {
  readonly id: string
  readonly name: string
  /** Null: any non-empty secret is accepted. */
  readonly secret: string | null
  /** Capabilities that are enabled now. */
  readonly capabilities: readonly Capability[]
  /** Null: any http(s) URL is accepted. */
  readonly redirectUris: readonly string[] | null
}

/** A user's authorization of a client in a workspace. Another authorization updates it and does not change `id`. */
export interface Grant {
  readonly id: Id
  readonly clientId: string
  readonly userId: Id
  readonly workspaceId: Id
  readonly botId: Id
  /** Pages and databases that the user selected. Their descendants are shared too. */
  readonly roots: readonly Id[]
  /** Descendants of roots that are not shared, with their own descendants. */
  readonly excluded: readonly Id[]
  /** Capabilities of the client at the consent. Capabilities enabled later require another consent. */
  readonly capabilities: readonly Capability[]
  readonly createdTime: number
}

/** A token. Ended tokens are deleted. `id` is the token itself: the sandbox has no real secrets to protect. */
export interface Token {
  readonly id: string
  readonly type: 'access' | 'refresh'
  readonly grantId: Id
  /** The same for all tokens that descend from one authorization. */
  readonly familyId: Id
  readonly issuedTime: number
  /** Null: does not expire. */
  readonly expiresTime: number | null
  /** Whether an access token was used to call the API, or a refresh token was exchanged. */
  readonly used: boolean
  /** The pair that a refresh token was exchanged for, or that an access token belongs to. */
  readonly pair: TokenPair | null
}

/** Tokens issued together. */
export interface TokenPair {
  readonly access: string
  readonly refresh: string
}

/** An authorization code. `id` is the code. The selection takes effect when the code is exchanged. */
export interface AuthorizationCode {
  readonly id: string
  readonly clientId: string
  readonly userId: Id
  readonly redirectUri: string
  readonly roots: readonly Id[]
  readonly expiresTime: number
  readonly used: boolean
}

/** Settings of the sandbox: a single record with the id `settings`. */
export interface Settings {
  readonly id: 'settings'
  readonly rotation: 'strict' | 'grace' | 'none'
  readonly reauthorization: 'fresh' | 'same'
  readonly accessTokenTtlSeconds: number | null
  readonly expiresIn: boolean
  readonly latencyMs: number
  readonly rateLimitPerMinute: number
  /** Whether a client must be registered. Otherwise every id is a client that may use any secret. */
  readonly registeredClientsOnly?: boolean
  /** Whether times of creation and of edits are rounded down to the minute, as at Notion. */
  readonly wholeMinutes?: boolean
}

/** A webhook subscription of a client. Each is verified with its own token, which is also the key of its signatures. */
export interface WebhookSubscription {
  readonly id: Id
  readonly clientId: string
  readonly url: string
  /** Types of events, all in the list even if all were selected: later types are not added. */
  readonly events: readonly string[]
  readonly apiVersion: string
  readonly verificationToken: string
  readonly status: 'pending' | 'active'
  readonly createdTime: number
}

/** Record types by table name. */
export interface Records {
  readonly workspaces: Workspace
  readonly users: User
  readonly pages: Page
  readonly blocks: Block
  readonly databases: Database
  readonly dataSources: DataSource
  readonly views: View
  readonly viewQueries: ViewQuery
  readonly asyncTasks: AsyncTask
  readonly discussions: Discussion
  readonly comments: Comment
  readonly fileUploads: FileUpload
  readonly clients: Client
  readonly grants: Grant
  readonly tokens: Token
  readonly codes: AuthorizationCode
  readonly settings: Settings
  readonly webhooks: WebhookSubscription
}

/** Name of a table. */
export type Kind = keyof Records
