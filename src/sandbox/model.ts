/**
 * The records that the sandbox holds. They are compact on purpose: Notion's JSON is built when a record is read,
 * so that hundreds of thousands of rows fit into memory.
 *
 * Rules that hold for every record:
 * - `id` is a lower-case UUID with dashes unless the record says otherwise.
 * - Records are immutable. A change is a new object that is given to the store.
 * - Times are milliseconds since the epoch, in UTC.
 */

/** A lower-case UUID with dashes. */
export type Id = string

/** Anything that `JSON.parse` can give. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }

/** What a connection may do (https://developers.notion.com/reference/capabilities). READ_USER_EMAILS includes READ_USERS. */
export type Capability =
  | 'READ_CONTENT'
  | 'INSERT_CONTENT'
  | 'UPDATE_CONTENT'
  | 'READ_COMMENTS'
  | 'INSERT_COMMENTS'
  | 'READ_USERS'
  | 'READ_USER_EMAILS'

/** Every capability, in the order in which lists of them are printed. */
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
 * One element of a rich text array in the shape in which it is stored: Notion's request shape with defaults left out.
 * `plain_text`, `href` and complete `annotations` are added on reading.
 */
export interface RichTextItem {
  readonly type: 'text' | 'mention' | 'equation'
  readonly text?: { readonly content: string; readonly link?: { readonly url: string } | null }
  /** `{ type: 'user', user: { id } }` and the like: ids only, whatever they point to is looked up on reading. */
  readonly mention?: JsonObject
  readonly equation?: { readonly expression: string }
  /** Only the annotations that differ from the defaults. */
  readonly annotations?: JsonObject
}

/** Rich text. A plain string stands for one unformatted text element, the empty string for no element. */
export type StoredRichText = string | readonly RichTextItem[]

/** An icon or cover as Notion's JSON, ids of uploaded files included. */
export type StoredFile = JsonObject

/** Where a page, block, database or comment hangs. Rows of data sources are pages whose parent is `data_source_id`. */
export type Parent =
  | { readonly type: 'workspace' }
  | { readonly type: 'page_id'; readonly id: Id }
  | { readonly type: 'block_id'; readonly id: Id }
  | { readonly type: 'database_id'; readonly id: Id }
  | { readonly type: 'data_source_id'; readonly id: Id }

/** When and by whom something was made and changed last. The ids are those of persons or bots. */
export interface Stamps {
  readonly createdTime: number
  readonly lastEditedTime: number
  readonly createdBy: Id
  readonly lastEditedBy: Id
}

/** What a person may do with a resource: `view` can be read but not shared with a connection, nor edited. */
export type AccessLevel = 'full' | 'view' | 'none'

/** Who may use a resource and all that hangs below it, until a descendant says otherwise. */
export interface Access {
  /** Members of the workspace whom `users` does not name. */
  readonly everyone: AccessLevel
  readonly users: { readonly [userId: Id]: AccessLevel }
}

export interface Workspace {
  readonly id: Id
  readonly name: string
  readonly icon: string | null
  readonly maxFileUploadSizeInBytes: number
}

export interface Person {
  readonly id: Id
  readonly type: 'person'
  readonly workspaceId: Id
  readonly name: string
  readonly avatarUrl: string | null
  readonly email: string
  /** False for people who exist in the workspace but do not sign in to the sandbox's consent page. */
  readonly canConsent: boolean
}

/** The bot of one authorization: what `users/me` shows and what stamps carry. Made when a code is exchanged. */
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
 * A page, or a row of a data source (then `parent.type` is `data_source_id`), or a template of one (then it is
 * `database_id`, and the page is found through its data source alone, not by search).
 *
 * `properties` holds values by property id, without names or types; those come from the data source. A page that is no
 * row has the one property `title`. What a value looks like depends on the type of its property:
 * - title, rich_text: `StoredRichText`
 * - number: number or null · checkbox: boolean · url, email, phone_number: string or null
 * - select, status: option id or null · multi_select: option ids
 * - date: `{ start, end, time_zone }` in Notion's strings, or null
 * - people: user ids · relation: page ids, all of them (cut-offs happen on reading)
 * - files: Notion's file objects as JSON
 * - unique_id: the number without prefix · verification, place, button: Notion's JSON under the type's key
 * - formula, rollup, created_time, created_by, last_edited_time, last_edited_by: never stored
 * A missing key means an empty value.
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
  /** Null: as the parent. */
  readonly access: Access | null
  /** Blocks, child pages and child databases in their order. A child page or database is listed under its own id. */
  readonly children: readonly Id[]
}

