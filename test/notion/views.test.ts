import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

const identifier = 'user_notion_456'
let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp()
  await app.connect(identifier)
  agent = agentOf(app, identifier)
})
afterAll(() => app.stop())

const raw: Agent['body'] = (tool, input) => agent.body(tool, input)
const issues: Agent['issues'] = (tool, input) => agent.issues(tool, input)
const call: Agent['call'] = (tool, input, more) => agent.call(tool, input, more)

const database_id = acme.projects
const done = { property: 'Status', select: { equals: 'Done' } }
const byDue = [{ property: 'Due Date', direction: 'descending' }]

describe('views', () => {
  it('are created, listed, queried, changed and deleted', async () => {
    const made = await raw('notion_view_create', {
      database_id,
      name: 'Done',
      type: 'table',
      filter: done,
      sorts: byDue,
    })
    expect(made).toMatchObject({ object: 'view', name: 'Done', type: 'table', filter: done, sorts: byDue })
    const list = await raw('notion_view_list', { database_id })
    expect(list.results).toMatchObject([{ name: 'Default view' }, { id: made.id, name: 'Done', filter: done }])
    const rows = await raw('notion_view_query', { view_id: made.id, page_size: 2 })
    const same = await raw('notion_database_query', { database_id, filter: done, sorts: byDue, page_size: 2 })
    expect(rows.results.map(({ id }: { id: string }) => id)).toEqual(same.results.map(({ id }: { id: string }) => id))
    expect(rows.results[0]).toHaveProperty('properties.Status')
    const changed = await raw('notion_view_update', { view_id: made.id, name: 'All', filter: {}, sorts: [] })
    expect(changed).toMatchObject({ name: 'All', filter: null, sorts: null })
    expect((await raw('notion_view_query', { view_id: made.id, page_size: 100 })).results.length).toBeGreaterThan(2)
    await raw('notion_view_delete', { view_id: made.id })
    expect(await call('notion_view_fetch', { view_id: made.id })).toMatchObject({
      __typename: 'ResourceUnavailableError',
      hint: expect.stringContaining('notion_view_list'),
    })
  })

  it('are checked like queries: names that look the same are the names, and links are ids', async () => {
    const sameStatus = { property: 'Sta\u200btus', select: { equals: 'Done\u00a0' } }
    const view = await raw('notion_view_create', {
      ...{ database_id, name: 'Alike', type: 'table', filter: { and: [sameStatus] } },
      sorts: [{ property: 'Due\u00a0Date' }],
      quick_filters: { 'Sta\u200btus': { select: { equals: 'Done\u00a0' } } },
    })
    expect(view).toMatchObject({
      filter: { and: [done] },
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
      quick_filters: { Status: { select: { equals: 'Done' } } },
    })
    const person = 'ac3e0000-0000-4000-8000-0000000000a1'
    const query = { filter: { timestamp: 'created_time', created_time: { past_week: {} } } }
    expect(await raw('notion_view_update', { view_id: view.id, ...query })).toMatchObject(query)
    const byPerson = { property: 'Owner', people: { contains: `user://${person}` } }
    const refused = { property: 'Status', select: { equals: 'Doen' } }
    for (const filter of [byPerson, refused, { or: [refused] }]) {
      const inQuery = await issues('notion_database_query', { database_id, filter })
      expect(await issues('notion_view_update', { view_id: view.id, filter })).toEqual(inQuery)
    }
    const over = { Status: { property: 'Priority', select: { equals: 'Done' } } }
    expect(await issues('notion_view_update', { view_id: view.id, quick_filters: over })).toMatchObject([
      { path: 'quick_filters.Status.property', message: expect.stringContaining('must be left out') },
    ])
    // Notion sorts a view by times of the row only from its creation on.
    const byTime = [{ property: 'Due Date' }, { timestamp: 'created_time', direction: 'ascending' }]
    expect(await issues('notion_view_update', { view_id: view.id, sorts: byTime })).toMatchObject([
      { path: 'sorts.1.timestamp' },
    ])
    const sorts = [{ property: 'Satus' }]
    expect(await issues('notion_view_update', { view_id: view.id, sorts })).toEqual(
      await issues('notion_database_query', { database_id, sorts }),
    )
  })

  it('are read on by the cursor of a query', async () => {
    const { id: view_id } = await raw('notion_view_create', { database_id, name: 'Pages', type: 'list', sorts: byDue })
    const all = await raw('notion_view_query', { view_id, page_size: 100 })
    const ids: string[] = []
    let start_cursor: string | undefined
    do {
      const part = await raw('notion_view_query', { view_id, page_size: 5, ...(start_cursor && { start_cursor }) })
      ids.push(...part.results.map(({ id }: { id: string }) => id))
      start_cursor = part.next_cursor ?? undefined
    } while (start_cursor !== undefined)
    expect(ids).toEqual(all.results.map(({ id }: { id: string }) => id))
  })

  it('take names of properties in their layout, and a name to group by', async () => {
    const board = await raw('notion_view_create', {
      database_id,
      name: 'Board',
      type: 'board',
      configuration: { group_by: 'Status' },
    })
    const { data_sources } = await raw('notion_database_fetch', { database_id })
    const status = data_sources[0].properties.Status.id
    expect(board.configuration).toEqual({
      type: 'board',
      group_by: { type: 'select', property_id: status, sort: { type: 'manual' } },
    })
    const calendar = await raw('notion_view_create', {
      database_id,
      name: 'Dates',
      type: 'calendar',
      configuration: { date_property_id: 'Due Date', properties: [{ property_id: 'Priority', visible: false }] },
    })
    expect(calendar.configuration).toMatchObject({
      date_property_id: data_sources[0].properties['Due Date'].id,
      properties: [{ property_id: data_sources[0].properties.Priority.id }],
    })
    const listed = await raw('notion_view_update', {
      view_id: board.id,
      configuration: { group_by: { type: 'select', property_id: 'Priority', sort: { type: 'ascending' } } },
    })
    expect(listed.configuration.group_by).toMatchObject({ property_id: data_sources[0].properties.Priority.id })
  })

  it.each([
    [
      'a filter by an unknown property',
      { filter: { property: 'Statu', select: { equals: 'Done' } } },
      'filter.property',
    ],
    ['a condition of another type', { filter: { property: 'Status', number: { equals: 1 } } }, 'filter.number'],
    ['an unknown property to sort by', { sorts: [{ property: 'Due' }] }, 'sorts.0.property'],
    ['a quick filter that is not a condition', { quick_filters: { Status: 'Done' } }, 'quick_filters.Status'],
    ['a quick filter of an unknown property', { quick_filters: { Stat: done.select } }, 'quick_filters.Stat'],
    [
      'an unknown property in the layout',
      { type: 'calendar', configuration: { date_property_id: 'Du' } },
      'date_property_id',
    ],
    ['a board without groups', { type: 'board' }, 'configuration.group_by'],
    ['an unknown type', { type: 'kanban' }, 'type'],
    ['two places', { dashboard_view_id: database_id, page_id: acme.roadmap }, 'page_id'],
  ])('refuse %s with its place', async (_what, more, path) => {
    const found = await issues('notion_view_create', { database_id, name: 'Wrong', type: 'table', ...more })
    expect(found.map((issue) => issue.path).join()).toContain(path)
  })

  it('are added to dashboards and as linked databases to pages', async () => {
    const dashboard = await raw('notion_view_create', { database_id, name: 'Overview', type: 'dashboard' })
    const widget = { database_id, name: 'Widget', type: 'table' }
    expect(await raw('notion_view_create', { ...widget, dashboard_view_id: dashboard.id })).toMatchObject({
      dashboard_view_id: dashboard.id,
    })
    const linked = await raw('notion_view_create', { ...widget, page_id: acme.roadmap })
    expect(linked.parent.database_id).not.toBe(database_id)
    expect(await issues('notion_view_query', { view_id: dashboard.id })).toMatchObject([{ path: 'view_id' }])
    expect(await issues('notion_view_update', { view_id: dashboard.id, filter: done })).toMatchObject([
      { path: 'view_id' },
    ])
    expect(await raw('notion_view_update', { view_id: dashboard.id, name: 'Start' })).toMatchObject({ name: 'Start' })
  })

  it('are found by a link to the database, and by the id of a data source', async () => {
    const { results } = await raw('notion_view_list', { database_id: acme.projectsSource })
    const view_id = results[0].url
    expect(view_id).toContain('?v=')
    expect(await raw('notion_view_fetch', { view_id })).toMatchObject({ id: results[0].id })
    expect(await call('notion_view_fetch', { view_id: database_id })).toMatchObject({
      __typename: 'WrongResourceTypeError',
      expected: 'view',
      actual: 'database',
    })
  })

  it('have typed fields', async () => {
    const { data, errors } = await app.graphql(
      `mutation ($identifier: String!, $input: NotionViewCreateInput!) {
        notionViewCreate(identifier: $identifier, input: $input) {
          ... on NotionViewCreatePayload { view { id name type dataSourceId filter quickFilters configuration } }
        }
      }`,
      { identifier, input: { databaseId: database_id, name: 'Typed', type: 'GALLERY', filter: done } },
    )
    expect(errors).toBeUndefined()
    expect(data).toMatchObject({
      notionViewCreate: { view: { name: 'Typed', type: 'gallery', dataSourceId: acme.projectsSource, filter: done } },
    })
    const compact = await call('notion_view_list', { database_id, page_size: 1 }, { outputFormat: 'COMPACT' })
    expect(compact.data.untrusted_notion_content).toMatchObject([{ name: 'Default view', type: 'table' }])
    const markdown = await call('notion_view_list', { database_id, page_size: 1 }, { outputFormat: 'MARKDOWN' })
    expect(markdown.data).toContain('| Default view | table |')
  })

  it('need the capability to write', async () => {
    await app.sandbox('capabilities', {
      clientId: await clientId(),
      capabilities: ['READ_CONTENT', 'READ_USERS'],
    })
    const [view] = (await raw('notion_view_list', { database_id })).results
    expect(await call('notion_view_update', { view_id: view.id, name: 'No' })).toMatchObject({
      __typename: 'MissingCapabilityError',
      capability: 'UPDATE_CONTENT',
    })
    expect((await raw('notion_view_query', { view_id: view.id })).results.length).toBeGreaterThan(0)
  })
})

async function clientId() {
  const { data } = await app.graphql('{ oauthApp(connectionName: "notion") { clientId } }')
  return (data.oauthApp as { clientId: string }).clientId
}
