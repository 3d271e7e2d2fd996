import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notion } from '../../src/notion/connector.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'

const identifier = 'user_whole_input'
const bare = (id: string) => id.replaceAll('-', '')

type Json = Record<string, unknown>

let app: TestApp
let database: string
beforeAll(async () => {
  // The tests make more calls a minute than Notion allows.
  const rate = { requests: 100_000, perMs: 60_000 }
  app = await startApp({ database: 'postgres', connectors: [{ ...notion, rate }] })
  await app.connect(identifier)
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  const created = await run('notion_database_create', {
    parent: { page_id: acme.product },
    title: 'Whole',
    properties: {
      Name: 'title',
      Notes: 'rich_text',
      Café: 'number',
      'Due Date': 'date',
      Stage: { select: { options: ['To do', 'Done ✅'] } },
      Tags: { multi_select: { options: ['a', 'b'] } },
      Owner: 'people',
      Files: 'files',
      Ready: 'checkbox',
      Site: 'url',
      Links: { relation: { data_source_id: acme.projectsSource } },
    },
  })
  database = String(created.id)
})
afterAll(() => app.stop())

async function answer(toolName: string, toolInput: Json, outputFormat = 'RAW') {
  const { data, errors } = await app.graphql(
    `mutation ($input: ExecuteToolInput!) {
      executeTool(input: $input) {
        __typename
        ... on ExecuteToolPayload { data }
        ... on ToolError { message }
        ... on InvalidToolInputError { issues { path message } }
      }
    }`,
    { input: { identifier, toolName, toolInput, outputFormat } },
  )
  expect(errors).toBeUndefined()
  return data.executeTool as { data?: Json; message?: string; issues?: { path: string; message: string }[] }
}

/** Runs a tool that must succeed, and returns the body of Notion's answer. */
async function run(toolName: string, toolInput: Json): Promise<Json> {
  const { data, ...failed } = await answer(toolName, toolInput)
  expect(failed).toEqual({ __typename: 'ExecuteToolPayload' })
  return data as Json
}

/** Runs a tool that must refuse its input, and returns the paths of the issues. */
async function refusedAt(toolName: string, toolInput: Json): Promise<readonly string[]> {
  const { issues, ...other } = await answer(toolName, toolInput)
  expect(other).toMatchObject({ __typename: 'InvalidToolInputError' })
  return (issues ?? []).map(({ path }) => path)
}

async function appended(...children: unknown[]): Promise<Json[]> {
  const page = await run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'p' } })
  await run('notion_block_append', { block_id: page.id, children })
  return (await run('notion_block_list', { block_id: page.id })).results as Json[]
}

const property = (page: Json, name: string) => (page.properties as Record<string, Json>)[name] as Json

async function row(properties: Json, more: Json = {}): Promise<Json> {
  const { id } = await run('notion_database_insert_row', { database_id: database, properties, ...more })
  return run('notion_page_fetch', { page_id: id })
}

