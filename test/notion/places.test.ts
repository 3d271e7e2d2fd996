import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'
import { testCall, toolbox } from './support.ts'

let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp()
  await app.connect('everything')
  await app.connect('partly', { user: 'member@acme.test', resources: `${acme.runbooks},${acme.projects}` })
  agent = agentOf(app, 'everything')
})
afterAll(() => app.stop())

type Place = { id: string; object: string; title: string; depth: number; parent_id: string | null }
const titles = (places: Place[]) => places.map(({ title }) => title)

describe('notion_object_locate', () => {
  it('returns the path from the top of the workspace to a page', async () => {
    const { path, complete } = await agent.body('notion_object_locate', { object_id: acme.failover })
    expect(titles(path)).toEqual(['Engineering', 'Runbooks', 'Database failover'])
    expect(path.map(({ depth }: Place) => depth)).toEqual([0, 1, 2])
    expect(complete).toBe(true)
  })

  it('returns the database and the data source of a row, and the page of a block', async () => {
    const { results } = await agent.body('notion_database_query', { database_id: acme.projects, page_size: 1 })
    const row = await agent.body('notion_object_locate', { object_id: results[0].id })
    expect(row.path.map(({ object }: Place) => object)).toEqual(['page', 'database', 'data_source', 'page'])
    const blocks = await agent.body('notion_block_append', { block_id: acme.roadmap, children: ['A line'] })
    const block = await agent.body('notion_object_locate', { object_id: blocks.results[0].id })
    expect(block.path.slice(-2)).toMatchObject([
      { id: acme.roadmap, object: 'page' },
      { object: 'block', title: 'A line' },
    ])
  })

  it('ends where the account may not read on', async () => {
    const { path, complete } = await agentOf(app, 'partly').body('notion_object_locate', { object_id: acme.failover })
    expect(titles(path)).toEqual(['Runbooks', 'Database failover'])
    expect(complete).toBe(false)
  })

  it('explains an id that names nothing', async () => {
    const result = await agent.call('notion_object_locate', { object_id: randomUUID() })
    expect(result.__typename).toBe('ResourceUnavailableError')
  })

  it('has a typed field and text formats', async () => {
    const { data } = await app.graphql(
      `query ($id: String!) {
        notionObjectLocate(identifier: "everything", input: { objectId: $id }) {
          ... on NotionObjectLocatePayload { complete path { title object parentId depth } }
        }
      }`,
      { id: acme.runbooks },
    )
    expect(data['notionObjectLocate']).toMatchObject({
      complete: true,
      path: [
        { title: 'Engineering', parentId: null },
        { title: 'Runbooks', parentId: acme.engineering, depth: 1 },
      ],
    })
    const text = await agent.call('notion_object_locate', { object_id: acme.runbooks }, { outputFormat: 'MARKDOWN' })
    expect(text.data).toContain(`- Engineering (page ${acme.engineering})\n  - Runbooks (page ${acme.runbooks})`)
  })
})

describe('notion_workspace_tree', () => {
  it('shows pages and databases below what contains them, without rows and without the trash', async () => {
    const { places, complete } = await agent.body('notion_workspace_tree', {})
    expect(complete).toBe(true)
    const at = (id: string) => places.find((place: Place) => place.id === id)
    expect(at(acme.engineering)).toMatchObject({ depth: 0, parent_id: null, object: 'page' })
    expect(at(acme.runbooks)).toMatchObject({ depth: 1, parent_id: acme.engineering })
    expect(at(acme.projects)).toMatchObject({ object: 'database', title: 'Projects', parent_id: acme.product })
    expect(at(acme.oldRoadmap)).toBeUndefined()
    const rows = await agent.body('notion_database_query', { database_id: acme.projects, page_size: 1 })
    expect(at(rows.results[0].id)).toBeUndefined()
    for (const [index, place] of places.entries()) {
      if (place.parent_id === null) continue
      expect(places.slice(0, index).map(({ id }: Place) => id)).toContain(place.parent_id)
    }
  })

  it('ends at a depth, and lists a database with several data sources once', async () => {
    const { places } = await agent.body('notion_workspace_tree', { depth: 1 })
    expect(places.every(({ depth }: Place) => depth === 0)).toBe(true)
    const all = await agent.body('notion_workspace_tree', { depth: 20 })
    expect(all.places.filter(({ id }: Place) => id === acme.research)).toHaveLength(1)
  })

  it('begins with what is shared', async () => {
    const { places } = await agentOf(app, 'partly').body('notion_workspace_tree', {})
    expect(
      places
        .filter(({ depth }: Place) => depth === 0)
        .map(({ id }: Place) => id)
        .sort(),
    ).toEqual([acme.runbooks, acme.projects].sort())
  })
})

