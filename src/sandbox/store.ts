import type { Block, Database, DataSource, Id, Kind, Page, Records } from './model.ts'

/** Table of records of one kind. */
export interface Table<T> {
  readonly size: number
  get(id: string): T | undefined
  /** Adds or replaces a record. */
  put(record: T): void
  /** Deletes a record permanently (trash is a field of records). Returns false when the record does not exist. */
  delete(id: string): boolean
  /** Returns the records in order of creation. */
  values(): IterableIterator<T>
}

/** A change of a record. `before` is absent when it is new, `record` is absent when it was deleted. */
export interface StoreChange {
  readonly kind: Kind
  readonly id: string
  readonly before?: Records[Kind]
  readonly record?: Records[Kind]
}

/** Ids in order of creation. */
export type IdSet = ReadonlySet<Id>

/** All records of the sandbox. Every change uses `put` or `delete` of a table, so that the journal contains it. */
export type Store = { readonly [K in Kind]: Table<Records[K]> } & {
  /** Rows of a data source, including those in the trash. */
  rowsOf(dataSourceId: Id): IdSet
  /** Pages and databases whose parent is the workspace. */
  topLevelOf(workspaceId: Id): IdSet
  /** All pages of a workspace, including rows. */
  pagesIn(workspaceId: Id): IdSet
  /** All data sources of a workspace. */
  dataSourcesIn(workspaceId: Id): IdSet
  /** Persons and bots of a workspace. */
  usersIn(workspaceId: Id): IdSet
  /** Views of a database. */
  viewsOf(databaseId: Id): IdSet
  /** Discussions whose parent is this page or block. */
  discussionsOf(parentId: Id): IdSet
  /** Comments of a discussion. */
  commentsIn(discussionId: Id): IdSet
  /** Comments whose parent is this page or block. */
  commentsOf(parentId: Id): IdSet
  /** File uploads of a bot. */
  fileUploadsOf(botId: Id): IdSet
  /** Grants of a user. */
  grantsOf(userId: Id): IdSet
  /** Grants of a client. */
  grantsOfClient(clientId: string): IdSet
  /** Access and refresh tokens of a grant, including expired and exchanged ones. */
  tokensOf(grantId: Id): ReadonlySet<string>
  /** Returns the page, block, database or data source with this id. */
  find(id: Id): Page | Block | Database | DataSource | undefined
  /** Deletes all records without calling `onChange`: the caller restarts the journal. */
  clear(): void
}

interface Index<T> {
  of(key: string): ReadonlySet<string>
  moved(before: T | undefined, after: T | undefined): void
  clear(): void
}

const nothing: ReadonlySet<string> = new Set()

/** Creates an index of record ids by a computed key, so that readers do not scan a table. */
function createIndex<T extends { readonly id: string }>(keyOf: (record: T) => string | undefined): Index<T> {
  const entries = new Map<string, Set<string>>()
  return {
    of: (key) => entries.get(key) ?? nothing,
    moved(before, after) {
      const oldKey = before && keyOf(before)
      const newKey = after && keyOf(after)
      if (oldKey === newKey) return
      if (oldKey !== undefined && before) {
        const ids = entries.get(oldKey)
        ids?.delete(before.id)
        if (ids?.size === 0) entries.delete(oldKey)
      }
      if (newKey !== undefined && after) {
        const ids = entries.get(newKey)
        if (ids) ids.add(after.id)
        else entries.set(newKey, new Set([after.id]))
      }
    },
    clear: () => entries.clear(),
  }
}

const parentId = (record: { parent: Page['parent'] }) => ('id' in record.parent ? record.parent.id : undefined)
const workspaceOf = (record: { workspaceId: Id }) => record.workspaceId
const ifTopLevel = (record: Page | Database) => (record.parent.type === 'workspace' ? record.workspaceId : undefined)

/**
 * Creates an empty store. `onChange` is called for each record that is put or deleted, after the indexes are updated.
 */
