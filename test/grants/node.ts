import type { AccountsContext, RenewalTiming } from '../../src/accounts/context.ts'
import { newNodeState } from '../../src/accounts/node-state.ts'
import { type Database, type DatabaseLocation, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { masterKeys } from '../../src/vault/master-keys.ts'
import { type OpenedVault, openVault } from '../../src/vault/open-vault.ts'
import type { Secret } from '../../src/vault/secret.ts'
import { accountsContext } from '../support/accounts-context.ts'

/** One node of Valetkey without its front: what the operations on accounts work with. */
export interface TestNode {
  readonly context: AccountsContext
  readonly database: Database
  readonly vault: OpenedVault
  /** Everything that the node has logged. */
  readonly logged: () => string
  close(): Promise<void>
}

/** Starts one node. `timeoutMs` is the deadline of calls to the provider; its default is against hanging only. */
export async function startNode(options: {
  readonly location: DatabaseLocation
  readonly masterKey: Secret
  readonly apiUrl: string
  readonly timeoutMs?: number
  readonly timing?: RenewalTiming
}): Promise<TestNode> {
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const database = await openDatabase(options.location, (error) => log.warn({ err: error }, 'connection'))
  await database.withSession(migrate)
  const keyEncryption = masterKeys({ primary: options.masterKey, older: [] })
  const vault = await openVault({ db: database.db, keyEncryption, refreshMs: 500 })
  const events = await openAccountEvents(database, (error) => log.warn({ err: error }, 'events'))
  const provider = createNotionOAuth({ timeoutMs: options.timeoutMs ?? 20_000 })
  return {
    context: accountsContext({
      db: database.db,
      vault,
      events,
      providers: new Map([['notion', provider]]),
      providerApiUrl: () => options.apiUrl,
      publicUrl: 'http://localhost:4000',
      log,
      node: newNodeState(String(database.nodeId)),
      ...(options.timing && { timing: options.timing }),
    }),
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
