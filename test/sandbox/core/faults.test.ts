import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunningSandbox, Tokens } from '../support.ts'
import { basic, startSandbox, testClient } from '../support.ts'

let sandbox: RunningSandbox
let tokens: Tokens

beforeAll(async () => {
  sandbox = await startSandbox()
})
beforeEach(async () => {
  await sandbox.control('reset')
  tokens = await sandbox.connect()
})
afterAll(() => sandbox.close())

const me = () => sandbox.call(tokens.access_token, 'GET', '/v1/users/me')
const parent = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const createPage = (title: string) =>
  sandbox.call(tokens.access_token, 'POST', '/v1/pages', {
    parent: { type: 'page_id', page_id: parent },
    properties: { title: { title: [{ text: { content: title } }] } },
  })
const refresh = () => sandbox.token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })

/** Sends a request and reads the socket until it closes. Returns the first part, the length and how it ended. */
function onTheWire(path: string): Promise<{ received: string; length: number; end: 'end' | 'error' }> {
  const { hostname, port, pathname } = new URL(sandbox.url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    let length = 0
    const done = (end: 'end' | 'error') => {
      socket.destroy()
      resolve({ received, length, end })
    }
    socket.on('data', (chunk) => {
      length += chunk.length
      if (received.length < 100_000) received += chunk.toString('latin1')
    })
    socket.on('error', () => done('error'))
    socket.on('end', () => done('end'))
    socket.write(
      `GET ${pathname}${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n` +
        `Authorization: Bearer ${tokens.access_token}\r\nNotion-Version: 2026-03-11\r\n\r\n`,
    )
  })
}

describe('the fault "status"', () => {
  it.each([
    [400, 'validation_error'],
    [401, 'unauthorized'],
    [403, 'restricted_resource'],
    [404, 'object_not_found'],
    [409, 'conflict_error'],
    [429, 'rate_limited'],
    [500, 'internal_server_error'],
    [502, 'bad_gateway'],
    [503, 'service_unavailable'],
    [504, 'gateway_timeout'],
    [529, 'service_overload'],
  ])('answers %i with the code %s in Notion’s envelope', async (status, code) => {
    await sandbox.control('fault', { kind: 'status', status })
    const answer = await me()
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ object: 'error', status, code, request_id: expect.any(String) })
    expect((await me()).status).toBe(200)
  })

  it('does not run the operation', async () => {
    await sandbox.control('fault', { kind: 'status', status: 503, match: { path: '/v1/oauth/token' } })
    expect((await refresh()).status).toBe(503)
    expect((await refresh()).status).toBe(200)
  })

  it('returns the requested error in the format of RFC 6749 on OAuth paths', async () => {
    await sandbox.control('fault', { kind: 'status', status: 400, reason: 'invalid_grant' })
    const { status, body } = await refresh()
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
    expect(body).not.toHaveProperty('object')
  })

  it.each([
    [400, 'invalid_json', 'Error parsing JSON body.'],
    [400, 'invalid_request', 'Unsupported request: /v1/users/me.'],
    [503, 'database_connection_unavailable', 'Notion is unavailable, please try again later.'],
    [418, 'i_am_a_teapot', 'A fault of the sandbox refused this request.'],
  ])('answers %i with the code %s if that is the reason', async (status, reason, message) => {
    await sandbox.control('fault', { kind: 'status', status, reason })
    expect((await me()).body).toMatchObject({ object: 'error', status, code: reason, message })
  })

  it('returns rate limits on OAuth paths in Notion’s format', async () => {
    await sandbox.control('fault', { kind: 'status', status: 429 })
    expect((await refresh()).body).toMatchObject({ object: 'error', code: 'rate_limited' })
  })

  it('sends Retry-After on request', async () => {
    await sandbox.control('fault', { kind: 'status', status: 503, retryAfter: 7 })
    expect((await me()).headers.get('retry-after')).toBe('7')
  })
})

describe('the fault "rate_limit"', () => {
  it('returns 429 with the delay in header and body, and the reason', async () => {
    await sandbox.control('fault', { kind: 'rate_limit', retryAfter: 5, reason: 'public_api_request_blocked' })
    const { status, headers, body } = await me()
    expect([status, headers.get('retry-after')]).toEqual([429, '5'])
    expect(body).toMatchObject({
      code: 'rate_limited',
      additional_data: { retry_after: '5', rate_limit_reason: 'public_api_request_blocked' },
    })
  })
})

