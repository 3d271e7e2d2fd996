import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openDatabase } from '../../src/db/database.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import {
  accessToken,
  createdPageId,
  databaseId,
  lastRowId,
  newPageProperties,
  pageId,
  refreshToken,
  userOf,
} from './notion-bodies.ts'
import { graphqlRequests, type Requests, uniquePlaceholder } from './requests.ts'
import { cloneRow } from './rows.ts'
import { freePort, type Process, type Run } from './run.ts'
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
 * `--cpu-prof`, and `BENCH_WORKERS` is its `VALETKEY_WORKERS`.
 *
 * Throws an error when there is no answer within 180 s.
 */
export async function startValetkey(run: Run, setup: ServerSetup): Promise<Valetkey> {
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
 * Makes the accounts 0 to `count` - 1, each with a grant of its own and sealed tokens. The first one is imported over the
 * API; the others are copies of its rows with their own ids, owners, times and ciphertexts, which takes a fraction of the
 * time. `afterPart` runs when the accounts below a number are there; accounts with higher numbers are newer.
 */
export async function makeAccounts(
  { url, authorization }: Valetkey,
  setup: ServerSetup & { readonly databaseUrl: string },
  count: number,
  { parts = 1, afterPart }: { parts?: number; afterPart?: (made: number) => Promise<void> } = {},
): Promise<Accounts> {
  await importAccount(url, authorization)
  const database = await openDatabase({ kind: 'server', url: setup.databaseUrl, maxConnections: 2 }, () => {})
  const keyEncryption = await masterKeys({ primary: new Secret(setup.masterKey), older: [] })
  const vault = await openVault({ db: database.db, keyEncryption })
  const client = new pg.Client({ connectionString: setup.databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<Template>(
      `update connected_accounts set created_at = connected_accounts.created_at - interval '30 days'
       from grants where grants.id = connected_accounts.grant_id and identifier = $1
       returning connected_accounts.id as "accountId", grants.id as "grantId", grants.version,
         connected_accounts.environment_id as "environmentId", connected_accounts.oauth_app_id as "oauthAppId",
         extract(epoch from connected_accounts.created_at)::float8 as "createdAt"`,
      [identifierOf(0)],
    )
    const [template] = rows
    if (template === undefined) throw new Error('the imported account is not in the database')
    const { accountId, grantId, environmentId, oauthAppId, version, createdAt } = template

    const seal = async (grant: string, field: 'access_token' | 'refresh_token', token: string) =>
      vault.seal(new Secret(token), { environmentId, subject: grant, field, version })
    const insert = async (from: number, to: number) => {
      const numbers = Array.from({ length: to - from }, (_, at) => from + at)
      const grantIds = numbers.map(() => randomUUID())
      const [access, refresh] = await Promise.all([
        Promise.all(numbers.map((account, at) => seal(grantIds[at] ?? '', 'access_token', accessToken(account)))),
        Promise.all(numbers.map((account, at) => seal(grantIds[at] ?? '', 'refresh_token', refreshToken(account)))),
      ])
      await cloneRow(client, 'grants', grantId, {
        id: grantIds,
        provider_user_id: numbers.map(userOf),
        access_token: access,
        refresh_token: refresh,
        // Spread over a month that begins tomorrow, so that the indexes of due grants are full and nothing is due.
        next_refresh_at: numbers.map((account) => isoTime(Date.now() / 1_000 + 86_400 + (account % 2_592_000))),
      })
      await cloneRow(client, 'connected_accounts', accountId, {
        id: numbers.map(() => randomUUID()),
        identifier: numbers.map(identifierOf),
        grant_id: grantIds,
        created_at: numbers.map((account) => isoTime(createdAt + account / 1_000)),
      })
    }
    for (let part = 1, made = 1; part <= parts; part += 1) {
      const end = Math.ceil((count * part) / parts)
      for (; made < end; made = Math.min(made + batch, end)) await insert(made, Math.min(made + batch, end))
      await afterPart?.(made)
    }
    await client.query('analyze')
    return { environmentId, oauthAppId, count }
  } finally {
    vault.close()
    await Promise.all([database.close(), client.end()])
  }
}

interface Template {
  readonly accountId: string
  readonly grantId: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly version: number
  /** Seconds since 1970. */
  readonly createdAt: number
}

/** Rows of one statement. */
const batch = 2_000

const isoTime = (seconds: number) => new Date(seconds * 1_000).toISOString()

async function importAccount(url: string, authorization: Readonly<Record<string, string>>): Promise<void> {
  const send = async (document: string, input: object) =>
    JSON.stringify(await graphql(url, authorization, document, { input }))
  const registered = await send(
    `mutation ($input: RegisterOAuthAppInput!) {
      registerOAuthApp(input: $input) { __typename ... on Error { message } }
    }`,
    { clientId: 'bench', clientSecret: 'any' },
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
 * Adds environments with one OAuth app and one account without a grant each, to those that the accounts are in. Nobody
 * calls them: they fill tables and indexes.
 */
export async function makeEnvironments(databaseUrl: string, accounts: Accounts, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string }>('select id from connected_accounts where identifier = $1', [
      identifierOf(0),
    ])
    for (let made = 0; made < count; made += batch) {
      const numbers = Array.from({ length: Math.min(batch, count - made) }, (_, at) => made + at)
      const environments = numbers.map(() => randomUUID())
      const apps = numbers.map(() => randomUUID())
      await cloneRow(client, 'environments', accounts.environmentId, {
        id: environments,
        name: numbers.map((number) => `bench-${number}`),
      })
      await cloneRow(client, 'oauth_apps', accounts.oauthAppId, { id: apps, environment_id: environments })
      await cloneRow(client, 'connected_accounts', rows[0]?.id ?? '', {
        id: numbers.map(() => randomUUID()),
        environment_id: environments,
        oauth_app_id: apps,
        grant_id: numbers.map(() => null),
        status: numbers.map(() => 'PENDING'),
      })
    }
  } finally {
    await client.end()
  }
}

/** One in so many tool calls of {@link makeJournal} failed, and one in so many was of the rare tool. */
const rareEvery = 1_000

/** The tool that hardly any line of the journal is of. */
export const rareTool = 'notion_user_self'

/** Adds a tool call of each account to the journal: copies of the line of one call over the API. */
export async function makeJournal(server: Valetkey, databaseUrl: string, accounts: Accounts): Promise<void> {
  const [first] = readRequests(server, 1).bodies
  await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...server.authorization },
    body: first?.body ?? '',
  })
  await journalHolds(databaseUrl, 1)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const { rows: lines } = await client.query<{ id: string }>('select id from tool_executions')
    const { rows: ids } = await client.query<{ id: string }>(
      'select id from connected_accounts where environment_id = $1 and grant_id is not null order by created_at',
      [accounts.environmentId],
    )
    for (let at = 0; at < ids.length; at += batch) {
      const part = ids.slice(at, at + batch)
      const pick = (rare: string, usual: string, offset: number) =>
        part.map((_, index) => ((at + index) % rareEvery === offset ? rare : usual))
      await cloneRow(client, 'tool_executions', lines[0]?.id ?? '', {
        id: part.map(() => randomUUID()),
        account_id: part.map(({ id }) => id),
        tool_name: pick(rareTool, 'notion_database_query', 7),
        status: pick('FAILED', 'SUCCEEDED', 11),
      })
    }
    await client.query('analyze')
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

