import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'

const masterKey = randomBytes(32).toString('base64')

/** Two nodes of one installation. */
let app: TestApp
let other: TestApp
let database: Database
beforeAll(async () => {
  const env = { VALETKEY_MASTER_KEY: masterKey, PUBLIC_URL: 'http://localhost:4099' }
  app = await startApp({ database: 'postgres', env })
  const url = app.config.databaseUrl ?? ''
  other = await startApp({ env: { ...env, DATABASE_URL: url } })
  database = await openDatabase({ kind: 'server', url, maxConnections: 2 }, () => {})
})
afterAll(async () => {
  await database.close()
  await other.stop()
  await app.stop()
})

interface Session {
  readonly sessionId: string
  readonly token: string
}

async function newSession(identifier: string, on = app): Promise<Session> {
  const { data } = await on.graphql(
    `mutation ($i: String!) { createUserSession(input: { identifier: $i }) {
      ... on CreateUserSessionPayload { sessionId token }
    } }`,
    { i: identifier },
  )
  return data['createUserSession'] as Session
}

const codeOf = async (token: string, node = app) =>
  (await node.graphql('{ viewer { identifier } }', {}, token)).errors?.[0]?.extensions['code'] ?? null

const revoke = async (id: string, credential?: string) => {
  const answer = await app.graphql(
    'mutation ($id: ID!) { revokeUserSession(input: { id: $id }) { __typename ... on RevokeUserSessionPayload { sessionId } } }',
    { id },
    credential,
  )
  return answer.data['revokeUserSession']
}

const revokeAll = async (identifier: string) => {
  const { data } = await app.graphql(
    'mutation ($i: String!) { revokeUserSessions(input: { identifier: $i }) { ... on RevokeUserSessionsPayload { revokedCount } } }',
    { i: identifier },
  )
  return data['revokeUserSessions']
}

const actions = async (count: number) => {
  const { data } = await app.graphql(
    'query ($n: Int!) { auditEvents(first: $n) { nodes { action target before after } } }',
    { n: count },
  )
  return (data['auditEvents'] as { nodes: unknown[] }).nodes
}

/** A stream of an account on the other node, which has emitted once. Resolves when it ends. */
async function openStream(token: string, identifier: string): Promise<{ readonly ended: Promise<unknown> }> {
  await app.graphql(
    'mutation ($i: String!) { getOrCreateConnectedAccount(input: { identifier: $i }) { __typename } }',
    { i: identifier },
  )
  const stream = other.subscribe(
    'subscription ($i: String!) { connectedAccountStatus(identifier: $i) { status } }',
    { i: identifier },
    { credential: token },
  )
  expect((await stream.next()).done).toBe(false)
  return { ended: stream.next().catch((error: unknown) => String(error)) }
}

/** An ADMIN key of another environment. */
async function createApiKeyElsewhere(): Promise<string> {
  const { lines } = await command('keys create --environment elsewhere --name agent --scopes ADMIN')
  return lines[1] ?? ''
}

async function command(line: string) {
  const lines: string[] = []
  const env = { DATABASE_URL: app.config.databaseUrl ?? '', VALETKEY_MASTER_KEY: masterKey }
  await run(
    line.split(' '),
    env,
    (text) => lines.push(text),
    () => {},
  )
  return { lines }
}