describe('faults of the connection', () => {
  it('"reset" closes it before the operation runs', async () => {
    await sandbox.control('fault', { kind: 'reset', match: { path: '/v1/users' } })
    expect(await onTheWire('/v1/users/me')).toMatchObject({ received: '', end: 'error' })
    await sandbox.control('fault', { kind: 'reset', match: { path: '/v1/oauth' } })
    await expect(refresh()).rejects.toThrow()
    expect((await refresh()).status).toBe(200)
  })

  it('"commit_then_reset" closes it after the operation ran', async () => {
    await sandbox.control('fault', { kind: 'commit_then_reset', match: { path: '/v1/oauth' } })
    await expect(refresh()).rejects.toThrow()
    expect((await refresh()).body.error).toBe('invalid_grant')
  })

  /** Returns whether a promise is still pending after 150 ms. */
  const isPending = (promise: Promise<unknown>) =>
    Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setTimeout(resolve, 150, true))])

  it('"slow_headers" sends nothing before the end of the delay', async () => {
    await sandbox.control('fault', { kind: 'slow_headers', delayMs: 600_000 })
    const gone = new AbortController()
    const answer = fetch(`${sandbox.url}/v1/users/me`, { signal: gone.signal })
    expect(await isPending(answer)).toBe(true)
    gone.abort()
    await expect(answer).rejects.toThrow()
    await sandbox.control('fault', { kind: 'slow_headers', delayMs: 50 })
    expect((await me()).status).toBe(200)
  })

  it('"slow_body" sends the headers immediately and the body slowly', async () => {
    await sandbox.control('fault', { kind: 'slow_body', delayMs: 600_000 })
    const gone = new AbortController()
    const response = await fetch(`${sandbox.url}/v1/users/me`, { signal: gone.signal })
    const body = response.text()
    expect(await isPending(body)).toBe(true)
    gone.abort()
    await expect(body).rejects.toThrow()
    await sandbox.control('fault', { kind: 'slow_body', delayMs: 50 })
    expect((await me()).body).toMatchObject({ object: 'user' })
  })

  it('"truncate" sends less than its content-length', async () => {
    await sandbox.control('fault', { kind: 'truncate' })
    const { received } = await onTheWire('/v1/users/me')
    const [head = '', body = ''] = received.split('\r\n\r\n')
    expect(body.length).toBeGreaterThan(0)
    expect(body.length).toBeLessThan(Number(/content-length: (\d+)/i.exec(head)?.[1]))
    await sandbox.control('fault', { kind: 'truncate' })
    await expect(me()).rejects.toThrow()
  })

  it('"huge" streams 60 MB and stops when the client disconnects', async () => {
    await sandbox.control('fault', { kind: 'huge', times: 2 })
    const { length, end } = await onTheWire('/v1/users/me')
    expect(end).toBe('end')
    expect(length).toBeGreaterThan(60 * 1024 * 1024)
    const response = await fetch(`${sandbox.url}/v1/users/me`)
    await response.body?.cancel()
    expect((await me()).status).toBe(200)
  })
})