describe('notion_workspace_tree with pages within blocks', () => {
  it('reads the blocks, and lists the page below the page that contains them', async () => {
    const [page, toggle, inner, lost] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
    const titled = (id: string, title: string, parent: object) => ({
      ...{ object: 'page', id, url: null, parent },
      properties: { title: { id: 'title', type: 'title', title: [{ plain_text: title }] } },
    })
    const found = [
      titled(inner, 'Inner', { type: 'block_id', block_id: toggle }),
      titled(page, 'Outer', { type: 'workspace', workspace: true }),
      titled(lost, 'In a block that is gone', { type: 'block_id', block_id: randomUUID() }),
    ]
    const box = toolbox(Date.now, async (url, init) => {
      const { pathname } = new URL(String(url))
      const isPages = String(init?.body).includes('"page"')
      if (pathname.endsWith('/search')) {
        return Response.json({ object: 'list', results: isPages ? found : [], next_cursor: null, has_more: false })
      }
      const block = { object: 'block', id: toggle, type: 'toggle', parent: { type: 'page_id', page_id: page } }
      return pathname.endsWith(toggle)
        ? Response.json({ ...block, toggle: {} })
        : Response.json({ object: 'error', status: 404, code: 'object_not_found', message: '' }, { status: 404 })
    })
    const body = await box.run('notion_workspace_tree', testCall('http://notion.test', 'ntn_token'), {})
    const places = body.places as Place[]
    expect(places.map(({ title, depth, parent_id }) => ({ title, depth, parent_id }))).toEqual([
      { title: 'In a block that is gone', depth: 0, parent_id: null },
      { title: 'Outer', depth: 0, parent_id: null },
      { title: 'Inner', depth: 1, parent_id: page },
    ])
    expect(body.complete).toBe(true)
  })

  it('lists the page within a row below the database', async () => {
    const { results } = await agent.body('notion_database_query', { database_id: acme.projects, page_size: 1 })
    const { id } = await agent.body('notion_page_create', {
      parent_page_id: results[0].id,
      properties: { title: 'Within a row' },
    })
    const { places } = await agent.body('notion_workspace_tree', { depth: 20 })
    const at = places.findIndex((place: Place) => place.id === id)
    expect(places[at]).toMatchObject({ title: 'Within a row', parent_id: acme.projects })
    expect(places.slice(0, at).map((place: Place) => place.id)).not.toContain(results[0].id)
  })

  it('is not complete where pages are within more blocks than it reads', async () => {
    const pages = Array.from({ length: 31 }, (_, index) => ({
      ...{ object: 'page', id: randomUUID(), url: null, parent: { type: 'block_id', block_id: randomUUID() } },
      properties: { title: { id: 'title', type: 'title', title: [{ plain_text: `Page ${index}` }] } },
    }))
    const outer = { type: 'page_id', page_id: randomUUID() }
    const box = toolbox(Date.now, async (url, init) => {
      const { pathname } = new URL(String(url))
      if (pathname.endsWith('/search')) {
        const results = String(init?.body).includes('"page"') ? pages : []
        return Response.json({ object: 'list', results, next_cursor: null, has_more: false })
      }
      const id = pathname.split('/').at(-1)
      return Response.json({ object: 'block', id, type: 'toggle', toggle: {}, parent: outer })
    })
    const body = await box.run('notion_workspace_tree', testCall('http://notion.test', 'ntn_token'), {})
    expect(body).toMatchObject({ complete: false })
    expect(body.places).toHaveLength(31)
  })
})
