import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { ToolError } from '../../src/errors.ts'
import { checkInput } from '../../src/tools/input.ts'
import { capResult } from '../../src/tools/result-cap.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import { testAccount, testCall, toolbox } from './support.ts'

/** Small, so that many results are over it. */
const cap = 2000
const runs = Number(process.env.NOTION_FUZZ_RUNS ?? 60)

const uuid = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const ids = fc.oneof(fc.uuid(), fc.constantFrom(uuid, `https://notion.so/A-${uuid.replaceAll('-', '')}?v=1`))
const names = fc.constantFrom('Name', 'title', 'Status', 'Due', 'N', '__proto__', 'constructor', 'nothing')
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('x'.repeat(4001), '{"a":', '[]', '2026-07-15', 'Done'),
)

/** JSON that looks like what models send to Notion, right and wrong. */
const { value } = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'value' },
    fc.oneof(texts, ids, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    tie('object'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
  object: fc.dictionary(
    fc.oneof(
      names,
      fc.constantFrom(
        ...[
          'type',
          'paragraph',
          'rich_text',
          'text',
          'content',
          'children',
          'table',
          'table_row',
          'cells',
          'column_list',
        ],
        ...[
          'column',
          'image',
          'external',
          'url',
          'emoji',
          'select',
          'status',
          'date',
          'start',
          'people',
          'id',
          'relation',
        ],
        ...['and', 'or', 'property', 'equals', 'page_id', 'value', 'direction', 'mention', 'equation', 'expression'],
      ),
      fc.string(),
    ),
    tie('value'),
    { maxKeys: 4 },
  ),
}))

const block = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        'paragraph',
        'toggle',
        'to_do',
        'code',
        'callout',
        'quote',
        'heading_1',
        'image',
        'table',
        'bookmark',
      ),
      fc.dictionary(fc.constantFrom('rich_text', 'children', 'icon', 'url', 'external', 'language', 'text'), value, {
        maxKeys: 3,
      }),
    )
    .map(([type, content]) => ({ [type]: content })),
  value,
)
const number = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 100 }) }, value)

/** What a key most likely holds, by its name. */
const likely: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  properties: fc.dictionary(fc.oneof(names, fc.string()), value, { maxKeys: 4 }),
  child_blocks: fc.array(block, { maxLength: 4 }),
  children: fc.array(block, { minLength: 1, maxLength: 4 }),
  block,
  page_size: number,
  start_cursor: fc.oneof(fc.uuid(), fc.constantFrom('md-0-5', 'md-1-2', 'x', 'cut.1.0..', `cut.2.9.${uuid}.x`), texts),
  title: fc.oneof(texts, fc.array(value, { maxLength: 3 })),
  rich_text: fc.oneof(texts, fc.array(value, { maxLength: 3 })),
  comment: fc.oneof(texts, fc.record({ rich_text: fc.oneof(texts, fc.array(value, { maxLength: 3 })) })),
  parent: fc.oneof(fc.record({ page_id: ids }), fc.record({ block_id: ids }), ids, value),
  filename: fc.oneof(fc.constant('a.txt'), texts),
  content_type: fc.oneof(fc.constant('text/plain'), texts),
  content: fc.oneof(fc.base64String(), texts),
  external_url: fc.oneof(fc.webUrl({ validSchemes: ['https'] }), texts),
  property: fc.oneof(names, texts),
  format: fc.constantFrom('markdown', 'blocks'),
  position: fc.constantFrom('start', 'end'),
}

function inputOf(tool: AnyTool): fc.Arbitrary<unknown> {
  const { shape } = tool.input as z.ZodObject
  const fields = Object.keys(shape)
  const required = fields.filter((key) => !(shape[key] as z.ZodType).safeParse(undefined).success)
  const field = (key: string) => {
    const meant = likely[key] ?? (key.endsWith('_id') && key !== 'property_id' ? ids : fc.oneof(value, texts))
    return fc.oneof({ weight: 12, arbitrary: meant }, { weight: 1, arbitrary: value })
  }
  const record = (requiredKeys: string[]) =>
    fc.record(Object.fromEntries(fields.map((key) => [key, field(key)])), { requiredKeys })
  const more = fc.dictionary(fc.string(), value, { maxKeys: 2 })
  return fc.oneof(
    { weight: 20, arbitrary: record(required) },
    { weight: 2, arbitrary: record([]) },
    { weight: 1, arbitrary: fc.tuple(record(required), more).map(([a, b]) => ({ ...a, ...b })) },
    { weight: 1, arbitrary: value },
  )
}

