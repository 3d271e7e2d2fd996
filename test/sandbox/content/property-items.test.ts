import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, people } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

describe.each(versions)('single properties in version %s', (version) => {
  let on: Connection
  let pageId: string
  let projectIds: string[]

  beforeAll(async () => {
    on = await notion.connect(version)
    projectIds = []
    for (let index = 0; index < 30; index += 1) {
      const project = await on.client.pages.create({
        parent: { data_source_id: acme.projectsSource },
        properties: { Name: { title: text(`Project ${index}`) } },
      })
      projectIds.push(project.id)
    }
    const page = await on.client.pages.create({
      parent: { data_source_id: acme.tasksSource },
      properties: {
        Task: { title: [...text('A '), { mention: { page: { id: acme.roadmap } } }] },
        Hours: { number: 2 },
        Project: { relation: projectIds.map((id) => ({ id })) },
        Assignee: { people: [{ id: people.acmeOwner }, { id: people.acmeMember }] },
        Notes: { rich_text: Array.from({ length: 40 }, () => ({ mention: { page: { id: acme.roadmap } } })) },
      },
    })
    pageId = page.id
  })

  const item = (property: string, query: { page_size?: number; start_cursor?: string } = {}) =>
    on.client.pages.properties.retrieve({ page_id: pageId, property_id: property, ...query })

  it('returns at most 25 references in pages, and all of them as property items', async () => {
    const page = await on.client.pages.retrieve({ page_id: pageId })
    expect(at(page, 'properties.Project.relation')).toHaveLength(25)
    expect(at(page, 'properties.Project.has_more')).toBe(true)
    expect(at(page, 'properties.Notes.rich_text')).toHaveLength(25)
    const found: string[] = []
    let cursor: string | undefined
    do {
      const part = loose(await item('proj', { page_size: 12, ...(cursor !== undefined && { start_cursor: cursor }) }))
      expect(part).toMatchObject({
        object: 'list',
        type: 'property_item',
        property_item: { id: 'proj', type: 'relation', relation: {} },
      })
      found.push(...(part.results as object[]).map((one) => String(at(one, 'relation.id'))))
      cursor = (part.next_cursor as string | null) ?? undefined
      const url = at(part, 'property_item.next_url')
      const start = `/v1/pages/${pageId}/properties/proj?start_cursor=${cursor}&page_size=12`
      expect(url).toEqual(cursor === undefined ? null : expect.stringContaining(start))
    } while (cursor !== undefined)
    expect(found).toEqual(projectIds)
    expect(at(await item('note'), 'results')).toHaveLength(40)
  })

  it('returns titles and people as lists, other values as single items', async () => {
    const title = await item('title')
    expect(at(title, 'results')).toMatchObject([
      { object: 'property_item', id: 'title', type: 'title', title: { plain_text: 'A ' } },
      { object: 'property_item', type: 'title', title: { type: 'mention', plain_text: 'Q3 roadmap' } },
    ])
    expect(at(await item('assi'), 'results')).toMatchObject([
      { type: 'people', people: { id: people.acmeOwner } },
      { type: 'people', people: { id: people.acmeMember } },
    ])
    expect(await item('hour')).toMatchObject({ object: 'property_item', id: 'hour', type: 'number', number: 2 })
    expect(await item('cost')).toMatchObject({ type: 'formula', formula: { type: 'number', number: 200 } })
    expect(await item('numb')).toMatchObject({ type: 'unique_id', unique_id: { prefix: 'TASK' } })
  })

  it('returns rollups with their value and the related rows', async () => {
    const count = loose(await item('pcnt', { page_size: 10 }))
    expect(count).toMatchObject({
      has_more: true,
      property_item: { type: 'rollup', rollup: { type: 'number', number: 30, function: 'count' } },
    })
    expect(count.results).toHaveLength(10)
  })

  it('returns every property of every seeded row', async () => {
    for (const sourceId of [acme.projectsSource, acme.tasksSource, acme.interviewsSource]) {
      const { results } = await on.client.dataSources.query({ data_source_id: sourceId, page_size: 3 })
      for (const row of results) {
        for (const value of Object.values(at(row, 'properties') as Record<string, { id: string; type: string }>)) {
          const one = await on.client.pages.properties.retrieve({ page_id: row.id, property_id: value.id })
          expect(at(one, 'property_item.type') ?? at(one, 'type')).toBe(value.type)
        }
      }
    }
  })

  it('refuses unknown properties and cursors that it did not issue', async () => {
    expect(await refusal(item('nowhere'))).toMatchObject({ status: 404, code: 'object_not_found' })
    expect(await refusal(item('proj', { start_cursor: 'x' }))).toMatchObject({
      status: 400,
      message: 'The start_cursor provided is invalid: x',
    })
  })
})
