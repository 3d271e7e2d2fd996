import type { ConnectedAccount } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import { openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import type { RenewedToken } from './renewal-outcome.ts'

/**
 * Looks anew at what an account's access lacks: the capabilities that the provider refuses, and the expected resources
 * that did not come with the consent, since users share pages and operators switch capabilities on without one. What the
 * provider does not answer stays as it was.
 */
export async function reprobeAccount(
  context: AccountsContext,
  account: ConnectedAccount,
  token: RenewedToken,
): Promise<void> {
  const { environmentId, oauthAppId, missingResources } = account
  const opened = await openOAuthClient(context, environmentId, oauthAppId)
  if (!opened) return
  const { app, client, provider } = opened
  try {
    const owner = await provider.identify?.(client, token.accessToken)
    const ids = missingResources.flatMap(({ resourceId }) => (resourceId === null ? [] : [resourceId]))
    const names = missingResources.flatMap(({ name, resourceId }) => (resourceId === null ? [name] : []))
    const [denied, visibleIds, visibleNames] = await Promise.all([
      (owner && provider.deniedCapabilities?.(client, token.accessToken, { capabilities: app.capabilities, owner })) ??
        [],
      provider.visibleResources?.(client, token.accessToken, ids) ?? new Set<string>(),
      provider.visibleTitles?.(client, token.accessToken, names) ?? new Set<string>(),
    ])
    await context.db
      .updateTable('grants')
      .set({
        denied_capabilities: [...denied],
        ...(owner && { owner_name: owner.ownerName, owner_email: owner.ownerEmail }),
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', token.grantId)
      .where('version', '=', token.version)
      .where('status', '=', 'active')
      .execute()
    if (visibleIds.size + visibleNames.size === 0) return
    const missing = missingResources.filter(({ name, resourceId }) =>
      resourceId === null ? !visibleNames.has(name) : !visibleIds.has(resourceId),
    )
    await context.db
      .updateTable('connected_accounts')
      .set({ missing_resources: JSON.stringify(missing) })
      .where('environment_id', '=', environmentId)
      .where('id', '=', account.id)
      .where('grant_id', '=', token.grantId)
      .execute()
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    context.log.warn({ grant: token.grantId, failure: error.kind }, 'what an account lacks could not be looked at anew')
  }
}
