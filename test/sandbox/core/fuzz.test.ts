import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiRoutes } from '../../../src/sandbox/api/routes.ts'
import fc from '../../support/fast-check.ts'
import type { RunningSandbox } from '../support.ts'
import { basic, startSandbox, testClient } from '../support.ts'
import { validRequests } from './valid-requests.ts'

let sandbox: RunningSandbox
let token: string

beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
  token = (await sandbox.connect()).access_token
})
afterAll(() => sandbox.close())

const runs = Number(process.env.SANDBOX_FUZZ_RUNS ?? 500)

/** Sends raw bytes and returns status, headers and body. The status is NaN without an HTTP response. */
function exchange(head: string, body: Buffer): Promise<{ status: number; headers: string; body: string }> {
  const { hostname, port } = new URL(sandbox.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const chunks: Buffer[] = []
    socket.setTimeout(5000, () => reject(new Error(`no response to ${head}`)))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      const [headers = '', ...rest] = Buffer.concat(chunks).toString('utf8').split('\r\n\r\n')
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1]), headers, body: rest.join('\r\n\r\n') })
    })
    socket.write(`${head}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`)
    socket.end(body)
  })
}

const uuid = fc.constantFrom(
  'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
  'a1b2c3d4e5f67890abcdef1234567890',
  '2561ab6c-418b-8072-beec-c4779fa811cf',
  '2561ab6c-418b-81b0-9d15-000bd4a2f3c7',
  'ac3e0000-0000-4000-8000-000000000150',
  '00000000-0000-0000-0000-000000000000',
)
const oddSegment = fc.constantFrom(
  '',
  '..',
  '%2e%2e',
  '%',
  '%zz',
  '%00',
  'me',
  'title',
  '%F0%9F%92%A9',
  'x'.repeat(3000),
)
const oauthPaths = ['/v1/oauth/token', '/v1/oauth/introspect', '/v1/oauth/revoke', '/v1/oauth/authorize']
const paths = [...apiRoutes.map((route) => route.path), ...oauthPaths, '/v1/x', '/', '//', '/v1/pages/:a/:b']
const filled = (path: string, segments: readonly string[]) =>
  path.split(/:[a-z_]+/).reduce((built, rest, index) => `${built}${segments[index - 1] ?? ''}${rest}`)
const oddPath = fc
  .tuple(fc.constantFrom(...paths), fc.array(fc.oneof(uuid, oddSegment), { minLength: 2, maxLength: 2 }))
  .map(([path, segments]) => filled(path, segments))
const oddMethod = fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'TRACE')
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?page_size=0',
      '?page_size=101',
      '?start_cursor=x',
      '?filter_properties=%',
      '?%=%&&=',
      '?a=1?b=2',
      '?block_id=',
      '?block_id=a1b2c3d4-e5f6-7890-abcd-ef1234567890',
      '?page_size=2',
      '?status=x',
    ),
  },
)
const names = (
  'parent page_id database_id data_source_id properties title children type object filter sorts and or property ' +
  'page_size start_cursor rich_text text content position after paragraph markdown query icon in_trash archived ' +
  'grant_type refresh_token code token equals date number select people relation __proto__ constructor toString'
).split(' ')
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1, 1e308, '', 'x', '\u0000', '\ud800', 'workspace', 'page_id', 'text', [], {}),
    uuid,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

/** Replaces the node with index `at`, in depth-first order, by another value. */
function replaced(value: unknown, at: number, by: unknown): unknown {
  let left = at
  const visit = (node: unknown): unknown => {
    if (left-- === 0) return by
    if (Array.isArray(node)) return node.map(visit)
    if (typeof node !== 'object' || node === null) return node
    return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, visit(inner)]))
  }
  return visit(value)
}

interface FuzzedRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly credentials: 'valid' | 'client' | string | undefined
  readonly body: Buffer
}

const nearlyValid: fc.Arbitrary<FuzzedRequest> = fc
  .record({
    request: fc.constantFrom(...validRequests),
    query,
    version: fc.constantFrom('2026-03-11', '2026-03-11', '2025-09-03', '2022-06-28'),
    at: fc.nat({ max: 40 }),
    by: json,
  })
  .map(({ request: [method, path, body], query: search, version, at, by }) => ({
    method,
    target: `${path}${path.includes('?') ? '' : search}`,
    headers: [`Notion-Version: ${version}`, 'Content-Type: application/json'],
    credentials: path.startsWith('/v1/oauth') ? 'client' : 'valid',
    body: Buffer.from(body === undefined ? '' : (JSON.stringify(replaced(body, at, by)) ?? '')),
  }))

