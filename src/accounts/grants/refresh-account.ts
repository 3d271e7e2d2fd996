import type { ConnectedAccount } from '../connected-account.ts'
export async function refreshAccount(..._args: unknown[]): Promise<ConnectedAccount> {
  throw new Error('shim of the lead: to be replaced')
}
