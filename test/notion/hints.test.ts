import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AmbiguousDataSourceError, InvalidToolInputError, ToolError } from '../../src/errors.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { inputSchema } from '../../src/tools/schema-node.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
let databaseId = ''
beforeAll(async () => {
  workspace = await startWorkspace()
  const made = await workspace.run('notion_database_create', {
    parent: { page_id: acme.product },
    title: 'Times',
    properties: { Name: 'title', Made: 'created_time', Changed: 'last_edited_time', Day: 'date', Size: 'number' },
  })
  databaseId = String(made.id)
})
afterAll(() => workspace.close())

type Input = Record<string, unknown>

/** Follows advice until the call succeeds. Fails where the advice leads nowhere within a few calls. */
async function follow(name: string, input: Input, advise: (error: ToolError, input: Input) => Input) {
  let current = input
  for (let count = 0; count < 4; count += 1) {
    try {
      await workspace.run(name, current)
      return current
    } catch (error) {
      if (!(error instanceof ToolError)) throw error
      const next = advise(error, current)
      expect(next).not.toEqual(current)
      current = next
    }
  }
  throw new Error(`The advice leads nowhere: ${JSON.stringify(current)}`)
}

const after = { after: '2020-01-01' }
const firstIssue = (error: ToolError) => {
  expect(error).toBeInstanceOf(InvalidToolInputError)
  const [issue] = (error as InvalidToolInputError).issues
  return issue ?? { path: '', message: '' }
}

