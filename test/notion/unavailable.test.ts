import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { testCall, toolbox } from './support.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeEach(async () => {
  workspace = await startWorkspace({ user: 'owner@acme.test' })
})
afterEach(() => workspace.close())

const fetchPage = (page_id: string, call = workspace.call) => workspace.box.run('notion_page_fetch', call, { page_id })
const unshare = (resourceId: string) => workspace.sandbox.control('unshare', { user: 'owner@acme.test', resourceId })

describe('What a 404 means is decided by evidence', () => {
  test('an id that nobody ever saw is unavailable, and the error says what to ask the user', async () => {
    const error = await failure(fetchPage('00000000-0000-4000-8000-00000000dead'))
    expect(error).toMatchObject({ name: 'ResourceUnavailableError', userAction: 'SHARE_RESOURCE' })
  })

  test('a page that exists and was never shared is unavailable too: Notion does not tell the two apart', async () => {
    expect((await failure(fetchPage(acme.boardMinutes))).name).toBe('ResourceUnavailableError')
  })

  test('what this account could read before is no longer shared', async () => {
    await fetchPage(acme.roadmap)
    await unshare(acme.roadmap)
    const error = await failure(fetchPage(acme.roadmap))
    expect(error).toMatchObject({ name: 'ResourceNotSharedError', resourceId: acme.roadmap })
    expect((error as unknown as { evidence: string }).evidence).toMatch(/could read it at \d{4}-/)
  })

  test('what another account of the environment saw in the same workspace is not shared, and nothing of it is told', async () => {
    const member = await workspace.connect(
      { user: 'member@acme.test', clientId: 'c2' },
      { id: 'account-2', identifier: 'user-2' },
      'grant-2',
    )
    const title = String((await fetchPage(acme.memberPrivate, member)).url)
    const error = await failure(fetchPage(acme.memberPrivate))
    expect(error).toMatchObject({ name: 'ResourceNotSharedError' })
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain(title)
    expect((error as unknown as { evidence: string }).evidence).toContain('another connected account')
  })

  test('what an account of another environment or workspace saw decides nothing', async () => {
    const elsewhere = await workspace.connect(
      { user: 'member@acme.test', clientId: 'c2' },
      { id: 'account-2', environmentId: 'environment-2' },
      'grant-2',
    )
    await fetchPage(acme.memberPrivate, elsewhere)
    expect((await failure(fetchPage(acme.memberPrivate))).name).toBe('ResourceUnavailableError')
    const { account } = await workspace.connect(
      { user: 'member@acme.test', clientId: 'c3' },
      { id: 'account-3' },
      'grant-3',
    )
    const other = { ...account, grant: account.grant && { ...account.grant, workspaceId: 'another workspace' } }
    const tokens = await workspace.sandbox.connect(
      { user: 'member@acme.test', clientId: 'c3' },
      { id: 'c3', secret: 'a-secret' },
    )
    await fetchPage(acme.memberPrivate, testCall(workspace.call.apiUrl, tokens.access_token, other))
    expect((await failure(fetchPage(acme.memberPrivate))).name).toBe('ResourceUnavailableError')
  })

  test('a parent that is named by what can be read exists and is not shared', async () => {
    const call = await workspace.connect(
      { user: 'owner@acme.test', clientId: 'c4', resources: acme.failover },
      {},
      'grant-4',
    )
    await fetchPage(acme.failover, call)
    const error = await failure(fetchPage(acme.runbooks, call))
    expect(error).toMatchObject({ name: 'ResourceNotSharedError', evidence: expect.stringContaining('parent') })
  })

  test('what a page that can be read mentions or links to exists and is not shared', async () => {
    const target = acme.memberPrivate
    const mention = { mention: { type: 'page', page: { id: target } } }
    const member = await workspace.connect({ user: 'member@acme.test', clientId: 'c5' }, { id: 'account-5' }, 'grant-5')
    const page = await workspace.box.run('notion_page_create', member, {
      ...{ parent_page_id: acme.roadmap, properties: { title: 'Mentions' } },
      child_blocks: [{ paragraph: { rich_text: [mention] } }],
    })
    const alone = toolbox()
    await alone.run('notion_block_list', workspace.call, { block_id: page.id })
    const error = await failure(alone.run('notion_page_fetch', workspace.call, { page_id: target }))
    expect(error).toMatchObject({ name: 'ResourceNotSharedError', evidence: expect.stringContaining('mentions it') })
  })

  test.each([
    ['a database where a page is wanted', 'notion_page_trash', { page_id: acme.projects }, 'database'],
    ['a data source where a page is wanted', 'notion_page_fetch', { page_id: acme.projectsSource }, 'data source'],
    ['a page where a database is wanted', 'notion_database_query', { database_id: acme.roadmap }, 'page'],
    ['a page where a data source is wanted', 'notion_data_source_fetch', { data_source_id: acme.roadmap }, 'page'],
    [
      'a database where a data source is wanted',
      'notion_data_source_fetch',
      { data_source_id: acme.projects },
      'database',
    ],
  ])('%s is named as what it is', async (_name, tool, input, actual) => {
    const error = await failure(workspace.run(tool, input))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual })
    expect((error as unknown as { hint: string }).hint).toContain('notion_')
  })

  test.each([
    ['a comment where a page is wanted', 'notion_page_fetch', 'page_id', 'id', 'comment'],
    ['a discussion where a comment is wanted', 'notion_comment_retrieve', 'comment_id', 'discussion_id', 'discussion'],
    ['a user where a page is wanted', 'notion_page_fetch', 'page_id', 'created_by', 'user'],
  ])('%s is known by what named it before', async (_name, tool, key, named, actual) => {
    const { results } = await workspace.run('notion_comments_fetch', { block_id: acme.meetingNotes })
    const [comment] = results as Record<string, string | { id: string }>[]
    const found = comment?.[named]
    const error = await failure(workspace.run(tool, { [key]: typeof found === 'object' ? found.id : found }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual })
    expect((error as unknown as { hint: string }).hint).toContain('notion_')
  })

  test('a comment cannot be answered as if it were a discussion', async () => {
    const { results } = await workspace.run('notion_comments_fetch', { block_id: acme.meetingNotes })
    const [comment] = results as { id: string }[]
    const error = await failure(workspace.run('notion_comment_create', { comment: 'x', discussion_id: comment?.id }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', expected: 'discussion', actual: 'comment' })
  })

  test('an id under which there is nothing is asked for once as each kind, and the hint says how to find the right one', async () => {
    const before = (await workspace.requests()).length
    const missing = '00000000-0000-4000-8000-00000000dead'
    const error = await failure(workspace.run('notion_database_query', { database_id: missing }))
    expect(error).toMatchObject({
      name: 'ResourceUnavailableError',
      hint: expect.stringContaining('notion_data_fetch'),
    })
    expect((await workspace.requests()).slice(before)).toEqual([
      `GET /v1/databases/${missing}`,
      `GET /v1/data_sources/${missing}`,
      `GET /v1/pages/${missing}`,
      `GET /v1/blocks/${missing}`,
    ])
    const user = await failure(workspace.run('notion_user_fetch', { user_id: missing }))
    expect(user).toMatchObject({ name: 'ResourceNotFoundError', hint: expect.stringContaining('notion_user_list') })
  })

  test('a parent in the trash is said to be there', async () => {
    await workspace.run('notion_page_trash', { page_id: acme.roadmap })
    const error = await failure(
      workspace.run('notion_page_create', { parent_page_id: acme.roadmap, properties: { title: 'x' } }),
    )
    expect(error).toMatchObject({ name: 'ResourceNotFoundError', evidence: expect.stringMatching(/trash|archived/) })
  })

  test('what lies in a database in the trash says how that is restored', async () => {
    await workspace.run('notion_database_update', { database_id: acme.projects, in_trash: true })
    const error = await failure(
      workspace.run('notion_database_insert_row', { database_id: acme.projects, properties: { title: 'x' } }),
    )
    expect(error).toMatchObject({
      name: 'ResourceNotFoundError',
      hint: expect.stringContaining('notion_database_update'),
    })
  })

  test('what was last seen in the trash and is gone now is not found', async () => {
    const page = await workspace.run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'x' } })
    await workspace.run('notion_page_trash', { page_id: page.id })
    await unshare(acme.product)
    const error = await failure(fetchPage(String(page.id)))
    expect(error).toMatchObject({ name: 'ResourceNotFoundError', evidence: expect.stringContaining('trash') })
  })

  test('a remembered database that was taken away is looked up anew and then said to be gone', async () => {
    await workspace.run('notion_database_query', { database_id: acme.projects })
    await unshare(acme.product)
    await unshare(acme.projects)
    const error = await failure(workspace.run('notion_database_query', { database_id: acme.projects }))
    expect(error.name).toBe('ResourceNotSharedError')
    await workspace.sandbox.control('share', { user: 'owner@acme.test', resourceId: acme.projects })
    await workspace.run('notion_database_query', { database_id: acme.projects })
  })
})

