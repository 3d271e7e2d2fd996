import { sql } from 'kysely'
import { accountRows, toAccount } from '../accounts/account-store.ts'
import { isBoundAccount } from '../accounts/bindings.ts'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import type { AccountsContext } from '../accounts/context.ts'
import type { Db, Trx } from '../db/database.ts'
import { hasId, inEnvironment } from '../db/found-by-id.ts'
import type { ProviderEvent, ReportedEvent } from './provider-event.ts'

/**
 * Returns the active accounts of an OAuth app whose grant the event names: by its installation, or by its user, in the
 * event's workspace. No other accounts may see the object.
 */
export async function accountsOf(
  { bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>,
  db: Db,
  app: ReceivingApp,
  { workspaceId, visibleTo }: Pick<ProviderEvent, 'workspaceId' | 'visibleTo'>,
): Promise<readonly ConnectedAccount[]> {
  if (visibleTo.installationIds.length + visibleTo.userIds.length === 0) return []
  // Each name is looked up by itself: for all of them at once, Postgres may read every grant of the app.
  const named = sql<string>`(
    select found.id from unnest(${visibleTo.installationIds}::text[]) as named (bot) cross join lateral (
      select id from grants where oauth_app_id = ${app.oauthAppId} and workspace_id = ${workspaceId} and bot_id = named.bot
        and status = 'active' offset 0
    ) as found
    union all
    select found.id from unnest(${visibleTo.userIds}::text[]) as named (owner) cross join lateral (
      select id from grants where environment_id = ${app.environmentId} and oauth_app_id = ${app.oauthAppId}
        and workspace_id = ${workspaceId} and provider_user_id = named.owner and status = 'active' limit 1
    ) as found
  )`
  const rows = await activeAccounts(db, app).where('connected_accounts.grant_id', 'in', named).execute()
  return rows.map(toAccount).filter((account) => isBoundAccount({ bindingKey, log }, account))
}

/** Returns the active accounts of a grant of an OAuth app: those that an event is for which was found with the grant. */
export async function accountsOfGrant(
  { bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>,
  db: Db,
  app: ReceivingApp,
  grantId: string,
): Promise<readonly ConnectedAccount[]> {
  const rows = await activeAccounts(db, app).where('connected_accounts.grant_id', '=', grantId).execute()
  return rows.map(toAccount).filter((account) => isBoundAccount({ bindingKey, log }, account))
}

interface ReceivingApp {
  readonly environmentId: string
  readonly oauthAppId: string
}

/**
 * The active accounts of an OAuth app, for a query that names their grants. The caller leaves out those that another program
 * pointed at their grant.
 */
const activeAccounts = (db: Db, { environmentId, oauthAppId }: ReceivingApp) =>
  accountRows(db)
    .where(inEnvironment('connected_accounts.environment_id', environmentId))
    .where('connected_accounts.status', '=', 'ACTIVE')
    .where(inEnvironment('grants.environment_id', environmentId))
    .where('grants.status', '=', 'active')
    .where(hasId('connected_accounts.oauth_app_id', oauthAppId))
    .where(hasId('grants.oauth_app_id', oauthAppId))
    .orderBy('connected_accounts.id')

/** What the outbox holds of an event for one account. */
export const factsFor = (
  account: ConnectedAccount,
  { id, type, source, facts }: Omit<ReportedEvent, 'occurredAt'>,
) => ({
  connectedAccountId: account.id,
  connectionName: account.connectionName,
  identifier: account.identifier,
  eventId: id,
  eventType: type,
  source,
  ...facts,
})

/** Queues an event for the endpoints that accept its type: one delivery for each account. */
export async function queueForEndpoints(
  trx: Trx,
  environmentId: string,
  accounts: readonly ConnectedAccount[],
  publicType: string,
  event: ReportedEvent,
): Promise<void> {
  const ids = accounts.map(({ id }) => id)
  const facts = accounts.map((account) => JSON.stringify(factsFor(account, event)))
  await sql`
    select queue_named_webhook_event(${environmentId}::uuid, ${publicType}, about, ${event.occurredAt}::timestamptz, facts)
    from unnest(${ids}::uuid[], ${facts}::jsonb[]) as account (about, facts)
    where has_webhook_endpoint(${environmentId}::uuid)`.execute(trx)
}