describe('faults of the content', () => {
  it('"invalid_json" sends a complete response that is not valid JSON', async () => {
    await sandbox.control('fault', { kind: 'invalid_json' })
    const response = await fetch(`${sandbox.url}/v1/users/me`)
    expect(response.headers.get('content-type')).toContain('application/json')
    const text = await response.text()
    expect(text.length).toBeGreaterThan(0)
    expect(() => JSON.parse(text) as unknown).toThrow()
  })

  it('"html" responds like an edge proxy: 403, a ray id, no request id', async () => {
    await sandbox.control('fault', { kind: 'html' })
    const response = await fetch(`${sandbox.url}/v1/users/me`)
    expect(response.status).toBe(403)
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('cf-ray')).toBeTruthy()
    expect(response.headers.get('x-notion-request-id')).toBeNull()
    expect(response.headers.get('x-notion-sandbox')).toBe('true')
  })

  it('"redirect" leads to a path that logs whether credentials were sent', async () => {
    await sandbox.control('fault', { kind: 'redirect', times: 2 })
    const headers = { authorization: basic(testClient), 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: JSON.stringify({ grant_type: 'refresh_token' }) }
    const manual = await fetch(`${sandbox.url}/v1/oauth/token`, { ...request, redirect: 'manual' })
    expect(manual.status).toBe(307)
    expect((await sandbox.log()).some(({ path }) => path === '/_redirected')).toBe(false)
    await fetch(`${sandbox.url}/v1/oauth/token`, request)
    expect((await sandbox.log()).at(-1)).toMatchObject({ path: '/_redirected', credentialsReceived: true })
  })

  it('"redirect" leads to the passed location', async () => {
    await sandbox.control('fault', { kind: 'redirect', location: 'http://127.0.0.1:1/elsewhere' })
    const response = await fetch(`${sandbox.url}/v1/users/me`, { redirect: 'manual' })
    expect(response.headers.get('location')).toBe('http://127.0.0.1:1/elsewhere')
  })
})

describe('the fault "commit_then_503"', () => {
  it('saves the created object and returns its id', async () => {
    await sandbox.control('fault', { kind: 'commit_then_503', match: { method: 'POST', path: '/v1/pages' } })
    const { status, body } = await createPage('Saved all the same')
    expect(status).toBe(503)
    expect(body).toMatchObject({
      code: 'service_unavailable',
      message: expect.stringContaining('The change was saved'),
      additional_data: { from: '/v1/pages', deadline_ms: '55000', committed_resource_id: expect.any(String) },
    })
    const { committed_resource_id: id } = body.additional_data as { committed_resource_id: string }
    expect((await sandbox.call(tokens.access_token, 'GET', `/v1/pages/${id}`)).body).toMatchObject({ id })
  })

  it('returns the parent and the new children of an append', async () => {
    await sandbox.control('fault', { kind: 'commit_then_503', match: { method: 'PATCH' } })
    const { body } = await sandbox.call(tokens.access_token, 'PATCH', `/v1/blocks/${parent}/children`, {
      children: [{ paragraph: { rich_text: [] } }, { divider: {} }],
    })
    expect(body.additional_data).toMatchObject({
      committed_resource_id: parent,
      committed_child_ids: [expect.any(String), expect.any(String)],
    })
  })

  it('does not change an error response', async () => {
    await sandbox.control('fault', { kind: 'commit_then_503' })
    expect((await sandbox.call(tokens.access_token, 'POST', '/v1/pages', {})).status).toBe(400)
  })
})

describe('the requests of a fault', () => {
  it('are one by default, otherwise as many as `times`', async () => {
    await sandbox.control('fault', { kind: 'status', status: 500, times: 2 })
    expect([(await me()).status, (await me()).status, (await me()).status]).toEqual([500, 500, 200])
  })

  it('are all until "clear" when `times` is 0', async () => {
    await sandbox.control('fault', { kind: 'status', status: 500, times: 0 })
    expect([(await me()).status, (await me()).status]).toEqual([500, 500])
    await sandbox.control('clear')
    expect((await me()).status).toBe(200)
  })

  it.each([
    [{ path: '/v1/users' }, true],
    [{ path: '/v1/users/me' }, true],
    [{ path: '/v1/users/m*' }, true],
    [{ path: '/v1/*' }, false],
    [{ path: '/v1/**' }, true],
    [{ path: '**/me' }, true],
    [{ path: '/v1/pages' }, false],
    [{ method: 'GET' }, true],
    [{ method: 'POST' }, false],
    [{ method: 'POST', path: '/v1/users/me' }, false],
  ])('follows the match %j', async (match, applies) => {
    await sandbox.control('fault', { kind: 'status', status: 500, match })
    expect((await me()).status === 500).toBe(applies)
  })

  it('are logged without tokens', async () => {
    await sandbox.control('fault', { kind: 'status', status: 500 })
    await me()
    const log = await sandbox.log()
    expect(log.at(-1)).toMatchObject({ method: 'GET', path: '/v1/users/me', status: 500, fault: 'status' })
    expect(JSON.stringify(log)).not.toMatch(/ntn_|nrt_/)
  })
})
