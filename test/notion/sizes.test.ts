import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startWorkspace, type TestWorkspace } from './workspace.ts'

describe('sizes of a query of fifty rows', () => {
  let workspace: TestWorkspace
  beforeAll(async () => {
    workspace = await startWorkspace()
  })
  afterAll(() => workspace.close())

  it('has at most a fifth of the raw size in compact form and less as text', async () => {
    for (let row = 0; row < 45; row += 1) {
      await workspace.run('notion_database_insert_row', {
        database_id: acme.projects,
        properties: { title: `Row ${row}`, Status: 'In Progress', 'Due Date': '2026-09-01', Priority: 'Medium' },
      })
    }
    const body = await workspace.run('notion_database_query', { database_id: acme.projects, page_size: 50 })
    expect(body.results).toHaveLength(50)
    const tool = workspace.box.tool('notion_database_query')
    const raw = JSON.stringify(body).length
    const compact = JSON.stringify(tool.toCompact(body, {})).length
    const text = tool.toMarkdown(body, {}).length
    console.log(`50 rows: RAW ${raw}, COMPACT ${compact} (${Math.round((100 * compact) / raw)} %), MARKDOWN ${text}`)
    expect(compact).toBeLessThanOrEqual(raw / 5)
    expect(text).toBeLessThan(compact)
    expect(JSON.stringify(tool.toCompact(body, {}))).toContain(String(body.next_cursor))
    expect(tool.toMarkdown(body, {})).toContain(String(body.next_cursor))
  })
})
