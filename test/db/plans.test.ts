import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readChanges } from '../../src/accounts/account-changes.ts'
import type { AccountFilter } from '../../src/accounts/account-filter.ts'
import {
  findAccount,
  findAccountsById,
  findAccountsByName,
  getOrCreateConnectedAccount,
} from '../../src/accounts/account-store.ts'
import { sweepAuthorizations } from '../../src/accounts/authorization/sweep-authorizations.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { claimDueRenewals } from '../../src/accounts/grants/lease.ts'
import { startRenewalWorker } from '../../src/accounts/grants/renewal-worker.ts'
import { holdRevocations } from '../../src/accounts/grants/revocation-outbox.ts'
import { sealPair } from '../../src/accounts/grants/token-pair.ts'
import { listAccounts } from '../../src/accounts/list-accounts.ts'
import { findOAuthApp, findOAuthAppsById } from '../../src/accounts/oauth-app-store.ts'
import { listTransitions } from '../../src/accounts/status-transitions.ts'
import { deleteOldTransitions, eraseDeletedAccounts } from '../../src/accounts/sweep-history.ts'
import { findAuditEventsById, listAuditEvents } from '../../src/audit/audit-log.ts'
import { systemClock } from '../../src/clock.ts'
import { claimIndexes, releaseIndex, storeKey } from '../../src/content-index/claims.ts'
import {
  finishChange,
  nextChanges,
  readKnown,
  removeDocuments,
  storeDocuments,
} from '../../src/content-index/crawl-store.ts'
import { deriveIndexKey, newIndexKey } from '../../src/content-index/index-key.ts'
import { defaultIndexLimits, noteChanges } from '../../src/content-index/index-rows.ts'
import { readProgress } from '../../src/content-index/index-status.ts'
import { advancePass, currentPass } from '../../src/content-index/passes.ts'
import { rankDocuments } from '../../src/content-index/ranking.ts'
import { mergeSegments } from '../../src/content-index/segments.ts'
import { sweepIndexes } from '../../src/content-index/sweep-indexes.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { findApiKeysById, listApiKeys } from '../../src/environments/api-keys.ts'
import { notNarrowed } from '../../src/environments/narrowing.ts'
import { openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import { beginPolls, claimPolls, releasePoll, storePolled } from '../../src/provider-events/poll-store.ts'
import { accountsOf, accountsOfGrant } from '../../src/provider-events/routing.ts'
import { readQuery } from '../../src/search/query.ts'
import { findApprovalsById, listPendingApprovals } from '../../src/tools/approval-store.ts'
import { countExecutions } from '../../src/tools/execution-statistics.ts'
import { claimKey } from '../../src/tools/idempotency.ts'
import {
  beginExecution,
  type ExecutionFilter,
  endExecution,
  findExecutionsById,
  listExecutions,
} from '../../src/tools/journal.ts'
import { createReadJournal } from '../../src/tools/read-journal.ts'
import { sweepExecutions } from '../../src/tools/sweeper.ts'
import { createWriteJournal } from '../../src/tools/write-journal.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { claimDeliveries, endAttempt } from '../../src/webhooks/claims.ts'
import {
  type DeliveryFilter,
  findWebhookDeliveriesById,
  listWebhookDeliveries,
} from '../../src/webhooks/delivery-store.ts'
import { findWebhookEndpointsById } from '../../src/webhooks/endpoint-store.ts'
import { accountsContext } from '../support/accounts-context.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { openExplained, type Plan } from './plans.ts'

/** Rows of each large table. A statement that reads all rows of one reads many times what is allowed. */
const size = 20_000

/** Above this cost, a Postgres that was built with LLVM compiles a statement, which takes a second (`jit_above_cost`). */
const maxCost = 100_000

/** Environments with one account each: a statement that is planned for the average one expects two accounts. */
const environments = 20_000

const environmentId = '00000000-0000-4000-8000-000000000000'
const apps = { notion: '00000000-0000-4001-8000-000000000000', rare: '00000000-0000-4001-8000-ffffffffffff' }

/**
 * One environment with most rows and a thousand with few. Several accounts have been created in each millisecond. One in a
 * thousand accounts belongs to the rare OAuth app, one in a thousand is REVOKED, one in a thousand calls has failed, one in
 * ten has an unknown outcome, one in a thousand that with a rare error, one in a thousand was of the rare tool, and one in
 * a hundred was recorded by a node of release 0.1.
 */
const content = `
  set session_replication_role = replica;
  create function numbered(kind text, n bigint) returns uuid language sql immutable as
    $$ select ('00000000-0000-' || kind || '-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
  insert into environments (id, name) select numbered('4000', n), 'environment-' || n from generate_series(0, ${environments}) n;
  insert into api_keys (environment_id, name, prefix, secret_hmac, scopes)
    select id, 'key', 'vk', 'hmac ' || id, '{}' from environments;
  insert into oauth_apps (id, environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
    select numbered('4001', n), numbered('4000', n), 'notion', 'notion', 'client', 'sealed', '{}', '{}', false
      from generate_series(0, ${environments}) n;
  insert into oauth_apps (id, environment_id, connection_name, connector, client_id, client_secret, capabilities, return_urls, sandbox)
    select '${apps.rare}', '${environmentId}', 'rare', 'notion', 'client', 'sealed', '{}', '{}', false;
  insert into grants (id, environment_id, oauth_app_id, provider_user_id, workspace_id, workspace_name, owner_email, status,
      access_token, refresh_token, capabilities, next_refresh_at, next_verify_at)
    select numbered('4002', n), '${environmentId}', '${apps.notion}', 'user ' || n,
      case when n % 1000 = 9 then 'rare workspace' else 'workspace' end,
      case when n % 1000 = 9 then 'Globex' else 'Acme' end, 'User-' || n || '@acme.test', 'active', repeat('s', 300),
      repeat('s', 300), '{}', now() + n * interval '1 minute' - interval '50 minutes', now() + n * interval '1 hour'
    from generate_series(1, ${size}) n;
  insert into connected_accounts (id, environment_id, oauth_app_id, identifier, status, status_reason, grant_id, created_at,
      metadata)
    select numbered('4003', n * 7919 % ${size}), '${environmentId}',
      case when n % 1000 = 5 then uuid '${apps.rare}' else '${apps.notion}' end, 'user-' || n,
      case when n % 1000 = 7 then 'REVOKED' else 'ACTIVE' end, 'AUTHORIZED', numbered('4002', n),
      timestamptz '2026-01-01 00:00Z' + n * interval '300 microseconds',
      case when n % 1000 = 21 then '{"plan":"rare"}' when n % 2 = 0 then '{"plan":"pro"}' else '{}' end::jsonb
    from generate_series(1, ${size}) n;
  insert into connected_accounts (environment_id, oauth_app_id, identifier)
    select environment_id, id, 'user-5' from oauth_apps where id <> '${apps.rare}';
  insert into status_transitions (environment_id, account_id, to_status, reason)
    select environment_id, id, 'PENDING', 'CREATED' from connected_accounts cross join generate_series(1, 2);
  insert into tool_executions (environment_id, oauth_app_id, account_id, tool_name, status, error_type, writes, input_hash,
      started_at, deadline_at)
    select environment_id, case when n % 100 = 3 then null else oauth_app_id end, id,
      case when n % 1000 = 17 then 'rare_tool' else 'frequent_tool' end,
      case when n % 1000 = 11 then 'FAILED' when n % 10 = 4 then 'OUTCOME_UNKNOWN' else 'SUCCEEDED' end,
      case when n % 1000 = 11 then 'ProviderError' when n % 1000 = 14 then 'RareError'
        when n % 10 = 4 then 'OutcomeUnknownError' end, true, repeat('0', 64),
      now() - n * interval '30 seconds', now() - n * interval '30 seconds'
    from (select *, row_number() over (order by id) as n from connected_accounts where environment_id = '${environmentId}') a;
  set session_replication_role = origin;
  insert into audit_events (environment_id, actor, action, target)
    select '${environmentId}', case when n % 1000 = 5 then 'cli' else 'ApiKey:0' end, 'authorization.started',
      case when n % 1000 = 7 then 'ApiKey:1' else 'ConnectedAccount:' || n end
    from generate_series(1, ${size}) n;
  set session_replication_role = replica;
  insert into idempotency_keys (environment_id, account_id, key, input_hash, execution_id, state, expires_at)
    select environment_id, account_id, 'key', input_hash, id, 'done', started_at + interval '156 hours' from tool_executions;
  insert into authorization_flows (environment_id, oauth_app_id, account_id, link_hash, stage, expires_at)
    select environment_id, oauth_app_id, id, 'link ' || id,
      case when n % 1000 = 13 then 'opened' else 'created' end, now() + n * interval '10 seconds' - interval '28 hours'
    from (select *, row_number() over (order by id) as n from connected_accounts where environment_id = '${environmentId}') a;
  insert into revocation_outbox (environment_id, oauth_app_id, workspace_id, provider_user_id, sealed_token, next_attempt_at, give_up_at)
    select environment_id, oauth_app_id, workspace_id, provider_user_id, 'sealed', now() + interval '1 hour', now() + interval '1 day'
    from grants;
  insert into deleted_accounts (environment_id, id) select '${environmentId}', numbered('4009', n) from generate_series(1, 1000) n;
  insert into webhook_endpoints (id, environment_id, url, secret)
    select numbered('4004', n), '${environmentId}', 'https://app.example/' || n, 'sealed' from generate_series(0, 1) n;
  insert into webhook_deliveries (environment_id, endpoint_id, event_id, event_type, subject, facts, occurred_at, status,
      next_attempt_at, finished_at)
    select '${environmentId}', numbered('4004', n % 2), numbered('4005', n), 'connected_account.deleted',
      numbered('4003', n % 100), '{}', now() - n * interval '60 seconds',
      case when n % 1000 = 19 then 'FAILED' when n % 2 = 0 then 'DELIVERED' else 'PENDING' end,
      now() + n * interval '1 second' - interval '50 seconds',
      case when n % 1000 = 19 or n % 2 = 0 then now() - n * interval '61 seconds' end
    from generate_series(1, ${size}) n;
  insert into tool_approvals (id, environment_id, account_id, requester_key_id, owner, tool_name, input_hash, state, created_at,
      expires_at, purge_at)
    select numbered('4006', n), '${environmentId}', id, numbered('4007', 0), 'owner', 'frequent_tool', repeat('0', 64),
      case when n % 10 = 3 then 'pending' else 'approved' end, now() - n * interval '1 second', now() + interval '1 hour',
      now() + n * interval '10 seconds' - interval '1 hour'
    from (select *, row_number() over (order by id) as n from connected_accounts where environment_id = '${environmentId}') a;
  set session_replication_role = default;
`

const plans: Plan[] = []
let client: pg.Client
let db: Db
let context: AccountsContext
let close: () => Promise<void>

/** So that Postgres knows of the tables what a test lets it know. */
const withoutAutovacuum = `
  do $$ declare one regclass;
  begin
    for one in select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' loop
      execute format('alter table %s set (autovacuum_enabled = false)', one);
    end loop;
  end $$;
  analyze;
`

/**
 * Takes from the statistics which environments and OAuth apps are the largest: they list the hundred most frequent values of a
 * column, and expect any other to have as many rows as the average.
 */
const forgetLargest = `
  analyze;
  update pg_statistic set
    stakind1 = case stakind1 when 1 then 0 else stakind1 end, stakind2 = case stakind2 when 1 then 0 else stakind2 end,
    stakind3 = case stakind3 when 1 then 0 else stakind3 end
  from pg_attribute
  where attrelid = starelid and attnum = staattnum and attname in ('environment_id', 'oauth_app_id')
    and starelid in (select oid from pg_class where relnamespace = 'public'::regnamespace);
`

/** Fills a database for the tests of a block, and runs the statements that decide what Postgres knows of it. */
function withContent(statistics: string): void {
  beforeAll(async () => {
    const { location, drop } = await newPostgresDatabase()
    const database = await openDatabase(location, () => {})
    await migrate(database.db)
    client = new pg.Client({ connectionString: location.url })
    await client.connect()
    await client.query(withoutAutovacuum)
    await client.query(content)
    await client.query(statistics)
    db = await openExplained(location.url, plans)
    const keyEncryption = masterKeys({ primary: new Secret(randomBytes(32).toString('base64')), older: [] })
    const vault = await openVault({ db: database.db, keyEncryption })
    const events = await openAccountEvents(database, () => {})
    context = accountsContext({ db, vault, events, log: createLog('silent') })
    close = async () => {
      vault.close()
      await events.close()
      await Promise.all([db.destroy(), database.close(), client.end()])
      await drop()
    }
  })
  afterAll(() => close())
  beforeEach(() => void plans.splice(0))
}

/** The context, without a log of accounts that are not bound to their grants: none is here. */
const quiet = () => ({ ...context, log: { ...context.log, error: () => {} } })

/** Expects that statements were sent, and that each read few rows, all of them found by an index. */
function expectBounded(maxRows: number): void {
  expect(plans.length).toBeGreaterThan(0)
  // Queues of ids: a few thousand of them are read faster than looked up one by one.
  const small = [
    ...['environments', 'oauth_apps', 'vault_keys', 'webhook_endpoints', 'deleted_accounts', 'erased_content_indexes'],
    // Some for each OAuth app, and those of open streams.
    ...['provider_webhook_tokens', 'event_listeners'],
  ]
  const large = (table: string) => !small.includes(table)
  const unbounded = plans.filter(
    ({ cost, rows, scans }) =>
      cost > maxCost || rows > maxRows || scans.some(({ table, by }) => by === null && large(table)),
  )
  const lines = unbounded.map(
    ({ cost, rows, scans, statement, prepared }) =>
      `cost ${cost}, ${rows} rows, ${scans.map(({ table, by }) => `${table} by ${by ?? 'reading all'}`).join(', ')}: ${prepared ? 'prepared ' : ''}${statement}`,
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

/** Records calls in each way that there is, and expects that each statement reads few rows. */
async function recordCalls(): Promise<void> {
  const account = await findAccount(db, environmentId, { connectionName: 'notion', identifier: 'user-78' })
  if (account === null) throw new Error('the account is missing')
  const start = {
    ...{ environmentId, oauthAppId: account.oauthAppId, accountId: account.id, toolName: 'frequent_tool' },
    ...{ inputHash: 'hash', callMs: 60_000, nodeId: null },
  }
  const end = { status: 'SUCCEEDED', errorType: null, providerRequestIds: [] } as const
  await endExecution(db, await beginExecution(db, start), end, null)
  const wait = { deadline: systemClock.now() + 1_000, keepMs: 60_000, signal: AbortSignal.timeout(60_000) }
  const writes = createWriteJournal(db, systemClock)
  const claim = (key: string) =>
    claimKey({ db, vault: context.vault, clock: systemClock, writes }, { key, owner: 'owner' }, start, wait)
  // Several at the same time share their statements; a key that has a row is claimed alone.
  const claims = await Promise.all(Array.from({ length: 8 }, (_, at) => claim(`new ${at}`)))
  await Promise.all(claims.map(({ execution }) => writes.end(execution, end, { kind: 'done', sealedResult: 'sealed' })))
  await db
    .updateTable('idempotency_keys')
    .set({ expires_at: new Date(0) })
    .where('environment_id', '=', account.environmentId)
    .where('account_id', '=', account.id)
    .where('key', '=', 'new 0')
    .execute()
  await endExecution(db, (await claim('new 0')).execution, end, { kind: 'free' })
  const journal = createReadJournal(db, systemClock, createLog('silent'))
  journal.prove(account)
  journal.record(start, end, 10)
  await journal.close()
  expectBounded(50)
}

describe.each([
  { rank: 'is among the hundred largest', statistics: 'analyze' },
  { rank: 'is larger than most, but not among the hundred largest', statistics: forgetLargest },
])('in an environment that $rank', ({ statistics }) => {
  withContent(statistics)

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

  test('pages of accounts that are searched for read few rows, and hold the accounts that a full search finds', async () => {
    const middle = new Date('2026-01-01T00:00:03.000Z')
    const searches: readonly AccountFilter[] = [
      ...['user-599', 'user-1234', 'user', 'User', 'user_'].map((identifierPrefix) => ({ identifierPrefix })),
      ...[{ plan: 'rare' }, { plan: 'pro' }, { plan: 'unknown' }].map((metadata) => ({ metadata })),
      ...['workspace', 'rare workspace', 'unknown'].map((workspaceId) => ({ workspaceId })),
      ...['acme', 'GLOB', 'unknown'].map((workspaceName) => ({ workspaceName })),
      ...['user-77@acme.test', 'USER-123', 'user', 'unknown'].map((ownerEmail) => ({ ownerEmail })),
      { metadata: { plan: 'rare' }, workspaceName: 'Acme', ownerEmail: 'user-' },
      {
        metadata: { plan: 'pro' },
        identifierPrefix: 'user-',
        within: { ...notNarrowed, identifiers: ['user-6', 'user-8'] },
      },
    ]
    for (const search of searches)
      for (const { after, ...more } of combinations<AccountFilter & { after: { createdAt: Date; id: string } | null }>({
        connectionName: [null, 'notion', 'rare'],
        status: [null, ['REVOKED']],
        after: [null, { createdAt: middle, id: '00000000-0000-4003-8000-000000001000' }],
      })) {
        const filter = { ...search, ...more }
        const found = await listAccounts(db, environmentId, filter, { limit, after })
        const expected = await idsOf(
          `select account.id from connected_accounts account join oauth_apps on oauth_apps.id = account.oauth_app_id
         left join grants on grants.id = grant_id
         where account.environment_id = $1 and ($2::text is null or connection_name = $2)
           and ($3::text[] is null or account.status = any ($3)) and ($4::text is null or starts_with(identifier, $4))
           and ($5::jsonb is null or metadata @> $5) and ($6::text is null or workspace_id = $6)
           and ($7::text is null or starts_with(lower(workspace_name), lower($7)))
           and ($8::text is null or starts_with(lower(owner_email), lower($8)))
           and ($9::text[] is null or identifier = any ($9))
           and ($10::timestamptz is null
             or (date_trunc('milliseconds', account.created_at), account.id) < ($10, $11))
         order by date_trunc('milliseconds', account.created_at) desc, account.id desc limit $12`,
          [
            ...[environmentId, filter.connectionName, filter.status, filter.identifierPrefix],
            ...[filter.metadata && JSON.stringify(filter.metadata), filter.workspaceId, filter.workspaceName],
            ...[filter.ownerEmail, filter.within?.identifiers, after?.createdAt, after?.id, limit],
          ],
        )
        expect(
          found.map(({ id }) => id),
          JSON.stringify({ filter, after }),
        ).toEqual(expected)
      }
    expectBounded(1_500)
  })

  test('pages of the journal read few rows, whatever the filter, and hold the calls that a full search finds', async () => {
    const middle = Math.floor(size / 2)
    for (const { before, ...filter } of combinations<ExecutionFilter & { before: number | null }>({
      connectionName: [null, 'notion', 'rare'],
      identifier: [null, 'user-5'],
      toolName: [null, 'frequent_tool', 'rare_tool'],
      status: [null, ['FAILED'], ['SUCCEEDED', 'OUTCOME_UNKNOWN']],
      errorType: [null, 'RareError', 'OutcomeUnknownError'],
      before: [null, middle],
    })) {
      const found = await listExecutions(db, environmentId, filter, { limit, before })
      const expected = await idsOf(
        `select e.id from tool_executions e
       join connected_accounts on connected_accounts.id = account_id
       join oauth_apps on oauth_apps.id = connected_accounts.oauth_app_id
       where e.environment_id = $1 and ($2::text is null or connection_name = $2)
         and ($3::text is null or identifier = $3) and ($4::text is null or tool_name = $4)
         and ($5::text[] is null or e.status = any ($5)) and ($6::text is null or error_type = $6)
         and ($7::bigint is null or sequence < $7)
       order by sequence desc limit $8`,
        [
          ...[
            environmentId,
            filter.connectionName,
            filter.identifier,
            filter.toolName,
            filter.status,
            filter.errorType,
          ],
          ...[before, limit],
        ],
      )
      expect(
        found.map(({ id }) => id),
        JSON.stringify({ filter, before }),
      ).toEqual(expected)
    }
    expectBounded(500)
  })

  test('pages of keys that are narrowed to a connection or to identifiers read few rows', async () => {
    for (const narrowing of [
      { connectionNames: ['rare'] },
      { identifiers: ['user-5', 'user-9'] },
      { connectionNames: ['rare'], identifiers: ['user-5'] },
    ]) {
      const within = { ...notNarrowed, ...narrowing }
      const expected = await idsOf(
        `select account.id from connected_accounts account join oauth_apps on oauth_apps.id = oauth_app_id
       where account.environment_id = $1 and ($2::text[] is null or connection_name = any ($2))
         and ($3::text[] is null or identifier = any ($3))
       order by date_trunc('milliseconds', account.created_at) desc, account.id desc limit $4`,
        [environmentId, within.connectionNames, within.identifiers, limit],
      )
      const accounts = await listAccounts(db, environmentId, { within }, { limit, after: null })
      expect(accounts.map(({ id }) => id)).toEqual(expected)
      const calls = await listExecutions(db, environmentId, { within }, { limit, before: null })
      expect(calls.length).toBeGreaterThan(0)
      expect(calls.every(({ accountId }) => expected.includes(accountId))).toBe(true)
    }
    expectBounded(500)
  })

  test('the audit log is read by an index', async () => {
    for (const filter of [{}, { target: 'ApiKey:1' }, { actor: 'cli' }, { since: new Date(), until: new Date() }])
      await listAuditEvents(db, environmentId, filter, { limit, after: null, order: 'newest' })
    expectBounded(limit)
  })

  test('accounts, their history, keys and apps are found by an index', async () => {
    const name = { connectionName: 'notion', identifier: 'user-77' }
    const account = await findAccount(db, environmentId, name)
    const accountId = account?.id ?? ''
    await findAccountsById(db, environmentId, [accountId])
    await getOrCreateConnectedAccount(context, environmentId, name)
    await getOrCreateConnectedAccount(context, environmentId, { ...name, identifier: 'new' })
    await findOAuthApp(db, environmentId, 'notion')
    const [transitions] = await listTransitions(db, [{ environmentId, accountId, limit: 10, before: null }])
    expect(transitions).toHaveLength(2)
    await findAccountsByName(db, [{ environmentId, ...name }])
    expect(await listApiKeys({ db }, environmentId)).toHaveLength(1)
    expectBounded(50)
  })

  test('rows are looked up by the ids of a page, however many an environment has', async () => {
    for (const [table, find] of [
      ['connected_accounts', findAccountsById],
      ['tool_executions', findExecutionsById],
      ['tool_approvals', findApprovalsById],
      ['audit_events', findAuditEventsById],
      ['webhook_deliveries', findWebhookDeliveriesById],
      ['webhook_endpoints', findWebhookEndpointsById],
      ['oauth_apps', findOAuthAppsById],
      ['api_keys', (...[db, ...of]: Parameters<typeof findOAuthAppsById>) => findApiKeysById({ db }, ...of)],
    ] as const) {
      const own = await idsOf(`select id from ${table} where environment_id = $1 limit 20`, [environmentId])
      const others = Array.from({ length: 20 - own.length }, () => randomUUID())
      expect(await find(db, environmentId, [...own, ...others]), table).toHaveLength(own.length)
      expect(await find(db, randomUUID(), own), table).toEqual([])
    }
    expectBounded(100)
  })

  test('accounts are found for a page of names, for events, and for a grant, by few rows', async () => {
    const identifiers = Array.from({ length: 20 }, (_, at) => `user-${at + 6}`)
    const named = identifiers.map((identifier) => ({ environmentId, connectionName: 'notion', identifier }))
    const accounts = (await findAccountsByName(db, named)).filter((account) => account !== null)
    expect(accounts).toHaveLength(20)
    const changes = await readChanges(
      db,
      accounts.map(({ id }) => ({ environmentId, accountId: id, transitionId: null })),
    )
    expect(changes.every(({ account }) => account !== null)).toBe(true)
    for (const { oauthAppId, grant } of accounts.slice(0, 1))
      await accountsOfGrant(quiet(), db, { environmentId, oauthAppId }, grant?.id ?? '')
    expectBounded(150)
  })

  test('tool calls are recorded by an index', recordCalls)

  test('background work on grants reads only what is due', async () => {
    const claim = { nodeId: 'node', leaseMs: 1_000 }
    const leases = await claimDueRenewals(db, 32, claim)
    expect(leases).toHaveLength(32)
    const stored = leases.map(async (lease) =>
      context.storePair({
        ...lease,
        status: 'active',
        sealed: await sealPair(context.vault, lease, lease.version + 1, {
          accessToken: new Secret('access token'),
          refreshToken: new Secret('refresh token'),
        }),
        issuedAt: null,
        expiresInSeconds: 3_600,
      }),
    )
    expect(await Promise.all(stored)).toEqual(leases.map(() => true))
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

  test('lists of pending approvals read few rows', async () => {
    const list = (filter: { connectionName?: string; identifier?: string }) =>
      listPendingApprovals(db, environmentId, { ...filter, within: notNarrowed }, 100)
    expect(await list({})).toHaveLength(100)
    expect(await list({ connectionName: 'notion' })).toHaveLength(100)
    const [newest] = await list({})
    expect(await list({ identifier: newest?.identifier ?? '' })).toHaveLength(1)
    // Every environment has an account of this name.
    await list({ identifier: 'user-5' })
    expectBounded(1_500)
  })

  test('calls are counted by reading those of the period', async () => {
    const within = { ...notNarrowed, identifierPrefixes: ['user-1'] }
    for (const filter of [
      {},
      { identifier: 'user-5' },
      { connectionName: 'notion' },
      { toolName: 'rare_tool' },
      { within },
    ])
      await countExecutions(db, environmentId, filter, { hours: 1, intervals: 4 })
    // Two calls a minute, each with its account and OAuth app.
    expectBounded(500)
  })

  test('sweepers delete in batches and read only what has expired', async () => {
    // More expires while the test runs.
    const { rows } = await client.query<{ moment: string }>('select now()::text as moment')
    const moment = [rows[0]?.moment]
    const expired = async () => [
      (await idsOf(`select key as id from idempotency_keys where expires_at < $1`, moment)).length,
      (await idsOf(`select id from tool_executions where started_at < $1::timestamptz - interval '156 hours'`, moment))
        .length,
      (await idsOf(`select id from authorization_flows where expires_at < $1::timestamptz - interval '1 day'`, moment))
        .length,
    ]
    expect(Math.min(...(await expired()))).toBeGreaterThan(1_000)
    await sweepExecutions(db, 156 * 3_600_000)
    expect(await sweepAuthorizations(context)).toMatchObject({ abandoned: expect.toSatisfy((count) => count > 5) })
    expect(await expired()).toEqual([0, 0, 0])
    await client.query(`delete from connected_accounts where identifier in ('user-90', 'user-91')`)
    await eraseDeletedAccounts(db)
    await deleteOldTransitions(db, 1)
    expect(await idsOf('select id from deleted_accounts', [])).toEqual([])
    // A batch has 500 rows, which are read and found again.
    expectBounded(2_000)
  })

  test('pages of webhook deliveries read few rows, whatever the filter, and hold the deliveries that a full search finds', async () => {
    for (const { before, ...filter } of combinations<DeliveryFilter & { before: number | null }>({
      endpointId: [null, '00000000-0000-4004-8000-000000000001'],
      status: [null, 'FAILED', 'PENDING'],
      before: [null, Math.floor(size / 2)],
    })) {
      const found = await listWebhookDeliveries(db, environmentId, filter, { limit, before })
      const expected = await idsOf(
        `select id from webhook_deliveries where environment_id = $1 and ($2::uuid is null or endpoint_id = $2)
         and ($3::text is null or status = $3) and ($4::bigint is null or sequence < $4)
       order by sequence desc limit $5`,
        [environmentId, filter.endpointId, filter.status, before, limit],
      )
      expect(
        found.map(({ id }) => id),
        JSON.stringify({ filter, before }),
      ).toEqual(expected)
    }
    expectBounded(300)
  })

  test('claiming webhook deliveries reads few rows, however many wait', async () => {
    const options = {
      limit: 32,
      leaseSeconds: 30,
      maxPerEndpoint: 8,
      providerTypes: [],
      running: new Map<string, number>(),
    }
    const { claimed, examined } = await claimDeliveries(db, options)
    expect(claimed.length).toBeGreaterThan(0)
    expect(examined).toBeGreaterThanOrEqual(claimed.length)
    const [first] = claimed
    if (!first) return
    await endAttempt(db, first, { status: 'DELIVERED', statusCode: 200, error: null, retrySeconds: 0 })
    expectBounded(500)
  })

  test('the accounts that an event is for are found by few rows, however many accounts the OAuth app has', async () => {
    const { rows } = await client.query(
      `select g.oauth_app_id, g.workspace_id, g.provider_user_id from grants g
     join connected_accounts a on a.grant_id = g.id where g.status = 'active' and a.status = 'ACTIVE' limit 1`,
    )
    const { oauth_app_id: oauthAppId, workspace_id: workspaceId, provider_user_id: userId } = rows[0]
    const unknown = Array.from({ length: 99 }, () => randomUUID())
    for (const userIds of [[userId], [...unknown, userId], []])
      await accountsOf(
        quiet(),
        db,
        { environmentId, oauthAppId },
        {
          workspaceId,
          visibleTo: { installationIds: unknown, userIds },
        },
      )
    expectBounded(300)
  })

  test('polls of grants are begun for few listeners, and claimed, by few rows, however many accounts there are', async () => {
    const polled = [{ connector: 'notion', types: ['notion.page.created'] }]
    await client.query(
      `insert into event_listeners (environment_id, node_id, connector, connection_name, identifiers, identifier)
     select $1, n % 3, 'notion', '', 'one', 'user-' || n from generate_series(20, 60) n`,
      [environmentId],
    )
    await client.query(
      `insert into event_polls (environment_id, grant_id, oauth_app_id, next_at)
     select grants.environment_id, grants.id, grants.oauth_app_id,
       now() + row_number() over () * interval '1 second' - interval '100 seconds'
     from grants join connected_accounts on grant_id = grants.id where identifier not in ('user-30', 'user-31')`,
    )
    await client.query('analyze event_polls, event_listeners')
    expect(await beginPolls(db, polled)).toBe(false)
    expectBounded(3_000)
    const begun = await idsOf(
      `select identifier as id from event_polls join connected_accounts using (environment_id, grant_id)
     where identifier in ('user-30', 'user-31') order by identifier`,
      [],
    )
    expect(begun).toEqual(['user-30', 'user-31'])
    plans.splice(0)

    // Now by an endpoint, which hears all accounts.
    await client.query(`update webhook_endpoints set events = '{notion.page.created}'`)
    const claim = { limit: 50, nodeId: 'node', leaseMs: 60_000, maxGapMs: { stream: 1_000, endpoint: 1_000 } }
    const claimed = await claimPolls(db, polled, claim)
    expect(claimed.length).toBeGreaterThan(40)
    const [first, second] = claimed
    if (!first || !second) throw new Error('nothing was claimed')
    expect(await storePolled(db, first, { ...first.state, through: new Date() }, [], 1_000)).toBe(0)
    await releasePoll(db, second, { inMs: 1_000, failed: true })
    expectBounded(2_500)
  })

  test('an index of content is claimed, written, merged, searched and swept by few rows, however many there are', async () => {
    // Five indexes in each environment, of which 200 have 100 documents, in two segments of 64 buckets.
    await client.query(`
    set session_replication_role = replica;
    insert into content_indexes (id, environment_id, grant_id, sealed_key, documents, next_at, next_full_at)
      select numbered('4010', n), numbered('4000', n % 1000), numbered('4011', n), 'sealed', 100,
        now() + n * interval '1 minute', now() + interval '1 hour'
      from generate_series(1, 5000) n;
    insert into content_documents (index_id, environment_id, object_id, number, edited_at, sealed, bytes, read_at, proven_at)
      select numbered('4010', n), numbered('4000', n), 'page ' || m, m, now() - m * interval '1 hour', '\\x00', 300, now(), now()
      from generate_series(1, 200) n, generate_series(1, 100) m;
    insert into content_segments (index_id, environment_id, segment, bucket, buckets, documents, sealed)
      select numbered('4010', n), numbered('4000', n), segment, bucket, 64, 50, '\\x00'
      from generate_series(1, 200) n, generate_series(-1, 63) bucket, (values (50), (100)) as segments (segment);
    insert into content_changes (index_id, environment_id, object_id)
      select numbered('4010', n), numbered('4000', n), 'page ' || m
      from generate_series(1, 200) n, generate_series(1, 100) m;
    set session_replication_role = default;
    analyze content_indexes, content_documents, content_segments, content_changes;
  `)
    const unreadable: unknown[] = []
    const bulk = {
      indexId: '00000000-0000-4010-8000-000000000001',
      environmentId: '00000000-0000-4000-8000-000000000001',
      grantId: '00000000-0000-4011-8000-000000000001',
    }
    const key = { ...deriveIndexKey(newIndexKey()), sample: Buffer.from('{}') }
    await rankDocuments(db, bulk, key, readQuery('zeppelin "red report" he'), (error) => unreadable.push(error))
    // The lists of both segments, and a bucket of each for every word that is not one letter.
    expect(unreadable.length).toBeGreaterThan(2)

    const grantId = '00000000-0000-4002-8000-000000000001'
    await client.query(
      'insert into content_indexes (environment_id, grant_id, next_at) values ($1, $2, to_timestamp(0))',
      [environmentId, grantId],
    )
    const [lease] = await claimIndexes(db, 1, { nodeId: 'node', leaseMs: 60_000 })
    expect(lease?.grantId).toBe(grantId)
    if (lease === undefined) return
    await storeKey(db, lease, 'sealed')
    const timing = { recentEveryMs: 1_000, fullEveryMs: 60_000 }
    const pass = await currentPass(db, lease, timing, defaultIndexLimits)
    for (const n of Array(10).keys()) {
      const content = { title: 'Page', text: `zeppelin ${n}`, comments: '', language: null, object: {}, isPart: false }
      const page = { objectId: `page ${n}`, editedAt: new Date(), readAt: new Date(), content }
      await storeDocuments(db, lease, key, [page], defaultIndexLimits)
      await mergeSegments(db, lease, key, { isIdle: n === 9 })
    }
    expect((await readProgress(db, lease))?.accountIds).toHaveLength(1)
    await readKnown(db, lease, ['page 1', 'page 11'])
    await noteChanges(db, { environmentId, grantIds: [grantId] }, ['page 1'])
    for (const change of await nextChanges(db, lease, 50)) await finishChange(db, lease, change)
    await removeDocuments(db, lease, ['page 2'])
    if (pass) await advancePass(db, lease, pass, { provenAt: new Date(), objectIds: ['page 1'], next: null }, timing)
    expect((await rankDocuments(db, lease, key, readQuery('zeppelin'), (error) => unreadable.push(error))).length).toBe(
      10,
    )
    await releaseIndex(db, lease, { inMs: 60_000, pausedMs: 0, failed: false })
    // 200 indexes have changes.
    expectBounded(1_000)
    plans.splice(0)

    await client.query('delete from content_indexes where id = $1', [bulk.indexId])
    await sweepIndexes(db)
    expect(await idsOf('select object_id as id from content_documents where index_id = $1', [bulk.indexId])).toEqual([])
    // Which indexes are missing is only known by a comparison with all grants.
    plans.splice(0, plans.length, ...plans.filter(({ statement }) => !statement.includes('join oauth_apps')))
    expectBounded(1_000)
  })
})

// As autovacuum leaves them for a minute. With statistics of empty tables, Postgres would read whole ones for each write.
describe('in tables that have grown since they were analyzed', () => {
  withContent('')

  test('tool calls are recorded by an index', recordCalls)
})
