import { describe, expect, it } from 'vitest'
import { blocksMarkdown, compactBlock } from '../../src/notion/shape/blocks.ts'
import { compactFullPage } from '../../src/notion/shape/compact.ts'
import { pageMarkdown, rowsTable } from '../../src/notion/shape/markdown.ts'
import { richTextMarkdown, table } from '../../src/notion/shape/rich-text-markdown.ts'
import fc from '../support/fast-check.ts'
import { toolbox } from './support.ts'

type Body = Record<string, unknown>
const box = toolbox()
const compact = (name: string, body: Body, input: object = {}) =>
  box.tool(name).toCompact(body, input as never) as Record<string, unknown>
const markdown = (name: string, body: Body) => box.tool(name).toMarkdown(body, {} as never)
const typed = (name: string, body: Body) => {
  const tool = box.tool(name)
  return tool.result.parse(tool.toResult(body, { property: 'Sum' } as never)) as Record<string, unknown>
}
const listOf = (results: readonly unknown[], more: object = {}): Body => ({
  ...{ object: 'list', results, next_cursor: null, has_more: false },
  ...more,
})

/** Text with the characters that Markdown treats specially, around a word that must survive. */
const word = fc.uuid().map((id) => `w${id.slice(0, 8)}`)
const spice = fc.stringMatching(/^[\n `|\\[\]()<>*_$#-]{0,6}$/)
const spiced = fc
  .tuple(spice, word, spice)
  .map(([before, text, after]) => ({ text: `${before}${text}${after}`, word: text }))
const piece = fc
  .record({ content: spiced, url: fc.option(word), bold: fc.boolean(), code: fc.boolean() })
  .map(({ content, url, bold, code }) => ({
    item: {
      type: 'text',
      plain_text: content.text,
      href: url === null ? null : `https://example.com/${url} (a)/[b]?c=\\d`,
      annotations: { bold, code },
    },
    facts: [content.word, ...(url === null ? [] : [url])],
  }))
const pieces = fc
  .array(piece, { minLength: 1, maxLength: 3 })
  .map((all) => ({ items: all.map(({ item }) => item), facts: all.flatMap(({ facts }) => facts) }))

const value = fc.oneof(
  pieces.map(({ items, facts }) => ({ property: { type: 'rich_text', rich_text: items }, facts })),
  fc.uuid().map((id) => ({ property: { type: 'people', people: [{ id, name: 'Ada' }] }, facts: [id] })),
  fc.uuid().map((id) => ({ property: { type: 'created_by', created_by: { id, name: 'Ada' } }, facts: [id] })),
  fc.uuid().map((id) => ({ property: { type: 'relation', relation: [{ id }] }, facts: [id] })),
  fc.uuid().map((id) => ({
    property: { type: 'files', files: [{ name: 'a](b', external: { url: `https://a/${id} (1)` } }] },
    facts: [id],
  })),
  word.map((name) => ({ property: { type: 'select', select: { name } }, facts: [name] })),
  word.map((name) => ({ property: { type: 'number', number: name.length }, facts: [String(name.length)] })),
)
const own = [
  'id',
  'url',
  'public_url',
  'icon',
  'cover',
  'parent',
  'last_edited_time',
  'in_trash',
  'is_archived',
  'is_locked',
]
const name = fc.oneof(fc.constantFrom(...own, 'title', '__proto__', 'property id', 'property property id'), word)
const page = fc
  .record({
    id: fc.uuid(),
    values: fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 8 }),
    state: fc.record({ in_trash: fc.boolean(), is_archived: fc.boolean(), is_locked: fc.boolean() }),
    title: pieces,
  })
  .map(({ id, values, state, title }) => {
    const properties = Object.fromEntries([
      ['The title', { type: 'title', title: title.items }],
      ...values.map(([key, { property }]) => [key, property]),
    ]) as Body
    const facts = [...title.facts, ...values.flatMap(([, { facts: held }]) => held)]
    return { raw: { object: 'page', id, url: 'https://notion.so/x', ...state, properties }, facts, values, state }
  })