describe('blocks', () => {
  const hello = [{ plain_text: 'hello' }]
  it.each<[string, unknown, Json]>([
    [
      'rich text next to the type',
      { type: 'paragraph', rich_text: [{ text: { content: 'hello' } }] },
      { rich_text: hello },
    ],
    ['text next to the type', { type: 'paragraph', text: 'hello' }, { rich_text: hello }],
    ['content next to the type', { type: 'quote', content: 'hello', color: 'red' }, { rich_text: hello, color: 'red' }],
    [
      'a key next to the content',
      { to_do: { rich_text: 'hello' }, checked: true },
      { rich_text: hello, checked: true },
    ],
    ['a string as the content', { heading_2: 'hello' }, { rich_text: hello }],
    ['a boolean as a string', { to_do: { text: 'hello', checked: 'true' } }, { rich_text: hello, checked: true }],
    [
      'a URL next to the type',
      { type: 'bookmark', url: 'https://a.b', caption: 'hello' },
      { url: 'https://a.b', caption: hello },
    ],
    ['a URL of a picture', { image: 'https://a.b/c.png' }, { external: { url: 'https://a.b/c.png' } }],
    [
      'a link to a page',
      { link_to_page: { page_id: `https://notion.so/x-${bare(acme.roadmap)}` } },
      { page_id: acme.roadmap },
    ],
    [
      'a link to a page as a URL',
      { type: 'link_to_page', url: `https://notion.so/x-${bare(acme.roadmap)}` },
      { page_id: acme.roadmap },
    ],
    [
      'a link to a database as a URL under its type',
      { link_to_page: { type: 'database_id', url: `https://notion.so/x-${bare(acme.projects)}` } },
      { database_id: acme.projects },
    ],
    ['a link to a page as a string', { type: 'link_to_page', link_to_page: acme.roadmap }, { page_id: acme.roadmap }],
    [
      'a language next to the type',
      { type: 'code', text: 'hello', language: 'js' },
      { rich_text: hello, language: 'javascript' },
    ],
    ['a heading of the fourth level', { heading_4: { rich_text: 'hello' } }, { rich_text: hello }],
    [
      'a heading with children, which is one that opens',
      { heading_2: { rich_text: 'hello', children: ['below'] } },
      { rich_text: hello, is_toggleable: true },
    ],
    [
      'a built-in icon',
      { callout: { text: 'hello', icon: { icon: { name: 'pizza', color: 'blue' } } } },
      { icon: { type: 'icon', icon: { name: 'pizza', color: 'blue' } } },
    ],
  ])('hold %s', async (_name, block, content) => {
    const [found] = await appended(block)
    expect(found?.[String(found.type)]).toMatchObject(content)
  })

  it('hold tabs with their content, however deep', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      child_blocks: [
        {
          tab: {
            children: [{ paragraph: { text: 'one', children: [{ toggle: { text: 'deep', children: ['deeper'] } }] } }],
          },
        },
      ],
      properties: { title: 'tabs' },
    })
    const texts: string[] = []
    for (let id: unknown = page.id; id !== undefined; ) {
      const [block] = (await run('notion_block_list', { block_id: id })).results as Json[]
      const content = block?.[String(block.type)] as { rich_text?: { plain_text: string }[] } | undefined
      texts.push(content?.rich_text?.[0]?.plain_text ?? String(block?.type))
      id = block?.has_children === true ? block.id : undefined
    }
    expect(texts).toEqual(['tab', 'one', 'deep', 'deeper'])
  })

  it('can be written back as they were read', async () => {
    const blocks = [{ to_do: { rich_text: 'a', checked: true } }, { code: { rich_text: 'b', language: 'go' } }]
    const first = await appended(...blocks)
    const second = await appended(...first)
    const contents = (list: Json[]) => list.map((block) => block[String(block.type)])
    expect(contents(second)).toEqual(contents(first))
  })

  it.each<[string, unknown, string]>([
    ['an unknown key in the content', { paragraph: { rich_text: 'x', txt: 'y' } }, 'children.0.paragraph.txt'],
    ['an unknown key next to the type', { type: 'paragraph', rich_text: 'x', checked: true }, 'children.0.checked'],
    ['two types', { paragraph: { text: 'x' }, quote: { text: 'y' } }, 'children.0.quote'],
    ['two different texts', { paragraph: { rich_text: 'x', text: 'y' } }, 'children.0.paragraph.text'],
    ['children of which some are missing', { toggle: { text: 'x' }, has_children: true }, 'children.0.has_children'],
    [
      'an unknown key of a file',
      { image: { external: { url: 'https://a.b', size: 5 } } },
      'children.0.image.external.size',
    ],
    [
      'an unknown key of a nested block',
      { toggle: { text: 'x', children: [{ to_do: { text: 'y', done: true } }] } },
      'children.0.toggle.children.0.to_do.done',
    ],
    [
      'an unknown key in a cell',
      { table: { children: [{ table_row: { cells: [[{ text: { content: 'x', size: 1 } }]] } }] } },
      'children.0.table.children.0.table_row.cells.0.0.text.size',
    ],
    [
      'an unknown key of an icon',
      { callout: { text: 'x', icon: { emoji: '🎯', size: 1 } } },
      'children.0.callout.icon.size',
    ],
    ['a damaged link', { link_to_page: { page_id: acme.roadmap.slice(1) } }, 'children.0.link_to_page.page_id'],
    [
      'two targets of a link',
      { link_to_page: { page_id: acme.roadmap, database_id: acme.projects } },
      'children.0.link_to_page',
    ],
  ])('are refused with the place of %s', async (_name, block, path) => {
    expect(await refusedAt('notion_block_append', { block_id: acme.roadmap, children: [block] })).toContain(path)
  })

  it('clear a part of their content by null, where Notion can', async () => {
    const [block] = await appended({ callout: { text: 'x', color: 'red' } })
    const change = { block_id: block?.id, block: { callout: { rich_text: null, color: null } } }
    expect((await run('notion_block_update', change)).callout).toMatchObject({ rich_text: [], color: 'default' })
    const icon = { block_id: block?.id, block: { callout: { icon: null } } }
    expect(await refusedAt('notion_block_update', icon)).toEqual(['block.callout.icon'])
  })
})

