import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { InvalidToolInputError, ToolError } from '../../src/errors.ts'
import { checkInput } from '../../src/tools/input.ts'
import { capResult } from '../../src/tools/result-cap.ts'
import type { AnyTool } from '../../src/tools/tool.ts'
import fc from '../support/fast-check.ts'
import { testAccount, testCall, toolbox } from './support.ts'

/** Small, so that many results are over it. */
const cap = 2000
const runs = Number(process.env.NOTION_FUZZ_RUNS ?? 60)
/** Against hanging only: a busy machine needs some milliseconds for each input. */
const deadline = 10 * 60_000 + runs * 200

const uuid = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const ids = fc.oneof(fc.uuid(), fc.constantFrom(uuid, `https://notion.so/A-${uuid.replaceAll('-', '')}?pvs=4`))
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
      const tool = toolbox(Date.now, fetch).tool(name)
      let count = 0
      await fc.assert(
        fc.asyncProperty(inputOf(tool), fc.array(answer, { minLength: 1, maxLength: 6 }), async (input, given) => {
          // The tools remember nothing of other accounts, and new tools would take most of the time.
          count += 1
          const account = testAccount(
            { id: `account-${count}` },
            { id: `grant-${count}`, workspaceId: `workspace-${count}` },
          )
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
        }),
        { numRuns: runs },
      )
    },
    deadline,
  )
})

/** Valid inputs with objects at every depth that Notion's forms have. */
const title = [{ type: 'text', text: { content: 'x', link: { url: 'https://a.b' } }, annotations: { bold: true } }]
const mentions = [{ mention: { page: { id: uuid } } }, { mention: { date: { start: '2026-07-15' } } }]
const nested = [
  { to_do: { rich_text: title, checked: true, children: [{ type: 'quote', quote: { rich_text: mentions } }] } },
  { type: 'paragraph', text: { content: 'x' } },
  { table: { children: [{ table_row: { cells: [title] } }] } },
  { callout: { rich_text: [{ equation: { expression: 'x' } }], icon: { emoji: '🎯' } } },
  { image: { external: { url: 'https://a.b/c.png' }, caption: title } },
  { synced_block: { synced_from: { block_id: uuid }, children: [] } },
  { link_to_page: { page_id: uuid } },
]
const definitions = {
  Name: { title: {} },
  Stage: { select: { options: [{ name: 'New', color: 'red' }] } },
  Price: { type: 'number', number: { format: 'euro' } },
  Key: { type: 'unique_id', prefix: 'K' },
  Sum: { rollup: { function: 'sum', relation_property_name: 'A', rollup_property_name: 'B' } },
  Total: { formula: { expression: '1' } },
}
const rowValues = {
  Name: { title },
  Status: { status: { name: 'Done' } },
  Due: { date: { start: '2026-07-15', end: '2026-07-16' } },
  N: { number: 5 },
}
const conditions = {
  and: [
    { property: 'N', number: { greater_than: 5 } },
    {
      or: [
        { property: 'Due', date: { this_week: {} } },
        { property: 'Status', status: { equals: 'Done' } },
      ],
    },
  ],
}
const wholeInputs: readonly (readonly [string, object])[] = [
  ['notion_block_append', { block_id: uuid, children: nested }],
  ['notion_block_update', { block_id: uuid, block: { to_do: { rich_text: title, checked: true } } }],
  ['notion_page_create', { parent_page_id: uuid, properties: { title: { title } }, child_blocks: nested }],
  ['notion_page_update', { page_id: uuid, icon: { external: { url: 'https://a.b' } }, cover: { url: 'https://a.b' } }],
  ['notion_database_insert_row', { database_id: uuid, properties: rowValues }],
  [
    'notion_database_query',
    { database_id: uuid, filter: conditions, sorts: [{ property: 'N', direction: 'ascending' }] },
  ],
  ['notion_database_create', { parent: { page_id: uuid }, title, properties: definitions }],
  ['notion_data_source_update', { data_source_id: uuid, properties: definitions }],
  ['notion_comment_create', { parent: { page_id: uuid }, comment: { rich_text: title } }],
  ['notion_data_fetch', { filter: { value: 'page' }, sort: { direction: 'ascending' } }],
]

/** Returns the path of every object in a value. */
function objectsIn(part: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof part !== 'object' || part === null) return []
  const within = Object.entries(part).flatMap(([key, inner]) => objectsIn(inner, [...path, key]))
  return Array.isArray(part) ? within : [path, ...within]
}

/** Keys that have a meaning somewhere. Without those that Notion only returns, such as `id` and `href`. */
const misplaced = fc.oneof(
  fc.constantFrom(
    ...['checked', 'color', 'rich_text', 'text', 'content', 'caption', 'link', 'url', 'bold', 'annotations'],
    ...[
      'children',
      'language',
      'icon',
      'emoji',
      'start',
      'end',
      'end_date',
      'timezone',
      'options',
      'choices',
      'format',
    ],
    ...[
      'prefix',
      'expression',
      'formula',
      'number',
      'select',
      'date',
      'title',
      'property',
      'timestamp',
      'equals',
      'and',
    ],
    ...['direction', 'value', 'external', 'file_upload', 'page_id', 'description', 'markdown', 'mention', 'equation'],
  ),
  fc.stringMatching(/^[a-z]{1,8}$/).filter((key) => !['id', 'object', 'type', 'name', 'parent', 'href'].includes(key)),
)

const mark = 'the-marked-value'

describe('a key at a place where it does not belong', () => {
  const bodies: string[] = []
  const fetch = (async (url: string | URL | Request, init?: RequestInit) => {
    bodies.push(String(init?.body ?? ''))
    const { pathname } = new URL(String(url))
    const kind = /data_sources\/[^/]*$/.test(pathname) ? 2 : pathname.includes('databases') ? 0 : 3
    const isList = /query|search|children/.test(pathname)
    const body = isList ? { object: 'list', results: [], next_cursor: null, has_more: false } : plausible[kind]
    return new Response(JSON.stringify(body), { status: 200 })
  }) as typeof globalThis.fetch
  const account = testAccount()

  it.each(wholeInputs)(
    'is sent by %s with its value, or refused with its place',
    async (name, whole) => {
      const values = fc.constantFrom<unknown>(mark, [mark], { content: mark }, [{ text: { content: mark } }], {
        x: [mark],
      })
      const box = toolbox(Date.now, fetch)
      const tool = box.tool(name)
      const send = (input: unknown) =>
        tool.run(testCall('http://notion.test', 'ntn_fuzz', account), checkInput(tool, input).value)
      await send(whole)
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...objectsIn(whole)), misplaced, values, async (path, key, misplacedValue) => {
          const input = JSON.parse(JSON.stringify(whole))
          const place = path.reduce((at, step) => at[step] as Record<string, unknown>, input as Record<string, unknown>)
          fc.pre(!Object.hasOwn(place, key))
          place[key] = misplacedValue
          bodies.length = 0
          let refused: InvalidToolInputError | undefined
          try {
            await send(input)
          } catch (error) {
            if (error instanceof InvalidToolInputError) refused = error
            else if (!(error instanceof ToolError)) throw error
          }
          if (refused === undefined) expect(bodies.join()).toContain(mark)
          else {
            const [outer, at] = [path.join('.'), [...path, key].join('.')]
            const near = refused.issues.filter(({ path: found }) => found.startsWith(outer) || at.startsWith(found))
            expect({ at, issues: refused.issues, near: near.length > 0 }).toMatchObject({ near: true })
          }
        }),
        { numRuns: runs * 4 },
      )
    },
    deadline,
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
