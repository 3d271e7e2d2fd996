import { request } from 'node:http'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'
import { postMcp } from './post.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.connect('ann')
})
afterAll(() => app.stop())

/** Sends messages as clients of the revisions of 2025 do. */
const send = (messages: unknown, headers: Record<string, string> = {}, search = '') =>
  postMcp(app, JSON.stringify(messages), { headers: { 'mcp-protocol-version': '2025-03-26', ...headers }, search })
const messageOf = (id: number, method: string, params: object = {}) => ({ jsonrpc: '2.0', id, method, params })
const list = messageOf(1, 'tools/list')
const search = messageOf(2, 'tools/call', { name: 'notion_data_fetch', arguments: { query: '' } })

it('refuses an idempotency key that is not a string, and writes nothing', async () => {
  const create = {
    name: 'notion_page_create',
    arguments: { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'Numbered' } },
  }
  for (const key of [7, null, {}, ['a'], true]) {
    const answer = await send(messageOf(1, 'tools/call', { ...create, _meta: { 'valetkey/idempotencyKey': key } }))
    expect(await answer.json(), JSON.stringify(key)).toMatchObject({
      error: { code: -32602, message: expect.stringContaining('_meta["valetkey/idempotencyKey"] must be a string') },
    })
  }
  const { data } = await app.graphql('{ toolExecutions(first: 5) { nodes { tool { name } } } }')
  expect(JSON.stringify(data['toolExecutions'])).not.toContain('notion_page_create')
})

it('refuses an unknown set of tools, and names those there are', async () => {
  for (const set of ['al', 'ALL', '', 'constructor']) {
    const answer = await send(list, {}, `?tools=${set}`)
    expect(answer.status, set).toBe(400)
    expect(await answer.text(), set).toContain('must be default or all')
  }
  expect((await send(list, {}, '?tools=default')).status).toBe(200)
})

it('lists no tools for a user whom the key may not act for', async () => {
  const made = await app.graphql(
    `mutation { createApiKey(input: { name: "ann", scopes: [TOOLS_READ], identifiers: ["ann"] }) {
      ... on CreateApiKeyPayload { secret }
    } }`,
  )
  const { secret } = made.data['createApiKey'] as { secret: string }
  const authorization = `Bearer ${secret}`
  const refused = (await (await send(list, { authorization, 'x-valetkey-identifier': 'bob' })).json()) as object
  expect(refused).toMatchObject({ error: { message: expect.stringContaining('narrowed') } })
  expect(await (await send(list, { authorization })).json()).toMatchObject({ result: { tools: expect.any(Array) } })
})

it('sends a user to a link, and names who makes one where the key may not', async () => {
  const made = await app.graphql(
    'mutation { createApiKey(input: { name: "reader", scopes: [TOOLS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
  )
  const { secret } = made.data['createApiKey'] as { secret: string }
  const newUser = { 'x-valetkey-identifier': 'without-account' }
  const linked = await (await send(search, newUser)).text()
  expect(linked).toMatch(/Ask the user to open this link.*\/connect\//)
  expect(linked).not.toContain('Call authorize')
  const unlinked = await (await send(search, { ...newUser, authorization: `Bearer ${secret}` })).text()
  expect(unlinked).toContain('Ask the user to connect the account in the application')
  expect(unlinked).not.toMatch(/Call authorize|\/connect\//)
})

it('sends no user to the provider for a consent that the application has not confirmed', async () => {
  const { data } = await app.graphql(
    'mutation { authorize(input: { connectionName: "notion", identifier: "unconfirmed" }) { ... on AuthorizePayload { link } } }',
  )
  const { link } = data['authorize'] as { link: string }
  const browser = newBrowser()
  const consent = await browser.consentOf(await browser.get(link))
  const callback = browser.redirectOf(await browser.post(consent, { resources: 'all', decision: 'allow' }))
  await browser.get(callback)
  const answer = await (await send(search, { 'x-valetkey-identifier': 'unconfirmed' })).text()
  expect(answer).toContain('PENDING_CONFIRMATION')
  expect(answer).toContain('The application must confirm the consent')
  expect(answer).not.toMatch(/\/connect\/|Call confirmAuthorization/)
})

it('reports a connection that does not exist', async () => {
  const answer = await send(search, { 'x-valetkey-connection': 'nope' })
  expect(await answer.text()).toContain('Unknown connection \\"nope\\"')
})

it('refuses a batch in which two requests have the same ID', async () => {
  const twice = await send([list, { ...search, id: list.id }])
  expect(twice.status).toBe(400)
  expect(await twice.json()).toMatchObject({ error: { code: -32600, message: expect.stringContaining('ID') } })
  const distinct = await send([list, search])
  expect(distinct.status).toBe(200)
  const answers = await distinct.text()
  for (const { id } of [list, search]) expect(answers).toContain(`"id":${id}`)
})

it('refuses requests of pages whose origin is not configured, and serves programs of any other kind', async () => {
  const configured = await startApp({ env: { VALETKEY_CORS_ORIGINS: 'https://app.example' } })
  try {
    const statusFrom = async (origin: string | null) => {
      const headers = {
        'x-valetkey-identifier': 'ann',
        'mcp-protocol-version': '2025-03-26',
        ...(origin && { origin }),
      }
      return (await postMcp(configured, JSON.stringify(list), { headers })).status
    }
    const foreign = [
      'https://evil.example',
      'http://evil.example:8080',
      'HTTP://EVIL.EXAMPLE',
      'https://app.example.evil.example',
    ]
    for (const origin of [...foreign, 'http://app.example', 'http://localhost:1'])
      expect(await statusFrom(origin), origin).toBe(403)
    // A name that its owner has lead to this server (DNS rebinding).
    const rebound = await new Promise((resolve) => {
      const headers = {
        host: 'evil.example:8080',
        origin: 'http://evil.example:8080',
        'content-type': 'application/json',
      }
      request(`${configured.url}/mcp`, { method: 'POST', headers }, resolve).end('{}')
    })
    expect(rebound).toMatchObject({ statusCode: 403 })
    const { origin: own } = new URL(configured.url)
    for (const origin of [null, 'https://app.example', own, 'vscode-file://vscode-app', 'null'])
      expect(await statusFrom(origin), String(origin)).toBe(200)
  } finally {
    await configured.stop()
  }
})
