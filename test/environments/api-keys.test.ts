import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { newApiKey } from '../../src/environments/api-key-format.ts'
import { createApiKey, findApiKeysById, listApiKeys, revokeApiKey } from '../../src/environments/api-keys.ts'
import { credentialEnds } from '../../src/environments/authenticate.ts'
import type { EnvironmentsContext } from '../../src/environments/context.ts'
import { ensureEnvironment } from '../../src/environments/environment-store.ts'
import { notNarrowed } from '../../src/environments/narrowing.ts'
import { ensureBootstrapApiKey } from '../../src/environments/operator-keys.ts'
import { noToolPolicy } from '../../src/environments/tool-policy.ts'
import { allScopes, type Scope } from '../../src/environments/viewer.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../../src/errors.ts'
import { Secret } from '../../src/vault/secret.ts'
import { freshDatabase } from '../support/database.ts'
import { environmentsContext, refusalOf, viewerOf } from './support.ts'

let database: Database
let context: EnvironmentsContext
let environmentId: string
let otherEnvironmentId: string
beforeAll(async () => {
  database = await freshDatabase('postgres')
  context = environmentsContext(database)
  environmentId = (await ensureEnvironment(database.db, 'production')).id
  otherEnvironmentId = (await ensureEnvironment(database.db, 'other')).id
})
afterAll(() => database.close())

const create = (scopes: readonly Scope[] = ['ACCOUNTS_READ'], expiresAt: Date | null = null) =>
  createApiKey(context, environmentId, { name: 'a key', scopes, expiresAt })

describe('an environment', () => {
  it('is created once when many nodes ask for it', async () => {
    const found = await Promise.all(Array.from({ length: 8 }, () => ensureEnvironment(database.db, 'many')))
    expect(new Set(found.map((environment) => environment.id)).size).toBe(1)
  })
})

describe('a new API key', () => {
  it('authenticates with its environment and scopes', async () => {
    const { apiKey, secret } = await create(['ACCOUNTS_READ', 'TOOLS_READ', 'TOOLS_READ'])
    expect(apiKey.scopes).toEqual(['ACCOUNTS_READ', 'TOOLS_READ'])
    const viewer = await viewerOf(context, secret)
    expect(viewer).toEqual({
      environmentId,
      environmentName: 'production',
      scopes: new Set(['ACCOUNTS_READ', 'TOOLS_READ']),
      identifier: null,
      narrowing: notNarrowed,
      toolPolicy: noToolPolicy,
      credential: { kind: 'api_key', id: apiKey.id, apiKeyId: apiKey.id, expiresAt: null },
    })
    expect(await credentialEnds(context, [viewer])).toMatchObject([{ inMs: null }])
  })

  it('has every scope when it has ADMIN', async () => {
    const { secret } = await create(['ADMIN'])
    expect((await viewerOf(context, secret)).scopes).toEqual(allScopes)
  })

  it('is nowhere in the database', async () => {
    const { secret } = await create()
    const random = secret.reveal().slice(-36)
    const { rows } = await sql<{ text: string }>`select to_jsonb(api_keys)::text as text from api_keys`.execute(
      database.db,
    )
    expect(rows.length).toBeGreaterThan(0)
    for (const { text } of rows) expect(text).not.toContain(random.slice(4))
  })

  it.each([
    ['an empty name', { name: ' ', scopes: ['ADMIN'] as const, expiresAt: null }, 'name'],
    ['a name with control characters', { name: 'a\0b', scopes: ['ADMIN'] as const, expiresAt: null }, 'name'],
    ['no scope', { name: 'n', scopes: [] as const, expiresAt: null }, 'scopes'],
    ['an expiry in the past', { name: 'n', scopes: ['ADMIN'] as const, expiresAt: new Date(0) }, 'expiresAt'],
    ['an invalid expiry date', { name: 'n', scopes: ['ADMIN'] as const, expiresAt: new Date('x') }, 'expiresAt'],
  ])('is refused with %s', async (_what, input, path) => {
    const attempt = createApiKey(context, environmentId, input)
    await expect(attempt).rejects.toBeInstanceOf(InvalidInputError)
    await expect(attempt).rejects.toMatchObject({ issues: [{ path }] })
  })
})

