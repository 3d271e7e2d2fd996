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
})
afterAll(() => app.stop())

async function allow(rawRequests: boolean | undefined) {
  const { data } = await app.graphql('{ oauthApp { clientId capabilities confirmationUrl } }')
  const input = {
    ...(data['oauthApp'] as object),
    clientSecret: 'a-secret',
    ...(rawRequests !== undefined && { rawRequests }),
  }
  const answer = await app.graphql(
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) { ... on RegisterOAuthAppPayload { oauthApp { rawRequests } } ... on Error { message } }
    }`,
    { input },
  )
  expect(answer.errors).toBeUndefined()
  expect(answer.data['registerOAuthApp']).toEqual({ oauthApp: { rawRequests: rawRequests ?? false } })
}

const available = async () => {
  const { data } = await app.graphql(
    `{ connectedAccount(identifier: "user") { tools { tool { name } available unavailableReason } } }`,
  )
  const { tools } = data['connectedAccount'] as {
    tools: { tool: { name: string }; unavailableReason: string | null }[]
  }
  return tools.find(({ tool }) => tool.name === 'notion_api_request')
}

describe('notion_api_request', () => {
  it('is refused, and sends nothing, unless the OAuth app allows it', async () => {
    await allow(undefined)
    const before = JSON.stringify(await app.sandbox('log'))
    expect(await agent.call('notion_api_request', { path: '/v1/users/me' })).toMatchObject({
      __typename: 'ToolNotAllowedError',
      hint: expect.stringContaining('rawRequests'),
      retryable: false,
    })
    expect(JSON.stringify(await app.sandbox('log'))).toBe(before)
    expect(await available()).toMatchObject({ available: false, unavailableReason: expect.any(String) })
    await allow(true)
    expect(await available()).toMatchObject({ available: true })
    await agent.body('notion_api_request', { path: '/v1/users/me' })
    await allow(false)
    expect((await agent.call('notion_api_request', { path: 'users' })).__typename).toBe('ToolNotAllowedError')
    await allow(true)
  })

  it.each([
    ['/v1/users/me', { object: 'user', type: 'bot' }],
    ['users?page_size=1', { object: 'list', results: [{ object: 'user' }] }],
    [`v1/pages/${acme.roadmap}`, { object: 'page', id: acme.roadmap }],
    [`/v1/blocks/${acme.roadmap}/children?page_size=1`, { object: 'list', type: 'block' }],
    [`pages/${acme.roadmap}?filter_properties=title&filter_properties=x`, { object: 'page' }],
  ])('reads %s', async (path, expected) => {
    expect(await agent.body('notion_api_request', { path })).toMatchObject(expected)
    const { data } = await app.graphql(
      `query ($path: String!) {
        notionApiRequest(identifier: "user", input: { path: $path }) { ... on NotionApiRequestPayload { body } }
      }`,
      { path },
    )
    expect(data['notionApiRequest']).toMatchObject({ body: expected })
  })

  it.each([
    '/v1/oauth/token',
    'oauth',
    '../sandbox/_control',
    '/v1/pages/../users',
    '/v1/pages/%2e%2e/users',
    'https://example.com/v1/users',
    '//example.com/users',
    '/v1/users/me?a=b?c=d',
    '/v1/pages/a#b',
    '/v1/pages/\\evil',
    '/v2/users',
    '?',
  ])('refuses %s before anything is sent', async (path) => {
    expect(await agent.issues('notion_api_request', { path })).toMatchObject([{ path: 'path' }])
  })

  it('explains what is not shared, and what Notion does not have', async () => {
    const missing = await agent.call('notion_api_request', { path: `/v1/pages/00000000-0000-4000-8000-000000000000` })
    expect(missing.__typename).toBe('ResourceUnavailableError')
    expect(await agent.call('notion_api_request', { path: '/v1/nothing' })).toMatchObject({
      __typename: 'ProviderError',
      code: 'invalid_request_url',
    })
    expect(await agent.issues('notion_api_request', { path: '/v1/pages/no-id' })).toMatchObject([
      { path: 'path', message: expect.stringContaining('page_id') },
    ])
  })

  it('marks the answer as data', async () => {
    const compact = await agent.call('notion_api_request', { path: 'users/me' }, { outputFormat: 'COMPACT' })
    expect(Object.keys(compact.data)).toEqual(['untrusted_notion_content'])
    const text = await agent.call('notion_api_request', { path: 'users/me' }, { outputFormat: 'MARKDOWN' })
    expect(text.data).toContain('<notion-content>')
  })
})
