import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectors as installed } from '../../src/connectors.ts'
import { acme } from '../connectors/acme/connector.ts'
import { acmeClient, type FakeAcme, startFakeAcme } from '../connectors/fake-acme.ts'
import { startApp, type TestApp } from '../support/app.ts'

let provider: FakeAcme
let app: TestApp
const clients: Client[] = []
beforeAll(async () => {
  provider = await startFakeAcme()
  app = await startApp({ connectors: [...installed, acme], env: { ACME_API_URL: provider.url } })
  await app.connect('ann')
  await register()
  await app.connect('ann', { connectionName: 'acme', user: 'ann' })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await app.stop()
  await provider.close()
})

async function register(more: Record<string, unknown> = {}) {
  const { data } = await app.graphql(
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) { __typename ... on Error { message } }
    }`,
    {
      input: {
        connectionName: 'acme',
        connector: 'acme',
        ...acmeClient,
        confirmationUrl: `${app.url}/connect/confirm`,
        ...more,
      },
    },
  )
  expect(data['registerOAuthApp']).toEqual({ __typename: 'RegisterOAuthAppPayload' })
}

async function newKey(fields: string): Promise<string> {
  const { data } = await app.graphql(
    `mutation { createApiKey(input: { name: "key", ${fields} }) { ... on CreateApiKeyPayload { secret } } }`,
  )
  return (data['createApiKey'] as { secret: string }).secret
}

interface Host {
  readonly identifier?: string
  readonly connection?: string
  readonly apiKey?: string
}

/** Connects to a server of the protocol: at `/mcp`, or as a process of this machine. */
const entrances = {
  http: ({ identifier = 'ann', connection, apiKey = app.apiKey }: Host) =>
    new StreamableHTTPClientTransport(new URL(`${app.url}/mcp`), {
      requestInit: {
        headers: {
          authorization: `Bearer ${apiKey}`,
          'x-valetkey-identifier': identifier,
          ...(connection !== undefined && { 'x-valetkey-connection': connection }),
        },
      },
    }),
  stdio: ({ identifier = 'ann', connection, apiKey = app.apiKey }: Host) =>
    new StdioClientTransport({
      command: process.execPath,
      args: [
        ...['dist/cli/main.js', 'mcp', '--identifier', identifier],
        ...(connection === undefined ? [] : ['--connection', connection]),
      ],
      cwd: new URL('../..', import.meta.url).pathname,
      env: { PATH: process.env['PATH'] ?? '', VALETKEY_URL: app.url, VALETKEY_API_KEY: apiKey },
    }),
}

describe.each(Object.entries(entrances))('over %s', (_name, transportFor) => {
  /** Calls a tool, and returns what the model reads. */
  async function call(host: Host, name: string, input: Record<string, unknown>): Promise<string> {
    const client = new Client({ name: 'host', version: '1' })
    clients.push(client)
    await client.connect(transportFor(host))
    const { content, isError } = await client.callTool({ name, arguments: input })
    expect(isError).toBe(true)
    return JSON.stringify(content)
  }
  const search = { query: '' }

  it('a call with the wrong connection names the setting of the MCP server', async () => {
    const text = await call({ connection: 'acme' }, 'notion_data_fetch', search)
    expect(text).toContain('belongs to the connector')
    expect(text).toContain('x-valetkey-connection')
    expect(text).not.toMatch(/connectionName|registerOAuthApp/)
  })

  it('a call with an unknown connection names the setting of the MCP server', async () => {
    const text = await call({ connection: 'nope' }, 'notion_data_fetch', search)
    expect(text).toContain('Unknown connection')
    expect(text).toContain('x-valetkey-connection')
    expect(text).not.toContain('registerOAuthApp')
  })

  it('a call that a policy refuses names who can allow it, and no operation of GraphQL', async () => {
    const setPolicy = (input: string) => app.graphql(`mutation { setToolPolicy(input: ${input}) { __typename } }`)
    await setPolicy('{ toolNames: ["notion_page_fetch"] }')
    const text = await call({}, 'notion_data_fetch', search)
    await setPolicy('{}')
    expect(text).toContain('Only an operator of Valetkey can allow this one')
    expect(text).not.toContain('setToolPolicy')
  })

  it('a call for which the consent does not suffice has a link for the user', async () => {
    provider.declined = ['issues:write']
    await app.connect('declining', { connectionName: 'acme', user: 'declining' })
    provider.declined = []
    const text = await call({ identifier: 'declining', connection: 'acme' }, 'acme_issue_create', { title: 'Door' })
    expect(text).toContain('does not cover the OAuth scope')
    expect(text).toMatch(/Ask the user to open this link.*\/connect\//)
  })

  it('a call that needs a scope of the OAuth app names who registers it, and no operation of GraphQL', async () => {
    await register({ scopes: ['issues:read'] })
    await app.connect('reader', { connectionName: 'acme', user: 'reader' })
    const text = await call({ identifier: 'reader', connection: 'acme' }, 'acme_issue_create', { title: 'Door' })
    await register()
    expect(text).toContain('Ask the operator to register this scope')
    expect(text).not.toContain('registerOAuthApp')
  })

  it('a call that needs an approval names the page only where the application has one', async () => {
    const apiKey = await newKey('scopes: [TOOLS_READ, TOOLS_WRITE], requireApprovalFor: WRITES')
    const create = () => call({ connection: 'acme', apiKey }, 'acme_issue_create', { title: 'Door' })
    expect(await create()).toContain('the page of approvalUrl')
    await register({ confirmationUrl: null })
    const text = await create()
    await register()
    expect(text).toContain('It is decided in the application or the console')
    expect(text).not.toContain('approvalUrl')
  })
})
