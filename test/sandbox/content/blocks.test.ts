import type { BlockObjectRequest } from '@notionhq/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

const rich = { rich_text: text('Text') }
const file = { external: { url: 'https://example.com/a/file.pdf' }, caption: text('Caption') }

/** Returns one block of every type that requests can create. */
const everyBlock = (pageId: string): BlockObjectRequest[] => [
  { type: 'paragraph', paragraph: { ...rich, color: 'red_background' } },
  { type: 'heading_1', heading_1: { ...rich, is_toggleable: true, children: [{ paragraph: rich }] } },
  { type: 'heading_2', heading_2: rich },
  { type: 'heading_3', heading_3: rich },
  { type: 'bulleted_list_item', bulleted_list_item: { ...rich, children: [{ bulleted_list_item: rich }] } },
  { type: 'numbered_list_item', numbered_list_item: rich },
  { type: 'quote', quote: rich },
  { type: 'to_do', to_do: { ...rich, checked: true } },
  { type: 'toggle', toggle: { ...rich, children: [{ toggle: { ...rich, children: [{ quote: rich }] } }] } },
  { type: 'template', template: rich },
  { type: 'callout', callout: { ...rich, icon: { emoji: '💡' }, color: 'gray_background' } },
  { type: 'synced_block', synced_block: { synced_from: null, children: [{ paragraph: rich }] } },
  { type: 'code', code: { ...rich, language: 'typescript', caption: text('Caption') } },
  { type: 'equation', equation: { expression: 'e=mc^2' } },
  { type: 'divider', divider: {} },
  { type: 'breadcrumb', breadcrumb: {} },
  { type: 'table_of_contents', table_of_contents: { color: 'gray' } },
  { type: 'link_to_page', link_to_page: { page_id: pageId } },
  { type: 'embed', embed: { url: 'https://example.com', caption: text('Caption') } },
  { type: 'bookmark', bookmark: { url: 'https://example.com' } },
  { type: 'image', image: file },
  { type: 'video', video: file },
  { type: 'pdf', pdf: file },
  { type: 'audio', audio: file },
  { type: 'file', file: { ...file, name: 'Report' } },
  {
    type: 'table',
    table: {
      table_width: 2,
      has_column_header: true,
      children: [{ table_row: { cells: [text('a'), text('b')] } }, { table_row: { cells: [text('c'), []] } }],
    },
  },
  {
    type: 'column_list',
    column_list: {
      children: [{ column: { children: [{ paragraph: rich }], width_ratio: 0.25 } }, { column: { children: [] } }],
    },
  },
]

