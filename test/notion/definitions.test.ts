import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, it } from 'vitest'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { modelSchema, type SchemaDialect, schemaDialects } from '../../src/tools/json-schema.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { toolbox } from './support.ts'

const { tools } = toolbox()

/** Definitions as each receiver takes them. */
const declared: Readonly<Record<SchemaDialect, (tool: AnyTool) => unknown>> = {
  STANDARD: (tool) => ({
    name: tool.name,
    description: tool.description,
    input_schema: modelSchema(tool, 'STANDARD'),
  }),
  OPENAI_STRICT: (tool) => ({
    type: 'function',
    function: {
      name: tool.name,
      description: tool.description,
      parameters: modelSchema(tool, 'OPENAI_STRICT'),
      strict: true,
    },
  }),
  GEMINI: (tool) => ({ name: tool.name, description: tool.description, parameters: modelSchema(tool, 'GEMINI') }),
}

const tokens = (some: readonly AnyTool[], dialect: SchemaDialect) =>
  some.reduce((sum, tool) => sum + encode(JSON.stringify(declared[dialect](tool))).length, 0)

describe('definitions of the tools', () => {
  it.each(schemaDialects)(
    'take fewer than 1500 tokens in %s for the ten default tools and fewer than 9000 for all',
    (dialect) => {
      const ten = tokens(
        tools.filter(({ name, inDefaultSet }) => inDefaultSet && name !== 'notion_page_fetch'),
        dialect,
      )
      const all = tokens(tools, dialect)
      console.log(`definitions in o200k tokens, ${dialect}: ten ${ten}, all ${tools.length} ${all}`)
      expect(ten).toBeLessThan(1500)
      expect(all).toBeLessThan(9000)
    },
  )

  it('take fewer than 1500 tokens in the list of /mcp', () => {
    const listed = tools
      .filter(({ inDefaultSet }) => inDefaultSet)
      .map((tool) => ({
        name: tool.name,
        description: tool.description,
        inputSchema: modelSchema(tool, 'STANDARD'),
      }))
    const count = listed.reduce((sum, tool) => sum + encode(JSON.stringify(tool)).length, 0)
    console.log(`definitions of /mcp in o200k tokens: ${count}`)
    expect(count).toBeLessThan(1500)
  })

  it.each(tools.map((tool) => [tool.name, tool] as const))('describe each parameter of %s', (_name, tool) => {
    const { properties } = modelSchema(tool, 'STANDARD') as { properties: Record<string, { description?: string }> }
    const short = Object.keys(properties).filter((name) => (properties[name]?.description ?? '').length < 4)
    expect(short).toEqual([])
  })

  it('mark the ten and notion_page_fetch as the default set, in the order of the catalogue', () => {
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

  it('have unique names and mention only tools that exist', async () => {
    const names = new Set(tools.map(({ name }) => name))
    expect(names.size).toBe(tools.length)
    for (const { description } of tools) {
      for (const mentioned of description.match(/notion_\w+/g) ?? []) expect(names).toContain(mentioned)
    }
  })

  it.each([
    ['notion_query_database', 'notion_database_query'],
    ['notion_create_page', 'notion_page_create'],
    ['notion_search', 'notion_data_fetch'],
    ['notion_databse_query', 'notion_database_query'],
    ['NotionPageCreate', 'notion_page_create'],
  ])('suggest for the unknown tool %s the tool %s', (name, meant) => {
    expect(createToolCatalogue(tools).suggest(name)[0]).toBe(meant)
  })

  it('have no snake_case name in the result types', () => {
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

  it('mark tools by name as read-only, and those that remove or replace as destructive', () => {
    const writing = tools.filter(({ readOnly }) => !readOnly).map(({ name }) => name)
    expect(writing.filter((name) => /_(fetch|list|query|retrieve|self)$/.test(name))).toEqual([])
    expect(tools.filter(({ destructive }) => destructive).map(({ name }) => name)).toContain('notion_block_delete')
    expect(tools.filter(({ destructive, readOnly }) => destructive && readOnly)).toEqual([])
  })
})
