import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notion } from '../../src/notion/connector.ts'
import { checkRow } from '../../src/notion/rows.ts'
import { compactPage } from '../../src/notion/shape/compact.ts'
import { pageMarkdown } from '../../src/notion/shape/markdown.ts'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

type Json = Record<string, unknown>

let app: TestApp
let agent: Agent
let database: string
beforeAll(async () => {
  // The tests make more calls a minute than Notion allows.
  const rate = { requests: 100_000, perMs: 60_000 }
  app = await startApp({ database: 'postgres', connectors: [{ ...notion, rate }] })
  await app.connect('user_returned')
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  agent = agentOf(app, 'user_returned')
  const created = await agent.body('notion_database_create', {
    parent: { page_id: acme.product },
    title: 'Returned',
    properties: {
      ...{ Name: 'title', Notes: 'rich_text', When: 'date', Owner: 'people', url: 'url', By: 'created_by' },
      Stage: { select: { options: ['New', 'Old'] } },
      Twice: { formula: { expression: '2' } },
      Key: { unique_id: { prefix: 'R' } },
    },
  })
  database = created.id
})
afterAll(() => app.stop())

const bold = {
  text: { content: 'bold', link: { url: 'https://a.example/' } },
  annotations: { bold: true, color: 'red' },
}
const row = () =>
  agent.body('notion_database_insert_row', {
    database_id: database,
    properties: {
      ...{ Name: 'A row', Notes: [bold], Stage: 'New', Owner: [people.acmeOwner], url: 'https://b.example/' },
      When: { start: '2026-07-15T10:00:00', time_zone: 'Europe/Berlin' },
    },
    icon: '🍋',
    cover: 'https://a.example/cover.png',
  })
const compact = async (page_id: string): Promise<Json> => {
  const { data } = await agent.call('notion_page_fetch', { page_id }, { outputFormat: 'COMPACT' })
  return data.untrusted_notion_content.page
}
const held = async (page_id: unknown) => {
  const { properties, icon, cover } = await agent.body('notion_page_fetch', { page_id })
  return { properties, icon, cover }
}
/** The values that two pages may share. */
const shared = ({ properties, ...page }: Awaited<ReturnType<typeof held>>) => {
  const { Key: _key, ...values } = properties
  return { ...page, values }
}

