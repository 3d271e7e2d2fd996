import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { bindUnboundRows } from '../../src/accounts/authorization/bind-existing-rows.ts'
import { claimDueRenewals } from '../../src/accounts/grants/lease.ts'
import { openDatabase } from '../../src/db/database.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { serverSecret } from '../../src/vault/server-secret.ts'
import { freePort } from '../support/free-port.ts'
import {
  accessToken,
  createdPageId,
  databaseId,
  lastRowId,
  newPageProperties,
  pageId,
  refreshToken,
  userOfInSql,
} from './notion-bodies.ts'
import { graphqlRequests, type Requests, uniquePlaceholder } from './requests.ts'
import { cloneRows } from './rows.ts'
import type { Process, Run } from './run.ts'
import type { SearchCall } from './search-bench.ts'
import { type Usage, usageOf } from './usage-of.ts'

/*
 * Everything that the bench knows of Valetkey: how a server is started, its GraphQL documents, the tables that accounts
 * are in, and what their tokens are sealed for.
 */

/** How long a server may take to answer its first query, in milliseconds. */
const startMs = 180_000

/** A Valetkey server that answers queries. */
export interface Valetkey {
  readonly process: Process
  readonly url: string
  readonly authorization: Readonly<Record<string, string>>
  /** Milliseconds from the start of the process to its first answer. */
  readonly startedInMs: number
  /** What the process had used when it gave that answer; null where that is not known. */
  readonly usageAtStart: Usage | null
}

/** What a server is started with. */
export interface ServerSetup {
  readonly upstream: string
  /** Null: the embedded database in {@link dataDirectory}. */
  readonly databaseUrl: string | null
  readonly dataDirectory: string
  readonly masterKey: string
  readonly apiKey: string
}

/** A setup with new keys. */
export function newSetup(run: Run, upstream: string, databaseUrl: string | null): ServerSetup {
  return {
    upstream,
    databaseUrl,
    dataDirectory: join(run.directory, randomUUID()),
    masterKey: randomBytes(32).toString('base64'),
    apiKey: randomBytes(24).toString('hex'),
  }
}

/**
 * Starts a server as `npm start` does, and waits for its first answer. With a Postgres server it runs in production, with
 * the embedded database with the defaults of development. `BENCH_NODE_OPTIONS` are options of Node for it, such as
 * `--cpu-prof`, and `BENCH_WORKERS` is its `VALETKEY_WORKERS`. `more` are other variables of it.
 *
 * Throws an error when there is no answer within 180 s.
 */
export async function startValetkey(
  run: Run,
  setup: ServerSetup,
  more: Readonly<Record<string, string>> = {},
): Promise<Valetkey> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const authorization = { authorization: `Bearer ${setup.apiKey}` }
  const began = performance.now()
  const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '')
  const workers = process.env['BENCH_WORKERS']
  const server = run.start('Valetkey', [...options, ...(await startArguments())], {
    PORT: String(port),
    LOG_LEVEL: 'warn',
    NOTION_API_URL: setup.upstream,
    VALETKEY_DATA_DIR: setup.dataDirectory,
    VALETKEY_MASTER_KEY: setup.masterKey,
    VALETKEY_BOOTSTRAP_API_KEY: setup.apiKey,
    // Verifications would otherwise be due in the middle of a long run.
    VALETKEY_VERIFY_EVERY_SECONDS: '604800',
    ...(setup.databaseUrl !== null && {
      NODE_ENV: 'production',
      DATABASE_URL: setup.databaseUrl,
      ...(workers && { VALETKEY_WORKERS: workers }),
    }),
    ...more,
  })
  while (!(await answersQueries(url, authorization))) {
    run.signal.throwIfAborted()
    if (performance.now() - began > startMs) throw new Error('Valetkey has not answered a query within 180 s')
    await sleep(20)
  }
  const startedInMs = performance.now() - began
  return { process: server, url, authorization, startedInMs, usageAtStart: await usageOf(server.pid) }
}

