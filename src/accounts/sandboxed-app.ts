import { Secret } from '../vault/secret.ts'
import { type Capability, capabilities } from './capability.ts'
import type { AccountsContext } from './context.ts'
import { findOAuthApp, saveOAuthApp } from './oauth-app-store.ts'

/** The client id of the OAuth app that a development server registers with its own sandbox. */
const sandboxClientId = 'valetkey-development'

/**
 * Registers the OAuth app `notion` of a development server with the sandbox, unless the operator registered one of that
 * name. Its confirmationUrl is our own page, which follows the server when it moves to another port or URL.
 */
export async function ensureSandboxedApp(
  context: Pick<AccountsContext, 'db' | 'vault' | 'publicUrl'>,
  environmentId: string,
): Promise<void> {
  const connectionName = 'notion'
  const confirmationUrl = `${context.publicUrl}/connect/confirm`
  const existing = await findOAuthApp(context.db, environmentId, connectionName)
  if (existing && (existing.clientId !== sandboxClientId || existing.confirmationUrl === confirmationUrl)) return
  await context.db.transaction().execute((trx) =>
    saveOAuthApp(context, trx, environmentId, {
      connectionName,
      connector: 'notion',
      clientId: sandboxClientId,
      clientSecret: new Secret('sandbox'),
      capabilities: Object.keys(capabilities) as Capability[],
      returnUrls: [`${context.publicUrl}/`],
      confirmationUrl,
      sandbox: true,
    }),
  )
}
