import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notion } from '../../src/notion/connector.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

let app: TestApp
let agent: Agent
let database: string
beforeAll(async () => {
  // The tests make more calls a minute than Notion allows.
  const rate = { requests: 100_000, perMs: 60_000 }
  app = await startApp({ database: 'postgres', connectors: [{ ...notion, rate }] })
  await app.connect('user_places')
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  agent = agentOf(app, 'user_places')
  const created = await agent.body('notion_database_create', {
    parent: acme.product,
    title: 'Places',
    properties: { Name: 'title', When: 'date', Stage: { select: { options: ['New'] } }, Files: 'files', Site: 'url' },
  })
  database = created.id
})
afterAll(() => app.stop())

/** Returns the path of the only place of an input that holds a value. */
function placeOf(input: unknown, bad: unknown): string {
  const found: string[] = []
  const walk = (value: unknown, path: readonly string[]): void => {
    if (value === bad) found.push(path.join('.'))
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key])
  }
  walk(input, [])
  expect(found).toHaveLength(1)
  return found[0] ?? ''
}

const long = (length: number) => 'x'.repeat(length)
const url = 'https://a.example/'

/** A block, and the value in it that is refused. */
const blocks: readonly (readonly [string, object, unknown])[] = [
  ['a language under the type', { code: { rich_text: 'x', language: 'klingon' } }, 'klingon'],
  ['a language next to the type', { type: 'code', rich_text: 'x', language: 'klingon' }, 'klingon'],
  ['a language next to the content', { code: { rich_text: 'x' }, language: 'klingon' }, 'klingon'],
  ['a language next to a string', { code: 'x', language: 'klingon' }, 'klingon'],
  ['a language of a typed result', { type: 'code', content: { rich_text: 'x', language: 'klingon' } }, 'klingon'],
  ['a color', { paragraph: { rich_text: 'x', color: 'mauve' } }, 'mauve'],
  ['a color next to the content', { paragraph: { rich_text: 'x' }, color: 'mauve' }, 'mauve'],
  ['a color next to a string', { paragraph: 'x', color: 'mauve' }, 'mauve'],
  ['a color of text', { quote: { rich_text: [{ text: { content: 'x' }, annotations: { color: 'mauve' } }] } }, 'mauve'],
  ['a color of text as the content', { quote: [{ text: { content: 'x' }, color: 'mauve' }] }, 'mauve'],
  ['a color of a single text as the content', { quote: { plain_text: 'x', annotations: { color: 'mauve' } } }, 'mauve'],
  ['a color in a caption', { image: { url, caption: [{ text: { content: 'x' }, color: 'mauve' }] } }, 'mauve'],
  ['a color in a caption next to the content', { image: { url }, caption: [{ text: 'x', color: 'mauve' }] }, 'mauve'],
  ['a flag', { to_do: { rich_text: 'x', checked: 'maybe' } }, 'maybe'],
  ['a flag next to the content', { to_do: { rich_text: 'x' }, checked: 'maybe' }, 'maybe'],
  [
    'an annotation',
    { paragraph: { rich_text: [{ text: { content: 'x' }, annotations: { bold: 'maybe' } }] } },
    'maybe',
  ],
  ['text that is not a string', { paragraph: { rich_text: [{ text: { content: 5 } }] } }, 5],
  ['content that is not a string', { paragraph: { rich_text: [{ content: 5 }] } }, 5],
  ['plain text that is not a string', { paragraph: { rich_text: [{ plain_text: 5 }] } }, 5],
  ['a link', { paragraph: [{ text: { content: 'x', link: { url: long(2001) } } }] }, long(2001)],
  ['a link next to the text', { paragraph: [{ text: 'x', link: long(2001) }] }, long(2001)],
  ['a link under href', { paragraph: [{ plain_text: 'x', href: long(2001) }] }, long(2001)],
  ['an equation', { equation: { expression: long(1001) } }, long(1001)],
  ['an equation as the content', { equation: long(1001) }, long(1001)],
  ['an equation next to the type', { type: 'equation', expression: long(1001) }, long(1001)],
  ['an equation in text', { paragraph: [{ equation: { expression: long(1001) } }] }, long(1001)],
  ['an equation in text as a string', { paragraph: [{ equation: long(1001) }] }, long(1001)],
  ['a mention', { paragraph: [{ mention: { page: { id: 'nowhere' } } }] }, 'nowhere'],
  ['a mention as a string', { paragraph: [{ mention: 'nowhere' }] }, 'nowhere'],
  ['a mention by page_id', { paragraph: [{ mention: { page_id: 'nowhere' } }] }, 'nowhere'],
  ['a mention by type and id', { paragraph: [{ mention: { type: 'user', id: 'unknown' } }] }, 'unknown'],
  ['a date in a mention', { paragraph: [{ mention: { date: { start: 'soon' } } }] }, 'soon'],
  ['a date in a mention as a string', { paragraph: [{ mention: { date: 'soon' } }] }, 'soon'],
  ['the end of a date', { paragraph: [{ mention: { date: { start: '2026-07-15', end: 'later' } } }] }, 'later'],
  [
    'the end of a date as a string',
    { paragraph: [{ mention: { date: '2026-07-15/2026-99-16' } }] },
    '2026-07-15/2026-99-16',
  ],
  [
    'a zone',
    { paragraph: [{ mention: { date: { start: '2026-07-15T10:00', time_zone: 'Mars/Base' } } }] },
    'Mars/Base',
  ],
  [
    'a range that ends first',
    { paragraph: [{ mention: { date: { start: '2026-07-15', end: '2026-07-14' } } }] },
    '2026-07-14',
  ],
  [
    'a range of times that ends first',
    { paragraph: [{ mention: { date: { start: '2026-07-15T10:00:00+02:00', end: '2026-07-15T07:59:00Z' } } }] },
    '2026-07-15T07:59:00Z',
  ],
  [
    'a zone of a day',
    { paragraph: [{ mention: { date: { start: '2026-07-15', time_zone: 'Asia/Tokyo' } } }] },
    'Asia/Tokyo',
  ],
  [
    'a link to a script',
    { paragraph: [{ text: { content: 'x', link: { url: 'javascript:alert(1)' } } }] },
    'javascript:alert(1)',
  ],
  [
    'a link to a script in disguise',
    { paragraph: [{ text: 'x', href: ' java\nscript:alert(1)' }] },
    ' java\nscript:alert(1)',
  ],
  ['a link to content', { paragraph: [{ text: 'x', link: 'data:text/html,x' }] }, 'data:text/html,x'],
  [
    'a link to a file',
    { paragraph: [{ mention: { link_mention: { href: 'file:///etc/hosts' } } }] },
    'file:///etc/hosts',
  ],
  ['an embedded script', { embed: { url: 'javascript:alert(1)' } }, 'javascript:alert(1)'],
  ['an embedded mail', { type: 'embed', url: 'mailto:a@b.example' }, 'mailto:a@b.example'],
  ['a bookmark of a script', { bookmark: 'javascript:alert(1)' }, 'javascript:alert(1)'],
  ['a bookmark of a file', { bookmark: { url: 'file:///etc/hosts' } }, 'file:///etc/hosts'],
  ['an embed', { embed: { url: long(2001) } }, long(2001)],
  ['an embed as a string', { embed: long(2001) }, long(2001)],
  ['an embed next to the type', { type: 'bookmark', url: long(2001) }, long(2001)],
  ['a picture', { image: { external: { url: 'ftp://a.example/' } } }, 'ftp://a.example/'],
  ['a picture under url', { image: { url: 'ftp://a.example/' } }, 'ftp://a.example/'],
  ['a picture as a string', { image: 'ftp://a.example/' }, 'ftp://a.example/'],
  ['a picture under external', { image: { external: 'ftp://a.example/' } }, 'ftp://a.example/'],
  ['a picture next to the type', { type: 'video', external: { url: 'ftp://a.example/' } }, 'ftp://a.example/'],
  ['an upload', { image: { file_upload: { id: 'none' } } }, 'none'],
  ['an upload next to the type', { type: 'pdf', file_upload: { id: 'none' } }, 'none'],
  ['the type of a file', { file: { type: 'file', external: { url } } }, 'file'],
  ['an icon', { callout: { rich_text: 'x', icon: { emoji: 'word' } } }, 'word'],
  ['an icon as a string', { callout: { rich_text: 'x', icon: 'word' } }, 'word'],
  ['an icon next to the content', { callout: { rich_text: 'x' }, icon: 'word' }, 'word'],
  ['a color of an icon', { callout: { rich_text: 'x', icon: { icon: { name: 'pizza', color: 'mauve' } } } }, 'mauve'],
  [
    'a picture of an icon',
    { callout: { rich_text: 'x', icon: { external: { url: 'ftp://a.example/' } } } },
    'ftp://a.example/',
  ],
  ['a link to a page', { link_to_page: { page_id: 'nowhere' } }, 'nowhere'],
  ['a link to a page as a string', { link_to_page: 'nowhere' }, 'nowhere'],
  ['a link to a page next to the type', { type: 'link_to_page', page_id: 'nowhere' }, 'nowhere'],
  ['a link to a page as a URL', { link_to_page: { url: 'nowhere' } }, 'nowhere'],
  ['an original', { synced_block: { synced_from: { block_id: 'nowhere' } } }, 'nowhere'],
  ['an original as a string', { synced_block: { synced_from: 'nowhere' } }, 'nowhere'],
  ['an original as the content', { synced_block: 'nowhere' }, 'nowhere'],
  ['an original next to the type', { type: 'synced_block', synced_from: 'nowhere' }, 'nowhere'],
  ['a cell', { table_row: { cells: ['x', [{ text: { content: 'x' }, color: 'mauve' }]] } }, 'mauve'],
  ['a cell in cells as the content', { table_row: ['x', [{ text: { content: 'x' }, color: 'mauve' }]] }, 'mauve'],
  ['a cell next to the type', { type: 'table_row', cells: [[{ text: 'x', color: 'mauve' }]] }, 'mauve'],
]