/** The arguments of Node in the script `start`, so that the bench measures what operators run. */
async function startArguments(): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const script: string = manifest.scripts.start
  const command = script.split(' ').filter((word) => word !== 'exec')
  if (command[0] !== 'node' || /[&|;"']/.test(script))
    throw new Error(`The bench runs the script start as node with arguments, and cannot run: ${script}`)
  return command.slice(1)
}

async function answersQueries(url: string, authorization: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    const { viewer } = await graphql(url, authorization, '{ viewer { __typename } }', {})
    return viewer !== undefined
  } catch (error) {
    // Not listening yet. Anything else would not go away.
    if ((error as Error).cause !== undefined) return false
    throw error
  }
}

/** Sends a document and returns its data. Throws an error when the answer has errors. */
async function graphql(
  url: string,
  authorization: Readonly<Record<string, string>>,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify({ query, variables }),
  })
  const text = await response.text()
  const answer = JSON.parse(text)
  if (answer.errors !== undefined || answer.data == null) throw new Error(`${response.status}: ${text}`)
  return answer.data
}

/** The identifier of an account by its number. */
export const identifierOf = (account: number) => `user-${account}@bench`

/** Accounts as the load uses them, all in one environment. */
export interface Accounts {
  readonly environmentId: string
  readonly oauthAppId: string
  readonly count: number
}

/**
 * So many accounts have the rare OAuth app, and so many the rare status; so many calls failed, and so many were of the rare
 * tool. Two pages, whatever the size of the database: times are compared where as many rows are returned.
 */
const rareRows = 40

/** The connection name, the status and the tool that few rows have. */
export const rare = { connectionName: 'rare', status: 'REVOKED', toolName: 'notion_user_self' } as const

/** Of `count` rows, one in so many is rare. */
const rareEvery = (count: number) => Math.ceil(count / rareRows)

/** Which of them: rows with this remainder have the rare status, app or tool, or failed. */
const remainders = { status: 3, app: 5, tool: 7, failed: 11 }

/** An SQL condition: whether a row is one of the rare ones. */
const isRare = (number: string, count: number, which: keyof typeof remainders) =>
  `${number} % ${rareEvery(count)} = ${remainders[which]}`

/** Whether an account of {@link makeAccounts} is ACTIVE and has the usual OAuth app, where not all are usable. */
export const isUsual = (account: number, count: number) =>
  ![remainders.status, remainders.app].includes(account % rareEvery(count))

/** What the columns of the rare accounts are, for `cloneRows`. */
const rareColumns = (count: number) => ({
  oauth_app_id: `case when ${isRare('made.number', count, 'app')}
    then (select id from oauth_apps where connection_name = '${rare.connectionName}') else template.oauth_app_id end`,
  status: `case when ${isRare('made.number', count, 'status')} then '${rare.status}' else template.status end`,
})

/** {@link identifierOf} as an SQL expression. */
const identifierInSql = `'user-' || made.number || '@bench'`

/**
 * Makes the accounts 0 to `count` - 1, each with a grant of its own. The first one is imported over the API; the others are
 * copies of its rows with their own ids, owners and times. Usable accounts have tokens of their own. Unusable ones are made
 * in a fraction of the time: they have the ciphertexts of the first account, and a few have the rare connection or the rare
 * status. `afterPart` runs when the accounts below a number are there; those with higher numbers are newer.
 */