/** A block that is neither a page nor a database (those are their own records and appear as `child_page`, `child_database`). */
export interface Block extends Stamps {
  readonly id: Id
  readonly workspaceId: Id
  readonly parent: Parent
  readonly type: string
  /** What Notion has under the key named by `type`, without `children`; rich text as `StoredRichText`. */
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
  /** In the order of creation; the first is the one that the 2022-06-28 version calls "the database". */
  readonly dataSourceIds: readonly Id[]
}

/** A column. `id` is `title` for the title and otherwise a short string; `config` is what Notion has under the type's key. */
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
  /** The next number of a `unique_id` property. */
  readonly nextUniqueId: number
}

/** A thread of comments. `pageId` is the page that holds the parent; sharing and trash follow from it. */
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

/** Metadata of an uploaded file; the bytes are counted, not kept. */
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
  /** Numbers of the parts that have arrived. */
  readonly sentParts: readonly number[]
  readonly archived: boolean
}

/** A public connection. `id` is the client id as the client wrote it. Clients that nobody registered exist from their first use. */
export interface Client {
  readonly id: string
  readonly name: string
  /** Null: any secret that is not empty will do. */
  readonly secret: string | null
  /** What is switched on now. */
  readonly capabilities: readonly Capability[]
  /** Null: any http(s) URL. */
  readonly redirectUris: readonly string[] | null
}

/** One user's authorization of one client in one workspace. Re-authorization changes it; `id` stays. */
export interface Grant {
  readonly id: Id
  readonly clientId: string
  readonly userId: Id
  readonly workspaceId: Id
  readonly botId: Id
  /** Pages and databases that were picked. What hangs below them is shared too. */
  readonly roots: readonly Id[]
  /** Content below a root that was taken out again, with all that hangs below it. */
  readonly excluded: readonly Id[]
  /** What the client had at the time of the consent. What is switched on later needs another consent. */
  readonly capabilities: readonly Capability[]
  readonly createdTime: number
}

/**
 * A token that still means something; ended ones are deleted. `id` is the token itself: everything in a sandbox is
 * made up, tokens included.
 */
export interface Token {
  readonly id: string
  readonly type: 'access' | 'refresh'
  readonly grantId: Id
  /** Tokens that descend from one authorization share a family. */
  readonly familyId: Id
  readonly issuedTime: number
  /** Null: lives until it is ended. */
  readonly expiresTime: number | null
  /** Of an access token: whether it was ever used to call the API. Of a refresh token: whether it was exchanged. */
  readonly used: boolean
  /** Of a used refresh token: the pair that it was exchanged for. Of an access token: the pair that it belongs to. */
  readonly pair: TokenPair | null
}

/** Tokens that were issued together. */
export interface TokenPair {
  readonly access: string
  readonly refresh: string
}

/** An authorization code; `id` is the code. What was picked takes effect when the code is exchanged. */
export interface AuthorizationCode {
  readonly id: string
  readonly clientId: string
  readonly userId: Id
  readonly redirectUri: string
  readonly roots: readonly Id[]
  readonly expiresTime: number
  readonly used: boolean
}

/** How the sandbox behaves; one record with the id `settings`. */
export interface Settings {
  readonly id: 'settings'
  readonly rotation: 'strict' | 'grace' | 'none'
  readonly reauthorization: 'fresh' | 'same'
  readonly accessTokenTtlSeconds: number | null
  readonly expiresIn: boolean
  readonly latencyMs: number
  readonly rateLimitPerMinute: number
}

/** The records by the name of their table. */
export interface Records {
  readonly workspaces: Workspace
  readonly users: User
  readonly pages: Page
  readonly blocks: Block
  readonly databases: Database
  readonly dataSources: DataSource
  readonly discussions: Discussion
  readonly comments: Comment
  readonly fileUploads: FileUpload
  readonly clients: Client
  readonly grants: Grant
  readonly tokens: Token
  readonly codes: AuthorizationCode
  readonly settings: Settings
}

/** The name of a table of records. */
export type Kind = keyof Records
