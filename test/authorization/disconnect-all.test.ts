import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { disconnectAll } from '../../src/accounts/authorization/disconnect-all.ts'
import { operatorActor } from '../../src/audit/audit-log.ts'
import { run } from '../../src/cli/run.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'

const masterKey = randomBytes(32).toString('base64')

let app: TestApp
let database: Database
beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
  database = await openDatabase({ kind: 'server', url: app.config.databaseUrl ?? '', maxConnections: 5 }, () => {})
})
afterAll(async () => {
  await database.close()
  await app.stop()
})

async function command(line: string) {
  const [lines, progress]: [string[], string[]] = [[], []]
  const env = { DATABASE_URL: app.config.databaseUrl ?? '', VALETKEY_MASTER_KEY: masterKey }
  const code = await run(
    line.split(' '),
    env,
    (text) => lines.push(text),
    (text) => progress.push(text),
  )
  return { code, lines, progress }
}

const statuses = async (connectionName: string) => {
  const { rows } = await sql<{ status: string; count: number }>`
    select account.status, count(*)::int from connected_accounts account join oauth_apps app on app.id = account.oauth_app_id
    where app.connection_name = ${connectionName} group by 1 order by 1`.execute(database.db)
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}

const register = (connectionName: string) =>
  app.graphql(
    `mutation ($c: String!) { registerOAuthApp(input: {
      connectionName: $c, clientId: $c, clientSecret: "s", confirmationUrl: "http://localhost:9/confirm"
    }) { __typename } }`,
    { c: connectionName },
  )

/** Adds accounts without tokens to a connection. */
const crowd = (connectionName: string, count: number) =>
  sql`insert into connected_accounts (environment_id, oauth_app_id, identifier)
    select environment_id, id, 'crowd-' || n from oauth_apps, generate_series(1, ${count}::int) n
    where connection_name = ${connectionName}`.execute(database.db)

