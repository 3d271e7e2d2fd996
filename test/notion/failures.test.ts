import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProviderError } from '../../src/errors.ts'
import { type Refusal, readAnswer } from '../../src/notion/answer.ts'
import { notionCall } from '../../src/notion/call.ts'
import { exchange, type NotionRequest } from '../../src/notion/client.ts'
import { explainForbidden } from '../../src/notion/forbidden.ts'
import type { Target } from '../../src/notion/not-found.ts'
import { createObservedObjects } from '../../src/notion/observed-objects.ts'
import { issuesOf, type Refused } from '../../src/notion/places.ts'
import { refusalError } from '../../src/notion/refusals.ts'
import { createSchemaCache } from '../../src/notion/schema-cache.ts'
import { createGrantShare } from '../../src/tools/grant-share.ts'
import { Secret } from '../../src/vault/secret.ts'
import { testAccount, testCall } from './support.ts'
import { failure } from './workspace.ts'

const token = 'ntn_aVerySecretToken1234567890'
const requestId = '11111111-2222-4333-8444-555555555555'
const envelope = (status: number, code: string, message = 'A message.', additional_data?: object) =>
  JSON.stringify({ object: 'error', status, code, message, request_id: requestId, additional_data })

type Answer = (response: ServerResponse) => void
const json =
  (status: number, body: string, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }

let answer: Answer = json(200, '{}')
let hits = 0
const server = createServer((request, response) => {
  hits += 1
  request.resume().on('end', () => answer(response))
})
let url = ''
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const now = new Date('2026-11-22T12:00:00Z')
type Kind = 'read' | 'write'
const requests: Record<Kind, NotionRequest<object>> = {
  write: (notion) => notion.pages.create({ parent: { type: 'page_id', page_id: requestId } }),
  read: (notion) => notion.users.me({}),
}
async function sendTo(apiUrl: string, kind: Kind, signal: AbortSignal, accessToken = new Secret(token)) {
  return readAnswer(await exchange(globalThis.fetch, { apiUrl, accessToken, signal }, requests[kind]), kind, now)
}
const send = (how: Answer, kind: Kind = 'write', signal = AbortSignal.timeout(10_000)) => {
  answer = how
  return sendTo(url, kind, signal)
}

const retryable = (details: object) => ({ name: 'Retryable', ...details })

