import { type AuditAction, recordAudit } from '../../audit/audit-log.ts'
import type { Trx } from '../../db/database.ts'
import { AccountNotFoundError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { type AccountName, requireAccount, rereadAccount } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { releaseGrant } from '../grants/end-grant.ts'
import { sendRevocations } from '../grants/revocation-outbox.ts'
import { inBackground } from '../node-state.ts'
import { changeStatus } from '../status-transitions.ts'
import { endAuthorizations } from './outcome.ts'

/** How many queued revocations a disconnection sends by itself. The worker sends the rest. */
const maxRevocations = 20

/**
 * Disconnects an account in any status: it becomes DISCONNECTED, its open authorizations end, and its tokens and the stored
 * results of its writes are erased, all in one transaction; a renewal in progress cannot bring them back. When no other account uses its grant, the tokens
 * are revoked at the provider, at once where that works and otherwise by the worker. Throws AccountNotFoundError.
 */
export async function disconnectAccount(
  context: AccountsContext,
  environmentId: string,
  name: AccountName,
): Promise<ConnectedAccount> {
  const account = await requireAccount(context, environmentId, name)
  await disconnectKnownAccount(context, account)
  sendQueued(context)
  return rereadAccount(context, account)
}

/** What detaching an account works with. */
export type DetachContext = Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'events' | 'log' | 'timing' | 'actor'>

/** {@link disconnectAccount} without sending revocations: the worker sends them. Throws AccountNotFoundError. */
export async function disconnectKnownAccount(context: DetachContext, account: ConnectedAccount): Promise<void> {
  const event = await context.db.transaction().execute(async (trx) => {
    await eraseApprovals(trx, account)
    // The stored results of its writes are the user's content. First, because a call locks its key before the account.
    await trx
      .updateTable('idempotency_keys')
      .set({ sealed_result: null, erased: true })
      .where('environment_id', '=', account.environmentId)
      .where('account_id', '=', account.id)
      .execute()
    return detach(context, trx, account, 'account.disconnected')
  })
  if (event) context.events.publish([event])
}

/**
 * Deletes an account, and ends its grant when no other account uses it. The tokens are revoked at the provider as with
 * {@link disconnectAccount}. From the commit on, its history and its journal cannot be read; the sweeper of
 * `sweep-history.ts` deletes them, and the grant. Throws AccountNotFoundError.
 */
export async function deleteAccount(
  context: AccountsContext,
  environmentId: string,
  name: AccountName,
): Promise<{ readonly id: string }> {
  const account = await requireAccount(context, environmentId, name)
  await context.db.transaction().execute(async (trx) => {
    await eraseApprovals(trx, account)
    await detach(context, trx, account, 'account.deleted')
    await trx
      .deleteFrom('connected_accounts')
      .where('environment_id', '=', environmentId)
      .where('id', '=', account.id)
      .execute()
  })
  context.events.publish([{ environmentId, accountId: account.id, transitionId: null }])
  sendQueued(context)
  return { id: account.id }
}

/**
 * Erases the calls of an account that need an approval, whose inputs are the user's content. Call it before locks on keys and
 * on the account: an approval locks its row first.
 */
async function eraseApprovals(trx: Trx, { environmentId, id }: ConnectedAccount): Promise<void> {
  await trx
    .deleteFrom('tool_approvals')
    .where('environment_id', '=', environmentId)
    .where('account_id', '=', id)
    .execute()
}

/**
 * Detaches an account from its grant, and records the action. Returns the event to publish after the commit, or null when
 * nothing changed.
 */
async function detach(
  context: DetachContext,
  trx: Trx,
  account: ConnectedAccount,
  action: AuditAction,
): Promise<AccountEvent | null> {
  const { environmentId, id: accountId } = account
  await endAuthorizations(context, trx, { environmentId, accountId })
  const locked = await trx
    .selectFrom('connected_accounts')
    .select(['grant_id', 'status'])
    .where('environment_id', '=', environmentId)
    .where('id', '=', accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!locked) throw new AccountNotFoundError(account.connectionName, account.identifier)
  // Those that were stored meanwhile. One that is just being approved is locked, and waits for this account.
  await trx
    .deleteFrom('tool_approvals')
    .where('id', 'in', (select) =>
      select
        .selectFrom('tool_approvals')
        .select('id')
        .where('environment_id', '=', environmentId)
        .where('account_id', '=', accountId)
        .forUpdate()
        .skipLocked(),
    )
    .execute()
  const { connectionName, identifier } = account
  await recordAudit(trx, context.actor, {
    environmentId,
    action,
    target: `ConnectedAccount:${accountId}`,
    before: { connectionName, identifier, status: locked.status },
    ...(action !== 'account.deleted' && { after: { connectionName, identifier, status: 'DISCONNECTED' } }),
  })
  const event = await changeStatus(trx, {
    environmentId,
    accountId,
    to: 'DISCONNECTED',
    reason: 'DISCONNECTED_BY_APPLICATION',
    actor: context.actor,
  })
  if (locked.grant_id !== null) await releaseGrant(context, trx, { environmentId, grantId: locked.grant_id })
  return event
}

function sendQueued(context: AccountsContext): void {
  inBackground(context, 'revoking tokens', sendRevocations(context, { limit: maxRevocations }))
}
