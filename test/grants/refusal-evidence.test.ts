import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAccount } from '../../src/accounts/account-store.ts'
import { importAccount } from '../../src/accounts/authorization/import-account.ts'
import { type Evidence, type Word, weigh } from '../../src/accounts/grants/refusal-evidence.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { verifyGrant } from '../../src/accounts/grants/verify-grant.ts'
import { nextAction } from '../../src/accounts/next-action.ts'
import { Secret } from '../../src/vault/secret.ts'
import {
  type Behaviour,
  type FakeOAuthServer,
  json,
  startFakeOAuthServer,
  tokenAnswer,
} from '../authorization/fake-oauth-server.ts'
import { quickTiming } from '../support/accounts-context.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { startNode, type TestNode } from './node.ts'
import { named, newEnvironment } from './support.ts'

const endAfter = { confirmed: { refusals: 3, spanMs: 60_000 }, unconfirmed: { refusals: 5, spanMs: 60_000 } }

describe('the weight of evidence', () => {
  const words: readonly Word[] = ['accepted', 'refused', 'silent', 'unavailable', 'client_refused']
  const counts = [0, 2, 3, 4, 5, 1_000]
  const spans = [0, 59_999, 60_000, 1e12]
  const every = words.flatMap((introspection) =>
    words.flatMap((api) =>
      counts.flatMap((refusals) =>
        spans.map((refusedForMs): Evidence => ({ introspection, api, refusals, refusedForMs })),
      ),
    ),
  )
  const ending = every.filter((evidence) => weigh(evidence, { endAfter }) === 'ended')

  it('ends a grant for nothing but repeated refusals over a time that the provider confirms', () => {
    const shown = new Set(ending.map(({ introspection, api }) => `${introspection}/${api}`))
    expect([...shown].toSorted()).toEqual(['accepted/refused', 'refused/refused', 'refused/silent', 'silent/refused'])
    for (const { introspection, refusals, refusedForMs } of ending) {
      expect(refusals).toBeGreaterThanOrEqual(introspection === 'refused' ? 3 : 5)
      expect(refusedForMs).toBeGreaterThanOrEqual(60_000)
    }
  })

  it('decides nothing while an endpoint cannot be asked, and nothing about the grant while the client is refused', () => {
    for (const evidence of every) {
      const said = [evidence.introspection, evidence.api]
      const verdict = weigh(evidence, { endAfter })
      if (said.includes('client_refused')) expect(verdict).toBe('client_refused')
      else if (said.includes('unavailable')) expect(verdict).toBe('undecided')
      else if (evidence.api === 'accepted') expect(verdict).toBe('works')
      else expect(verdict).not.toBe('client_refused')
    }
  })
})

const raw =
  (status: number, body: string, headers: Record<string, string> = {}): Behaviour =>
  (_received, response) => {
    response.writeHead(status, headers).end(body)
  }
const reset: Behaviour = (_received, response) => void response.socket?.resetAndDestroy()
const page = raw(403, '<!DOCTYPE html><h1>Blocked</h1>', { 'content-type': 'text/html' })

/** What the token endpoint may answer to a refresh. */
const tokenAnswers = {
  clear: {
    '200 with an error': json(200, { error: 'invalid_grant' }),
    '200 in the API envelope': json(200, { object: 'error', status: 400, code: 'invalid_grant' }),
    '201 with an error': json(201, { error: 'invalid_grant' }),
    '404 with an error': json(404, { error: 'invalid_grant' }),
    'an object as the error': json(400, { error: { code: 'invalid_grant', message: 'x' } }),
    'a list of errors': json(400, { errors: [{ code: 'invalid_grant' }] }),
    'a form': raw(400, 'error=invalid_grant&error_description=x'),
    'plain text': raw(400, 'invalid_grant\n'),
    'a challenge': raw(401, '', { 'www-authenticate': 'Bearer error="invalid_grant"' }),
  },
  unexplained: {
    '400 {}': json(400, {}),
    '400 with a message': json(400, { message: 'Invalid refresh token' }),
    '400 validation_error': json(400, { object: 'error', code: 'validation_error', message: 'x' }),
    '404 {}': json(404, {}),
    '403 without a body': raw(403, ''),
    '400 plain text': raw(400, 'Bad Request'),
    '401 {}': json(401, {}),
    '410': json(410, { error: 'gone' }),
    '200 {}': json(200, {}),
    '200 with a message': json(200, { message: 'no' }),
  },
  outage: {
    '500 invalid_grant': json(500, { error: 'invalid_grant' }),
    '503': json(503, {}),
    '400 server_error': json(400, { error: 'server_error' }),
    '200 temporarily_unavailable': json(200, { error: 'temporarily_unavailable' }),
    '429': json(429, { error: 'invalid_grant' }),
    '403 page': page,
    '401 page': raw(401, '<h1>Log in</h1>', { 'www-authenticate': 'Basic realm="proxy"' }),
    '200 page': raw(200, '<h1>Welcome</h1>'),
    '302': raw(302, '', { location: '/elsewhere' }),
    '408': json(408, {}),
    '409': json(409, {}),
    reset,
  },
} satisfies Record<string, Record<string, Behaviour>>

