import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp()
  await app.connect('user')
  agent = agentOf(app, 'user')
  for (const title of ['Launch plan', 'Twice', 'Twice', 'CASE', 'case']) {
    await agent.body('notion_page_create', { parent_page_id: acme.product, properties: { title }, markdown: 'Body' })
  }
})
afterAll(() => app.stop())

describe('notion_page_fetch by title', () => {
  it.each(['Launch plan', 'launch  PLAN ', 'Launch\u00a0plan'])('reads the page that is called "%s"', async (title) => {
    const page = await agent.body('notion_page_fetch', { title })
    expect(page).toMatchObject({ object: 'page', markdown: 'Body' })
    const byId = await agent.body('notion_page_fetch', { page_id: page.id, format: 'blocks' })
    expect((await agent.body('notion_page_fetch', { title, format: 'blocks' })).results).toEqual(byId.results)
  })

  it('prefers the exact spelling', async () => {
    expect((await agent.body('notion_page_fetch', { title: 'case' })).properties.title.title).toMatchObject([
      { plain_text: 'case' },
    ])
    expect((await agent.issues('notion_page_fetch', { title: 'Case' }))[0]?.message).toContain('2 pages')
  })

  it('refuses a title that several pages or none have, with their ids', async () => {
    const [several] = await agent.issues('notion_page_fetch', { title: 'Twice' })
    expect(several?.path).toBe('title')
    const ids = several?.message.match(/[0-9a-f-]{36}(?= in page)/g) ?? []
    expect(new Set(ids).size).toBe(2)
    expect(await agent.body('notion_page_fetch', { page_id: ids[0] })).toMatchObject({ id: ids[0] })
    const [none] = await agent.issues('notion_page_fetch', { title: 'Launch' })
    expect(none?.message).toContain('"Launch plan"')
  })

  it('needs an id or a title, and not both', async () => {
    expect(await agent.issues('notion_page_fetch', {})).toMatchObject([{ path: 'page_id' }])
    expect(await agent.issues('notion_page_fetch', { title: 'x', page_id: acme.roadmap })).toMatchObject([
      { path: 'title' },
    ])
  })

  it('has a typed field', async () => {
    const { data } = await app.graphql(
      `{ notionPageFetch(identifier: "user", input: { title: "Launch plan" }) {
        ... on NotionPageFetchPayload { page { title } markdown }
      } }`,
    )
    expect(data['notionPageFetch']).toEqual({ page: { title: 'Launch plan' }, markdown: 'Body' })
  })
})
