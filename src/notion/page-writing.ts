import type { CreatePageParameters } from '@notionhq/client'
import { InvalidToolInputError, MissingCapabilityError } from '../errors.ts'
import { asyncFor, whenDone } from './async-writes.ts'
import type { NewBlock } from './blocks.ts'
import { afterWriting, type NotionCall, rereadCreated } from './call.ts'
import { appendTo, blockPlaces, firstPart } from './content.ts'
import { dataSourceOfPage, onDataSource, schemaOf } from './data-sources.ts'
import type { Decoration } from './decoration.ts'
import { uuidAt } from './ids.ts'
import { type JsonObject, objectAt, objectsAt, textAt, valueAt } from './json.ts'
import type { Target } from './not-found.ts'
import { withPeople } from './people.ts'
import type { InputNames } from './places.ts'
import { plainText } from './rich-text.ts'
import { checkLonePage, checkRow, type PageProperties } from './rows.ts'
import { titleOf } from './titles.ts'

/** What a new page contains next to its properties. */
export interface PageContent {
  readonly blocks: readonly NewBlock[]
  /** Instead of blocks. */
  readonly markdown?: string | undefined
  readonly decoration: Decoration
}

type PageParent = NonNullable<CreatePageParameters['parent']>

const names: InputNames = {
  children: 'child_blocks',
  content: 'child_blocks',
  'parent.page_id': 'parent_page_id',
  'parent.data_source_id': 'database_id',
  'parent.database_id': 'database_id',
}

/**
 * Creates a page, with its content in as many requests as needed, and returns the body of the page. If content that does
 * not fit into the first request fails, the error names the page.
 */
export async function createPage(
  call: NotionCall,
  parent: PageParent,
  properties: PageProperties,
  content: PageContent,
  target: Target,
): Promise<JsonObject> {
  const { sent, rest } = firstPart(content.blocks)
  const about = {
    target,
    get names() {
      return { ...names, ...blockPlaces(content.blocks.slice(0, sent.length)) }
    },
    reread: rereadCreated('page'),
  }
  const body = {
    parent,
    properties,
    ...content.decoration,
    ...(sent.length > 0 && { children: sent }),
    ...(content.markdown !== undefined && { markdown: content.markdown, ...asyncFor(content.markdown) }),
  }
  const answered = await call.write((notion) => notion.pages.create(body), about)
  const page = await whenDone(
    call,
    answered,
    {
      ...{ method: 'POST', path: 'pages', body },
      nothingWrittenSince: async (time) => !(await hasNewPage(call, parent, newTitle(properties), time)),
    },
    about,
  )
  const id = uuidAt(page, 'id')
  if (rest.length > 0 && id !== null) {
    const written = [id]
    const done = () => {
      const more = written.length - 1
      return `The page ${id} was created with the first ${sent.length} of ${content.blocks.length} blocks${more > 0 ? `, and ${more} more were appended to it or below` : ''}.`
    }
    await afterWriting(written, done, () => appendTo(call, id, rest, written, { name: 'child_blocks' }))
  }
  return page
}

/** Pages of a parent that are looked through for a new one. */
const maxLists = 20

/** Returns the title of a new page; null where Notion takes it from the content. */
function newTitle(properties: PageProperties): string | null {
  const title = Object.values(properties).find((value) => Array.isArray(valueAt(value, 'title')))
  return title === undefined ? null : plainText(valueAt(title, 'title'))
}

/** Whether a parent has a page of a title that was created since a time, as far as its minute: Notion rounds times. */
async function hasNewPage(call: NotionCall, parent: PageParent, title: string | null, time: string): Promise<boolean> {
  const since = `${time.slice(0, 16)}:00.000Z`
  const isNew = (page: JsonObject, name: string) =>
    (title === null || name === title) && (textAt(page, 'created_time') ?? since) >= since
  // A connection that may not read rows proves nothing.
  if (!('page_id' in parent || 'data_source_id' in parent)) return true
  let start_cursor: string | undefined
  for (let count = 0; count < maxLists; count += 1) {
    const paging = { page_size: 100, ...(start_cursor !== undefined && { start_cursor }) }
    const body = await call.read<object>((notion) => {
      if ('page_id' in parent) return notion.blocks.children.list({ block_id: parent.page_id, ...paging })
      return notion.dataSources.query({
        ...{ data_source_id: parent.data_source_id, ...paging },
        filter: { timestamp: 'created_time', created_time: { on_or_after: since } },
      })
    })
    const found = objectsAt(body, 'results').some((one) =>
      isNew(one, one.object === 'block' ? (textAt(objectAt(one, 'child_page'), 'title') ?? '') : titleOf(one)),
    )
    if (found) return true
    start_cursor = textAt(body, 'next_cursor') ?? undefined
    if (start_cursor === undefined) return false
  }
  return true
}

