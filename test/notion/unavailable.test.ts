import { afterEach, beforeEach, describe, expect, it } from 'vitest'
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

describe('the meaning of a 404', () => {
  it('reports an id without evidence as unavailable, with what to ask the user', async () => {
    const error = await failure(fetchPage('00000000-0000-4000-8000-00000000dead'))
    expect(error).toMatchObject({ name: 'ResourceUnavailableError', userAction: 'SHARE_RESOURCE' })
  })

  it('reports a page that was never shared as unavailable, since Notion answers alike', async () => {
    expect((await failure(fetchPage(acme.boardMinutes))).name).toBe('ResourceUnavailableError')
  })

  it('reports what is known of an object that this account could read before, with its age, and not that it exists', async () => {
    let now = Date.now()
    const later = toolbox(() => now)
    const read = () => later.run('notion_page_fetch', workspace.call, { page_id: acme.roadmap })
    await read()
    await unshare(acme.roadmap)
    now += 5 * 60_000
    const error = await failure(read())
    expect(error).toMatchObject({ name: 'ResourceUnavailableError', resourceId: acme.roadmap })
    const known =
      /could read it at \d{4}-\S+, 5 minutes ago\. Since then it was deleted for good, or it is no longer shared/
    expect((error as unknown as { evidence: string }).evidence).toMatch(known)
    expect((error as unknown as { hint: string }).hint).toMatch(known)
  })

  it('reports that another account of the workspace observed an object, without its content', async () => {
    const member = await workspace.connect(
      { user: 'member@acme.test', clientId: 'c2' },
      { id: 'account-2', identifier: 'user-2' },
      'grant-2',
    )
    const title = String((await fetchPage(acme.memberPrivate, member)).url)
    const error = await failure(fetchPage(acme.memberPrivate))
    expect(error).toMatchObject({ name: 'ResourceUnavailableError', hint: expect.stringContaining('It existed when') })
    expect(JSON.stringify({ ...error, message: error.message })).not.toContain(title)
    expect((error as unknown as { evidence: string }).evidence).toContain('another connected account')
  })

  it('ignores what accounts of other environments or workspaces observed', async () => {
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

  it('reports the parent of an object as not shared while the object is readable', async () => {
    const call = await workspace.connect(
      { user: 'owner@acme.test', clientId: 'c4', resources: acme.failover },
      {},
      'grant-4',
    )
    await fetchPage(acme.failover, call)
    const error = await failure(fetchPage(acme.runbooks, call))
    expect(error).toMatchObject({ name: 'ResourceNotSharedError', evidence: expect.stringContaining('parent') })
    await workspace.sandbox.control('unshare', { user: 'owner@acme.test', clientId: 'c4', resourceId: acme.failover })
    const after = await failure(fetchPage(acme.runbooks, call))
    expect(after).toMatchObject({
      name: 'ResourceUnavailableError',
      evidence: expect.stringContaining('was the parent'),
    })
  })

  it.each([
    ['of an object that exists', acme.memberPrivate],
    ['of an object that never existed', '00000000-0000-4000-8000-00000000dead'],
  ])('does not take a mention %s for a proof that it exists', async (_what, target) => {
    const mention = { mention: { type: 'page', page: { id: target } } }
    const member = await workspace.connect({ user: 'member@acme.test', clientId: 'c5' }, { id: 'account-5' }, 'grant-5')
    const page = await workspace.box.run('notion_page_create', member, {
      parent_page_id: acme.roadmap,
      properties: { title: 'Mentions' },
      child_blocks: [{ paragraph: { rich_text: [mention] } }],
    })
    const alone = toolbox()
    await alone.run('notion_block_list', workspace.call, { block_id: page.id })
    const error = await failure(alone.run('notion_page_fetch', workspace.call, { page_id: target }))
    expect(error).toMatchObject({
      name: 'ResourceUnavailableError',
      evidence: expect.stringMatching(/mentions it .* ago\. A mention does not prove that it exists\.$/),
    })
  })

  it.each([
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
  ])('reports the actual kind of %s', async (_name, tool, input, actual) => {
    const error = await failure(workspace.run(tool, input))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual })
    expect((error as unknown as { hint: string }).hint).toContain('notion_')
  })

  it.each([
    ['a comment where a page is wanted', 'notion_page_fetch', 'page_id', 'id', 'comment'],
    ['a discussion where a comment is wanted', 'notion_comment_retrieve', 'comment_id', 'discussion_id', 'discussion'],
    ['a user where a page is wanted', 'notion_page_fetch', 'page_id', 'created_by', 'user'],
  ])('recognizes the kind of %s from an earlier answer', async (_name, tool, key, named, actual) => {
    const { results } = await workspace.run('notion_comments_fetch', { block_id: acme.meetingNotes })
    const [comment] = results as Record<string, string | { id: string }>[]
    const found = comment?.[named]
    const error = await failure(workspace.run(tool, { [key]: typeof found === 'object' ? found.id : found }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual })
    expect((error as unknown as { hint: string }).hint).toContain('notion_')
  })

  it('reports the id of a comment that is passed as a discussion', async () => {
    const { results } = await workspace.run('notion_comments_fetch', { block_id: acme.meetingNotes })
    const [comment] = results as { id: string }[]
    const error = await failure(workspace.run('notion_comment_create', { comment: 'x', discussion_id: comment?.id }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', expected: 'discussion', actual: 'comment' })
  })

  it('requests an unknown id once as each kind and explains how to find the right one', async () => {
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

  it('reports that a parent is in the trash', async () => {
    await workspace.run('notion_page_trash', { page_id: acme.roadmap })
    const error = await failure(
      workspace.run('notion_page_create', { parent_page_id: acme.roadmap, properties: { title: 'x' } }),
    )
    expect(error).toMatchObject({ name: 'ResourceNotFoundError', evidence: expect.stringMatching(/trash|archived/) })
  })

  it('explains how to restore the database in the trash that contains an object', async () => {
    await workspace.run('notion_database_update', { database_id: acme.projects, in_trash: true })
    const error = await failure(
      workspace.run('notion_database_insert_row', { database_id: acme.projects, properties: { title: 'x' } }),
    )
    expect(error).toMatchObject({
      name: 'ResourceNotFoundError',
      hint: expect.stringContaining('notion_database_update'),
    })
  })

  it('does not name a tool that restores a deleted block, as there is none', async () => {
    const { results } = await workspace.run('notion_block_append', { block_id: acme.product, children: ['x'] })
    const block_id = (results as [{ id: string }])[0].id
    await workspace.run('notion_block_delete', { block_id })
    const change = { block_id, block: { paragraph: { rich_text: 'y' } } }
    expect(await failure(workspace.run('notion_block_update', change))).toMatchObject({
      name: 'ResourceNotFoundError',
      hint: expect.stringMatching(/^No tool restores a deleted block\. Call notion_block_append/),
    })
  })

  it('reports an object that was last observed in the trash as not found', async () => {
    const page = await workspace.run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'x' } })
    await workspace.run('notion_page_trash', { page_id: page.id })
    await unshare(acme.product)
    const error = await failure(fetchPage(String(page.id)))
    expect(error).toMatchObject({ name: 'ResourceNotFoundError', evidence: expect.stringContaining('trash') })
  })

  it('looks up a cached database again after it was unshared and reports that', async () => {
    await workspace.run('notion_database_query', { database_id: acme.projects })
    await unshare(acme.product)
    await unshare(acme.projects)
    const error = await failure(workspace.run('notion_database_query', { database_id: acme.projects }))
    expect(error.name).toBe('ResourceUnavailableError')
    await workspace.sandbox.control('share', { user: 'owner@acme.test', resourceId: acme.projects })
    await workspace.run('notion_database_query', { database_id: acme.projects })
  })
})

describe('capabilities', () => {
  it.each([
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
  ])('reports that a connection lacks %s', async (capability, capabilities, tool, input) => {
    await workspace.sandbox.control('capabilities', { clientId: 'test-client', capabilities })
    const error = await failure(workspace.run(tool, input))
    expect(error).toMatchObject({ name: 'MissingCapabilityError', capability })
  })

  it('inserts rows for a connection that may insert and not read', async () => {
    await workspace.sandbox.control('capabilities', { clientId: 'test-client', capabilities: ['INSERT_CONTENT'] })
    const row = await workspace.run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: { title: [{ text: { content: 'blind' } }] } },
    })
    expect(row).toMatchObject({ object: 'page' })
  })
})