const oddBody = fc.oneof(
  json.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('', '{', '[]', '"text"', 'null', '['.repeat(100_000), `{"a":${'{"a":'.repeat(5000)}`)
    .map((body) => Buffer.from(body)),
)
const oddHeader = fc.constantFrom(
  'Notion-Version: 2026-03-11',
  'Notion-Version: 2026-03-11',
  'Notion-Version: 2019-01-01',
  'Notion-Version:',
  'Notion-Beta: x',
  'Content-Type: application/json',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Type: multipart/form-data',
  'Content-Type: multipart/form-data; boundary=x',
  'Content-Type: \x80',
)
const oddCredentials = fc.constantFrom(
  'valid',
  'valid',
  'client',
  'Bearer',
  'Bearer x',
  'Basic Og==',
  'Digest x',
  undefined,
)
const odd: fc.Arbitrary<FuzzedRequest> = fc
  .record({
    method: oddMethod,
    path: oddPath,
    query,
    headers: fc.array(oddHeader, { maxLength: 4 }),
    credentials: oddCredentials,
    body: oddBody,
  })
  .map(({ path, query: search, ...rest }) => ({ ...rest, target: `${path}${search}` }))

/** Expects no error or an error in the format of the API or of OAuth. The consent page responds with HTML. */
function expectEnvelope(answer: { status: number; headers: string; body: string }): void {
  expect(answer.headers.toLowerCase()).toContain('x-notion-sandbox: true')
  expect(answer.status).toBeLessThan(500)
  if (answer.status < 400 || /content-type: text\/html/i.test(answer.headers)) return
  const parsed = JSON.parse(answer.body) as Record<string, unknown>
  expect(parsed.request_id).toMatch(/^[0-9a-f-]{36}$/)
  if ('error' in parsed) expect(parsed).toMatchObject({ error: expect.any(String) })
  else
    expect(parsed).toMatchObject({
      object: 'error',
      status: answer.status,
      code: expect.any(String),
      message: expect.any(String),
    })
}

describe('arbitrary requests', () => {
  it('receive a response in Notion’s format and never a 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 2, arbitrary: nearlyValid }, { weight: 1, arbitrary: odd }),
        async ({ method, target, headers, credentials, body }) => {
          const value =
            credentials === 'valid' ? `Bearer ${token}` : credentials === 'client' ? basic(testClient) : credentials
          const lines = [...headers, ...(value === undefined ? [] : [`Authorization: ${value}`])]
          const answer = await exchange(
            `${method} /sandbox${target} HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${line}\r\n`).join('')}`,
            body,
          )
          expectEnvelope(answer)
        },
      ),
      { numRuns: runs },
    )
  }, 600_000)

  it('do not break the sandbox when clients disconnect early', async () => {
    const { hostname, port } = new URL(sandbox.url)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 150 }), async (cut) => {
        const request = `POST /sandbox/v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 50\r\n\r\n{"query":"roadmap`
        await new Promise<void>((resolve) => {
          const socket = connect(Number(port), hostname, () => {
            socket.write(request.slice(0, cut), () => socket.destroy())
          })
          socket.on('close', () => resolve())
          socket.on('error', () => {})
        })
      }),
      { numRuns: 50 },
    )
    expect((await sandbox.call(token, 'GET', '/v1/nothing')).status).toBe(400)
  })
})

describe('the order of checks', () => {
  const send = async (init: { method?: string; path?: string; body?: string; headers?: Record<string, string> }) => {
    const response = await fetch(`${sandbox.url}${init.path ?? '/v1/search'}`, {
      method: init.method ?? 'POST',
      ...(init.body !== undefined && { body: init.body }),
      headers: init.headers ?? {},
    })
    return ((await response.json()) as { code: string }).code
  }

  it('is path, method, JSON, token, version', async () => {
    const bearer = { authorization: `Bearer ${token}` }
    expect(await send({ path: '/v1/unknown' })).toBe('invalid_request_url')
    expect(await send({ method: 'PUT', body: '{}' })).toBe('invalid_request_url')
    expect(await send({ body: '{' })).toBe('invalid_json')
    expect(await send({ body: '{}' })).toBe('unauthorized')
    expect(await send({ body: '{}', headers: { authorization: 'Bearer ntn_unknown' } })).toBe('unauthorized')
    expect(await send({ body: '{}', headers: bearer })).toBe('missing_version')
    expect(await send({ body: '{}', headers: { ...bearer, 'notion-version': '2020-01-01' } })).toBe('validation_error')
    expect(await send({ body: '{}', headers: { ...bearer, 'notion-version': '2026-03-11', 'notion-beta': 'x' } })).toBe(
      'invalid_beta',
    )
  })

  it('rejects bodies over 500 KB with a message', async () => {
    const response = await fetch(`${sandbox.url}/v1/search`, {
      method: 'POST',
      body: `{"query":"${'x'.repeat(600_000)}"}`,
    })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: 'validation_error', message: expect.stringContaining('512000') },
    ])
  })

  it('rejects paths outside its base path', async () => {
    const response = await fetch(new URL('/v1/search', sandbox.url), { method: 'POST' })
    expect(await response.json()).toMatchObject({ code: 'invalid_request_url' })
  })
})
