import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { accountBinding, isBoundAccount } from '../bindings.ts'
import type { AccountsContext } from '../context.ts'
import { releaseGrant } from '../grants/end-grant.ts'
import {
  activatePendingGrant,
  createPendingGrant,
  discardPendingGrant,
  lockPendingOwner,
} from '../grants/pending-grant.ts'
import type { GrantOwner } from '../provider.ts'
import type { AccountStatus, StatusReason } from '../status.ts'
import { changeStatus } from '../status-transitions.ts'
import { type Flow, flowColumns, toFlow, waitingStages } from './flow.ts'
import { openSealedConsent } from './sealed-consents.ts'

interface AccountKey {
  readonly environmentId: string
  readonly accountId: string
}

/**
 * Makes the pending grant of a flow the account's grant. Returns the event to publish after the commit, or `user_changed`
 * when the account belongs to another user of the provider, or to the same one in another workspace: the caller then
 * discards the grant.
 */
export async function activate(
  context: AccountsContext,
  trx: Trx,
  flow: Flow,
  pendingGrantId: string,
): Promise<AccountEvent | 'user_changed'> {
  const account = accountOf(flow)
  const previousGrantId = await lockAccount(trx, account)
  const pending = { environmentId: flow.environmentId, grantId: pendingGrantId }
  const owner = await lockPendingOwner(context, trx, { ...pending, accountId: flow.accountId })
  if (!flow.allowUserChange && (await isAnotherUser(context, trx, account, owner))) return 'user_changed'
  const grantId = await activatePendingGrant(context, trx, pending, 'if_newer')
  return pointAt(context, trx, account, {
    grantId,
    previousGrantId,
    missingResources: flow.missingResources,
    reason: 'AUTHORIZED',
  })
}

