import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { modelSchema } from '../../src/tools/json-schema.ts'
import { toolbox } from './support.ts'

const { tools } = toolbox()

/** A definition as OpenAI's function tools take it, strict. */
const tokens = (names: (name: string, inDefaultSet: boolean) => boolean) =>
  tools
    .filter((tool) => names(tool.name, tool.inDefaultSet))
    .map((tool) => ({
      type: 'function',
      function: { name: tool.name, description: tool.description, parameters: modelSchema(tool), strict: true },
    }))
    .reduce((sum, definition) => sum + encode(JSON.stringify(definition)).length, 0)

describe('The definitions that models pay for', () => {
  test('the ten of the default set stay below 1500 tokens, all together below 8000', () => {
    const ten = tokens((name, inDefaultSet) => inDefaultSet && name !== 'notion_page_fetch')
    const all = tokens(() => true)
    console.log(`definitions in o200k tokens: ten ${ten}, all ${tools.length} ${all}`)
    expect(ten).toBeLessThan(1500)
    expect(all).toBeLessThan(8000)
  })

  test.each(tools.map((tool) => [tool.name, tool] as const))('%s describes each of its parameters', (_name, tool) => {
    const { properties } = modelSchema(tool) as { properties: Record<string, { description?: string }> }
    const short = Object.keys(properties).filter((name) => (properties[name]?.description ?? '').length < 4)
    expect(short).toEqual([])
  })

  test('the default set is the ten and notion_page_fetch, in the order of the catalogue', () => {
    expect(tools.filter(({ inDefaultSet }) => inDefaultSet).map(({ name }) => name)).toEqual([
      'notion_data_fetch',
      'notion_page_create',
      'notion_database_create',
      'notion_database_fetch',
      'notion_database_insert_row',
      'notion_database_property_retrieve',
      'notion_database_query',
      'notion_comment_create',
      'notion_comment_retrieve',
      'notion_comments_fetch',
      'notion_page_fetch',
    ])
  })

  test('names are unique and no hint names a tool that does not exist', async () => {
    const names = new Set(tools.map(({ name }) => name))
    expect(names.size).toBe(tools.length)
    for (const { description } of tools) {
      for (const mentioned of description.match(/notion_\w+/g) ?? []) expect(names).toContain(mentioned)
    }
  })

  test.each([
    ['notion_query_database', 'notion_database_query'],
    ['notion_create_page', 'notion_page_create'],
    ['notion_search', 'notion_data_fetch'],
    ['notion_databse_query', 'notion_database_query'],
    ['NotionPageCreate', 'notion_page_create'],
  ])('%s, which does not exist, leads to %s', (name, meant) => {
    expect(createToolCatalogue(tools).suggest(name)[0]).toBe(meant)
  })

  test('nothing of the result types is in snake_case', () => {
    const keys = (schema: unknown): string[] => {
      if (typeof schema !== 'object' || schema === null) return []
      const shape = 'shape' in schema ? (schema.shape as Record<string, unknown>) : {}
      const element = 'element' in schema ? keys(schema.element) : []
      const inner = 'unwrap' in schema && typeof schema.unwrap === 'function' ? keys(schema.unwrap()) : []
      return [...Object.keys(shape), ...Object.values(shape).flatMap(keys), ...element, ...inner]
    }
    const found = tools.flatMap((tool) => keys(tool.result))
    expect(found.length).toBeGreaterThan(100)
    expect(found.filter((key) => key.includes('_'))).toEqual([])
  })

  test('tools that read send no writes by their own word, and those that take away say so', () => {
    const writing = tools.filter(({ readOnly }) => !readOnly).map(({ name }) => name)
    expect(writing.filter((name) => /_(fetch|list|query|retrieve|self)$/.test(name))).toEqual([])
    expect(tools.filter(({ destructive }) => destructive).map(({ name }) => name)).toContain('notion_block_delete')
    expect(tools.filter(({ destructive, readOnly }) => destructive && readOnly)).toEqual([])
  })
})