describe('a revoked user session', () => {
  it('is refused on every node, and its streams end without another event', async () => {
    const session = await newSession('ann')
    const stays = await newSession('ann')
    for (const node of [app, other]) expect(await codeOf(session.token, node)).toBeNull()
    const stream = await openStream(session.token, 'ann')
    expect(await revoke(session.sessionId)).toEqual({
      __typename: 'RevokeUserSessionPayload',
      sessionId: session.sessionId,
    })
    expect(await codeOf(session.token)).toBe('UNAUTHENTICATED')
    await expect.poll(() => codeOf(session.token, other)).toBe('UNAUTHENTICATED')
    expect(await stream.ended).toContain('The user session was revoked.')
    for (const node of [app, other]) expect(await codeOf(stays.token, node)).toBeNull()
    expect(await actions(1)).toEqual([
      { action: 'user_session.revoked', target: session.sessionId, before: { identifier: 'ann' }, after: null },
    ])
  })

  it('stays revoked, and is recorded once', async () => {
    const { sessionId } = await newSession('again')
    await revoke(sessionId)
    const recorded = await actions(3)
    expect(await revoke(sessionId)).toMatchObject({ __typename: 'RevokeUserSessionPayload' })
    expect(await actions(3)).toEqual(recorded)
  })

  it('is not found in another environment, by a key that may not act for its user, and when it is unknown', async () => {
    const { sessionId, token } = await newSession('bob')
    const keyOf = async (more: string) => {
      const { data } = await app.graphql(
        `mutation { createApiKey(input: { name: "k", scopes: [USER_SESSIONS_CREATE] ${more} }) { ... on CreateApiKeyPayload { secret } } }`,
      )
      return (data['createApiKey'] as { secret: string }).secret
    }
    const unknown = { __typename: 'UserSessionNotFoundError' }
    expect(await revoke(sessionId, await keyOf('identifiers: ["ann"]'))).toEqual(unknown)
    for (const id of ['UserSession:00000000-0000-4000-8000-000000000000', 'UserSession:x', 'ApiKey:x'])
      expect(await revoke(Buffer.from(id).toString('base64'))).toEqual(unknown)
    const foreign = await createApiKeyElsewhere()
    expect(await revoke(sessionId, foreign)).toEqual(unknown)
    expect(await codeOf(token)).toBeNull()
    expect(await revoke(sessionId, await keyOf('identifiers: ["bob"]'))).toMatchObject({ sessionId })
  })
})

describe('revokeUserSessions', () => {
  it('ends all sessions of an identifier, and no others', async () => {
    const sessions = [await newSession('cid'), await newSession('cid', other), await newSession('cid')]
    const stays = await newSession('cid2')
    const stream = await openStream(sessions[1]?.token ?? '', 'cid')
    expect(await revokeAll('cid')).toEqual({ revokedCount: 3 })
    for (const { token } of sessions) {
      expect(await codeOf(token)).toBe('UNAUTHENTICATED')
      await expect.poll(() => codeOf(token, other)).toBe('UNAUTHENTICATED')
    }
    expect(await stream.ended).toContain('The user session was revoked.')
    expect(await codeOf(stays.token)).toBeNull()
    expect(await revokeAll('cid')).toEqual({ revokedCount: 0 })
    // A session that is created afterwards works.
    expect(await codeOf((await newSession('cid')).token)).toBeNull()
  })
})

describe('a user session without its row', () => {
  it('is not accepted', async () => {
    const { token, sessionId } = await newSession('gone')
    const id = Buffer.from(sessionId, 'base64').toString().replace('UserSession:', '')
    await sql`delete from user_sessions where id = ${id}`.execute(database.db)
    expect(await codeOf(token)).toBe('UNAUTHENTICATED')
  })
})

it('begins thirty authorizations at once, and is throttled then; the API key is not', async () => {
  const { token } = await newSession('eve')
  const aliases = Array.from(
    { length: 15 },
    (_, at) => `a${at}: authorize(input: { identifier: "eve" }) { __typename }`,
  )
  const begin = (credential: string) => app.graphql(`mutation { ${aliases.join(' ')} }`, {}, credential)
  for (const _ of [1, 2]) expect((await begin(token)).errors).toBeUndefined()
  expect((await begin(token)).errors?.[0]?.extensions['code']).toBe('THROTTLED')
  expect((await begin(app.apiKey)).errors).toBeUndefined()
})

describe('allowUserChange', () => {
  const authorize = (node: TestApp, token: string) =>
    node.graphql(
      'mutation { authorize(input: { identifier: "dan", allowUserChange: true }) { __typename ... on InvalidInputError { issues { path message } } } }',
      {},
      token,
    )

  it('is refused to user sessions, unless the operator permits it', async () => {
    const { token } = await newSession('dan')
    const refused = await authorize(app, token)
    expect(refused.data['authorize']).toEqual({
      __typename: 'InvalidInputError',
      issues: [{ path: 'allowUserChange', message: expect.stringContaining('VALETKEY_SESSIONS_MAY_CHANGE_USER') }],
    })
    expect((await authorize(app, app.apiKey)).data['authorize']).toEqual({ __typename: 'AuthorizePayload' })
    const permissive = await startApp({ env: { VALETKEY_SESSIONS_MAY_CHANGE_USER: 'on' } })
    const there = await newSession('dan', permissive)
    expect((await authorize(permissive, there.token)).data['authorize']).toEqual({ __typename: 'AuthorizePayload' })
    await permissive.stop()
  })
})
