import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { type Connection, type Notion, refusal, startNotion } from './notion.ts'

let notion: Notion
let on: Connection

beforeAll(async () => {
  notion = await startNotion()
  on = await notion.connect()
})
afterAll(() => notion.close())

const source = acme.projectsSource
const create = (body: Record<string, unknown>) =>
  on.client.views.create({ data_source_id: source, database_id: acme.projects, name: 'New', ...body } as never)

describe('views', () => {
  it('of a database begin with a table, and are listed by reference for it and for its data source', async () => {
    const created = await create({ type: 'list', name: 'As a list' })
    const list = await on.client.views.list({ database_id: acme.projects })
    expect(list).toMatchObject({ object: 'list', type: 'view', view: {} })
    expect(list.results).toContainEqual({ object: 'view', id: created.id })
    const [first] = list.results
    expect(await on.client.views.retrieve({ view_id: first?.id ?? '' })).toMatchObject({
      object: 'view',
      name: 'Default view',
      type: 'table',
      data_source_id: source,
      parent: { type: 'database_id', database_id: acme.projects },
    })
    expect((await on.client.views.list({ data_source_id: source })).results).toEqual(list.results)
    await expect(refusal(on.client.views.list({}))).resolves.toMatchObject({ status: 400 })
  })

  it('are changed in part, and null clears', async () => {
    const filter = { property: 'Status', select: { equals: 'Done' } }
    const made = await create({ type: 'table', filter, quick_filters: { Priority: { select: { equals: 'High' } } } })
    const change = (body: Record<string, unknown>) =>
      on.client.request({ method: 'patch', path: `views/${made.id}`, body })
    const sorts = [{ property: 'Due Date', direction: 'descending' }]
    expect(await change({ name: 'Done', sorts })).toMatchObject({ name: 'Done', filter, sorts })
    expect(await change({ filter: null, quick_filters: { Priority: null } })).toMatchObject({
      filter: null,
      sorts,
      quick_filters: null,
    })
    for (const wrong of [
      { type: 'list' },
      { sorts: [{ timestamp: 'created_time', direction: 'ascending' }] },
      { filter: { property: 'No such', select: { equals: 'x' } } },
      { configuration: { type: 'board' } },
    ]) {
      await expect(refusal(change(wrong))).resolves.toMatchObject({ status: 400, code: 'validation_error' })
    }
  })

  it('need the settings of their type, and one place', async () => {
    for (const wrong of [
      { type: 'board' },
      { type: 'calendar' },
      { type: 'chart' },
      { type: 'table', database_id: undefined },
      { type: 'table', view_id: acme.projects },
      { type: 'calendar', configuration: { type: 'calendar', date_property_id: 'no such' } },
    ]) {
      await expect(refusal(create(wrong))).resolves.toMatchObject({ status: 400, code: 'validation_error' })
    }
  })

  it('are placed in dashboards and in linked databases', async () => {
    const dashboard = await create({ type: 'dashboard' })
    const widget = await create({ type: 'table', database_id: undefined, view_id: dashboard.id })
    expect(widget).toMatchObject({ dashboard_view_id: dashboard.id })
    expect(await on.client.views.retrieve({ view_id: dashboard.id })).toMatchObject({
      data_source_id: null,
      configuration: { rows: [{ widgets: [{ view_id: widget.id }] }] },
    })
    const linked = await create({
      type: 'table',
      database_id: undefined,
      create_database: { parent: { type: 'page_id', page_id: on.pageId } },
    })
    const { results } = await on.client.blocks.children.list({ block_id: on.pageId })
    expect(results).toMatchObject([
      { type: 'child_database', id: (linked.parent as { database_id: string }).database_id },
    ])
  })

  it('are deleted, but not the last one of a database', async () => {
    const made = await create({ type: 'table' })
    expect(await on.client.views.delete({ view_id: made.id })).toMatchObject({ object: 'view', id: made.id })
    await expect(refusal(on.client.views.retrieve({ view_id: made.id }))).resolves.toMatchObject({ status: 404 })
    const [only] = (await on.client.views.list({ database_id: acme.tasks })).results
    await expect(refusal(on.client.views.delete({ view_id: only?.id ?? '' }))).resolves.toMatchObject({ status: 400 })
  })

  it('are queried in pages until the result expires', async () => {
    const made = await create({
      type: 'table',
      filter: { property: 'Status', select: { does_not_equal: 'Done' } },
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
    })
    const same = await on.client.dataSources.query({
      data_source_id: source,
      filter: { property: 'Status', select: { does_not_equal: 'Done' } },
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
    })
    const first = await on.client.views.queries.create({ view_id: made.id, page_size: 2 })
    expect(first).toMatchObject({ object: 'view_query', view_id: made.id, total_count: same.results.length })
    const place = { view_id: made.id, query_id: first.id }
    const rest = await on.client.views.queries.results({ ...place, start_cursor: first.next_cursor ?? '' })
    expect([...first.results, ...rest.results].map(({ id }) => id)).toEqual(same.results.map(({ id }) => id))
    expect(rest).toMatchObject({ object: 'list', type: 'page', has_more: false })
    for (const _again of [1, 2]) {
      expect(await on.client.views.queries.delete(place)).toEqual(
        expect.objectContaining({ id: first.id, deleted: true }),
      )
    }
    await expect(refusal(on.client.views.queries.results(place))).resolves.toMatchObject({ status: 404 })
  })

  it('of databases that are not shared do not exist', async () => {
    const [view] = (await on.client.views.list({ database_id: acme.projects })).results
    const other = await notion.connect('2026-03-11', {
      resources: acme.product,
      user: 'owner@acme.test',
    })
    expect(await other.client.views.retrieve({ view_id: view?.id ?? '' })).toMatchObject({ id: view?.id })
    const otherGrant = await notion.sandbox.connect({ user: 'owner@acme.test', resources: acme.handbook })
    const answer = await fetch(`${notion.url}/v1/views/${view?.id}`, {
      headers: { authorization: `Bearer ${otherGrant.access_token}`, 'notion-version': '2026-03-11' },
    })
    expect(answer.status).toBe(404)
  })
})
