import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import fc from '../support/fast-check.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeAll(async () => {
  workspace = await startWorkspace()
})
afterAll(() => workspace.close())

/** A block as a test writes and compares it. */
interface Tree {
  readonly type: string
  readonly text: string
  readonly children: readonly Tree[]
}

const leaf = (text: string, type = 'paragraph'): Tree => ({ type, text, children: [] })

function wire({ type, text, children }: Tree): Record<string, unknown> {
  const below = children.length > 0 ? { children: children.map(wire) } : {}
  if (type === 'table_row') return { type, table_row: { cells: [text] } }
  if (type === 'table') return { type, table: { table_width: 1, ...below } }
  if (type === 'column_list' || type === 'column') return { type, [type]: below }
  return { type, [type]: { rich_text: text, ...below } }
}

/** What lies under a page or block, to the bottom. */
async function readTree(id: string): Promise<Tree[]> {
  const trees: Tree[] = []
  let cursor: unknown
  do {
    const body = await workspace.run('notion_block_list', {
      block_id: id,
      page_size: 100,
      start_cursor: cursor ?? null,
    })
    for (const block of body.results as Record<string, unknown>[]) {
      const type = String(block.type)
      const content = block[type] as { rich_text?: { plain_text: string }[]; cells?: { plain_text: string }[][] }
      const texts = content.rich_text ?? content.cells?.flat() ?? []
      trees.push({
        type,
        text: texts.map(({ plain_text }) => plain_text).join(''),
        children: block.has_children === true ? await readTree(String(block.id)) : [],
      })
    }
    cursor = body.next_cursor
  } while (cursor)
  return trees
}

async function page(blocks: readonly Tree[]): Promise<string> {
  const body = await workspace.run('notion_page_create', {
    parent_page_id: acme.product,
    properties: { title: 'Content' },
    child_blocks: blocks.map(wire),
  })
  return String(body.id)
}

const many = (count: number, type = 'paragraph') => Array.from({ length: count }, (_, index) => leaf(`n${index}`, type))
const deep = (depth: number): Tree =>
  depth === 0
    ? leaf('bottom')
    : { type: 'toggle', text: `depth ${depth}`, children: [leaf('before'), deep(depth - 1), leaf('after')] }