describe('rich text', () => {
  const link = { url: 'https://a.b' }
  it.each<[string, unknown, Json]>([
    ['a link next to the text', { text: { content: 'x' }, link }, { text: { content: 'x', link } }],
    ['content and link', { content: 'x', link: link.url }, { text: { content: 'x', link } }],
    ['plain text and href', { plain_text: 'x', href: link.url }, { text: { content: 'x', link } }],
    [
      'annotations within the text',
      { text: { content: 'x', annotations: { bold: true } } },
      { annotations: { bold: true } },
    ],
    [
      'an annotation next to the text',
      { text: { content: 'x' }, bold: true, color: 'red' },
      { annotations: { bold: true, color: 'red' } },
    ],
    [
      'a mention as a link',
      { mention: { page: `https://www.notion.so/P-${bare(acme.roadmap)}` } },
      { mention: { page: { id: acme.roadmap } } },
    ],
    [
      'a mention of an object with a link',
      { mention: { type: 'page', page: { url: `https://www.notion.so/P-${bare(acme.roadmap)}` } } },
      { mention: { page: { id: acme.roadmap } } },
    ],
    [
      'a mention by its kind of id',
      { mention: { page_id: acme.roadmap } },
      { mention: { page: { id: acme.roadmap } } },
    ],
    ['an equation as a string', { equation: 'x^2' }, { equation: { expression: 'x^2' } }],
  ])('holds %s', async (_name, item, expected) => {
    const [block] = await appended({ paragraph: { rich_text: [item] } })
    expect(block).toMatchObject({ paragraph: { rich_text: [expected] } })
  })

  it.each<[string, unknown, string]>([
    ['an unknown key', { text: { content: 'x' }, size: 5 }, 'size'],
    ['an unknown key of a text', { text: { content: 'x', size: 5 } }, 'text.size'],
    [
      'an unknown key of a link',
      { text: { content: 'x', link: { url: 'https://a.b', title: 't' } } },
      'text.link.title',
    ],
    ['an unknown annotation', { text: { content: 'x', annotations: { blod: true } } }, 'text.annotations.blod'],
    ['two texts', { text: { content: 'x' }, content: 'y' }, 'content'],
    ['two links', { text: { content: 'x', link }, link: 'https://c.d' }, 'link'],
    ['a text and a mention', { text: { content: 'x' }, mention: { page_id: acme.roadmap } }, 'mention'],
    ['another type', { type: 'equation', text: { content: 'x' } }, 'type'],
    [
      'a damaged link of a mention',
      { mention: { page: { url: `https://www.notion.so/P-${bare(acme.roadmap).slice(1)}` } } },
      'mention.page.url',
    ],
    ['an unknown key of a mention', { mention: { page: { id: acme.roadmap, alias: 'x' } } }, 'mention.page.alias'],
    [
      'an unknown key of a date',
      { mention: { date: { start: '2026-07-15', until: '2026-07-16' } } },
      'mention.date.until',
    ],
  ])('is refused with the place of %s', async (_name, item, path) => {
    const comment = { rich_text: [item] }
    expect(await refusedAt('notion_comment_create', { parent: acme.roadmap, comment })).toContain(
      `comment.rich_text.0.${path}`,
    )
  })

  it.each(['["a","b"]', '[]', '{"text":{"content":"inside"}}', '{"status":"ok"}', '[{"a":1}]', 'null', '"x"'])(
    'is the string %s, although it looks like JSON',
    async (text) => {
      const page = await run('notion_page_create', {
        parent_page_id: acme.product,
        properties: { title: text },
        child_blocks: [text, { paragraph: { rich_text: text } }],
      })
      expect(property(page, 'title').title).toMatchObject([{ plain_text: text }])
      const { results } = await run('notion_block_list', { block_id: page.id })
      expect(results).toMatchObject([1, 2].map(() => ({ paragraph: { rich_text: [{ plain_text: text }] } })))
      const { id } = await run('notion_comment_create', { parent: page.id, comment: text })
      const comment = await run('notion_comment_retrieve', { comment_id: id })
      expect(comment.rich_text).toMatchObject([{ plain_text: text }])
      expect(property(await row({ Name: text, Notes: text }), 'Notes').rich_text).toMatchObject([{ plain_text: text }])
      await run('notion_database_update', { database_id: database, description: text })
      expect((await run('notion_database_fetch', { database_id: database })).description).toMatchObject([
        { plain_text: text },
      ])
    },
  )

  it('is read from a string that is a list of its items', async () => {
    const title = '[{"type":"text","text":{"content":"inside"},"annotations":{"bold":true}}]'
    const page = await run('notion_page_create', { parent_page_id: acme.product, properties: { title } })
    expect(property(page, 'title').title).toMatchObject([{ plain_text: 'inside', annotations: { bold: true } }])
  })

  it('is cut between the characters that a reader sees', async () => {
    const family = '👩‍👩‍👧‍👦'
    const [block] = await appended(`${'x'.repeat(1995)}${family}${family}`)
    const pieces = ['x'.repeat(1995), family + family].map((plain_text) => ({ plain_text }))
    expect(block).toMatchObject({ paragraph: { rich_text: pieces } })
  })
})

