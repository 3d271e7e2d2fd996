import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvalidToolInputError } from '../../src/errors.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeAll(async () => {
  workspace = await startWorkspace()
})
afterAll(() => workspace.close())

// What a program sees as a property of every object.
const inherited = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', '__defineGetter__']
const byName = <Value>(value: (name: string, index: number) => Value) =>
  Object.fromEntries(inherited.map((name, index) => [name, value(name, index)]))
const own = (object: unknown, key: string): unknown =>
  Object.getOwnPropertyDescriptor(object as object, key)?.value as unknown

describe('names that every object inherits', () => {
  it('are names of properties and options like any other, in inputs and results', async () => {
    const database = await workspace.run('notion_database_create', {
      parent: { page_id: acme.roadmap },
      title: 'Inherited names',
      properties: { Name: 'title', ...byName(() => ({ number: {} })), Choice: { select: { options: inherited } } },
    })
    // A spread assigns "__proto__" as any other key.
    const database_id = String(database.id)
    const described = workspace.box
      .tool('notion_database_fetch')
      .toCompact(await workspace.run('notion_database_fetch', { database_id }), {} as never) as {
      untrusted_notion_content: { data_sources: { properties: object }[] }
    }
    const columns = described.untrusted_notion_content.data_sources[0]?.properties ?? {}
    for (const name of inherited) expect(own(columns, name)).toBe('number')

    for (const name of inherited) {
      const row = await workspace.run('notion_database_insert_row', {
        database_id,
        properties: { Name: name, Choice: name, ...byName((_name, index) => index + 1) },
      })
      const properties = row.properties as object
      for (const [index, key] of inherited.entries()) expect(own(properties, key)).toMatchObject({ number: index + 1 })
      const compact = workspace.box.tool('notion_database_insert_row').toCompact(row, {} as never) as {
        untrusted_notion_content: object
      }
      const shown = compact.untrusted_notion_content
      for (const [index, key] of inherited.entries()) expect(own(shown, key)).toBe(index + 1)
      expect(own(shown, 'Choice')).toBe(name)
      const changed = await workspace.run('notion_page_update', {
        page_id: row.id,
        properties: Object.fromEntries([[name, 77]]),
      })
      expect(own(changed.properties, name)).toMatchObject({ number: 77 })
      const found = await workspace.run('notion_database_query', {
        database_id,
        filter: {
          and: [
            { property: name, number: { equals: 77 } },
            { property: 'Choice', select: { equals: name } },
          ],
        },
        sorts: [{ property: name, direction: 'ascending' }],
      })
      expect(found.results).toMatchObject([{ id: row.id }])
    }

    const view = await workspace.run('notion_view_create', {
      database_id,
      name: 'Filters',
      type: 'table',
      quick_filters: byName(() => ({ number: { equals: 77 } })),
      configuration: { properties: inherited.map((property_id) => ({ property_id, visible: true })) },
    })
    expect(Object.keys(view.quick_filters as object)).toHaveLength(inherited.length)
    const [{ id: data_source_id }] = database.data_sources as [{ id: string }]
    const changes = await workspace
      .run('notion_data_source_update', { data_source_id, properties: byName(() => null) })
      .catch((error: unknown) => error)
    expect(changes).not.toBeInstanceOf(Error)
    const after = await workspace.run('notion_database_fetch', { database_id })
    const [source] = after.data_sources as { properties: object }[]
    expect(Object.keys(source?.properties ?? {}).sort()).toEqual(['Choice', 'Name'])
  })

  const database_id = acme.projects
  const keyed = (name: string, value: unknown) => Object.fromEntries([[name, value]])
  it.each(inherited)('are unknown where %s is not known, with its place', async (name) => {
    const inputs: readonly [string, object, string][] = [
      [
        'notion_database_query',
        { database_id, filter: { property: 'Status', ...keyed('x', 1), select: keyed(name, 'Done') } },
        '',
      ],
      [
        'notion_database_query',
        {
          database_id,
          filter: Object.fromEntries([
            ['property', 'Status'],
            [name, { equals: 'Done' }],
          ]),
        },
        'filter',
      ],
      [
        'notion_database_query',
        { database_id, filter: { property: 'Status', select: keyed(name, 'Done') } },
        `filter.select.${name}`,
      ],
      [
        'notion_database_query',
        { database_id, filter: { property: name, select: { equals: 'Done' } } },
        'filter.property',
      ],
      [
        'notion_database_query',
        { database_id, filter: { property: 'Status', select: { equals: name } } },
        'filter.select.equals',
      ],
      [
        'notion_database_query',
        { database_id, filter: { property: 'Status', rollup: { any: keyed(name, {}) } } },
        'filter.rollup.any',
      ],
      [
        'notion_database_query',
        { database_id, filter: { property: 'Status', formula: keyed(name, {}) } },
        `filter.formula.${name}`,
      ],
      ['notion_database_query', { database_id, sorts: [{ property: 'Status', direction: name }] }, 'sorts.0.direction'],
      ['notion_database_query', { database_id, sorts: [{ property: name }] }, 'sorts.0.property'],
      ['notion_database_insert_row', { database_id, properties: keyed(name, 'x') }, `properties.${name}`],
      ['notion_database_insert_row', { database_id, properties: { Status: name } }, 'properties.Status'],
      ['notion_database_insert_row', { database_id, properties: { Status: keyed(name, 'Done') } }, `properties.Status`],
      [
        'notion_database_insert_row',
        {
          database_id,
          properties: {
            'Due Date': Object.fromEntries([
              ['start', '2026-01-01'],
              [name, 1],
            ]),
          },
        },
        `properties.Due Date.${name}`,
      ],
      [
        'notion_page_create',
        { parent_page_id: acme.roadmap, properties: { title: 'x' }, child_blocks: [{ type: name }] },
        'child_blocks.0',
      ],
      [
        'notion_page_create',
        { parent_page_id: acme.roadmap, properties: { title: 'x' }, child_blocks: [keyed(name, {})] },
        'child_blocks.0',
      ],
      [
        'notion_page_create',
        {
          parent_page_id: acme.roadmap,
          properties: { title: 'x' },
          child_blocks: [
            {
              paragraph: Object.fromEntries([
                ['rich_text', 'x'],
                [name, 1],
              ]),
            },
          ],
        },
        `child_blocks.0.paragraph.${name}`,
      ],
      [
        'notion_page_create',
        {
          parent_page_id: acme.roadmap,
          properties: { title: 'x' },
          child_blocks: [{ code: { rich_text: 'x', language: name } }],
        },
        'child_blocks.0.code.language',
      ],
      [
        'notion_page_create',
        {
          parent_page_id: acme.roadmap,
          properties: { title: 'x' },
          child_blocks: [{ paragraph: { rich_text: [{ mention: keyed(name, { id: acme.roadmap }) }] } }],
        },
        'child_blocks.0.paragraph.rich_text.0.mention',
      ],
      [
        'notion_page_create',
        {
          parent_page_id: acme.roadmap,
          properties: { title: 'x' },
          child_blocks: [{ paragraph: { rich_text: [{ mention: { type: name, id: acme.roadmap } }] } }],
        },
        'child_blocks.0.paragraph.rich_text.0.mention',
      ],
      [
        'notion_page_create',
        { parent_page_id: acme.roadmap, properties: { title: 'x' }, icon: keyed(name, 'x') },
        'icon',
      ],
      [
        'notion_database_create',
        { parent: { page_id: acme.roadmap }, title: 'x', properties: { Name: 'title', X: name } },
        'properties.X',
      ],
      [
        'notion_database_create',
        { parent: { page_id: acme.roadmap }, title: 'x', properties: { Name: 'title', X: { type: name } } },
        'properties.X',
      ],
      [
        'notion_database_create',
        {
          parent: { page_id: acme.roadmap },
          title: 'x',
          properties: { Name: 'title', X: { select: keyed(name, []) } },
        },
        `properties.X.select.${name}`,
      ],
      ['notion_data_fetch', { filter: { property: 'object', value: name } }, 'filter.value'],
      [
        'notion_view_create',
        { database_id, name: 'x', type: 'board', configuration: { group_by: name } },
        'configuration.group_by',
      ],
      [
        'notion_view_create',
        { database_id, name: 'x', type: 'table', quick_filters: keyed(name, { select: { equals: 'Done' } }) },
        `quick_filters.${name}`,
      ],
      ['notion_page_fetch', { page_id: `${name} ${acme.roadmap}` }, 'page_id'],
    ]
    for (const [tool, input, path] of inputs) {
      const error = await failure(workspace.run(tool, input))
      expect(error, JSON.stringify(input)).toBeInstanceOf(InvalidToolInputError)
      const { issues } = error as InvalidToolInputError
      expect(
        issues.some((issue) => issue.path.startsWith(path)),
        `${JSON.stringify(input)} ${JSON.stringify(issues)}`,
      ).toBe(true)
    }
  })
})
