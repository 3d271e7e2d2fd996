import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { notion } from '../../src/notion/connector.ts'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

type Json = Record<string, unknown>
const formats = ['COMPACT', 'RAW'] as const
type Format = (typeof formats)[number]

let app: TestApp
let agent: Agent
beforeAll(async () => {
  // The tests make more calls a minute than Notion allows.
  const rate = { requests: 100_000, perMs: 60_000 }
  app = await startApp({ database: 'postgres', connectors: [{ ...notion, rate }] })
  await app.connect('user_objects')
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  agent = agentOf(app, 'user_objects')
})
afterAll(() => app.stop())

async function read(toolName: string, input: object, outputFormat: Format): Promise<Json> {
  const { data } = await agent.call(toolName, input, { outputFormat })
  return outputFormat === 'RAW' ? data : data.untrusted_notion_content
}

/** Returns an object without the ids of the requests that read it. */
const stored = (object: Json): unknown =>
  JSON.parse(JSON.stringify(object, (key, value) => (key === 'request_id' ? undefined : value)))

const bold = { text: { content: 'bold', link: { url: 'https://a.example/' } }, annotations: { bold: true } }
const earlier = '2020-01-01T00:00:00.000Z'
const other = 'ac3e0000-0000-4000-8000-00000000ffff'

const marked = (content: Json) => ({ untrusted_notion_content: content })

describe('a whole result in COMPACT', () => {
  it('is taken as a part of the input, with the places of its issues there', async () => {
    const database_id = acme.projects
    const database = await read('notion_database_fetch', { database_id }, 'COMPACT')
    await agent.body('notion_database_update', { database_id, ...marked({ ...database, title: 'Renamed' }) })
    const now = await read('notion_database_fetch', { database_id }, 'COMPACT')
    expect(now).toMatchObject({ title: 'Renamed', data_sources: [{ id: acme.projectsSource }] })
    for (const [change, key] of [
      [{ title: 'x'.repeat(2000 * 101) }, 'title'],
      [{ parent: 'page x' }, 'parent'],
      [{ colour: 'red' }, 'colour'],
      [{ is_locked: 'maybe' }, 'is_locked'],
      [{ icon: 'word' }, 'icon'],
    ] as const) {
      const issues = await agent.issues('notion_database_update', { database_id, ...marked({ ...now, ...change }) })
      expect(issues).toMatchObject([{ path: `untrusted_notion_content.${key}` }])
    }
    const twice = { database_id, title: 'y', ...marked(now) }
    expect(await agent.issues('notion_database_update', twice)).toMatchObject([
      { path: 'untrusted_notion_content.title' },
    ])
  })

  it('is taken of a data source and a comment', async () => {
    const data_source_id = acme.projectsSource
    const source = await read('notion_data_source_fetch', { data_source_id }, 'COMPACT')
    await agent.body('notion_data_source_update', { data_source_id, ...marked({ ...source, name: 'All projects' }) })
    expect(await read('notion_data_source_fetch', { data_source_id }, 'COMPACT')).toMatchObject({
      name: 'All projects',
    })
    const { id } = await agent.body('notion_comment_create', { comment: 'x', parent: acme.product })
    const comment = await read('notion_comment_retrieve', { comment_id: id }, 'COMPACT')
    await agent.body('notion_comment_update', { comment_id: id, ...marked({ ...comment, text: 'y' }) })
    const changed = await read('notion_comment_retrieve', { comment_id: id }, 'COMPACT')
    expect(changed).toMatchObject({ text: 'y' })
    await agent.body('notion_comment_create', { comment: marked(changed), parent: acme.product })
    const input = { comment: marked({ ...changed, author: 'z' }), parent: acme.product }
    expect(await agent.issues('notion_comment_create', input)).toMatchObject([
      { path: 'comment.untrusted_notion_content.author' },
    ])
  })
})