describe('values of a row', () => {
  it.each<[string, string, unknown, unknown]>([
    [
      'a date with the synonym of its time zone',
      'Due Date',
      { start: '2026-07-15T10:00:00', timezone: 'America/New_York' },
      { start: '2026-07-15T10:00:00-04:00', time_zone: 'America/New_York' },
    ],
    [
      'a date with the synonym of its end',
      'Due Date',
      { start: '2026-07-15', end_date: '2026-07-16' },
      { start: '2026-07-15', end: '2026-07-16' },
    ],
    [
      'a range with the name of a zone',
      'Due Date',
      '2026-07-15T10:00:00-04:00/2026-07-15T11:00:00-04:00 America/New_York',
      { start: '2026-07-15T10:00:00-04:00', end: '2026-07-15T11:00:00-04:00', time_zone: 'America/New_York' },
    ],
    [
      'a file by name and URL',
      'Files',
      [{ name: 'f', url: 'https://a.b/c' }],
      [{ name: 'f', external: { url: 'https://a.b/c' } }],
    ],
    [
      'files as Markdown',
      'Files',
      '[f](https://a.b/c), [g](https://a.b/d)',
      [{ name: 'f' }, { name: 'g', external: { url: 'https://a.b/d' } }],
    ],
    ['options as Markdown', 'Tags', 'a, b', [{ name: 'a' }, { name: 'b' }]],
    ['a checkbox as Markdown', 'Ready', 'yes', true],
    ['an option without its variation selector', 'Stage', 'Done ✅\ufe0f', { name: 'Done ✅' }],
    ['an option with a no-break space', 'Stage', 'To\u00a0do', { name: 'To do' }],
  ])('hold %s', async (_name, name, value, expected) => {
    const page = await row({ [name]: value })
    const found = property(page, name)
    const held = found[String(found.type)]
    if (typeof expected === 'boolean') expect(held).toBe(expected)
    else expect(held).toMatchObject(expected as Json)
  })

  it('are found by names that look the same', async () => {
    const page = await row({ 'Cafe\u0301': 5, 'Due\u00a0Date': '2026-07-15' })
    expect(property(page, 'Café').number).toBe(5)
    expect(property(page, 'Due Date').date).toMatchObject({ start: '2026-07-15' })
    const filter = { and: [{ property: 'Cafe\u0301', number: { equals: 5 } }] }
    const sorts = [{ property: 'Due\u00a0Date', direction: 'desc' }]
    const { results } = await run('notion_database_query', { database_id: database, filter, sorts })
    expect(results).toHaveLength(1)
  })

  it.each<[string, string, unknown]>([
    ['date', 'Due Date', '2026-07-15'],
    ['select', 'Stage', 'To do'],
    ['multi_select', 'Tags', ['a']],
    ['files', 'Files', 'https://a.b/c'],
    ['url', 'Site', 'https://a.b'],
    ['number', 'Café', 1],
    ['rich_text', 'Notes', 'x'],
  ])('of type %s are cleared by null', async (type, name, value) => {
    const page = await row({ [name]: value })
    await run('notion_page_update', { page_id: page.id, properties: { [name]: null } })
    const held = property(await run('notion_page_fetch', { page_id: page.id }), name)[type]
    expect(Array.isArray(held) ? held.length : held).toBe(Array.isArray(held) ? 0 : null)
  })

  it.each<[string, Json, string]>([
    [
      'an unknown key of a date',
      { 'Due Date': { start: '2026-07-15', until: '2026-07-16' } },
      'properties.Due Date.until',
    ],
    [
      'an unknown time zone',
      { 'Due Date': { start: '2026-07-15T10:00:00', time_zone: 'Mars' } },
      'properties.Due Date.time_zone',
    ],
    ['a key next to a value', { Café: { number: 5, unit: 'EUR' } }, 'properties.Café.unit'],
    ['an unknown key of an option', { Stage: { name: 'To do', colour: 'red' } }, 'properties.Stage.colour'],
    ['an unknown key of a file', { Files: [{ url: 'https://a.b', size: 3 }] }, 'properties.Files.0.size'],
    ['a name that is too long', { Files: [{ url: 'https://a.b', name: 'n'.repeat(101) }] }, 'properties.Files.0.name'],
    ['entries that were not read', { Links: { relation: [], has_more: true } }, 'properties.Links.has_more'],
  ])('are refused with the place of %s', async (_name, properties, path) => {
    expect(await refusedAt('notion_database_insert_row', { database_id: database, properties })).toEqual([path])
  })

  it('can be written back as each result contains them', async () => {
    const values = {
      'Due Date': { start: '2026-07-15T10:00:00', time_zone: 'Asia/Tokyo' },
      Stage: 'To do',
      Tags: ['a', 'b'],
      Files: [{ name: 'f', external: { url: 'https://a.b/c' } }],
      Café: 1.5,
      Site: 'https://a.b',
      Ready: true,
      Notes: 'n',
    }
    const page = await row({ Name: 'original', ...values })
    const shown = ({ properties }: Json) =>
      Object.fromEntries(
        Object.entries(properties as Record<string, Json>).map(([name, one]) => [name, one[String(one.type)]]),
      )
    expect(shown(await row(page.properties as Json))).toEqual(shown(page))
    const filter = {
      and: [
        { property: 'Name', title: { equals: 'original' } },
        { property: 'Ready', checkbox: { equals: 'true' } },
      ],
    }
    const compact = await answer('notion_database_query', { database_id: database, filter }, 'COMPACT')
    const [properties = {}] = (compact.data as { untrusted_notion_content: Json[] }).untrusted_notion_content
    const names = Object.keys(values)
    const written = await row({
      Name: 'original',
      ...Object.fromEntries(names.map((name) => [name, properties[name]])),
    })
    expect(shown(written)).toEqual(shown(page))
  })
})