describe('the text formats of a page', () => {
  it('COMPACT and MARKDOWN have every value, and no property replaces what the page has itself', () => {
    fc.assert(
      fc.property(page, ({ raw, facts, values, state }) => {
        const row = compactFullPage(raw)
        expect(row).toMatchObject({ id: raw.id, url: raw.url })
        for (const [key, on] of Object.entries(state)) expect(row[key]).toBe(on ? true : undefined)
        expect(Object.keys(row)).toHaveLength(3 + values.length + Object.values(state).filter(Boolean).length)
        const texts = [JSON.stringify(row), pageMarkdown(raw), rowsTable([raw])]
        for (const fact of facts) for (const text of texts) expect(text).toContain(fact)
        const lines = pageMarkdown(raw).split('\n')
        expect(lines.filter((line) => line.startsWith('id: '))).toEqual([`id: ${raw.id}`])
        expect(lines.includes('in the trash')).toBe(state.in_trash)
        expect(rowsTable([raw]).split('\n')).toHaveLength(3)
      }),
    )
  })

  it.each(own)('keep a property named %s apart from the page’s own, whether the page has one or not', (key) => {
    const number = { type: 'number', number: 7 }
    expect(compactFullPage({ id: 'p', properties: { [key]: number, [`property ${key}`]: number } })).toEqual({
      id: 'p',
      [`property ${key}`]: 7,
      [`property property ${key}`]: 7,
    })
    expect(
      pageMarkdown({ id: 'p', properties: { [key]: number } })
        .split('\n')
        .at(-1),
    ).toBe(`property ${key}: 7`)
    expect(rowsTable([{ id: 'p', properties: { [key]: number } }])).toContain(`property ${key} | id`)
  })
})

const links = /\[((?:\\.|[^\\[\]])*)\]\((?:<((?:\\.|[^<>\\\n])*)>|([^\s()<>]*))\)/g

it('a link ends where it should, whatever its text and address contain', () => {
  fc.assert(
    fc.property(spiced, spiced, (text, url) => {
      const plain = text.text.replaceAll('\n', ' ')
      const made = richTextMarkdown([{ plain_text: plain, href: `https://e/${url.text.replaceAll(/[\n<>]/g, '')}` }])
      const [found] = [...made.matchAll(links)]
      expect(found?.[0]).toBe(made)
      expect(found?.[1]?.replaceAll(/\\(.)/g, '$1')).toBe(plain)
      expect((found?.[2]?.replaceAll(/\\(.)/g, '$1') ?? found?.[3])?.slice(10)).toBe(url.text.replaceAll(/[\n<>]/g, ''))
    }),
  )
})

it('a mention of a user or page leads to it', () => {
  const user = { type: 'mention', plain_text: '@Ada', href: null, mention: { type: 'user', user: { id: 'u-1' } } }
  const other = { type: 'mention', plain_text: 'Plan', href: null, mention: { type: 'page', page: { id: 'p-1' } } }
  expect(richTextMarkdown([user, other])).toBe('[@Ada](user://u-1)[Plan](https://www.notion.so/p1)')
})

it('a cell of a table ends where it should', () => {
  fc.assert(
    fc.property(spiced, (text) => {
      const [, , row = ''] = table(['a', 'b'], [[text.text, 'x']]).split('\n')
      expect(row.match(/(?:\\.|[^\\|])+(?=\|)/g)).toHaveLength(2)
    }),
  )
})

const block = (type: string, content: object, more: object = {}) => ({
  object: 'block',
  type,
  [type]: content,
  ...more,
})
const anyBlock = fc
  .record({
    id: fc.uuid(),
    text: pieces,
    type: fc.constantFrom(
      ...['paragraph', 'heading_1', 'heading_4', 'bulleted_list_item', 'numbered_list_item', 'quote', 'toggle'],
      ...['to_do', 'callout', 'code', 'something_new'],
    ),
    has_children: fc.boolean(),
    checked: fc.boolean(),
    language: fc.constantFrom('plain text', 'c++', 'sql'),
  })
  .map(({ id, text, type, has_children, checked, language }) => ({
    raw: block(
      type,
      {
        rich_text: text.items,
        color: 'default',
        ...(type === 'to_do' && { checked }),
        ...(type === 'code' && { language, caption: [] }),
        ...(type === 'callout' && { icon: { type: 'emoji', emoji: '💡' } }),
      },
      { id, has_children },
    ),
    facts: type === 'code' ? [] : text.facts,
    plain: text.items.map(({ plain_text }) => plain_text).join(''),
    ...{ id, type, has_children, checked, language },
  }))

