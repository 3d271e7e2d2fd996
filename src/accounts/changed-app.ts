import { sql } from 'kysely'
import { recordAudit } from '../audit/audit-log.ts'
import type { Trx } from '../db/database.ts'
import { parseToolPolicy, restricts, storedToolPolicy, type ToolPolicy } from '../environments/tool-policy.ts'
import { OAuthAppNotFoundError } from '../errors.ts'
import { bindingOf } from '../vault/row-binding.ts'
import { appValues, requireBoundApp } from './bindings.ts'
import type { Branding } from './branding.ts'
import type { AccountsContext } from './context.ts'
import { brandingColumns, type OAuthApp, selectApps, toApp } from './oauth-app-store.ts'

/**
 * Changes an OAuth app without its client secret, and binds the changed row. Returns the app before and after; null when the
 * environment has no such app. Throws a VaultError when another program than this server wrote the row.
 */
export async function changeBoundApp(
  context: Pick<AccountsContext, 'bindingKey'>,
  trx: Trx,
  environmentId: string,
  connectionName: string,
  change: Partial<Branding & Pick<OAuthApp, 'toolPolicy'>>,
): Promise<{ readonly before: OAuthApp; readonly app: OAuthApp } | null> {
  const row = await selectApps(trx)
    .where('environment_id', '=', environmentId)
    .where('connection_name', '=', connectionName)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!row) return null
  const before = requireBoundApp(context, toApp(row))
  const changed: OAuthApp = { ...before, ...change }
  const binding = bindingOf(context.bindingKey, 'oauth_apps', appValues(changed))
  if (binding === before.binding) return { before, app: before }
  const app: OAuthApp = { ...changed, binding }
  await trx
    .updateTable('oauth_apps')
    .set({ ...brandingColumns(app), tool_policy: app.toolPolicy, binding, updated_at: sql`clock_timestamp()` })
    .where('environment_id', '=', environmentId)
    .where('id', '=', app.id)
    .execute()
  return { before, app }
}

/**
 * Sets which tools may be called for the accounts of an OAuth app. Recorded in the audit log. Throws OAuthAppNotFoundError,
 * and a VaultError when another program than this server wrote what the app decides.
 */
export async function setOAuthAppPolicy(
  context: Pick<AccountsContext, 'db' | 'bindingKey' | 'openAccounts' | 'actor'>,
  environmentId: string,
  connectionName: string,
  policy: ToolPolicy,
): Promise<OAuthApp> {
  const toolPolicy = restricts(policy) ? storedToolPolicy(policy) : null
  const app = await context.db.transaction().execute(async (trx) => {
    const changed = await changeBoundApp(context, trx, environmentId, connectionName, { toolPolicy })
    if (!changed) throw new OAuthAppNotFoundError(connectionName)
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'tool_policy.changed',
      target: `OAuthApp:${changed.app.id}`,
      before: parseToolPolicy(changed.before.toolPolicy),
      after: policy,
    })
    return changed.app
  })
  context.openAccounts.forget(app.id)
  return app
}
