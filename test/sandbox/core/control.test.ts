import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunningSandbox, Tokens } from '../support.ts'
import { startSandbox, testClient } from '../support.ts'

let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox()
})
beforeEach(() => sandbox.control('reset'))
afterAll(() => sandbox.close())

const post = (name: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${sandbox.url}/_control/${name}`, { method: 'POST', body, headers })
const works = async ({ access_token }: Tokens) =>
  (await sandbox.call(access_token, 'GET', '/v1/users/me')).status === 200
const refreshes = async ({ refresh_token }: Tokens) =>
  (await sandbox.token({ grant_type: 'refresh_token', refresh_token })).status === 200
const sees = async ({ access_token }: Tokens, path: string) => (await sandbox.call(access_token, 'GET', path)).status

const product = 'ac3e0000-0000-4000-8000-000000000100'
const projects = '2561ab6c-418b-8072-beec-c4779fa811cf'
const runbooks = 'ac3e0000-0000-4000-8000-000000000161'
const engineering = 'ac3e0000-0000-4000-8000-000000000160'
const boardMinutes = 'ac3e0000-0000-4000-8000-000000000190'

describe('the control interface', () => {
  it('lists its operations with their parameters', async () => {
    const response = await fetch(`${sandbox.url}/_control`)
    const { operations } = (await response.json()) as { operations: { name: string; parameters: object }[] }
    expect(operations.map(({ name }) => name).sort()).toEqual(
      (
        'capabilities clear client expire fault mode rateLimit reset revoke seed share unshare ' +
        'webhook webhookDelete webhookFaults webhookFlush webhookResend webhookVerify webhooks'
      ).split(' '),
    )
    expect(operations.find(({ name }) => name === 'mode')?.parameters).toHaveProperty('properties.rotation.enum')
  })

  it.each([
    ['an unknown operation', 'explode', '{}', 'Unknown control operation POST explode'],
    ['an inherited property', 'constructor', '{}', 'Unknown control operation'],
    ['malformed JSON', 'reset', '{', 'The body must be a JSON object'],
    ['an unknown parameter', 'reset', '{"really":true}', 'really'],
    ['a wrong value', 'mode', '{"rotation":"sometimes"}', 'rotation'],
    ['a user who does not exist', 'revoke', '{"user":"x@acme.test"}', 'owner@acme.test'],
    ['nothing to expire', 'expire', '{}', 'access or refresh'],
    ['rows without a database', 'seed', '{"rows":5}', 'at least one database'],
    ['an unknown resource', 'share', '{"user":"owner@acme.test","resourceId":"x"}', 'Unknown page or database'],
  ])('refuses %s with 400, the reason and the list of operations', async (_, name, body, reason) => {
    const response = await post(name, body)
    const answer = (await response.json()) as { error: string; operations: string[] }
    expect(response.status).toBe(400)
    expect(answer.error).toContain(reason)
    expect(answer.operations).toContain('reset')
  })

  it.each(['/v1/users', '/sandbox/v1/users', 'users', '/users/'])(
    'takes the path %s as it is written',
    async (path) => {
      const response = await post(
        'fault',
        JSON.stringify({ kind: 'status', status: 500, match: { method: 'get', path } }),
      )
      expect(response.status).toBe(200)
      const answer = await fetch(`${sandbox.url}/v1/users`, {
        headers: { authorization: 'Bearer none', 'notion-version': '2026-03-11' },
      })
      expect(answer.status).toBe(500)
    },
  )

  it('rejects a too large body', async () => {
    const valid = await sandbox.connect()
    expect((await post('reset', `{"x":"${'x'.repeat(2_000_000)}"}`)).status).toBe(400)
    expect(await works(valid)).toBe(true)
  })

  it('rejects requests of other sites', async () => {
    expect((await post('reset', '{}', { origin: 'https://evil.example' })).status).toBe(400)
    expect((await post('reset', '{}', { origin: new URL(sandbox.url).origin })).status).toBe(200)
  })

  it('does not exist when it is disabled', async () => {
    const closed = await startSandbox({ control: false })
    const response = await fetch(`${closed.url}/_control/reset`, { method: 'POST', body: '{}' })
    expect(await response.json()).toMatchObject({ code: 'invalid_request_url' })
    await closed.close()
  })
})

describe('revoke', () => {
  it('ends the grants of a user, of a client or of all users', async () => {
    const owner = await sandbox.connect()
    const ownerElsewhere = await sandbox.connect({}, { id: 'other', secret: 'x' })
    const member = await sandbox.connect({ user: 'member@acme.test' })
    const all = [owner, ownerElsewhere, member]
    expect(await sandbox.control('revoke', { user: 'owner@acme.test', clientId: testClient.id })).toMatchObject({
      grants: 1,
    })
    expect(await Promise.all(all.map(works))).toEqual([false, true, true])
    await sandbox.control('revoke', { clientId: 'other' })
    expect(await Promise.all(all.map(works))).toEqual([false, false, true])
    await sandbox.control('revoke')
    expect(await Promise.all(all.map(works))).toEqual([false, false, false])
    expect(await refreshes(member)).toBe(false)
  })

  it('does not prevent another authorization', async () => {
    await sandbox.connect()
    await sandbox.control('revoke')
    expect(await works(await sandbox.connect())).toBe(true)
  })
})

describe('expire', () => {
  it('expires access tokens and not refresh tokens', async () => {
    const tokens = await sandbox.connect()
    await sandbox.control('expire', { user: 'owner@acme.test', access: true })
    expect([await works(tokens), await refreshes(tokens)]).toEqual([false, true])
  })

  it('expires refresh tokens on request, and only those of the user', async () => {
    const owner = await sandbox.connect()
    const member = await sandbox.connect({ user: 'member@acme.test' })
    await sandbox.control('expire', { user: 'owner@acme.test', access: true, refresh: true })
    expect([await works(owner), await refreshes(owner), await works(member)]).toEqual([false, false, true])
  })
})

describe('share and unshare', () => {
  it('add a page with its descendants to a connection', async () => {
    const tokens = await sandbox.connect({ resources: projects })
    expect(await sees(tokens, `/v1/pages/${runbooks}`)).toBe(404)
    await sandbox.control('share', { user: 'owner@acme.test', resourceId: engineering })
    expect(await sees(tokens, `/v1/pages/${runbooks}`)).toBe(200)
  })

  it('remove a page below a shared page and add it again', async () => {
    const tokens = await sandbox.connect()
    await sandbox.control('unshare', { user: 'owner@acme.test', resourceId: runbooks })
    expect([await sees(tokens, `/v1/pages/${runbooks}`), await sees(tokens, `/v1/pages/${engineering}`)]).toEqual([
      404, 200,
    ])
    await sandbox.control('share', { user: 'owner@acme.test', resourceId: runbooks })
    expect(await sees(tokens, `/v1/pages/${runbooks}`)).toBe(200)
  })

  it('share a page that is not shareable on the consent page', async () => {
    const tokens = await sandbox.connect()
    expect(await sees(tokens, `/v1/pages/${boardMinutes}`)).toBe(404)
    await sandbox.control('share', { user: 'owner@acme.test', resourceId: boardMinutes })
    expect(await sees(tokens, `/v1/pages/${boardMinutes}`)).toBe(200)
  })

  it('let a person share more content on the consent page', async () => {
    await expect(sandbox.authorize({ resources: boardMinutes })).rejects.toThrow('400')
    await sandbox.control('share', { user: 'owner@acme.test', resourceId: boardMinutes })
    await expect(sandbox.authorize({ resources: boardMinutes })).resolves.toBeTruthy()
  })

  it('accept databases in shared pages', async () => {
    const tokens = await sandbox.connect({ resources: product })
    expect(await sees(tokens, `/v1/databases/${projects}`)).toBe(200)
    await sandbox.control('unshare', { user: 'owner@acme.test', resourceId: product })
    expect(await sees(tokens, `/v1/databases/${projects}`)).toBe(404)
  })
})

describe('capabilities', () => {
  it('apply immediately when removed, and at the next authorization when added', async () => {
    const tokens = await sandbox.connect()
    await sandbox.control('capabilities', { clientId: testClient.id, capabilities: ['READ_USERS'] })
    expect(await sees(tokens, `/v1/pages/${runbooks}`)).toBe(403)
    const reduced = await sandbox.connect()
    await sandbox.control('capabilities', { clientId: testClient.id, capabilities: ['READ_USERS', 'READ_CONTENT'] })
    expect(await sees(tokens, `/v1/pages/${runbooks}`)).toBe(403)
    expect(await sees(reduced, `/v1/pages/${runbooks}`)).toBe(403)
    expect(await sees(await sandbox.connect(), `/v1/pages/${runbooks}`)).toBe(200)
  })
})

describe('mode', () => {
  it('changes the passed settings and returns all settings', async () => {
    const first = await sandbox.control('mode', { rotation: 'grace', latencyMs: 1 })
    const second = await sandbox.control('mode', { expiresIn: true })
    expect(second).toEqual({ ...first, expiresIn: true })
    expect(second).toMatchObject({
      rotation: 'grace',
      reauthorization: 'fresh',
      accessTokenTtlSeconds: null,
      latencyMs: 1,
    })
  })

  it('adds latency to every response', async () => {
    await sandbox.control('mode', { latencyMs: 60 })
    const start = performance.now()
    await fetch(`${sandbox.url}/v1/nothing`)
    expect(performance.now() - start).toBeGreaterThan(50)
  })

  it('rounds times of creation and of edits down to the minute', async () => {
    const noon = '2026-11-20T12:00:20.500Z'
    const dated = await startSandbox({ clock: () => new Date(noon) })
    const { access_token: token } = await dated.connect()
    const body = { parent: { page_id: product }, properties: {} }
    const create = async () => (await dated.call(token, 'POST', '/v1/pages', body)).body
    expect(await create()).toMatchObject({ created_time: noon, last_edited_time: noon })
    await dated.control('mode', { wholeMinutes: true })
    const minute = '2026-11-20T12:00:00.000Z'
    expect(await create()).toMatchObject({ created_time: minute, last_edited_time: minute })
    const { headers } = await dated.call(token, 'GET', '/v1/users/me')
    expect(headers.get('date')).toBe('Fri, 20 Nov 2026 12:00:20 GMT')
    await dated.close()
  })
})

describe('the log', () => {
  it('contains grant types, and the same fingerprint for the same token', async () => {
    const tokens = await sandbox.connect()
    await sandbox.call(tokens.access_token, 'GET', '/v1/users/me')
    await refreshes(tokens)
    const [, exchange, first, refresh] = await sandbox.log()
    expect(exchange).toMatchObject({
      method: 'POST',
      path: '/v1/oauth/token',
      grantType: 'authorization_code',
      status: 200,
    })
    expect(first?.tokenFingerprint).toMatch(/^[0-9a-f]{12}$/)
    expect(refresh).toMatchObject({
      grantType: 'refresh_token',
      tokenFingerprint: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    await sandbox.call(tokens.access_token, 'GET', '/v1/users/me')
    expect((await sandbox.log()).at(-1)?.tokenFingerprint).toBe(first?.tokenFingerprint)
    expect(refresh?.tokenFingerprint).not.toBe(first?.tokenFingerprint)
  })
})

describe('reset', () => {
  it('restores the content and the defaults and ends all tokens', async () => {
    const tokens = await sandbox.connect()
    await sandbox.control('mode', { rotation: 'none' })
    await sandbox.control('fault', { kind: 'status', times: 0 })
    await sandbox.control('seed', { pages: 3 })
    await sandbox.control('reset')
    expect(await sandbox.log()).toEqual([])
    expect([await works(tokens), await refreshes(tokens)]).toEqual([false, false])
    expect(await sandbox.control('mode')).toMatchObject({ rotation: 'strict' })
  })
})

describe('seed', () => {
  it('adds pages, databases and rows with the returned ids', async () => {
    const tokens = await sandbox.connect()
    const seeded = await sandbox.control('seed', { pages: 2, databases: 2, rows: 5 })
    const [first, second] = seeded.dataSourceIds as string[]
    const rowsOf = async (id: string | undefined) => {
      const { body } = await sandbox.call(tokens.access_token, 'POST', `/v1/data_sources/${id}/query`, {})
      return (body.results as unknown[]).length
    }
    expect([await rowsOf(first), await rowsOf(second)]).toEqual([3, 2])
    expect(await sees(tokens, `/v1/pages/${String(seeded.rootId)}`)).toBe(200)
  })

  it('adds more content at each call', async () => {
    const first = await sandbox.control('seed', { pages: 1 })
    const second = await sandbox.control('seed', { pages: 1 })
    expect(second.rootId).not.toBe(first.rootId)
  })
})