describe('Capabilities', () => {
  test.each([
    [
      'INSERT_CONTENT',
      ['READ_CONTENT', 'UPDATE_CONTENT'],
      'notion_page_create',
      { parent_page_id: acme.roadmap, properties: { title: 'x' } },
    ],
    ['READ_CONTENT', ['INSERT_CONTENT'], 'notion_page_fetch', { page_id: acme.roadmap }],
    ['UPDATE_CONTENT', ['READ_CONTENT'], 'notion_page_trash', { page_id: acme.roadmap }],
    ['READ_COMMENTS', ['READ_CONTENT'], 'notion_comments_fetch', { block_id: acme.roadmap }],
    ['INSERT_COMMENTS', ['READ_CONTENT'], 'notion_comment_create', { comment: 'x', parent: { page_id: acme.roadmap } }],
    ['READ_USERS', ['READ_CONTENT'], 'notion_user_list', {}],
  ])('a connection without %s is told so', async (capability, capabilities, tool, input) => {
    await workspace.sandbox.control('capabilities', { clientId: 'test-client', capabilities })
    const error = await failure(workspace.run(tool, input))
    expect(error).toMatchObject({ name: 'MissingCapabilityError', capability })
  })

  test('a connection that may add and not read inserts rows all the same', async () => {
    await workspace.sandbox.control('capabilities', { clientId: 'test-client', capabilities: ['INSERT_CONTENT'] })
    const row = await workspace.run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: { title: [{ text: { content: 'blind' } }] } },
    })
    expect(row).toMatchObject({ object: 'page' })
  })
})