/** What came, what it is turned into, and for a write whether it may have written. */
const failures: readonly [string, Answer, object][] = [
  ['an unknown token', json(401, envelope(401, 'unauthorized')), { name: 'AccessTokenRefused', requestId }],
  [
    'a rate limit with a header',
    json(429, envelope(429, 'rate_limited'), { 'retry-after': '7' }),
    retryable({ rateLimited: true, mayHaveWritten: false, retryAfterMs: 7000, requestId }),
  ],
  [
    'a rate limit with the time in the body',
    json(429, envelope(429, 'rate_limited', 'm', { retry_after: '12' })),
    retryable({ rateLimited: true, retryAfterMs: 12_000 }),
  ],
  ...['Sun, 22 Nov 2026 12:00:09 GMT', 'Sunday, 22-Nov-26 12:00:09 GMT', 'Sun Nov 22 12:00:09 2026'].flatMap(
    (until): [string, Answer, object][] => [
      [
        `a rate limit until ${until} without a Date`,
        (response) => {
          response.sendDate = false
          json(429, envelope(429, 'rate_limited'), { 'retry-after': until })(response)
        },
        retryable({ rateLimited: true, retryAfterMs: 9000 }),
      ],
      [
        `a rate limit until ${until} by a clock that differs from ours`,
        json(429, envelope(429, 'rate_limited'), { 'retry-after': until, date: 'Sun, 22 Nov 2026 11:59:59 GMT' }),
        retryable({ rateLimited: true, retryAfterMs: 10_000 }),
      ],
    ],
  ),
  [
    'a rate limit with an unreadable header and the time in the body',
    json(429, envelope(429, 'rate_limited', 'm', { retry_after: '1.5' }), { 'retry-after': 'soon' }),
    retryable({ rateLimited: true, retryAfterMs: 1500 }),
  ],
  [
    'a rate limit with a date in the body',
    json(429, envelope(429, 'rate_limited', 'm', { retry_after: 'Sun, 22 Nov 2026 12:00:09 GMT' }), {
      date: 'Sun, 22 Nov 2026 12:00:00 GMT',
    }),
    retryable({ rateLimited: true, retryAfterMs: 9000 }),
  ],
  [
    'a rate limit with a fraction of a second',
    json(429, envelope(429, 'rate_limited'), { 'retry-after': '1.5' }),
    retryable({ rateLimited: true, retryAfterMs: 1500 }),
  ],
  [
    'a rate limit with a number in the body',
    json(429, envelope(429, 'rate_limited', 'm', { retry_after: 2 })),
    retryable({ rateLimited: true, retryAfterMs: 2000 }),
  ],
  [
    'a blocked connection',
    json(429, envelope(429, 'rate_limited', 'm', { rate_limit_reason: 'public_api_request_blocked' })),
    { name: 'ProviderError', status: 429, retryable: false, code: 'public_api_request_blocked' },
  ],
  [
    'an overload',
    json(529, envelope(529, 'service_overload'), { 'retry-after': '3' }),
    retryable({ rateLimited: true, mayHaveWritten: false, retryAfterMs: 3000 }),
  ],
  ['a conflict', json(409, envelope(409, 'conflict_error')), retryable({ status: 409, mayHaveWritten: false })],
  [
    'a query that takes too long, with advice',
    json(
      503,
      envelope(503, 'database_connection_unavailable', 'm', {
        retry_guidance: ['Use a smaller page_size.', 'Narrow the filter.'],
      }),
    ),
    retryable({ status: 503, hint: expect.stringContaining('Use a smaller page_size. Narrow the filter.') }),
  ],
  ...[500, 502, 504].map((status): [string, Answer, object] => [
    `a ${status}`,
    json(status, envelope(status, 'internal_server_error')),
    retryable({ status, mayHaveWritten: true, rateLimited: false }),
  ]),
  [
    'an unavailable service',
    json(503, envelope(503, 'service_unavailable', 'Notion is unavailable, please try again later.')),
    retryable({ status: 503, mayHaveWritten: true }),
  ],
  [
    'a page of an edge proxy',
    (response) => response.writeHead(403, { 'content-type': 'text/html', 'cf-ray': 'abc-FRA' }).end('<html>no</html>'),
    { name: 'ProviderError', status: 403, code: null, retryable: true, hint: expect.stringContaining('again later') },
  ],
  [
    'a body that a proxy finds too large',
    (response) => response.writeHead(413).end('<html>too large</html>'),
    { name: 'ProviderError', status: 413, retryable: false, hint: expect.stringContaining('Send less') },
  ],
  [
    'a 401 that is not Notion’s',
    (response) => response.writeHead(401, { 'content-type': 'text/html' }).end('<html>log in</html>'),
    { name: 'ProviderError', status: 401 },
  ],
  [
    'a 404 that is not Notion’s',
    (response) => response.writeHead(404).end('nothing'),
    { name: 'ProviderError', retryable: false, hint: expect.stringContaining('operator') },
  ],
  [
    'a gateway’s own 502',
    (response) => response.writeHead(502).end('Bad Gateway'),
    retryable({ status: 502, mayHaveWritten: true }),
  ],
  ['success without JSON', json(200, ''), retryable({ code: 'invalid_answer', mayHaveWritten: true })],
  ['success with half of its JSON', json(200, '{"object":"page","id'), retryable({ mayHaveWritten: true })],
  ['success with JSON that is not an object', json(200, '[1]'), retryable({ mayHaveWritten: true })],
  [
    'a body that breaks off',
    (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"a":')
      setTimeout(() => response.destroy(), 20)
    },
    retryable({ mayHaveWritten: true }),
  ],
  ['a connection that breaks off', (response) => response.destroy(), retryable({ mayHaveWritten: true })],
  [
    'a redirect',
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/stolen' }).end(),
    { name: 'ProviderError', code: 'redirect', retryable: false },
  ],
]

