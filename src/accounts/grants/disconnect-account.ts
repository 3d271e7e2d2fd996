import type { Trx } from '../../db/database.ts'
import { AccountNotFoundError } from '../../errors.ts'
import type { AccountEvent } from '../../events/status-events.ts'
import { type AccountName, changeStatus } from '../account-store.ts'
import { endAuthorizations } from '../authorization/pending-authorizations.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { requireAccount, rereadAccount } from './current-account.ts'
import { releaseGrant } from './end-grant.ts'
import { inBackground } from './node-state.ts'
import { sendRevocations } from './revocation-outbox.ts'

/** How many queued revocations a disconnection sends off by itself; the keeper sends whatever is left. */
const revocationsAtOnce = 20

/**
 * Disconnects an account, in whatever status it is: it turns DISCONNECTED, authorizations under way are over, and its
 * tokens are erased, all in one transaction; a renewal that is under way cannot bring them back. When no other account
 * rests on its grant the tokens are revoked at the provider, at once where that works and otherwise by the keeper.
 * Fails with AccountNotFoundError.
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
 * Removes an account with its history and its journal, and its grant when no other account has it. What can still be
 * revoked at the provider is, as with {@link disconnectAccount}. Fails with AccountNotFoundError.
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

/** Takes an account off its grant. Gives the event to publish after the commit; null when nothing had to change. */
async function detach(context: AccountsContext, trx: Trx, account: ConnectedAccount): Promise<AccountEvent | null> {
  const { environmentId, id: accountId } = account
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
  inBackground(context, 'Revoking tokens', sendRevocations(context, { limit: revocationsAtOnce }))
}
