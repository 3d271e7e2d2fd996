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
  const event = await context.db.transaction().execute((trx) => detach(context, trx, account))
  afterCommit(context, event)
  return rereadAccount(context, account)
}

/**
 * Deletes an account with its history and its journal, and its grant when no other account uses it. The tokens are revoked
 * at the provider as with {@link disconnectAccount}. Throws AccountNotFoundError.
 */
export async function deleteAccount(
  context: AccountsContext,
  environmentId: string,
  name: AccountName,
): Promise<{ readonly id: string }> {
  const account = await requireAccount(context, environmentId, name)
  await context.db.transaction().execute(async (trx) => {
    await detach(context, trx, account)
    const { grant_id } = await trx
      .deleteFrom('connected_accounts')
      .where('environment_id', '=', environmentId)
      .where('id', '=', account.id)
      .returning('grant_id')
      .executeTakeFirstOrThrow()
    if (grant_id === null) return
    await trx
      .deleteFrom('grants')
      .where('environment_id', '=', environmentId)
      .where('id', '=', grant_id)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb.selectFrom('connected_accounts').select('id').where('connected_accounts.grant_id', '=', grant_id),
          ),
        ),
      )
      .execute()
  })
  afterCommit(context, { environmentId, accountId: account.id, transitionId: null })
  return { id: account.id }
}

/** Detaches an account from its grant. Returns the event to publish after the commit, or null when nothing changed. */
async function detach(context: AccountsContext, trx: Trx, account: ConnectedAccount): Promise<AccountEvent | null> {
  const { environmentId, id: accountId } = account
  // The stored results of its writes are the user's content. First, because a call locks its key before the account.
  await trx
    .updateTable('idempotency_keys')
    .set({ sealed_result: null, erased: true })
    .where('environment_id', '=', environmentId)
    .where('account_id', '=', accountId)
    .execute()
  await endAuthorizations(context, trx, { environmentId, accountId })
  const locked = await trx
    .selectFrom('connected_accounts')
    .select('grant_id')
    .where('environment_id', '=', environmentId)
    .where('id', '=', accountId)
    .forUpdate()
    .executeTakeFirst()
  if (!locked) throw new AccountNotFoundError(account.connectionName, account.identifier)
  const event = await changeStatus(trx, {
    environmentId,
    accountId,
    to: 'DISCONNECTED',
    reason: 'DISCONNECTED_BY_APPLICATION',
  })
  if (locked.grant_id !== null) await releaseGrant(context, trx, { environmentId, grantId: locked.grant_id })
  return event
}

function afterCommit(context: AccountsContext, event: AccountEvent | null): void {
  if (event) context.events.publish([event])
  inBackground(context, 'revoking tokens', sendRevocations(context, { limit: maxRevocations }))
}
