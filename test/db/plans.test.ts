import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type AccountFilter,
  findAccount,
  findAccountsById,
  findAccountsByName,
  getOrCreateConnectedAccount,
  listAccounts,
} from '../../src/accounts/account-store.ts'
import { sweepAuthorizations } from '../../src/accounts/authorization/sweep-authorizations.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { claimDueRenewals } from '../../src/accounts/grants/lease.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { holdRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { findOAuthApp } from '../../src/accounts/oauth-app-store.ts'
import { listTransitions } from '../../src/accounts/status-transitions.ts'
import { systemClock } from '../../src/clock.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { listApiKeys } from '../../src/environments/api-keys.ts'
import { openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import { claimKey } from '../../src/tools/idempotency.ts'
import { beginExecution, type ExecutionFilter, endExecution, listExecutions } from '../../src/tools/journal.ts'
import { createReadJournal } from '../../src/tools/read-journal.ts'
import { sweepExecutions } from '../../src/tools/sweeper.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { accountsContext } from '../support/accounts-context.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { openExplained, type Plan } from './plans.ts'

/** Rows of each large table. A statement that reads all rows of one reads many times what is allowed. */
const size = 20_000

const environmentId = '00000000-0000-4000-8000-000000000000'
const apps = { notion: '00000000-0000-4001-8000-000000000000', rare: '00000000-0000-4001-8000-ffffffffffff' }

/**
 * One environment with most rows and a thousand with few. Several accounts have been created in each millisecond. One in a
 * thousand accounts belongs to the rare OAuth app, one in a thousand is REVOKED, one in a thousand calls has failed, one in
 * a thousand was of the rare tool, and one in a hundred was recorded by a node of release 0.1.
 */
const content = `
  set session_replication_role = replica;
  create function numbered(kind text, n bigint) returns uuid language sql immutable as
    $$ select ('00000000-0000-' || kind || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
  insert into environments (id, name) select numbered('4000', n), 'environment-' || n from generate_series(0, 1000) n;
  insert into api_keys (environment_id, name, prefix, secret_hmac, scopes)
    select id, 'key', 'vk', 'hmac ' || id, '{}' from environments;
  insert into oauth_apps (id, environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
    select numbered('4001', n), numbered('4000', n), 'notion', 'notion', 'client', 'sealed', '{}', '{}', false
      from generate_series(0, 1000) n;
  insert into oauth_apps (id, environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
    select '${apps.rare}', '${environmentId}', 'rare', 'notion', 'client', 'sealed', '{}', '{}', false;
  insert into grants (id, environment_id, oauth_app_id, provider_user_id, workspace_id, status, access_token, refresh_token,
      capabilities, next_refresh_at, next_verify_at)
    select numbered('4002', n), '${environmentId}', '${apps.notion}', 'user ' || n, 'workspace', 'active', repeat('s', 300),
      repeat('s', 300), '{}', now() + n * interval '1 minute' - interval '50 minutes', now() + n * interval '1 hour'
    from generate_series(1, ${size}) n;
  insert into connected_accounts (id, environment_id, oauth_app_id, identifier, status, status_reason, grant_id, created_at)
    select numbered('4003', n * 7919 % ${size}), '${environmentId}',
      case when n % 1000 = 5 then uuid '${apps.rare}' else '${apps.notion}' end, 'user-' || n,
      case when n % 1000 = 7 then 'REVOKED' else 'ACTIVE' end, 'AUTHORIZED', numbered('4002', n),
      timestamptz '2026-01-01 00:00Z' + n * interval '300 microseconds'
    from generate_series(1, ${size}) n;
  insert into connected_accounts (environment_id, oauth_app_id, identifier)
    select environment_id, id, 'user-5' from oauth_apps where id <> '${apps.rare}';
  insert into status_transitions (environment_id, account_id, to_status, reason)
    select environment_id, id, 'PENDING', 'CREATED' from connected_accounts cross join generate_series(1, 2);
  insert into tool_executions (environment_id, oauth_app_id, account_id, tool_name, status, writes, input_hash, started_at, deadline_at)
    select environment_id, case when n % 100 = 3 then null else oauth_app_id end, id,
      case when n % 1000 = 17 then 'rare_tool' else 'frequent_tool' end,
      case when n % 1000 = 11 then 'FAILED' else 'SUCCEEDED' end, true, repeat('0', 64),
      now() - n * interval '30 seconds', now() - n * interval '30 seconds'
    from (select *, row_number() over (order by id) as n from connected_accounts where environment_id = '${environmentId}') a;
  insert into idempotency_keys (environment_id, account_id, key, input_hash, execution_id, state, expires_at)
    select environment_id, account_id, 'key', input_hash, id, 'done', started_at + interval '156 hours' from tool_executions;
  insert into authorization_flows (environment_id, oauth_app_id, account_id, link_hash, stage, expires_at)
    select environment_id, oauth_app_id, id, 'link ' || id,
      case when n % 1000 = 13 then 'opened' else 'created' end, now() + n * interval '10 seconds' - interval '28 hours'
    from (select *, row_number() over (order by id) as n from connected_accounts where environment_id = '${environmentId}') a;
  insert into revocation_outbox (environment_id, oauth_app_id, workspace_id, provider_user_id, sealed_token, next_attempt_at, give_up_at)
    select environment_id, oauth_app_id, workspace_id, provider_user_id, 'sealed', now() + interval '1 hour', now() + interval '1 day'
    from grants;
  set session_replication_role = default;
  analyze;
`

const plans: Plan[] = []
let client: pg.Client
let db: Db
let context: AccountsContext
let close: () => Promise<void>

beforeAll(async () => {
  const { location, drop } = await newPostgresDatabase()
  if (location.kind !== 'server') throw new Error('the plans of a server are tested')
  const database = await openDatabase(location, () => {})
  await migrate(database.db)
  client = new pg.Client({ connectionString: location.url })
  await client.connect()
  await client.query(content)
  db = await openExplained(location.url, plans)
  const keyEncryption = await masterKeys({ primary: new Secret(randomBytes(32).toString('base64')), older: [] })
  const vault = await openVault({ db: database.db, keyEncryption })
  const events = await openAccountEvents(database, () => {})
  context = accountsContext({ db, vault, events, log: createLog('silent') })
  close = async () => {
    vault.close()
    await events.close()
    await Promise.all([db.destroy(), database.close(), client.end()])
    await drop()
  }
}, 60_000)
afterAll(() => close())
beforeEach(() => void plans.splice(0))

/** Expects that statements were sent, and that each read few rows, all of them found by an index. */
function expectBounded(maxRows: number): void {
  expect(plans.length).toBeGreaterThan(0)
  const large = (table: string) => !['environments', 'oauth_apps', 'vault_keys'].includes(table)
  const unbounded = plans.filter(
    ({ rows, scans }) => rows > maxRows || scans.some(({ table, by }) => by === null && large(table)),
  )
  const lines = unbounded.map(
    ({ rows, scans, statement }) =>
      `${rows} rows, ${scans.map(({ table, by }) => `${table} by ${by ?? 'reading all'}`).join(', ')}: ${statement}`,
  )
  expect(lines).toEqual([])
}

/** Every combination of one value of each list. */
function combinations<T extends object>(values: { readonly [Key in keyof T]: readonly T[Key][] }): readonly T[] {
  return Object.entries(values).reduce<readonly object[]>(
    (made, [key, choices]) => made.flatMap((one) => (choices as unknown[]).map((value) => ({ ...one, [key]: value }))),
    [{}],
  ) as readonly T[]
}

/** Ids that a plain statement finds by reading the whole table. */
async function idsOf(statement: string, values: readonly unknown[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(statement, [...values])
  return rows.map(({ id }) => id)
}

const limit = 21

test('pages of accounts read few rows, whatever the filter, and hold the accounts that a full search finds', async () => {
  const middle = new Date('2026-01-01T00:00:03.000Z')
  for (const { after, ...filter } of combinations<AccountFilter & { after: { createdAt: Date; id: string } | null }>({
    connectionName: [null, 'notion', 'rare'],
    identifier: [null, 'user-5', 'user-9'],
    status: [null, ['REVOKED'], ['ACTIVE', 'REVOKED'], []],
    after: [null, { createdAt: middle, id: '00000000-0000-4003-8000-000000001000' }],
  })) {
    const found = await listAccounts(db, environmentId, filter, { limit, after })
    const expected = await idsOf(
      `select connected_accounts.id from connected_accounts join oauth_apps on oauth_apps.id = oauth_app_id
       where connected_accounts.environment_id = $1 and ($2::text is null or connection_name = $2)
         and ($3::text is null or identifier = $3) and ($4::text[] is null or status = any ($4))
         and ($5::timestamptz is null
           or (date_trunc('milliseconds', connected_accounts.created_at), connected_accounts.id) < ($5, $6))
       order by date_trunc('milliseconds', connected_accounts.created_at) desc, id desc limit $7`,
      [environmentId, filter.connectionName, filter.identifier, filter.status, after?.createdAt, after?.id, limit],
    )
    expect(
      found.map(({ id }) => id),
      JSON.stringify({ filter, after }),
    ).toEqual(expected)
  }
  expectBounded(300)
})

test('pages of the journal read few rows, whatever the filter, and hold the calls that a full search finds', async () => {
  const middle = Math.floor(size / 2)
  for (const { before, ...filter } of combinations<ExecutionFilter & { before: number | null }>({
    connectionName: [null, 'notion', 'rare'],
    identifier: [null, 'user-5'],
    toolName: [null, 'frequent_tool', 'rare_tool'],
    status: [null, ['FAILED'], ['SUCCEEDED', 'OUTCOME_UNKNOWN']],
    before: [null, middle],
  })) {
    const found = await listExecutions(db, environmentId, filter, { limit, before })
    const expected = await idsOf(
      `select e.id from tool_executions e
       join connected_accounts on connected_accounts.id = account_id
       join oauth_apps on oauth_apps.id = connected_accounts.oauth_app_id
       where e.environment_id = $1 and ($2::text is null or connection_name = $2)
         and ($3::text is null or identifier = $3) and ($4::text is null or tool_name = $4)
         and ($5::text[] is null or e.status = any ($5)) and ($6::bigint is null or sequence < $6)
       order by sequence desc limit $7`,
      [environmentId, filter.connectionName, filter.identifier, filter.toolName, filter.status, before, limit],
    )
    expect(
      found.map(({ id }) => id),
      JSON.stringify({ filter, before }),
    ).toEqual(expected)
  }
  expectBounded(500)
})

test('accounts, their history, keys and apps are found by an index', async () => {
  const name = { connectionName: 'notion', identifier: 'user-77' }
  const account = await findAccount(db, environmentId, name)
  const accountId = account?.id ?? ''
  await findAccountsById(db, environmentId, [accountId, randomUUID()])
  await getOrCreateConnectedAccount(context, environmentId, name)
  await getOrCreateConnectedAccount(context, environmentId, { ...name, identifier: 'new' })
  await findOAuthApp(db, environmentId, 'notion')
  const [transitions] = await listTransitions(db, [{ environmentId, accountId, limit: 10, before: null }])
  expect(transitions).toHaveLength(2)
  await findAccountsByName(db, [{ environmentId, ...name }])
  expect(await listApiKeys({ db }, environmentId)).toHaveLength(1)
  expectBounded(50)
})

test('tool calls are recorded by an index', async () => {
  const account = await findAccount(db, environmentId, { connectionName: 'notion', identifier: 'user-78' })
  if (account === null) throw new Error('the account is missing')
  const start = {
    ...{ environmentId, oauthAppId: account.oauthAppId, accountId: account.id, toolName: 'frequent_tool' },
    ...{ inputHash: 'hash', callMs: 60_000, nodeId: null },
  }
  const end = { status: 'SUCCEEDED', errorType: null, providerRequestIds: [] } as const
  await endExecution(db, await beginExecution(db, start), end, null)
  const wait = { deadline: systemClock.now() + 1_000, keepMs: 60_000, signal: AbortSignal.timeout(60_000) }
  const claim = await claimKey(
    { db, vault: context.vault, clock: systemClock },
    { key: 'new', owner: 'owner' },
    start,
    wait,
  )
  await endExecution(db, claim.execution, end, { kind: 'free' })
  const journal = createReadJournal(db, systemClock, createLog('silent'))
  journal.prove(account)
  journal.record(start, end, 10)
  await journal.close()
  expectBounded(50)
})

test('background work on grants reads only what is due', async () => {
  const claim = { nodeId: 'node', leaseMs: 1_000 }
  expect(await claimDueRenewals(db, 32, claim)).toHaveLength(32)
  expect((await claimDueRenewals(db, 32, claim)).length).toBeLessThan(32)
  const worker = startRenewalWorker(context)
  expect(await worker.runOnce()).toEqual({ renewals: 0, verifications: 0, revocations: 0, interrupted: 0 })
  await worker.stop()
  await holdRevocations(
    db,
    { environmentId, oauthAppId: apps.notion, workspaceId: 'workspace', providerUserId: 'user 3' },
    9,
  )
  expectBounded(200)
})

test('sweepers delete in batches and read only what has expired', async () => {
  const expired = async () => [
    (await idsOf(`select key as id from idempotency_keys where expires_at < now()`, [])).length,
    (await idsOf(`select id from tool_executions where started_at < now() - interval '156 hours'`, [])).length,
    (await idsOf(`select id from authorization_flows where expires_at < now() - interval '1 day'`, [])).length,
  ]
  expect(Math.min(...(await expired()))).toBeGreaterThan(1_000)
  await sweepExecutions(db, 156 * 3_600_000)
  expect(await sweepAuthorizations(context)).toMatchObject({ abandoned: expect.toSatisfy((count) => count > 5) })
  expect(await expired()).toEqual([0, 0, 0])
  // A batch has 500 rows, which are read and found again.
  expectBounded(2_000)
})
