import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, globex, people } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

describe.each(versions)('users in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  it('returns the bot of the token with its owner and workspace', async () => {
    expect(await on.client.users.me({})).toMatchObject({
      object: 'user',
      type: 'bot',
      bot: {
        owner: { type: 'user', user: { id: people.acmeOwner, person: { email: 'owner@acme.test' } } },
        workspace_name: 'Acme',
        workspace_limits: { max_file_upload_size_in_bytes: expect.any(Number) },
      },
    })
  })

  it('pages the people of the workspace, and returns each by id', async () => {
    const first = await on.client.users.list({ page_size: 1 })
    expect(first).toMatchObject({ type: 'user', has_more: true })
    const rest = await on.client.users.list({ start_cursor: first.next_cursor ?? '' })
    const ids = [...first.results, ...rest.results].map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining([people.acmeOwner, people.acmeMember, people.acmeChair]))
    expect(ids).not.toContain(people.globexOwner)
    expect(await on.client.users.retrieve({ user_id: people.acmeMember })).toMatchObject({
      type: 'person',
      person: { email: 'member@acme.test' },
    })
    expect(await refusal(on.client.users.retrieve({ user_id: people.globexOwner }))).toMatchObject({
      status: 404,
      message: expect.stringContaining(`Could not find user with ID: ${people.globexOwner}.`),
    })
  })
})

describe('capabilities', () => {
  it('limit access to users, emails, content and comments', async () => {
    const oauth = { id: 'limited', secret: 'secret' }
    const allow = (capabilities: string[]) =>
      notion.sandbox.control('capabilities', { clientId: oauth.id, capabilities })
    await allow(['READ_CONTENT', 'READ_USERS'])
    const { access_token: token } = await notion.sandbox.connect({}, oauth)
    const call = (method: string, path: string, body?: unknown) => notion.sandbox.call(token, method, path, body)
    const member = await call('GET', `/v1/users/${people.acmeMember}`)
    expect(member.body.person).toEqual({})
    const forbidden = { status: 403, body: { code: 'restricted_resource' } }
    expect(await call('POST', '/v1/pages', { parent: { page_id: acme.product } })).toMatchObject(forbidden)
    expect(await call('PATCH', `/v1/pages/${acme.product}`, {})).toMatchObject(forbidden)
    expect(await call('DELETE', `/v1/blocks/${acme.product}`)).toMatchObject(forbidden)
    expect(await call('GET', `/v1/comments?block_id=${acme.product}`)).toMatchObject(forbidden)
    expect(await call('POST', '/v1/comments', {})).toMatchObject(forbidden)
    await allow(['READ_CONTENT'])
    expect(await call('GET', '/v1/users')).toMatchObject(forbidden)
    expect(await call('GET', '/v1/users/me')).toMatchObject({ status: 200 })
    const row = await call('POST', `/v1/data_sources/${acme.tasksSource}/query`, { page_size: 1 })
    expect(at(row.body, 'results.0.properties.Assignee.people')).toEqual([{ object: 'user', id: people.acmeOwner }])
  })
})

