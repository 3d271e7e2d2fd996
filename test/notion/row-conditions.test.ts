import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { InputIssue } from '../../src/errors.ts'
import { checkFilter } from '../../src/notion/filters.ts'
import { conditionIssues, exactNames, type RowConditions } from '../../src/notion/row-conditions.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeAll(async () => {
  workspace = await startWorkspace()
  await workspace.run('notion_database_insert_row', { database_id: acme.projects, properties: { title: 'x' } })
  await workspace.run('notion_database_insert_row', { database_id: acme.tasks, properties: { title: 'x' } })
})
afterAll(() => workspace.close())

const wrong: readonly [string, object, string, string][] = [
  [
    'a name',
    { filter: { property: 'due date', date: { before: '2026-09-01' } } },
    'filter.property',
    'Did you mean "Due Date"?',
  ],
  [
    'a name within a group',
    { filter: { or: [{ property: 'Stats', select: { equals: 'Done' } }] } },
    'filter.or.0.property',
    '"Status"',
  ],
  ['a type', { filter: { property: 'Status', status: { equals: 'Done' } } }, 'filter.status', 'is a select property'],
  ['an option', { filter: { property: 'Status', select: { equals: 'done' } } }, 'filter.select.equals', '"Done"'],
  ['an operator', { filter: { property: 'Status', select: { equal: 'Done' } } }, 'filter.select.equal', '"equals"'],
  ['no operator', { filter: { property: 'Status', select: {} } }, 'filter.select', 'is_not_empty'],
  [
    'the name of a sort',
    { sorts: [{ timestamp: 'created_time' }, { property: 'DueDate' }] },
    'sorts.1.property',
    '"Due Date"',
  ],
]

const operands: readonly [object, string][] = [
  [{ property: 'Hours', number: { greater_than: '5' } }, 'filter.number.greater_than'],
  [{ property: 'Created', date: { after: 'soon' } }, 'filter.date.after'],
  [{ property: 'Created', date: { past_week: true } }, 'filter.date.past_week'],
  [{ property: 'Billable', checkbox: { equals: 'yes' } }, 'filter.checkbox.equals'],
  [{ property: 'Task', title: { contains: 5 } }, 'filter.title.contains'],
  [{ property: 'Notes', rich_text: { is_empty: false } }, 'filter.rich_text.is_empty'],
  [{ property: 'Project', relation: { contains: 'Status page' } }, 'filter.relation.contains'],
]

describe('filters and sorts are checked before they are sent', () => {
  it.each(wrong)(
    '%s that does not fit is refused with its place and the nearest name',
    async (_what, input, path, message) => {
      const before = (await workspace.requests()).length
      const error = await failure(workspace.run('notion_database_query', { database_id: acme.projects, ...input }))
      expect(error).toMatchObject({
        name: 'InvalidToolInputError',
        issues: [{ path, message: expect.stringContaining(message) }],
      })
      expect((await workspace.requests()).slice(before).filter((one) => one.includes('/query'))).toEqual([])
    },
  )

  it.each([
    { property: 'title', title: { contains: 'x' } },
    { property: 'Task', rich_text: { is_not_empty: true } },
    { property: 'Tags', multi_select: { contains: 'backend' } },
    { property: 'State', status: { does_not_equal: 'Done' } },
    { property: 'Created', date: { past_year: {} } },
    { property: 'Created by', people: { is_not_empty: true } },
    { property: 'Number', unique_id: { greater_than: 0 } },
    { property: 'Cost', formula: { number: { greater_than: 1 } } },
    { property: 'Project', relation: { is_empty: true } },
    { timestamp: 'last_edited_time', last_edited_time: { this_week: {} } },
    {
      and: [
        { property: 'Billable', checkbox: { equals: true } },
        { or: [{ property: 'Hours', number: { less_than: 9 } }] },
      ],
    },
  ])('sends %j unchanged', async (filter) => {
    const sorts = [{ property: 'title' }, { property: 'Hours', direction: 'descending' }]
    const body = await workspace.run('notion_database_query', { database_id: acme.tasks, filter, sorts })
    expect(body).toMatchObject({ object: 'list' })
  })

  it.each(operands)('refuses %j without a request', async (filter, path) => {
    const before = (await workspace.requests()).length
    const error = await failure(workspace.run('notion_database_query', { database_id: acme.tasks, filter }))
    expect(error).toMatchObject({ name: 'InvalidToolInputError', issues: [{ path }] })
    expect((await workspace.requests()).length).toBe(before)
  })

  it('accepts the name of a group of a status, and lists the groups with the options', () => {
    const named = (name: string) => ({ id: `id-${name}`, name })
    const status = { id: 's', name: 'State', type: 'status', options: [named('Done')], groups: [named('Complete')] }
    const select = { ...status, id: 'p', name: 'Priority', type: 'select', groups: [] }
    const filterBy = (property: string, type: string, condition: object) => ({
      filter: { property, [type]: condition } as NonNullable<RowConditions['filter']>,
    })
    const found = filterBy('State', 'status', { equals: ['Com\u200bplete', 'Done'] })
    expect(conditionIssues([status, select], found)).toEqual([])
    expect(exactNames([status], found)).toMatchObject({ filter: { status: { equals: ['Complete', 'Done'] } } })
    expect(conditionIssues([status, select], filterBy('State', 'status', { equals: 'Complet' }))).toMatchObject([
      { message: expect.stringContaining('Available options: "Done", "Complete"') },
    ])
    expect(conditionIssues([status, select], filterBy('Priority', 'select', { equals: 'Complete' }))).toHaveLength(1)
  })

  it('accepts relative days and "me"', () => {
    const issues: InputIssue[] = []
    const date = { property: 'Created', date: { on_or_before: 'one_week_from_now' } }
    const people = { property: 'Assignee', people: { contains: 'me' } }
    checkFilter({ and: [date, people] }, { path: 'filter', issues })
    expect(issues).toEqual([])
  })

  it('accepts a link as the page of a relation', async () => {
    const all = await workspace.run('notion_database_query', {
      database_id: acme.tasks,
      filter: { property: 'Project', relation: { is_not_empty: true } },
    })
    const [row] = all.results as { properties: { Project: { relation: { id: string }[] } } }[]
    const id = String(row?.properties.Project.relation[0]?.id)
    const contains = `https://app.notion.com/p/A-project-${id.replaceAll('-', '')}`
    const filter = { and: [{ property: 'Project', relation: { contains } }] }
    const found = await workspace.run('notion_database_query', { database_id: acme.tasks, filter })
    expect(found.results).not.toEqual([])
  })

  it('reports all unknown properties at once', async () => {
    const input = { database_id: acme.projects, property_id: ['Statsu', 'Name', 'Prio'] }
    expect(await failure(workspace.run('notion_database_property_retrieve', input))).toMatchObject({
      issues: [{ path: 'property_id.0' }, { path: 'property_id.2' }],
    })
  })

  it('accepts an option that was added in Notion after the schema was cached', async () => {
    const client = { id: 'c9', secret: 'a-secret' }
    const { access_token } = await workspace.sandbox.connect({ clientId: client.id }, client)
    const options = ['Not Started', 'In Progress', 'Done', 'Parked'].map((name) => ({ name }))
    await workspace.sandbox.call(access_token, 'PATCH', `/v1/data_sources/${acme.projectsSource}`, {
      properties: { Status: { select: { options } } },
    })
    const filter = { property: 'Status', select: { equals: 'Parked' } }
    expect(await workspace.run('notion_database_query', { database_id: acme.projects, filter })).toMatchObject({
      results: [],
    })
  })
})
