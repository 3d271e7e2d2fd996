import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createThrottle } from '../../src/http/throttle.ts'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ env: { VALETKEY_CORS_ORIGINS: 'https://app.example.com,https://b.example.com' } })
})
afterAll(() => app.stop())

interface Failure {
  readonly errors: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[]
}

const post = (headers: Record<string, string> = {}, credential = app.apiKey, body = '{"query":"{ __typename }"}') =>
  fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      authorization: `Bearer ${credential}`,
      ...headers,
    },
    body,
  })

describe('browsers of a configured origin', () => {
  const preflight = (origin: string) =>
    fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  it('may call, with a bearer token and without cookies', async () => {
    const response = await preflight('https://app.example.com')
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(response.headers.get('access-control-allow-headers')).toMatch(/authorization/i)
    expect(response.headers.get('access-control-allow-credentials')).not.toBe('true')
  })

  it.each(['https://app.example.com.evil.example', 'http://app.example.com', 'https://app.example.com:8443', 'null'])(
    'of another origin may not: %s',
    async (origin) => {
      for (const response of [await preflight(origin), await post({ origin }), await post({ origin }, 'nonsense')]) {
        expect([...response.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
        expect(response.headers.get('vary')).toMatch(/\borigin\b/i)
      }
    },
  )

  it.each(['https://app.example.com', 'https://b.example.com'])(
    'read every answer, also why they were refused: %s',
    async (origin) => {
      const refused = await post({ origin }, 'nonsense')
      expect(refused.status).toBe(401)
      for (const response of [refused, await post({ origin }), await post({ origin, 'content-type': 'text/plain' })]) {
        expect(response.headers.get('access-control-allow-origin')).toBe(origin)
        expect(response.headers.get('access-control-expose-headers')).toContain('retry-after')
      }
    },
  )
})

describe('a request that is not valid', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx'])(
    'is answered with what to send instead of %s',
    async (contentType) => {
      const response = await post({ 'content-type': contentType })
      expect(response.status).toBe(415)
      expect(((await response.json()) as Failure).errors[0]?.message).toContain('application/json')
    },
  )

  it.each(['variables', 'extensions'])(
    'with %s in the URL that are not valid JSON is refused with a message',
    async (name) => {
      const response = await fetch(`${app.url}/graphql?query={__typename}&${name}={`, {
        headers: { authorization: `Bearer ${app.apiKey}`, accept: 'application/json' },
      })
      expect(response.status).toBe(400)
      expect(((await response.json()) as Failure).errors[0]?.message).toContain(name)
    },
  )

  it('for another media type is answered with the available ones', async () => {
    const subscription = '{"query":"subscription { connectedAccountStatusChanges { at } }"}'
    const response = await post({ accept: 'application/json' }, app.apiKey, subscription)
    expect(response.status).toBe(406)
    expect(((await response.json()) as Failure).errors[0]?.message).toContain('text/event-stream')
  })

  it('with invalid variables has a code that blames the caller', async () => {
    const answer = await app.graphql('query ($n: String!) { tool(name: $n) { name } }', { n: null })
    expect(answer.status).toBe(400)
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  it('is answered without any part of its body, which may contain secrets', async () => {
    const response = await post({}, app.apiKey, '{"query": "…", "variables": {"clientSecret": "swordfish"')
    expect(response.status).toBe(400)
    const text = await response.text()
    expect(text).not.toContain('swordfish')
    expect(text).toContain('not valid JSON')
  })

  it('with a body that is too large is answered with the limit, and does not delay the next request', async () => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
    socket.on('error', () => {})
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString()
    })
    const ended = once(socket, 'end')
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${app.apiKey}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    for (let chunk = 0; chunk < 15; chunk++) socket.write(`186a0\r\n${' '.repeat(100_000)}\r\n`)
    await ended
    expect(heard).toContain('413')
    expect(heard).toContain('1000000')
    socket.destroy()
  })
})

it('health, readiness and metrics answer without a credential and contain nothing about users', async () => {
  await app.connect('private-user')
  for (const path of ['/health', '/ready', '/metrics']) {
    const response = await fetch(`${app.url}${path}`)
    expect(response.status, path).toBe(200)
    expect(await response.text(), path).not.toContain('private-user')
  }
})

it('the page of tools documents every tool', async () => {
  const page = await (await fetch(`${app.url}/tools`)).text()
  const answer = await app.graphql('{ tools(filter: { set: ALL }) { name } }')
  for (const { name } of answer.data['tools'] as { name: string }[]) expect(page).toContain(`id="${name}"`)
})

it('an unknown path is answered with 404 and a message', async () => {
  const response = await fetch(`${app.url}/nonsense`)
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('/nonsense')
})

describe('callers with too many requests', () => {
  const never = 1e-4
  let slow: TestApp
  beforeAll(async () => {
    const limits = { credential: { burst: 10, perSecond: never }, address: { burst: 3, perSecond: never } }
    slow = await startApp({ throttle: createThrottle({ limits }) })
  })
  afterAll(() => slow.stop())

  const ask = (headers: Record<string, string>) =>
    fetch(`${slow.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"query":"{ __typename }"}',
    })
  const statuses = async (times: number, headers: (time: number) => Record<string, string>) => {
    const seen: number[] = []
    for (let time = 0; time < times; time++) seen.push((await ask(headers(time))).status)
    return seen
  }

  it('without a credential get the time to wait, by their address, regardless of forwarding headers', async () => {
    const seen = await statuses(5, (time) =>
      time === 1
        ? { authorization: 'Bearer unknown' }
        : { 'x-forwarded-for': `203.0.113.${time}`, forwarded: `for=203.0.113.${time}` },
    )
    expect(seen).toEqual([200, 401, 200, 429, 429])
    const refused = await ask({})
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'THROTTLED' } }] })
    // A wrong key gets no more tries than none.
    expect((await ask({ authorization: 'Bearer guessed' })).status).toBe(429)
  })

  it('with a credential get the time to wait, and others are not affected', async () => {
    const made = await slow.graphql(
      'mutation { createApiKey(input: { name: "other", scopes: [TOOLS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
    )
    const { secret } = made.data['createApiKey'] as { secret: string }
    const seen = await statuses(12, () => ({ authorization: `Bearer ${secret}` }))
    expect(seen).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429])
    expect((await slow.graphql('{ __typename }')).status).toBe(200)
  })
})