describe('properties of a database', () => {
  it('hold what a flat definition contains', async () => {
    const { id } = await run('notion_database_create', {
      parent: acme.product,
      title: 'Flat',
      properties: {
        Name: { type: 'title', description: 'What it is' },
        Stage: { type: 'select', options: ['New', { name: 'Old', color: 'red' }] },
        Kind: { select: { choices: ['One'] } },
        Price: { type: 'number', format: 'euro' },
        Key: { type: 'unique_id', prefix: 'KEY' },
        Go: 'button',
        Seen: 'last_visited_time',
        Where: { type: 'location' },
        Sure: { verification: {} },
      },
    })
    const fetched = await run('notion_database_fetch', { database_id: id })
    const [source] = fetched.data_sources as Json[]
    const { properties } = await run('notion_data_source_fetch', { data_source_id: source?.id })
    expect(properties).toMatchObject({
      Name: { description: 'What it is' },
      Stage: { select: { options: [{ name: 'New' }, { name: 'Old', color: 'red' }] } },
      Kind: { select: { options: [{ name: 'One' }] } },
      Price: { number: { format: 'euro' } },
      Key: { unique_id: { prefix: 'KEY' } },
    })
  })

  it.each<[string, unknown, string]>([
    ['an unknown key', { type: 'select', option: ['x'] }, 'option'],
    ['an unknown key of the configuration', { select: { option: ['x'] } }, 'select.option'],
    ['an unknown key of an option', { select: { options: [{ name: 'x', colour: 'red' }] } }, 'select.options.0.colour'],
    ['a key of another type', { type: 'date', format: 'euro' }, 'format'],
    ['options in two places', { type: 'select', options: ['x'], select: { options: ['y'] } }, 'options'],
    ['an unknown color', { select: { options: [{ name: 'x', color: 'crimson' }] } }, 'select.options.0.color'],
  ])('are refused with the place of %s', async (_name, definition, path) => {
    const properties = { Name: 'title', P: definition }
    const input = { parent: acme.product, title: 'x', properties }
    expect(await refusedAt('notion_database_create', input)).toEqual([`properties.P.${path}`])
  })
})