describe('writes whose answer is lost', () => {
  const lost = (method: string, path: string) =>
    workspace.sandbox.control('fault', { match: { method, path }, kind: 'commit_then_503' })
  const fresh = () => toolbox()

  it('reads a saved page again and returns it', async () => {
    await lost('POST', '/v1/pages')
    const page = await workspace.run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'Saved' },
    })
    expect(page).toMatchObject({ object: 'page' })
    expect((await workspace.requests()).filter((one) => one === 'POST /v1/pages')).toHaveLength(1)
  })

  it('reads saved blocks again', async () => {
    await lost('PATCH', '/v1/blocks')
    const body = await workspace.run('notion_block_append', { block_id: acme.roadmap, children: ['one', 'two'] })
    expect((body.results as { paragraph: unknown }[]).map(({ paragraph }) => paragraph)).toHaveLength(2)
  })

  it('reads a saved comment, database and update again', async () => {
    await lost('POST', '/v1/comments')
    const comment = await workspace.run('notion_comment_create', { comment: 'x', parent: { page_id: acme.roadmap } })
    expect(comment).toMatchObject({ object: 'comment' })
    await lost('POST', '/v1/databases')
    const database = await workspace.run('notion_database_create', {
      parent: { page_id: acme.product },
      title: 't',
      properties: { Name: 'title' },
    })
    expect(database).toMatchObject({ object: 'database' })
    await lost('PATCH', '/v1/pages')
    const page = await workspace.run('notion_page_update', { page_id: acme.roadmap, icon: '🎉' })
    expect(page).toMatchObject({ icon: { emoji: '🎉' } })
  })

  it('reports an unknown outcome for a saved page without an id', async () => {
    const message = 'The change was saved, but the response could not be built in time.'
    const answer = { object: 'error', status: 503, code: 'service_unavailable', message }
    const box = toolbox(Date.now, async () => new Response(JSON.stringify(answer), { status: 503 }))
    const input = { parent_page_id: acme.product, properties: { title: 'x' } }
    const error = await failure(box.run('notion_page_create', workspace.call, input))
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', hint: expect.stringContaining('Do not repeat') })
  })

  it('reports an unknown outcome with the ids when what was saved cannot be read', async () => {
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

  it('reports an unknown outcome for a write whose connection breaks, and does not repeat it', async () => {
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
