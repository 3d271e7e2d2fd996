import { Secret } from '../vault/secret.ts'
import type { AccountsContext } from './context.ts'
import { findOAuthApp, saveOAuthApp } from './oauth-app-store.ts'

/** The client id of the OAuth apps that a development server registers with its own sandboxes. */
const sandboxClientId = 'valetkey-development'

/**
 * Registers an OAuth app with the sandbox of a connector, under the connector's slug, for development. Leaves an app of
 * that name alone that the operator registered. Its confirmationUrl is a page of this server and follows its URL.
 */
export async function ensureSandboxedApp(
  context: Pick<AccountsContext, 'db' | 'vault' | 'bindingKey' | 'providers' | 'publicUrl' | 'actor' | 'log'>,
  environmentId: string,
  connector: string,
): Promise<void> {
  const confirmationUrl = `${context.publicUrl}/connect/confirm`
  const existing = await findOAuthApp(context.db, environmentId, connector)
  if (existing && (existing.clientId !== sandboxClientId || existing.confirmationUrl === confirmationUrl)) return
  const provider = context.providers.get(connector)
  await context.db.transaction().execute((trx) =>
    saveOAuthApp(context, trx, environmentId, {
      connectionName: connector,
      connector,
      clientId: sandboxClientId,
      clientSecret: new Secret('sandbox'),
      capabilities: Object.keys(provider?.capabilities ?? {}),
      scopes: provider?.defaultScopes ?? [],
      returnUrls: [`${context.publicUrl}/`],
      confirmationUrl,
      sandbox: true,
    }),
  )
}

/** Whether an OAuth app of any environment is one of its provider itself, whose accounts are those of people. */
export async function hasProviderApp({ db }: Pick<AccountsContext, 'db'>): Promise<boolean> {
  const row = await db.selectFrom('oauth_apps').select('id').where('sandbox', '=', false).limit(1).executeTakeFirst()
  return row !== undefined
}
