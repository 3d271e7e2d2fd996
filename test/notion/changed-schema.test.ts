import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
let token = ''
beforeEach(async () => {
  workspace = await startWorkspace()
  token = (await workspace.sandbox.connect({ clientId: 'c9' }, { id: 'c9', secret: 'a-secret' })).access_token
  await workspace.run('notion_database_insert_row', { database_id: acme.projects, properties: { title: 'before' } })
})
afterEach(() => workspace.close())

/** Changes columns in Notion, without notice to the tools. */
async function change(properties: object): Promise<void> {
  const { status } = await workspace.sandbox.call(token, 'PATCH', `/v1/data_sources/${acme.projectsSource}`, {
    properties,
  })
  expect(status).toBe(200)
}

const insert = (properties: object) =>
  workspace.run('notion_database_insert_row', { database_id: acme.projects, properties })
const titleOf = (page: Record<string, unknown>) =>
  Object.values(page.properties as Record<string, { type: string; title?: { plain_text: string }[] }>).find(
    ({ type }) => type === 'title',
  )?.title?.[0]?.plain_text

describe('properties that changed in Notion after they were cached', () => {
  it('accepts "title" after the title property was renamed', async () => {
    await change({ Name: { name: 'Project' } })
    expect(titleOf(await insert({ title: 'after' }))).toBe('after')
    await change({ Project: { name: 'What' } })
    const page_id = 'ac3e0000-0000-4000-8101-000000000003'
    expect(titleOf(await workspace.run('notion_page_update', { page_id, properties: { title: 'new' } }))).toBe('new')
  })

  it('accepts a new property at once', async () => {
    await change({ Effort: { number: {} } })
    expect(await insert({ title: 'x', Effort: 5 })).toMatchObject({ properties: { Effort: { number: 5 } } })
  })

  it('accepts values of the new type of a property', async () => {
    await change({ Status: { rich_text: {} } })
    expect(await insert({ title: 'x', Status: 'Done' })).toMatchObject({
      properties: { Status: { rich_text: [{ plain_text: 'Done' }] } },
    })
  })

  it('refuses a removed property and lists the available and the nearest names', async () => {
    await change({ 'Due Date': { name: 'Due Dates' } })
    for (const attempt of [1, 2]) {
      expect(await failure(insert({ title: 'x', 'Due Date': '2026-07-15' })), `${attempt}`).toMatchObject({
        name: 'InvalidToolInputError',
        issues: [{ path: 'properties.Due Date', message: expect.stringContaining('Did you mean "Due Dates"?') }],
      })
    }
  })

  it('requires a choice of data source once a read of the database shows a second one', async () => {
    const columns = { Name: { title: {} } }
    const { status } = await workspace.sandbox.call(token, 'POST', '/v1/data_sources', {
      parent: { type: 'database_id', database_id: acme.projects },
      properties: columns,
      title: [{ text: { content: 'Second' } }],
    })
    expect(status).toBe(200)
    await workspace.run('notion_database_fetch', { database_id: acme.projects })
    expect((await failure(insert({ title: 'x' }))).name).toBe('AmbiguousDataSourceError')
  })
})
