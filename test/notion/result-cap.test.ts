import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { checkInput } from '../../src/tools/input.ts'
import { capResult } from '../../src/tools/result-cap.ts'
import type { OutputFormat } from '../../src/tools/tool.ts'
import fc from '../support/fast-check.ts'
import { startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
let hostile = ''
beforeAll(async () => {
  workspace = await startWorkspace()
  for (let row = 0; row < 20; row += 1) {
    await workspace.run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: `Row ${row} ${'long '.repeat(20)}` },
    })
  }
  for (let comment = 0; comment < 12; comment += 1) {
    const text = `Comment ${comment} ${'long '.repeat(20)}`
    await workspace.run('notion_comment_create', { comment: text, parent: { page_id: acme.roadmap } })
  }
  const page = await workspace.run('notion_page_create', {
    parent_page_id: acme.product,
    properties: { title: 'x'.repeat(3000) },
    markdown: `one line ${'x'.repeat(30_000)}`,
  })
  hostile = String(page.id)
})
afterAll(() => workspace.close())

interface Part {
  readonly data: unknown
  readonly body: Record<string, unknown>
}

/** All parts of a result under a cap, by the cursor that each of them shows. */
async function parts(name: string, input: object, format: OutputFormat, limit: number): Promise<readonly Part[]> {
  const tool = workspace.box.tool(name)
  const found: Part[] = []
  let start: object = {}
  for (;;) {
    const checked = checkInput(tool, { ...input, ...start }).value
    const whole = await tool.run(workspace.call, checked)
    const { data, body } = capResult(tool, format, whole, checked, limit)
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(limit)
    found.push({ data, body: body as Record<string, unknown> })
    const cursor =
      typeof data === 'string'
        ? /start_cursor (\S+)/.exec(data.slice(data.lastIndexOf('</notion-content>')))?.[1]
        : (data as { next_cursor?: string | null }).next_cursor
    if (cursor === undefined || cursor === null) return found
    expect(found.length).toBeLessThan(200)
    start = { start_cursor: cursor }
  }
}

const idsOf = (found: readonly Part[], key = 'results') =>
  found.flatMap(({ body }) => (body[key] as { id: string }[]).map(({ id }) => id))

const lists: readonly [string, object][] = [
  ['notion_data_fetch', { page_size: 60 }],
  ['notion_database_query', { database_id: acme.projects, page_size: 25 }],
  [
    'notion_database_query',
    { database_id: acme.projects, page_size: 100, sorts: [{ property: 'Name', direction: 'descending' }] },
  ],
  ['notion_database_query', { database_id: acme.projects }],
  ['notion_database_property_retrieve', { database_id: acme.projects, property_id: ['Name'], page_size: 30 }],
  ['notion_comments_fetch', { block_id: acme.roadmap, page_size: 10 }],
  ['notion_block_list', { block_id: acme.handbook, page_size: 70 }],
  ['notion_page_fetch', { page_id: acme.handbook, format: 'blocks' }],
]