describe('a whole page as a tool returned it', () => {
  it.each(['COMPACT', 'RAW'] as const)('in %s updates the page to what it is', async (format) => {
    const page = await row()
    const before = await held(page.id)
    const properties = format === 'RAW' ? page : await compact(page.id)
    await agent.body('notion_page_update', { page_id: page.id, properties })
    expect(await held(page.id)).toEqual(before)
  })

  it.each([
    ['without hyphens', (id: string) => id.replaceAll('-', '')],
    ['in capitals', (id: string) => id.toUpperCase()],
  ])('is taken with its id %s', async (_form, write) => {
    const page = await row()
    const given = await compact(page.id)
    await agent.body('notion_page_update', {
      page_id: page.id,
      properties: { ...given, id: write(page.id), Stage: 'Old' },
    })
    expect(await compact(page.id)).toMatchObject({ Stage: 'Old', Name: given['Name'] })
  })

  it.each(['untrusted_notion_content', 'page'])('is taken under %s', async (wrapper) => {
    const page = await row()
    await agent.body('notion_page_update', {
      page_id: page.id,
      properties: { [wrapper]: { ...(await compact(page.id)), Name: 'Other' } },
    })
    expect(await compact(page.id)).toMatchObject({ Name: 'Other' })
  })

  it.each(['COMPACT', 'RAW'] as const)('in %s loses its icon and cover where they are null', async (format) => {
    const page = await row()
    const properties = format === 'RAW' ? page : await compact(page.id)
    await agent.body('notion_page_update', { page_id: page.id, properties: { ...properties, icon: null, cover: null } })
    expect(await held(page.id)).toMatchObject({ icon: null, cover: null, properties: { Stage: page.properties.Stage } })
  })

  it('is refused where the page was edited since it was read, so that nothing is undone', async () => {
    const page = await row()
    const earlier = { ...(await compact(page.id)), last_edited_time: '2020-01-01T00:00:00.000Z' }
    await agent.body('notion_page_update', { page_id: page.id, properties: { Name: 'By another user' } })
    const issues = await agent.issues('notion_page_update', { page_id: page.id, properties: earlier })
    expect(issues).toEqual([{ path: 'properties.last_edited_time', message: expect.stringContaining('Read it again') }])
    expect(await compact(page.id)).toMatchObject({ Name: 'By another user' })
  })

  it('changes only what differs', async () => {
    const page = await row()
    const before = await held(page.id)
    await agent.body('notion_page_update', {
      page_id: page.id,
      properties: { ...(await compact(page.id)), Stage: 'Old', icon: '🍐', is_locked: true, 'property url': null },
    })
    const after = await held(page.id)
    expect(after.properties.Notes).toEqual(before.properties.Notes)
    expect(after).toMatchObject({
      icon: { emoji: '🍐' },
      cover: before.cover,
      properties: { Stage: { select: { name: 'Old' } }, url: { url: null } },
    })
    expect(await compact(page.id)).toMatchObject({ is_locked: true })
  })

  it.each([
    ['id', () => acme.roadmap, 'page_id'],
    ['parent', () => `page ${acme.roadmap}`, 'notion_page_move'],
    ['in_trash', () => true, 'notion_page_trash'],
    ['public_url', () => 'https://acme.example/', 'Notion sets it'],
    ['last_edited_time', () => '2099-01-01T00:00:00.000Z', 'Notion sets it'],
    ['Key', () => 'R-999', 'Notion computes'],
    ['Twice', () => 3, 'Notion computes'],
  ])('is refused with another %s', async (key, value, reason) => {
    const page = await row()
    const given = { ...(await compact(page.id)), [key]: value() }
    const properties = key === 'id' ? { ...given, url: `https://notion.so/${acme.roadmap}` } : given
    const issues = await agent.issues('notion_page_update', { page_id: page.id, properties })
    expect(issues).toEqual([{ path: `properties.${key}`, message: expect.stringContaining(reason) }])
  })

  it('is refused where the icon is passed twice', async () => {
    const page = await row()
    const properties = { ...(await compact(page.id)), icon: '🍐' }
    const issues = await agent.issues('notion_page_update', { page_id: page.id, icon: '🍇', properties })
    expect(issues).toMatchObject([{ path: 'properties.icon' }])
  })

  it.each([
    ['RAW', 'markdown', 'markdown'],
    ['RAW', 'blocks', 'results'],
    ['COMPACT', 'markdown', 'untrusted_notion_content.markdown'],
    ['COMPACT', 'blocks', 'untrusted_notion_content.blocks'],
  ] as const)('of notion_page_fetch in %s as %s is taken without its content', async (outputFormat, format, path) => {
    const page = await row()
    const before = await held(page.id)
    const { data } = await agent.call('notion_page_fetch', { page_id: page.id, format }, { outputFormat })
    const key = path.split('.').at(-1) ?? ''
    const refused = { path: `properties.${path}` }
    expect(await agent.issues('notion_page_update', { page_id: page.id, properties: data })).toEqual([
      { ...refused, message: expect.stringContaining('notion_page_content_update') },
    ])
    expect(await agent.issues('notion_database_insert_row', { database_id: database, properties: data })).toEqual([
      { ...refused, message: expect.stringContaining('notion_page_create') },
    ])
    const content = path === key ? data : data.untrusted_notion_content
    delete content[key]
    await agent.body('notion_page_update', { page_id: page.id, properties: data })
    expect(await held(page.id)).toEqual(before)
    await agent.body('notion_database_insert_row', { database_id: database, properties: data })
  })

  it.each(['COMPACT', 'RAW'] as const)('in %s becomes a row with the same values and formatting', async (format) => {
    const original = await row()
    const properties = format === 'RAW' ? original : await compact(original.id)
    const input = { database_id: database, properties }
    for (const tool of ['notion_database_insert_row', 'notion_page_create']) {
      const copy = await agent.body(tool, input)
      expect(copy.id).not.toBe(original.id)
      expect(shared(await held(copy.id))).toEqual(shared(await held(original.id)))
    }
  })

  it('is refused as a new row with a value that Notion computes, or of a page that cannot be read', async () => {
    const properties = await compact((await row()).id)
    const input = { database_id: database, properties: { ...properties, Twice: 3 } }
    expect(await agent.issues('notion_database_insert_row', input)).toMatchObject([{ path: 'properties.Twice' }])
    const id = 'ac3e0000-0000-4000-8000-00000000ffff'
    const lost = { database_id: database, properties: { ...properties, id, url: `https://notion.so/${id}` } }
    expect(await agent.issues('notion_database_insert_row', lost)).toMatchObject([{ path: 'properties.id' }])
  })

  it('is not any page with an id and an address: names of properties come first', async () => {
    const page = await row()
    const properties = { url: 'https://c.example/' }
    await agent.body('notion_page_update', { page_id: page.id, properties })
    expect((await held(page.id)).properties.url.url).toBe('https://c.example/')
  })
})

