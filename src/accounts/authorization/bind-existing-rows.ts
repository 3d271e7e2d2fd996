import { sql } from 'kysely'
import type { Db, Trx } from '../../db/database.ts'
import { apiKeyValues, boundApiKeyColumns } from '../../environments/bound-api-key.ts'
import type { Log } from '../../log.ts'
import { hasKeyOfBindingRelease } from '../../vault/key-ring.ts'
import { type BoundTable, type BoundValues, bindingOf } from '../../vault/row-binding.ts'
import type { Secret } from '../../vault/secret.ts'
import { findServerSecret, serverSecret } from '../../vault/server-secret.ts'
import type { Vault } from '../../vault/vault.ts'
import { accountValues, appValues, grantValues } from '../bindings.ts'
import { grantRowColumns } from '../grants/grant-client.ts'
import { selectApps, toApp } from '../oauth-app-store.ts'
import { flowColumns, flowValues } from './flow.ts'

/**
 * Returns the key of the bindings of rows, a server secret. Before, it binds the rows of a database from before the
 * bindings, as they are: once, by the first process of a release with bindings that opens the database. This cannot be
 * repeated to have rows bound that another program changed:
 *
 * - A sealed server secret shows that it was done. Its ciphertext cannot be forged; it could be deleted.
 * - Once the vault has a data key that a release with bindings created, as every new database has and every other one after
 *   `keys rotate`, rows without a binding are never bound. Deleting that key makes unreadable what it protects.
 *
 * Rows that nodes of release 0.1 write afterwards, during a rolling upgrade, are refused: they cannot be distinguished from
 * those of another program.
 */
export async function openBindingKey(db: Db, vault: Vault, log: Pick<Log, 'warn'>): Promise<Secret> {
  const key = await serverSecret(db, vault, 'row-bindings')
  if (await isDone(db, vault)) return key
  const bound = await bindUnboundRows(db, key, (trx) => isDone(trx, vault))
  await serverSecret(db, vault, completed)
  log.warn({ bound }, 'bound the rows of a database of release 0.1, expected once, at the upgrade')
  return key
}

const completed = 'row-bindings-complete'

const isDone = async (db: Db, vault: Vault): Promise<boolean> =>
  (await hasKeyOfBindingRelease(db)) || (await findServerSecret(db, vault, completed)) !== null

/** A row, with the values that its binding covers; null where it gets none. */
interface ReadRow {
  readonly id: string
  readonly values: BoundValues | null
}

/**
 * Locks and returns the next rows of a table in the order of their ids. Without further conditions: nothing is known of a
 * new column's values, so the planner would read and sort the whole table for each batch.
 */
type ReadBatch = (trx: Trx, after: string) => Promise<readonly ReadRow[]>

const batchSize = 1_000
const beforeAll = '00000000-0000-0000-0000-000000000000'

/**
 * Binds the rows without a binding as they are, in many short transactions, so that other nodes wait for none of them for
 * long. Ends early when `isDone`, asked in each of them, shows that another node has finished. Returns the number of rows.
 */
export async function bindUnboundRows(
  db: Db,
  key: Secret,
  isDone: (trx: Trx) => Promise<boolean>,
): Promise<Partial<Record<BoundTable, number>>> {
  const bound: Partial<Record<BoundTable, number>> = {}
  for (const [table, readBatch] of boundTables) {
    let total = 0
    for (let after: string | undefined = beforeAll; after !== undefined; ) {
      const from: string = after
      const rows = await db.transaction().execute(async (trx) => {
        if (await isDone(trx)) return []
        const batch = await readBatch(trx, from)
        const unbound = batch.flatMap(({ id, values }) =>
          values ? [{ id, binding: bindingOf(key, table, values) }] : [],
        )
        await sql`
          update ${sql.table(table)} set binding = bound.binding
          from unnest(${unbound.map(({ id }) => id)}::uuid[], ${unbound.map(({ binding }) => binding)}::text[]) as bound (id, binding) where ${sql.table(table)}.id = bound.id
        `.execute(trx)
        total += unbound.length
        return batch
      })
      after = rows.length < batchSize ? undefined : rows.at(-1)?.id
    }
    bound[table] = total
  }
  return bound
}

/** The settings of OAuth apps that databases from before the bindings do not have: a row that has one is refused. */
const newerSettings = {
  rawRequests: false,
  contentSearch: false,
  displayName: null,
  logoUrl: null,
  accentColor: null,
} as const

/** What ended has no binding: revoked keys, ended grants, and accounts that were disconnected or never authorized. */
const boundTables: readonly (readonly [BoundTable, ReadBatch])[] = [
  [
    'api_keys',
    async (trx, after) => {
      const keys = trx.selectFrom('api_keys').select([...boundApiKeyColumns, 'revoked_at'])
      const rows = await keys.where('id', '>', after).orderBy('id').limit(batchSize).forNoKeyUpdate().execute()
      return rows.map((row) => ({ id: row.id, values: row.binding || row.revoked_at ? null : apiKeyValues(row) }))
    },
  ],
  [
    'oauth_apps',
    async (trx, after) => {
      const apps = selectApps(trx).where('id', '>', after).orderBy('id').limit(batchSize)
      const rows = await apps.forNoKeyUpdate().execute()
      return rows.map((row) => ({
        id: row.id,
        values: row.binding ? null : appValues({ ...toApp(row), ...newerSettings }),
      }))
    },
  ],
  [
    'grants',
    async (trx, after) => {
      const grants = trx.selectFrom('grants').select([...grantRowColumns, 'status'])
      const rows = await grants.where('id', '>', after).orderBy('id').limit(batchSize).forNoKeyUpdate().execute()
      return rows.map((row) => ({
        id: row.id,
        values: row.binding || row.status !== 'active' ? null : grantValues(row),
      }))
    },
  ],
  [
    'connected_accounts',
    async (trx, after) => {
      const rows = await trx
        .selectFrom('connected_accounts')
        .select(['id', 'environment_id', 'oauth_app_id', 'identifier', 'status', 'grant_id', 'binding'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(batchSize)
        .forNoKeyUpdate()
        .execute()
      const grants = await trx
        .selectFrom('grants')
        .select(['id', 'provider_user_id as providerUserId', 'workspace_id as workspaceId'])
        .where(sql<boolean>`id = any(${rows.map((row) => row.grant_id)}::uuid[])`)
        .execute()
      const byId = new Map(grants.map((grant) => [grant.id, grant]))
      return rows.map((row) => {
        const grant = byId.get(row.grant_id ?? '') ?? null
        if (row.binding || row.status === 'DISCONNECTED' || !grant) return { id: row.id, values: null }
        const { id, environment_id: environmentId, oauth_app_id: oauthAppId, identifier } = row
        return { id, values: accountValues({ id, environmentId, oauthAppId, identifier, grant }) }
      })
    },
  ],
  [
    'authorization_flows',
    async (trx, after) => {
      const flows = trx.selectFrom('authorization_flows').select(flowColumns)
      const rows = await flows.where('id', '>', after).orderBy('id').limit(batchSize).forNoKeyUpdate().execute()
      return rows.map((row) => ({ id: row.id, values: row.binding ? null : flowValues(row) }))
    },
  ],
]