describe('a result over the size cap', () => {
  it.each(lists)('cuts %s %j between entries, and its cursor continues exactly there', async (name, input) => {
    for (const format of ['RAW', 'COMPACT', 'MARKDOWN'] as const) {
      const whole = idsOf(await parts(name, input, format, 5_000_000))
      const cut = await parts(name, input, format, 6_000)
      expect(new Set(whole).size).toBe(whole.length)
      expect(idsOf(cut)).toEqual(whole)
      if (format !== 'RAW') continue
      expect(cut.length).toBeGreaterThan(1)
      expect(cut[0]?.data).toMatchObject({ notice: expect.stringContaining('next_cursor') })
    }
  })

  it.each([30, undefined])('a page_size below the %s of before is used where a cut result continues', async (size) => {
    const tool = workspace.box.tool('notion_database_query')
    const input = { database_id: acme.projects, ...(size !== undefined && { page_size: size }) }
    const whole = await workspace.run(tool.name, input)
    const { body } = capResult(tool, 'RAW', whole, checkInput(tool, input).value, 6_000)
    const first = body as { results: { id: string }[]; next_cursor: string }
    const seen = first.results.map(({ id }) => id)
    let cursor: unknown = first.next_cursor
    while (cursor !== null) {
      const next = await workspace.run(tool.name, { ...input, page_size: 3, start_cursor: cursor })
      const results = next.results as { id: string }[]
      expect(results.length).toBeLessThanOrEqual(3)
      seen.push(...results.map(({ id }) => id))
      cursor = next.next_cursor
    }
    const all = await workspace.run(tool.name, { ...input, page_size: 100 })
    expect(seen).toEqual((all.results as { id: string }[]).map(({ id }) => id))
  })

  it('returns no entry twice when entries were added before the cut', async () => {
    const tool = workspace.box.tool('notion_database_query')
    const sorts = [{ property: 'Name', direction: 'ascending' }]
    const input = { database_id: acme.projects, page_size: 100, sorts }
    const whole = await workspace.run(tool.name, input)
    const { body } = capResult(tool, 'RAW', whole, checkInput(tool, input).value, 15_000)
    const first = body as { results: { id: string }[]; next_cursor: string }
    const added = await workspace.run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: 'AAA, in front of all' },
    })
    const next = await workspace.run(tool.name, { ...input, start_cursor: first.next_cursor })
    await workspace.run('notion_page_trash', { page_id: added.id })
    const ids = [...first.results, ...(next.results as { id: string }[])].map(({ id }) => id)
    expect(ids).toEqual((whole.results as { id: string }[]).map(({ id }) => id))
  })

  it.each(['RAW', 'COMPACT', 'MARKDOWN'] as const)('a long text comes in %s in parts without loss', async (format) => {
    for (const page_id of [acme.handbook, hostile]) {
      const [whole] = await parts('notion_page_fetch', { page_id, format: 'blocks' }, format, 5_000_000)
      expect(whole).toBeDefined()
      const text = (found: readonly Part[]) => found.map(({ body }) => body.markdown).join('')
      const cut = await parts('notion_page_fetch', { page_id }, format, 9_000)
      expect(cut.length).toBeGreaterThan(1)
      expect(text(cut)).toBe(text(await parts('notion_page_fetch', { page_id }, format, 5_000_000)))
    }
  })

  it('cuts the appended blocks between blocks and reports their number', async () => {
    const tool = workspace.box.tool('notion_block_append')
    const children = Array.from({ length: 150 }, (_, line) => `line ${line}`)
    const body = await workspace.run(tool.name, { block_id: hostile, children })
    const { data } = capResult(tool, 'RAW', body, {}, 20_000)
    const { results, next_cursor, notice } = data as { results: unknown[]; next_cursor: unknown; notice: string }
    expect(results.length).toBeGreaterThan(10)
    expect(next_cursor).toBeNull()
    expect(notice).toContain(`${results.length} of 150 items`)
    expect(notice).toMatch(/All 150 items were written: do not repeat the call\. Call notion_block_list/)
  })

  it('refuses an invented cursor', async () => {
    const input = { database_id: acme.projects }
    for (const start_cursor of ['cut', 'cut.1', 'cut.1.500..', 'cut.x.1..', 'cut.1.0..a/b', 'cut.1.0.nothing.']) {
      await expect(workspace.run('notion_database_query', { ...input, start_cursor })).rejects.toMatchObject({
        name: 'InvalidToolInputError',
        issues: [{ path: 'start_cursor' }],
      })
    }
  })

  it('returns the beginning, marked as data, of a result that cannot be cut', async () => {
    const page = await workspace.run('notion_page_fetch', { page_id: hostile })
    const tool = workspace.box.tool('notion_page_update')
    const text = String(capResult(tool, 'MARKDOWN', page, {}, 1_500).data)
    expect(text.match(/<notion-content>/g)).toHaveLength(1)
    expect(text.match(/<\/notion-content>/g)).toHaveLength(1)
    expect(text.indexOf('</notion-content>')).toBeLessThan(text.indexOf('Truncated to its beginning'))
    expect(text.indexOf('</notion-content>')).toBeGreaterThan(text.lastIndexOf('xxx'))
    const data = capResult(tool, 'COMPACT', page, {}, 1_500).data
    expect(Object.keys(data as object)).toEqual(['untrusted_notion_content', 'notice'])
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(1_500)
  })

  it('is cut exactly when its JSON is over the cap, whatever it contains', () => {
    const tool = workspace.box.tool('notion_page_update')
    // Those with the most bytes of JSON for what they are.
    const texts = ['\u0000'.repeat(40), '\ud800'.repeat(40), '"\\'.repeat(40), '€'.repeat(40), '']
    const numbers = [-Number.MAX_VALUE, -2.2250738585072014e-308, 1e21, -0, Number.NaN]
    const objects = [{}, [], new Date(0), ...texts.map((key) => ({ [key]: null, toJSON: 'a text' }))]
    const other = [null, true, false, undefined, ...texts.map((key) => ({ [key]: false }))]
    const item = fc.constantFrom<unknown>(...texts, ...numbers, ...objects, ...other)
    const list = fc.oneof(
      fc.array(item, { minLength: 1 }),
      // The same many times: nothing else makes up for a value that counts too little.
      fc.tuple(item, fc.integer({ min: 50, max: 200 })).map(([one, count]) => Array.from({ length: count }, () => one)),
    )
    const cutOverItsSize = fc.property(list, (body) => {
      const size = Buffer.byteLength(JSON.stringify(body))
      expect(capResult(tool, 'RAW', body, {}, size).data).toBe(body)
      expect(capResult(tool, 'RAW', body, {}, size - 1).data).not.toBe(body)
    })
    fc.assert(cutOverItsSize, { numRuns: 500 })
  })
})