describe('a changed text of COMPACT', () => {
  const formatted = [
    ['bold', { text: { content: 'text' }, annotations: { bold: true } }],
    ['red', { text: { content: 'text' }, annotations: { color: 'red' } }],
    ['linked', { text: { content: 'text', link: { url: 'https://a.example/' } } }],
    ['mentioned', { mention: { user: { id: people.acmeMember } } }],
    ['dated', { mention: { date: { start: '2026-07-15' } } }],
    ['computed', { equation: { expression: 'x' } }],
  ] as const
  const hint = { message: expect.stringContaining('as RAW returns it') }

  it.each(formatted)('is refused in a page and in a block where the text is %s', async (_kind, piece) => {
    const made = await agent.body('notion_database_insert_row', {
      database_id: database,
      properties: { Name: [piece], Notes: [piece] },
      child_blocks: [
        { paragraph: { rich_text: [piece] } },
        { bookmark: { url: 'https://a.example/', caption: [piece] } },
      ],
    })
    const before = await held(made.id)
    const page = await compact(made.id)
    for (const key of ['Name', 'Notes']) {
      const properties = { ...page, [key]: `${page[key]} more` }
      expect(await agent.issues('notion_page_update', { page_id: made.id, properties })).toMatchObject([
        { path: `properties.${key}`, ...hint },
      ])
      const input = { database_id: database, properties }
      expect(await agent.issues('notion_database_insert_row', input)).toMatchObject([
        { path: `properties.${key}`, ...hint },
      ])
    }
    expect(await held(made.id)).toEqual(before)
    const { data } = await agent.call('notion_block_list', { block_id: made.id }, { outputFormat: 'COMPACT' })
    for (const [index, key] of [
      [0, 'text'],
      [1, 'caption'],
    ] as const) {
      const block = data.untrusted_notion_content[index]
      const input = { block_id: block.id, block: { ...block, [key]: `${block[key]} more` } }
      expect(await agent.issues('notion_block_update', input)).toMatchObject([{ path: `block.${key}`, ...hint }])
    }
  })

  it('is written where it is a list of rich text, empty, or passed without the page', async () => {
    const page = await row()
    const next = async (change: object) => {
      await agent.body('notion_page_update', { page_id: page.id, properties: change })
      return (await held(page.id)).properties.Notes.rich_text
    }
    expect(await next({ ...(await compact(page.id)), Notes: [bold, { text: { content: ' more' } }] })).toMatchObject([
      { annotations: { bold: true, color: 'red' } },
      { plain_text: ' more' },
    ])
    expect(await next({ Notes: 'Other' })).toMatchObject([{ plain_text: 'Other' }])
    expect(await next({ ...(await compact(page.id)), Notes: 'Other text' })).toMatchObject([
      { plain_text: 'Other text' },
    ])
    await next({ Notes: [bold] })
    expect(await next({ ...(await compact(page.id)), Notes: null })).toEqual([])
  })

  it('leaves the other cells of a row of a table as they are', async () => {
    const cells = [[bold], [{ text: { content: 'plain' } }]]
    const made = await agent.body('notion_page_create', {
      parent_page_id: acme.product,
      child_blocks: [{ table: { children: [{ table_row: { cells } }] } }],
    })
    const list = async (block_id: unknown) =>
      (await agent.call('notion_block_list', { block_id }, { outputFormat: 'COMPACT' })).data
        .untrusted_notion_content[0]
    const block = await list((await list(made.id)).id)
    const update = (changed: unknown[]) => ({ block_id: block.id, block: { ...block, cells: changed } })
    await agent.body('notion_block_update', update([block.cells[0], 'other']))
    const written = await agent.body('notion_block_fetch', { block_id: block.id })
    expect(written.table_row.cells).toMatchObject([
      [{ plain_text: 'bold', annotations: { bold: true, color: 'red' } }],
      [{ plain_text: 'other' }],
    ])
    const issues = await agent.issues('notion_block_update', update([`${block.cells[0]} more`, 'other']))
    expect(issues).toMatchObject([{ path: 'block.cells.0', ...hint }])
  })
})