/** Locks an account's row and returns the grant that it points at. */
export async function lockAccount(trx: Trx, { environmentId, accountId }: AccountKey): Promise<string | null> {
  const { grant_id } = await trx
    .selectFrom('connected_accounts')
    .select('grant_id')
    .where('environment_id', '=', environmentId)
    .where('id', '=', accountId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return grant_id
}

/** Points an account at its new grant, which the caller has locked and found to be bound, makes it ACTIVE and releases the previous grant. Returns the event to publish. */
export async function pointAt(
  context: AccountsContext,
  trx: Trx,
  account: AccountKey,
  to: {
    readonly grantId: string
    readonly previousGrantId: string | null
    readonly missingResources: Flow['missingResources']
    readonly reason: 'AUTHORIZED' | 'IMPORTED'
  },
): Promise<AccountEvent> {
  const { environmentId, accountId } = account
  const named = await trx
    .selectFrom('connected_accounts')
    .innerJoin('grants', 'grants.environment_id', 'connected_accounts.environment_id')
    .select(['connected_accounts.oauth_app_id', 'identifier', 'provider_user_id', 'workspace_id'])
    .where('connected_accounts.environment_id', '=', environmentId)
    .where('connected_accounts.id', '=', accountId)
    .where('grants.id', '=', to.grantId)
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('connected_accounts')
    .set({
      grant_id: to.grantId,
      binding: accountBinding(context, {
        id: accountId,
        environmentId,
        oauthAppId: named.oauth_app_id,
        identifier: named.identifier,
        grant: { id: to.grantId, providerUserId: named.provider_user_id, workspaceId: named.workspace_id },
      }),
      authorized_at: sql`clock_timestamp()`,
      missing_resources: JSON.stringify(to.missingResources),
    })
    .where('environment_id', '=', environmentId)
    .where('id', '=', accountId)
    .execute()
  const changed = await changeStatus(trx, {
    environmentId,
    accountId,
    to: 'ACTIVE',
    reason: to.reason,
    actor: context.actor,
  })
  if (to.previousGrantId !== null && to.previousGrantId !== to.grantId) {
    await releaseGrant(context, trx, { environmentId, grantId: to.previousGrantId })
  }
  // Status and reason may be the same as before; the grant is another one all the same.
  return changed ?? { environmentId, accountId, transitionId: null }
}

/**
 * Whether the account belongs to another user of the provider than this owner, or to the same one in another workspace.
 * Never true for a disconnected account: the application has given it up, so that any user may authorize it next. True when
 * another program wrote whose account it is, which is unknown then.
 */
export async function isAnotherUser(
  context: Pick<AccountsContext, 'bindingKey' | 'log'>,
  trx: Trx,
  account: AccountKey,
  owner: Pick<GrantOwner, 'providerUserId' | 'workspaceId'>,
): Promise<boolean> {
  const current = await trx
    .selectFrom('connected_accounts')
    .innerJoin('grants', 'grants.id', 'connected_accounts.grant_id')
    .select([
      'connected_accounts.status',
      'connected_accounts.oauth_app_id',
      'connected_accounts.binding',
      'identifier',
      'grants.id as grant_id',
      'provider_user_id',
      'workspace_id',
    ])
    .where('connected_accounts.environment_id', '=', account.environmentId)
    .where('connected_accounts.id', '=', account.accountId)
    .executeTakeFirst()
  if (!current) return false
  if ((await statusBefore(trx, account, current.status)) === 'DISCONNECTED') return false
  const known = isBoundAccount(context, {
    id: account.accountId,
    environmentId: account.environmentId,
    oauthAppId: current.oauth_app_id,
    identifier: current.identifier,
    grant: { id: current.grant_id, providerUserId: current.provider_user_id, workspaceId: current.workspace_id },
    binding: current.binding,
  })
  return !known || current.provider_user_id !== owner.providerUserId || current.workspace_id !== owner.workspaceId
}

/** Discards the pending grant of a flow and settles the account. Returns the event to publish after the commit. */
export async function discard(
  context: AccountsContext,
  trx: Trx,
  flow: Flow,
  pendingGrantId: string | null,
  reason: StatusReason,
): Promise<AccountEvent | null> {
  // The account's row is locked before the grant's: see end-grant.ts.
  const event = await settle(context, trx, flow, reason)
  if (pendingGrantId !== null) {
    await discardPendingGrant(context, trx, { environmentId: flow.environmentId, grantId: pendingGrantId })
  }
  return event
}

/**
 * Sets the status of an account after an authorization without a result: the one before it, with the reason.
 * An ACTIVE account does not change: its grant works.
 */
export async function settle(
  { actor }: Pick<AccountsContext, 'actor'>,
  trx: Trx,
  flow: Flow,
  reason: StatusReason,
): Promise<AccountEvent | null> {
  const account = await trx
    .selectFrom('connected_accounts')
    .select('status')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!account || account.status === 'ACTIVE') return null
  if (account.status !== 'PENDING_CONFIRMATION') {
    return changeStatus(trx, { ...accountOf(flow), to: account.status, reason, actor })
  }
  const other = await trx
    .selectFrom('authorization_flows')
    .select('id')
    .where('environment_id', '=', flow.environmentId)
    .where('account_id', '=', flow.accountId)
    .where('id', '<>', flow.id)
    .where('stage', 'in', waitingStages)
    .where('expires_at', '>', sql<Date>`clock_timestamp()`)
    .executeTakeFirst()
  if (other) return null
  const to = await statusBefore(trx, accountOf(flow), account.status)
  return changeStatus(trx, { ...accountOf(flow), to, reason, actor })
}

/** Returns the account's status or, while it waits for a confirmation, the status before that, from its history. */
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
  return before?.from_status ?? 'PENDING'
}

/**
 * Ends all open authorizations of an account and discards their pending grants. Disconnecting, deleting and importing an
 * account need this: a later confirmation would bring the previous state back, and the tokens would stay valid at the
 * provider. Call it before the account's row is locked or removed.
 */
export async function endAuthorizations(
  context: Pick<AccountsContext, 'vault' | 'bindingKey' | 'log' | 'timing'>,
  trx: Trx,
  account: AccountKey,
): Promise<void> {
  const rows = await trx
    .deleteFrom('authorization_flows')
    .where('environment_id', '=', account.environmentId)
    .where('account_id', '=', account.accountId)
    .returning([...flowColumns, 'pending_tokens'])
    .execute()
  const waiting = rows.filter((row) => row.grant_id !== null || row.pending_tokens !== null)
  if (waiting.length === 0) return
  // Before the grants that are discarded or take over tokens: see end-grant.ts.
  await lockAccount(trx, account)
  for (const row of waiting) {
    const consent = await openSealedConsent(context, trx, toFlow(row), row.pending_tokens)
    const grantId = consent ? await createPendingGrant(context, trx, consent) : row.grant_id
    if (grantId !== null) {
      await discardPendingGrant(context, trx, { environmentId: account.environmentId, grantId })
    }
  }
}

const accountOf = (flow: Flow): AccountKey => ({ environmentId: flow.environmentId, accountId: flow.accountId })