describe('a whole database as a tool returned it', () => {
  const create = async () => {
    const database = await agent.body('notion_database_create', {
      parent: acme.product,
      title: 'Returned',
      properties: { Name: 'title', Stage: { select: { options: ['New', 'Old'] } } },
    })
    const icon = { icon: '🍋', cover: 'https://a.example/c.png', description: ['text ', bold] }
    await agent.body('notion_database_update', { database_id: database.id, ...icon })
    return String(database.id)
  }
  const fetch = (database_id: string, format: Format) => read('notion_database_fetch', { database_id }, format)

  it.each(formats)('in %s updates the database to what it is', async (format) => {
    const id = await create()
    const before = stored(await fetch(id, 'RAW'))
    await agent.body('notion_database_update', { database_id: id, ...(await fetch(id, format)) })
    expect(stored(await fetch(id, 'RAW'))).toEqual(before)
  })

  it.each(formats)('in %s changes only what differs', async (format) => {
    const id = await create()
    const before = await fetch(id, 'RAW')
    const change = { title: 'Other', icon: '🍐', is_locked: true }
    await agent.body('notion_database_update', { database_id: id, ...(await fetch(id, format)), ...change })
    const { description, cover, title, icon, is_locked } = (await fetch(id, 'RAW')) as never as Record<string, Json[]>
    expect({ description, cover }).toEqual({ description: before['description'], cover: before['cover'] })
    expect({ title, icon, is_locked }).toMatchObject({
      title: [{ plain_text: 'Other' }],
      icon: { emoji: '🍐' },
      is_locked: true,
    })
  })

  it.each<[Format, string, unknown, string]>([
    ['COMPACT', 'id', other, 'another'],
    ['RAW', 'id', other, 'another'],
    ['COMPACT', 'parent', 'page x', 'no tool moves'],
    ['RAW', 'created_time', earlier, 'Notion sets it'],
    ['RAW', 'public_url', 'https://acme.example/', 'Notion sets it'],
    ['COMPACT', 'data_sources', [], 'notion_data_source_update'],
    ['RAW', 'data_sources', [], 'notion_data_source_update'],
    ['RAW', 'properties', { Name: 'date' }, 'notion_data_source_update'],
    ['RAW', 'icon', null, 'must not be null'],
  ])('in %s is refused with another %s', async (format, key, value, reason) => {
    const id = await create()
    const input = { database_id: id, ...(await fetch(id, format)), [key]: value }
    const issues = await agent.issues('notion_database_update', input)
    expect(issues).toEqual([{ path: key, message: expect.stringContaining(reason) }])
  })

  it.each(formats)('in %s is refused with a change where it was edited since', async (format) => {
    const id = await create()
    const input = { database_id: id, ...(await fetch(id, format)), last_edited_time: earlier }
    await agent.body('notion_database_update', input)
    const issues = await agent.issues('notion_database_update', { ...input, title: 'Mine' })
    expect(issues).toEqual([{ path: 'last_edited_time', message: expect.stringContaining('Read it again') }])
  })

  it('is refused in part, without the id, and with keys that no result has', async () => {
    const id = await create()
    const part = { database_id: id, title: 'x', parent: `page ${acme.product}` }
    expect(await agent.issues('notion_database_update', part)).toMatchObject([{ path: 'parent' }])
    const more = { database_id: id, ...(await fetch(id, 'COMPACT')), colour: 'red' }
    expect(await agent.issues('notion_database_update', more)).toMatchObject([{ path: 'colour' }])
  })
})

describe('a whole data source as a tool returned it', () => {
  const create = async () => {
    const database = await agent.body('notion_database_create', {
      parent: acme.product,
      title: 'Returned',
      properties: {
        ...{ Name: 'title', When: 'date', Twice: { formula: { expression: '2' } }, State: 'status' },
        Stage: { select: { options: [{ name: 'New', color: 'red' }, 'Old'] } },
        Projects: { relation: { data_source_id: acme.projectsSource } },
        Count: { number: { format: 'euro' } },
      },
    })
    return String(database.data_sources[0].id)
  }
  const fetch = (data_source_id: string, format: Format) => read('notion_data_source_fetch', { data_source_id }, format)

  it.each(formats)('in %s updates the data source to what it is', async (format) => {
    const id = await create()
    const before = stored(await fetch(id, 'RAW'))
    await agent.body('notion_data_source_update', { data_source_id: id, ...(await fetch(id, format)) })
    expect(stored(await fetch(id, 'RAW'))).toEqual(before)
  })

  it.each(formats)('in %s changes only what differs', async (format) => {
    const id = await create()
    const before = (await fetch(id, 'RAW'))['properties'] as Json
    const given = await fetch(id, format)
    const properties = { ...(given['properties'] as Json), Count: null, Site: 'url' }
    const title = format === 'RAW' ? { title: 'Other' } : { name: 'Other' }
    await agent.body('notion_data_source_update', { data_source_id: id, ...given, ...title, properties })
    const after = await fetch(id, 'RAW')
    const { Count: _count, ...rest } = before
    expect(after).toMatchObject({ title: [{ plain_text: 'Other' }] })
    expect(after['properties']).toEqual({ ...rest, Site: expect.objectContaining({ type: 'url' }) })
  })

  it.each<[Format, string, unknown, string]>([
    ['COMPACT', 'id', other, 'another'],
    ['COMPACT', 'database_id', other, 'Notion sets it'],
    ['RAW', 'database_parent', { type: 'workspace', workspace: true }, 'Notion sets it'],
    ['RAW', 'description', [bold], 'no tool changes it'],
    ['RAW', 'cover', { type: 'external', external: { url: 'https://a.example/' } }, 'notion_database_update'],
  ])('in %s is refused with another %s', async (format, key, value, reason) => {
    const id = await create()
    const input = { data_source_id: id, ...(await fetch(id, format)), [key]: value }
    const issues = await agent.issues('notion_data_source_update', input)
    expect(issues).toEqual([{ path: key, message: expect.stringContaining(reason) }])
  })

  it.each(formats)('in %s is refused with a change where it was edited since', async (format) => {
    const id = await create()
    const input = { data_source_id: id, ...(await fetch(id, format)), last_edited_time: earlier }
    const issues = await agent.issues('notion_data_source_update', { ...input, title: 'Mine' })
    expect(issues).toEqual([{ path: 'last_edited_time', message: expect.stringContaining('Read it again') }])
  })
})