describe('failures of Notion and of the connection to it', () => {
  it.each(failures)('reports %s after one request and without the token', async (_name, how, expected) => {
    const before = hits
    const error = await failure(send(how))
    expect(error).toMatchObject(expected)
    expect(hits).toBe(before + 1)
    expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain(token)
  })

  it('does not repeat a write to a database that is full', async () => {
    const full = await send(json(409, envelope(409, 'row_limit_exceeded')))
    if (!('refusal' in full.body)) throw new Error('It is not a refusal.')
    expect(refusalError(full.body.refusal, { names: {}, place: null, input: null, targetId: null })).toMatchObject({
      ...{ name: 'ProviderError', status: 409, code: 'row_limit_exceeded', retryable: false },
      hint: expect.stringContaining('full'),
    })
  })

  it('does not read an answer over 5 MB: an error for a read, an unknown outcome for a write', async () => {
    const huge: Answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"a":"')
      const chunk = 'x'.repeat(1024 * 1024)
      for (let count = 0; count < 7; count += 1) response.write(chunk)
      response.end('"}')
    }
    expect(await failure(send(huge, 'read'))).toMatchObject({ name: 'ProviderError', code: 'answer_too_large' })
    expect(await failure(send(huge))).toMatchObject({ name: 'OutcomeUnknownError' })
  })

  it('reports that nothing was written after a refused connection or an unknown host', async () => {
    const signal = AbortSignal.timeout(10_000)
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    await once(gone, 'close')
    for (const address of [`http://127.0.0.1:${port}`, 'http://no-such-host.invalid']) {
      const error = await failure(sendTo(address, 'write', signal))
      expect(error).toMatchObject({ name: 'Retryable', mayHaveWritten: false })
    }
  })

  it('reports that nothing was written after a failed TLS handshake', async () => {
    const error = await failure(sendTo(url.replace('http:', 'https:'), 'write', AbortSignal.timeout(5_000)))
    expect(error).toMatchObject({ name: 'Retryable', mayHaveWritten: false })
  })

  const coded = (code: string, syscall?: string) => Object.assign(new Error('x'), { code, ...(syscall && { syscall }) })
  it.each([
    ['a rejected certificate', coded('ERR_TLS_CERT_ALTNAME_INVALID'), false],
    ['an expired certificate', coded('CERT_HAS_EXPIRED'), false],
    ['a failed connect', coded('ETIMEDOUT', 'connect'), false],
    ['several refused addresses', new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]), false],
    ['a reset connection', coded('ECONNRESET', 'read'), true],
    [
      'addresses of which one broke off',
      new AggregateError([coded('ECONNREFUSED'), coded('ECONNRESET', 'read')]),
      true,
    ],
  ])('reports for %s whether the write may have arrived', async (_name, cause, mayHaveWritten) => {
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }))
    const connection = { apiUrl: url, accessToken: new Secret(token), signal: AbortSignal.timeout(5_000) }
    const made = await exchange(fetch, connection, requests.write)
    expect(() => readAnswer(made, 'write', now)).toThrow(expect.objectContaining({ name: 'Retryable', mayHaveWritten }))
  })

  it('stops waiting for headers and body on abort and reports that it may have written', async () => {
    const silent: Answer = () => {}
    const half: Answer = (response) => void response.writeHead(200).write('{')
    for (const how of [silent, half]) {
      const error = await failure(send(how, 'write', AbortSignal.timeout(100)))
      expect(error).toMatchObject({ name: 'Retryable', code: 'timeout', mayHaveWritten: true })
    }
    const before = hits
    const late = await failure(send(json(200, '{}'), 'write', AbortSignal.abort()))
    expect(late).toMatchObject({ name: 'Retryable', mayHaveWritten: false })
    expect(hits).toBe(before)
  })

  it('returns what was written when Notion saved a change and lost the answer', async () => {
    const data = { committed_resource_id: requestId, committed_child_ids: [requestId] }
    const { body } = await send(json(503, envelope(503, 'service_unavailable', 'The change was saved, but …', data)))
    expect(body).toMatchObject({ refusal: { saved: { resourceId: requestId, childIds: [requestId] } } })
  })

  it('treats a 503 to a read as retryable whatever its message', async () => {
    const how = json(503, envelope(503, 'service_unavailable', 'The change was saved, but …'))
    expect(await failure(send(how, 'read'))).toMatchObject({ name: 'Retryable', status: 503 })
  })

  it('removes a token from the message of Notion', async () => {
    const { body } = await send(json(400, envelope(400, 'validation_error', `Your ${token} is wrong`)))
    expect(JSON.stringify(body)).not.toContain(token)
  })

  it('sends the version and the token of its own call', async () => {
    const seen: (string | undefined)[] = []
    const listener = createServer((request, response) => {
      seen.push(`${request.headers['notion-version']} ${request.headers.authorization}`)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const apiUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
    await Promise.all(['one', 'two'].map((text) => sendTo(apiUrl, 'read', AbortSignal.timeout(5000), new Secret(text))))
    listener.close()
    listener.closeAllConnections()
    expect(seen.sort()).toEqual(['2026-03-11 Bearer one', '2026-03-11 Bearer two'])
  })
})