describe('names that look the same', () => {
  it('change the property that they look like, and are refused where several do', async () => {
    const { id } = await run('notion_database_create', {
      parent: acme.product,
      title: 'Alike',
      properties: { Name: 'title', 'Caf\u00e9': 'number', 'a\u00a0b': 'number', 'a\u2009b': 'number' },
    })
    const [source] = (await run('notion_database_fetch', { database_id: id })).data_sources as Json[]
    const update = (properties: Json) => ({ data_source_id: source?.id, properties })
    const changed = await run('notion_data_source_update', update({ 'Cafe\u0301': { number: { format: 'euro' } } }))
    expect(Object.keys(changed.properties as Json)).toHaveLength(4)
    expect(changed.properties).toMatchObject({ 'Caf\u00e9': { number: { format: 'euro' } } })
    expect(await refusedAt('notion_data_source_update', update({ 'a b': null }))).toEqual(['properties.a b'])
    const row = { database_id: id, properties: { 'a b': 5 } }
    expect(await refusedAt('notion_database_insert_row', row)).toEqual(['properties.a b'])
  })
})

describe('ids', () => {
  it('that are damaged within a link move nothing to the trash', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'stays' },
      child_blocks: ['x'],
    })
    const link = `https://www.notion.so/Page-${bare(String(page.id))}`
    const lost = bare(acme.roadmap).slice(1)
    for (const address of [`${link}#${lost}`, `${link}?p=${lost}`, `${link}?v=${lost}`]) {
      expect(await refusedAt('notion_block_delete', { block_id: address })).toEqual(['block_id'])
      expect(await refusedAt('notion_page_trash', { page_id: address })).toEqual(['page_id'])
      expect(await refusedAt('notion_page_update', { page_id: address, icon: '🎯' })).toEqual(['page_id'])
    }
    expect(await run('notion_page_fetch', { page_id: page.id })).toMatchObject({ in_trash: false })
  })
})