export async function makeAccounts(
  { url, authorization }: Valetkey,
  setup: ServerSetup & { readonly databaseUrl: string },
  count: number,
  options: { usable?: boolean; parts?: number; afterPart?: (made: number) => Promise<void> } = {},
): Promise<Accounts> {
  const { usable = true, parts = 1, afterPart } = options
  await importAccount(url, authorization)
  const client = await connectInBulk(setup.databaseUrl)
  try {
    const { rows } = await client.query<Template>(
      `update connected_accounts set created_at = connected_accounts.created_at - interval '30 days'
       from grants where grants.id = connected_accounts.grant_id and identifier = $1
       returning connected_accounts.id as "accountId", grants.id as "grantId", grants.version,
         connected_accounts.environment_id as "environmentId", connected_accounts.oauth_app_id as "oauthAppId"`,
      [identifierOf(0)],
    )
    const [template] = rows
    if (template === undefined) throw new Error('the imported account is not in the database')
    const { accountId, grantId, environmentId, oauthAppId } = template
    await cloneRows(client, 'oauth_apps', oauthAppId, 'select', {
      id: 'gen_random_uuid()',
      connection_name: `'${rare.connectionName}'`,
      binding: 'null',
    })
    await client.query('create temp table made (number int, grant_id uuid, account_id uuid)')
    const anyTime = (number: string) => `now() + interval '1 day' + ${number} % 2592000 * interval '1 second'`
    for (let part = 1, made = 1; part <= parts; part += 1) {
      const end = Math.ceil((count * part) / parts)
      await client.query('truncate made')
      await client.query(
        'insert into made select number, gen_random_uuid(), gen_random_uuid() from generate_series($1::int, $2) as number',
        [made, end - 1],
      )
      await cloneRows(client, 'grants', grantId, 'select * from made', {
        id: 'made.grant_id',
        binding: 'null',
        provider_user_id: userOfInSql('made.number'),
        // Spread over a month that begins tomorrow, so that the indexes of due grants are full and nothing is due.
        next_refresh_at: anyTime('made.number'),
        next_verify_at: anyTime('made.number'),
      })
      await cloneRows(client, 'connected_accounts', accountId, 'select * from made', {
        id: 'made.account_id',
        binding: 'null',
        identifier: identifierInSql,
        grant_id: 'made.grant_id',
        ...(!usable && rareColumns(count)),
        created_at: `template.created_at + made.number * interval '1 ms'`,
      })
      if (usable) await sealTokens(client, setup, template)
      made = end
      await afterPart?.(made)
    }
    await bindClones(setup)
    // As autovacuum does, which leaves empty tables alone: to Postgres, one that was analyzed while it was empty stays small.
    await client.query('analyze oauth_apps, grants, connected_accounts')
    return { environmentId, oauthAppId, count }
  } finally {
    await client.end()
  }
}

interface Template {
  readonly accountId: string
  readonly grantId: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly version: number
}

/** Binds the rows that were cloned, as if the server had written them. */
async function bindClones(setup: ServerSetup & { readonly databaseUrl: string }): Promise<void> {
  const { db, vault, close } = await openOwn(setup)
  try {
    await bindUnboundRows(db, await serverSecret(db, vault, 'row-bindings'), () => Promise.resolve(false))
  } finally {
    await close()
  }
}

/** Opens the server's database and vault. */
export async function openOwn(setup: ServerSetup & { readonly databaseUrl: string }) {
  const database = await openDatabase({ kind: 'server', url: setup.databaseUrl, maxConnections: 2 }, () => {})
  const keyEncryption = masterKeys({ primary: new Secret(setup.masterKey), older: [] })
  const vault = await openVault({ db: database.db, keyEncryption })
  return {
    db: database.db,
    vault,
    async close() {
      vault.close()
      await database.close()
    },
  }
}

/** Stores a token of its own for each grant in the table `made`. */
async function sealTokens(
  client: pg.Client,
  setup: ServerSetup & { readonly databaseUrl: string },
  { environmentId, version }: Template,
): Promise<void> {
  const { vault, close } = await openOwn(setup)
  try {
    const { rows } = await client.query<{ number: number; grant_id: string }>('select number, grant_id from made')
    const sealAll = (field: 'access_token' | 'refresh_token', tokenOf: (account: number) => string) =>
      Promise.all(
        rows.map(({ number, grant_id }) =>
          vault.seal(new Secret(tokenOf(number)), { environmentId, subject: grant_id, field, version }),
        ),
      )
    await client.query(
      `update grants set access_token = sealed.access, refresh_token = sealed.refresh
       from unnest($1::uuid[], $2::text[], $3::text[]) as sealed (id, access, refresh) where grants.id = sealed.id`,
      [
        rows.map(({ grant_id }) => grant_id),
        await sealAll('access_token', accessToken),
        await sealAll('refresh_token', refreshToken),
      ],
    )
  } finally {
    await close()
  }
}