describe.each(versions)('blocks in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  const append = (blockId: string, children: unknown, more: object = {}) =>
    on.client.request<{ results: { id: string }[] }>({
      path: `blocks/${blockId}/children`,
      method: 'patch',
      body: { children, ...more },
    })

  const types = async (blockId: string) =>
    (await on.client.blocks.children.list({ block_id: blockId })).results.map((block) => at(block, 'type'))

  const freshPage = async (children: BlockObjectRequest[] = []) =>
    (
      await on.client.pages.create({
        parent: { page_id: on.pageId },
        properties: { title: { title: text('Blocks') } },
        children,
      })
    ).id

  it.each([
    { embed: { url: 'javascript:alert(1)' } },
    { bookmark: { url: 'mailto:a@b.example' } },
    { bookmark: { url: '' } },
    { image: { external: { url: 'data:image/png;base64,eA==' } } },
    { paragraph: { rich_text: [{ text: { content: 'x', link: { url: 'javascript:alert(1)' } } }] } },
  ])('refuses the address in %j', async (block) => {
    expect(await refusal(append(on.pageId, [block]))).toMatchObject({ status: 400, code: 'validation_error' })
  })

  it('stores and returns every type of block that requests can create', async () => {
    const pageId = await freshPage()
    const sent = everyBlock(pageId)
    const { results } = await on.client.blocks.children.append({ block_id: pageId, children: sent })
    expect(results.map((block) => at(block, 'type'))).toEqual(sent.map(({ type }) => type))
    for (const [index, block] of results.entries()) {
      const again = await on.client.blocks.retrieve({ block_id: block.id })
      expect(again).toMatchObject({ ...block, parent: { type: 'page_id', page_id: pageId } })
      expect(at(again, 'has_children')).toBe(JSON.stringify(sent[index]).includes('"children":[{'))
    }
  })

  it('names meeting notes by the version, and refuses to write them', async () => {
    const type = version === '2026-03-11' ? 'meeting_notes' : 'transcription'
    const interview = 'ac3e0000-0000-4000-8111-000000000001'
    const { results } = await on.client.blocks.children.list({ block_id: interview })
    expect(results).toMatchObject([
      { type, has_children: true, [type]: { status: 'notes_ready', title: [{ type: 'text', text: { link: null } }] } },
    ])
    expect(await types(results[0]?.id ?? '')).toEqual(['paragraph', 'paragraph'])
    const write = on.client.request({ path: `blocks/${results[0]?.id}`, method: 'patch', body: { [type]: {} } })
    expect(await refusal(write)).toMatchObject({ status: 400, code: 'validation_error' })
    expect(await refusal(append(on.pageId, [{ [type]: {} }]))).toMatchObject({ code: 'validation_error' })
  })

  it.each([0, 1, 10, -0.5])('refuses a column width of %d', async (ratio) => {
    const column = (width_ratio: number) => ({ column: { width_ratio, children: [{ paragraph: rich }] } })
    const refused = await refusal(append(on.pageId, [{ column_list: { children: [column(0.5), column(ratio)] } }]))
    const sign = ratio > 0 ? '< `1`' : '> `0`'
    const path = 'body.children[0].column_list.children[1].column.width_ratio'
    expect(refused).toEqual(invalid(`body failed validation: ${path} should be ${sign}, instead was \`${ratio}\`.`))
  })

  it('returns stored content with defaults', async () => {
    const pageId = await freshPage()
    await append(pageId, [
      { to_do: rich },
      { code: { ...rich, language: 'sql' } },
      { image: { external: { url: 'https://example.com/x.png' } } },
    ])
    const { results } = await on.client.blocks.children.list({ block_id: pageId })
    expect(results).toMatchObject([
      { to_do: { checked: false, color: 'default', rich_text: [{ plain_text: 'Text', href: null }] } },
      { code: { caption: [], language: 'sql' } },
      { image: { type: 'external', external: { url: 'https://example.com/x.png' }, caption: [] } },
    ])
  })

  it('nests two levels in one request and more in several requests', async () => {
    const pageId = await freshPage()
    const nested = (depth: number): object =>
      depth === 0 ? { paragraph: rich } : { bulleted_list_item: { ...rich, children: [nested(depth - 1)] } }
    const { results } = await append(pageId, [nested(2)])
    expect(await refusal(append(pageId, [nested(3)]))).toMatchObject({
      message: expect.stringContaining(
        'body.children[0].bulleted_list_item.children[0].bulleted_list_item.children[0].bulleted_list_item.children should be not present',
      ),
    })
    const below = await on.client.blocks.children.list({ block_id: results[0]?.id ?? '' })
    const deeper = await append(below.results[0]?.id ?? '', [nested(1)])
    expect(deeper.results).toHaveLength(1)
  })

  it('inserts blocks after another block, with the parameter of the version', async () => {
    const pageId = await freshPage()
    const { results } = await append(pageId, [{ quote: rich }, { divider: {} }])
    const first = results[0]?.id ?? ''
    const position = { type: 'after_block', after_block: { id: first } }
    if (version === '2025-09-03') {
      await append(pageId, [{ paragraph: rich }], { after: first })
      expect(await refusal(append(pageId, [{ paragraph: rich }], { after: first, position }))).toEqual(
        invalid('body failed validation: body.after cannot be combined with body.position.'),
      )
    } else {
      await append(pageId, [{ paragraph: rich }], { position })
      expect(await refusal(append(pageId, [{ paragraph: rich }], { after: first }))).toMatchObject({
        message: expect.stringContaining('body.after should be not present'),
      })
    }
    expect(await types(pageId)).toEqual(['quote', 'paragraph', 'divider'])
    await append(pageId, [{ equation: { expression: 'x' } }], { position: { type: 'start' } })
    await append(pageId, [{ toggle: rich }], { position: { type: 'end' } })
    expect(await types(pageId)).toEqual(['equation', 'quote', 'paragraph', 'divider', 'toggle'])
    const elsewhere = { position: { type: 'after_block', after_block: { id: acme.roadmap } } }
    expect((await refusal(append(pageId, [{ divider: {} }], elsewhere))).status).toBe(400)
  })

  it('pages long content with at most 100 blocks per page', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const part = await on.client.blocks.children.list({
        block_id: acme.handbook,
        page_size: 50,
        ...(cursor !== undefined && { start_cursor: cursor }),
      })
      expect(part.results.length).toBeLessThanOrEqual(50)
      seen.push(...part.results.map(({ id }) => id))
      cursor = part.next_cursor ?? undefined
      expect(part.has_more).toBe(cursor !== undefined)
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThan(100)
    const whole = await on.client.blocks.children.list({ block_id: acme.handbook })
    expect(whole.results.map(({ id }) => id)).toEqual(seen.slice(0, 100))
    const gone = on.client.blocks.children.list({ block_id: acme.handbook, start_cursor: acme.roadmap })
    expect(await refusal(gone)).toEqual(invalid(`The start_cursor provided is invalid: ${acme.roadmap}`))
  })

  it('changes the content of a block but never its type', async () => {
    const pageId = await freshPage()
    const { results } = await append(pageId, [
      { to_do: rich },
      { image: file },
      { table: { table_width: 1, children: [{ table_row: { cells: [text('a')] } }] } },
    ])
    const [todo = '', image = '', table = ''] = results.map(({ id }) => id)
    const update = (id: string, body: Record<string, unknown>) =>
      on.client.request({ path: `blocks/${id}`, method: 'patch', body })
    expect(await update(todo, { to_do: { checked: true } })).toMatchObject({
      to_do: { checked: true, rich_text: [{ plain_text: 'Text' }] },
    })
    expect(await update(image, { image: { external: { url: 'https://example.com/new.png' } } })).toMatchObject({
      image: { external: { url: 'https://example.com/new.png' }, caption: [{ plain_text: 'Caption' }] },
    })
    expect(await update(table, { table: { has_row_header: true } })).toMatchObject({
      table: { has_row_header: true, table_width: 1 },
    })
    const [row] = (await on.client.blocks.children.list({ block_id: table })).results
    expect(await refusal(update(row?.id ?? '', { table_row: { cells: [text('a'), text('b')] } }))).toEqual(
      invalid('body failed validation: body.table_row.cells.length should be `1`, instead was `2`.'),
    )
    expect(await refusal(update(todo, { paragraph: rich }))).toMatchObject({
      message: expect.stringMatching(/^body failed validation: body\.paragraph should be not present/),
    })
    expect(await refusal(update(table, { table: { table_width: 3 } }))).toMatchObject({
      message: expect.stringContaining('body.table.table_width should be not present'),
    })
  })

  it('requires the text of most blocks in an update, as Notion does', async () => {
    const pageId = await freshPage([
      { heading_1: rich },
      { quote: rich },
      { equation: { expression: 'x' } },
      { to_do: rich },
    ])
    const [heading, quote, equation, todo] = (await on.client.blocks.children.list({ block_id: pageId })).results
    const update = (block: { id: string } | undefined, body: object) =>
      on.client.request({ method: 'patch', path: `blocks/${block?.id}`, body: { ...body } })
    for (const [block, body, place] of [
      [heading, { heading_1: { color: 'red' } }, 'body.heading_1.rich_text'],
      [quote, { quote: { color: 'red' } }, 'body.quote.rich_text'],
      [equation, { equation: {} }, 'body.equation.expression'],
    ] as const)
      expect(await refusal(update(block, body))).toMatchObject({ status: 400, message: expect.stringContaining(place) })
    expect(await update(todo, { to_do: { checked: true } })).toMatchObject({ to_do: { checked: true } })
  })

  it('accepts no children of a heading that does not open, at once or later', async () => {
    const children = [{ paragraph: rich }]
    expect(await refusal(freshPage([{ heading_2: { ...rich, children } }]))).toMatchObject({
      ...{ status: 400, message: expect.stringContaining('heading_2.children should be not present') },
    })
    expect(await types(await freshPage([{ heading_2: { ...rich, children, is_toggleable: true } }]))).toEqual([
      'heading_2',
    ])
  })

  it('moves deleted blocks to the trash and restores them with an update', async () => {
    const pageId = await freshPage([{ paragraph: rich }, { divider: {} }])
    const [first] = (await on.client.blocks.children.list({ block_id: pageId })).results
    const id = first?.id ?? ''
    expect(await on.client.blocks.delete({ block_id: id })).toMatchObject({ id, in_trash: true })
    expect(await types(pageId)).toEqual(['divider'])
    expect(await refusal(on.client.blocks.delete({ block_id: id }))).toEqual(
      invalid("Can't edit block that is archived. You must unarchive the block before editing."),
    )
    expect(await on.client.blocks.update({ block_id: id, in_trash: false })).toMatchObject({ in_trash: false })
    expect(await types(pageId)).toEqual(['paragraph', 'divider'])
  })

  it('lists pages and databases below a page as child blocks, and updates the edit time of the page', async () => {
    const before = loose(await on.client.pages.retrieve({ page_id: on.pageId }))
    const child = await freshPage()
    expect(await on.client.blocks.retrieve({ block_id: child })).toMatchObject({
      type: 'child_page',
      child_page: { title: 'Blocks' },
      parent: { type: 'page_id', page_id: on.pageId },
    })
    expect(await on.client.blocks.retrieve({ block_id: acme.projects })).toMatchObject({
      type: 'child_database',
      child_database: { title: 'Projects' },
    })
    const after = loose(await on.client.pages.retrieve({ page_id: on.pageId }))
    expect(String(after.last_edited_time) >= String(before.last_edited_time)).toBe(true)
  })

  it('lists the children of the original below a synced block', async () => {
    const pageId = await freshPage([{ synced_block: { synced_from: null, children: [{ quote: rich }] } }])
    const [original] = (await on.client.blocks.children.list({ block_id: pageId })).results
    const { results } = await append(pageId, [
      { synced_block: { synced_from: { type: 'block_id', block_id: original?.id } } },
    ])
    expect(await types(results[0]?.id ?? '')).toEqual(['quote'])
  })

  it('refuses children where they are not allowed, and rows or columns outside their parents', async () => {
    const pageId = await freshPage()
    const { results } = await append(pageId, [
      { divider: {} },
      { heading_1: rich },
      { table: { table_width: 1, children: [{ table_row: { cells: [[]] } }] } },
    ])
    const [divider = '', heading = '', table = ''] = results.map(({ id }) => id)
    const closed = invalid('Block does not support children.')
    expect(await refusal(append(divider, [{ paragraph: rich }]))).toEqual(closed)
    expect(await refusal(append(heading, [{ paragraph: rich }]))).toEqual(closed)
    expect(await refusal(append(acme.projects, [{ paragraph: rich }]))).toEqual(closed)
    expect(await refusal(append(table, [{ paragraph: rich }]))).toEqual(
      invalid('body failed validation: body.children[0] of type paragraph cannot be a child of a table.'),
    )
    expect(await refusal(append(pageId, [{ table_row: { cells: [] } }]))).toEqual(
      invalid('body failed validation: body.children[0] of type table_row cannot be a child of a page.'),
    )
  })

  it.each([
    ['101 blocks', Array(101).fill({ divider: {} }), 'body.children.length should be ≤ `100`, instead was `101`.'],
    [
      'a text of 2001 characters',
      [{ paragraph: { rich_text: text('x'.repeat(2001)) } }],
      'body.children[0].paragraph.rich_text[0].text.content.length should be ≤ `2000`, instead was `2001`.',
    ],
    [
      '101 elements of rich text',
      [{ paragraph: { rich_text: Array(101).fill(text('x')[0]) } }],
      'body.children[0].paragraph.rich_text.length should be ≤ `100`, instead was `101`.',
    ],
    [
      'an equation of 1001 characters',
      [{ equation: { expression: 'x'.repeat(1001) } }],
      'body.children[0].equation.expression.length should be ≤ `1000`, instead was `1001`.',
    ],
    [
      'a URL of 2001 characters',
      [{ bookmark: { url: 'x'.repeat(2001) } }],
      'body.children[0].bookmark.url.length should be ≤ `2000`, instead was `2001`.',
    ],
    [
      'a list of columns with one column',
      [{ column_list: { children: [{ column: { children: [] } }] } }],
      'body.children[0].column_list.children.length should be ≥ `2`, instead was `1`.',
    ],
    [
      'a row that is narrower than its table',
      [{ table: { table_width: 2, children: [{ table_row: { cells: [[]] } }] } }],
      'body.children[0].table.children[0].table_row.cells.length should be `2`, instead was `1`.',
    ],
    ['no children', undefined, 'body.children should be defined, instead was undefined.'],
    ['children that are not an array', 'x', 'body.children should be an array, instead was `"x"`.'],
    ['a null child', [null], 'body.children[0] should be an object, instead was `null`.'],
    [
      'a paragraph without text',
      [{ paragraph: {} }],
      'body.children[0].paragraph.rich_text should be defined, instead was undefined.',
    ],
  ])('refuses %s', async (_, children, message) => {
    expect(await refusal(append(on.pageId, children))).toEqual(invalid(`body failed validation: ${message}`))
  })

  it('refuses unknown types, languages and colors with the valid values', async () => {
    const messages = await Promise.all(
      [
        [{ type: 'poem', poem: {} }],
        [{ poem: {} }],
        [{ code: { ...rich, language: 'klingon' } }],
        [{ paragraph: { ...rich, color: 'mauve' } }],
      ].map(async (children) => (await refusal(append(on.pageId, children))).message),
    )
    expect(messages[0]).toContain('body.children[0].type should be `"paragraph"`')
    expect(messages[1]).toContain('Fix one:\nbody.children[0].paragraph should be defined')
    expect(messages[2]).toContain('body.children[0].code.language should be `"abap"`')
    expect(messages[3]).toContain('body.children[0].paragraph.color should be `"default"`')
  })

  it('refuses more than 1000 blocks in one request', async () => {
    const row = { paragraph: { rich_text: [], children: Array(11).fill({ divider: {} }) } }
    expect(await refusal(append(on.pageId, Array(90).fill(row)))).toMatchObject({
      message: expect.stringContaining('The total number of blocks should be ≤ `1000`'),
    })
  })
})