describe('null', () => {
  it('removes the icon and cover of a page', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'x' },
      icon: '🎯',
      cover: 'https://a.b/c.png',
    })
    await run('notion_page_update', { page_id: page.id, icon: null, cover: null })
    expect(await run('notion_page_fetch', { page_id: page.id })).toMatchObject({ icon: null, cover: null })
  })

  it('removes an icon through a typed field', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'x' },
      icon: '🎯',
    })
    const { data } = await app.graphql(
      `mutation ($identifier: String!, $pageId: String!) {
        notionPageUpdate(identifier: $identifier, input: { pageId: $pageId, icon: null }) {
          ... on NotionPageUpdatePayload { page { icon } }
          ... on ToolError { message }
        }
      }`,
      { identifier, pageId: page.id },
    )
    expect(data.notionPageUpdate).toEqual({ page: { icon: null } })
  })

  it('clears the description of a database, and refuses to remove its icon or cover, which Notion cannot', async () => {
    const input = { database_id: database, icon: '🎯', cover: 'https://a.b/c.png', description: 'd' }
    await run('notion_database_update', input)
    for (const key of ['icon', 'cover']) {
      expect(await refusedAt('notion_database_update', { database_id: database, [key]: null })).toEqual([key])
    }
    await run('notion_database_update', { database_id: database, description: null })
    expect(await run('notion_database_fetch', { database_id: database })).toMatchObject({
      icon: { emoji: '🎯' },
      cover: { external: { url: 'https://a.b/c.png' } },
      description: [],
    })
  })

  it('changes nothing where all keys are there, as in strict mode, in which "none" removes', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'x' },
      icon: '🎯',
      cover: 'https://a.b/c.png',
    })
    const strict = {
      page_id: page.id,
      properties: { title: 'y' },
      icon: null,
      cover: 'none',
      is_locked: null,
      template_id: null,
    }
    await run('notion_page_update', strict)
    expect(await run('notion_page_fetch', { page_id: page.id })).toMatchObject({ icon: { emoji: '🎯' }, cover: null })
  })
})

describe('habits of models', () => {
  it.each<[string, string, Json]>([
    ['a number as a string', 'notion_data_fetch', { page_size: '2' }],
    [
      'an empty string for what is optional',
      'notion_data_fetch',
      { query: '', filter: '', sort: '', page_size: '', start_cursor: '' },
    ],
    [
      '"null" for what is optional',
      'notion_data_fetch',
      { filter: 'null', sort: 'null', page_size: 'null', start_cursor: 'null' },
    ],
    ['an empty filter', 'notion_data_fetch', { filter: {}, sort: {} }],
    [
      'an empty filter of rows',
      'notion_database_query',
      { database_id: acme.projects, filter: {}, sorts: [], data_source: '' },
    ],
    ['an order by relevance', 'notion_data_fetch', { query: 'roadmap', sort: 'relevance' }],
    ['a search in the trash', 'notion_data_fetch', { filter: { in_trash: true } }],
    [
      'several options in a filter',
      'notion_database_query',
      { database_id: acme.projects, filter: { property: 'Priority', select: { equals: ['High', 'Low'] } } },
    ],
    [
      'me in a filter',
      'notion_database_query',
      { database_id: acme.tasks, filter: { property: 'Assignee', people: { contains: 'me' } } },
    ],
    [
      'a parent as compact results name it',
      'notion_page_create',
      { parent_page_id: `page ${acme.product}`, properties: { title: 'x' }, database_id: '' },
    ],
  ])('are understood: %s', async (_name, tool, input) => {
    await run(tool, input)
  })

  it('find what several options and the trash contain', async () => {
    const filter = { property: 'Priority', select: { equals: ['High', 'Low'] } }
    const { results } = await run('notion_database_query', { database_id: acme.projects, filter, page_size: '100' })
    const names = (results as Json[]).map((page) => (property(page, 'Priority').select as Json).name)
    expect([...new Set(names)].sort()).toEqual(['High', 'Low'])
    const page = await run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'Thrown away' } })
    await run('notion_page_trash', { page_id: page.id })
    const trash = await run('notion_data_fetch', { query: 'Thrown', filter: { value: 'page', in_trash: 'true' } })
    expect(trash.results).toMatchObject([{ id: page.id }])
  })

  it('set an icon by a string of JSON and lock by a string', async () => {
    const page = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'x' },
      icon: '{"emoji":"🎯"}',
    })
    expect(page.icon).toMatchObject({ emoji: '🎯' })
    expect(await run('notion_page_update', { page_id: page.id, is_locked: 'true', template_id: '' })).toMatchObject({
      is_locked: true,
    })
  })

  it('write a comment as Markdown', async () => {
    const { id } = await run('notion_comment_create', { parent: acme.roadmap, comment: { markdown: '**bold**' } })
    const bold = [{ plain_text: 'bold', annotations: { bold: true } }]
    expect(await run('notion_comment_retrieve', { comment_id: id })).toMatchObject({ rich_text: bold })
    await run('notion_comment_update', { comment_id: id, markdown: 'plain' })
    expect(await run('notion_comment_retrieve', { comment_id: id })).toMatchObject({
      rich_text: [{ plain_text: 'plain' }],
    })
  })

  it.each<[string, Json, string]>([
    ['an unknown key in a filter', { property: 'Status', select: { equals: 'x' }, case: 'any' }, 'filter.case'],
    [
      'an unknown operator in a formula',
      { property: 'x', formula: { string: { eq: 'a' } } },
      'filter.formula.string.eq',
    ],
    [
      'an unknown condition in a rollup',
      { property: 'x', rollup: { any: { text: { equals: 'a' } } } },
      'filter.rollup.any',
    ],
    [
      'an operand of another type in a rollup',
      { property: 'x', rollup: { number: { equals: 'a' } } },
      'filter.rollup.number.equals',
    ],
    [
      'a nested filter',
      { and: [{ or: [{ property: 'x', number: { equals: 1, approx: true } }] }] },
      'filter.and.0.or.0.number',
    ],
  ])('are refused with the place of %s', async (_name, filter, path) => {
    expect(await refusedAt('notion_database_query', { database_id: acme.projects, filter })).toEqual([path])
  })
})