/** Connects for large inserts. Triggers and foreign keys would take most of the time; only a superuser may do without. */
async function connectInBulk(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('set synchronous_commit = off')
  await client.query('set session_replication_role = replica').catch(() => {})
  return client
}

const benchApp = { clientId: 'bench', clientSecret: 'any' }

async function importAccount(url: string, authorization: Readonly<Record<string, string>>): Promise<void> {
  const send = async (document: string, input: object) =>
    JSON.stringify(await graphql(url, authorization, document, { input }))
  const registered = await send(
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) { __typename ... on Error { message } }
    }`,
    benchApp,
  )
  if (!registered.includes('RegisterOAuthAppPayload')) throw new Error(`no OAuth app: ${registered}`)
  const imported = await send(
    `mutation ($input: ImportConnectedAccountInput!) {
      importConnectedAccount(input: $input) {
        ... on ImportConnectedAccountPayload { connectedAccount { status } }
        ... on Error { message }
      }
    }`,
    { identifier: identifierOf(0), accessToken: accessToken(0), refreshToken: refreshToken(0) },
  )
  if (!imported.includes('"ACTIVE"')) throw new Error(`no account: ${imported}`)
}

/**
 * Adds environments with one OAuth app and one account without a grant each, to those that the accounts are in. No one
 * calls them: they fill tables and indexes.
 */
export async function makeEnvironments(databaseUrl: string, accounts: Accounts, count: number): Promise<void> {
  const client = await connectInBulk(databaseUrl)
  try {
    await client.query('create temp table made (number int, environment_id uuid, app_id uuid)')
    await client.query(
      'insert into made select number, gen_random_uuid(), gen_random_uuid() from generate_series(1, $1::int) as number',
      [count],
    )
    const each = 'select * from made'
    await cloneRows(client, 'environments', accounts.environmentId, each, {
      id: 'made.environment_id',
      name: `'bench-' || made.number`,
    })
    await cloneRows(client, 'oauth_apps', accounts.oauthAppId, each, {
      id: 'made.app_id',
      environment_id: 'made.environment_id',
    })
    const { rows } = await client.query<{ id: string }>('select id from connected_accounts where identifier = $1', [
      identifierOf(0),
    ])
    await cloneRows(client, 'connected_accounts', rows[0]?.id ?? '', each, {
      id: 'gen_random_uuid()',
      environment_id: 'made.environment_id',
      oauth_app_id: 'made.app_id',
      grant_id: 'null',
      status: `'PENDING'`,
    })
  } finally {
    await client.end()
  }
}

/** Adds a tool call of each account to the journal: copies of the line of one call over the API. */
export async function makeJournal(server: Valetkey, databaseUrl: string, { count }: Accounts): Promise<void> {
  const [first] = readRequests(server, 1).bodies
  await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...server.authorization },
    body: first?.body ?? '',
  })
  await journalHolds(databaseUrl, 1)
  const client = await connectInBulk(databaseUrl)
  try {
    const { rows } = await client.query<{ id: string }>('select id from tool_executions')
    const one = (usual: string, rarely: string, which: keyof typeof remainders) =>
      `case when ${isRare('made.number', count, which)} then '${rarely}' else '${usual}' end`
    await cloneRows(
      client,
      'tool_executions',
      rows[0]?.id ?? '',
      `select id, oauth_app_id, row_number() over (order by created_at) as number
       from connected_accounts where grant_id is not null order by created_at`,
      {
        id: 'gen_random_uuid()',
        account_id: 'made.id',
        oauth_app_id: 'made.oauth_app_id',
        tool_name: one('notion_database_query', rare.toolName, 'tool'),
        status: one('SUCCEEDED', 'FAILED', 'failed'),
      },
    )
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

/** Lines of the journal. */
async function journalLines(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from tool_executions')
  return rows[0]?.count ?? 0
}

/**
 * Waits until the journal has that many lines.
 *
 * Throws an error when it has not within 10 s: lines of reads may be written late, but must be written.
 */
export async function journalHolds(databaseUrl: string, lines: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (let attempt = 0; ; attempt += 1) {
      const found = await journalLines(client)
      if (found >= lines) return
      if (attempt === 100) throw new Error(`The journal has ${found} lines after ${lines} answered tool calls.`)
      await sleep(100)
    }
  } finally {
    await client.end()
  }
}

/**
 * Makes grants due for renewal and claims them as the renewal worker does, 32 at a time, until none is left. Returns how
 * long each claim took, in milliseconds. Stop the server first: its worker claims as well.
 */
export async function claimRenewals(databaseUrl: string, count: number): Promise<readonly number[]> {
  const database = await openDatabase({ kind: 'server', url: databaseUrl, maxConnections: 1 }, () => {})
  try {
    await sql`
      update grants set next_refresh_at = now() - random() * interval '1 minute', phase = 'idle', lease_until = null
      where id in (select id from grants order by random() limit ${count})
    `.execute(database.db)
    const samples: number[] = []
    for (;;) {
      const began = performance.now()
      const claimed = await claimDueRenewals(database.db, 32, { nodeId: 'bench', leaseMs: 600_000 })
      if (claimed.length === 0) return samples
      samples.push(performance.now() - began)
    }
  } finally {
    await database.close()
  }
}

const executeTool = `mutation ($input: ExecuteToolInput!) {
  executeTool(input: $input) {
    ... on ExecuteToolPayload { data execution { id status } }
    ... on ToolError { message hint }
  }
}`

/** A server with Valetkey's `executeTool`: Valetkey itself, or the stack floor. */
export type ToolServer = Pick<Valetkey, 'url' | 'authorization'>

const succeeded = '"status":"SUCCEEDED"'

/** A query of ten rows, for each account. */
export function readRequests({ url, authorization }: ToolServer, accounts: number): Requests {
  const calls = Array.from({ length: accounts }, (_, account) => ({
    variables: {
      input: {
        identifier: identifierOf(account),
        toolName: 'notion_database_query',
        toolInput: { database_id: databaseId, page_size: 10 },
      },
    },
    expected: [succeeded, lastRowId],
  }))
  return graphqlRequests(url, authorization, executeTool, calls)
}

/** Switches the indexes of content on. Those that exist are used as they are. */
export async function switchContentSearchOn({ url, authorization }: Valetkey): Promise<void> {
  const { registerOAuthApp } = await graphql(
    url,
    authorization,
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) { ... on RegisterOAuthAppPayload { oauthApp { contentSearch } } }
    }`,
    { input: { ...benchApp, contentSearch: true } },
  )
  if (!JSON.stringify(registerOAuthApp).includes('true')) throw new Error('The indexes of content are not switched on.')
}

