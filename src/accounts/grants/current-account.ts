import { AccountNotActiveError, AccountNotFoundError } from '../../errors.ts'
import { type AccountName, findAccount, findAccountsById } from '../account-store.ts'
import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'

/** An account that can be worked with: ACTIVE, with the grant that it rests on. */
export type ActiveAccount = ConnectedAccount & { readonly grant: NonNullable<ConnectedAccount['grant']> }

/** The account of this name. Fails with AccountNotFoundError. */
export async function requireAccount(
  context: Pick<AccountsContext, 'db'>,
  environmentId: string,
  name: AccountName,
): Promise<ConnectedAccount> {
  const account = await findAccount(context.db, environmentId, name)
  if (!account) throw new AccountNotFoundError(name.connectionName, name.identifier)
  return account
}

/** The account as it is now, for one that was read before. Fails with AccountNotFoundError when it was deleted. */
export async function rereadAccount(
  context: Pick<AccountsContext, 'db'>,
  account: ConnectedAccount,
): Promise<ConnectedAccount> {
  const [current] = await findAccountsById(context.db, account.environmentId, [account.id])
  if (!current) throw new AccountNotFoundError(account.connectionName, account.identifier)
  return current
}

/** The account itself, if it is ACTIVE. Fails with AccountNotActiveError. */
export function requireActive(account: ConnectedAccount): ActiveAccount {
  if (account.status !== 'ACTIVE' || !account.grant) throw new AccountNotActiveError(account)
  return { ...account, grant: account.grant }
}
