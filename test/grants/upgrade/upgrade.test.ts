import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type App, createApp } from '../../../src/app.ts'
import { run } from '../../../src/cli/run.ts'
import { readConfig } from '../../../src/config.ts'
import { createLog } from '../../../src/log.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../../support/database.ts'
import { pageId, startUpgradeProvider, type UpgradeProvider } from './provider.ts'
import { authorize, confirm, consent, environmentOf, openLink, runTool, send, status } from './steps.ts'

/*
 * A database of release 0.1 with an account in each status and a flow in each stage, as make-dump.ts left it: ann is
 * ACTIVE; bob, carol, dave and olga have consented and wait for their confirmation; erin has a link, frank has opened
 * his, gina's exchange was interrupted; hank was disconnected while revocations failed.
 */

const dump = await readFile(new URL('release-0.1.sql', import.meta.url), 'utf8')
const flowIds = new Map(
  [...(/^-- flow ids: (.*)$/m.exec(dump)?.[1]?.matchAll(/(\w+)=(\S+)/g) ?? [])].map(([, name, id]) => [name, id]),
)
const flowId = (identifier: string) => flowIds.get(identifier) ?? ''

let database: TestDatabase
let provider: UpgradeProvider
let directory: string
let client: pg.Client
const apps: App[] = []

/** Starts a node of the current release on the restored database. */
async function startNode(): Promise<string> {
  const config = readConfig({
    ...environmentOf(database.location.url, provider.url, join(directory, `${apps.length}`)),
    ...databaseEnv(database.location),
  })
  const app = await createApp(config, { log: createLog('silent') })
  apps.push(app)
  return (await app.listen()).url
}

beforeEach(async () => {
  provider = await startUpgradeProvider()
  directory = await mkdtemp(join(tmpdir(), 'valetkey-upgrade-'))
  database = await newPostgresDatabase()
  // The dump has settings of a session.
  const connectionString = database.location.directUrl ?? database.location.url
  const loader = new pg.Client({ connectionString })
  await loader.connect()
  await loader.query(dump)
  await loader.end()
  client = new pg.Client({ connectionString })
  await client.connect()
  // As if the old release had stopped just now.
  await client.query(`
    update authorization_flows set expires_at = clock_timestamp() + interval '10 minutes';
    update idempotency_keys set expires_at = clock_timestamp() + interval '1 day';
    update tool_executions set started_at = clock_timestamp(), finished_at = clock_timestamp();
    update revocation_outbox set next_attempt_at = clock_timestamp(), give_up_at = clock_timestamp() + interval '1 day';
    update grants set next_verify_at = clock_timestamp() + interval '1 hour' where status = 'active'`)
})

afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop()
  await client.end()
  await database.drop()
  await provider.close()
  await rm(directory, { recursive: true, force: true })
})