/** Makes the grants of some accounts due for renewal now. */
export async function makeRenewalsDue(databaseUrl: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(
      `update grants set next_refresh_at = clock_timestamp() where id in (
         select id from grants
         where refresh_token is not null and (next_refresh_at is null or next_refresh_at > clock_timestamp())
         order by random() limit $1
       )`,
      [count],
    )
  } finally {
    await client.end()
  }
}

/** Whether a statement in Postgres's log is the one by which the renewal worker claims grants that are due. */
export const isRenewalClaim = (statement: string) =>
  /skip locked/i.test(statement) && /next_refresh_at/i.test(statement) && /lease/i.test(statement)

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

const connectedAccounts = `query ($after: String) {
  connectedAccounts(first: 20, after: $after) {
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

/** The pages of accounts after these cursors. */
export function pageRequests({ url, authorization }: ToolServer, cursors: readonly string[]): Requests {
  const calls = cursors.map((after) => ({ variables: { after }, expected: ['"identifier":"user-', '"endCursor":"'] }))
  return graphqlRequests(url, authorization, connectedAccounts, calls)
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
    ['a rare status', requests([{ status: ['FAILED'] }], '"status":"FAILED"')],
    ['a status of no call', requests([{ status: ['OUTCOME_UNKNOWN'] }], '"nodes":[]')],
    ['a frequent tool', requests([{ toolName: 'notion_database_query' }], '"name":"notion_database_query"')],
    ['a rare tool', requests([{ toolName: rareTool }], `"name":"${rareTool}"`)],
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
