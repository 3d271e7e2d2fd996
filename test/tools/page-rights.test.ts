import { afterAll, beforeAll, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'

const identifier = 'member'
let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.connect(identifier, { user: 'member@acme.test' })
  // The page picker offers only pages with full access. A page below one of them is shared with less.
  await app.connect('owner', { user: 'owner@acme.test' })
  const moved = { page_id: acme.policies, parent_page_id: acme.product }
  expect((await app.executeTool('owner', 'notion_page_move', moved)).__typename).toBe('ExecuteToolPayload')
})
afterAll(() => app.stop())

const text = [{ paragraph: { rich_text: 'x' } }]
const run = (tool: string, input: Record<string, unknown>) => app.executeTool(identifier, tool, input)
const probed = async () =>
  ((await app.sandbox('log')) as { requests: { path: string }[] }).requests.filter(({ path }) => /v1/.test(path)).length

it.each([
  ['notion_block_append', { block_id: acme.policies, children: text }],
  ['notion_page_create', { parent_page_id: acme.policies, properties: { title: 'x' } }],
  ['notion_page_update', { page_id: acme.policies, properties: { title: 'x' } }],
  ['notion_page_content_update', { page_id: acme.policies, content: 'x' }],
  ['notion_page_trash', { page_id: acme.policies }],
])('%s on a page that the user may only view is refused without an effect on other pages', async (tool, input) => {
  expect(await run(tool, input)).toMatchObject({
    __typename: 'ProviderError',
    retryable: false,
    userAction: 'SHARE_RESOURCE',
    hint: expect.stringContaining('right to change'),
    message: expect.stringContaining(acme.policies),
  })
  expect(await run('notion_page_create', { parent_page_id: acme.product, properties: { title: 'y' } })).toMatchObject({
    __typename: 'ExecuteToolPayload',
  })
  expect(await run('notion_block_append', { block_id: acme.roadmap, children: text })).toMatchObject({
    __typename: 'ExecuteToolPayload',
  })
})

it('a capability that the connection lacks is proven once and then refused without a request', async () => {
  const { data } = await app.graphql('{ oauthApp { clientId } }')
  const { clientId } = data['oauthApp'] as { clientId: string }
  await app.sandbox('capabilities', { clientId, capabilities: ['READ_CONTENT', 'UPDATE_CONTENT'] })
  const append = () => run('notion_block_append', { block_id: acme.roadmap, children: text })
  expect(await append()).toMatchObject({ __typename: 'MissingCapabilityError', userAction: 'ENABLE_CAPABILITY' })
  const before = await probed()
  expect(await append()).toMatchObject({ __typename: 'MissingCapabilityError' })
  expect(await probed()).toBe(before)
  expect(await run('notion_page_update', { page_id: acme.roadmap, properties: { title: 'z' } })).toMatchObject({
    __typename: 'ExecuteToolPayload',
  })
})
