import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import { Secret } from '../../vault/secret.ts'
import type { SealingContext } from '../../vault/vault.ts'
import { findPendingConsent } from '../authorization/pending-consent.ts'
import type { AccountsContext } from '../context.ts'
import { openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { backoff, defaultTiming, type RenewalTiming } from './timing.ts'

/** After this long a token that could not be revoked is forgotten. */
const giveUpAfterHours = 24
/** How long one attempt keeps others away. */
const attemptMs = 60_000

/** Whose tokens are to be revoked, and at which OAuth app. */
export interface RevocationTarget {
  readonly environmentId: string
  readonly oauthAppId: string
  readonly workspaceId: string
  readonly providerUserId: string
}

/** What a queued revocation's tokens are sealed for: neither tools nor renewals ask for this field. */
export function revocationContext(environmentId: string, entryId: string): SealingContext {
  return { environmentId, subject: entryId, field: 'revocation', version: 1 }
}

/**
 * Queues tokens for revocation at the provider (RFC 7009), within the transaction that erases them elsewhere. Gives the
 * entry's id; {@link sendRevocations} works the queue off, after a restart as well, for 24 hours.
 */
export async function queueRevocation(
  context: Pick<AccountsContext, 'vault'>,
  db: Db,
  target: RevocationTarget,
  tokens: { readonly accessToken: Secret | null; readonly refreshToken: Secret | null },
): Promise<string> {
  const id = randomUUID()
  const texts = [tokens.accessToken, tokens.refreshToken].flatMap((token) => (token ? [token.reveal()] : []))
  await db
    .insertInto('revocation_outbox')
    .values({
      id,
      environment_id: target.environmentId,
      oauth_app_id: target.oauthAppId,
      workspace_id: target.workspaceId,
      provider_user_id: target.providerUserId,
      sealed_token: await context.vault.seal(
        new Secret(JSON.stringify(texts)),
        revocationContext(target.environmentId, id),
      ),
      give_up_at: sql`clock_timestamp() + make_interval(hours => ${giveUpAfterHours})`,
    })
    .execute()
  return id
}

/**
 * Lets queued revocations of one owner's tokens wait for so many seconds: that owner has just consented anew, and by then
 * it is known whether the new grant stands.
 */
export async function holdRevocations(db: Db, owner: RevocationTarget, seconds: number): Promise<void> {
  await db
    .updateTable('revocation_outbox')
    .set({
      next_attempt_at: sql<Date>`greatest(next_attempt_at, clock_timestamp() + make_interval(secs => ${seconds}))`,
    })
    .where('environment_id', '=', owner.environmentId)
    .where('oauth_app_id', '=', owner.oauthAppId)
    .where('workspace_id', '=', owner.workspaceId)
    .where('provider_user_id', '=', owner.providerUserId)
    .execute()
}

/**
 * Sends up to `limit` due revocations, each claimed so that no other node sends it at the same time, and removes those
 * that are done or too old. Gives how many were claimed. Failures are logged and tried again later; nothing is thrown
 * but for the database.
 */
export async function sendRevocations(
  context: AccountsContext,
  options: { readonly limit: number; readonly timing?: RenewalTiming; readonly signal?: AbortSignal },
): Promise<number> {
  const { db } = context
  const timing = options.timing ?? context.timing ?? defaultTiming
  const due = db
    .selectFrom('revocation_outbox')
    .select('id')
    .where('next_attempt_at', '<=', sql<Date>`now()`)
    .orderBy('next_attempt_at')
    .limit(options.limit)
    .forUpdate()
    .skipLocked()
  const entries = await db
    .updateTable('revocation_outbox')
    .set((eb) => ({
      attempts: eb('attempts', '+', 1),
      next_attempt_at: sql<Date>`clock_timestamp() + make_interval(secs => ${attemptMs / 1000})`,
    }))
    .where('id', 'in', due)
    .returning((eb) => [
      'id',
      'environment_id',
      'oauth_app_id',
      'workspace_id',
      'provider_user_id',
      'sealed_token',
      'attempts',
      sql<boolean>`give_up_at <= clock_timestamp()`.as('too_old'),
      // A revocation may end all that the user granted to the app, the new grant included.
      eb
        .exists(
          eb
            .selectFrom('grants')
            .select('grants.id')
            .where('grants.status', '=', 'active')
            .whereRef('grants.oauth_app_id', '=', 'revocation_outbox.oauth_app_id')
            .whereRef('grants.workspace_id', '=', 'revocation_outbox.workspace_id')
            .whereRef('grants.provider_user_id', '=', 'revocation_outbox.provider_user_id'),
        )
        .as('granted_again'),
    ])
    .execute()

  await Promise.all(
    entries.map(async (entry) => {
      const about = { outboxEntry: entry.id, oauthApp: entry.oauth_app_id, attempts: entry.attempts }
      if (entry.too_old)
        context.log.warn(about, 'A token could not be revoked at the provider in time and was forgotten.')
      const settled = entry.too_old || entry.granted_again
      if (!settled && (await hasPendingConsent(context, entry))) return
      const done = settled || (await sendOne(context, entry, about))
      if (done) {
        await db.deleteFrom('revocation_outbox').where('id', '=', entry.id).execute()
        return
      }
      const pause = backoff(timing, entry.attempts, 1_000)
      await db
        .updateTable('revocation_outbox')
        .set({ next_attempt_at: sql`clock_timestamp() + make_interval(secs => ${pause / 1000})` })
        .where('id', '=', entry.id)
        .execute()
    }),
  )
  return entries.length
}

/**
 * Whether another consent of the same user waits for its confirmation: a revocation may end that one as well. The entry
 * comes up again after its claim, until that consent stands or was given up.
 */
async function hasPendingConsent(
  context: AccountsContext,
  entry: {
    readonly environment_id: string
    readonly oauth_app_id: string
    readonly workspace_id: string
    readonly provider_user_id: string
  },
): Promise<boolean> {
  const pending = await findPendingConsent(context, context.db, {
    environmentId: entry.environment_id,
    oauthAppId: entry.oauth_app_id,
    workspaceId: entry.workspace_id,
    providerUserId: entry.provider_user_id,
  })
  return pending !== null
}

async function sendOne(
  context: AccountsContext,
  entry: {
    readonly id: string
    readonly environment_id: string
    readonly oauth_app_id: string
    readonly sealed_token: string
  },
  about: object,
): Promise<boolean> {
  try {
    const opened = await openOAuthClient(context, entry.environment_id, entry.oauth_app_id)
    if (!opened?.provider.revoke) return true
    const sealedFor = revocationContext(entry.environment_id, entry.id)
    const tokens = JSON.parse((await context.vault.open(entry.sealed_token, sealedFor)).reveal()) as string[]
    // Each by itself: an access token that has expired no longer leads the provider to what its refresh token opens.
    for (const token of tokens) await opened.provider.revoke(opened.client, new Secret(token))
    return true
  } catch (error) {
    if (error instanceof OAuthFailure && error.kind === 'grant_refused') return true
    context.log.warn({ ...about, err: error }, 'A token could not be revoked at the provider; it will be tried again.')
    return false
  }
}
