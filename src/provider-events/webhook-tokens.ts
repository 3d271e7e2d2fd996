import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import * as z from 'zod'
import type { AccountsContext } from '../accounts/context.ts'
import { findOAuthApp, type OAuthApp } from '../accounts/oauth-app-store.ts'
import { recordAudit } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf } from '../db/found-by-id.ts'
import { currentTime } from '../db/time.ts'
import { OAuthAppNotFoundError } from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import type { Receiver } from './webhook-url.ts'

/** The state of a provider's webhooks for an OAuth app, with what each value means. The GraphQL enum is made from this. */
export const webhookStates = {
  WAITING: "Waiting for the provider's token, and for the first event that is signed with it.",
  ACTIVE: 'Receiving events. Another token is not accepted.',
} as const

export type WebhookState = keyof typeof webhookStates

/** Pending tokens of one OAuth app: those that an operator has read, and the newest. The provider sends another one each time the operator asks for it. */
const maxPending = 3

/** A token that an operator enters in the provider's settings. */
export interface PendingToken {
  readonly token: Secret
  readonly receivedAt: Date
}

type Store = Pick<AccountsContext, 'db' | 'vault'>

/** The sealing context of a token: its row and its state. */
export const webhookTokenContext = (
  environmentId: string,
  id: string,
  state: 'pending' | 'active',
): SealingContext => ({
  environmentId,
  subject: id,
  field: `webhook_token_${state}`,
  version: 1,
})

/** What an active token is sealed with. */
const activeSchema = z.object({ token: z.string(), integrationId: z.string() })

/** Returns the states of the webhooks of OAuth apps, in the order of their ids. */
export async function readWebhookStates(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly WebhookState[]> {
  const rows = await db
    .selectFrom('provider_webhook_tokens')
    .select('oauth_app_id')
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', anyOf('uuid', ids))
    .where('state', '=', 'active')
    .execute()
  const active = new Set(rows.map((row) => row.oauth_app_id))
  return ids.map((id) => (active.has(id) ? 'ACTIVE' : 'WAITING'))
}

/**
 * Returns the pending tokens of an OAuth app, newest first. From then on, events may be signed with them. A token is
 * enough to forge events: the first reading of each is recorded in the audit log.
 */
export async function readPendingTokens(
  { db, vault, actor }: Store & Pick<AccountsContext, 'actor'>,
  { environmentId, id }: Pick<OAuthApp, 'environmentId' | 'id'>,
): Promise<readonly PendingToken[]> {
  const rows = await tokensOf(db, environmentId, id)
    .where('state', '=', 'pending')
    .select(['id', 'sealed_token', 'received_at', 'shown_at'])
    .orderBy('received_at', 'desc')
    .execute()
  const fresh = rows.filter((row) => row.shown_at === null)
  if (fresh.length > 0) {
    await db.transaction().execute(async (trx) => {
      const shown = await trx
        .updateTable('provider_webhook_tokens')
        .set({ shown_at: currentTime })
        .where('environment_id', '=', environmentId)
        .where(
          'id',
          '=',
          anyOf(
            'uuid',
            fresh.map((row) => row.id),
          ),
        )
        .where('shown_at', 'is', null)
        .returning('id')
        .execute()
      if (shown.length === 0) return
      const entry = { environmentId, action: 'oauth_app.webhook_token_read', target: `OAuthApp:${id}` } as const
      await recordAudit(trx, actor, { ...entry, after: { tokens: shown.length } })
    })
  }
  return Promise.all(
    rows.map(async (row) => ({
      token: await vault.open(row.sealed_token, webhookTokenContext(environmentId, row.id, 'pending')),
      receivedAt: row.received_at,
    })),
  )
}

/** Stores a token that the provider has sent, unless the webhooks are active. Returns whether it was stored. */
export async function storePendingToken({ db, vault }: Store, app: Receiver, token: Secret): Promise<boolean> {
  const id = randomUUID()
  const sealed = await vault.seal(token, webhookTokenContext(app.environmentId, id, 'pending'))
  return db.transaction().execute(async (trx) => {
    if (!(await lockWaiting(trx, app))) return false
    const pending = await tokensOf(trx, app.environmentId, app.id)
      .select(['id', 'sealed_token'])
      // Anyone can send tokens: they must not remove one that an operator has read and may have entered already.
      .orderBy(sql`shown_at is not null`, 'desc')
      .orderBy('received_at', 'desc')
      .execute()
    // The provider repeats a token: the row that an operator may have read stays.
    for (const row of pending) {
      const known = await vault.open(row.sealed_token, webhookTokenContext(app.environmentId, row.id, 'pending'))
      if (known.reveal() === token.reveal()) return true
    }
    const surplus = pending.slice(maxPending - 1).map((row) => row.id)
    if (surplus.length > 0)
      await trx.deleteFrom('provider_webhook_tokens').where('id', '=', anyOf('uuid', surplus)).execute()
    await trx
      .insertInto('provider_webhook_tokens')
      .values({ id, environment_id: app.environmentId, oauth_app_id: app.id, sealed_token: sealed })
      .execute()
    return true
  })
}

/** A token that an event may be signed with. */
export interface SigningToken {
  readonly id: string
  readonly app: Receiver
  readonly token: Secret
  readonly active: boolean
}

/**
 * Returns the tokens that an event of this integration may be signed with: of each OAuth app the active one, if it is of the
 * integration, or the pending ones that an operator has read.
 */
export async function signingTokens(
  { db, vault }: Store,
  apps: readonly Receiver[],
  integrationId: string,
): Promise<readonly SigningToken[]> {
  const rows = await db
    .selectFrom('provider_webhook_tokens')
    .select(['id', 'environment_id', 'oauth_app_id', 'state', 'sealed_token'])
    .where(
      'oauth_app_id',
      '=',
      anyOf(
        'uuid',
        apps.map(({ id }) => id),
      ),
    )
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'active'), eb('integration_id', '=', integrationId)]),
        eb.and([eb('state', '=', 'pending'), eb('shown_at', 'is not', null)]),
      ]),
    )
    .execute()
  const found: SigningToken[] = []
  for (const row of rows) {
    const app = apps.find(({ id, environmentId }) => id === row.oauth_app_id && environmentId === row.environment_id)
    if (!app) continue
    const opened = await vault.open(row.sealed_token, webhookTokenContext(app.environmentId, row.id, row.state))
    if (row.state === 'pending') found.push({ id: row.id, app, token: opened, active: false })
    else {
      const { token, integrationId: sealedFor } = activeSchema.parse(JSON.parse(opened.reveal()))
      if (sealedFor === integrationId) found.push({ id: row.id, app, token: new Secret(token), active: true })
    }
  }
  return found
}

