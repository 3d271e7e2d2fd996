import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { beginAuthorization } from '../../src/accounts/authorization/begin-authorization.ts'
import { confirmAuthorization } from '../../src/accounts/authorization/confirm-authorization.ts'
import { disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { createApiKey, revokeApiKey } from '../../src/environments/api-keys.ts'
import { authenticate, credentialEnds } from '../../src/environments/authenticate.ts'
import { createUserSession } from '../../src/environments/user-sessions.ts'
import {
  type AuthorizationSystem,
  application,
  Browser,
  confirmationUrl,
  connectInBrowser,
  consent,
  flowIdOf,
  locationOf,
  startAuthorizationSystem,
} from '../authorization/support.ts'
import { environmentsContext, viewerOf } from '../environments/support.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { type DatabaseWriter, databaseWriter } from './database-writer.ts'

describe('a writer of the database without the keys of the vault', () => {
  let sandbox: RunningSandbox
  let system: AuthorizationSystem
  let writer: DatabaseWriter
  /** The ids of what is attacked, and of what the attacker has of the same kind. */
  const ids: Record<'app' | 'otherApp' | 'account' | 'otherAccount' | 'grant' | 'otherGrant', string> = {
    ...{ app: '', otherApp: '', account: '', otherAccount: '', grant: '', otherGrant: '' },
  }

  const refusals = ['VaultError', 'AccountNotFoundError', 'WrongConnectionError', 'OAuthAppNotFoundError']
  /** What an identifier's tool call would use, or null when it is refused. */
  const opens = async (identifier: string) => {
    try {
      const name = { connectionName: 'notion', identifier }
      const { account, accessToken } = await openAccount(system.context, system.environmentId, name)
      return (
        accessToken && {
          token: accessToken.reveal(),
          connector: account.connector,
          sandbox: account.sandbox,
          raw: account.appRawRequests,
        }
      )
    } catch (error) {
      expect(refusals).toContain((error as Error).name)
      return null
    }
  }
  const connect = async (identifier: string, user: string) => {
    const flowId = flowIdOf(await connectInBrowser(new Browser(system), await system.link(identifier), { user }))
    const { account } = await confirmAuthorization(system.context, system.environmentId, {
      confirmationToken: flowId,
      identifier,
    })
    return { accountId: account.id, grantId: account.grant?.id ?? '', appId: account.oauthAppId }
  }

  beforeAll(async () => {
    sandbox = await startSandbox()
    system = await startAuthorizationSystem({ apiUrl: sandbox.url })
    writer = databaseWriter(system.database.db)
    ids.otherApp = (await system.registerApp({ clientId: 'other' }, await system.newEnvironment())).id
    await system.registerApp()
    const victim = await connect('victim', 'owner@acme.test')
    const attacker = await connect('attacker', 'member@acme.test')
    Object.assign(ids, { app: victim.appId, account: victim.accountId, grant: victim.grantId })
    Object.assign(ids, { otherAccount: attacker.accountId, otherGrant: attacker.grantId })
  })
  afterAll(async () => {
    await system.close()
    await sandbox.close()
  })

  it.each([
    ['connected_accounts', 'account', 'otherAccount'],
    ['connected_accounts', 'otherAccount', 'account'],
    ['grants', 'grant', 'otherGrant'],
    ['grants', 'otherGrant', 'grant'],
    ['oauth_apps', 'app', 'otherApp'],
  ] as const)('has no account use anything else by changing a column of %s (%s)', async (table, attacked, other) => {
    const own = { victim: await opens('victim'), attacker: await opens('attacker') }
    expect(own.victim).not.toBeNull()
    let refused = 0
    for (const [change, statement] of await writer.changesOf(table, ids[attacked], ids[other])) {
      await writer.during([[table, ids[attacked]]], [statement], async () => {
        for (const identifier of ['victim', 'attacker'] as const) {
          const seen = await opens(identifier)
          if (seen === null) refused++
          else expect(seen, change).toEqual(own[identifier])
        }
      })
    }
    expect(refused).toBeGreaterThan(5)
    expect(await opens('victim')).toEqual(own.victim)
  })

  it('sends no browser and no consent elsewhere by changing a column of an OAuth app', async () => {
    const begin = (returnUrl: string | null) =>
      beginAuthorization(system.context, system.environmentId, {
        ...{ connectionName: 'notion', identifier: 'new', returnUrl, state: null },
        ...{ expectedResources: [], allowUserChange: false },
      })
    const leads = async (returnUrl: string) => {
      const browser = new Browser(system)
      const { link } = await begin(returnUrl)
      const consentUrl = await browser.openLink(link)
      const asked = new URL(consentUrl)
      for (const name of ['state', 'code_challenge']) asked.searchParams.delete(name)
      const back = new URL(locationOf(await browser.visit(await consent(consentUrl))))
      return [asked.href, back.origin + back.pathname]
    }
    const honest = await leads(application)
    expect(honest[1]).toBe(confirmationUrl)
    let refused = 0
    for (const [change, statement] of await writer.changesOf('oauth_apps', ids.app, ids.otherApp)) {
      await writer.during([['oauth_apps', ids.app]], [statement], async () => {
        const seen = await leads(application).catch(() => null)
        if (seen === null) refused++
        else expect(seen, change).toEqual(honest)
        await expect(begin('https://evil.example/'), change).rejects.toThrow()
      })
    }
    expect(refused).toBeGreaterThan(20)
  })

  it('redirects no link by changing a column of an authorization', async () => {
    const flowOf = async (link: string) => {
      const { rows } = await sql<{ id: string }>`select id from authorization_flows where link_hash = encode(
        sha256(convert_to(${link.slice(-43)}, 'UTF8')), 'hex')`.execute(system.database.db)
      return rows[0]?.id ?? ''
    }
    const first = await system.link('attacker', { returnUrl: `${application}/attacker`, allowUserChange: true })
    const other = await flowOf(first)
    const deciding = [
      'oauth_app_id',
      'account_id',
      'return_url',
      'allow_user_change',
      'expected_resources',
      'link_hash',
    ]
    let refused = 0
    for (const [change] of await writer.changesOf('authorization_flows', other, other)) {
      const link = await system.link('victim', { returnUrl: application })
      const id = await flowOf(link)
      const statement = sql.raw(`update authorization_flows set ${change} where id = '${id}'`)
      await writer.during([['authorization_flows', id]], [statement], async () => {
        const changed = await sql<{ same: boolean }>`select coalesce(${sql.raw(change)}, false) as same
          from authorization_flows where id = ${id}`.execute(system.database.db)
        const response = await new Browser(system).visit(link)
        if (response.status === 303) {
          const bound = deciding.some((column) => change.startsWith(`${column} `))
          // Where it decides, only the same value as before leads on.
          if (bound) expect(changed.rows, change).toEqual([{ same: true }])
        } else refused++
      })
    }
    expect(refused).toBeGreaterThan(15)
    expect(system.logged()).toContain('refused an authorization')
  })

  it('moves no grant to another account with several statements', async () => {
    const { db } = system.database
    const own = { victim: await opens('victim'), attacker: await opens('attacker') }
    const accounts = [
      ['connected_accounts', ids.account],
      ['connected_accounts', ids.otherAccount],
    ] as const
    await sql`create table saved_accounts as select * from connected_accounts`.execute(db)
    const set = (column: string, id: string, from: string) =>
      sql`update connected_accounts set ${sql.ref(column)} = (select ${sql.ref(column)} from saved_accounts where id = ${from})
        where id = ${id}`
    for (const columns of [['grant_id'], ['grant_id', 'binding'], ['identifier'], ['identifier', 'binding']]) {
      const statements = columns.flatMap((column) => [
        // Identifiers are unique at each moment.
        ...(column === 'identifier' ? [sql`update connected_accounts set identifier = id::text`] : []),
        set(column, ids.account, ids.otherAccount),
        set(column, ids.otherAccount, ids.account),
      ])
      const seen = await writer.during(accounts, statements, async () => [
        await opens('victim'),
        await opens('attacker'),
      ])
      expect(seen, columns.join()).toEqual([null, null])
    }
    // Another consent of the victim would move into the attacker's grant, which has the victim's name for a moment.
    const { rows: owners } = await sql<{ id: string; user: string; workspace: string }>`
      select id, provider_user_id as user, workspace_id as workspace from grants`.execute(db)
    const named = (id: string, from: string) => {
      const owner = owners.find((each) => each.id === from)
      return sql`update grants set provider_user_id = ${owner?.user}, workspace_id = ${owner?.workspace} where id = ${id}`
    }
    const grants = [
      ['grants', ids.grant],
      ['grants', ids.otherGrant],
    ] as const
    const hidden = sql`update grants set provider_user_id = 'hidden' where id = ${ids.grant}`
    const moved = await writer.during(grants, [hidden, named(ids.otherGrant, ids.grant)], async () => {
      await expect(connect('second', 'owner@acme.test')).rejects.toMatchObject({ kind: 'not_bound' })
      expect(await writer.write(named(ids.otherGrant, ids.otherGrant))).toBe(true)
      expect(await opens('attacker')).toEqual(own.attacker)
      return true
    })
    expect(moved).toBe(true)
    // The attacker confirms an own authorization with the victim's unconfirmed consent.
    const waiting = async (identifier: string, user: string) =>
      flowIdOf(await connectInBrowser(new Browser(system), await system.link(identifier), { user }))
    await waiting('victim', 'owner@globex.test')
    const flowId = await waiting('attacker', 'member@acme.test')
    const { rows: consents } = await sql<{ id: string; grant: string; account: string }>`
      select id, grant_id as grant, account_id as account from authorization_flows where stage = 'consented'`.execute(
      db,
    )
    const consentOf = (account: string) => consents.find((each) => each.account === account)
    const written = await writer.write(
      sql`update authorization_flows set stage = 'lapsed', grant_id = null where id = ${consentOf(ids.account)?.id}`,
      sql`update authorization_flows set grant_id = ${consentOf(ids.account)?.grant}
        where id = ${consentOf(ids.otherAccount)?.id}`,
    )
    expect(written).toBe(true)
    const confirmation = { confirmationToken: flowId, identifier: 'attacker' }
    await expect(confirmAuthorization(system.context, system.environmentId, confirmation)).rejects.toMatchObject({
      kind: 'not_bound',
    })
    expect(await opens('attacker')).toEqual(own.attacker)
  })

  it('brings no disconnected account back, whichever program disconnected it', async () => {
    const { db } = system.database
    const shared = await connect('shared', 'owner@acme.test')
    const revive = sql`update connected_accounts set status = 'ACTIVE', grant_id = ${ids.grant} where id = ${shared.accountId}`
    await disconnectAccount(system.context, system.environmentId, { connectionName: 'notion', identifier: 'shared' })
    expect(await writer.write(revive)).toBe(true)
    expect(await opens('shared')).toBeNull()
    await connect('other', 'owner@acme.test')
    await sql`update connected_accounts set status = 'DISCONNECTED' where identifier = 'other'`.execute(db)
    expect(await writer.write(sql`update connected_accounts set status = 'ACTIVE' where identifier = 'other'`)).toBe(
      true,
    )
    expect(await opens('other')).toBeNull()
  })

  it('accepts no API key with another environment, more scopes or a longer life', async () => {
    const context = environmentsContext(system.database)
    const other = await system.newEnvironment()
    const inAnHour = new Date(Date.now() + 3_600_000)
    const newKey = (environmentId: string, scopes: 'ADMIN' | 'TOOLS_READ') =>
      createApiKey(context, environmentId, { name: 'key', scopes: [scopes], expiresAt: inAnHour })
    const key = await newKey(system.environmentId, 'TOOLS_READ')
    const admin = await newKey(other, 'ADMIN')
    const revoked = await newKey(system.environmentId, 'TOOLS_READ')
    const issuer = await createApiKey(context, system.environmentId, {
      ...{ name: 'issuer', scopes: ['USER_SESSIONS_CREATE'], expiresAt: null },
    })
    const session = await createUserSession(context, await viewerOf(context, issuer.secret), {
      ...{ identifier: 'victim', expiresInSeconds: 600 },
    })
    await revokeApiKey(context, system.environmentId, revoked.apiKey.id)
    const uses = async ({ secret }: Pick<typeof key, 'secret'>) => {
      const found = await authenticate(context, `Bearer ${secret.reveal()}`)
      if (found.kind !== 'viewer') return null
      const [end] = await credentialEnds(context, [found.viewer])
      const { environmentId, scopes, identifier, credential } = found.viewer
      return { environmentId, scopes, identifier, expiresAt: credential.expiresAt, lives: end?.inMs !== 0 }
    }
    const own = await uses(key)
    const ofSession = await uses({ secret: session.token })
    const viewer = await viewerOf(context, key.secret)
    let refused = 0
    for (const [attacked, from] of [
      [key, admin],
      [revoked, key],
      [issuer, admin],
    ] as const) {
      for (const [change, statement] of await writer.changesOf('api_keys', attacked.apiKey.id, from.apiKey.id)) {
        await writer.during([['api_keys', attacked.apiKey.id]], [statement], async () => {
          expect(await uses(revoked), change).toBeNull()
          const seen = [await uses(key), await uses({ secret: session.token })]
          for (const [at, honest] of [own, ofSession].entries()) {
            if (seen[at] === null) refused++
            else expect(seen[at], change).toEqual(honest)
          }
          const [end] = await credentialEnds(context, [viewer])
          if (seen[0] === null) expect(end?.inMs, change).toBe(0)
          else expect(end?.inMs, change).toBeLessThanOrEqual(3_600_000)
        })
      }
    }
    expect(refused).toBeGreaterThan(20)
    // The hash of an own key in the row of another one.
    const moved = await writer.during(
      [
        ['api_keys', admin.apiKey.id],
        ['api_keys', key.apiKey.id],
      ],
      [
        sql`update api_keys set secret_hmac = secret_hmac || '?' where id = ${key.apiKey.id}`,
        sql`update api_keys set secret_hmac = (select trim('?' from secret_hmac) from api_keys where id = ${key.apiKey.id})
          where id = ${admin.apiKey.id}`,
      ],
      async () => [await uses(key)],
    )
    expect(moved).toEqual([null])
    expect(await uses(key)).toEqual(own)
  })
})
