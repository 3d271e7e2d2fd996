import { column, optionColumn, optionId } from './content-builder.ts'
import type { Block, Database, DataSource, Id, Json, Page, PropertySchema } from './model.ts'
import { people, workspaces } from './seed-ids.ts'
import type { Store } from './store.ts'

/**
 * An order for bulk content for load tests. The order determines the content: the journal stores only the order, and
 * the same order creates the same ids in every sandbox.
 */
export interface BulkOrder {
  /** Sequence number of the order in its sandbox, from 1. */
  readonly number: number
  readonly pages: number
  readonly databases: number
  /** Total number of rows, distributed evenly over the databases. */
  readonly rows: number
  /** Creation time of the first record in milliseconds since the epoch. */
  readonly time: number
}

/** Ids of the content of an order. */
export interface BulkContent {
  /** The top-level page in Acme that contains everything else. */
  readonly rootId: Id
  readonly databaseIds: readonly Id[]
  readonly dataSourceIds: readonly Id[]
}

const kinds = { root: '4000', page: '4001', block: '4002', database: '4003', dataSource: '4004', row: '4005' }

/** Returns the id of the record with this index. Each kind has its own range of ids. */
function bulkId(order: BulkOrder, kind: keyof typeof kinds, index: number): Id {
  return `5eed0000-${order.number.toString(16).padStart(4, '0')}-${kinds[kind]}-8000-${index.toString(16).padStart(12, '0')}`
}

/** Returns whether an id belongs to bulk content. */
export const isBulkId = (id: string) => id.startsWith('5eed0000-')

/** Maximum number of orders in a sandbox: ids hold the number in four hex digits. */
export const maxBulkOrders = 0xffff

const optionsOf = {
  stat: ['Not Started', 'In Progress', 'Done'],
  prio: ['High', 'Medium', 'Low'],
}

const columns: readonly PropertySchema[] = [
  column('title', 'Name', 'title'),
  optionColumn(
    'stat',
    'Status',
    'select',
    optionsOf.stat.map((name) => [name, 'default']),
  ),
  column('dued', 'Due Date', 'date'),
  optionColumn(
    'prio',
    'Priority',
    'select',
    optionsOf.prio.map((name) => [name, 'default']),
  ),
  column('effo', 'Effort', 'number', { format: 'number' }),
]

const dayMs = 86_400_000

/** Hashes a number with the finalizer of MurmurHash3. Values look random, and are the same for the same input. */
function hash(input: number): number {
  let value = Math.imul(input ^ (input >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** Returns one object per date. Rows share these objects, so that 200,000 rows need little memory. */
function sharedDates(time: number): readonly Json[] {
  return Array.from({ length: 365 }, (_, day) => ({
    start: new Date(time + (day - 180) * dayMs).toISOString().slice(0, 10),
    end: null,
    time_zone: null,
  }))
}

/** Returns the ids of the content of an order without writing the content. */
export function bulkContent(order: BulkOrder): BulkContent {
  const ids = (kind: 'database' | 'dataSource') =>
    Array.from({ length: order.databases }, (_, index) => bulkId(order, kind, index))
  return { rootId: bulkId(order, 'root', 0), databaseIds: ids('database'), dataSourceIds: ids('dataSource') }
}

/** Writes the content of an order: a top-level page in Acme with one-paragraph pages and databases below it. */
export function writeBulkContent(store: Store, order: BulkOrder): BulkContent {
  const content = bulkContent(order)
  const { rootId, databaseIds, dataSourceIds } = content
  const author = people.acmeOwner
  const workspaceId = workspaces.acme
  const stampsAt = (createdTime: number) => ({
    createdTime,
    lastEditedTime: createdTime,
    createdBy: author,
    lastEditedBy: author,
  })
  const none: readonly Id[] = []
  const newPage = (
    id: Id,
    parent: Page['parent'],
    properties: Page['properties'],
    children: readonly Id[],
    at: number,
  ): Page => ({
    id,
    workspaceId,
    parent,
    properties,
    icon: null,
    cover: null,
    inTrash: false,
    isArchived: false,
    isLocked: false,
    publicUrl: null,
    access: null,
    children,
    ...stampsAt(at),
  })
  const pageIds = Array.from({ length: order.pages }, (_, index) => bulkId(order, 'page', index))
  store.pages.put(
    newPage(rootId, { type: 'workspace' }, { title: `Bulk ${order.number}` }, [...pageIds, ...databaseIds], order.time),
  )
  const inRoot = { type: 'page_id', id: rootId } as const
  pageIds.forEach((id, index) => {
    const blockId = bulkId(order, 'block', index)
    store.blocks.put({
      id: blockId,
      workspaceId,
      parent: { type: 'page_id', id },
      type: 'paragraph',
      content: { rich_text: `Paragraph of bulk page ${index + 1}.`, color: 'default' },
      inTrash: false,
      children: none,
      ...stampsAt(order.time),
    } satisfies Block)
    store.pages.put(newPage(id, inRoot, { title: `Bulk page ${index + 1}` }, [blockId], order.time))
  })
  databaseIds.forEach((id, index) => {
    const dataSourceId = dataSourceIds[index] ?? id
    const title = `Bulk database ${index + 1}`
    const common = { workspaceId, title, description: '', icon: null, inTrash: false, ...stampsAt(order.time) }
    store.dataSources.put({
      ...common,
      id: dataSourceId,
      databaseId: id,
      properties: columns,
      templates: [],
      nextUniqueId: 1,
    } satisfies DataSource)
    store.databases.put({
      ...common,
      id,
      parent: inRoot,
      cover: null,
      isInline: false,
      isLocked: false,
      publicUrl: null,
      access: null,
      dataSourceIds: [dataSourceId],
    } satisfies Database)
  })
  const dates = sharedDates(order.time)
  const parents = dataSourceIds.map((id) => ({ type: 'data_source_id', id }) as const)
  const option = (columnId: keyof typeof optionsOf, position: number) => optionId(columnId, (position % 3) + 1)
  const [statuses, priorities] = [
    [0, 1, 2].map((position) => option('stat', position)),
    [0, 1, 2].map((position) => option('prio', position)),
  ]
  for (let index = 0; index < order.rows; index += 1) {
    const parent = parents[index % parents.length]
    if (!parent) break
    const chance = hash(index + order.number * 0x9e3779b9)
    const values = {
      title: `Bulk row ${index + 1}`,
      stat: statuses[chance % 3] ?? null,
      dued: dates[(chance >>> 3) % dates.length] ?? null,
      prio: priorities[(chance >>> 13) % 3] ?? null,
      effo: (chance >>> 17) % 1000,
    }
    store.pages.put(newPage(bulkId(order, 'row', index), parent, values, none, order.time + index))
  }
  return content
}
