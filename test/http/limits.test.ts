import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Db } from '../../src/db/database.ts'
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

  it.each(['application/json; charset=utf-16', 'application/json;charset="latin1"'])(
    'is refused in an encoding that JSON does not have: %s',
    async (contentType) => {
      expect((await post({ 'content-type': contentType })).status).toBe(415)
      expect((await post({ 'content-type': 'application/json; charset="UTF-8"' })).status).toBe(200)
    },
  )

  it('is refused when it is compressed, with what to do', async () => {
    const response = await post({ 'content-encoding': 'gzip' })
    expect(response.status).toBe(415)
    expect(((await response.json()) as Failure).errors[0]?.message).toContain('content-encoding')
    expect((await post({ 'content-encoding': 'identity' })).status).toBe(200)
  })

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

describe('a request that is refused by its headers', () => {
  /** Sends the first part of a request, and the rest when it was answered; then the same again. Returns all answers. */
  const twice = async (first: string, rest: string): Promise<string> => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
    socket.on('error', () => {})
    const closed = once(socket, 'close')
    let heard = ''
    socket.on('data', (chunk) => {
      heard += chunk.toString()
    })
    const answers = () => heard.split('HTTP/1.1 ').length - 1
    for (const count of [1, 2]) {
      socket.write(first)
      await Promise.race([expect.poll(answers, { timeout: 10_000 }).toBe(count), closed])
      socket.write(rest)
    }
    socket.destroy()
    return heard
  }
  const head = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`

  it.each([
    ['with an unknown credential', `${head}authorization: Bearer nonsense\r\n`, 401],
    ['with a content type that is not JSON', head.replace('application/json', 'text/plain'), 415],
    ['at a path that does not exist', head.replace('/graphql', '/nothing'), 404],
  ])('%s does not cost the client its connection, when its body comes later', async (_, headers, status) => {
    const heard = await twice(`${headers}content-length: 33\r\n\r\n`, ' '.repeat(33))
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, `HTTP/1.1 ${status}`])
  })

  it.each([
    ['of unknown length', 'transfer-encoding: chunked', '1\r\n \r\n'],
    ['larger than the limit', 'content-length: 5000000', ' '],
  ])('ends the connection instead of reading a body %s', async (_, length, rest) => {
    const heard = await twice(`${head}authorization: Bearer nonsense\r\n${length}\r\n\r\n`, rest)
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401'])
  })
})

describe('an endpoint for operators', () => {
  it('contains nothing about users', async () => {
    await app.connect('private-user')
    for (const path of ['/health', '/ready', '/metrics']) {
      const response = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${app.apiKey}` } })
      expect(response.status, path).toBe(200)
      expect(await response.text(), path).not.toContain('private-user')
    }
  })

  it('with metrics is for API keys with the scope ADMIN, and refuses others with the reason', async () => {
    const made = await app.graphql(
      'mutation { createApiKey(input: { name: "m", scopes: [TOOLS_READ] }) { ... on CreateApiKeyPayload { secret } } }',
    )
    const { secret } = made.data['createApiKey'] as { secret: string }
    for (const [credential, status] of [
      ['', 401],
      ['Bearer unknown', 401],
      [`Bearer ${secret}`, 403],
    ] as const) {
      const response = await fetch(`${app.url}/metrics`, { headers: { authorization: credential } })
      expect(response.status).toBe(status)
      const text = await response.text()
      expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: {} }] })
      expect(text).not.toContain('valetkey_')
    }
  })

  it('with metrics can have a port of its own, where nothing else is', async () => {
    const own = await startApp({ env: { METRICS_PORT: '0', PUBLIC_URL: 'https://valetkey.example.com' } })
    try {
      const metricsUrl = own.started.metricsUrl ?? ''
      expect(await (await fetch(metricsUrl)).text()).toContain('valetkey_http_request_duration')
      expect((await fetch(new URL('/graphql?query={__typename}', metricsUrl))).status).toBe(404)
      const headers = { authorization: `Bearer ${own.apiKey}` }
      for (const [path, status] of [
        ['/metrics', 404],
        ['/health', 200],
        ['/graphql?query={__typename}', 200],
        ['/connect/x', 404],
      ] as const) {
        const response = await fetch(`${own.url}${path}`, { headers })
        expect(response.status, path).toBe(status)
        expect(response.headers.get('x-content-type-options'), path).toBe('nosniff')
        expect(response.headers.get('strict-transport-security'), path).toMatch(/^max-age=\d{8}/)
      }
    } finally {
      await own.stop()
    }
  })
})

/** The status and what follows, for a request as a text. */
async function exchangeRaw(text: string): Promise<string> {
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1')
  socket.on('error', () => {})
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString()
  })
  socket.write(text)
  await once(socket, 'close')
  return heard
}

