import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWorkspace, type TestWorkspace } from './workspace.ts'

const projects = '2561ab6c-418b-8072-beec-c4779fa811cf'
const meetingNotes = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

describe('the examples of the product page', () => {
  let workspace: TestWorkspace
  beforeAll(async () => {
    workspace = await startWorkspace()
  })
  afterAll(() => workspace.close())

  it('finds pages and databases by words of the title', async () => {
    const body = await workspace.run('notion_data_fetch', { query: 'Q3 roadmap', page_size: 10 })
    expect(body).toMatchObject({ object: 'list', has_more: false })
    expect(body.results).toHaveLength(4)
  })

  it('returns rows sorted by a property', async () => {
    const body = await workspace.run('notion_database_query', {
      database_id: projects,
      page_size: 50,
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
    })
    const { rows } = workspace.box.tool('notion_database_query').toResult(body, {}) as {
      rows: { properties: { name: string; value: unknown }[] }[]
    }
    const dates = rows.flatMap(({ properties }) => {
      const due = properties.find(({ name }) => name === 'Due Date')?.value
      return typeof due === 'string' ? [due] : []
    })
    expect(dates.length).toBeGreaterThan(5)
    expect(dates).toEqual([...dates].sort())
  })

  it('inserts a row with "title" as the key of the title property', async () => {
    const body = await workspace.run('notion_database_insert_row', {
      database_id: projects,
      properties: {
        title: { title: [{ text: { content: 'Q3 Roadmap Review' } }] },
        Status: { select: { name: 'Not Started' } },
        'Due Date': { date: { start: '2026-07-15' } },
        Priority: { select: { name: 'High' } },
      },
    })
    expect(workspace.box.tool('notion_database_insert_row').toCompact(body, {})).toMatchObject({
      untrusted_notion_content: {
        Name: 'Q3 Roadmap Review',
        Status: 'Not Started',
        'Due Date': '2026-07-15',
        Priority: 'High',
      },
    })
  })

  it('creates a page with blocks under a page', async () => {
    const body = await workspace.run('notion_page_create', {
      parent_page_id: meetingNotes,
      properties: { title: { title: [{ text: { content: 'Meeting Notes — 2026-07-01' } }] } },
      child_blocks: [
        {
          object: 'block',
          type: 'paragraph',
          paragraph: { rich_text: [{ type: 'text', text: { content: "Action items from today's sync." } }] },
        },
      ],
    })
    const page = await workspace.run('notion_page_fetch', { page_id: body.id })
    expect(page).toMatchObject({ id: body.id, markdown: "Action items from today's sync." })
  })
})