describe('a value that Notion may have cut', () => {
  const mention = { mention: { page: { id: acme.roadmap } } }
  const mentions = (count: number) =>
    Array.from({ length: count }, (_, index) => [mention, { text: { content: ` text ${index}` } }]).flat()
  const rowWith = (count: number) =>
    agent.body('notion_database_insert_row', {
      database_id: database,
      properties: { Name: 'Mentions', Notes: mentions(count) },
    })
  const entries = async (page_id: unknown) => {
    const { results } = await agent.body('notion_property_item_fetch', { page_id, property: 'Notes' })
    return results.map(({ rich_text }: { rich_text: Json }) => rich_text)
  }

  it.each(['COMPACT', 'RAW'] as const)('in %s is not copied, and is copied once it is whole', async (format) => {
    const page = await rowWith(30)
    const properties = format === 'RAW' ? page : await compact(page.id)
    const hint = expect.stringContaining('notion_property_item_fetch')
    for (const tool of ['notion_database_insert_row', 'notion_page_create']) {
      const issues = await agent.issues(tool, { database_id: database, properties })
      expect(issues).toEqual([{ path: 'properties.Notes', message: hint }])
    }
    const whole = await entries(page.id)
    const values = format === 'RAW' ? { Name: page.properties.Name, Notes: whole } : { Name: 'Mentions', Notes: whole }
    const copy = await agent.body('notion_database_insert_row', { database_id: database, properties: values })
    expect(await entries(copy.id)).toHaveLength(60)
  })

  it('is written neither with a changed piece nor as the values of a page alone', async () => {
    const page = await rowWith(30)
    const pieces = page.properties.Notes.rich_text
    const changed = [pieces[0], { text: { content: 'changed' } }, ...pieces.slice(2)]
    const fewer = pieces.slice(2)
    for (const rich_text of [changed, fewer]) {
      const properties = { ...page, properties: { ...page.properties, Notes: { ...page.properties.Notes, rich_text } } }
      expect(await agent.issues('notion_page_update', { page_id: page.id, properties })).toMatchObject([
        { path: 'properties.Notes' },
      ])
    }
    const { Notes } = page.properties
    expect(await agent.issues('notion_page_update', { page_id: page.id, properties: { Notes } })).toMatchObject([
      { path: 'properties.Notes.rich_text' },
    ])
    expect(await entries(page.id)).toHaveLength(60)
  })

  it.each(['COMPACT', 'RAW'] as const)('in %s stays in a page of which another value changes', async (format) => {
    const page = await rowWith(30)
    const given = format === 'RAW' ? page : await compact(page.id)
    const properties =
      format === 'RAW' ? { ...given, properties: { ...given.properties, Stage: 'Old' } } : { ...given, Stage: 'Old' }
    await agent.body('notion_page_update', { page_id: page.id, properties })
    expect(await compact(page.id)).toMatchObject({ Stage: 'Old' })
    expect(await entries(page.id)).toHaveLength(60)
  })

  it('ends with a sign in the text formats, which is not written back', async () => {
    const user = (index: number) => ({
      object: 'user',
      id: `ac3e0000-0000-4000-8000-0000000000${10 + index}`,
      name: 'A',
    })
    const page = (count: number) => ({
      properties: {
        Name: { type: 'title', title: [] },
        Notes: { type: 'rich_text', rich_text: mentions(count) },
        Owner: { type: 'people', people: Array.from({ length: count }, (_, index) => user(index)) },
      },
    })
    expect(compactPage(page(25))['Notes']).toMatch(/ text 24 …$/)
    expect(compactPage(page(25))['Owner']).toHaveLength(26)
    expect(pageMarkdown(page(25)).match(/ …$/gm)).toHaveLength(2)
    expect(compactPage(page(24))['Owner']).toHaveLength(24)
    expect(pageMarkdown(page(24))).not.toContain('…')
    const schemas = [{ id: 'a', name: 'Owner', type: 'people', options: [], groups: [] }]
    const shown = pageMarkdown(page(25)).split('Owner: ')[1]
    for (const [Owner, path] of [
      [compactPage(page(25))['Owner'], 'properties.Owner.25'],
      [shown, 'properties.Owner'],
      [{ id: 'a', ...page(25).properties.Owner }, 'properties.Owner.people'],
    ])
      expect(checkRow(schemas, { Owner }).issues).toMatchObject([{ path }])
    expect(checkRow(schemas, { Owner: page(25).properties.Owner.people }).issues).toEqual([])
  })
})

describe('a block as a COMPACT result contains it', () => {
  const first = async () => {
    const children = [{ to_do: { rich_text: [bold], checked: false } }]
    const page = await agent.body('notion_page_create', { parent_page_id: acme.product, child_blocks: children })
    const { data } = await agent.call('notion_block_list', { block_id: page.id }, { outputFormat: 'COMPACT' })
    return data.untrusted_notion_content[0] as Json
  }
  const content = async (block_id: unknown) => (await agent.body('notion_block_fetch', { block_id })).to_do

  it('updates the block to what it is, and changes only what differs', async () => {
    const block = await first()
    const before = await content(block.id)
    await agent.body('notion_block_update', { block_id: block.id, block })
    expect(await content(block.id)).toEqual(before)
    await agent.body('notion_block_update', { block_id: block.id, block: { ...block, checked: true } })
    expect(await content(block.id)).toEqual({ ...before, checked: true })
  })

  it('is refused with the id of another block', async () => {
    const block = await first()
    const issues = await agent.issues('notion_block_update', {
      block_id: block.id,
      block: { ...block, id: acme.roadmap },
    })
    expect(issues).toMatchObject([{ path: 'block.id' }])
  })
})