describe('a call of the SDK', () => {
  const connection = () => ({ apiUrl: url, accessToken: new Secret(token), signal: AbortSignal.timeout(10_000) })

  it('fails before it sends anything when the SDK does not know a parameter', async () => {
    const before = hits
    const parameters = { page_id: requestId, colour: 'red' }
    await expect(
      exchange(globalThis.fetch, connection(), (notion) => notion.pages.retrieve(parameters)),
    ).rejects.toThrow(/colour/)
    expect(hits).toBe(before)
  })

  it('is refused when it begins its request late, while another account calls, and nothing is sent', async () => {
    const before = hits
    answer = json(200, '{}')
    const late: NotionRequest<object> = async (notion) => {
      const other = sendTo(url, 'read', AbortSignal.timeout(10_000), new Secret('the token of another account'))
      await Promise.resolve()
      const mine = failure(notion.users.me({}))
      await other
      throw await mine
    }
    await expect(exchange(globalThis.fetch, connection(), late)).rejects.toThrow(/after its call had returned/)
    expect(hits).toBe(before + 1)
  })

  it('is refused when it makes several requests', async () => {
    answer = json(200, '{}')
    const several: NotionRequest<unknown> = (notion) => Promise.all([notion.users.me({}), notion.users.me({})])
    await expect(exchange(globalThis.fetch, connection(), several)).rejects.toThrow(/several requests/)
  })

  it('fails when a request that writes is sent as a read', async () => {
    const parts = {
      fetch: globalThis.fetch,
      now: Date.now,
      newId: () => requestId,
      observed: createObservedObjects(Date.now),
      schemas: createSchemaCache(Date.now),
      scans: createGrantShare(1 / 3, performance),
      contentIndexes: null,
    }
    answer = json(200, '{}')
    const error = await failure(notionCall(parts, testCall(url, token)).read(requests.write))
    expect(error).toMatchObject({ name: 'Error', message: 'POST pages was sent as a read.' })
  })

  it('makes exactly one request', async () => {
    answer = json(200, '{}')
    await expect(exchange(globalThis.fetch, connection(), () => Promise.resolve({}))).rejects.toThrow(/no request/)
    const twice: NotionRequest = async (notion) => [await notion.users.me({}), await notion.users.me({})]
    const before = hits
    await exchange(globalThis.fetch, connection(), twice)
    expect(hits).toBe(before + 1)
  })

  it('records the method and path', async () => {
    answer = json(200, '{"object":"list"}')
    const made = await exchange(globalThis.fetch, connection(), (notion) =>
      notion.blocks.children.list({ block_id: requestId, page_size: 3 }),
    )
    expect(made).toMatchObject({ method: 'GET', path: `blocks/${requestId}/children`, hasQuery: true })
  })
})

