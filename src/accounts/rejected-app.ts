import { sql } from 'kysely'
import { currentTime, inSeconds } from '../db/time.ts'
import type { AccountsContext } from './context.ts'
import type { OpenedOAuthClient } from './oauth-app-store.ts'

/**
 * Records that the provider rejects an OAuth app itself, so that its accounts report it, and pauses its renewals until the
 * time is up or the app is registered again. Logs one error for each pause, whatever the number of grants. Does nothing
 * when the app was registered again since its client was opened.
 */
export async function rejectOAuthApp(
  context: Pick<AccountsContext, 'db' | 'log' | 'timing'>,
  { app, version }: Pick<OpenedOAuthClient, 'app' | 'version'>,
  failure: { readonly code: string | null; readonly requestId: string | null },
): Promise<void> {
  const rejected = await context.db
    .updateTable('oauth_apps')
    .set((eb) => ({
      refresh_paused_until: inSeconds(context.timing.appPauseMs / 1000),
      rejected_at: eb.fn.coalesce('rejected_at', currentTime),
      rejected_code: failure.code,
    }))
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.id)
    .where('version', '=', version)
    .where(sql<boolean>`(refresh_paused_until is null or refresh_paused_until <= clock_timestamp())`)
    .returning('connection_name')
    .executeTakeFirst()
  if (!rejected) return
  context.log.error(
    {
      event: 'oauth_app_rejected',
      oauthApp: app.id,
      environment: app.environmentId,
      connectionName: rejected.connection_name,
      code: failure.code,
      providerRequestId: failure.requestId,
    },
    'provider rejected the client id or secret of an OAuth app, its renewals are paused until it is registered again',
  )
}

/** Records that the provider has accepted an OAuth app that it rejected before. */
export async function acceptOAuthApp(
  { db }: Pick<AccountsContext, 'db'>,
  { app, version }: Pick<OpenedOAuthClient, 'app' | 'version'>,
): Promise<void> {
  if (app.rejection === null) return
  await db
    .updateTable('oauth_apps')
    .set({ rejected_at: null, rejected_code: null, refresh_paused_until: null })
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.id)
    .where('version', '=', version)
    .execute()
}