describe('a request that no URL can be made of', () => {
  it.each([
    ['a blank in the Host', 'GET /graphql HTTP/1.1\r\nhost: a b'],
    ['a Host with a path', 'GET /graphql HTTP/1.1\r\nhost: a/health?'],
    ['a Host with a user', 'POST /graphql HTTP/1.1\r\nhost: a@b'],
    ['an open bracket as Host', 'GET /health HTTP/1.1\r\nhost: ['],
    ['a port that is too large', 'GET /ready HTTP/1.1\r\nhost: a:99999'],
    ['an escape in the Host', 'GET /connect/x HTTP/1.1\r\nhost: %'],
    ['a target that is a URL', 'GET http://[/graphql HTTP/1.1\r\nhost: a'],
    ['no path', 'OPTIONS * HTTP/1.1\r\nhost: a'],
  ])('for %s is refused with an id and without a stack trace', async (_what, head) => {
    const heard = await exchangeRaw(`${head}\r\nconnection: close\r\n\r\n`)
    expect(heard).toMatch(/^HTTP\/1\.1 400 /)
    expect(heard).toMatch(/\r\nx-request-id: [\da-f-]{36}\r\n/)
    expect(heard).toContain('"code":"BAD_REQUEST"')
    expect(heard).not.toMatch(/ at |\.[jt]s\b/)
  })

  it.each(['GET /health HTTP/1.0', 'GET /health HTTP/1.1\r\nhost:', 'GET /health HTTP/1.1\r\nhost: [::1]:4000'])(
    'is not %j',
    async (head) => {
      expect(await exchangeRaw(`${head}\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
    },
  )
})

it('a stream sends its headers and a comment before its first event, past proxies that buffer', async () => {
  const controller = new AbortController()
  const response = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${app.apiKey}`,
    },
    body: '{"query":"subscription { connectedAccountStatusChanges { at } }"}',
    signal: controller.signal,
  })
  expect(response.headers.get('x-accel-buffering')).toBe('no')
  const first = await response.body?.getReader().read()
  expect(new TextDecoder().decode(first?.value)).toBe(':\n\n')
  controller.abort()
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
  let proxied: TestApp
  beforeAll(async () => {
    const few = { burst: 2, perSecond: never }
    proxied = await startApp({
      env: { TRUSTED_PROXIES: '127.0.0.0/8, ::1' },
      throttle: createThrottle({ limits: { page: few, probe: few } }),
    })
    const limits = { credential: { burst: 10, perSecond: never }, address: { burst: 3, perSecond: never } }
    slow = await startApp({ throttle: createThrottle({ limits }) })
  })
  afterAll(() => Promise.all([slow.stop(), proxied.stop()]))

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

  it('with unknown API keys are refused without a query, and known keys work meanwhile', async () => {
    const limits = { lookup: { burst: 3, perSecond: never } }
    let queries = 0
    const wrapDatabase = (db: Db) =>
      db.withPlugin({
        transformQuery: ({ node }) => {
          queries++
          return node
        },
        transformResult: async ({ result }) => result,
      })
    const attacked = await startApp({ throttle: createThrottle({ limits }), wrapDatabase })
    try {
      const call = (key: string) => attacked.graphql('{ __typename }', {}, key)
      expect((await call(attacked.apiKey)).status).toBe(200)
      queries = 0
      const answers = await Promise.all(Array.from({ length: 20 }, (_, time) => call(`junk-${time}`)))
      expect(answers.map(({ status }) => status).filter((status) => status === 401)).toHaveLength(3)
      expect(queries).toBe(3)
      expect((await call(attacked.apiKey)).status).toBe(200)
    } finally {
      await attacked.stop()
    }
  })

  it('with a user session have a smaller budget than with an API key', async () => {
    // The clock does not run: a busy machine takes so long for the calls that the budget would never be used up.
    const limited = await startApp({ throttle: createThrottle({ clock: { now: () => 0 } }) })
    try {
      const made = await limited.graphql(
        'mutation { createUserSession(input: { identifier: "u" }) { ... on CreateUserSessionPayload { token } } }',
      )
      const { token } = made.data['createUserSession'] as { token: string }
      const calls = (credential: string) =>
        Promise.all(
          Array.from({ length: 300 }, async () => (await limited.graphql('{ __typename }', {}, credential)).status),
        )
      expect(await calls(token)).toContain(429)
      expect(await calls(limited.apiKey)).not.toContain(429)
    } finally {
      await limited.stop()
    }
  })

  it.each(['/connect/xyz', '/oauth/callback/xyz?state=x&code=y', '/connect/confirm', '/nonsense', '/ready'])(
    'of %s get the time to wait, by the address that a trusted proxy reports',
    async (path) => {
      const from = (client: string) =>
        fetch(`${proxied.url}${path}`, { headers: { 'x-forwarded-for': `198.51.100.1, ${client}` } })
      // Each path from a client of its own, as pages share a budget.
      const client = `203.0.113.${path.length}`
      const seen = []
      for (let time = 0; time < 4; time++) seen.push((await from(client)).status)
      expect(seen.map((status) => status === 429)).toEqual([false, false, true, true])
      const refused = await from(client)
      expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
      expect(await refused.text()).toMatch(/too many requests/i)
      expect((await from(`192.0.2.${path.length}`)).status).not.toBe(429)
      // Neither the budget of the API nor the liveness of the process.
      for (const other of ['/health', '/graphql']) {
        const response = await fetch(`${proxied.url}${other}`, { headers: { 'x-forwarded-for': client } })
        expect(response.status, other).not.toBe(429)
      }
    },
  )

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
