import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.connect('ann')
})
afterAll(() => app.stop())

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${app.apiKey}`,
      ...headers,
    },
    body,
  })

const mcp = (params: string, headers: Record<string, string> = {}, search = '') =>
  post(`/mcp${search}`, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, {
    'x-valetkey-identifier': 'ann',
    ...headers,
  })

const executeTool = 'mutation($i: ExecuteToolInput!) { executeTool(input: $i) { __typename ... on Error { message } } }'
/** JSON with a key of its own, which an object literal of JavaScript would not have for `__proto__`. */
const call = (toolName: string, toolInput: string, identifier = 'ann', connectionName = 'notion') =>
  post(
    '/graphql',
    `{"query":${JSON.stringify(executeTool)},"variables":{"i":{"toolName":"${toolName}","identifier":"${identifier}","connectionName":"${connectionName}","toolInput":${toolInput}}}}`,
  )

/** Opens a connection with a payload of `connection_init`. Resolves with its first message or the code of its end. */
const greet = (payload: string) =>
  new Promise<string>((resolve) => {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    socket.on('open', () => socket.send(`{"type":"connection_init","payload":${payload}}`))
    socket.on('message', (data) => {
      resolve(String(data))
      socket.terminate()
    })
    socket.on('close', (code) => resolve(String(code)))
    socket.on('error', () => {})
  })

describe.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
  'the name %s, which every object inherits',
  (name) => {
    // The MCP library leaves out the key __proto__.
    const requests: readonly (readonly [string, () => Promise<Response>, RegExp])[] = [
      ['a tool', () => call(name, '{}'), /UnknownToolError/],
      ['an identifier', () => call('notion_data_fetch', '{"query":""}', name), /AccountNotFoundError/],
      [
        'a connection',
        () => call('notion_data_fetch', '{"query":""}', 'ann', name),
        /AccountNotFound|not found|OAuthApp|connection/i,
      ],
      ['a key of an input', () => call('notion_data_fetch', `{"query":"","${name}":1}`), /InvalidToolInputError/],
      [
        'a key deep in an input',
        () => call('notion_page_create', `{"properties":{"${name}":{"${name}":1}}}`),
        /InvalidToolInput/,
      ],
      ['a variable', () => post('/graphql', `{"query":"{ __typename }","variables":{"${name}":1}}`), /"Query"/],
      [
        'an operation',
        () => post('/graphql', `{"query":"{ __typename }","operationName":"${name}"}`),
        /Could not determine what operation/,
      ],
      ['a parameter', () => post('/graphql', `{"query":"{ __typename }","${name}":{"a":1}}`), /"Query"/],
      ['a parameter of a URL', () => post(`/graphql?${name}=1`, '{"query":"{ __typename }"}'), /"Query"/],
      ['a header', () => post('/graphql', '{"query":"{ __typename }"}', { [name]: '1' }), /"Query"/],
      [
        'the type of a node',
        () => post('/graphql', JSON.stringify({ query: `{ node(id: "${btoa(`${name}:1`)}") { id } }` })),
        /"node":null|BAD_USER_INPUT/,
      ],
      ['a path', () => fetch(`${app.url}/${name}`), /No route/],
      ['a link', () => fetch(`${app.url}/connect/${name}`), /does not work/],
      [
        'an OAuth app of a callback',
        () => fetch(`${app.url}/oauth/callback/${name}?code=a&state=b`),
        /cannot be opened|has ended/,
      ],
      ['a format of /mcp', () => mcp('{"name":"x"}', {}, `?format=${name}`), /format must be/],
      ['a tool of /mcp', () => mcp(`{"name":"${name}"}`), /Unknown tool/],
      ['a set of /mcp', () => mcp('{"name":"x"}', {}, `?tools=${name}`), /tools must be/],
      [
        'a connection of /mcp',
        () => mcp('{"name":"notion_data_fetch"}', { 'x-valetkey-connection': name }),
        /connection/,
      ],
      ['a user of /mcp', () => mcp('{"name":"notion_data_fetch"}', { 'x-valetkey-identifier': name }), /connect/],
      [
        'a key of an input at /mcp',
        () => mcp(`{"name":"notion_data_fetch","arguments":{"${name}":{}}}`),
        name === '__proto__' ? /result/ : /isError/,
      ],
      ['a key of /mcp', () => mcp(`{"name":"notion_data_fetch","${name}":1,"_meta":{"${name}":1}}`), /result|error/],
      [
        'a method of /mcp',
        () => post('/mcp', `{"jsonrpc":"2.0","id":1,"method":"${name}"}`, { 'x-valetkey-identifier': 'ann' }),
        /Method not found/,
      ],
    ]
    it.each(requests)('is unknown as %s', async (_as, send, expected) => {
      const before = app.log().length
      const response = await send()
      const text = await response.text()
      expect(text).toMatch(expected)
      expect(text).not.toContain('Internal error')
      expect(response.status).toBeLessThan(500)
      expect(app.log().slice(before)).not.toContain('request failed')
    })

    it('is refused as the credential of a WebSocket connection', async () => {
      expect(await greet(`{"${name}":"Bearer ${app.apiKey}"}`)).toBe('4401')
      expect(await greet(`{"${name}":1,"apiKey":"${app.apiKey}"}`)).toContain('connection_ack')
    })
  },
)
