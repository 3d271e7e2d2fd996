import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { webhookOf } from '../provider-events/support.ts'
import {
  eventually,
  forgetProofs,
  type IndexedApp,
  idsOf,
  newPage,
  onePass,
  passed,
  requestsTo,
  search,
  setContentSearch,
  startIndexed,
} from './support.ts'

const commentReads = /^GET \S*\/v1\/comments$/

/** Writes a comment. Returns its id. */
async function comment(app: IndexedApp, parent: unknown, text: string): Promise<string> {
  const input = { parent, comment: text }
  const created = await app.executeTool('user', 'notion_comment_create', input, { outputFormat: 'RAW' })
  expect(created).toMatchObject({ __typename: 'ExecuteToolPayload' })
  return (created['data'] as { id: string }).id
}

async function deleteComment(app: IndexedApp, comment_id: string): Promise<void> {
  const deleted = await app.executeTool('user', 'notion_comment_delete', { comment_id })
  expect(deleted).toMatchObject({ __typename: 'ExecuteToolPayload' })
}

async function clientIdOf(app: IndexedApp): Promise<string> {
  const { data } = await app.graphql('{ oauthApp(connectionName: "notion") { clientId } }')
  return (data['oauthApp'] as { clientId: string }).clientId
}

describe('the comments of a page', () => {
  let app: IndexedApp
  let page: string
  beforeAll(async () => {
    app = await startIndexed({ crawlTiming: onePass, contentSearch: false })
    await app.connect('user')
    page = await newPage(app, 'Menu', 'The kitchen serves soup.')
    await comment(app, page, 'Please add the jackfruit before noon.')
    await comment(app, page, 'No mangosteen today.')
  })
  afterAll(() => app.stop())

  const found = async (query: string) => idsOf([await search(app, { query })])

  it('are found with the index only, as what they are, with a passage of the comment', async () => {
    expect(await found('jackfruit')).toEqual([])
    await setContentSearch(app, true)
    await passed(app, 'user')
    const { results, content_search } = await search(app, { query: 'jackfruit' })
    expect(results.map(({ id }) => id)).toEqual([page])
    expect(content_search.matches).toMatchObject([
      { id: page, via: 'comment', snippet: expect.stringContaining('Please add the jackfruit before noon.') },
    ])
    const both = await search(app, { query: 'soup jackfruit' })
    expect(both.content_search.matches).toMatchObject([{ id: page, via: 'comment' }])
    const text = await search(app, { query: 'soup' })
    expect(text.content_search.matches).toMatchObject([{ id: page, via: 'content' }])
    // Comments are apart: a phrase does not begin in one and end in the next.
    expect(await found('"noon no mangosteen"')).toEqual([])
  })

  it('are marked as content of others in each format, and named in typed results', async () => {
    const run = async (outputFormat: string) => {
      const result = await app.executeTool('user', 'notion_data_fetch', { query: 'jackfruit' }, { outputFormat })
      return result['data']
    }
    expect(await run('COMPACT')).toMatchObject({
      untrusted_notion_content: [
        { id: page, match: { via: 'comment', snippet: expect.stringContaining('jackfruit') } },
      ],
    })
    const markdown = String(await run('MARKDOWN'))
    expect(markdown).toMatch(/<notion-content>[\s\S]*comment [\s\S]*jackfruit[\s\S]*<\/notion-content>/)
    const { data } = await app.graphql(
      `{ notionDataFetch(identifier: "user", input: { query: "jackfruit" }) {
        ... on NotionDataFetchPayload { results { objectId match { via snippet } } }
      } }`,
    )
    expect(data['notionDataFetch']).toMatchObject({ results: [{ objectId: page, match: { via: 'comment' } }] })
  })

  it('are read beyond the first list, without those on the blocks of the page', async () => {
    const long = await newPage(app, 'Long discussion', 'Much was said.')
    for (let at = 0; at < 101; at++)
      await comment(app, long, at === 100 ? 'The last one is about quince.' : `Remark ${at}.`)
    const blocks = await app.executeTool('user', 'notion_block_list', { block_id: long }, { outputFormat: 'RAW' })
    const [block] = (blocks['data'] as { results: { id: string }[] }).results
    await comment(app, { block_id: block?.id }, 'On a block: rambutan.')
    await passed(app, 'user')
    expect(await found('quince')).toEqual([long])
    expect(await found('rambutan')).toEqual([])
  })

  it('are read again before they are a result, where they were read long ago', async () => {
    const other = await newPage(app, 'Other', 'Nothing.')
    const written = await comment(app, other, 'Where is the tamarillo?')
    await passed(app, 'user')
    const before = await requestsTo(app, commentReads)
    expect(await found('tamarillo')).toEqual([other])
    expect(await requestsTo(app, commentReads)).toBe(before)
    // A comment changes no page, and without webhooks no one reports it.
    await deleteComment(app, written)
    await sql`update content_documents set edited_at = edited_at - interval '2 hours'`.execute(app.db)
    await forgetProofs(app)
    await sql`update content_documents set read_at = read_at - interval '1 hour', proven_at = clock_timestamp()`.execute(
      app.db,
    )
    expect(await found('tamarillo')).toEqual([])
    expect(await requestsTo(app, commentReads)).toBeGreaterThan(before)
    await sql`update content_indexes set next_at = clock_timestamp()`.execute(app.db)
    const changes = () => sql`select from content_changes`.execute(app.db).then(({ rows }) => rows.length)
    await eventually(changes).toBe(0)
  })

  it('are found after their events, and not after they were deleted', async () => {
    const clientId = await clientIdOf(app)
    const { webhookUrl } = await webhookOf(app)
    await app.sandbox('webhook', { clientId, url: webhookUrl })
    const { webhookTokens } = await webhookOf(app)
    await app.sandbox('webhookVerify', { token: webhookTokens?.[0]?.token })
    await app.sandbox('webhookFaults', { aggregateMs: 0 })
    const written = await comment(app, page, 'Add a pitaya.')
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('pitaya')).toEqual([page])
    await deleteComment(app, written)
    await app.sandbox('webhookFlush', {})
    await eventually(() => found('pitaya')).toEqual([])
  })

  it('are left out where Notion refuses them, and not asked for where the OAuth app has not the capability', async () => {
    const clientId = await clientIdOf(app)
    await app.sandbox('capabilities', { clientId, capabilities: ['READ_CONTENT', 'INSERT_CONTENT', 'UPDATE_CONTENT'] })
    const refused = await newPage(app, 'Refused', 'Plain langsat.')
    await passed(app, 'user')
    expect(await found('langsat')).toEqual([refused])
    const { data } = await app.graphql('{ oauthApp { clientId confirmationUrl } }')
    const capabilities = ['READ_CONTENT', 'INSERT_CONTENT', 'UPDATE_CONTENT']
    const known = { ...(data['oauthApp'] as object), clientSecret: 'a-secret', contentSearch: true }
    const registered = await app.graphql(
      `mutation ($input: RegisterOAuthAppInput!) { registerOAuthApp(input: $input) { __typename } }`,
      { input: { ...known, capabilities } },
    )
    expect(registered.data['registerOAuthApp']).toMatchObject({ __typename: 'RegisterOAuthAppPayload' })
    const without = await newPage(app, 'Without', 'Plain duku.')
    const before = await requestsTo(app, commentReads)
    await passed(app, 'user')
    expect(await found('duku')).toEqual([without])
    expect(await requestsTo(app, commentReads)).toBe(before)
  })
})