const divider = { divider: {} }

/** A block with children, and the value in it that is refused. */
const parents: readonly (readonly [string, object, unknown])[] = [
  ['the width of a table', { table: { table_width: 0, children: [{ table_row: { cells: ['x'] } }] } }, 0],
  ['the width next to the rows', { table: { children: [{ table_row: ['x'] }] }, table_width: 'wide' }, 'wide'],
  [
    'the width of a column',
    { column_list: { children: [{ column: { width_ratio: -1, children: ['x'] } }, { column: {} }] } },
    -1,
  ],
  ['a child of another type', { tab: { children: [{ paragraph: 'x' }, divider] } }, divider],
]

describe('an issue about a block names the place where the caller wrote the value', () => {
  const cases = [...blocks, ...parents]

  it.each(cases)('of %s in appended blocks', async (_name, block, value) => {
    const input = { block_id: acme.roadmap, children: ['first', block] }
    expect(await agent.issues('notion_block_append', input)).toMatchObject([{ path: placeOf(input, value) }])
  })

  it.each(cases)('of %s below other blocks', async (_name, block, value) => {
    for (const outer of [
      { toggle: { rich_text: 'x', children: [block] } },
      { type: 'toggle', rich_text: 'x', children: [block] },
      { toggle: { rich_text: 'x' }, children: [block] },
    ]) {
      const input = { parent_page_id: acme.product, child_blocks: [outer], properties: { title: 'x' } }
      expect(await agent.issues('notion_page_create', input)).toMatchObject([{ path: placeOf(input, value) }])
    }
  })

  it.each(cases)('of %s in the blocks of a row', async (_name, block, value) => {
    const input = { database_id: database, child_blocks: [block], properties: { Name: 'x' } }
    expect(await agent.issues('notion_database_insert_row', input)).toMatchObject([{ path: placeOf(input, value) }])
  })

  it.each(blocks)('of %s in a changed block', async (_name, block, value) => {
    const input = { block_id: acme.roadmap, block }
    expect(await agent.issues('notion_block_update', input)).toMatchObject([{ path: placeOf(input, value) }])
  })

  it.each([
    { embed: { url: 'https://a.example/' } },
    { bookmark: 'a.example:8080/path' },
    { bookmark: 'localhost:8080' },
    { paragraph: [{ text: 'x', link: 'mailto:a@b.example' }] },
    { paragraph: [{ text: 'x', link: 'app://open/1' }] },
    { paragraph: [{ text: 'x', link: '/path' }] },
    { paragraph: [{ mention: { date: { start: '2026-07-15', end: '2026-07-15' } } }] },
    { paragraph: [{ mention: { date: { start: '2026-07-15', end: '', time_zone: '' } } }] },
    { paragraph: [{ mention: { date: { start: '2026-07-15T10:00:00Z', end: '2026-07-15' } } }] },
    { paragraph: [{ mention: { date: '2026-07-15T10:00:00+02:00/2026-07-15T10:00:00 Europe/Berlin' } }] },
  ])('is not about an address or a date that Notion takes: %j', async (block) => {
    await agent.body('notion_block_append', { block_id: acme.roadmap, children: [block] })
  })

  it('that Notion alone refuses, also in a later request and below other blocks', async () => {
    const refused = { callout: { rich_text: 'x', icon: '★' } }
    const lines = Array.from({ length: 120 }, (_, index) => `line ${index}`)
    for (const children of [
      [refused],
      [...lines.slice(0, 50), { toggle: { rich_text: 'x' }, children: ['y', refused] }],
    ]) {
      const input = { block_id: acme.roadmap, children }
      expect(await agent.issues('notion_block_append', input)).toMatchObject([{ path: placeOf(input, '★') }])
    }
    const columns = [{ column: { children: ['x'] } }, { column: { children: ['y'] }, width_ratio: 2 }]
    const input = { block_id: acme.roadmap, children: [...lines, { column_list: { children: columns } }] }
    const { message } = await agent.call('notion_block_append', input)
    expect(message).toContain('children.120.column_list.children.1.width_ratio')
  })
})