export function createStore(onChange: (change: StoreChange) => void = () => {}): Store {
  const rows = createIndex<Page>((page) => (page.parent.type === 'data_source_id' ? page.parent.id : undefined))
  const topLevel = createIndex<Page | Database>(ifTopLevel)
  const pagesByWorkspace = createIndex<Page>(workspaceOf)
  const dataSourcesByWorkspace = createIndex<DataSource>(workspaceOf)
  const usersByWorkspace = createIndex<Records['users']>(workspaceOf)
  const viewsByDatabase = createIndex<Records['views']>((view) => view.databaseId)
  const discussionsByParent = createIndex<Records['discussions']>(parentId)
  const commentsByParent = createIndex<Records['comments']>(parentId)
  const commentsByDiscussion = createIndex<Records['comments']>((comment) => comment.discussionId)
  const fileUploadsByBot = createIndex<Records['fileUploads']>((upload) => upload.createdBy)
  const grantsByUser = createIndex<Records['grants']>((grant) => grant.userId)
  const grantsByClient = createIndex<Records['grants']>((grant) => grant.clientId)
  const tokensByGrant = createIndex<Records['tokens']>((token) => token.grantId)
  const emptied: (() => void)[] = []

  function createTable<K extends Kind>(kind: K, indexes: readonly Index<Records[K]>[] = []): Table<Records[K]> {
    const records = new Map<string, Records[K]>()
    emptied.push(() => {
      records.clear()
      for (const index of indexes) index.clear()
    })
    return {
      get size() {
        return records.size
      },
      get: (id) => records.get(id),
      put(record) {
        const before = records.get(record.id)
        records.set(record.id, record)
        for (const index of indexes) index.moved(before, record)
        onChange({ kind, id: record.id, record, ...(before && { before }) })
      },
      delete(id) {
        const before = records.get(id)
        if (!before) return false
        records.delete(id)
        for (const index of indexes) index.moved(before, undefined)
        onChange({ kind, id, before })
        return true
      },
      values: () => records.values(),
    }
  }

  const pages = createTable('pages', [rows, topLevel, pagesByWorkspace])
  const blocks = createTable('blocks')
  const databases = createTable('databases', [topLevel])
  const dataSources = createTable('dataSources', [dataSourcesByWorkspace])
  return {
    workspaces: createTable('workspaces'),
    users: createTable('users', [usersByWorkspace]),
    pages,
    blocks,
    databases,
    dataSources,
    views: createTable('views', [viewsByDatabase]),
    viewQueries: createTable('viewQueries'),
    asyncTasks: createTable('asyncTasks'),
    discussions: createTable('discussions', [discussionsByParent]),
    comments: createTable('comments', [commentsByParent, commentsByDiscussion]),
    fileUploads: createTable('fileUploads', [fileUploadsByBot]),
    clients: createTable('clients'),
    grants: createTable('grants', [grantsByUser, grantsByClient]),
    tokens: createTable('tokens', [tokensByGrant]),
    codes: createTable('codes'),
    settings: createTable('settings'),
    webhooks: createTable('webhooks'),
    rowsOf: rows.of,
    topLevelOf: topLevel.of,
    pagesIn: pagesByWorkspace.of,
    dataSourcesIn: dataSourcesByWorkspace.of,
    usersIn: usersByWorkspace.of,
    viewsOf: viewsByDatabase.of,
    discussionsOf: discussionsByParent.of,
    commentsIn: commentsByDiscussion.of,
    commentsOf: commentsByParent.of,
    fileUploadsOf: fileUploadsByBot.of,
    grantsOf: grantsByUser.of,
    grantsOfClient: grantsByClient.of,
    tokensOf: tokensByGrant.of,
    find: (id) => pages.get(id) ?? blocks.get(id) ?? databases.get(id) ?? dataSources.get(id),
    clear() {
      for (const empty of emptied) empty()
    },
  }
}
