import { recordAudit } from '../audit/audit-log.ts'
import type { Trx } from '../db/database.ts'
import { isUuid } from '../uuid.ts'
import { type Branding, type ShownApp, shownApp } from './branding.ts'
import { changeBoundApp } from './changed-app.ts'
import type { AccountsContext } from './context.ts'
import { auditFields, type OAuthApp, selectApps, toApp } from './oauth-app-store.ts'

/**
 * Returns what the pages show of an OAuth app, of any environment: browsers on the pages have no credential. Null for an
 * unknown app, and for a row that another program than this server wrote.
 */
export async function findShownApp(
  context: Pick<AccountsContext, 'db' | 'bindingKey' | 'log'>,
  oauthAppId: string,
): Promise<ShownApp | null> {
  if (!isUuid(oauthAppId)) return null
  const row = await selectApps(context.db).where('id', '=', oauthAppId).executeTakeFirst()
  return row ? shownApp(context, toApp(row)) : null
}

/**
 * Returns what the pages show of the OAuth app of an installation that has one only; otherwise null. For pages that cannot
 * know which app they are about.
 */
export async function findOnlyApp(
  context: Pick<AccountsContext, 'db' | 'bindingKey' | 'log'>,
): Promise<ShownApp | null> {
  const [row, ...others] = await selectApps(context.db).limit(2).execute()
  return row && others.length === 0 ? shownApp(context, toApp(row)) : null
}

/**
 * Changes what users see of an application, and nothing else. Fields that are absent do not change. Recorded in the audit
 * log. Null when the environment has no such app. Throws a VaultError when another program than this server wrote the row.
 */
export async function saveBranding(
  context: Pick<AccountsContext, 'bindingKey' | 'actor'>,
  trx: Trx,
  environmentId: string,
  connectionName: string,
  change: Partial<Branding>,
): Promise<OAuthApp | null> {
  const changed = await changeBoundApp(context, trx, environmentId, connectionName, change)
  if (!changed) return null
  const { before, app } = changed
  if (app.binding === before.binding) return app
  await recordAudit(trx, context.actor, {
    environmentId,
    action: 'oauth_app.updated',
    target: `OAuthApp:${app.id}`,
    before: auditFields(before),
    after: auditFields(app),
  })
  return app
}
