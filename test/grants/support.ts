import { randomBytes, randomUUID } from 'node:crypto'
import type { AccountName } from '../../src/accounts/account-store.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { importAccount } from '../../src/accounts/grants/import-account.ts'
import { defaultTiming, type RenewalTiming } from '../../src/accounts/grants/timing.ts'
import { saveOAuthApp } from '../../src/accounts/oauth-app-store.ts'
import { type Database, type DatabaseLocation, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { type AccountEvent, openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { type OpenedVault, openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { newPostgresDatabase } from '../support/database.ts'

/** Renewals that do not make a test wait: short backoff, short lease. */
export const quickTiming: RenewalTiming = {
  ...defaultTiming,
  leaseMs: 3_000,
  waitMs: 8_000,
  pollMs: { first: 10, longest: 50 },
  backoffMs: { first: 50, longest: 400 },
  appPauseMs: 60_000,
}

/** One node of Valetkey without its front: what the operations on accounts work with. */
export interface TestNode {
  readonly context: AccountsContext
  readonly database: Database
  readonly vault: OpenedVault
  /** The account events that this node has published or heard of, of environments that were watched. */
  readonly logged: () => string
  close(): Promise<void>
}

/** Several nodes on one database of their own. */
export interface TestCluster {
  readonly nodes: readonly TestNode[]
  readonly node: TestNode
  readonly masterKey: Secret
  readonly location: DatabaseLocation
  addNode(): Promise<TestNode>
  close(): Promise<void>
}

/** Starts one node. `timeoutMs` is the deadline of calls to the provider. */
export async function startNode(options: {
  readonly location: DatabaseLocation
  readonly masterKey: Secret
  readonly apiUrl: string
  readonly timeoutMs?: number
}): Promise<TestNode> {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const database = await openDatabase(options.location, (error) => log.warn({ err: error }, 'connection'))
  await migrate(database.db)
  const keyEncryption = await masterKeys({ primary: options.masterKey, older: [] })
  const vault = await openVault({ db: database.db, keyEncryption, refreshMs: 500 })
  const events = await openAccountEvents(database, (error) => log.warn({ err: error }, 'events'))
  const provider = createNotionOAuth({ timeoutMs: options.timeoutMs ?? 2_000 })
  return {
    context: {
      db: database.db,
      vault,
      events,
      providers: new Map([[provider.connector, provider]]),
      providerApiUrl: () => options.apiUrl,
      publicUrl: 'http://localhost:4000',
      log,
    },
    database,
    vault,
    logged: () => lines.join(''),
    async close() {
      vault.close()
      await events.close()
      await database.close()
    },
  }
}

/** Starts nodes on a new Postgres database. */
export async function startCluster(sandbox: Pick<RunningSandbox, 'url'>, count = 1): Promise<TestCluster> {
  const { location, drop } = await newPostgresDatabase()
  const masterKey = new Secret(randomBytes(32).toString('base64'))
  const nodes: TestNode[] = []
  const addNode = async () => {
    const node = await startNode({ location, masterKey, apiUrl: sandbox.url })
    nodes.push(node)
    return node
  }
  const node = await addNode()
  while (nodes.length < count) await addNode()
  return {
    nodes,
    node,
    masterKey,
    location,
    addNode,
    async close() {
      await Promise.all(nodes.map((each) => each.close()))
      await drop()
    },
  }
}

/** A new environment with an OAuth app called `notion`, under a client id of its own. */
export async function newEnvironment(
  context: AccountsContext,
  client = { id: `client-${randomUUID()}`, secret: 'a-secret' },
): Promise<{ readonly environmentId: string; readonly client: { readonly id: string; readonly secret: string } }> {
  const { id: environmentId } = await context.db
    .insertInto('environments')
    .values({ name: randomUUID() })
    .returning('id')
    .executeTakeFirstOrThrow()
  await context.db.transaction().execute((trx) =>
    saveOAuthApp(context, trx, environmentId, {
      connectionName: 'notion',
      connector: 'notion',
      clientId: client.id,
      clientSecret: new Secret(client.secret),
      capabilities: ['READ_CONTENT'],
      returnUrls: [],
      confirmationUrl: null,
      sandbox: true,
    }),
  )
  return { environmentId, client }
}

/** How tests name an account. */
export const named = (identifier: string): AccountName => ({ connectionName: 'notion', identifier })

/** Has a sandbox user consent and makes an active account of the tokens. */
export async function connectAccount(
  context: AccountsContext,
  sandbox: RunningSandbox,
  environment: Awaited<ReturnType<typeof newEnvironment>>,
  identifier: string,
  user = 'owner@acme.test',
): Promise<ConnectedAccount> {
  const tokens = await sandbox.connect({ user }, environment.client)
  return importAccount(context, environment.environmentId, {
    ...named(identifier),
    accessToken: new Secret(tokens.access_token),
    refreshToken: new Secret(tokens.refresh_token),
  })
}

/** Collects an environment's events of one node. */
export function watch(context: AccountsContext, environmentId: string): AccountEvent[] {
  const events: AccountEvent[] = []
  context.events.subscribe(environmentId, { onEvent: (event) => void events.push(event), onGap: () => {} })
  return events
}