describe.each(versions)('search in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  const search = (body: Record<string, unknown>) =>
    on.client.request<{ results: { id: string; object: string }[]; next_cursor: string | null }>({
      path: 'search',
      method: 'post',
      body,
    })

  const found = async (body: Record<string, unknown>) => (await search(body)).results.map(({ id }) => id)

  it('finds pages and data sources by the words of their titles, not by their content', async () => {
    expect(await found({ query: 'roadmap q3' })).toContain(acme.roadmap)
    expect(await found({ query: 'PROJECTS', filter: { property: 'object', value: 'data_source' } })).toEqual([
      acme.projectsSource,
    ])
    expect(await found({ query: 'Checkout without friction' })).toEqual([])
  })

  it('finds data sources by the title of their database too', async () => {
    const ids = await found({ query: 'Customer research' })
    expect(ids.toSorted()).toEqual([acme.interviewsSource, acme.surveysSource].toSorted())
  })

  it('filters pages and data sources', async () => {
    const pages = await search({ filter: { property: 'object', value: 'page' } })
    expect(new Set(pages.results.map(({ object }) => object))).toEqual(new Set(['page']))
    expect(await refusal(search({ filter: { property: 'object', value: 'database' } }))).toEqual(
      invalid(
        'body failed validation: body.filter.value should be `"page"` or `"data_source"`, instead was `"database"`.',
      ),
    )
  })

  it('excludes unshared content and other workspaces', async () => {
    const all = await on.client.search({ query: '', page_size: 100 })
    const ids = all.results.map(({ id }) => id)
    expect(ids).not.toContain(acme.boardMinutes)
    expect(ids).not.toContain(globex.home)
    const narrow = await notion.sandbox.connect({ resources: acme.runbooks }, { id: `narrow-${version}`, secret: 's' })
    const seen = await notion.sandbox.call(narrow.access_token, 'POST', '/v1/search', {}, version)
    expect((seen.body.results as { id: string }[]).map(({ id }) => id).toSorted()).toEqual(
      [acme.runbooks, acme.failover].toSorted(),
    )
  })

  it('sorts by last edit, in both directions', async () => {
    const page = await on.client.pages.create({
      parent: { page_id: on.pageId },
      properties: { title: { title: text('Fresh') } },
    })
    const sort = (direction: string) => found({ sort: { timestamp: 'last_edited_time', direction } })
    expect(await found({ query: 'fresh', page_size: 1 })).toEqual([page.id])
    const newest = await sort('descending')
    const oldest = await sort('ascending')
    expect(newest.indexOf(page.id)).toBeLessThan(5)
    expect(oldest.indexOf(page.id)).not.toBe(0)
  })

  it('pages all results', async () => {
    const ids: string[] = []
    let cursor: string | null = null
    do {
      const part: { results: { id: string }[]; next_cursor: string | null } = await search({
        page_size: 7,
        ...(cursor !== null && { start_cursor: cursor }),
      })
      ids.push(...part.results.map(({ id }) => id))
      cursor = part.next_cursor
    } while (cursor !== null)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toContain(acme.roadmap)
  })

  it('excludes the trash unless it is requested', async () => {
    const page = await on.client.pages.create({
      parent: { page_id: on.pageId },
      properties: { title: { title: text(`Rubbish ${version}`) } },
    })
    await on.client.pages.update({ page_id: page.id, in_trash: true })
    expect(await found({ query: `rubbish ${version}` })).toEqual([])
    // Notion's OpenAPI description of POST /v1/search does not list `in_trash`, but Notion accepts it and its client sends it.
    const trashed = await on.client.search({ query: `rubbish ${version}`, filter: { in_trash: true } })
    expect(trashed.results.map(({ id }) => id)).toEqual([page.id])
  })

  it('accepts a missing body, and the sort by relevance', async () => {
    const bare = await fetch(`${notion.url}/v1/search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${on.token}`, 'notion-version': version },
    })
    expect(bare.status).toBe(200)
    // Notion's OpenAPI description of POST /v1/search lists the sort by timestamp only, but Notion accepts this one too.
    expect(await on.client.search({ query: 'roadmap', sort: { property: 'relevance' } })).toMatchObject({
      object: 'list',
      type: 'page_or_data_source',
    })
  })

  it.each<[string, Record<string, unknown>]>([
    ['a query that is not a string', { query: 5 }],
    ['a sort by another time', { sort: { timestamp: 'created_time', direction: 'ascending' } }],
    ['a sort without a direction', { sort: { timestamp: 'last_edited_time' } }],
    ['a filter by another property', { filter: { property: 'title', value: 'page' } }],
    ['an empty filter', { filter: {} }],
    ['a page size below zero', { page_size: -1 }],
    ['a cursor of another list', { start_cursor: people.acmeOwner }],
    ['an unknown key', { archived: true }],
  ])('refuses %s', async (_, body) => {
    expect(await refusal(search(body))).toMatchObject({ status: 400, code: 'validation_error' })
  })
})