const column = (type: string, more: object = {}) => ({ id: type, name: type, type, [type]: more })
const plausible: readonly Record<string, unknown>[] = [
  { object: 'database', id: uuid, data_sources: [{ id: uuid, name: 'One' }], title: [{ plain_text: 't' }] },
  {
    object: 'database',
    id: uuid,
    data_sources: [
      { id: uuid, name: 'One' },
      { id: uuid, name: 'Two' },
    ],
  },
  {
    object: 'data_source',
    id: uuid,
    parent: { type: 'database_id', database_id: uuid },
    properties: {
      Name: { ...column('title'), id: 'title' },
      Status: column('status', { options: [{ id: 'd', name: 'Done' }] }),
      Due: column('date'),
      N: column('number'),
    },
  },
  {
    object: 'page',
    id: uuid,
    parent: { type: 'data_source_id', data_source_id: uuid },
    properties: { N: column('number') },
  },
  { object: 'page', id: uuid, properties: { title: { id: 'title', type: 'title', title: [] } }, last_edited_time: 'x' },
  {
    object: 'list',
    results: [{ object: 'block', id: uuid, type: 'paragraph', paragraph: {} }],
    next_cursor: null,
    has_more: false,
  },
  { object: 'page_markdown', id: uuid, markdown: '# a\n'.repeat(9000), truncated: false, unknown_block_ids: [] },
  { object: 'list', results: [], next_cursor: uuid, has_more: true, property_item: { type: 'rollup', id: 'r' } },
]
const refusals = [
  [400, 'validation_error', 'body failed validation: body.x[0] should be defined, instead was `undefined`.'],
  [401, 'unauthorized', 'API token is invalid.'],
  [403, 'restricted_resource', 'Insufficient permissions for this endpoint.'],
  [404, 'object_not_found', `Could not find page with ID: ${uuid}.`],
  [409, 'conflict_error', 'Conflict'],
  [429, 'rate_limited', 'Slow'],
  [503, 'service_unavailable', 'The change was saved, but the response could not be built in time.'],
] as const

/** An answer of the provider: its body as it should be, a refusal, or anything at all. */
const answer = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...plausible).map((body) => ({ status: 200, body: JSON.stringify(body) })) },
  { weight: 1, arbitrary: fc.jsonValue().map((body) => ({ status: 200, body: JSON.stringify(body) })) },
  { weight: 1, arbitrary: fc.constantFrom(200, 204, 404, 500).map((status) => ({ status, body: '' })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...refusals).map(([status, code, message]) => ({
      status,
      body: JSON.stringify({ object: 'error', status, code, message }),
    })),
  },
)
type Answer = { readonly status: number; readonly body: string }

describe('random input and random answers', () => {
  let answers: readonly Answer[] = []
  let asked = 0
  const urls: string[] = []
  const account = testAccount()
  const { signal } = new AbortController()
  const fetch = (async (url: string | URL | Request) => {
    urls.push(String(url))
    const next = answers[asked % answers.length]
    asked += 1
    if (next === undefined || asked > 60) throw new TypeError('fetch failed')
    return new Response(next.status === 204 ? null : next.body, { status: next.status })
  }) as typeof globalThis.fetch

  it.each(toolbox().tools.map(({ name }) => name))(
    '%s returns a result in every format or throws a documented error',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(
          inputOf(toolbox().tool(name)),
          fc.array(answer, { minLength: 1, maxLength: 6 }),
          async (input, given) => {
            const box = toolbox(Date.now, fetch)
            const tool = box.tool(name)
            answers = given
            asked = 0
            urls.length = 0
            try {
              const checked = checkInput(tool, input).value
              const body = await tool.run(testCall('http://notion.test', 'ntn_fuzz', account, signal), checked)
              tool.result.parse(tool.toResult(body, checked as never)) satisfies unknown
              JSON.stringify(tool.toCompact(body, checked as never))
              expect(tool.toMarkdown(body, checked as never)).toContain('</notion-content>')
              for (const format of ['RAW', 'COMPACT', 'MARKDOWN'] as const) {
                const { data } = capResult(tool, format, body, checked, cap)
                expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(cap)
                if (format === 'COMPACT') expect(Object.keys(data as object)[0]).toBe('untrusted_notion_content')
                if (format === 'MARKDOWN') expect(String(data)).toContain('</notion-content>')
              }
            } catch (error) {
              if (!(error instanceof ToolError) && !isTokenRefusal(error) && !isDatetime(error)) throw error
            }
            for (const url of urls) expect(new URL(url).pathname).toMatch(/^\/v1\/[\w/%~!*'()-]+$/)
          },
        ),
        { numRuns: runs },
      )
    },
    10 * 60_000,
  )
})

// The pipeline renews a refused token. These tests run without it.
const isTokenRefusal = (error: unknown) => error instanceof Error && error.name === 'AccessTokenRefused'

// Random answers contain invalid times, which the typed results refuse.
const isDatetime = (error: unknown) =>
  error instanceof Error &&
  error.name.endsWith('ZodError') &&
  /"format": ?"datetime"/.test(error.message) &&
  !/"code": ?"invalid_type"/.test(error.message)
