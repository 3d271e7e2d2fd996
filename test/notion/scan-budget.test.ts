import { afterAll, beforeAll, expect, it } from 'vitest'
import { createGrantShare } from '../../src/tools/grant-share.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

it('lets each grant use a third of its window at once, and as many again in a window', () => {
  let now = 0
  const budget = createGrantShare(1 / 3, { now: () => now })
  const rate = { requests: 180, perMs: 60_000 }
  const taken = (grant: string, tries: number) =>
    Array.from({ length: tries }, () => budget.take(grant, rate)).filter((waitMs) => waitMs === 0).length
  expect(taken('one', 100)).toBe(60)
  expect(budget.take('one', rate)).toBe(1_000)
  expect(taken('other', 100)).toBe(60)
  now += 30_000
  expect(taken('one', 100)).toBe(30)
})

let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp()
  await app.connect('user_scan')
  agent = agentOf(app, 'user_scan')
})
afterAll(() => app.stop())

it('leaves the rest of the rate limit to other calls, however often content is searched', async () => {
  const searches = await Promise.all(
    Array.from({ length: 20 }, (_, index) => agent.body('notion_data_fetch', { query: `nowhere${index}` })),
  )
  const ends = searches.map((body) => body.content_search.ended_by)
  expect(ends).toContain('rate_limit')
  const limited = searches.find((body) => body.content_search.ended_by === 'rate_limit')
  expect(limited?.next_cursor).toEqual(expect.any(String))
  const { data } = await app.graphql(
    'mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ... on ExecuteToolPayload { data } } }',
    { input: { identifier: 'user_scan', toolName: 'notion_user_self', toolInput: {} } },
  )
  expect(data['executeTool']).toHaveProperty('data.object', 'user')
})
