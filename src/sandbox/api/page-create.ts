/**
 * Creates pages.
 *
 * @see https://developers.notion.com/reference/post-page
 */
import type { CallContext } from '../context.ts'
import { validationError } from '../errors.ts'
import { parseMarkdown, withoutReferences } from '../markdown/parse.ts'
import type { DataSource, Id, Json, Page, StoredRichText } from '../model.ts'
import { titleColumn } from '../query/columns.ts'
import { renderPage } from '../render/pages.ts'
import { type NewBlock, readBlocks } from '../validation/blocks.ts'
import { anyObject, branchOf, InvalidInput, missing, nullable, string } from '../validation/check.ts'
import { cover, icon } from '../validation/files.ts'
import { uuid } from '../validation/scalars.ts'
import { allowsAsync, asTask } from './async-tasks.ts'
import { requireUploads, requireValidChildren } from './blocks.ts'
import { bodyOf } from './endpoint.ts'
import { type PagePlace, pageParentKinds, readPagePlace } from './page-parents.ts'
import {
  type PropertyWrite,
  readPropertyWrite,
  requireUploaded,
  saveNewOptions,
  syncRelations,
} from './property-writes.ts'
import { templateOf } from './templates.ts'
import { atEnd, attach, copyOf, createBlocks, newStamps, type Place } from './tree.ts'

const createKeys = [
  'parent',
  'properties',
  'icon',
  'cover',
  'content',
  'children',
  'markdown',
  'template',
  'position',
  'allow_async',
] as const

interface Content {
  readonly blocks: readonly NewBlock[]
  /** The first heading of markdown, for a page without a title. */
  readonly title: StoredRichText | undefined
}

/** Returns the content in a request: `children`, `content` or `markdown`. */
function readContent(body: Record<string, unknown>, hasTitle: boolean): Content {
  const [first, second] = (['children', 'content', 'markdown'] as const).filter((key) => body[key] !== undefined)
  if (first === undefined) return { blocks: [], title: undefined }
  if (second !== undefined) throw new InvalidInput([`body.${second} cannot be combined with body.${first}.`])
  if (first !== 'markdown') return { blocks: readBlocks(body[first], `body.${first}`), title: undefined }
  const blocks = withoutReferences(parseMarkdown(string().read(body.markdown, 'body.markdown')))
  const [heading, ...rest] = blocks
  if (hasTitle || heading?.type !== 'heading_1' || heading.children.length > 0) return { blocks, title: undefined }
  return { blocks: rest, title: heading.content.rich_text as StoredRichText }
}

/** Returns the position of the new page in its parent. */
function readPosition(context: CallContext, value: unknown, place: PagePlace): Place {
  if (value === undefined) return atEnd
  const source = anyObject.read(value, 'body.position')
  const { type } = source
  if (type === 'page_start') return { at: 'start' }
  if (type === 'page_end') return atEnd
  if (type !== 'after_block') branchOf(source, 'body.position', ['after_block', 'page_start', 'page_end'] as const)
  const id = uuid.read(
    anyObject.read(source.after_block, 'body.position.after_block').id,
    'body.position.after_block.id',
  )
  if (place.type !== 'page' || !place.page.children.includes(id)) {
    throw validationError(`Could not find block with ID: ${id} in the parent page.`)
  }
  context.access.requireVisible('block', id)
  return { after: id }
}

/** Returns the next number for each `unique_id` column of a data source. */
export function uniqueIds(dataSource: DataSource): Record<string, Json> {
  const columns = dataSource.properties.filter(({ type }) => type === 'unique_id')
  return Object.fromEntries(columns.map(({ id }) => [id, dataSource.nextUniqueId]))
}

function saveRow(context: CallContext, dataSourceId: Id, page: Page, write: PropertyWrite): Page {
  const { dataSources, pages } = context.store
  saveNewOptions(context, dataSourceId, write)
  const dataSource = dataSources.get(dataSourceId)
  if (dataSource === undefined) return page
  const row = { ...page, properties: { ...page.properties, ...uniqueIds(dataSource) } }
  pages.put(row)
  dataSources.put({ ...dataSource, nextUniqueId: dataSource.nextUniqueId + 1 })
  syncRelations(context, dataSource, row.id, {}, row.properties)
  return row
}

function savePage(context: CallContext, place: PagePlace, page: Page, write: PropertyWrite, position: Place): Page {
  switch (place.type) {
    case 'row':
      return saveRow(context, place.dataSource.id, page, write)
    case 'page':
      context.store.pages.put(page)
      attach(context, place.page.id, [page.id], position)
      return page
    case 'workspace': {
      // A top-level page of a public connection is private to its user.
      const access = { everyone: 'none', users: { [context.access.user.id]: 'full' } } as const
      const topLevel: Page = { ...page, access }
      context.store.pages.put(topLevel)
      context.access.addRoot(page.id)
      return topLevel
    }
  }
}

/** `POST /v1/pages`. */
export function createPage(context: CallContext): unknown {
  const isTask = allowsAsync(context) && bodyOf(context).markdown !== undefined
  return isTask ? asTask(context, 'create_page', () => create(context)) : create(context)
}

function create(context: CallContext): unknown {
  const body = bodyOf(context, createKeys)
  if (body.parent === undefined) throw missing('body.parent')
  const place = readPagePlace(context, body.parent, 'body.parent', pageParentKinds)
  const columns = place.type === 'row' ? place.dataSource.properties : [titleColumn]
  const write = readPropertyWrite(context, columns, body.properties)
  const titleId = columns.find(({ type }) => type === 'title')?.id ?? titleColumn.id
  const newIcon = nullable(icon).read(body.icon ?? null, 'body.icon')
  const newCover = nullable(cover).read(body.cover ?? null, 'body.cover')
  requireUploaded(context, newIcon)
  requireUploaded(context, newCover)
  const { blocks, title } = readContent(body, Object.hasOwn(write.values, titleId))
  requireValidChildren(undefined, blocks)
  requireUploads(context, blocks)
  const position = readPosition(context, body.position, place)
  const template = templateOf(context, body.template, place)
  if (template !== undefined && blocks.length > 0) {
    throw validationError('body.children cannot be combined with body.template.')
  }

  const id = context.newId()
  const source = template?.page
  const content = source === undefined ? blocks : copyOf(context, source.children)
  const children = createBlocks(context, { type: 'page_id', id }, content)
  const page: Page = {
    id,
    workspaceId: context.access.workspace.id,
    parent: place.parent,
    properties: {
      ...source?.properties,
      ...(title !== undefined && { [titleId]: title as Json }),
      ...write.values,
    },
    icon: newIcon ?? source?.icon ?? null,
    cover: newCover ?? source?.cover ?? null,
    inTrash: false,
    isArchived: false,
    isLocked: false,
    publicUrl: null,
    access: null,
    children,
    ...newStamps(context),
  }
  return renderPage(context, savePage(context, place, page, write, position))
}
