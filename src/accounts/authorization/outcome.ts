import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { changeStatus } from '../account-store.ts'
import { releaseGrant } from '../grants/end-grant.ts'
import { keepGrant, renewActiveGrant } from '../grants/keep-grant.ts'
import { queueRevocation } from '../grants/revocation-outbox.ts'
import type { GrantOwner } from '../provider.ts'
import type { AccountStatus, StatusReason } from '../status.ts'
import type { AuthorizationContext } from './context.ts'
import { type Flow, newGrant, type PendingGrant } from './flow.ts'

/**
 * Lets what a consent brought become the account's grant. Gives the event to publish after the commit, or `user_changed`
 * when another user of the provider, or the same one in another workspace, is behind the account: the caller then
 * discards it.
 */
export async function activate(
  context: AuthorizationContext,
  trx: Trx,
  flow: Flow,
  pending: PendingGrant,
): Promise<AccountEvent | 'user_changed'> {
  const account = await trx
    .selectFrom('connected_accounts')
    .select('grant_id')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (!flow.allowUserChange && (await isAnotherUser(trx, accountOf(flow), pending.owner))) return 'user_changed'
  const grant = await newGrant(trx, flow, pending)
  const { grantId } = await keepGrant(context, trx, grant, { unlessNewer: true })
  await trx
    .updateTable('connected_accounts')
    .set({
      grant_id: grantId,
      authorized_at: sql`clock_timestamp()`,
      missing_resources: JSON.stringify(flow.missingResources),
    })
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .execute()
  const changed = await changeStatus(trx, { ...accountOf(flow), to: 'ACTIVE', reason: 'AUTHORIZED' })
  if (account.grant_id !== null && account.grant_id !== grantId) {
    await releaseGrant(context, trx, { environmentId: flow.environmentId, grantId: account.grant_id })
  }
  // Status and reason may be what they were; the grant behind them is another one all the same.
  return changed ?? { ...accountOf(flow), transitionId: null }
}

/**
 * Whether another user of the provider, or the same one in another workspace, is behind the account than this owner.
 * Never for an account that was disconnected: the application has given it up, so that anyone may be behind it next.
 */
export async function isAnotherUser(trx: Trx, account: AccountKey, owner: GrantOwner): Promise<boolean> {
  const current = await trx
    .selectFrom('connected_accounts')
    .innerJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .select(['connected_accounts.status', 'provider_user_id', 'workspace_id'])
    .where('connected_accounts.environment_id', '=', account.environmentId)
    .where('connected_accounts.id', '=', account.accountId)
    .executeTakeFirst()
  if (!current) return false
  if (current.provider_user_id === owner.providerUserId && current.workspace_id === owner.workspaceId) return false
  return (await statusBefore(trx, account, current.status as AccountStatus)) !== 'DISCONNECTED'
}

interface AccountKey {
  readonly environmentId: string
  readonly accountId: string
}

/** Gives up what a consent brought and settles the account. Gives the event to publish after the commit. */
export async function discard(
  context: AuthorizationContext,
  trx: Trx,
  flow: Flow,
  pending: PendingGrant,
  reason: StatusReason,
): Promise<AccountEvent | null> {
  // The account's row is locked before the grant's: see end-grant.ts.
  const event = await settle(trx, flow, reason)
  await giveUp(context, trx, flow, pending)
  return event
}

/**
 * Gives up what a consent brought: its tokens are queued for revocation at the provider. Unless the same user has an
 * active grant: the provider may have ended that one's refresh token for this consent, and to revoke this one could end
 * all. The accounts that rest on that grant get the newer pair instead.
 */
export async function giveUp(
  context: AuthorizationContext,
  trx: Trx,
  flow: Flow,
  pending: PendingGrant,
): Promise<void> {
  const grant = await newGrant(trx, flow, pending)
  if (await renewActiveGrant(context, trx, grant)) return
  const { workspaceId, providerUserId } = pending.owner
  const { environmentId, oauthAppId } = flow
  await queueRevocation(context, trx, { environmentId, oauthAppId, workspaceId, providerUserId }, pending.tokens)
}

/**
 * Gives an account the status that it has when this authorization came to nothing: the one before it, with the reason.
 * An ACTIVE account stays as it is: its grant works.
 */
export async function settle(trx: Trx, flow: Flow, reason: StatusReason): Promise<AccountEvent | null> {
  const account = await trx
    .selectFrom('connected_accounts')
    .select('status')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!account || account.status === 'ACTIVE') return null
  if (account.status !== 'PENDING_CONFIRMATION') {
    return changeStatus(trx, { ...accountOf(flow), to: account.status as AccountStatus, reason })
  }
  const other = await trx
    .selectFrom('authorization_flows')
    .select('id')
    .where('environment_id', '=', flow.environmentId)
    .where('account_id', '=', flow.accountId)
    .where('id', '<>', flow.id)
    .where('stage', '=', 'awaiting_confirmation')
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  if (other) return null
  return changeStatus(trx, { ...accountOf(flow), to: await statusBefore(trx, flow, account.status), reason })
}

/** The account's status; while it waits for a confirmation the one that it had before, by its history. */
async function statusBefore(trx: Trx, account: AccountKey, status: AccountStatus): Promise<AccountStatus> {
  if (status !== 'PENDING_CONFIRMATION') return status
  const before = await trx
    .selectFrom('status_transitions')
    .select('from_status')
    .where('environment_id', '=', account.environmentId)
    .where('account_id', '=', account.accountId)
    .where('to_status', '=', 'PENDING_CONFIRMATION')
    .where('from_status', '<>', 'PENDING_CONFIRMATION')
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return (before?.from_status ?? 'PENDING') as AccountStatus
}

const accountOf = (flow: Flow): AccountKey => ({ environmentId: flow.environmentId, accountId: flow.accountId })
