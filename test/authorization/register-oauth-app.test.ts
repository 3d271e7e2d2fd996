import { randomUUID } from 'node:crypto'
import { type KyselyPlugin, sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { beginAuthorization } from '../../src/accounts/authorization/begin-authorization.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { registerOAuthApp } from '../../src/accounts/authorization/register-oauth-app.ts'
import { endGrantsOfOAuthApp } from '../../src/accounts/grants/end-grant.ts'
import { findOAuthApp, type OAuthAppRegistration } from '../../src/accounts/oauth-app-store.ts'
import {
  AuthorizationFlowNotFoundError,
  InvalidInputError,
  OAuthAppNotFoundError,
  OAuthAppRejectedError,
  ProviderUnavailableError,
  ReturnUrlNotAllowedError,
} from '../../src/errors.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { type AuthorizationSystem, Browser, connectInBrowser, flowIdOf, startAuthorizationSystem } from './support.ts'

let sandbox: RunningSandbox
let system: AuthorizationSystem
beforeAll(async () => {
  sandbox = await startSandbox()
  system = await startAuthorizationSystem({ apiUrl: sandbox.url, publicUrl: 'http://valetkey.internal:4000' })
})
afterAll(async () => {
  await system.close()
  await sandbox.close()
})
beforeEach(async () => {
  await system.clear()
  await system.registerApp()
})

/** Adds connected accounts, each with a grant of its own. */
const crowd = (count: number) =>
  sql`
    with granted as (
      insert into grants (environment_id, oauth_app_id, provider_user_id, workspace_id, status, access_token, capabilities)
      select environment_id, id, 'user-' || n, 'workspace', 'active', 'sealed', '{}'
      from oauth_apps, generate_series(1, ${count}::int) n
      returning id, environment_id, oauth_app_id, provider_user_id
    )
    insert into connected_accounts (environment_id, oauth_app_id, identifier, status, status_reason, grant_id)
    select environment_id, oauth_app_id, provider_user_id, 'ACTIVE', 'AUTHORIZED', id from granted
  `.execute(system.database.db)

const confirm = (flowId: string, identifier: string) =>
  confirmAuthorization(system.context, system.environmentId, { confirmationToken: flowId, identifier })

describe('registering an OAuth app', () => {
  it.each([
    ['connectionName', { connectionName: 'no blanks' }],
    ['connectionName', { connectionName: '' }],
    ['connectionName', { connectionName: '-x' }],
    ['connector', { connector: 'gopher' }],
    ['clientId', { clientId: '' }],
    ['clientId', { clientId: 'a:b' }],
    ['clientId', { clientId: 'ä' }],
    ['clientSecret', { clientSecret: new Secret('two\nlines') }],
    ['clientSecret', { clientSecret: new Secret('') }],
    ['returnUrls.1', { returnUrls: ['https://ok.example', 'http://not-local.example'] }],
    ['returnUrls.0', { returnUrls: ['https://user@x.example'] }],
    ['returnUrls.0', { returnUrls: ['https://x.example/?q'] }],
    ['returnUrls.0', { returnUrls: ['https://x.example/#f'] }],
    ['returnUrls.0', { returnUrls: ['javascript:alert(1)'] }],
    ['returnUrls', { returnUrls: Array.from({ length: 51 }, () => 'https://x.example') }],
    ['confirmationUrl', { confirmationUrl: 'http://app.example/confirm' }],
    ['confirmationUrl', { confirmationUrl: 'https://app.example/confirm#f' }],
    ['confirmationUrl', { confirmationUrl: '/confirm' }],
  ] as [string, Partial<OAuthAppRegistration>][])('is refused for its %s: %j', async (path, registration) => {
    const attempt = system.registerApp({ connectionName: `new-${randomUUID()}`, ...registration })
    await expect(attempt).rejects.toBeInstanceOf(InvalidInputError)
    await expect(attempt).rejects.toMatchObject({ issues: [{ path }] })
    const secret = registration.clientSecret?.reveal()
    if (secret) await expect(attempt).rejects.not.toThrow(secret)
  })

  it.each([
    'https://app.example/confirm?tenant=1',
    'http://localhost:3000/confirm',
    'http://valetkey.internal:4000/connect/confirm',
  ])('takes the confirmation URL %s', async (confirmationUrl) => {
    expect((await system.registerApp({ confirmationUrl })).confirmationUrl).toBe(confirmationUrl)
  })

  it('changes the one of the same name and keeps accounts working while the client is the same', async () => {
    const before = await system.registerApp()
    await confirm(flowIdOf(await connectInBrowser(new Browser(system), await system.link('ann'))), 'ann')
    const after = await system.registerApp({ clientSecret: new Secret('rotated'), capabilities: ['READ_CONTENT'] })
    const { version, binding } = after
    expect(after).toEqual({ ...before, capabilities: ['READ_CONTENT'], version, binding })
    expect(version).toBe(before.version + 1)
    expect(binding).not.toBe(before.binding)
    expect(await system.status('ann')).toMatchObject({ status: 'ACTIVE' })
  })

  it.each([
    ['client id', { clientId: 'another-client' }],
    ['side of the sandbox', { sandbox: false }],
  ])('ends what the old client was granted when it has another %s', async (_what, change) => {
    await confirm(flowIdOf(await connectInBrowser(new Browser(system), await system.link('active'))), 'active')
    const waiting = flowIdOf(
      await connectInBrowser(new Browser(system), await system.link('waiting'), { user: 'member@acme.test' }),
    )
    const opened = new Browser(system)
    const openedLink = await system.link('opened')
    await opened.openLink(openedLink)
    const unopened = await system.link('unopened')
    const published = system.events.length

    await system.registerApp(change)
    expect(await system.status('active')).toEqual({ status: 'EXPIRED', reason: 'OAUTH_APP_CHANGED' })
    expect(await system.status('waiting')).toEqual({ status: 'PENDING', reason: 'OAUTH_APP_CHANGED' })
    expect(system.events.length - published).toBe(2)
    await expect(confirm(waiting, 'waiting')).rejects.toBeInstanceOf(AuthorizationFlowNotFoundError)
    expect((await opened.visit(openedLink)).status).toBe(404)
    const grants = await system.database.db.selectFrom('grants').select(['status', 'access_token']).execute()
    expect(grants).toEqual([{ status: 'ended', access_token: null }])

    await connectInBrowser(new Browser(system), unopened)
    expect(await system.status('unopened')).toMatchObject({ status: 'PENDING_CONFIRMATION' })
  })

  it('ends thousands of grants with few statements', async () => {
    const { db } = system.database
    await crowd(2_100)
    let statements = 0
    const counting: KyselyPlugin = {
      transformQuery({ node }) {
        statements += 1
        return node
      },
      transformResult: async ({ result }) => result,
    }
    const published = system.events.length
    await registerOAuthApp({ ...system.context, db: db.withPlugin(counting) }, system.environmentId, {
      connectionName: 'notion',
      connector: 'notion',
      clientId: 'another-client',
      clientSecret: new Secret('secret'),
      capabilities: [],
      returnUrls: [],
      confirmationUrl: null,
      sandbox: true,
    })
    expect(statements).toBeLessThan(50)
    expect(new Set(system.events.slice(published).map(({ transitionId }) => transitionId)).size).toBe(2_100)
    const accounts = db.selectFrom('connected_accounts').select(['status', 'status_reason']).distinct()
    expect(await accounts.execute()).toEqual([{ status: 'EXPIRED', status_reason: 'OAUTH_APP_CHANGED' }])
    const transitions = db
      .selectFrom('status_transitions')
      .innerJoin('connected_accounts', 'connected_accounts.id', 'status_transitions.account_id')
      .where('from_status', '=', 'ACTIVE')
      .where('to_status', '=', 'EXPIRED')
    const { count } = await transitions.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()
    expect(count).toBe(2_100)
    expect(await db.selectFrom('grants').select('status').distinct().execute()).toEqual([{ status: 'ended' }])
  })

  it('holds up no calls of the accounts while it ends their grants', async () => {
    const { db } = system.database
    await crowd(1)
    const { id: oauthAppId } = await system.registerApp()
    await db.transaction().execute(async (trx) => {
      const app = { environmentId: system.environmentId, oauthAppId }
      await endGrantsOfOAuthApp(system.context, trx, app, { status: 'EXPIRED', reason: 'OAUTH_APP_CHANGED' })
      // The lock of a row that refers to the account, as the journal's do.
      await db.selectFrom('connected_accounts').select('id').forKeyShare().noWait().executeTakeFirstOrThrow()
    })
  })

  it('verifies the credentials on request, and registers nothing that the provider does not accept', async () => {
    const verify = { verifyCredentials: true }
    await sandbox.control('client', { clientId: 'verified', clientSecret: 'right' })
    await sandbox.control('mode', { registeredClientsOnly: true })
    const attempt = (clientId: string, clientSecret: string) =>
      system.registerApp(
        { connectionName: 'verified', clientId, clientSecret: new Secret(clientSecret) },
        undefined,
        verify,
      )
    for (const [id, secret] of [
      ['verified', 'wrong'],
      ['unknown', 'right'],
    ] as const) {
      await expect(attempt(id, secret)).rejects.toBeInstanceOf(OAuthAppRejectedError)
    }
    await sandbox.control('fault', { match: { path: '/v1/oauth/token' }, kind: 'html' })
    await expect(attempt('verified', 'right')).rejects.toBeInstanceOf(ProviderUnavailableError)
    expect(await findOAuthApp(system.context.db, system.environmentId, 'verified')).toBeNull()
    await expect(attempt('verified', 'right')).resolves.toMatchObject({ clientId: 'verified', rejection: null })
    await sandbox.control('mode', { registeredClientsOnly: false })
  })

  it('is not seen from another environment', async () => {
    const other = await system.newEnvironment()
    expect(await findOAuthApp(system.context.db, other, 'notion')).toBeNull()
    await expect(system.link('ann', {}, other)).rejects.toBeInstanceOf(OAuthAppNotFoundError)
  })
})

describe('starting an authorization', () => {
  const begin = (request: Partial<Parameters<typeof beginAuthorization>[2]>) =>
    beginAuthorization(system.context, system.environmentId, {
      connectionName: 'notion',
      identifier: 'ann',
      returnUrl: null,
      state: null,
      expectedResources: [],
      allowUserChange: false,
      ...request,
    })
  const resource = { name: 'Tasks', reason: null, resourceId: null }

  it.each([
    ['identifier', { identifier: '' }],
    ['identifier', { identifier: 'a\0b' }],
    ['identifier', { identifier: 'x'.repeat(513) }],
    ['state', { state: 'x'.repeat(2_001) }],
    ['state', { state: '\0' }],
    ['expectedResources', { expectedResources: Array.from({ length: 21 }, () => resource) }],
    ['expectedResources.0.name', { expectedResources: [{ ...resource, name: '' }] }],
    ['expectedResources.0.name', { expectedResources: [{ ...resource, name: '\ud800' }] }],
    ['expectedResources.0.reason', { expectedResources: [{ ...resource, reason: 'x'.repeat(501) }] }],
    ['expectedResources.0.resourceId', { expectedResources: [{ ...resource, resourceId: 'x'.repeat(101) }] }],
  ])('is refused for its %s: %j', async (path, request) => {
    await expect(begin(request)).rejects.toMatchObject({ name: 'InvalidInputError', issues: [{ path }] })
  })

  it('is refused with a return URL that is not registered, and makes no account then', async () => {
    const attempt = begin({ identifier: 'unknown-user', returnUrl: 'https://evil.example/' })
    await expect(attempt).rejects.toBeInstanceOf(ReturnUrlNotAllowedError)
    await expect(attempt).rejects.toMatchObject({ allowed: ['https://app.example'] })
    expect(await system.status('unknown-user')).toBeNull()
  })

  it('creates the account once for many at the same time, with a link for each', async () => {
    const begun = await Promise.all(Array.from({ length: 20 }, () => begin({ identifier: 'crowd' })))
    expect(new Set(begun.map(({ account }) => account.id)).size).toBe(1)
    expect(new Set(begun.map(({ link }) => link)).size).toBe(20)
    expect(begun[0]?.link.startsWith('http://valetkey.internal:4000/connect/')).toBe(true)
  })

  it('returns when the link ends: ten minutes from now', async () => {
    const { expiresAt } = await begin({})
    expect(Math.abs(expiresAt.getTime() - Date.now() - 600_000)).toBeLessThan(60_000)
  })
})
