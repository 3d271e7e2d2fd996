/**
 * Search by title.
 *
 * @see https://developers.notion.com/reference/post-search
 */
import type { CallContext } from '../context.ts'
import type { DataSource, JsonObject, Page, StoredRichText } from '../model.ts'
import { dataSourceTitle, renderDataSource } from '../render/databases.ts'
import { isInTrash } from '../render/frame.ts'
import { partOf, renderList } from '../render/lists.ts'
import { renderPage } from '../render/pages.ts'
import { plainText } from '../render/rich-text.ts'
import { anyObject, boolean, missing, oneOf, refuseUnknown, string } from '../validation/check.ts'
import { pagingOfBody } from '../validation/paging.ts'
import { bodyOf } from './endpoint.ts'

interface Filter {
  readonly object: 'page' | 'data_source' | undefined
  readonly inTrash: boolean
}

const searchKeys = ['sort', 'query', 'start_cursor', 'page_size', 'filter'] as const

function readFilter(context: CallContext, value: unknown): Filter {
  if (value === undefined) return { object: undefined, inTrash: false }
  const source = anyObject.read(value, 'body.filter', ['`undefined`'])
  refuseUnknown(source, 'body.filter', (key) => ['property', 'value', 'in_trash'].includes(key))
  const inTrash =
    source.in_trash === undefined ? false : boolean.read(source.in_trash, 'body.filter.in_trash', ['`undefined`'])
  if (source.property === undefined && source.value === undefined && source.in_trash !== undefined) {
    return { object: undefined, inTrash }
  }
  oneOf('object').read(source.property, 'body.filter.property')
  if (context.version === '2022-06-28') {
    const kind = oneOf('page', 'database').read(source.value, 'body.filter.value')
    return { object: kind === 'database' ? 'data_source' : 'page', inTrash }
  }
  return { object: oneOf('page', 'data_source').read(source.value, 'body.filter.value'), inTrash }
}

/** Returns the order by edit time. The default is the latest edit first. */
function readSort(value: unknown): 'ascending' | 'descending' {
  if (value === undefined) return 'descending'
  const source = anyObject.read(value, 'body.sort', ['`undefined`'])
  refuseUnknown(source, 'body.sort', (key) => ['timestamp', 'direction', 'property'].includes(key))
  if (source.property !== undefined) {
    oneOf('relevance').read(source.property, 'body.sort.property')
    return 'descending'
  }
  if (source.timestamp === undefined) throw missing('body.sort.timestamp')
  oneOf('last_edited_time').read(source.timestamp, 'body.sort.timestamp')
  return oneOf('ascending', 'descending').read(source.direction, 'body.sort.direction')
}

/** Returns a test whether a title contains all words of the query, in any case and order. */
function titleTest(query: string): (title: string) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return () => true
  return (title) => {
    const lower = title.toLowerCase()
    return words.every((word) => lower.includes(word))
  }
}

/** Returns the title of a page or row. Their title property always has the id `title`. */
function pageTitle(context: CallContext, page: Page): string {
  return plainText(context.store, (page.properties.title ?? '') as StoredRichText)
}

function matches(context: CallContext, query: string, wanted: Filter): (Page | DataSource)[] {
  const { store, access } = context
  const test = titleTest(query)
  const found: (Page | DataSource)[] = []
  const isWanted = (record: Page | DataSource) =>
    access.canSee(record.id) && isInTrash(store, record) === wanted.inTrash
  if (wanted.object !== 'page') {
    for (const id of store.dataSourcesIn(access.workspace.id)) {
      const dataSource = store.dataSources.get(id)
      if (dataSource === undefined) continue
      const database = store.databases.get(dataSource.databaseId)
      const titles = [dataSourceTitle(context, dataSource), database?.title ?? '']
      if (titles.some((title) => test(plainText(store, title))) && isWanted(dataSource)) found.push(dataSource)
    }
  }
  if (wanted.object !== 'data_source') {
    for (const id of store.pagesIn(access.workspace.id)) {
      const page = store.pages.get(id)
      // Templates are not in search results.
      if (page === undefined || page.parent.type === 'database_id') continue
      if (test(pageTitle(context, page)) && isWanted(page)) found.push(page)
    }
  }
  return found
}

/** Returns a data source as a database, for the version without data sources. */
function asDatabase(context: CallContext, dataSource: DataSource): JsonObject {
  const { database_parent: parent, ...rest } = renderDataSource(context, dataSource)
  return { ...rest, parent: parent ?? null, object: 'database', id: dataSource.databaseId }
}

function render(context: CallContext, record: Page | DataSource): JsonObject {
  if ('isArchived' in record) return renderPage(context, record)
  return context.version === '2022-06-28' ? asDatabase(context, record) : renderDataSource(context, record)
}

/** `POST /v1/search`. */
export function search(context: CallContext): unknown {
  const body = bodyOf(context, searchKeys)
  const query = body.query === undefined ? '' : string().read(body.query, 'body.query', ['`undefined`'])
  const wanted = readFilter(context, body.filter)
  const direction = readSort(body.sort)
  const paging = pagingOfBody(context)
  const sign = direction === 'ascending' ? 1 : -1
  const found = matches(context, query, wanted).sort((a, b) => sign * (a.lastEditedTime - b.lastEditedTime))
  const { elements, next } = partOf(found, paging, ({ id }) => id)
  const type = context.version === '2022-06-28' ? 'page_or_database' : 'page_or_data_source'
  const results = elements.map((record) => render(context, record))
  return { ...renderList(type, results, next), request_status: { type: 'complete' } }
}
