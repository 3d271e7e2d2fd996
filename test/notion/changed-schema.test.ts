import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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

/** Changes columns as somebody does in Notion: without a word to the tools. */
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

describe('Columns that were changed in Notion since they were read', () => {
  test('"title" is the title, whatever the title is called by now', async () => {
    await change({ Name: { name: 'Project' } })
    expect(titleOf(await insert({ title: 'after' }))).toBe('after')
    await change({ Project: { name: 'What' } })
    const page_id = 'ac3e0000-0000-4000-8101-000000000003'
    expect(titleOf(await workspace.run('notion_page_update', { page_id, properties: { title: 'new' } }))).toBe('new')
  })

  test('a new column can be used at once', async () => {
    await change({ Effort: { number: {} } })
    expect(await insert({ title: 'x', Effort: 5 })).toMatchObject({ properties: { Effort: { number: 5 } } })
  })

  test('a column of another type takes values of its type', async () => {
    await change({ Status: { rich_text: {} } })
    expect(await insert({ title: 'x', Status: 'Done' })).toMatchObject({
      properties: { Status: { rich_text: [{ plain_text: 'Done' }] } },
    })
  })

  test('a column that is gone is refused with what is there and what is nearest', async () => {
    await change({ 'Due Date': { name: 'Due Dates' } })
    for (const attempt of [1, 2]) {
      expect(await failure(insert({ title: 'x', 'Due Date': '2026-07-15' })), `${attempt}`).toMatchObject({
        name: 'InvalidToolInputError',
        issues: [{ path: 'properties.Due Date', message: expect.stringContaining('Did you mean "Due Dates"?') }],
      })
    }
  })

  test('a table that was added is seen as soon as the database is read, and then one has to be chosen', async () => {
    const columns = { Name: { title: {} } }
    const { status } = await workspace.sandbox.call(token, 'POST', '/v1/data_sources', {
      ...{ parent: { type: 'database_id', database_id: acme.projects }, properties: columns },
      title: [{ text: { content: 'Second' } }],
    })
    expect(status).toBe(200)
    await workspace.run('notion_database_fetch', { database_id: acme.projects })
    expect((await failure(insert({ title: 'x' }))).name).toBe('AmbiguousDataSourceError')
  })
})
