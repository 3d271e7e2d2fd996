import { sql } from 'kysely'
import type { Db, Trx } from '../../db/database.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { changeStatus } from '../account-store.ts'
import type { AccountsContext } from '../context.ts'
import type { AccountStatus, StatusReason } from '../status.ts'
import { queueRevocation } from './revocation-outbox.ts'
import { type GrantKey, openIfItOpens, tokenContext } from './sealed-pair.ts'

/*
 * Whatever ends a grant locks rows in one order, accounts before grants, as whatever points an account at a grant does:
 * two of them that meet wait for each other and cannot deadlock.
 */

const erased = {
  status: 'ended' as const,
  access_token: null,
  refresh_token: null,
  ended_at: sql<Date>`clock_timestamp()`,
  lease_owner: null,
  lease_until: null,
  phase: 'idle' as const,
  was_sending: false,
  next_refresh_at: null,
  next_verify_at: null,
}

/**
 * Ends a grant that the provider no longer honours: erases its tokens and gives every active account on it the status
 * and reason, in one transaction; the events follow the commit. Nothing happens, and false is the answer, when the grant
 * has moved on from `version` (and `fence`, where given): a newer success is never undone by an older failure.
 */
export async function endRefusedGrant(
  context: Pick<AccountsContext, 'db' | 'events'>,
  grant: GrantKey & { readonly version: number; readonly fence?: number },
  to: { readonly status: 'EXPIRED' | 'REVOKED'; readonly reason: StatusReason },
): Promise<boolean> {
  const { environmentId, grantId, version, fence } = grant
  const events = await context.db.transaction().execute(async (trx) => {
    const accounts = await lockActiveAccounts(trx, grant)
    let query = trx
      .updateTable('grants')
      .set(erased)
      .where('environment_id', '=', environmentId)
      .where('id', '=', grantId)
      .where('status', '=', 'active')
      .where('version', '=', version)
    if (fence !== undefined) query = query.where('fence', '=', fence)
    if (!(await query.returning('id').executeTakeFirst())) return null
    return changeStatuses(trx, environmentId, accounts, to)
  })
  if (!events) return false
  context.events.publish(events)
  return true
}

/**
 * Ends a grant that no active account rests on any more, within the transaction that took the last one off it, and queues its
 * tokens for revocation at the provider. Says whether it did: false while another active account rests on the grant, or when it
 * has ended before. Call it after the account has been pointed elsewhere or has changed its status.
 */
export async function releaseGrant(
  context: Pick<AccountsContext, 'vault' | 'log'>,
  trx: Trx,
  key: GrantKey,
): Promise<boolean> {
  const { environmentId, grantId } = key
  const grant = await trx
    .selectFrom('grants')
    .selectAll()
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .where('status', '=', 'active')
    .forUpdate()
    .executeTakeFirst()
  if (!grant || grant.access_token === null) return false
  // After the lock: an account that was pointed at this grant in the meantime is seen now.
  const resting = await trx
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('grant_id', '=', grantId)
    .where('status', '=', 'ACTIVE')
    .limit(1)
    .executeTakeFirst()
  if (resting) return false
  const { version } = grant
  const [accessToken, refreshToken] = await Promise.all([
    openIfItOpens(context.vault, grant.access_token, tokenContext(key, 'access_token', version)),
    grant.refresh_token === null
      ? null
      : openIfItOpens(context.vault, grant.refresh_token, tokenContext(key, 'refresh_token', version)),
  ])
  const target = {
    environmentId,
    oauthAppId: grant.oauth_app_id,
    workspaceId: grant.workspace_id,
    providerUserId: grant.provider_user_id,
  }
  if (accessToken || refreshToken) await queueRevocation(context, trx, target, { accessToken, refreshToken })
  if (!accessToken) context.log.error(key, 'An unreadable token was erased and could not be revoked at the provider.')
  await trx
    .updateTable('grants')
    .set(erased)
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .execute()
  return true
}

/**
 * Ends every grant of an OAuth app, within the transaction that gives the app another client id: tokens of the old
 * client cannot be renewed or revoked with the new one. Gives the events to publish after the commit.
 */
export async function endGrantsOfOAuthApp(
  trx: Trx,
  app: { readonly environmentId: string; readonly oauthAppId: string },
  to: { readonly status: 'EXPIRED' | 'REVOKED'; readonly reason: StatusReason },
): Promise<readonly AccountEvent[]> {
  const accounts = await trx
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.oauthAppId)
    .where('status', '=', 'ACTIVE')
    .orderBy('id')
    .forUpdate()
    .execute()
  await trx
    .updateTable('grants')
    .set(erased)
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.oauthAppId)
    .where('status', '=', 'active')
    .execute()
  return changeStatuses(trx, app.environmentId, accounts, to)
}

const lockActiveAccounts = (db: Db, { environmentId, grantId }: GrantKey) =>
  db
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('grant_id', '=', grantId)
    .where('status', '=', 'ACTIVE')
    .orderBy('id')
    .forUpdate()
    .execute()

async function changeStatuses(
  trx: Trx,
  environmentId: string,
  accounts: readonly { readonly id: string }[],
  to: { readonly status: AccountStatus; readonly reason: StatusReason },
): Promise<readonly AccountEvent[]> {
  const events: AccountEvent[] = []
  for (const { id } of accounts) {
    const change = { environmentId, accountId: id, from: ['ACTIVE'] as const, to: to.status, reason: to.reason }
    const event = await changeStatus(trx, change)
    if (event) events.push(event)
  }
  return events
}