describe('Writes whose answer is lost', () => {
  const lost = (method: string, path: string) =>
    workspace.sandbox.control('fault', { match: { method, path }, kind: 'commit_then_503' })
  const fresh = () => toolbox()

  test('a page that was saved is read again and given as if nothing had happened', async () => {
    await lost('POST', '/v1/pages')
    const page = await workspace.run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'Saved' },
    })
    expect(page).toMatchObject({ object: 'page' })
    expect((await workspace.requests()).filter((one) => one === 'POST /v1/pages')).toHaveLength(1)
  })

  test('blocks that were saved are read again', async () => {
    await lost('PATCH', '/v1/blocks')
    const body = await workspace.run('notion_block_append', { block_id: acme.roadmap, children: ['one', 'two'] })
    expect((body.results as { paragraph: unknown }[]).map(({ paragraph }) => paragraph)).toHaveLength(2)
  })

  test('a comment, a database and an update that were saved are read again', async () => {
    await lost('POST', '/v1/comments')
    const comment = await workspace.run('notion_comment_create', { comment: 'x', parent: { page_id: acme.roadmap } })
    expect(comment).toMatchObject({ object: 'comment' })
    await lost('POST', '/v1/databases')
    const database = await workspace.run('notion_database_create', {
      ...{ parent: { page_id: acme.product }, title: 't', properties: { Name: 'title' } },
    })
    expect(database).toMatchObject({ object: 'database' })
    await lost('PATCH', '/v1/pages')
    const page = await workspace.run('notion_page_update', { page_id: acme.roadmap, icon: '🎉' })
    expect(page).toMatchObject({ icon: { emoji: '🎉' } })
  })

  test('a saved page that nothing names is an unknown outcome, not some other page', async () => {
    const message = 'The change was saved, but the response could not be built in time.'
    const answer = { object: 'error', status: 503, code: 'service_unavailable', message }
    const box = toolbox(Date.now, async () => new Response(JSON.stringify(answer), { status: 503 }))
    const input = { parent_page_id: acme.product, properties: { title: 'x' } }
    const error = await failure(box.run('notion_page_create', workspace.call, input))
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', hint: expect.stringContaining('Do not repeat') })
  })

  test('what was saved and cannot be read is an unknown outcome with the ids', async () => {
    await lost('POST', '/v1/pages')
    await workspace.sandbox.control('fault', {
      match: { method: 'GET', path: '/v1/pages' },
      kind: 'status',
      status: 500,
    })
    const error = await failure(
      workspace.run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'x' } }),
    )
    expect(error).toMatchObject({ name: 'OutcomeUnknownError' })
    expect((error as unknown as { committedIds: string[] }).committedIds).toHaveLength(1)
  })

  test('a connection that breaks after a write is an unknown outcome, and the write is not repeated', async () => {
    await workspace.sandbox.control('fault', {
      match: { method: 'POST', path: '/v1/pages' },
      kind: 'commit_then_reset',
    })
    const error = await failure(
      fresh().run('notion_page_create', workspace.call, { parent_page_id: acme.product, properties: { title: 'x' } }),
    )
    expect(error.name).toBe('OutcomeUnknownError')
    expect((await workspace.requests()).filter((one) => one === 'POST /v1/pages')).toHaveLength(1)
  })
})