/** Reads the tokens of Notion's webhook, and returns its URL at the server. */
export async function readWebhook({ url, authorization }: Valetkey): Promise<string> {
  const document = '{ oauthApp(connectionName: "notion") { webhookUrl webhookTokens { token } } }'
  const { oauthApp } = await graphql(url, authorization, document, {})
  const { webhookUrl } = oauthApp as { readonly webhookUrl: string }
  return new URL(new URL(webhookUrl).pathname, url).href
}

/** Searches that the index answers. */
export function searchRequests({ url, authorization }: ToolServer, calls: readonly SearchCall[]): Requests {
  return graphqlRequests(
    url,
    authorization,
    executeTool,
    calls.map(({ account, query }) => ({
      variables: {
        input: {
          identifier: identifierOf(account),
          toolName: 'notion_data_fetch',
          toolInput: { query, page_size: 20 },
        },
      },
      expected: [succeeded, '"source":"index"'],
    })),
  )
}

/** Returns the IDs of all results of a search, by its cursors. */
export async function searchResults(
  { url, authorization }: Valetkey,
  identifier: string,
  query: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const toolInput = { query, page_size: 100, ...(cursor !== undefined && { start_cursor: cursor }) }
    const input = { identifier, toolName: 'notion_data_fetch', toolInput, outputFormat: 'RAW' }
    const data = await graphql(url, authorization, executeTool, { input })
    const { data: body } = data['executeTool'] as {
      readonly data?: { readonly results: readonly { readonly id: string }[]; readonly next_cursor: string | null }
    }
    if (body === undefined) throw new Error(`A search failed: ${JSON.stringify(data)}`)
    for (const { id } of body.results) found.add(id)
    cursor = body.next_cursor
  }
  return found
}