describe('the text formats of blocks', () => {
  it('have the id, type, children, state, language, icon and text of each block', () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { minLength: 1, maxLength: 6 }), (all) => {
        const text = blocksMarkdown(all.map(({ raw }) => raw))
        let rest = text
        for (const { raw, id, type, has_children, checked, language, facts, plain } of all) {
          const small = compactBlock(raw) as Body
          expect(small).toMatchObject({ id, type })
          expect(small.has_children).toBe(has_children ? true : undefined)
          expect(small.checked).toBe(type === 'to_do' ? checked : undefined)
          expect(small.language).toBe(type === 'code' ? language : undefined)
          expect(small.icon).toBe(type === 'callout' ? '💡' : undefined)
          for (const fact of facts) expect(small.text).toContain(fact)
          const head = `<!-- block ${id} ${type}${has_children ? ', has children' : ''} -->\n`
          expect(rest.startsWith(head)).toBe(true)
          rest = rest.slice(head.length)
          const next = rest.search(/^<!-- block [0-9a-f-]{36} /m)
          const shown = next === -1 ? `${rest}\n` : rest.slice(0, next)
          rest = next === -1 ? '' : rest.slice(next)
          for (const fact of facts) expect(shown).toContain(fact)
          if (type === 'to_do') expect(shown.startsWith(`- [${checked ? 'x' : ' '}] `)).toBe(true)
          if (type === 'callout') expect(shown.startsWith('> 💡 ')).toBe(true)
          const lines = shown.slice(0, -1).split('\n')
          if (type === 'quote' || type === 'callout') expect(lines.every((line) => line.startsWith('> '))).toBe(true)
          if (type === 'toggle' || type === 'to_do') {
            expect(lines.slice(1).every((line) => line.startsWith('  '))).toBe(true)
          }
          if (type !== 'code') continue
          const fence = lines[0]?.slice(0, -language.length) ?? ''
          expect(lines[0]).toBe(`${fence}${language}`)
          expect(fence).toMatch(/^`{3,}$/)
          const end = lines.findIndex((line, at) => at > 0 && line.trim().startsWith(fence))
          expect(lines.slice(1, end).join('\n')).toBe(plain)
          expect(end).toBe(lines.length - 1)
        }
      }),
    )
  })

  it.each([
    ['image', { type: 'external', external: { url: 'https://a/b (1).png' }, caption: [{ plain_text: 'A cat' }] }],
    ['file', { type: 'file', file: { url: 'https://a/f' }, name: 'f [1].pdf', caption: [] }],
    ['bookmark', { url: 'https://a/c', caption: [] }],
    ['link_to_page', { type: 'page_id', page_id: 'p-1' }],
    ['synced_block', { synced_from: { type: 'block_id', block_id: 'b-1' } }],
    ['table', { table_width: 3, has_column_header: true, has_row_header: false }],
    ['heading_2', { rich_text: [{ plain_text: 'H' }], is_toggleable: true, color: 'red' }],
    ['unsupported', { block_type: 'form' }],
    ['equation', { expression: 'x^2' }],
    ['child_page', { title: 'Sub page' }],
  ])('have what a block of type %s contains', (type, content) => {
    const raw = block(type, content, { id: 'b-0', has_children: false })
    const text = blocksMarkdown([raw])
    const small = JSON.stringify(compactBlock(raw))
    const leaves = (held: unknown): unknown[] =>
      typeof held === 'object' && held !== null ? Object.values(held).flatMap(leaves) : [held]
    const facts = leaves(content).filter(
      (leaf) => !['external', 'file', 'page_id', false, true].includes(leaf as never),
    )
    for (const fact of facts) {
      expect(small).toContain(String(fact))
      expect(text.replaceAll('\\', '')).toContain(String(fact))
    }
    for (const [key, held] of Object.entries(content)) {
      if (held === true) expect([small.includes(`"${key}":true`), text.includes(key)]).toEqual([true, true])
    }
    expect(text.startsWith(`<!-- block b-0 ${type}`)).toBe(true)
  })

  it('show rows of a table with their ids, and no text as the head of a block', () => {
    const cells = [[{ plain_text: 'a|b' }], [{ plain_text: 'c' }]]
    const text = blocksMarkdown([
      block('table_row', { cells }, { id: 'r-1' }),
      block('table_row', { cells }, { id: 'r-2' }),
      block('paragraph', { rich_text: [{ plain_text: 'x\n<!-- block 1 paragraph -->\ny' }] }, { id: 'b-1' }),
    ])
    expect(text.split('\n')).toEqual([
      '| column 1 | column 2 | block id |',
      '|---|---|---|',
      '| a\\|b | c | r-1 |',
      '| a\\|b | c | r-2 |',
      '<!-- block b-1 paragraph -->',
      'x',
      '&lt;!-- block 1 paragraph -->',
      'y',
    ])
    const [row] = [compactBlock(block('table_row', { cells }, { id: 'r-1' }))]
    expect(row).toMatchObject({ cells: ['a|b', 'c'] })
  })
})

describe('what Notion left out', () => {
  it('is reported for the Markdown of a page, by a read and by an edit', () => {
    const held = { object: 'page', id: 'p', markdown: 'x', truncated: true, unknown_block_ids: ['b-1', 'b-2'] }
    const body = { ...held, properties: {}, next_cursor: null, has_more: false }
    for (const tool of ['notion_page_fetch', 'notion_page_content_update']) {
      expect(compact(tool, body)).toMatchObject({ truncated: true, unknown_block_ids: ['b-1', 'b-2'] })
      expect(markdown(tool, body)).toMatch(/truncated.*\n.*b-1, b-2$/)
      expect(typed(tool, body)).toMatchObject({ truncated: true, unknownBlockIds: ['b-1', 'b-2'] })
    }
  })

  it('is reported for a query that ended at the limit of Notion', () => {
    const status = { type: 'incomplete', incomplete_reason: 'query_result_limit_reached' }
    const body = listOf([{ object: 'page', id: 'p', properties: {} }], { request_status: status })
    expect(compact('notion_database_query', body)).toMatchObject({ incomplete: 'query_result_limit_reached' })
    expect(markdown('notion_database_query', body)).toContain('query_result_limit_reached')
    expect(typed('notion_database_query', body)).toMatchObject({ incompleteReason: 'query_result_limit_reached' })
    const complete = listOf([], { request_status: { type: 'complete' } })
    expect(typed('notion_database_query', complete)).toMatchObject({ incompleteReason: null })
    expect(JSON.stringify(compact('notion_database_query', complete))).not.toContain('incomplete')
  })
})

it.each([
  ['notion_data_fetch', 'page'],
  ['notion_database_query', 'page'],
  ['notion_block_list', 'block'],
  ['notion_file_upload_list', 'file_upload'],
])('%s reports in every text format what is in the trash', (tool, object) => {
  const trashed = { ...block('paragraph', { rich_text: [] }), object, id: 'x', in_trash: true, properties: {} }
  const fine = { ...trashed, in_trash: false }
  expect(JSON.stringify(compact(tool, listOf([trashed])))).toContain('"in_trash":true')
  expect(markdown(tool, listOf([trashed, fine]))).toContain('in the trash')
  expect(JSON.stringify(compact(tool, listOf([fine]))) + markdown(tool, listOf([fine]))).not.toContain('trash')
})

it.each([
  ['notion_page_fetch', { object: 'page', properties: {}, next_cursor: null }],
  ['notion_database_fetch', { object: 'database', title: [], data_sources: [] }],
  ['notion_data_source_fetch', { object: 'data_source', title: [], properties: {} }],
  ['notion_block_fetch', block('paragraph', { rich_text: [] })],
])('%s reports in every text format that it is in the trash', (tool, raw) => {
  const body = { ...raw, id: 'x', in_trash: true }
  expect(JSON.stringify(compact(tool, body))).toContain('"in_trash":true')
  expect(markdown(tool, body)).toContain('in the trash')
})

describe('comments', () => {
  const comment = {
    object: 'comment',
    id: 'c-1',
    discussion_id: 'd-1',
    parent: { type: 'page_id', page_id: 'p-1' },
    created_time: '2026-01-01T00:00:00.000Z',
    created_by: { object: 'user', id: 'u-1' },
    display_name: { type: 'user', resolved_name: 'Ada' },
    rich_text: [],
    attachments: [{ category: 'image', file: { url: 'https://files/cat (1).png', expiry_time: 'soon' } }],
  }

  it('have their pictures, the id of their author and their links in every format', () => {
    const linked = { ...comment, attachments: undefined, rich_text: [{ plain_text: 'see', href: 'https://e/1' }] }
    const body = listOf([comment, linked])
    const [picture, other] = compact('notion_comments_fetch', body).untrusted_notion_content as Body[]
    expect(picture).toMatchObject({
      attachments: [{ category: 'image', url: 'https://files/cat (1).png' }],
      author: 'Ada',
      author_id: 'u-1',
    })
    expect(other).toMatchObject({ text: '[see](https://e/1)' })
    const text = markdown('notion_comments_fetch', body)
    expect(text).toContain('[Ada](user://u-1)')
    expect(text).toContain('[image](<https://files/cat (1).png>)')
    expect(text).toContain('[see](https://e/1)')
    expect(typed('notion_comments_fetch', body)).toMatchObject({
      comments: [
        { text: '', attachments: [{ category: 'image', url: 'https://files/cat (1).png' }], authorId: 'u-1' },
        { text: 'see', markdown: '[see](https://e/1)', attachments: [] },
      ],
    })
  })

  it('of a page without any are reported together with where the comments on its blocks are', () => {
    const body = listOf([])
    const note = expect.stringMatching(/blocks.*notion_block_list/) as string
    expect(compact('notion_comments_fetch', body)).toMatchObject({ note })
    expect(typed('notion_comments_fetch', body)).toMatchObject({ note })
    expect(markdown('notion_comments_fetch', body)).toEqual(note)
  })
})

describe('one property that is a rollup', () => {
  const related = ['a', 'b'].map((id) => ({ object: 'property_item', type: 'relation', relation: { id } }))
  const rollup = (held: object): Body =>
    listOf(related, { property_item: { id: 'r', type: 'rollup', rollup: held }, type: 'property_item' })

  it.each([
    [{ type: 'number', number: 42, function: 'sum' }, 42, '42'],
    [{ type: 'number', number: null, function: 'max' }, null, ''],
    [{ type: 'date', date: { start: '2026-01-01' }, function: 'latest_date' }, '2026-01-01', '2026-01-01'],
  ])('has the value %j instead of the pages that it is computed from', (held, expected, text) => {
    const body = rollup(held)
    expect(compact('notion_property_item_fetch', body).untrusted_notion_content).toEqual(
      expected === null ? {} : { value: expected },
    )
    expect(markdown('notion_property_item_fetch', body).split('\n')[2]).toBe(text)
    expect(typed('notion_property_item_fetch', body).property).toMatchObject({ value: expected, type: 'rollup', text })
  })

  it('has the collected values where it shows the originals', () => {
    const text = [{ object: 'property_item', type: 'rich_text', rich_text: { plain_text: 'x' } }]
    const body = { ...rollup({ type: 'array', array: [], function: 'show_original' }), results: text }
    expect(compact('notion_property_item_fetch', body).untrusted_notion_content).toEqual({ value: ['x'] })
  })
})

it('a heading of the fourth level, a tab, and the icon of a paragraph are shown', () => {
  const rich_text = [{ type: 'text', plain_text: 'Goal' }]
  const icon = { type: 'emoji', emoji: '🎯' }
  const blocks = [
    block('heading_4', { rich_text, is_toggleable: true }, { id: 'h' }),
    block('tab', {}, { id: 't', has_children: true }),
    block('paragraph', { rich_text, icon }, { id: 'p' }),
  ]
  expect(blocks.map(compactBlock)).toEqual([
    { id: 'h', type: 'heading_4', text: 'Goal', is_toggleable: true },
    { id: 't', type: 'tab', has_children: true },
    { id: 'p', type: 'paragraph', text: 'Goal', icon: '🎯' },
  ])
  expect(blocksMarkdown(blocks).split('\n')).toEqual([
    '<!-- block h heading_4, is_toggleable -->',
    '#### Goal',
    '<!-- block t tab, has children -->',
    '[tab]',
    '<!-- block p paragraph, icon: 🎯 -->',
    'Goal',
  ])
})

it('a view has its filter bar, its database and its rows in both text formats', () => {
  const view = {
    ...{ object: 'view', id: 'v-1', name: 'Mine', type: 'board', url: 'https://notion.so/v', data_source_id: 's-1' },
    ...{ parent: { type: 'database_id', database_id: 'd-1' }, created_time: '2026-01-01T00:00:00.000Z' },
    ...{ last_edited_time: '2026-01-02T00:00:00.000Z', filter: { property: 'f-1' }, sorts: [{ property: 'o-1' }] },
    ...{ quick_filters: { Stage: { select: { equals: 'q-1' } } }, configuration: { group_by: 'g-1' } },
  }
  const facts = ['v-1', 'Mine', 'board', 'https://notion.so/v', 's-1', 'd-1', 'f-1', 'o-1', 'q-1', 'g-1']
  const texts = [JSON.stringify(compact('notion_view_fetch', view)), String(markdown('notion_view_fetch', view))]
  for (const fact of [...facts, view.created_time, view.last_edited_time])
    for (const text of texts) expect(text).toContain(fact)
})

it('a list without a cursor shows that there is more', () => {
  const body = listOf([], { has_more: true })
  expect(compact('notion_meeting_note_query', body)).toMatchObject({ has_more: true })
  expect(markdown('notion_meeting_note_query', body)).toContain('There is more.')
})
