import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { propertyValues } from '../../src/notion/shape/property-value.ts'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import fc from '../support/fast-check.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
let data_source_id: string
let related: string
beforeAll(async () => {
  workspace = await startWorkspace()
  const database = await workspace.run('notion_database_create', {
    parent: { page_id: acme.roadmap },
    title: 'Round trip',
    properties: {
      ...{ Name: 'title', Notes: 'rich_text', Amount: 'number', When: 'date', Owner: 'people', Files: 'files' },
      ...{ OK: 'checkbox', Site: 'url', Mail: 'email', Phone: 'phone_number', id: 'number', By: 'created_by' },
      Stage: { select: { options: ['New', 'Old'] } },
      Tags: { multi_select: { options: ['a', 'b', 'c'] } },
      Project: { relation: { data_source_id: acme.projectsSource } },
      Twice: { formula: { expression: '2' } },
      Key: { unique_id: { prefix: 'K' } },
    },
  })
  data_source_id = (database.data_sources as [{ id: string }])[0].id
  const { results } = await workspace.run('notion_database_query', { database_id: acme.projects, page_size: 1 })
  related = (results as [{ id: string }])[0].id
})
afterAll(() => workspace.close())

type Properties = Record<string, Record<string, unknown>>
const insert = (properties: object) =>
  workspace.run('notion_database_insert_row', { database_id: data_source_id, properties })
const compact = (page: object) => {
  const result = workspace.box.tool('notion_page_update').toCompact(page, {} as never)
  return (result as { untrusted_notion_content: Record<string, unknown> }).untrusted_notion_content
}
const held = (page: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(page.properties as Properties).map(([name, { type, ...value }]) => [name, value[String(type)]]),
  )

const word = fc.stringMatching(/^[a-z]{1,12}$/)
const day = fc.constantFrom('2026-07-15', '2027-01-02')
const values = fc.record(
  {
    Name: word,
    Notes: word,
    Amount: fc.integer(),
    id: fc.integer(),
    When: fc.oneof(
      day,
      day.map((start) => ({ start, end: '2028-01-01' })),
      day.map((start) => ({ start: `${start}T10:00:00`, time_zone: 'Europe/Berlin' })),
    ),
    Owner: fc.subarray([people.acmeOwner, people.acmeMember], { minLength: 1 }),
    Files: fc.array(
      word.map((name) => ({ name, external: { url: `https://a.example/${name}.png` } })),
      { minLength: 1, maxLength: 2 },
    ),
    OK: fc.boolean(),
    Site: word.map((name) => `https://${name}.example/`),
    Mail: word.map((name) => `${name}@b.example`),
    Phone: word,
    Stage: fc.constantFrom('New', 'Old'),
    Tags: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
  },
  { requiredKeys: ['Name'] },
)
const readOnly = ['Twice', 'Key', 'By']

describe('results are accepted as inputs', () => {
  it('every value of COMPACT, MARKDOWN and typed results is written back unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(values, async (given) => {
        const page = await insert({ ...given, Project: [related] })
        const before = held(page)
        const keys = ['id', 'url', 'parent', 'last_edited_time', ...readOnly]
        const shown = Object.entries(compact(page)).filter(([key]) => !keys.includes(key))
        const typed = propertyValues(page).filter(({ name }) => !readOnly.includes(name))
        const forms = [
          Object.fromEntries(shown),
          Object.fromEntries(typed.map(({ name, value }) => [name, value])),
          Object.fromEntries(typed.map(({ name, markdown }) => [name, markdown])),
        ]
        for (const properties of forms) {
          const again = await workspace.run('notion_page_update', { page_id: page.id, properties })
          expect(held(again)).toEqual(before)
        }
      }),
      { numRuns: 8 },
    )
  })

  it.each(readOnly)('refuses %s, which Notion computes, with its place', async (name) => {
    const page = await insert({ Name: 'x' })
    const properties = { [name]: compact(page)[name] }
    expect(await failure(workspace.run('notion_page_update', { page_id: page.id, properties }))).toMatchObject({
      issues: [{ path: `properties.${name}`, message: expect.stringContaining('Notion computes') }],
    })
  })

  it('people are taken by name or address, and refused with candidates', async () => {
    const { results } = await workspace.run('notion_user_list', {})
    const users = results as { id: string; name: string; person?: { email: string } }[]
    const [user] = users.filter(({ person }) => person !== undefined)
    for (const name of [user?.name, user?.name.toUpperCase(), user?.person?.email, { name: user?.name }]) {
      const page = await insert({ Name: 'x', Owner: [name] })
      expect((page.properties as Properties).Owner?.people).toMatchObject([{ id: user?.id }])
    }
    const error = await failure(insert({ Name: 'x', Owner: ['Zaphod'] }))
    expect(error).toMatchObject({
      issues: [{ path: 'properties.Owner.0', message: expect.stringContaining(`${user?.name} is ${user?.id}`) }],
    })
  })
})