/**
 * Makes a pending token the active one, for events of this integration, and erases the others. Returns false when it was
 * erased meanwhile. Recorded in the audit log.
 */
export async function activateToken(
  { vault, actor }: Pick<AccountsContext, 'vault' | 'actor'>,
  trx: Trx,
  { id, app, token }: SigningToken,
  integrationId: string,
): Promise<boolean> {
  if (!(await lockWaiting(trx, app))) return false
  const content = new Secret(JSON.stringify({ token: token.reveal(), integrationId }))
  const { environmentId } = app
  const { numUpdatedRows } = await trx
    .updateTable('provider_webhook_tokens')
    .set({
      state: 'active',
      sealed_token: await vault.seal(content, webhookTokenContext(environmentId, id, 'active')),
      integration_id: integrationId,
      activated_at: currentTime,
    })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await trx
    .deleteFrom('provider_webhook_tokens')
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', app.id)
    .where('state', '=', 'pending')
    .execute()
  const entry = { environmentId, action: 'oauth_app.webhook_activated', target: `OAuthApp:${app.id}` } as const
  await recordAudit(trx, actor, { ...entry, after: { integrationId } })
  return true
}

/**
 * Erases the tokens of an OAuth app: events are refused until one verifies with a token that the provider sends from now on.
 * Recorded in the audit log. Throws OAuthAppNotFoundError.
 */
export async function resetWebhook(
  { db, actor }: Pick<AccountsContext, 'db' | 'actor'>,
  environmentId: string,
  connectionName: string,
): Promise<OAuthApp> {
  return db.transaction().execute(async (trx) => {
    const app = await findOAuthApp(trx, environmentId, connectionName)
    if (!app) throw new OAuthAppNotFoundError(connectionName)
    await lockApp(trx, app)
    const erased = await trx
      .deleteFrom('provider_webhook_tokens')
      .where('environment_id', '=', environmentId)
      .where('oauth_app_id', '=', app.id)
      .returning('state')
      .execute()
    const state = erased.some((row) => row.state === 'active') ? 'ACTIVE' : 'WAITING'
    const entry = { environmentId, action: 'oauth_app.webhook_reset', target: `OAuthApp:${app.id}` } as const
    await recordAudit(trx, actor, { ...entry, before: { state, tokens: erased.length }, after: { state: 'WAITING' } })
    return app
  })
}

const tokensOf = (db: Db, environmentId: string, oauthAppId: string) =>
  db
    .selectFrom('provider_webhook_tokens')
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', oauthAppId)

/** Changes of an app's tokens wait for each other at its row. */
const lockApp = (trx: Trx, app: Pick<Receiver, 'environmentId' | 'id'>) =>
  trx
    .selectFrom('oauth_apps')
    .select('id')
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.id)
    .forNoKeyUpdate()
    .executeTakeFirst()

/** Locks an OAuth app. Returns whether it exists and its webhooks are not active. */
async function lockWaiting(trx: Trx, app: Receiver): Promise<boolean> {
  if (!(await lockApp(trx, app))) return false
  return (await readWebhookStates(trx, app.environmentId, [app.id]))[0] === 'WAITING'
}