describe('an API key that is not accepted', () => {
  it.each([
    ['nothing', null, 'anonymous'],
    ['blanks', '  ', 'anonymous'],
    ['another scheme', 'Basic dXNlcjpwYXNz', 'malformed'],
    ['no credential', 'Bearer ', 'malformed'],
    ['two credentials', 'Bearer a b', 'malformed'],
    ['bytes beyond ASCII', 'Bearer schlüssel', 'malformed'],
    ['more than 4 kB', `Bearer ${'a'.repeat(5_000)}`, 'malformed'],
    ['a made-up key', `Bearer ${newApiKey('default').secret.reveal()}`, 'unknown'],
    ['any other text', 'Bearer nonsense', 'unknown'],
  ])('is refused with the reason for %s', async (_what, header, reason) => {
    expect(await refusalOf(context, header)).toBe(reason)
  })

  it('is reported as truncated or mistyped without a query', async () => {
    const { secret } = await create()
    const mistyped = secret.reveal().replace(/.$/, (last) => (last === 'x' ? 'y' : 'x'))
    const unreachable = { ...context, db: database.db.withSchema('nowhere') }
    expect(await refusalOf(unreachable, `Bearer ${mistyped}`)).toBe('malformed')
  })

  it('is reported as revoked, and revoking it again changes nothing', async () => {
    const { apiKey, secret } = await create()
    const viewer = await viewerOf(context, secret)
    const revoked = await revokeApiKey(context, environmentId, apiKey.id)
    expect(await refusalOf(context, `Bearer ${secret.reveal()}`)).toBe('revoked')
    expect(await credentialEnds(context, [viewer])).toMatchObject([{ inMs: 0, refusal: { reason: 'revoked' } }])
    expect(await revokeApiKey(context, environmentId, apiKey.id)).toEqual(revoked)
  })

  it("is reported as expired, by the database's clock", async () => {
    const { apiKey, secret } = await create(['ADMIN'], new Date(Date.now() + 3_600_000))
    const viewer = await viewerOf(context, secret)
    expect(viewer.credential.expiresAt).toEqual(apiKey.expiresAt)
    await database.db
      .updateTable('api_keys')
      .set({ expires_at: sql`clock_timestamp() - interval '1 second'` })
      .where('id', '=', apiKey.id)
      .execute()
    expect(await refusalOf(context, `Bearer ${secret.reveal()}`)).toBe('expired')
    expect(await credentialEnds(context, [viewer])).toMatchObject([{ inMs: 0, refusal: { reason: 'expired' } }])
  })
})

describe("an environment's API keys", () => {
  it('are several at a time, listed newest first without their secrets', async () => {
    const first = await create()
    const second = await create()
    const [newest, older] = await listApiKeys(context, environmentId)
    expect([newest?.id, older?.id]).toEqual([second.apiKey.id, first.apiKey.id])
    await viewerOf(context, first.secret)
    await viewerOf(context, second.secret)
    expect(JSON.stringify(await listApiKeys(context, environmentId))).not.toContain(second.secret.reveal().slice(-20))
  })

  it('are listed as long as they can be used, however many have ended since', async () => {
    const lasting = await create()
    const { apiKey: revoked } = await create()
    await revokeApiKey(context, environmentId, revoked.id)
    await sql`
      insert into api_keys (environment_id, name, prefix, secret_hmac, scopes, expires_at)
      select ${environmentId}, 'job', 'vk', 'job ' || n, '{}', clock_timestamp() - interval '1 minute'
      from generate_series(1, 1100) n
    `.execute(database.db)
    const listed = await listApiKeys(context, environmentId)
    expect(listed).toHaveLength(1_000)
    expect(listed[0]?.id).toBe(lasting.apiKey.id)
    await sql`delete from api_keys where name = 'job'`.execute(database.db)
  })

  it('are neither seen nor revoked from another environment', async () => {
    const { apiKey, secret } = await create()
    expect(await listApiKeys(context, otherEnvironmentId)).toEqual([])
    expect(await findApiKeysById(context, otherEnvironmentId, [apiKey.id])).toEqual([])
    expect(await findApiKeysById(context, environmentId, [apiKey.id])).toEqual([apiKey])
    await expect(revokeApiKey(context, otherEnvironmentId, apiKey.id)).rejects.toBeInstanceOf(ApiKeyNotFoundError)
    await viewerOf(context, secret)
  })

  it('record their last use at most once a minute', async () => {
    const { apiKey, secret } = await create()
    const lastUse = async () => (await findApiKeysById(context, environmentId, [apiKey.id]))[0]?.lastUsedAt
    const setLastUse = (age: string) =>
      database.db
        .updateTable('api_keys')
        .set({ last_used_at: sql`clock_timestamp() - ${age}::interval` })
        .where('id', '=', apiKey.id)
        .execute()
    expect(await lastUse()).toBeNull()
    await viewerOf(context, secret)
    const first = await lastUse()
    expect(first).toBeInstanceOf(Date)
    await viewerOf(context, secret)
    expect(await lastUse()).toEqual(first)
    await setLastUse('61 seconds')
    await viewerOf(context, secret)
    expect((await lastUse())?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? 0)
  })
})