describe('content that exceeds one request', () => {
  it.each<[string, readonly Tree[]]>([
    ['250 blocks', many(250)],
    ['blocks eight levels deep', [leaf('first'), deep(8), leaf('last')]],
    ['a toggle with 230 blocks in it', [leaf('a'), { type: 'toggle', text: 't', children: many(230) }, leaf('z')]],
    [
      'a heading with 130 blocks under it',
      [leaf('a'), { type: 'heading_2', text: 'h', children: many(130) }, leaf('z')],
    ],
    ['a table of 210 rows', [{ type: 'table', text: '', children: many(210, 'table_row') }, leaf('below')]],
    [
      'columns with long and deep content',
      [
        {
          type: 'column_list',
          text: '',
          children: [
            { type: 'column', text: '', children: [deep(4), ...many(120)] },
            { type: 'column', text: '', children: [leaf('short')] },
          ],
        },
        leaf('below'),
      ],
    ],
    [
      '1500 blocks in toggles',
      Array.from({ length: 30 }, (_, n) => ({ type: 'toggle', text: `${n}`, children: many(50) })),
    ],
  ])(
    'is split and written in order: %s',
    async (_name, blocks) => {
      expect(await readTree(await page(blocks))).toEqual(blocks)
    },
    60_000,
  )

  it('preserves the order of blocks at the start or after a block over several requests', async () => {
    const id = await page([leaf('x'), leaf('y')])
    const first = (await workspace.run('notion_block_list', { block_id: id })).results as { id: string }[]
    await workspace.run('notion_block_append', {
      block_id: id,
      after_block_id: first[0]?.id,
      children: many(150).map(wire),
    })
    await workspace.run('notion_block_append', { block_id: id, position: 'start', children: many(110).map(wire) })
    expect(await readTree(id)).toEqual([...many(110), leaf('x'), ...many(150), leaf('y')])
  })

  it('writes text of more than 2000 characters and of more than 100 pieces completely', async () => {
    const long = 'Many words, and 🎉 between. '.repeat(300)
    const id = await page([leaf(long)])
    expect(await readTree(id)).toEqual([leaf(long)])
    const longest = 'x'.repeat(205_000)
    const [one, two, ...rest] = await readTree(await page([leaf(longest)]))
    expect(rest).toEqual([])
    expect(`${one?.text}${two?.text}`).toBe(longest)
  })

  it('writes any tree of blocks unchanged', async () => {
    const type = fc.constantFrom('toggle', 'bulleted_list_item', 'quote', 'paragraph')
    const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    const tree: fc.Memo<Tree> = fc.memo((depth) =>
      fc.record({ type, text, children: depth > 1 ? fc.array(tree(depth - 1), { maxLength: 3 }) : fc.constant([]) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(tree(6), { minLength: 1, maxLength: 4 }), async (blocks) => {
        expect(await readTree(await page(blocks))).toEqual(blocks)
      }),
      { numRuns: Number(process.env.NOTION_CONTENT_RUNS ?? 8) },
    )
  })

  it('reports the page and its written blocks when a later request fails', async () => {
    await workspace.sandbox.control('fault', {
      match: { method: 'PATCH', path: '/v1/blocks' },
      kind: 'status',
      status: 500,
    })
    const error = await failure(page(many(150)))
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', hint: expect.stringContaining('Do not repeat') })
    expect(error.message).toContain('first 100 of 150 blocks')
    const [id] = (error as unknown as { committedIds: string[] }).committedIds
    expect(await readTree(String(id))).toEqual(many(100))
  })

  it('reports the reason and writes nothing when the first request fails', async () => {
    await workspace.sandbox.control('fault', {
      match: { method: 'POST', path: '/v1/pages' },
      kind: 'rate_limit',
      retryAfter: 5,
    })
    expect(await failure(page(many(150)))).toMatchObject({ name: 'RateLimitedError', retryAfterMs: 5000 })
  })
})

describe('the result of appended blocks', () => {
  it('reports children that a later request appended', async () => {
    const leafs = Array.from({ length: 120 }, () => ({ paragraph: { rich_text: 'x' } }))
    const deepest = { toggle: { rich_text: 'c', children: [{ paragraph: { rich_text: 'd' } }] } }
    const children = [
      { paragraph: { rich_text: 'alone' } },
      { toggle: { rich_text: 'a', children: [{ toggle: { rich_text: 'b', children: [deepest] } }] } },
      { toggle: { rich_text: 'many', children: leafs } },
    ]
    const { results } = await workspace.run('notion_block_append', { block_id: acme.product, children })
    expect(results).toMatchObject([{ has_children: false }, { has_children: true }, { has_children: true }])
  })
})

describe('content that Notion would refuse in a later request', () => {
  const line = { paragraph: { rich_text: 'line' } }
  it.each<[string, object, string, string]>([
    ['an unknown key', { paragraph: { rich_text: 'x', colour: 'red' } }, 'paragraph.colour', 'Did you mean "color"'],
    ['a colour', { quote: { rich_text: 'x', color: 'crimson' } }, 'quote.color', 'red_background'],
    ['a language', { code: { rich_text: 'x', language: 'pythn' } }, 'code.language', 'Did you mean "python"'],
    [
      'an annotation',
      { paragraph: { rich_text: [{ text: { content: 'x' }, annotations: { strong: true } }] } },
      'paragraph.rich_text.0.annotations.strong',
      'bold',
    ],
    [
      'a row of another width',
      { table: { children: [{ table_row: { cells: ['a', 'b'] } }, { table_row: { cells: ['a'] } }] } },
      'table.children.1',
      'the table is 2 wide',
    ],
  ])('refuses %s in the last of 150 blocks before it sends anything', async (_what, block, path, message) => {
    const before = (await workspace.requests()).length
    const child_blocks = [...Array.from({ length: 149 }, () => line), block]
    const input = { parent_page_id: acme.product, properties: { title: 'x' }, child_blocks }
    expect(await failure(workspace.run('notion_page_create', input))).toMatchObject({
      name: 'InvalidToolInputError',
      issues: [{ path: `child_blocks.149.${path}`, message: expect.stringContaining(message) }],
    })
    expect((await workspace.requests()).length).toBe(before)
  })

  it('accepts short names of languages and ignores keys without a value', async () => {
    const blocks = [{ code: { rich_text: 'x', language: 'ts' } }, { paragraph: { rich_text: 'x', icon: null } }]
    const body = await workspace.run('notion_block_append', { block_id: acme.product, children: blocks })
    expect(body.results).toMatchObject([{ code: { language: 'typescript' } }, { type: 'paragraph' }])
  })
})
