import { createSecretKey, randomUUID } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { createApiKey, revokeApiKey } from '../../src/environments/api-keys.ts'
import { authenticate, credentialEnds } from '../../src/environments/authenticate.ts'
import type { EnvironmentsContext } from '../../src/environments/context.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { createUserSession } from '../../src/environments/user-sessions.ts'
import type { Viewer } from '../../src/environments/viewer.ts'
import { InvalidInputError } from '../../src/errors.ts'
import type { Secret } from '../../src/vault/secret.ts'
import { freshDatabase } from '../support/database.ts'
import fc from '../support/fast-check.ts'
import { environmentsContext, refusalOf, viewerOf } from './support.ts'

let database: Database
let context: EnvironmentsContext
let environmentId: string
let application: Viewer
beforeAll(async () => {
  database = await freshDatabase('postgres')
  context = environmentsContext(database)
  environmentId = (await ensureEnvironment(database.db, 'production')).id
  application = await viewerOf(context, await newKey())
})
afterAll(() => database.close())

async function newKey(expiresAt: Date | null = null): Promise<Secret> {
  const scopes = ['USER_SESSIONS_CREATE'] as const
  return (await createApiKey(context, environmentId, { name: 'backend', scopes, expiresAt })).secret
}

const session = (identifier: string, expiresInSeconds = 900, viewer = application) =>
  createUserSession(context, viewer, { identifier, expiresInSeconds })