/** The creation of a page under a new idempotency key, for each account. */
export function writeRequests({ url, authorization }: ToolServer, accounts: number): Requests {
  const calls = Array.from({ length: accounts }, (_, account) => ({
    variables: {
      input: {
        identifier: identifierOf(account),
        toolName: 'notion_page_create',
        toolInput: { parent_page_id: pageId, properties: newPageProperties },
        idempotencyKey: uniquePlaceholder,
      },
    },
    expected: [succeeded, createdPageId],
  }))
  return graphqlRequests(url, authorization, executeTool, calls)
}

const accountFields = 'id identifier status createdAt'

const connectedAccount = `query ($identifier: String!) {
  connectedAccount(identifier: $identifier) { ${accountFields} }
}`

const getOrCreateConnectedAccount = `mutation ($input: GetOrCreateConnectedAccountInput!) {
  getOrCreateConnectedAccount(input: $input) {
    ... on GetOrCreateConnectedAccountPayload { created connectedAccount { ${accountFields} } }
    ... on Error { message }
  }
}`

/** One account by its identifier, for each of these accounts. The account floor answers this as well. */
export function accountRequests({ url, authorization }: ToolServer, accounts: readonly number[]): Requests {
  const calls = accounts.map(identifierOf).map((identifier) => ({
    variables: { identifier },
    expected: [`"identifier":"${identifier}"`, '"status":"ACTIVE"'],
  }))
  return graphqlRequests(url, authorization, connectedAccount, calls)
}

/** `getOrCreateConnectedAccount` of accounts that exist. */
export function getExistingRequests({ url, authorization }: ToolServer, accounts: readonly number[]): Requests {
  const calls = accounts.map(identifierOf).map((identifier) => ({
    variables: { input: { identifier } },
    expected: ['"created":false', `"identifier":"${identifier}"`, '"status":"ACTIVE"'],
  }))
  return graphqlRequests(url, authorization, getOrCreateConnectedAccount, calls)
}

/** `getOrCreateConnectedAccount` of a new account at each call. */
export function createRequests({ url, authorization }: ToolServer): Requests {
  const identifier = `new-${uniquePlaceholder}`
  const expected = ['"created":true', '"status":"PENDING"']
  return graphqlRequests(url, authorization, getOrCreateConnectedAccount, [
    { variables: { input: { identifier } }, expected },
  ])
}

const connectedAccounts = `query ($after: String, $filter: ConnectedAccountFilter) {
  connectedAccounts(first: 20, after: $after, filter: $filter) {
    nodes { ${accountFields} }
    pageInfo { hasNextPage endCursor }
  }
}`

/** The cursor after the twenty newest accounts. It remains valid when newer accounts come. */
export async function cursorOfNewest({ url, authorization }: Valetkey): Promise<string> {
  const data = await graphql(url, authorization, connectedAccounts, {})
  const { pageInfo } = data['connectedAccounts'] as { pageInfo: { endCursor: string } }
  return pageInfo.endCursor
}

/** The pages of accounts after these cursors, by the name of their filter. */
export function pageRequests(
  { url, authorization }: ToolServer,
  cursors: readonly string[],
): ReadonlyMap<string, Requests> {
  const requests = (filter: object, expected: readonly string[]) =>
    graphqlRequests(
      url,
      authorization,
      connectedAccounts,
      cursors.map((after) => ({ variables: { after, filter }, expected })),
    )
  const found = '"identifier":"user-'
  return new Map([
    ['a page in the middle', requests({}, [found, '"endCursor":"'])],
    ['a frequent status', requests({ status: ['ACTIVE'] }, [found, '"endCursor":"'])],
    ['a rare status', requests({ status: [rare.status] }, ['"nodes":['])],
    ['a rare connection', requests({ connectionName: rare.connectionName }, ['"nodes":['])],
    ['an identifier', requests({ identifier: identifierOf(0) }, [found])],
  ])
}