describe('accounts disconnect-all', () => {
  it('disconnects every account of a connection, and the server revokes the tokens at the provider', async () => {
    await register('first')
    for (const identifier of ['ann', 'bob']) {
      expect(await app.connect(identifier, { connectionName: 'first' })).toBe('ACTIVE')
      expect(await app.connect(identifier)).toBe('ACTIVE')
    }
    await crowd('first', 10)
    const stream = app.subscribe(
      'subscription { connectedAccountStatus(connectionName: "first", identifier: "ann") { status transitions(first: 1) { nodes { actor } } } }',
    )
    await stream.next()
    const next = stream.next()

    const refused = await command('accounts disconnect-all --connection first').catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'UsageError', message: expect.stringContaining('disconnects 12 accounts') })
    expect(await statuses('first')).toEqual({ ACTIVE: 2, PENDING: 10 })

    const { code, lines, progress } = await command('accounts disconnect-all --connection first --yes')
    expect([code, lines[0]]).toEqual([0, expect.stringContaining('Disconnected 12 accounts. Failed: 0.')])
    expect(progress).toEqual(['Disconnected 12 of 12 accounts.'])
    expect(await statuses('first')).toEqual({ DISCONNECTED: 12 })
    expect(await statuses('notion')).toMatchObject({ ACTIVE: 2 })
    expect((await next).value).toMatchObject({
      connectedAccountStatus: { status: 'DISCONNECTED', transitions: { nodes: [{ actor: 'cli' }] } },
    })
    await stream.return(undefined)
    // The servers send what the command has queued.
    await expect
      .poll(
        async () =>
          (await sql<{ count: number }>`select count(*)::int from revocation_outbox`.execute(database.db)).rows[0]
            ?.count,
        { timeout: 60_000 },
      )
      .toBe(0)
    expect(JSON.stringify(await app.sandbox('log'))).toContain('/v1/oauth/revoke')
  })

  it('goes on after an interruption, and disconnects no account twice', async () => {
    await register('many')
    await crowd('many', 250)
    const { rows } = await sql<{ environment_id: string }>`
      select environment_id from oauth_apps where connection_name = 'many'`.execute(database.db)
    const selection = {
      environmentId: rows[0]?.environment_id ?? '',
      connectionNames: ['many'],
      olderThanSeconds: null,
    }
    const context = { db: database.db, actor: operatorActor, events: { publish: () => {} } }
    const interrupted = disconnectAll(context as never, selection, () => {
      throw new Error('interrupted')
    })
    await expect(interrupted).rejects.toThrow('interrupted')
    expect(await statuses('many')).toEqual({ DISCONNECTED: 100, PENDING: 150 })
    const { code, lines } = await command('accounts disconnect-all --connection many --yes')
    expect([code, lines[0]]).toEqual([0, expect.stringContaining('Disconnected 150 accounts.')])
    expect(await statuses('many')).toEqual({ DISCONNECTED: 250 })
    const { rows: acts } = await sql<{ target: string }>`
      select target from audit_events where action = 'account.disconnected' and after->>'connectionName' = 'many'`.execute(
      database.db,
    )
    expect(new Set(acts.map(({ target }) => target)).size).toBe(250)
    expect(acts).toHaveLength(250)
    const { rows: runs } = await sql<{ action: string; actor: string }>`
      select action, actor from audit_events where action like 'accounts.%' order by id desc limit 3`.execute(
      database.db,
    )
    expect(runs.map(({ action, actor }) => [action, actor])).toEqual([
      ['accounts.mass_disconnect_ended', 'cli'],
      ['accounts.mass_disconnect_started', 'cli'],
      ['accounts.mass_disconnect_started', 'cli'],
    ])
  })

  it('ends links that are open for accounts that are disconnected already', async () => {
    await register('linked')
    await app.connect('ann', { connectionName: 'linked' })
    await app.graphql(
      'mutation { disconnectConnectedAccount(input: { connectionName: "linked", identifier: "ann" }) { __typename } }',
    )
    const { data } = await app.graphql(
      'mutation { authorize(input: { connectionName: "linked", identifier: "ann" }) { ... on AuthorizePayload { link } } }',
    )
    const { link } = data['authorize'] as { link: string }
    expect((await newBrowser().get(link)).status).toBe(303)
    const { lines } = await command('accounts disconnect-all --connection linked --yes')
    expect(lines[0]).toContain('Disconnected 1 accounts.')
    expect((await newBrowser().get(link)).status).not.toBe(303)
    expect((await command('accounts disconnect-all --connection linked --yes')).lines[0]).toContain('Disconnected 0')
  })

  it('selects accounts by age', async () => {
    await register('aged')
    await app.connect('new', { connectionName: 'aged' })
    await app.connect('old', { connectionName: 'aged' })
    await crowd('aged', 1)
    await sql`update connected_accounts set authorized_at = now() - interval '3 hours' from oauth_apps app
      where app.id = oauth_app_id and app.connection_name = 'aged' and identifier = 'old'`.execute(database.db)
    const { lines } = await command('accounts disconnect-all --connection aged --older-than 2h --yes')
    expect(lines[0]).toContain('Disconnected 1 accounts.')
    expect(await statuses('aged')).toEqual({ ACTIVE: 1, DISCONNECTED: 1, PENDING: 1 })
  })

  it.each([
    ['--environment nowhere --yes', 'unknown environment "nowhere"'],
    ['--connection nowhere --yes', 'unknown connection "nowhere"'],
    ['--older-than soon --yes', '--older-than must be a number with a unit'],
  ])('refuses "%s" with a message', async (options, message) => {
    await expect(command(`accounts disconnect-all ${options}`)).rejects.toThrow(message)
  })

  it('disconnects the whole environment without a connection, and no other environment', async () => {
    await command('keys create --environment elsewhere --name k --scopes ADMIN')
    expect((await command('accounts disconnect-all --environment elsewhere --yes')).lines[0]).toContain(
      'Disconnected 0',
    )
    expect(await statuses('notion')).toMatchObject({ ACTIVE: 2 })
    expect((await command('accounts disconnect-all --yes')).code).toBe(0)
    expect(Object.keys(await statuses('notion'))).toEqual(['DISCONNECTED'])
  })
})
