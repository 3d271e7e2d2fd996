import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, people } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

const notFound = (kind: string, id: string) =>
  expect.objectContaining({
    status: 404,
    code: 'object_not_found',
    message: expect.stringContaining(
      `Could not find ${kind} with ID: ${id}. Make sure the relevant pages and databases are shared with your`,
    ),
  })

describe.each(versions)('pages in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  it('returns a created page with its title, parent, stamps and content', async () => {
    const page = loose(
      await on.client.pages.create({
        parent: { page_id: on.pageId },
        properties: { title: { title: text('Minutes') } },
        icon: { emoji: '📝' },
        cover: { external: { url: 'https://example.com/cover.png' } },
        children: [{ paragraph: { rich_text: text('First') } }, { divider: {} }],
      }),
    )
    const me = await on.client.users.me({})
    expect(page).toMatchObject({
      object: 'page',
      parent: { type: 'page_id', page_id: on.pageId },
      icon: { type: 'emoji', emoji: '📝' },
      cover: { type: 'external', external: { url: 'https://example.com/cover.png' } },
      created_by: { object: 'user', id: me.id },
      last_edited_by: { object: 'user', id: me.id },
      in_trash: false,
      is_locked: false,
      public_url: null,
      url: `https://app.notion.com/p/Minutes-${page.id.replaceAll('-', '')}`,
    })
    expect(at(page, 'properties.title.title.0.plain_text')).toBe('Minutes')
    const children = await on.client.blocks.children.list({ block_id: page.id })
    expect(children.results.map((block) => at(block, 'type'))).toEqual(['paragraph', 'divider'])
    expect(await on.client.pages.retrieve({ page_id: page.id.replaceAll('-', '') })).toMatchObject({ id: page.id })
  })

  it('reports the trash as `archived` too, but only before 2026-03-11', async () => {
    const page = loose(await on.client.pages.retrieve({ page_id: on.pageId }))
    expect('archived' in page).toBe(version === '2025-09-03')
    const body = { archived: true }
    const sent = on.client.request({ path: `pages/${on.pageId}`, method: 'patch', body })
    if (version === '2026-03-11') {
      expect(await refusal(sent)).toEqual(
        invalid('body failed validation: body.archived should be not present, instead was `true`.'),
      )
    } else {
      expect(await sent).toMatchObject({ archived: true, in_trash: true })
      await on.client.pages.update({ page_id: on.pageId, in_trash: false })
    }
  })

  it('writes rows by property names, ids and the alias `title`', async () => {
    const row = loose(
      await on.client.pages.create({
        parent: { data_source_id: acme.projectsSource },
        properties: {
          title: { title: text('By alias') },
          stat: { select: { name: 'Done' } },
          'Due Date': { date: { start: '2026-07-15' } },
        },
      }),
    )
    expect(row).toMatchObject({
      parent: { type: 'data_source_id', data_source_id: acme.projectsSource, database_id: acme.projects },
      properties: {
        Status: { id: 'stat', type: 'select', select: { name: 'Done', color: 'green' } },
        'Due Date': { type: 'date', date: { start: '2026-07-15', end: null, time_zone: null } },
        Priority: { type: 'select', select: null },
      },
    })
    expect(at(row, 'properties.Name.title.0.plain_text')).toBe('By alias')
  })

  it('accepts a database as the parent of a row, unless it has several data sources', async () => {
    const row = await on.client.pages.create({
      parent: { database_id: acme.projects },
      properties: { Name: { title: text('Old way') } },
    })
    expect(row).toMatchObject({ parent: { data_source_id: acme.projectsSource } })
    const unclear = on.client.pages.create({ parent: { database_id: acme.research }, properties: {} })
    expect(await refusal(unclear)).toEqual(
      invalid('Databases with multiple data sources are not supported in this API version.'),
    )
  })

  it('creates select options for new names, and refuses unknown status options', async () => {
    const row = await on.client.pages.create({
      parent: { data_source_id: acme.projectsSource },
      properties: { Name: { title: text('New option') }, Priority: { select: { name: `Urgent ${version}` } } },
    })
    expect(at(row, 'properties.Priority.select.name')).toBe(`Urgent ${version}`)
    const source = await on.client.dataSources.retrieve({ data_source_id: acme.projectsSource })
    const options = at(source, 'properties.Priority.select.options') as { name: string }[]
    expect(options.map(({ name }) => name)).toContain(`Urgent ${version}`)
    const status = on.client.pages.create({
      parent: { data_source_id: acme.tasksSource },
      properties: { State: { status: { name: 'Nowhere' } } },
    })
    expect(await refusal(status)).toEqual(invalid('Invalid status option. Status option "Nowhere" does not exist.'))
  })

  it('refuses unknown properties and wrong types with Notion’s messages', async () => {
    const create = (properties: object) =>
      on.client.request({
        path: 'pages',
        method: 'post',
        body: { parent: { data_source_id: acme.projectsSource }, properties },
      })
    expect(await refusal(create({ Colour: { select: { name: 'Red' } } }))).toEqual(
      invalid('Colour is not a property that exists.'),
    )
    expect(await refusal(create({ Status: { number: 5 } }))).toEqual(invalid('Status is expected to be select.'))
    expect(await refusal(create({ Name: { title: [{ text: { content: 'x'.repeat(2001) } }] } }))).toEqual(
      invalid(
        'body failed validation: body.properties.Name.title[0].text.content.length should be ≤ `2000`, instead was `2001`.',
      ),
    )
    expect(await refusal(create({ Status: { select: { name: 'a,b' } } }))).toEqual(
      invalid('Invalid select option, commas not allowed: a,b'),
    )
  })

  it('returns the same error for missing content, unshared content and another kind', async () => {
    const missing = '00000000-0000-4000-8000-000000000000'
    for (const id of [missing, acme.boardMinutes, acme.projects, acme.projectsSource]) {
      expect(await refusal(on.client.pages.retrieve({ page_id: id }))).toEqual(notFound('page', id))
    }
    expect(await refusal(on.client.databases.retrieve({ database_id: acme.roadmap }))).toEqual(
      notFound('database', acme.roadmap),
    )
    expect(await refusal(on.client.dataSources.retrieve({ data_source_id: acme.projects }))).toEqual(
      notFound('data source', acme.projects),
    )
    expect(await refusal(on.client.pages.retrieve({ page_id: 'not-an-id' }))).toEqual(
      invalid('path failed validation: path.page_id should be a valid uuid, instead was `"not-an-id"`.'),
    )
  })

  it('returns only the requested properties', async () => {
    const [row] = (await on.client.dataSources.query({ data_source_id: acme.projectsSource, page_size: 1 })).results
    const page = await on.client.pages.retrieve({
      page_id: row?.id ?? '',
      filter_properties: ['stat', 'title', 'nowhere'],
    })
    expect(Object.keys(at(page, 'properties') as object).sort()).toEqual(['Name', 'Status'])
  })

  it('changes only the fields of the update', async () => {
    const row = await on.client.pages.create({
      parent: { data_source_id: acme.projectsSource },
      properties: { Name: { title: text('Before') }, Status: { select: { name: 'Done' } } },
      icon: { emoji: '🌱' },
    })
    const changed = await on.client.pages.update({
      page_id: row.id,
      properties: { Name: { title: text('After') }, Status: { select: null } },
      is_locked: true,
    })
    expect(changed).toMatchObject({ is_locked: true, icon: { emoji: '🌱' }, properties: { Status: { select: null } } })
    expect(at(changed, 'properties.Name.title.0.plain_text')).toBe('After')
    expect(await on.client.pages.update({ page_id: row.id, icon: null })).toMatchObject({ icon: null })
  })

  // In Notion's OpenAPI description, dateRequest has the format `date` although a time is allowed too, and a `time_zone`
  // that applies only to times without an offset.
  it.each([
    [{ start: '2026-07-15' }, { start: '2026-07-15', end: null, time_zone: null }],
    [{ start: '2026-07-15T10:00' }, { start: '2026-07-15T10:00:00Z' }],
    [{ start: '2026-07-15T10:00:00.5+0200' }, { start: '2026-07-15T10:00:00.5+02:00' }],
    [
      { start: '2026-07-15T10:00:00', end: '2026-12-15 10:00:00', time_zone: 'Europe/Berlin' },
      { start: '2026-07-15T10:00:00+02:00', end: '2026-12-15T10:00:00+01:00', time_zone: 'Europe/Berlin' },
    ],
    [{ start: '2026-03-08T03:30:00', time_zone: 'America/New_York' }, { start: '2026-03-08T03:30:00-04:00' }],
    [{ start: '2026-07-15T10:00:00', time_zone: 'Asia/Kolkata' }, { start: '2026-07-15T10:00:00+05:30' }],
  ])('completes the date %j', async (date, stored) => {
    const page = await on.client.pages.create({
      parent: { data_source_id: acme.projectsSource },
      properties: { 'Due Date': { date: date as { start: string } } },
    })
    expect(at(page, 'properties.Due Date.date')).toMatchObject(stored)
    const refused = { date: { ...date, time_zone: 'Mars/Olympus' } }
    const write = on.client.request({
      path: `pages/${page.id}`,
      method: 'patch',
      body: { properties: { 'Due Date': refused } },
    })
    expect((await refusal(write)).message).toContain('time_zone should be a valid IANA time zone')
  })

  it.each([
    [{ start: '2026-07-15', end: '2026-07-14' }, 'end'],
    [{ start: '2026-07-15T10:00:00+02:00', end: '2026-07-15T07:59:00Z' }, 'end'],
    [{ start: '2026-07-15T10:00:00Z', end: '2026-07-14' }, 'end'],
    [{ start: '2026-07-15', time_zone: 'Asia/Tokyo' }, 'start'],
    [{ start: '2026-07-15T10:00:00Z', time_zone: 'Asia/Tokyo' }, 'start'],
    [{ start: '2026-07-15T10:00:00', end: '2026-07-15T11:00:00Z', time_zone: 'Asia/Tokyo' }, 'end'],
  ])('refuses the date %j', async (date, key) => {
    const write = on.client.pages.create({
      parent: { data_source_id: acme.projectsSource },
      properties: { 'Due Date': { date: date as { start: string } } },
    })
    expect((await refusal(write)).message).toContain(`body.properties.Due Date.date.${key} should be`)
  })

  it('returns a trashed page and refuses to change it until it is restored', async () => {
    const page = await on.client.pages.create({
      parent: { page_id: on.pageId },
      properties: { title: { title: text('Bin') } },
      children: [{ paragraph: { rich_text: text('Below') } }],
    })
    expect(await on.client.pages.update({ page_id: page.id, in_trash: true })).toMatchObject({ in_trash: true })
    expect(await on.client.pages.retrieve({ page_id: page.id })).toMatchObject({ in_trash: true })
    const listed = await on.client.blocks.children.list({ block_id: on.pageId, page_size: 100 })
    expect(listed.results.map(({ id }) => id)).not.toContain(page.id)
    expect(
      await refusal(on.client.pages.update({ page_id: page.id, properties: { title: { title: text('x') } } })),
    ).toEqual(invalid("Can't edit block that is archived. You must unarchive the block before editing."))
    const [below] = (await on.client.blocks.children.list({ block_id: page.id })).results
    expect(await refusal(on.client.blocks.delete({ block_id: below?.id ?? '' }))).toEqual(
      invalid("Can't edit block on block with an archived ancestor. You must unarchive the ancestor before editing."),
    )
    expect(await on.client.pages.update({ page_id: page.id, in_trash: false })).toMatchObject({ in_trash: false })
  })

  it('erases the content of a page', async () => {
    const page = await on.client.pages.create({
      parent: { page_id: on.pageId },
      properties: { title: { title: text('Full') } },
      children: [{ paragraph: { rich_text: text('Gone soon') } }],
    })
    await on.client.pages.update({ page_id: page.id, erase_content: true })
    expect((await on.client.blocks.children.list({ block_id: page.id })).results).toEqual([])
  })

  it('moves pages below pages and into data sources, but not into themselves', async () => {
    const parent = { page_id: on.pageId }
    const make = (title: string) => on.client.pages.create({ parent, properties: { title: { title: text(title) } } })
    const [box, thing] = [await make('Box'), await make('Thing')]
    expect(await on.client.pages.move({ page_id: thing.id, parent: { page_id: box.id } })).toMatchObject({
      parent: { type: 'page_id', page_id: box.id },
    })
    const inBox = await on.client.blocks.children.list({ block_id: box.id })
    expect(inBox.results).toMatchObject([{ id: thing.id, type: 'child_page', child_page: { title: 'Thing' } }])
    expect(await refusal(on.client.pages.move({ page_id: box.id, parent: { page_id: thing.id } }))).toEqual(
      invalid('A page cannot be moved into itself or into a page below it.'),
    )
    const row = await on.client.pages.move({ page_id: thing.id, parent: { data_source_id: acme.projectsSource } })
    expect(at(row, 'properties.Name.title.0.plain_text')).toBe('Thing')
    expect((await on.client.blocks.children.list({ block_id: box.id })).results).toEqual([])
  })

  it('creates a page at the top of the workspace that only its user can see', async () => {
    const page = await on.client.pages.create({
      parent: { workspace: true },
      properties: { title: { title: text('On my own') } },
    })
    expect(page).toMatchObject({ parent: { type: 'workspace', workspace: true } })
    expect(await on.client.pages.retrieve({ page_id: page.id })).toMatchObject({ id: page.id })
    const other = await notion.connect(version, { user: 'member@acme.test' })
    expect(await refusal(other.client.pages.retrieve({ page_id: page.id }))).toEqual(notFound('page', page.id))
  })

  it('inserts a new page at a position in its parent', async () => {
    const home = await on.client.pages.create({
      parent: { page_id: on.pageId },
      properties: { title: { title: text('Order') } },
      children: [{ paragraph: { rich_text: text('1') } }, { paragraph: { rich_text: text('2') } }],
    })
    const [first] = (await on.client.blocks.children.list({ block_id: home.id })).results
    const make = (title: string, position: NonNullable<Parameters<typeof on.client.pages.create>[0]['position']>) =>
      on.client.pages.create({
        parent: { page_id: home.id },
        properties: { title: { title: text(title) } },
        position,
      })
    await make('start', { type: 'page_start' })
    await make('after', { type: 'after_block', after_block: { id: first?.id ?? '' } })
    await make('end', { type: 'page_end' })
    const { results } = await on.client.blocks.children.list({ block_id: home.id })
    expect(
      results.map((block) => at(block, 'child_page.title') ?? at(block, 'paragraph.rich_text.0.plain_text')),
    ).toEqual(['start', '1', 'after', '2', 'end'])
  })

  it('accepts markdown as content, and uses its first heading as a missing title', async () => {
    const page = await on.client.pages.create({ parent: { page_id: on.pageId }, markdown: '# Plan\n- one\n- two' })
    expect(at(page, 'properties.title.title.0.plain_text')).toBe('Plan')
    const { results } = await on.client.blocks.children.list({ block_id: page.id })
    expect(results.map((block) => at(block, 'type'))).toEqual(['bulleted_list_item', 'bulleted_list_item'])
    const both = on.client.request({
      path: 'pages',
      method: 'post',
      body: { parent: { page_id: on.pageId }, markdown: 'x', children: [] },
    })
    expect(await refusal(both)).toEqual(
      invalid('body failed validation: body.markdown cannot be combined with body.children.'),
    )
  })

  it('refuses unknown keys, a missing parent and two parents', async () => {
    const post = (body: Record<string, unknown>) => on.client.request({ path: 'pages', method: 'post', body })
    expect(await refusal(post({ properties: {} }))).toEqual(
      invalid('body failed validation: body.parent should be defined, instead was undefined.'),
    )
    expect(await refusal(post({ parent: { page_id: on.pageId }, colour: 1 }))).toEqual(
      invalid('body failed validation: body.colour should be not present, instead was `1`.'),
    )
    expect(await refusal(post({ parent: `{"page_id":"${on.pageId}"}` }))).toMatchObject({
      message: expect.stringMatching(/^body failed validation: body\.parent should be an object, instead was `"\{/),
    })
    expect(await refusal(post({ parent: { page_id: on.pageId, database_id: acme.projects } }))).toMatchObject({
      message: expect.stringContaining('body.parent.database_id should be not present'),
    })
  })

  it('does not find pages that the user may only view, because they cannot be shared', async () => {
    const member = await notion.connect(version, { user: 'member@acme.test' })
    const call = member.client.pages.update({ page_id: acme.policies, is_locked: true })
    expect(await refusal(call)).toEqual(notFound('page', acme.policies))
  })

  it('returns complete users in people properties, and user ids in stamps', async () => {
    const row = await on.client.pages.create({
      parent: { data_source_id: acme.tasksSource },
      properties: { Assignee: { people: [{ id: people.acmeMember }] } },
    })
    expect(at(row, 'properties.Assignee.people')).toMatchObject([
      { object: 'user', id: people.acmeMember, type: 'person', name: 'Milo Member' },
    ])
    const foreign = on.client.pages.update({
      page_id: row.id,
      properties: { Assignee: { people: [{ id: people.globexOwner }] } },
    })
    expect(await refusal(foreign)).toEqual(notFound('user', people.globexOwner))
  })
})
