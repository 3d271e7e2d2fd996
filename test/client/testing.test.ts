import { Client } from '@notionhq/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuthorizationRequired, ProviderError } from '../../src/client/index.ts'
import { startSandbox, startValetkey, type TestServer } from '../../src/testing/index.ts'

describe('a Valetkey for tests', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startValetkey()
  })
  afterAll(() => server.close())
  const call = (identifier: string) =>
    server.valetkey.execute(
      'notion_data_fetch',
      { query: 'Projects', filter: 'database' },
      { identifier, outputFormat: 'COMPACT' },
    )

  it('connects an account as its user would', async () => {
    await server.connect('ann')
    expect(await server.valetkey.accounts.get('ann')).toMatchObject({ status: 'ACTIVE', workspace: { name: 'Acme' } })
    expect((await call('ann')).data).toMatchObject({ untrusted_notion_content: [{ title: 'Projects' }] })
  })

  it('connects other users of the sandbox, with what they select', async () => {
    await server.connect('bob', { user: 'owner@globex.test' })
    expect((await server.valetkey.accounts.get('bob'))?.workspace?.name).toBe('Globex')
    await server.connect('carol', { resources: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' })
    await expect(
      server.valetkey.execute(
        'notion_database_fetch',
        { database_id: '2561ab6c-418b-8072-beec-c4779fa811cf' },
        { identifier: 'carol' },
      ),
    ).rejects.toThrow('shared')
  })

  it('shows what an application must handle: faults, revocations and requests', async () => {
    await server.connect('dave', { user: 'member@acme.test' })
    await server.sandbox.control('fault', { kind: 'status', status: 503, times: 0, match: { path: '/v1/search' } })
    await expect(call('dave')).rejects.toBeInstanceOf(ProviderError)
    await server.sandbox.control('clear')
    await server.sandbox.control('revoke', { user: 'member@acme.test' })
    await expect(call('dave')).rejects.toBeInstanceOf(AuthorizationRequired)
    const requests = await server.sandbox.requests()
    expect(requests).toContainEqual(expect.objectContaining({ method: 'POST', path: '/v1/search', status: 503 }))
  })

  it('reports a control operation with invalid parameters', async () => {
    await expect(server.sandbox.control('revoke', { user: 'unknown@acme.test' })).rejects.toThrow('Available users')
    await expect(server.sandbox.control('fault', { kind: 'nonsense' })).rejects.toThrow('kind')
  })
})

it('starts several local Notions, each with content of its own', async () => {
  const [first, second] = await Promise.all([startSandbox(), startSandbox()])
  const redirect_uri = 'http://localhost/callback'
  const query = new URLSearchParams({ client_id: 'app', response_type: 'code', redirect_uri })
  const consented = await fetch(`${first.url}/v1/oauth/authorize?${query}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ user: 'owner@acme.test', resources: 'all', decision: 'allow' }),
  })
  const code = new URL(consented.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const notion = new Client({ baseUrl: first.url })
  const token = { client_id: 'app', client_secret: 's', grant_type: 'authorization_code', code, redirect_uri } as const
  const { access_token } = await notion.oauth.token(token)
  const search = (url: string) => new Client({ baseUrl: url, auth: access_token }).search({ query: 'Projects' })
  expect((await search(first.url)).results.length).toBeGreaterThan(0)
  await expect(search(second.url)).rejects.toThrow('API token is invalid')
  await first.close()
  await second.close()
  await expect(search(first.url)).rejects.toThrow()
})
