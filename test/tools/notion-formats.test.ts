import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'

const identifier = 'reader'
let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.connect(identifier)
})
afterAll(() => app.stop())

const run = (tool: string, input: Record<string, unknown>, outputFormat = 'RAW') =>
  app.executeTool(identifier, tool, input, { outputFormat })

const calls: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['notion_block_list', { block_id: acme.roadmap }, ['Who owns the mobile app?']],
  ['notion_block_list', { block_id: acme.meetingNotes }, ['https://example.com/minutes', people.acmeMember]],
  ['notion_page_fetch', { page_id: acme.failover, format: 'blocks' }, ['select pg_promote()', 'sql']],
  ['notion_database_query', { database_id: acme.tasks }, []],
  ['notion_comments_fetch', { block_id: acme.meetingNotes }, [people.acmeMember, 'notion_block_list']],
  ['notion_comments_fetch', { block_id: acme.roadmap }, ['notion_block_list']],
  ['notion_database_fetch', { database_id: acme.research }, ['Surveys']],
  ['notion_view_list', { database_id: acme.tasks }, ['Default view', 'table']],
  ['notion_workspace_tree', {}, [acme.roadmap]],
  ['notion_object_locate', { object_id: acme.roadmap }, [acme.roadmap]],
  ['notion_custom_emoji_list', {}, []],
  ['notion_meeting_note_query', { limit: 1 }, []],
]

it.each(calls)(
  '%s %j has the facts of RAW in both text formats, in the form that the schema describes',
  async (...call) => {
    const [toolName, input, facts] = call
    const { data } = await app.graphql(
      'query ($name: String!) { tool(name: $name) { outputSchema(format: COMPACT) markdown: outputSchema(format: MARKDOWN) } }',
      { name: toolName },
    )
    const { outputSchema, markdown } = data['tool'] as { outputSchema: object; markdown: { type: string } }
    const [raw, compact, text] = await Promise.all(
      ['RAW', 'COMPACT', 'MARKDOWN'].map(async (format) => (await run(toolName, input, format))['data']),
    )
    const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(outputSchema)
    expect(isValid(compact) || isValid.errors).toBe(true)
    expect([markdown.type, typeof text]).toEqual(['string', 'string'])
    const { results = [] } = raw as { results?: { id: string; object: string }[] }
    const ids = results.map(({ id }) => id)
    for (const fact of [...ids, ...facts]) {
      expect(JSON.stringify(compact)).toContain(fact)
      expect(text).toContain(fact)
    }
  },
)

it('each tool describes its compact results', async () => {
  const { data } = await app.graphql('{ tools(filter: { set: ALL }) { name outputSchema(format: COMPACT) } }')
  const tools = data['tools'] as readonly { name: string; outputSchema: { required?: string[] } }[]
  expect(tools.length).toBeGreaterThan(40)
  for (const { name, outputSchema } of tools) {
    expect(outputSchema.required, name).toContain('untrusted_notion_content')
    expect(outputSchema, name).toMatchObject({ properties: { untrusted_notion_content: expect.any(Object) } })
  }
})

it('a link that Notion refuses is placed in the input, also where a later request holds it', async () => {
  const refused = { text: { content: 'x', link: { url: 'not a link' } } }
  const children = [
    ...Array.from({ length: 3 }, () => 'fine'),
    { paragraph: { rich_text: [{ text: { content: 'ok' } }, refused] } },
  ]
  for (const [toolName, input, path] of [
    ['notion_block_append', { block_id: acme.roadmap, children }, 'children.3.paragraph.rich_text.1.text.link.url'],
    [
      'notion_comment_create',
      { parent: { page_id: acme.roadmap }, comment: { rich_text: [refused] } },
      'comment.rich_text.0.text.link.url',
    ],
  ] as const) {
    const { data } = await app.graphql(
      `mutation ($input: ExecuteToolInput!) {
        executeTool(input: $input) { __typename ... on InvalidToolInputError { issues { path } } }
      }`,
      { input: { identifier, toolName, toolInput: input } },
    )
    expect(data['executeTool']).toMatchObject({ __typename: 'InvalidToolInputError', issues: [{ path }] })
  }
})