/** Follows the message about a filter or sort. */
function correct(error: ToolError, input: Input): Input {
  const { path, message } = firstIssue(error)
  const [list, index] = path.split('.')
  const timestamp = /\{"timestamp": "(\w+)"/.exec(message)?.[1]
  if (list === 'sorts') {
    expect(timestamp).toBeDefined()
    const sorts = [...(input.sorts as Input[])]
    sorts[Number(index)] = { timestamp }
    return { ...input, sorts }
  }
  const filter = input.filter as Input
  const condition = Object.keys(filter).find((key) => !['property', 'timestamp'].includes(key)) ?? ''
  if (timestamp !== undefined) return { ...input, filter: { timestamp, [timestamp]: filter[condition] } }
  const allowed = /^must be "(\w+)"/.exec(message)?.[1]
  if (allowed !== undefined) return { ...input, filter: { ...filter, [path.split('.').at(-1) ?? '']: allowed } }
  const type = /^must be \{"(\w+)": …\}/.exec(message)?.[1] ?? ''
  const { [condition]: operators, ...others } = filter
  return { ...input, filter: { ...others, [type]: operators } }
}

describe('following the advice about a query', () => {
  const conditions = ['created_time', 'last_edited_time', 'date']
  const places = [
    ...['Made', 'Changed', 'Day', 'created_time', 'last_edited_time', 'Updated at'].map((property) => ({ property })),
    ...['created_time', 'last_edited_time', 'date', 'created'].map((timestamp) => ({ timestamp })),
  ]
  it.each(['Name', 'Link', 'Phone', 'Notes', 'By', 'Nr', 'Size', 'Day'])(
    'leads from any condition on %s to one that fits',
    async (property) => {
      const made = await workspace.run('notion_database_create', {
        parent: { page_id: acme.product },
        title: 'Kinds',
        properties: {
          ...{ Name: 'title', Link: 'url', Phone: 'phone_number', Notes: 'rich_text', By: 'created_by' },
          ...{ Nr: 'unique_id', Size: 'number', Day: 'date' },
        },
      })
      const types = [
        'title',
        'rich_text',
        'url',
        'email',
        'phone_number',
        'date',
        'created_time',
        'number',
        'unique_id',
      ]
      for (const type of [...types, 'people', 'created_by', 'last_edited_by']) {
        const filter = { property, [type]: { is_not_empty: true } }
        await follow('notion_database_query', { database_id: made.id, filter }, (error, input) => {
          const wanted = /^must be \{"(\w+)": …\}/.exec(firstIssue(error).message)?.[1] ?? ''
          return { ...input, filter: { property, [wanted]: { is_not_empty: true } } }
        })
      }
    },
  )

  const filters = places.flatMap((place) => conditions.map((condition) => ({ ...place, [condition]: after })))
  it.each(filters)('leads from the filter %j to rows', async (filter) => {
    const found = await follow('notion_database_query', { database_id: databaseId, filter }, correct)
    expect(found.filter).toBeDefined()
  })

  it.each(['created_time', 'last_edited_time', 'Created at', 'last modified'])(
    'leads from a sort by %s to a sort by the timestamp',
    async (property) => {
      const sorts = [{ property: 'Name' }, { property, direction: 'descending' }]
      await follow('notion_database_query', { database_id: databaseId, sorts }, correct)
    },
  )
})

it('advises on several data sources with an input that the tool has', async () => {
  const relation = { Related: { relation: { data_source_id: acme.research } } }
  const inputs: readonly (readonly [string, Input])[] = [
    ...workspace.box.tools
      .filter(({ input }) => 'database_id' in (inputSchema(input).properties ?? {}))
      .map((tool): [string, Input] => {
        const known = inputSchema(tool.input).properties ?? {}
        const properties = tool.name === 'notion_data_source_create' ? { Name: 'title' } : { title: 'x' }
        const values: Input = {
          ...{ page_id: acme.failover, properties, property_id: 'title', title: 'x' },
          ...(tool.name === 'notion_view_create' && { page_id: undefined, name: 'x', type: 'table' }),
        }
        const given = Object.keys(values).filter((key) => key in known)
        return [
          tool.name,
          { database_id: acme.research, ...Object.fromEntries(given.map((key) => [key, values[key]])) },
        ]
      }),
    [
      'notion_database_create',
      { parent: { page_id: acme.product }, title: 'x', properties: { Name: 'title', ...relation } },
    ],
    ['notion_data_source_update', { data_source_id: acme.surveysSource, properties: relation }],
  ]
  let ambiguous = 0
  for (const [name, input] of inputs) {
    await follow(name, input, (error, current) => {
      if (!(error instanceof AmbiguousDataSourceError)) throw error
      ambiguous += 1
      const [, path = '', id = ''] = /^Pass (\S+) with one of: [^(]*\(([\w-]+)\)/.exec(error.hint) ?? []
      const next = structuredClone(current)
      const steps = path.split('.')
      const last = steps.pop() ?? ''
      const place = steps.reduce<Input>((at, step) => at[step] as Input, next)
      place[last] = id
      return next
    })
  }
  expect(ambiguous).toBeGreaterThan(5)
})

describe('the names in advice', () => {
  const root = join(import.meta.dirname, '../../src/notion')
  const texts = readdirSync(root, { recursive: true, encoding: 'utf8' })
    // Results in examples are cut, also within names.
    .filter((name) => name.endsWith('.ts') && !name.startsWith('shape') && name !== 'tool-examples.ts')
    .map((name) => readFileSync(join(root, name), 'utf8'))
    .join('\n')

  it('are names of tools and of their inputs', () => {
    const names = new Set(workspace.box.tools.map(({ name }) => name))
    const mentioned = [...texts.matchAll(/(?:Call|call|or|with|then) (notion_\w+)/g)].map(([, name = '']) => name)
    expect(mentioned.length).toBeGreaterThan(20)
    for (const name of mentioned) expect(names).toContain(name)
    const calls = [...texts.matchAll(/((?:notion_\w+(?: or )?)+) with it as (\w+)/g)]
    expect(calls.length).toBeGreaterThan(6)
    for (const [, tools = '', parameter = ''] of calls) {
      for (const tool of tools.split(' or ')) {
        expect(Object.keys(inputSchema(workspace.box.tool(tool).input).properties ?? {})).toContain(parameter)
      }
    }
  })

  it('suggest no tool for another kind of object', () => {
    const catalogue = createToolCatalogue(workspace.box.tools.filter(({ name }) => !/view|emoji|agent/.test(name)))
    for (const name of ['notion_view_list', 'notion_agent_create', 'notion_emoji_fetch', 'notion_listViews']) {
      expect(catalogue.suggest(name)).toEqual([])
    }
    expect(catalogue.suggest('notion_row_delete')).not.toContain('notion_user_list')
    expect(catalogue.suggest('notion_users')).toContain('notion_user_list')
  })
})

it('advice about a wrong kind of id names a tool that takes the id', async () => {
  const ids = { page: acme.roadmap, database: acme.projects, data_source: acme.projectsSource }
  const tools = ['notion_page_fetch', 'notion_block_list', 'notion_data_source_fetch', 'notion_comments_fetch']
  for (const name of tools) {
    const [parameter = ''] = Object.keys(inputSchema(workspace.box.tool(name).input).properties ?? {})
    for (const id of Object.values(ids)) {
      const error = await workspace.run(name, { [parameter]: id }).then(
        () => null,
        (thrown: unknown) => thrown as ToolError,
      )
      if (error === null) continue
      const [, tool = '', input = ''] = /Call (notion_\w+)(?: or notion_\w+)* with it as (\w+)/.exec(error.hint) ??
        /Call (notion_page_fetch) to read/.exec(error.hint) ?? ['', '', '']
      await workspace.run(tool, { [input || 'page_id']: id })
    }
  }
})

it('a hint of a refusal without a place names what is to be changed', async () => {
  const error = await failure(
    workspace.run('notion_database_query', { database_id: databaseId, sorts: [{ timestamp: 'x' }] }),
  )
  expect(firstIssue(error as ToolError)).toMatchObject({
    path: 'sorts.0',
    message: expect.stringContaining('created_time'),
  })
})