describe('a database of release 0.1', () => {
  it('keeps its accounts usable, with their renewals and stored results', async () => {
    const url = await startNode()
    expect(await runTool(url, 'ann', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
    const input = { comment: 'Hello', parent: pageId }
    const repeated = await runTool(url, 'ann', 'notion_comment_create', input, 'comment-once')
    expect(repeated).toMatchObject({ __typename: 'ExecuteToolPayload', execution: { status: 'SUCCEEDED' } })
    expect(provider.comments).toBe(0)
    expect(
      await runTool(url, 'ann', 'notion_comment_create', { ...input, comment: 'Hi' }, 'comment-once'),
    ).toMatchObject({ __typename: 'IdempotencyConflictError' })
    const { nodes } = await send(url, '{ toolExecutions(first: 10) { nodes { id } } }')
    expect(nodes).toHaveLength(2 + 1)
    // A refused token is renewed with the refresh token that the old release stored.
    ;(provider.revoked as string[]).push('ntn_ann')
    expect(await runTool(url, 'ann', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(await status(url, 'ann')).toEqual(['ACTIVE', 'AUTHORIZED'])
  })

  it('lets an unconfirmed consent be confirmed once, also on several nodes at once', async () => {
    const nodes = await Promise.all([startNode(), startNode()])
    const results = await Promise.all(nodes.map((url) => confirm(url, flowId('bob'), 'bob')))
    expect(results.map(({ __typename }) => __typename).sort()).toEqual([
      'AuthorizationFlowNotFoundError',
      'ConfirmAuthorizationPayload',
    ])
    const [url] = nodes
    expect(await status(url, 'bob')).toEqual(['ACTIVE', 'AUTHORIZED'])
    expect(await runTool(url, 'bob', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
    ;(provider.revoked as string[]).push('ntn_bob')
    expect(await runTool(url, 'bob', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('confirms a consent that another node is converting', async () => {
    const bob = `account_id = (select id from connected_accounts where identifier = 'bob')`
    const { rows } = await client.query(`select pending_tokens as sealed from authorization_flows where ${bob}`)
    const [{ sealed }] = rows as [{ sealed: string }]
    const url = await startNode()
    await expect
      .poll(() =>
        client.query(`select from authorization_flows where ${bob} and stage = 'consented'`).then((r) => r.rowCount),
      )
      .toBe(1)
    await client.query(
      `update authorization_flows set stage = 'awaiting_confirmation', pending_tokens = $1, grant_id = null where ${bob}`,
      [sealed],
    )
    await client.query('begin')
    await client.query(`select from authorization_flows where ${bob} for update`)
    const confirmed = confirm(url, flowId('bob'), 'bob')
    await sleep(500)
    await client.query('commit')
    expect(await confirmed).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
  })

  it('converts and ends the other authorizations when one consent cannot be converted', async () => {
    await client.query(`
      create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
      update authorization_flows set expires_at = clock_timestamp() where stage in ('awaiting_confirmation', 'opened')`)
    const { rows } = await client.query(`select id from connected_accounts where identifier = 'bob'`)
    const [{ id }] = rows as [{ id: string }]
    await client.query(`create trigger refuse before update on authorization_flows for each row
      when (new.account_id = '${id}' and new.pending_tokens is null) execute function refuse()`)
    const url = await startNode()
    await expect
      .poll(async () => [await status(url, 'dave'), await status(url, 'frank'), await status(url, 'bob')])
      .toEqual([
        ['PENDING', 'CONFIRMATION_EXPIRED'],
        ['PENDING', 'AUTHORIZATION_ABANDONED'],
        ['PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION'],
      ])
  })

  it('lets an unconfirmed consent be discarded, by a wrong identifier and by a disconnection', async () => {
    const url = await startNode()
    expect(await confirm(url, flowId('carol'), 'mallory')).toEqual({ __typename: 'IdentifierMismatchError' })
    expect(await status(url, 'carol')).toEqual(['PENDING', 'CONFIRMATION_REFUSED'])
    await send(url, 'mutation { disconnectConnectedAccount(input: { identifier: "olga" }) { __typename } }')
    expect(await status(url, 'olga')).toEqual(['DISCONNECTED', 'DISCONNECTED_BY_APPLICATION'])
    await expect
      .poll(() => provider.revoked)
      .toEqual(expect.arrayContaining(['ntn_carol', 'nrt_carol', 'ntn_olga', 'nrt_olga', 'ntn_hank', 'nrt_hank']))
    expect(await confirm(url, flowId('carol'), 'carol')).toEqual({ __typename: 'AuthorizationFlowNotFoundError' })
  })

  it('ends what was not confirmed or finished in time', async () => {
    await client.query(
      `update authorization_flows set expires_at = clock_timestamp() where stage in ('awaiting_confirmation', 'opened', 'exchanging')`,
    )
    const url = await startNode()
    await expect
      .poll(async () => [await status(url, 'dave'), await status(url, 'frank'), await status(url, 'gina')])
      .toEqual([
        ['PENDING', 'CONFIRMATION_EXPIRED'],
        ['PENDING', 'AUTHORIZATION_ABANDONED'],
        ['PENDING', 'AUTHORIZATION_ABANDONED'],
      ])
    expect(await confirm(url, flowId('dave'), 'dave')).toEqual({ __typename: 'AuthorizationFlowNotFoundError' })
    await expect.poll(() => provider.revoked).toContain('nrt_dave')
    expect(await status(url, 'erin')).toEqual(['PENDING', 'CREATED'])
    const { rows } = await client.query('select count(*)::int as count from grants where status = $1', ['pending'])
    expect(rows).toEqual([{ count: 0 }])
  })

  it('holds the tokens of every unconfirmed consent as pending grants soon after the start', async () => {
    const url = await startNode()
    const waiting = () =>
      client.query(`select identifier, provider_user_id, grants.status, stage, pending_tokens
        from authorization_flows join grants on grants.id = authorization_flows.grant_id
        join connected_accounts on connected_accounts.id = authorization_flows.account_id order by identifier`)
    await expect.poll(async () => (await waiting()).rows.length).toBe(4)
    const { rows } = await waiting()
    for (const row of rows) expect(row).toMatchObject({ status: 'pending', stage: 'consented', pending_tokens: null })
    expect(new Set(rows.map((row: { provider_user_id: string }) => row.provider_user_id)).size).toBe(4)
    expect(await confirm(url, flowId('bob'), 'bob')).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
  })

  it('lets a new authorization of a waiting account go its way', async () => {
    const url = await startNode()
    const { link } = await send(
      url,
      'mutation { authorize(input: { identifier: "dave" }) { ... on AuthorizePayload { link } } }',
    )
    const callback = await openLink(url, `${url}${new URL(String(link)).pathname}`)
    const location = (await callback('dave')).headers.get('location') ?? ''
    const confirmed = await confirm(url, new URL(location).searchParams.get('flow_id') ?? '', 'dave')
    expect(confirmed).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
    // The older consent of the same user brings no older pair.
    expect(await confirm(url, flowId('dave'), 'dave')).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
    expect(await runTool(url, 'dave', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })
})

describe('the rows of a database of release 0.1', () => {
  const bound = async () => {
    const { rows } = await client.query(`
      select 'api_keys' as table, binding is not null as bound from api_keys where revoked_at is null
      union select 'oauth_apps', binding is not null from oauth_apps
      union select 'grants', binding is not null from grants where status = 'active'
      union select 'connected_accounts', binding is not null from connected_accounts where status = 'ACTIVE'
      union select 'authorization_flows', binding is not null from authorization_flows order by 1, 2`)
    return rows as readonly { table: string; bound: boolean }[]
  }
  const call = (url: string) => runTool(url, 'ann', 'notion_user_self', {})
  const tables = ['api_keys', 'authorization_flows', 'connected_accounts', 'grants', 'oauth_apps']

  it('are bound by the first node and never again, also not when nodes of that release write during the upgrade', async () => {
    const urls = await Promise.all([startNode(), startNode()])
    expect(await bound()).toEqual(tables.map((table) => ({ table, bound: true })))
    for (const url of urls) expect(await call(url)).toMatchObject({ __typename: 'ExecuteToolPayload' })

    // A row that such a node inserts has no binding, like one from which another program removed it.
    await client.query(`update connected_accounts set binding = null, grant_id = grant_id where identifier = 'ann'`)
    await expect(call(await startNode())).rejects.toThrow('Internal error')
    // A row that it changes does not match its binding.
    await client.query(`update oauth_apps set return_urls = '{https://new.example}', version = version + 1`)
    const url = await startNode()
    await expect(authorize(url, 'ann')).rejects.toThrow('Internal error')
    // What it wrote is written again, through this release.
    await send(
      url,
      `mutation { registerOAuthApp(input: { clientId: "client", clientSecret: "client-secret",
        returnUrls: ["https://new.example"], confirmationUrl: "http://localhost:9/confirm" }) { __typename } }`,
    )
    await send(url, 'mutation { disconnectConnectedAccount(input: { identifier: "ann" }) { __typename } }')
    expect(await confirm(url, await consent(url, 'ann'), 'ann')).toEqual({ __typename: 'ConfirmAuthorizationPayload' })
    // Its policy may have been removed with the same change.
    expect(await call(url)).toMatchObject({ __typename: 'ToolNotAllowedError' })
    await send(url, 'mutation { setToolPolicy(input: { connectionName: "notion" }) { __typename } }')
    expect(await call(url)).toMatchObject({ __typename: 'ExecuteToolPayload' })

    await client.query('update api_keys set binding = null')
    await expect(call(await startNode())).rejects.toThrow('The API key was changed in the database.')
  })

  it('are never bound after a rotation of the keys, also when the record of the upgrade was deleted', async () => {
    await startNode()
    for (const app of apps.splice(0)) await app.stop()
    if (database.location.kind !== 'server') throw new Error('the dump needs a Postgres server')
    const env = environmentOf(database.location.url, provider.url, join(directory, '0'))
    expect(await run(['keys', 'rotate', '--settle', '0'], env, () => {}, console.error)).toBe(0)
    await client.query(`delete from server_secrets where purpose like 'row-bindings%';
      update api_keys set binding = null; update connected_accounts set binding = null`)
    await expect(call(await startNode())).rejects.toThrow('The API key was changed in the database.')
    expect((await bound()).filter(({ table }) => table === 'api_keys')).toEqual([{ table: 'api_keys', bound: false }])
  })
})

describe('the constraints of a database of release 0.1', () => {
  /** What such a node sends to insert an account, a key and a write. */
  const statements = [
    `insert into connected_accounts (environment_id, oauth_app_id, identifier)
      select environment_id, id, 'ivan' from oauth_apps on conflict (oauth_app_id, identifier) do nothing`,
    `insert into api_keys (environment_id, name, prefix, secret_hmac, scopes)
      select id, 'key', 'vk', 'hmac', '{}' from environments on conflict (secret_hmac) do nothing`,
    `with claimed as (
        insert into idempotency_keys (environment_id, account_id, key, input_hash, execution_id, state, expires_at)
        select environment_id, id, 'key', 'hash', gen_random_uuid(), 'running', clock_timestamp() + interval '1 minute'
        from connected_accounts where identifier = 'ann'
        on conflict (account_id, key) do update set state = 'running' where idempotency_keys.state <> 'running'
        returning environment_id, account_id, execution_id
      )
      insert into tool_executions (id, environment_id, account_id, tool_name, status, writes, input_hash, deadline_at)
      select execution_id, environment_id, account_id, 'notion_comment_create', 'RUNNING', true, 'hash', clock_timestamp()
      from claimed`,
  ]
  const inserted = async () => {
    const counts: (number | null)[] = []
    for (const statement of [...statements, ...statements]) counts.push((await client.query(statement)).rowCount)
    return counts
  }
  const command = async (name: 'doctor' | 'database finish-upgrade') => {
    if (database.location.kind !== 'server') throw new Error('the dump needs a Postgres server')
    const lines: string[] = []
    const env = environmentOf(database.location.url, provider.url, join(directory, '0'))
    await run(name.split(' '), env, (line) => lines.push(line), console.error)
    return lines.join('\n')
  }

  it('stay for nodes of that release until the upgrade is finished', async () => {
    const url = await startNode()
    expect(await inserted()).toEqual([1, 1, 1, 0, 0, 0])
    // Of another program.
    await client.query('create table reports (id integer primary key, environment_id uuid)')
    expect(await command('doctor')).toMatch(/warning +upgrade .* database finish-upgrade$/m)
    const names = 'api_keys_secret_hmac_key, connected_accounts_oauth_app_id_identifier_key, idempotency_keys_pkey'
    expect(await command('database finish-upgrade')).toContain(`Dropped ${names}.`)
    expect(await command('database finish-upgrade')).toBe('Nothing is left for nodes of an earlier release.')
    expect(await command('doctor')).toMatch(/ok +upgrade/)
    await expect(client.query(statements[0] ?? '')).rejects.toThrow('no unique or exclusion constraint')
    expect(await runTool(url, 'ann', 'notion_user_self', {})).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it.each(['before', 'after'] as const)(
    'let a write be sent once and an account be created once, %s that',
    async (when) => {
      const urls = await Promise.all([startNode(), startNode()])
      if (when === 'after') await command('database finish-upgrade')
      const callers = Array.from({ length: 20 }, (_, at) => urls[at % 2] ?? '')
      const input = { comment: 'Once', parent: pageId }
      const results = await Promise.all(
        callers.map((url) => runTool(url, 'ann', 'notion_comment_create', input, 'new')),
      )
      expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
      expect(results[0]).toMatchObject({ execution: { status: 'SUCCEEDED' } })
      expect(provider.comments).toBe(1)
      await client.query(`update idempotency_keys set expires_at = clock_timestamp() where key = 'new'`)
      await Promise.all(callers.map((url) => runTool(url, 'ann', 'notion_comment_create', input, 'new')))
      expect(provider.comments).toBe(2)

      const create =
        'mutation { getOrCreateConnectedAccount(input: { identifier: "judy" }) { ... on GetOrCreateConnectedAccountPayload { connectedAccount { id } } } }'
      const accounts = await Promise.all(callers.map((url) => send(url, create)))
      expect(new Set(accounts.map((account) => JSON.stringify(account))).size).toBe(1)
      expect(JSON.stringify(accounts[0])).toContain('"id"')
    },
  )
})