describe('the bootstrap key', () => {
  const name = () => `bootstrap-${Math.random().toString(36).slice(2)}`

  it('may be any string that the operator chose, and is an ADMIN key of its environment', async () => {
    const chosen = new Secret('correct/horse=battery+staple')
    const environment = name()
    const { apiKey, generated } = await ensureBootstrapApiKey(context, environment, chosen)
    expect(generated).toBeNull()
    expect(apiKey.prefix).not.toContain('correct/')
    const viewer = await viewerOf(context, chosen)
    expect(viewer.environmentName).toBe(environment)
    expect(viewer.scopes).toEqual(allScopes)
    const again = await ensureBootstrapApiKey(context, environment, chosen)
    expect(again.apiKey.id).toBe(apiKey.id)
  })

  it('may look like a JWT', async () => {
    const chosen = new Secret('eyJhbGciOiJIUzI1NiJ9.e30.abc')
    await ensureBootstrapApiKey(context, name(), chosen)
    expect((await viewerOf(context, chosen)).credential.kind).toBe('api_key')
  })

  it('replaces the one that was configured before', async () => {
    const environment = name()
    await ensureBootstrapApiKey(context, environment, new Secret('the-first-one'))
    const { apiKey } = await ensureBootstrapApiKey(context, environment, new Secret('the-second-one'))
    expect(await refusalOf(context, 'Bearer the-first-one')).toBe('revoked')
    expect(await refusalOf(context, 'Bearer the-second-one')).toBe('viewer')
    const made = await createApiKey(context, apiKey.environmentId, { name: 'x', scopes: ['ADMIN'], expiresAt: null })
    await ensureBootstrapApiKey(context, environment, new Secret('the-third-one'))
    await viewerOf(context, made.secret)
  })

  it('stays revoked when it was revoked over the API and the server starts again', async () => {
    const environment = name()
    const chosen = new Secret('revoked-over-the-api')
    const { apiKey } = await ensureBootstrapApiKey(context, environment, chosen)
    await revokeApiKey(context, apiKey.environmentId, apiKey.id)
    expect((await ensureBootstrapApiKey(context, environment, chosen)).apiKey.revokedAt).toBeInstanceOf(Date)
    expect(await refusalOf(context, 'Bearer revoked-over-the-api')).toBe('revoked')
  })

  it('is that of one environment, also when several choose the same one at once', async () => {
    const chosen = new Secret('chosen-by-several-environments')
    const environments = Array.from({ length: 8 }, name)
    const attempts = await Promise.allSettled(
      environments.map((environment) => ensureBootstrapApiKey(context, environment, chosen)),
    )
    const stored = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value.apiKey] : []))
    expect(stored).toHaveLength(1)
    expect((await viewerOf(context, chosen)).environmentId).toBe(stored[0]?.environmentId)
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(String(attempt.reason)).toContain('that of another environment')
    }
  })

  it('is generated once when none was chosen and many nodes start at once', async () => {
    const environment = name()
    const nodes = await Promise.all(Array.from({ length: 5 }, () => ensureBootstrapApiKey(context, environment, null)))
    const [generated, ...others] = nodes.flatMap((node) => (node.generated ? [node.generated] : []))
    expect(others).toEqual([])
    expect((await viewerOf(context, generated ?? new Secret(''))).environmentName).toBe(environment)
    expect((await ensureBootstrapApiKey(context, environment, null)).generated).toBeNull()
  })

  it.each([
    ['blanks', 'two words'],
    ['nothing', ''],
    ['bytes beyond ASCII', 'schlüssel'],
    ['a mistyped key of ours', `vk_default_${'a'.repeat(36)}`],
  ])('is refused with %s', async (_what, text) => {
    await expect(ensureBootstrapApiKey(context, name(), new Secret(text))).rejects.toBeInstanceOf(InvalidInputError)
  })

  it('is refused when it was created over the API, and replaces no key then', async () => {
    const environment = name()
    const bootstrap = new Secret(`of-${environment}`)
    await ensureBootstrapApiKey(context, environment, bootstrap)
    for (const at of ['production', environment]) {
      const { secret } = await create()
      await expect(ensureBootstrapApiKey(context, at, secret)).rejects.toBeInstanceOf(InvalidInputError)
    }
    await viewerOf(context, bootstrap)
  })
})
