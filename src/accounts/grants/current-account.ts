import { AccountNotActiveError, AccountNotFoundError, ProviderUnavailableError } from '../../errors.ts'
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

/**
 * The account as it is now, if its OAuth app still belongs to the provider that it belonged to before. Otherwise the
 * caller, who is talking to the provider of before, would send that provider the tokens of another one.
 * Throws ProviderUnavailableError.
 */
export function requireSameProvider(before: ConnectedAccount, now: ConnectedAccount): ConnectedAccount {
  if (now.connector === before.connector && now.sandbox === before.sandbox) return now
  throw new ProviderUnavailableError('The OAuth app was replaced during the call. Make the same call again.', 0)
}

/** The account itself, if it is ACTIVE. Fails with AccountNotActiveError. */
export function requireActive(account: ConnectedAccount): ActiveAccount {
  if (account.status !== 'ACTIVE' || !account.grant) throw new AccountNotActiveError(account)
  return { ...account, grant: account.grant }
}