const introspections = {
  active: json(200, { active: true }),
  inactive: json(200, { active: false }),
  silent: json(404, {}),
  unavailable: json(503, {}),
  page,
} satisfies Record<string, Behaviour>

const me = (token: string) => ({
  object: 'user',
  id: `bot-${token}`,
  type: 'bot',
  bot: { owner: tokenAnswer.owner, workspace_id: tokenAnswer.workspace_id, workspace_name: 'Acme' },
})
const apis = {
  works: 200,
  refused: 401,
  unavailable: 502,
} as const

describe('a refused refresh', () => {
  let server: FakeOAuthServer
  let drop: () => Promise<void>
  let nodes: readonly [TestNode, TestNode]
  beforeAll(async () => {
    server = await startFakeOAuthServer()
    const database = await newPostgresDatabase()
    drop = database.drop
    const masterKey = new Secret(randomBytes(32).toString('base64'))
    const options = { location: database.location, masterKey, apiUrl: server.url, timeoutMs: 5_000 }
    const timing = {
      ...quickTiming,
      endAfter: { confirmed: { refusals: 3, spanMs: 0 }, unconfirmed: { refusals: 5, spanMs: 0 } },
    }
    nodes = [await startNode({ ...options, timing }), await startNode({ ...options, timing })]
  })
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await drop()
    await server.close()
  })

  /** The provider of each case, by the case's client id or access token. */
  const cases = new Map<string, { token: Behaviour; introspection: Behaviour; api: number }>()
  const provider: Behaviour = (received, response) => {
    const [scheme, credentials = ''] = (received.headers.authorization ?? '').split(' ')
    const name = scheme === 'Basic' ? Buffer.from(credentials, 'base64').toString().split(':')[0] : credentials
    const { token, introspection, api } = cases.get(name ?? '') ?? { token: reset, introspection: reset, api: 500 }
    if (received.path === '/v1/oauth/token') return token(received, response)
    if (received.path === '/v1/oauth/introspect') return introspection(received, response)
    const body = api === 200 ? me(name ?? '') : { object: 'error', status: api, code: 'unauthorized', message: 'x' }
    return json(received.path === '/v1/users/me' ? api : 404, body)(received, response)
  }
  let count = 0

  /** Connects an account whose provider then answers like this, and refuses its access token to a tool. */
  async function connected(token: Behaviour, introspection: keyof typeof introspections, api: keyof typeof apis) {
    const [{ context }] = nodes
    const name = `case-${count++}`
    cases.set(name, { token: reset, introspection: introspections.active, api: 200 })
    const { environmentId } = await newEnvironment(context, { id: name, secret: 'secret' })
    const imported = { accessToken: new Secret(name), refreshToken: new Secret(`refresh-${name}`) }
    const account = await importAccount(context, environmentId, { ...named('alice'), ...imported })
    cases.set(name, { token, introspection: introspections[introspection], api: apis[api] })
    return {
      name,
      account,
      refuse: (node: TestNode) =>
        renewAccessToken(node.context, account, 1, { ignoreBackoff: true }).then(
          () => null,
          (error: unknown) => error,
        ),
      read: () => findAccount(context.db, environmentId, named('alice')),
    }
  }

  /** What each answer of the token endpoint is seen with, and one of each kind with every combination. */
  const worst = [{ introspection: 'inactive', api: 'refused' }] as const
  const combinations = (Object.keys(introspections) as (keyof typeof introspections)[]).flatMap((introspection) =>
    (Object.keys(apis) as (keyof typeof apis)[]).map((api) => ({ introspection, api })),
  )

  it.each(
    Object.entries(tokenAnswers).flatMap(([kind, answers]) =>
      Object.entries(answers).map(
        ([name, answer], at) =>
          [
            kind as keyof typeof tokenAnswers,
            name,
            answer,
            at === 0 || name === '401 {}' ? combinations : worst,
          ] as const,
      ),
    ),
  )(
    '%s: "%s" has the right consequence with any other answer of the provider',
    async (kind, name, answer, others) => {
      server.behave(provider)
      const seen = await Promise.all(
        others.map(async ({ introspection, api }) => {
          const { refuse, read } = await connected(answer, introspection, api)
          // Both nodes count together.
          for (const at of [0, 1, 0]) await refuse(nodes[at as 0 | 1])
          const early = (await read())?.statusReason
          for (const at of [1, 0]) await refuse(nodes[at as 0 | 1])
          return [`${introspection}/${api}`, early, (await read())?.statusReason]
        }),
      )
      const expected = others.map(({ introspection, api }) => {
        const at = `${introspection}/${api}`
        if (kind === 'clear') return [at, 'REVOKED_AT_PROVIDER', 'REVOKED_AT_PROVIDER']
        if (kind === 'outage' || api !== 'refused') return [at, 'IMPORTED', 'IMPORTED']
        if (introspection === 'inactive') return [at, 'CREDENTIALS_REFUSED', 'CREDENTIALS_REFUSED']
        // A 401 where introspection cannot say anything may be about the client as well.
        const ends = introspection === 'active' || (introspection === 'silent' && name !== '401 {}')
        return [at, 'IMPORTED', ends ? 'CREDENTIALS_REFUSED' : 'IMPORTED']
      })
      expect(seen).toEqual(expected)
    },
    30_000,
  )

  it('leads to an account that asks for a new consent', async () => {
    server.behave(provider)
    const { refuse, read } = await connected(json(400, {}), 'inactive', 'refused')
    expect(await refuse(nodes[0])).toMatchObject({ name: 'ProviderUnavailableError' })
    await refuse(nodes[0])
    expect(await refuse(nodes[0])).toMatchObject({ name: 'AccountNotActiveError', userAction: 'REAUTHORIZE' })
    const account = await read()
    expect(account).toMatchObject({ status: 'EXPIRED', statusReason: 'CREDENTIALS_REFUSED' })
    expect(account && nextAction(account)).toContain('Call authorize')
  })

  it('counts the time by the database, and forgets what came before a proof that the grant works', async () => {
    const [node] = nodes
    const context = { ...node.context, timing: { ...node.context.timing, endAfter } }
    const patient = { ...node, context }
    server.behave(provider)
    const { refuse, read, account, name } = await connected(json(400, {}), 'inactive', 'refused')
    for (let time = 0; time < 6; time++) await refuse(patient)
    expect((await read())?.status).toBe('ACTIVE')
    const older = sql`update grants set refused_since = refused_since - interval '61 seconds'
      where id = ${account.grant?.id}`
    await older.execute(context.db)
    // A refresh that works, whose token the API then refuses again, is one more refusal and no proof.
    cases.set(name, {
      token: json(200, { ...tokenAnswer, access_token: name }),
      introspection: introspections.active,
      api: 200,
    })
    expect(await refuse(patient)).toBeNull()
    const row = () =>
      context.db
        .selectFrom('grants')
        .selectAll()
        .where('id', '=', account.grant?.id ?? '')
    expect(await row().executeTakeFirst()).toMatchObject({ status: 'active', refusals: 7, version: 2 })
    await verifyGrant(context, { environmentId: account.environmentId, grantId: account.grant?.id ?? '' })
    expect(await row().executeTakeFirst()).toMatchObject({ refusals: 0, refused_since: null })
  })

  it('ends a grant whose renewed tokens the API refuses one after another', async () => {
    server.behave(provider)
    const { read, account, name } = await connected(json(400, {}), 'inactive', 'refused')
    const answer = json(200, { ...tokenAnswer, access_token: name })
    cases.set(name, { token: answer, introspection: introspections.inactive, api: 401 })
    const renew = (version: number) => renewAccessToken(nodes[0].context, account, version)
    expect((await renew(1)).version).toBe(2)
    expect((await renew(2)).version).toBe(3)
    await expect(renew(3)).rejects.toMatchObject({ statusReason: 'CREDENTIALS_REFUSED' })
    expect((await read())?.status).toBe('EXPIRED')
  })
})
