import { randomBytes, randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type { AccountName } from '../../src/accounts/account-store.ts'
import { importAccount } from '../../src/accounts/authorization/import-account.ts'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { saveOAuthApp } from '../../src/accounts/oauth-app-store.ts'
import type { ServerLocation } from '../../src/db/database.ts'
import type { AccountEvent } from '../../src/events/status-events.ts'
import { Secret } from '../../src/vault/secret.ts'
import type { RunningSandbox } from '../sandbox/support.ts'
import { newPostgresDatabase } from '../support/database.ts'
import { startNode, type TestNode } from './node.ts'

/** Several nodes on one database of their own. */
export interface TestCluster {
  readonly nodes: readonly TestNode[]
  readonly node: TestNode
  readonly masterKey: Secret
  readonly location: ServerLocation
  addNode(): Promise<TestNode>
  close(): Promise<void>
}

/** Starts nodes on a new Postgres database. `timeoutMs` is the deadline of calls to the provider. */
export async function startCluster(
  sandbox: Pick<RunningSandbox, 'url'>,
  count = 1,
  timeoutMs?: number,
): Promise<TestCluster> {
  const { location, drop } = await newPostgresDatabase()
  const masterKey = new Secret(randomBytes(32).toString('base64'))
  const nodes: TestNode[] = []
  const addNode = async () => {
    const node = await startNode({ location, masterKey, apiUrl: sandbox.url, ...(timeoutMs && { timeoutMs }) })
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

/** A node whose calls to the provider end after three seconds, for answers that never do. */
export async function hurriedNode({ location, masterKey }: TestCluster, sandbox: RunningSandbox): Promise<TestNode> {
  const node = await startNode({ location, masterKey, apiUrl: sandbox.url, timeoutMs: 3_000 })
  onTestFinished(() => node.close())
  return node
}

/**
 * A node whose calls to the provider take four seconds from now on, longer than whatever a test does meanwhile; it waits
 * for them. `hurry` lets later calls be quick again.
 */
export async function slowNode(
  cluster: TestCluster,
  sandbox: RunningSandbox,
): Promise<TestNode & { hurry(): Promise<unknown> }> {
  await sandbox.control('mode', { latencyMs: 4_000 })
  const { location, masterKey } = cluster
  const node = await startNode({ location, masterKey, apiUrl: sandbox.url, timeoutMs: 30_000 })
  onTestFinished(() => node.close())
  return { ...node, hurry: () => sandbox.control('mode', { latencyMs: 0 }) }
}

/** A new environment with an OAuth app called `notion`, under a client id of its own. */
export async function newEnvironment(
  context: AccountsContext,
  client = { id: `client-${randomUUID()}`, secret: `client-secret-${randomUUID()}` },
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
  context.events.subscribe({
    onEvent: (event) => void (event.environmentId === environmentId && events.push(event)),
    onGap: () => {},
  })
  return events
}
