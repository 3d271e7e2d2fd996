import { sql } from 'kysely'
import { recordAudit } from '../../audit/audit-log.ts'
import type { Db } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import { findAccountsById } from '../account-store.ts'
import { type DetachContext, disconnectKnownAccount } from './disconnect-account.ts'

/** Which accounts to disconnect. */
export interface DisconnectSelection {
  readonly environmentId: string
  /** Null: all connections. */
  readonly connectionNames: readonly string[] | null
  /** Only accounts that were authorized (or, if they never were, created) longer ago than this. Null: all. */
  readonly olderThanSeconds: number | null
}

/** The progress, and the result, of a mass disconnection. */
export interface DisconnectProgress {
  readonly disconnected: number
  readonly failed: number
  /** How many were selected at the start. */
  readonly of: number
}

/** Accounts that are read at once, and those of them that are disconnected at the same time. */
const batchSize = 100
const parallel = 5

/** Counts the accounts that {@link disconnectAll} would disconnect now. */
export async function countSelected(db: Db, selection: DisconnectSelection): Promise<number> {
  const { count } = await selected(db, selection)
    .clearSelect()
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/**
 * Disconnects every selected account as `disconnectAccount` does, each in a transaction of its own, and queues their tokens for
 * revocation by the servers. After an interruption, the next call does the rest: disconnected accounts are not selected,
 * unless a link to authorize them again is open. A failure of one account is logged, and the others are disconnected.
 */
export async function disconnectAll(
  context: DetachContext,
  selection: DisconnectSelection,
  onProgress: (progress: DisconnectProgress) => void,
): Promise<DisconnectProgress> {
  const { db, actor } = context
  const { environmentId, ...which } = selection
  const of = await countSelected(db, selection)
  const act = { environmentId, target: `Environment:${environmentId}` }
  await db.transaction().execute((trx) =>
    recordAudit(trx, actor, {
      ...act,
      action: 'accounts.mass_disconnect_started',
      before: { ...which, accounts: of },
    }),
  )
  let [disconnected, failed] = [0, 0]
  let after: string | null = null
  for (;;) {
    let query = selected(db, selection).orderBy('id').limit(batchSize)
    if (after !== null) query = query.where('id', '>', after)
    const ids: readonly string[] = (await query.execute()).map(({ id }) => id)
    after = ids.at(-1) ?? null
    if (after === null) break
    const accounts = [...(await findAccountsById(db, environmentId, ids))]
    while (accounts.length > 0) {
      await Promise.all(
        accounts.splice(0, parallel).map(async (account) => {
          try {
            await disconnectKnownAccount(context, account)
            disconnected += 1
          } catch (err) {
            failed += 1
            context.log.error({ err, account: account.id }, 'disconnecting an account failed')
          }
        }),
      )
    }
    onProgress({ disconnected, failed, of })
  }
  await db.transaction().execute((trx) =>
    recordAudit(trx, actor, {
      ...act,
      action: 'accounts.mass_disconnect_ended',
      after: { ...which, disconnected, failed },
    }),
  )
  return { disconnected, failed, of }
}

function selected(db: Db, { environmentId, connectionNames, olderThanSeconds }: DisconnectSelection) {
  let query = db
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where((eb) =>
      eb.or([
        eb('status', '<>', 'DISCONNECTED'),
        eb.exists(
          eb
            .selectFrom('authorization_flows')
            .select('authorization_flows.id')
            .whereRef('authorization_flows.account_id', '=', 'connected_accounts.id')
            .where('authorization_flows.stage', '<>', 'lapsed')
            .where('authorization_flows.expires_at', '>', sql<Date>`clock_timestamp()`),
        ),
      ]),
    )
  if (connectionNames !== null) {
    const apps = db.selectFrom('oauth_apps').select('oauth_apps.id').where('environment_id', '=', environmentId)
    query = query.where('oauth_app_id', 'in', apps.where('connection_name', 'in', connectionNames))
  }
  if (olderThanSeconds !== null)
    query = query.where(sql<boolean>`coalesce(authorized_at, created_at) < ${inSeconds(-olderThanSeconds)}`)
  return query
}
