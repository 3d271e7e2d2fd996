import type {
  Access,
  Block,
  Database,
  DataSource,
  Id,
  Json,
  JsonObject,
  Page,
  Parent,
  PropertySchema,
  StoredRichText,
} from './model.ts'
import type { Store } from './store.ts'

/** A block to write, with its children. */
export interface BlockDraft {
  readonly type: string
  readonly content: JsonObject
  readonly children?: readonly BlockDraft[]
}

/** Writes the content that a new sandbox contains. */
export interface ContentBuilder {
  page(draft: {
    readonly id: Id
    readonly parent: Parent
    readonly title: string
    readonly icon?: string
    readonly access?: Access
    readonly inTrash?: boolean
    readonly body?: readonly BlockDraft[]
  }): void
  database(draft: {
    readonly id: Id
    readonly parent: Parent
    readonly title: string
    readonly sources: readonly {
      readonly id: Id
      readonly name: string
      readonly properties: readonly PropertySchema[]
    }[]
  }): void
  /** Writes a page in a data source. `values` are keyed by property id and have the format of `Page.properties`. */
  row(draft: {
    readonly id: Id
    readonly dataSourceId: Id
    readonly values: { readonly [propertyId: string]: Json }
    readonly body?: readonly BlockDraft[]
  }): void
  /** Appends blocks to a page. */
  content(draft: { readonly pageId: Id; readonly body: readonly BlockDraft[] }): void
  /** Writes a template for new rows of a data source. Throws an Error when the data source does not exist. */
  template(draft: {
    readonly id: Id
    readonly dataSourceId: Id
    readonly name: string
    readonly isDefault: boolean
    readonly body: readonly BlockDraft[]
  }): void
  /** Writes a discussion on a page with these comments. */
  discussion(draft: {
    readonly id: Id
    readonly pageId: Id
    readonly comments: readonly { readonly id: Id; readonly by: Id; readonly text: StoredRichText }[]
  }): void
}