const toolExecutions = `query ($filter: ToolExecutionFilter) {
  toolExecutions(first: 20, filter: $filter) {
    nodes { id status startedAt durationMs tool { name } connectedAccount { identifier } }
    pageInfo { hasNextPage endCursor }
  }
}`

/** The filters of the journal, by name. */
export function journalRequests(
  { url, authorization }: ToolServer,
  accounts: readonly number[],
): ReadonlyMap<string, Requests> {
  const requests = (filters: readonly object[], expected: string) =>
    graphqlRequests(
      url,
      authorization,
      toolExecutions,
      filters.map((filter) => ({ variables: { filter }, expected: [expected] })),
    )
  const byIdentifier = accounts.map((account) => ({ identifier: identifierOf(account) }))
  const all = { connectionName: 'notion', status: ['SUCCEEDED'], toolName: 'notion_database_query' }
  return new Map([
    ['no filter', requests([{}], '"nodes":[{')],
    ['connectionName', requests([{ connectionName: 'notion' }], '"nodes":[{')],
    ['identifier', requests(byIdentifier, '"nodes":[{')],
    ['a frequent status', requests([{ status: ['SUCCEEDED'] }], '"status":"SUCCEEDED"')],
    ['a rare status', requests([{ status: ['FAILED'] }], '"nodes":[')],
    ['a status of no call', requests([{ status: ['OUTCOME_UNKNOWN'] }], '"nodes":[]')],
    ['a frequent tool', requests([{ toolName: 'notion_database_query' }], '"name":"notion_database_query"')],
    ['a rare tool', requests([{ toolName: rare.toolName }], '"nodes":[')],
    ['a rare tool and status', requests([{ toolName: rare.toolName, status: ['FAILED'] }], '"nodes":[')],
    ['a rare connection', requests([{ connectionName: rare.connectionName }], '"nodes":[')],
    [
      'a rare connection and status',
      requests([{ connectionName: rare.connectionName, status: ['FAILED'] }], '"nodes":['),
    ],
    [
      'all at once',
      requests(
        byIdentifier.map((filter) => ({ ...filter, ...all })),
        '"nodes":[',
      ),
    ],
  ])
}

/**
 * The bodies of subscriptions: one to each of the accounts 0 to `accounts` - 1, and `ofAllChanges` to all changes of the
 * environment.
 */
export function subscriptionBodies(accounts: number, ofAllChanges: number): readonly string[] {
  const ofAccount = `subscription ($identifier: String!) {
    connectedAccountStatus(identifier: $identifier) { ${accountFields} nextAction workspace { name } }
  }`
  const ofChanges = `subscription {
    connectedAccountStatusChanges { from to reason at connectedAccount { identifier status } }
  }`
  return [
    ...Array.from({ length: accounts }, (_, account) =>
      JSON.stringify({ query: ofAccount, variables: { identifier: identifierOf(account) } }),
    ),
    ...Array.from({ length: ofAllChanges }, () => JSON.stringify({ query: ofChanges })),
  ]
}

/** Ends the accounts `from` to `to` - 1 one after another, as another node does that sees their revocation. */
export async function changeAccounts(databaseUrl: string, from: number, to: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    for (let account = from; account < to; account += 1) {
      await client.query(
        `with bench as (
           update connected_accounts set status = 'REVOKED', status_reason = 'REVOKED_AT_PROVIDER'
           where identifier = $1 returning id, environment_id
         ), transition as (
           insert into status_transitions (environment_id, account_id, from_status, to_status, reason)
           select environment_id, id, 'ACTIVE', 'REVOKED', 'REVOKED_AT_PROVIDER' from bench
           returning id, environment_id, account_id
         )
         select pg_notify('valetkey_account_events', json_build_object('node', 0, 'events', json_build_array(
           json_build_object('environmentId', environment_id, 'accountId', account_id, 'transitionId', id)))::text)
         from transition`,
        [identifierOf(account)],
      )
      await sleep(changeEveryMs)
    }
  } finally {
    await client.end()
  }
}

/** The time between two changes, so that a node cannot read several at once. Milliseconds. */
const changeEveryMs = 100
