import { isDeepStrictEqual } from 'node:util'
import { AccountNotFoundError } from '../errors.ts'
import { accountUpdateRules, checkInput } from '../input-rules.ts'
import { type AccountName, findAccount, requireAccount } from './account-store.ts'
import type { AccountMetadata, ConnectedAccount } from './connected-account.ts'
import type { AccountsContext } from './context.ts'
import { auditMetadata } from './metadata.ts'

/**
 * Replaces the metadata of an account. Does nothing if it is the same. Throws AccountNotFoundError, and InvalidInputError
 * for metadata that exceeds its limits.
 */
export async function updateAccount(
  context: Pick<AccountsContext, 'db' | 'events' | 'openAccounts' | 'actor'>,
  environmentId: string,
  { metadata, ...name }: AccountName & { readonly metadata: AccountMetadata },
): Promise<ConnectedAccount> {
  checkInput(accountUpdateRules, { ...name, metadata })
  const json = JSON.stringify(metadata)
  const changed = await context.db.transaction().execute(async (trx) => {
    const before = await findAccount(trx, environmentId, name)
    const locked =
      before &&
      (await trx
        .selectFrom('connected_accounts')
        .select('metadata')
        .where('environment_id', '=', environmentId)
        .where('id', '=', before.id)
        .forNoKeyUpdate()
        .executeTakeFirst())
    if (!locked) throw new AccountNotFoundError(name.connectionName, name.identifier)
    // Without the prototypes, which objects of GraphQL literals do not have.
    if (isDeepStrictEqual(locked.metadata, JSON.parse(json))) return null
    await trx
      .updateTable('connected_accounts')
      .set({ metadata: json })
      .where('environment_id', '=', environmentId)
      .where('id', '=', before.id)
      .execute()
    await auditMetadata(trx, context.actor, before, metadata, locked.metadata as AccountMetadata)
    return before.id
  })
  if (changed !== null) {
    context.openAccounts.forget(changed)
    context.events.publish([{ environmentId, accountId: changed, transitionId: null }])
  }
  return requireAccount(context, environmentId, name)
}
