import { sql } from 'kysely'
import type { AccountsContext } from '../context.ts'
import type { OpenedOAuthClient } from '../oauth-app-store.ts'

/**
 * The provider refuses the OAuth app's client id or secret: renewals of the whole app stop for a while, and go on as soon
 * as it is registered with the right ones. One error is logged for each pause, whatever the number of grants. Nothing
 * happens when the app has been registered anew since its client was opened: what was refused is history.
 */
export async function pauseOAuthApp(
  context: Pick<AccountsContext, 'db' | 'log'>,
  { app, version }: Pick<OpenedOAuthClient, 'app' | 'version'>,
  failure: { readonly code: string | null; readonly requestId: string | null },
  pauseMs: number,
): Promise<void> {
  const paused = await context.db
    .updateTable('oauth_apps')
    .set({ refresh_paused_until: sql`clock_timestamp() + make_interval(secs => ${pauseMs / 1000})` })
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.id)
    .where('version', '=', version)
    .where(sql<boolean>`(refresh_paused_until is null or refresh_paused_until <= clock_timestamp())`)
    .returning('connection_name')
    .executeTakeFirst()
  if (!paused) return
  context.log.error(
    {
      event: 'oauth_app_rejected',
      oauthApp: app.id,
      environment: app.environmentId,
      connectionName: paused.connection_name,
      code: failure.code,
      providerRequestId: failure.requestId,
    },
    'The provider rejects the client id or secret of an OAuth app. Its renewals are paused and no account is harmed; register the right ones with registerOAuthApp.',
  )
}