describe('places in messages of Notion', () => {
  const refused = (known: Partial<Refused>): Refused => ({
    ...{ names: {}, input: null, body: null, targetId: null, place: null },
    ...known,
  })
  const linked = (url: string) => ({ paragraph: { rich_text: [{ text: { content: 'x', link: { url } } }] } })
  const image = (url: string) => ({ image: { type: 'external', external: { url } } })
  const blocks = [linked('https://a.example'), image('nowhere'), linked('nothing')]
  const written = { child_blocks: blocks, cover: { external: { url: 'https://b.example' } }, database_id: requestId }

  it.each([
    ['Invalid URL for link.', 'child_blocks.2.paragraph.rich_text.0.text.link.url'],
    ['Invalid image url.', 'child_blocks.1.image.external.url'],
    ['Invalid cover url.', 'cover.external.url'],
    ['Option "nothing" does not exist.', 'child_blocks.2.paragraph.rich_text.0.text.link.url'],
    ['body.children[5] of type image cannot be a child of a table.', 'child_blocks.5'],
    ['The object cannot be used here.', 'database_id'],
  ])('finds for "%s" the place %s of the input', (message, path) => {
    // The second request of an append: the first block was sent before.
    const body = { children: [blocks[1], blocks[2]], cover: written.cover }
    const names = { children: 'child_blocks' }
    const known = { names, input: written, body, targetId: requestId }
    expect(issuesOf(message, refused(known)).map((issue) => issue.path)).toEqual([path])
  })

  it.each([
    [{ properties: { Status: 'Done' } }, 'properties.Status'],
    [{ properties: { Status: { name: 'Done' } } }, 'properties.Status.name'],
    [{ properties: { Status: { status: { id: 'x' } } } }, 'properties.Status.status.name'],
  ])('names what the input %j has instead of the wrapped form', (input, path) => {
    const body = { properties: { Status: { status: { name: 'Done' } } } }
    const message = 'body failed validation: body.properties.Status.status.name should be something else.'
    expect(issuesOf(message, refused({ input, body }))).toMatchObject([{ path }])
  })

  it('returns no place where nothing shows it', () => {
    expect(issuesOf('Something is wrong.', refused({ input: { a: {}, b: {} } }))).toEqual([])
  })

  const names = { children: 'child_blocks', 'parent.page_id': 'parent_page_id' }
  it.each([
    [
      'body failed validation: body.children[0].paragraph.rich_text[0].text.content.length should be ≤ `2000`, instead was `2001`.',
      'child_blocks.0.paragraph.rich_text.0.text.content.length',
    ],
    ['body failed validation: body.parent.page_id should be a valid uuid, instead was `"x"`.', 'parent_page_id'],
    ['path failed validation: path.page_id should be a valid uuid, instead was `"not-an-id"`.', 'page_id'],
    [
      'body failed validation: body.properties.Due Date.date.start should be a valid ISO 8601 date string, instead was `"x"`.',
      'properties.Due Date.date.start',
    ],
    ['Colour is not a property that exists.', 'properties.Colour'],
    ['Due Date is expected to be date.', 'properties.Due Date'],
    ['Could not find sort property with name or id: Colour', 'sorts'],
    ['Could not find property with name or id: Colour', 'filter'],
  ])('finds in "%s" the place %s', (message, path) => {
    expect(issuesOf(message, refused({ names }))).toMatchObject([{ path }])
  })

  it('returns an issue for each place in one message', () => {
    const message =
      'body failed validation. Fix one:\nbody.a.b should be defined, instead was `undefined`.\nbody.c[2] should be a string, instead was `1`.'
    expect(issuesOf(message, refused({})).map(({ path }) => path)).toEqual(['a.b', 'c.2'])
  })
})

describe('a 403 of Notion', () => {
  const explain = (refusal: object, probed: object | Error, account = testAccount(), target: Target | null = page) =>
    explainForbidden(
      {
        ...{
          request: { method: 'POST', path: 'pages', hasQuery: false, sent: null },
          blockLimit: false,
          saved: null,
          requestId,
        },
        ...{ status: 403, code: 'restricted_resource', message: 'Insufficient permissions for this endpoint.' },
        ...refusal,
      },
      account,
      target,
      () => (probed instanceof Error ? Promise.reject(probed) : Promise.resolve({ refusal: probed as Refusal })),
      requestId,
    )
  const page: Target = { kind: 'page', id: requestId }
  const forbidden = { status: 403, code: 'restricted_resource' }
  const notFound = { status: 404, code: 'object_not_found' }

  it('names the capability that a request about nothing needs too, and whether the user must authorize again', async () => {
    expect(await explain({}, forbidden)).toMatchObject({
      name: 'MissingCapabilityError',
      capability: 'INSERT_CONTENT',
      userAction: 'ENABLE_CAPABILITY',
    })
    const older = testAccount({}, { capabilities: ['READ_CONTENT'] })
    expect(
      await explain({ message: 'API token does not have access to this resource.' }, forbidden, older),
    ).toMatchObject({
      name: 'MissingCapabilityError',
      userAction: 'REAUTHORIZE',
    })
  })

  it.each([
    ['the object', page, 'SHARE_RESOURCE', /change the page/],
    ['the workspace', null, null, /in the workspace/],
  ])('is about %s where only this request is refused', async (_what, target, userAction, message) => {
    const error = await explain({}, notFound, testAccount(), target)
    expect(error).toMatchObject({ name: 'ProviderError', status: 403, code: 'restricted_resource', userAction })
    expect(error.message).toMatch(message)
    expect(error.hint).not.toContain('INSERT_CONTENT')
  })

  it('is not proof of a missing capability where Notion does not answer the request about nothing', async () => {
    const error = await explain({}, new ProviderError('x', { status: 503, code: null, retryable: true }))
    expect(error).toMatchObject({ name: 'ProviderError', hint: expect.stringContaining('INSERT_CONTENT') })
  })

  it.each([{ message: 'The workspace has reached its block limit. Upgrade the plan.' }, { blockLimit: true }])(
    'is not a missing capability when it is about the block limit of a plan: %j',
    async (refusal) => {
      expect(await explain(refusal, new Error('not called'))).toMatchObject({
        name: 'ProviderError',
        status: 403,
        retryable: false,
        hint: expect.stringContaining('plan'),
      })
    },
  )
})
