import { randomBytes } from 'node:crypto'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { sealPair } from '../../src/accounts/grants/token-pair.ts'
import { newNodeState } from '../../src/accounts/node-state.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { noRowCache } from '../../src/db/changed-rows.ts'
import type { Database } from '../../src/db/database.ts'
import { notNarrowed } from '../../src/environments/narrowing.ts'
import { noToolPolicy } from '../../src/environments/tool-policy.ts'
import { type Scope, scopes, type Viewer } from '../../src/environments/viewer.ts'
import { createLog } from '../../src/log.ts'
import { createToolCatalogue } from '../../src/tools/catalogue.ts'
import { createToolEngine, type ToolEngine, type ToolEngineOptions } from '../../src/tools/engine.ts'
import type { ToolRequest } from '../../src/tools/open-tool-account.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { type OpenedVault, openVault } from '../../src/vault/open-vault.ts'
import { Secret } from '../../src/vault/secret.ts'
import { bindingKey, bindRows } from '../support/bindings.ts'
import { freshDatabase } from '../support/database.ts'
import { notesTools } from './notes-tools.ts'
import { gate, startProvider, type TestProvider } from './provider.ts'

/** A database with one environment and one connected account, a provider, and engines over both. */
export interface Bench {
  readonly database: Database
  readonly vault: OpenedVault
  readonly provider: TestProvider
  readonly environmentId: string
  readonly viewer: Viewer
  /** Another node over the same database. */
  engine(options?: Partial<ToolEngineOptions>): ToolEngine
  /** Resolves when all ended calls of its engines are in the journal. */
  written(): Promise<void>
  /** Another account, `ACTIVE` on a grant of its own or on the given one. */
  account(identifier: string, grantId?: string): Promise<{ readonly accountId: string; readonly grantId: string }>
  /** Another connection, of any connector, with an `ACTIVE` account whose token is `token-1-of-<connection>/<account>`. */
  connection(connectionName: string, connector: string): Promise<void>
  close(): Promise<void>
}

/** The identifier of the account that every bench has. */
export const identifier = 'user_1'

export async function openBench(kind: 'postgres' | 'embedded' = 'postgres'): Promise<Bench> {
  const database = await freshDatabase(kind)
  const { db } = database
  const provider = await startProvider()
  const vault = await openVault({
    db,
    keyEncryption: masterKeys({ primary: new Secret(randomBytes(32).toString('base64')), older: [] }),
  })
  const { id: environmentId } = await db
    .insertInto('environments')
    .values({ name: 'test' })
    .returning('id')
    .executeTakeFirstOrThrow()
  const oauthApp = async (connectionName: string, connector: string): Promise<string> => {
    const { id } = await db
      .insertInto('oauth_apps')
      .values({
        environment_id: environmentId,
        connection_name: connectionName,
        connector,
        client_id: 'client',
        client_secret: 'sealed',
        capabilities: ['READ_CONTENT', 'INSERT_CONTENT'],
        return_urls: [],
        confirmation_url: null,
        sandbox: false,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  }
  const notion = await oauthApp('notion', 'notion')

  const grant = async (owner: string, oauthAppId: string): Promise<string> => {
    const { id } = await db
      .insertInto('grants')
      .values({
        environment_id: environmentId,
        oauth_app_id: oauthAppId,
        provider_user_id: owner,
        workspace_id: 'workspace',
        status: 'active',
        access_token: '',
        capabilities: ['READ_CONTENT', 'INSERT_CONTENT'],
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    const pair = { accessToken: new Secret(`token-1-of-${owner}`), refreshToken: null }
    const sealed = await sealPair(vault, { environmentId, grantId: id }, 1, pair)
    await db.updateTable('grants').set(sealed).where('id', '=', id).execute()
    return id
  }

  const account = async (name: string, grantId: string, oauthAppId: string) => {
    const { id } = await db
      .insertInto('connected_accounts')
      .values({
        environment_id: environmentId,
        oauth_app_id: oauthAppId,
        identifier: name,
        status: 'ACTIVE',
        status_reason: 'AUTHORIZED',
        grant_id: grantId,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await bindRows(db)
    return { accountId: id, grantId }
  }

  const engines: ToolEngine[] = []
  const bench: Bench = {
    database,
    vault,
    provider,
    environmentId,
    viewer: viewerWith(environmentId, Object.keys(scopes) as Scope[]),
    engine: (options) => {
      const engine = createToolEngine({
        db,
        ratePolicy: () => ({ requests: 180, perMs: 60_000 }),
        vault,
        catalogue: createToolCatalogue(notesTools),
        openAccount: (environment, name, connector) =>
          openAccount(
            { db, vault, bindingKey, node: newNodeState('test'), openAccounts: noRowCache },
            environment,
            name,
            connector,
          ),
        requesterOf: async () => null,
        renewAccessToken: () => Promise.reject(new Error('nothing to renew in this test')),
        providerApiUrl: () => provider.url,
        log: createLog('silent'),
        nodeId: null,
        ...options,
      })
      engines.push(engine)
      return engine
    },
    async written() {
      for (const engine of engines) await engine.executions.flush()
    },
    account: async (name, grantId) => account(name, grantId ?? (await grant(name, notion)), notion),
    async connection(connectionName, connector) {
      const app = await oauthApp(connectionName, connector)
      await account(identifier, await grant(`${connectionName}/${identifier}`, app), app)
    },
    async close() {
      vault.close()
      await provider.close()
      await database.close()
    },
  }
  await bench.account(identifier)
  return bench
}

/** The real clock, except for the deadline of calls, which the test triggers. */
export function clockWithDeadline(): Clock & { expire(): void } {
  const { opened, open } = gate()
  return {
    ...systemClock,
    after(milliseconds, act) {
      if (milliseconds < 60_000) return systemClock.after(milliseconds, act)
      void opened.then(act)
      return () => {}
    },
    expire: open,
  }
}

/** A viewer of an environment with some scopes. */
export function viewerWith(environmentId: string, granted: readonly Scope[], own: string | null = null): Viewer {
  return {
    environmentId,
    environmentName: 'test',
    scopes: new Set(granted),
    identifier: own,
    narrowing: notNarrowed,
    toolPolicy: noToolPolicy,
    credential: {
      kind: own === null ? 'api_key' : 'user_session',
      id: 'credential',
      apiKeyId: '00000000-0000-4000-8000-00000000000a',
      expiresAt: null,
    },
  }
}

/** A call of a tool for the bench's account. */
export function request(toolName: string, toolInput: unknown = {}, more: Partial<ToolRequest> = {}): ToolRequest {
  return {
    connectionName: 'notion',
    identifier,
    toolName,
    toolInput,
    idempotencyKey: null,
    outputFormat: 'RAW',
    ...more,
  }
}

/** What a promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not fail.')
}