describe('a user session', () => {
  it('acts for exactly its identifier, and can neither call tools nor create sessions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }).filter((text) => !/\p{Cc}|\p{Cs}/u.test(text)),
        async (identifier) => {
          const { token, expiresAt } = await session(identifier)
          const viewer = await viewerOf(context, token)
          expect(viewer).toMatchObject({ environmentId, environmentName: 'production', identifier })
          expect(viewer.scopes).toEqual(
            new Set(['ACCOUNTS_READ', 'ACCOUNTS_WRITE', 'ACCOUNTS_AUTHORIZE', 'TOOLS_APPROVE']),
          )
          expect(viewer.credential).toMatchObject({
            kind: 'user_session',
            apiKeyId: application.credential.id,
            expiresAt,
          })
          expect(viewer.credential.id).not.toBe(application.credential.id)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('lasts as long as requested', async () => {
    const { token, expiresAt } = await session('ann', 60)
    const { iat = 0, exp = 0 } = decodeJwt(token.reveal())
    expect(exp - iat).toBe(60)
    expect(expiresAt).toEqual(new Date(exp * 1000))
  })

  it.each([0, 86_401, 60.5, Number.NaN, -1])('is not created for %s seconds', async (seconds) => {
    await expect(session('ann', seconds)).rejects.toMatchObject({ issues: [{ path: 'expiresInSeconds' }] })
  })

  it.each(['', 'a\0b', 'x'.repeat(513), '\ud800'])('is not created for the identifier %j', async (identifier) => {
    await expect(session(identifier)).rejects.toBeInstanceOf(InvalidInputError)
  })

  it('ends at its expiry, by the clock of the database', async () => {
    const { token } = await session('ann', 60)
    const viewer = await viewerOf(context, token)
    // The same token, signed with a time of expiry that has just passed.
    const claims = decodeJwt(token.reveal())
    const past = await resign({ ...claims, exp: Math.floor(Date.now() / 1000) - 1 })
    expect(await refusalOf(context, `Bearer ${past}`)).toBe('expired')
    const expired = { ...viewer, credential: { ...viewer.credential, expiresAt: new Date(Date.now() - 1_000) } }
    const [remaining, ...others] = await credentialEnds(context, [
      viewer,
      expired,
      { ...viewer, environmentId: randomUUID() },
    ])
    expect(remaining?.inMs).toBeGreaterThan(0)
    expect(remaining?.inMs).toBeLessThanOrEqual(60_000)
    expect(remaining?.refusal.reason).toBe('expired')
    expect(others).toMatchObject([
      { inMs: 0, refusal: { reason: 'expired' } },
      { inMs: 0, refusal: { reason: 'unknown' } },
    ])
  })

  it('ends with the API key that created it', async () => {
    const key = await newKey()
    const backend = await viewerOf(context, key)
    const { token } = await session('ann', 900, backend)
    const viewer = await viewerOf(context, token)
    await revokeApiKey(context, environmentId, backend.credential.id)
    expect(await refusalOf(context, `Bearer ${token.reveal()}`)).toBe('revoked')
    expect(await credentialEnds(context, [viewer])).toMatchObject([{ inMs: 0, refusal: { reason: 'revoked' } }])
  })

  it('ends no later than the API key that created it', async () => {
    const keyEnds = new Date(Date.now() + 120_000)
    const backend = await viewerOf(context, await newKey(keyEnds))
    const viewer = await viewerOf(context, (await session('ann', 900, backend)).token)
    expect(viewer.credential.expiresAt).toEqual(keyEnds)
  })

  it('is not accepted after its environment was deleted', async () => {
    const { id } = await ensureEnvironment(database.db, 'short-lived')
    const { secret } = await createApiKey(context, id, { name: 'k', scopes: ['ADMIN'], expiresAt: null })
    const { token } = await session('ann', 900, await viewerOf(context, secret))
    await sql`delete from environments where id = ${id}`.execute(database.db)
    expect(await refusalOf(context, `Bearer ${token.reveal()}`)).toBe('unknown')
  })
})

describe('a forged user session', () => {
  it('is not accepted when any of its characters differs', async () => {
    const { token } = await session('ann')
    const text = token.reveal()
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom(...'AZaz09-_.'), async (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1)
        // The last character of base64url may carry bits that do not count.
        fc.pre(changed !== text && at !== text.length - 1)
        expect(await refusalOf(context, `Bearer ${changed}`)).toBe('unknown')
      }),
      { numRuns: 300 },
    )
  })

  it('is not accepted with another key, issuer, audience, type or algorithm', async () => {
    const claims = decodeJwt((await session('ann')).token.reveal())
    const otherKey = createSecretKey(Buffer.alloc(32, 1))
    const forged = [
      await resign(claims, {}, otherKey),
      await resign({ ...claims, iss: 'https://evil.example' }),
      await resign({ ...claims, aud: 'https://valetkey.example/other' }),
      await resign(claims, { alg: 'HS512' }),
      await resign({ ...claims, env: undefined }),
      await resign({ ...claims, key: 'not-a-uuid' }),
      await resign({ ...claims, sub: undefined }),
      await resign({ ...claims, exp: undefined }),
      unsigned(claims),
    ]
    for (const token of forged) expect(await refusalOf(context, `Bearer ${token}`)).toBe('unknown')
    // Without the type it is not even taken for a session.
    expect(await refusalOf(context, `Bearer ${await resign(claims, { typ: 'JWT' })}`)).toBe('unknown')
  })

  it('does not reach another environment by its id', async () => {
    const other = await ensureEnvironment(database.db, 'other')
    const claims = decodeJwt((await session('ann')).token.reveal())
    // Even with the signing key: its API key belongs to its own environment.
    expect(await refusalOf(context, `Bearer ${await resign({ ...claims, env: other.id })}`)).toBe('unknown')
  })

  it('has a message without any part of the credential', async () => {
    const { token } = await session('ann')
    const changed = `${token.reveal().slice(0, -3)}AAA`
    const found = await authenticate(context, `Bearer ${changed}`)
    expect(JSON.stringify(found)).not.toContain(changed.slice(0, 20))
  })
})

function resign(
  claims: Record<string, unknown>,
  header: { alg?: string; typ?: string } = {},
  key = createSecretKey(context.userSessionKey.reveal(), 'utf8'),
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'valetkey-session+jwt', ...header })
    .sign(header.alg === 'HS512' ? createSecretKey(Buffer.alloc(64, 7)) : key)
}

function unsigned(claims: Record<string, unknown>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none', typ: 'valetkey-session+jwt' })}.${part(claims)}.AAAA`
}
