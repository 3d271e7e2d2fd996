import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { RequestError } from '../../src/client/errors.ts'
import { Valetkey } from '../../src/client/valetkey.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})
/** Starts a server that is not a Valetkey, and returns its URL. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a program does with a client. */
const calls: Record<string, (valetkey: Valetkey) => Promise<unknown>> = {
  'accounts.get': ({ accounts }) => accounts.get('ann'),
  'accounts.getOrCreate': ({ accounts }) => accounts.getOrCreate('ann'),
  'accounts.list': ({ accounts }) => accounts.list().next(),
  'accounts.delete': ({ accounts }) => accounts.delete('ann'),
  'apiKeys.create': ({ apiKeys }) => apiKeys.create({ name: 'key', scopes: ['ADMIN'] }),
  'apiKeys.list': ({ apiKeys }) => apiKeys.list(),
  'apiKeys.revoke': ({ apiKeys }) => apiKeys.revoke('key'),
  'approvals.approve': ({ approvals }) => approvals.approve('approval'),
  'approvals.pending': ({ approvals }) => approvals.pending(),
  'approvals.reject': ({ approvals }) => approvals.reject('approval'),
  'oauthApps.list': ({ oauthApps }) => oauthApps.list(),
  'oauthApps.redirectUri': ({ oauthApps }) => oauthApps.redirectUri('notion'),
  'oauthApps.verify': ({ oauthApps }) => oauthApps.verify('notion'),
  'sessions.create': ({ sessions }) => sessions.create('ann'),
  'sessions.revoke': ({ sessions }) => sessions.revoke('session'),
  'sessions.revokeAll': ({ sessions }) => sessions.revokeAll('ann'),
  authorize: (valetkey) => valetkey.authorize('ann'),
  confirm: (valetkey) => valetkey.confirm({ flowId: 'flow', identifier: 'ann' }),
  execute: (valetkey) => valetkey.execute('any' as string, {}, { identifier: 'ann' }),
  tools: (valetkey) => valetkey.tools(),
  'tools of an account': (valetkey) => valetkey.tools({ identifier: 'ann' }),
  watch: (valetkey) => valetkey.watch('ann').next(),
  waitUntilActive: (valetkey) => valetkey.waitUntilActive('ann'),
}

/** Answers that are JSON, but not the result that was asked for. */
const bodies: readonly unknown[] = [
  {},
  [],
  null,
  7,
  'text',
  { data: null },
  { data: {} },
  { data: [] },
  { data: [{}] },
  { data: 'text' },
  { data: { __typename: 'Query', me: { id: '1' } } },
  { data: {}, errors: [] },
]
/** Fields as a stand-in may return them. Those of the API are objects and lists. */
const fields: readonly unknown[] = [7, 'text', true, {}, { other: 1 }]
const names = [
  ...['connectedAccounts', 'apiKeys', 'pendingApprovals', 'oauthApps', 'connectors', 'tools', 'connectedAccountStatus'],
  ...['getOrCreateConnectedAccount', 'deleteConnectedAccount', 'createApiKey', 'revokeApiKey', 'approveToolExecution'],
  ...['rejectToolExecution', 'verifyOAuthApp', 'createUserSession', 'revokeUserSession', 'revokeUserSessions'],
  ...['authorize', 'confirmAuthorization', 'executeTool'],
]
const dataOf = (field: (name: string) => unknown) => ({
  data: Object.fromEntries(names.map((name) => [name, field(name)])),
})

describe.each(Object.entries(calls))('%s', (_name, call) => {
  it('throws a RequestError for JSON that is not its result', async () => {
    const payloads = [...bodies, dataOf(() => null)]
    for (const type of ['application/json', 'text/event-stream']) {
      let body = ''
      const url = await serve((_request, response) => {
        const text = type === 'application/json' ? body : `event: next\ndata: ${body}\n\n`
        response.writeHead(200, { 'content-type': type, 'x-request-id': 'r1' }).end(text)
      })
      for (const payload of payloads) {
        body = JSON.stringify(payload)
        const failure = await call(new Valetkey({ url, apiKey: 'x' })).catch((error: unknown) => error)
        if (type === 'application/json') {
          expect(failure, body).toBeInstanceOf(RequestError)
          expect(failure).toMatchObject({ status: 200, code: null, requestId: 'r1' })
          expect((failure as Error).message).toContain(`${url}/graphql`)
        } else expect((failure as Error).name, body).toBe('RequestError')
      }
    }
  })

  it('throws a RequestError for a field of another kind', async () => {
    let field: unknown
    const url = await serve((_request, response) => response.end(JSON.stringify(dataOf(() => field))))
    for (field of fields) {
      const found = await call(new Valetkey({ url, apiKey: 'x' })).catch((error: unknown) => error)
      expect((found as Error).name, JSON.stringify(field)).toBe('RequestError')
    }
  })

  it.each([301, 302, 303, 307, 308])(
    'throws a RequestError that names where a redirect with %i leads',
    async (status) => {
      const reached: string[] = []
      const target = await serve((request, response) => {
        reached.push(`${request.method} ${request.url}`)
        response.end('{}')
      })
      const url = await serve((request, response) => {
        response.writeHead(status, { location: `${target}/moved${request.url}?token=secret` }).end()
      })
      const failure = await call(new Valetkey({ url, apiKey: 'x' })).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(RequestError)
      expect(failure).toMatchObject({ status, code: null })
      const { message } = failure as Error
      expect(message).toContain(`${url}/graphql`)
      expect(message).toContain(`${target}/moved/graphql. Set url to an address that does not redirect.`)
      expect(message).not.toContain('secret')
      // Not followed: it would get the API key.
      expect(reached).toEqual([])
    },
  )
})

it('names no target of a redirect that has none', async () => {
  for (const location of ['', '?token=secret', undefined]) {
    const url = await serve((_request, response) =>
      response.writeHead(302, location === undefined ? {} : { location }).end('<html>'),
    )
    const failure = await new Valetkey({ url, apiKey: 'x' }).tools().catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'RequestError', status: 302 })
    const message = `${url}/graphql redirects to another address. Set url to an address that does not redirect.`
    expect((failure as Error).message).toBe(message)
  }
})

it('a redirect that a browser hides is a RequestError', async () => {
  const hidden = Object.defineProperties(new Response(null), {
    type: { value: 'opaqueredirect' },
    status: { value: 0 },
    url: { value: 'http://localhost/graphql' },
  })
  const valetkey = new Valetkey({ url: 'http://localhost', apiKey: 'x', fetch: async () => hidden })
  const failure = await valetkey.tools().catch((error: unknown) => error)
  expect(failure).toMatchObject({ name: 'RequestError', status: 0, code: null })
  expect((failure as Error).message).toMatch(/^http:\/\/localhost\/graphql redirects.* Set url to an address/)
})

it('a document of the caller gets an object as data, or a RequestError', async () => {
  let body = ''
  const url = await serve((_request, response) => response.end(body))
  const valetkey = new Valetkey({ url, apiKey: 'x' })
  for (const payload of bodies) {
    const data = (payload as { data?: unknown } | null)?.data
    body = JSON.stringify(payload)
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) {
      expect(await valetkey.graphql('{ a }')).toEqual(data)
    } else await expect(valetkey.graphql('{ a }'), body).rejects.toBeInstanceOf(RequestError)
  }
})