it('objects of GraphQL literals, which have no prototype, are refused with their place', async () => {
  const { data } = await app.graphql(`mutation { executeTool(input: {
    identifier: "user_whole_input", toolName: "notion_page_create",
    toolInput: { parent_page_id: "a1b2c3d4-e5f6-7890-abcd-ef1234567890", properties: { title: [{ equation: [{ x: 1 }] }] } }
  }) { __typename ... on InvalidToolInputError { issues { path } } } }`)
  expect(data['executeTool']).toMatchObject({
    __typename: 'InvalidToolInputError',
    issues: [{ path: 'properties.title.0.equation' }],
  })
})

describe('refusals of Notion name the place that they are about', () => {
  it('for a page that a relation cannot have, passed as a link', async () => {
    const properties = { Name: 'x', Links: `https://www.notion.so/Roadmap-${bare(acme.roadmap)}` }
    expect(await refusedAt('notion_database_insert_row', { database_id: database, properties })).toEqual([
      'properties.Links',
    ])
  })

  it('for two options of one name', async () => {
    const properties = { Name: 'title', Stage: { type: 'select', options: ['a', 'a'] } }
    const input = { parent: acme.product, title: 'Twice', properties }
    expect(await refusedAt('notion_database_create', input)).toEqual(['properties.Stage.options'])
  })
})

describe('an update of a block without its text', () => {
  const text = { text: { content: 'bold' }, annotations: { bold: true } }

  it.each(['heading_1', 'bulleted_list_item', 'quote', 'toggle', 'paragraph', 'callout'])(
    'changes the color of a %s and nothing else',
    async (type) => {
      const [block] = await appended({ [type]: { rich_text: [text] } })
      const changed = await run('notion_block_update', { block_id: block?.id, block: { [type]: { color: 'red' } } })
      expect(changed[type]).toEqual({ ...(block?.[type] as Json), color: 'red' })
    },
  )

  it.each(['heading_2', 'paragraph', 'to_do'])('is refused for a %s without anything to change', async (type) => {
    const [block] = await appended({ [type]: { rich_text: [text] } })
    expect(await refusedAt('notion_block_update', { block_id: block?.id, block: { [type]: {} } })).toEqual(['block'])
  })
})