/** Adds a row to a database after checking its values against the properties. Returns the body of the new page. */
export async function insertRow(
  call: NotionCall,
  input: {
    readonly database_id: string
    readonly data_source?: string | undefined
    readonly properties: JsonObject
  },
  content: PageContent,
): Promise<JsonObject> {
  try {
    return await onDataSource(call, input.database_id, input.data_source, (source) => {
      const parent = { type: 'data_source_id', data_source_id: source.id } as const
      const target = { id: source.id, kind: 'data_source' } as const
      return withRowProperties(call, source.id, input.properties, (properties) =>
        createPage(call, parent, properties, content, target),
      )
    })
  } catch (error) {
    if (!(error instanceof MissingCapabilityError) || error.capability !== 'READ_CONTENT') throw error
    // A connection that may insert and not read cannot read the properties, so Notion alone checks the values.
    const parent = { type: 'database_id', database_id: input.database_id } as const
    const properties = input.properties as PageProperties
    return createPage(call, parent, properties, content, { id: input.database_id, kind: 'database' })
  }
}

/**
 * Hands the values of a row to `write` in Notion's form, checked against the properties. Values that do not fit the
 * remembered properties, or that Notion refuses although they fit, are checked again against the current properties:
 * they are then written by these (a refused write has written nothing) or refused with an InvalidToolInputError.
 */
async function withRowProperties<T>(
  call: NotionCall,
  dataSourceId: string,
  values: JsonObject,
  write: (properties: PageProperties) => Promise<T>,
): Promise<T> {
  const { properties, fresh } = await rowProperties(call, dataSourceId, values, false)
  try {
    return await write(properties)
  } catch (error) {
    if (!(error instanceof InvalidToolInputError)) throw error
    call.schemas.forget(call.account, dataSourceId)
    if (fresh) throw error
    const again = await rowProperties(call, dataSourceId, values, true)
    if (JSON.stringify(again.properties) === JSON.stringify(properties)) throw error
    return write(again.properties)
  }
}

async function rowProperties(
  call: NotionCall,
  dataSourceId: string,
  values: JsonObject,
  reread: boolean,
): Promise<{ readonly properties: PageProperties; readonly fresh: boolean }> {
  let schema = await schemaOf(call, dataSourceId, { fresh: reread })
  let row = checkRow(schema.properties, await withPeople(call, schema.properties, values))
  if (row.issues.length > 0 && !schema.fresh) {
    schema = await schemaOf(call, dataSourceId, { fresh: true })
    row = checkRow(schema.properties, await withPeople(call, schema.properties, values))
  }
  if (row.issues.length > 0) {
    throw new InvalidToolInputError(
      row.issues,
      'Correct the listed properties. Call notion_database_fetch to list their names, types and options.',
    )
  }
  return { properties: row.properties, fresh: schema.fresh }
}

/**
 * Hands new values of a page to `write` in Notion's form: checked against the properties of its data source if it is a
 * row, else the title alone. A remembered data source of the page is looked up again before anything is refused.
 */
export async function withPageProperties<T>(
  call: NotionCall,
  pageId: string,
  values: JsonObject,
  write: (properties: PageProperties) => Promise<T>,
): Promise<T> {
  try {
    const known = await dataSourceOfPage(call, pageId)
    try {
      return await withPropertiesIn(call, known, values, write)
    } catch (error) {
      if (!(error instanceof InvalidToolInputError)) throw error
      call.schemas.forget(call.account, pageId)
      const current = await dataSourceOfPage(call, pageId)
      if (current === known) throw error
      return await withPropertiesIn(call, current, values, write)
    }
  } catch (error) {
    // A connection that may change and not read: Notion alone checks the values.
    if (error instanceof MissingCapabilityError && error.capability === 'READ_CONTENT') {
      return write(values as PageProperties)
    }
    throw error
  }
}

function withPropertiesIn<T>(
  call: NotionCall,
  dataSourceId: string | null,
  values: JsonObject,
  write: (properties: PageProperties) => Promise<T>,
): Promise<T> {
  if (dataSourceId !== null) return withRowProperties(call, dataSourceId, values, write)
  const page = checkLonePage(values)
  if (page.issues.length > 0) throw new InvalidToolInputError(page.issues)
  return write(page.properties)
}