/** Creates a builder that writes to a workspace. */
export function createContentBuilder(options: {
  readonly store: Store
  readonly workspaceId: Id
  readonly author: Id
  /** Creation time of the first record in milliseconds since the epoch. Each later record adds a minute. */
  readonly start: number
  /** Returns the id of the n-th block, counted from 1, so that every sandbox has the same ids. */
  readonly blockId: (count: number) => Id
}): ContentBuilder {
  const { store, workspaceId, author } = options
  let records = 0
  let blocks = 0

  function stamps(by = author) {
    const time = options.start + 60_000 * records
    records += 1
    return { createdTime: time, lastEditedTime: time, createdBy: by, lastEditedBy: by }
  }

  function listUnder(parent: Parent, id: Id): void {
    if (parent.type !== 'page_id') return
    const page = store.pages.get(parent.id)
    if (!page) throw new Error(`parent ${parent.id} must be written before ${id}`)
    store.pages.put({ ...page, children: [...page.children, id] })
  }

  function writeBlocks(drafts: readonly BlockDraft[], parent: Parent): Id[] {
    return drafts.map((draft) => {
      blocks += 1
      const id = options.blockId(blocks)
      const { type, content } = draft
      const children = writeBlocks(draft.children ?? [], { type: 'block_id', id })
      store.blocks.put({
        id,
        workspaceId,
        parent,
        type,
        content,
        inTrash: false,
        children,
        ...stamps(),
      } satisfies Block)
      return id
    })
  }

  const blankPage = {
    workspaceId,
    icon: null,
    cover: null,
    inTrash: false,
    isArchived: false,
    isLocked: false,
    publicUrl: null,
    access: null,
  }

  return {
    page({ id, parent, title, icon, access, inTrash, body }) {
      store.pages.put({
        ...blankPage,
        id,
        parent,
        properties: { title },
        icon: icon === undefined ? null : { type: 'emoji', emoji: icon },
        access: access ?? null,
        inTrash: inTrash ?? false,
        children: writeBlocks(body ?? [], { type: 'page_id', id }),
        ...stamps(),
      } satisfies Page)
      listUnder(parent, id)
    },
    database({ id, parent, title, sources }) {
      const common = { workspaceId, icon: null, inTrash: false, description: '' }
      for (const source of sources) {
        store.dataSources.put({
          ...common,
          id: source.id,
          databaseId: id,
          title: source.name,
          properties: source.properties,
          templates: [],
          nextUniqueId: 1,
          ...stamps(),
        } satisfies DataSource)
      }
      store.databases.put({
        ...common,
        id,
        parent,
        title,
        cover: null,
        isInline: false,
        isLocked: false,
        publicUrl: null,
        access: null,
        dataSourceIds: sources.map((source) => source.id),
        ...stamps(),
      } satisfies Database)
      listUnder(parent, id)
    },
    row({ id, dataSourceId, values, body }) {
      const dataSource = store.dataSources.get(dataSourceId)
      const numbered = dataSource?.properties.find((property) => property.type === 'unique_id')
      if (dataSource && numbered) store.dataSources.put({ ...dataSource, nextUniqueId: dataSource.nextUniqueId + 1 })
      store.pages.put({
        ...blankPage,
        id,
        parent: { type: 'data_source_id', id: dataSourceId },
        properties: { ...values, ...(dataSource && numbered && { [numbered.id]: dataSource.nextUniqueId }) },
        children: writeBlocks(body ?? [], { type: 'page_id', id }),
        ...stamps(),
      })
    },
    content({ pageId, body }) {
      const page = store.pages.get(pageId)
      if (!page) throw new Error(`page ${pageId} must be written before its content`)
      const added = writeBlocks(body, { type: 'page_id', id: pageId })
      store.pages.put({ ...page, children: [...page.children, ...added] })
    },
    template({ id, dataSourceId, name, isDefault, body }) {
      const dataSource = store.dataSources.get(dataSourceId)
      if (!dataSource) throw new Error(`data source ${dataSourceId} must be written before its template ${id}`)
      store.dataSources.put({ ...dataSource, templates: [...dataSource.templates, { id, name, isDefault }] })
      store.pages.put({
        ...blankPage,
        id,
        parent: { type: 'database_id', id: dataSource.databaseId },
        properties: { title: name },
        children: writeBlocks(body, { type: 'page_id', id }),
        ...stamps(),
      })
    },
    discussion({ id, pageId, comments }) {
      const parent: Parent = { type: 'page_id', id: pageId }
      store.discussions.put({ id, workspaceId, parent, pageId, resolved: false })
      for (const comment of comments) {
        store.comments.put({
          id: comment.id,
          workspaceId,
          discussionId: id,
          parent,
          richText: comment.text,
          displayName: null,
          attachments: [],
          ...stamps(comment.by),
        })
      }
    },
  }
}

/** Returns a paragraph. */
export const paragraph = (text: StoredRichText): BlockDraft => textBlock('paragraph', text)

/** Returns a block whose content is rich text and a color. */
export function textBlock(type: string, text: StoredRichText, children: readonly BlockDraft[] = []): BlockDraft {
  return { type, content: { rich_text: text as Json, color: 'default' }, children }
}

/** Returns a heading of level 1 to 3. */
export const heading = (level: 1 | 2 | 3, text: string): BlockDraft => ({
  type: `heading_${level}`,
  content: { rich_text: text, color: 'default', is_toggleable: false },
})

/** Returns a to-do block. */
export const toDo = (text: string, checked: boolean): BlockDraft => ({
  type: 'to_do',
  content: { rich_text: text, color: 'default', checked },
})

/** Returns a column of any type. */
export const column = (id: string, name: string, type: string, config: JsonObject = {}): PropertySchema => ({
  id,
  name,
  type,
  description: null,
  config,
})

/** Returns a column with options. The id of an option is `<column id>-<position>`, with positions from 1. */
export function optionColumn(
  id: string,
  name: string,
  type: 'select' | 'multi_select',
  options: readonly (readonly [name: string, color: string])[],
): PropertySchema {
  return column(id, name, type, {
    options: options.map(([option, color], index) => ({
      id: optionId(id, index + 1),
      name: option,
      color,
      description: null,
    })),
  })
}

/** Returns the id of the n-th option of a column that `optionColumn` returned. */
export const optionId = (columnId: string, position: number) => `${columnId}-${position}`
