import { sql } from 'kysely'
import { type Actor, systemActor } from '../../audit/audit-log.ts'
import { pagesOfIds } from '../../db/batches.ts'
import type { Trx } from '../../db/database.ts'
import { anyOf } from '../../db/found-by-id.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { StatusReason } from '../status.ts'
import { queueRevocation } from './revocation-outbox.ts'
import { ended, openIfReadable, tokenContext } from './token-pair.ts'

/*
 * Lock order: accounts before grants. Everything that ends a grant or points an account at one follows it, so that two of
 * them wait for each other and cannot deadlock.
 */

/** The status that accounts get when their grant ends. */
export interface GrantEnd {
  readonly status: 'EXPIRED' | 'REVOKED'
  readonly reason: StatusReason
}

/**
 * Ends a grant that the provider no longer accepts: erases its tokens and changes the status of every active account on
 * it, in one transaction; publishes the events afterwards. Returns false and does nothing when the grant has moved on from
 * `version` (and `fence`, where given): an older failure never undoes a newer success.
 */
export async function endRefusedGrant(
  context: Pick<AccountsContext, 'db' | 'events'>,
  grant: GrantKey & { readonly version: number; readonly fence?: number },
  to: GrantEnd,
): Promise<boolean> {
  const { environmentId, grantId, version, fence } = grant
  const events = await context.db.transaction().execute(async (trx) => {
    const accounts = await lockActiveAccounts(trx, environmentId).where('grant_id', '=', grantId).execute()
    let query = trx
      .updateTable('grants')
      .set(ended)
      .where('environment_id', '=', environmentId)
      .where('id', '=', grantId)
      .where('status', '=', 'active')
      .where('version', '=', version)
    if (fence !== undefined) query = query.where('fence', '=', fence)
    if (!(await query.returning('id').executeTakeFirst())) return null
    // The provider ended it, whichever request found that out.
    return changeStatuses(trx, systemActor, environmentId, accounts, to)
  })
  if (!events) return false
  context.events.publish(events)
  return true
}

/**
 * Ends a grant without active accounts, within the transaction that detached the last one, and queues its tokens for
 * revocation at the provider. Returns false when another active account uses the grant or it has ended before. Call it
 * after the account was pointed elsewhere or changed its status.
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
    // Not FOR UPDATE: rows that the triggers of this grant delete may be held by work that checks its reference to the grant.
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!grant) return false
  // After the lock: it includes accounts that were pointed at this grant in the meantime.
  const inUse = await trx
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('grant_id', '=', grantId)
    .where('status', '=', 'ACTIVE')
    .limit(1)
    .executeTakeFirst()
  if (inUse) return false
  const { version } = grant
  const [accessToken, refreshToken] = await Promise.all([
    openIfReadable(context.vault, grant.access_token, tokenContext(key, 'access_token', version)),
    openIfReadable(context.vault, grant.refresh_token, tokenContext(key, 'refresh_token', version)),
  ])
  const target = {
    environmentId,
    oauthAppId: grant.oauth_app_id,
    workspaceId: grant.workspace_id,
    providerUserId: grant.provider_user_id,
  }
  if (accessToken || refreshToken) await queueRevocation(context, trx, target, { accessToken, refreshToken })
  if (!accessToken) context.log.error({ grant: grantId }, 'erased an unreadable token without revocation')
  await trx
    .updateTable('grants')
    .set(ended)
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .execute()
  return true
}

/**
 * Ends every grant of an OAuth app, within the transaction that changes the client id of the app: tokens of the previous
 * client can be neither renewed nor revoked with the new one. Returns the events to publish after the commit. Delete the
 * flows that wait for a confirmation first: their pending grants are removed.
 */
export async function endGrantsOfOAuthApp(
  { actor }: Pick<AccountsContext, 'actor'>,
  trx: Trx,
  { environmentId, oauthAppId }: { readonly environmentId: string; readonly oauthAppId: string },
  to: GrantEnd,
): Promise<readonly AccountEvent[]> {
  const accounts = await lockActiveAccounts(trx, environmentId).where('oauth_app_id', '=', oauthAppId).execute()
  const grants = await trx
    .selectFrom('grants')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', oauthAppId)
    .where('status', '=', 'active')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  for (const ids of pagesOfIds(grants)) {
    await trx
      .updateTable('grants')
      .set(ended)
      .where('environment_id', '=', environmentId)
      .where('id', '=', anyOf('uuid', ids))
      .execute()
  }
  await trx
    .deleteFrom('grants')
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', oauthAppId)
    .where('status', '=', 'pending')
    .execute()
  return changeStatuses(trx, actor, environmentId, accounts, to)
}

/** Not FOR UPDATE: the calls of these accounts go on being journaled, which refers to the accounts. */
const lockActiveAccounts = (trx: Trx, environmentId: string) =>
  trx
    .selectFrom('connected_accounts')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('status', '=', 'ACTIVE')
    .orderBy('id')
    .forNoKeyUpdate()

/** Changes the status of accounts that the transaction has locked and found to be ACTIVE, as `changeStatus` does for one. */
async function changeStatuses(
  trx: Trx,
  actor: Actor,
  environmentId: string,
  accounts: readonly { readonly id: string }[],
  to: GrantEnd,
): Promise<readonly AccountEvent[]> {
  const events: AccountEvent[] = []
  for (const ids of pagesOfIds(accounts)) {
    const { rows } = await sql<{ id: string; account_id: string }>`
      with changed as (
        update connected_accounts set status = ${to.status}, status_reason = ${to.reason}
        where environment_id = ${environmentId} and id = any (${ids}::uuid[])
        returning environment_id, id
      )
      insert into status_transitions (environment_id, account_id, from_status, to_status, reason, actor)
      select environment_id, id, 'ACTIVE', ${to.status}, ${to.reason}, ${actor.name} from changed
      returning id, account_id
    `.execute(trx)
    for (const { id, account_id } of rows) events.push({ environmentId, accountId: account_id, transitionId: id })
  }
  return events
}