describe('a whole comment as a tool returned it', () => {
  const create = async () => {
    const comment = { rich_text: ['See ', bold] }
    return String((await agent.body('notion_comment_create', { comment, parent: acme.product })).id)
  }
  const fetch = (comment_id: string, format: Format) => read('notion_comment_retrieve', { comment_id }, format)

  it.each(formats)('in %s updates the comment to what it is', async (format) => {
    const id = await create()
    const before = stored(await fetch(id, 'RAW'))
    await agent.body('notion_comment_update', { comment_id: id, ...(await fetch(id, format)) })
    expect(stored(await fetch(id, 'RAW'))).toEqual(before)
  })

  it('changes where its text differs', async () => {
    const id = await create()
    const compact = await fetch(id, 'COMPACT')
    await agent.body('notion_comment_update', { comment_id: id, ...compact, text: `${compact['text']} now` })
    const { rich_text } = (await fetch(id, 'RAW')) as { rich_text?: Json[] }
    expect(rich_text?.[1]).toMatchObject({ plain_text: 'bold', annotations: { bold: true } })
    expect(rich_text?.at(-1)).toMatchObject({ plain_text: ' now' })
    await agent.body('notion_comment_update', { comment_id: id, ...(await fetch(id, 'RAW')), rich_text: 'Other' })
    expect(await fetch(id, 'COMPACT')).toMatchObject({ text: 'Other' })
  })

  it.each([
    ['a mention', { mention: { user: { id: people.acmeMember } } }],
    ['an equation', { equation: { expression: 'x' } }],
    ['a color', { text: { content: 'red' }, annotations: { color: 'red' } }],
  ])('is refused with another text where the text has %s, which Markdown cannot express', async (_kind, piece) => {
    const comment = { rich_text: [{ text: { content: 'For ' } }, piece] }
    const { id } = await agent.body('notion_comment_create', { comment, parent: acme.roadmap })
    const compact = await fetch(id, 'COMPACT')
    const changed = { comment_id: id, ...compact, text: `${compact['text']} now` }
    expect(await agent.issues('notion_comment_update', changed)).toEqual([
      { path: 'text', message: expect.stringContaining('as RAW returns it') },
    ])
  })

  it('is refused with Markdown that links to a user', async () => {
    const id = await create()
    const markdown = `For [Milo](user://${people.acmeMember})`
    expect(await agent.issues('notion_comment_update', { comment_id: id, markdown })).toEqual([
      { path: 'markdown', message: expect.stringContaining('rich_text') },
    ])
  })

  it.each<[Format, string, unknown, string]>([
    ['COMPACT', 'id', other, 'another'],
    ['COMPACT', 'discussion_id', other, 'Notion sets it'],
    ['COMPACT', 'author', 'Someone', 'Notion sets it'],
    ['RAW', 'parent', { type: 'page_id', page_id: acme.roadmap }, 'Notion sets it'],
  ])('in %s is refused with another %s', async (format, key, value, reason) => {
    const id = await create()
    const input = { comment_id: id, ...(await fetch(id, format)), [key]: value }
    const issues = await agent.issues('notion_comment_update', input)
    expect(issues).toEqual([{ path: key, message: expect.stringContaining(reason) }])
  })

  it('is refused with a change where it was edited since', async () => {
    const id = await create()
    const input = { comment_id: id, ...(await fetch(id, 'RAW')), last_edited_time: earlier, rich_text: 'Mine' }
    const issues = await agent.issues('notion_comment_update', input)
    expect(issues).toEqual([{ path: 'last_edited_time', message: expect.stringContaining('Read it again') }])
  })

  it.each(formats)('in %s becomes a comment with the same formatting elsewhere', async (format) => {
    const id = await create()
    const original = await fetch(id, 'RAW')
    const comment = await fetch(id, format)
    const copy = await agent.body('notion_comment_create', { comment, parent: acme.roadmap })
    expect(copy.id).not.toBe(id)
    expect(copy).toMatchObject({ rich_text: original['rich_text'], parent: { page_id: acme.roadmap } })
  })

  it('is refused as a new comment where it cannot be read or its facts differ', async () => {
    const comment = await fetch(await create(), 'COMPACT')
    const issues = (change: object) =>
      agent.issues('notion_comment_create', { comment: { ...comment, ...change }, parent: acme.roadmap })
    expect(await issues({ id: other })).toMatchObject([{ path: 'comment.id' }])
    expect(await issues({ discussion_id: other })).toMatchObject([{ path: 'comment.discussion_id' }])
    expect(await issues({ colour: 'red' })).toMatchObject([{ path: 'comment.colour' }])
    expect(await issues({ id: undefined })).not.toHaveLength(0)
  })
})
