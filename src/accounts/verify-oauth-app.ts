import { OAuthAppNotFoundError, OAuthAppRejectedError, ProviderUnavailableError } from '../errors.ts'
import { checkClient } from './client-check.ts'
import type { AccountsContext } from './context.ts'
import { findOAuthApp, type OAuthApp, openOAuthClient } from './oauth-app-store.ts'
import { redirectUri } from './redirect-uri.ts'
import { acceptOAuthApp, rejectOAuthApp } from './rejected-app.ts'

/**
 * Asks the provider whether it accepts the client id and secret of a registered OAuth app, records the answer, and returns
 * the app. The redirect URI is not verified: the provider checks it in the user's browser.
 *
 * Throws OAuthAppNotFoundError, OAuthAppRejectedError, ProviderUnavailableError when the provider did not say, and a
 * VaultError when another program than this server wrote what the app decides.
 */
export async function verifyOAuthApp(
  context: Pick<
    AccountsContext,
    'bindingKey' | 'db' | 'log' | 'providerApiUrl' | 'providers' | 'publicUrl' | 'timing' | 'vault'
  >,
  environmentId: string,
  connectionName: string,
): Promise<OAuthApp> {
  const found = await findOAuthApp(context.db, environmentId, connectionName)
  const opened = found && (await openOAuthClient(context, environmentId, found.id))
  if (!opened) throw new OAuthAppNotFoundError(connectionName)
  const { app, client, provider } = opened
  const check = await checkClient(provider, client, redirectUri(context.publicUrl, app))
  if (check.verdict === 'accepted') {
    await acceptOAuthApp(context, opened)
    return { ...app, rejection: null }
  }
  const { failure } = check
  if (check.verdict === 'refused') {
    await rejectOAuthApp(context, opened, failure)
    throw new OAuthAppRejectedError(connectionName)
  }
  const answer = failure.status === null ? 'did not answer' : `answered with status ${failure.status}`
  const code = failure.code === null ? '' : ` (${failure.code})`
  throw new ProviderUnavailableError(
    `The provider ${answer}${code} and did not report whether it accepts the client id and secret.`,
    failure.retryAfterMs,
  )
}
