import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import * as z from 'zod'
import { fullJitter } from '../../backoff.ts'
import type { Db } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import { Secret } from '../../vault/secret.ts'
import type { SealingContext } from '../../vault/vault.ts'
import type { AccountsContext } from '../context.ts'
import { type OpenedOAuthClient, openOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import { rejectOAuthApp } from '../rejected-app.ts'

/** After this time a token that could not be revoked is dropped. */
const giveUpAfterHours = 24
/** How long one attempt excludes others. */
const attemptSeconds = 60
/** The minimum pause after a failed attempt. */
const minPauseMs = 1_000

/** Whose tokens are to be revoked, and at which OAuth app. */
export interface RevocationTarget {
  readonly environmentId: string
  readonly oauthAppId: string
  readonly workspaceId: string
  readonly providerUserId: string
}

/** The context that an entry's tokens are sealed for. Tools and renewals never use this field. */
export function revocationContext(environmentId: string, entryId: string): SealingContext {
  return { environmentId, subject: entryId, field: 'revocation', version: 1 }
}

const tokensSchema = z.array(z.string())

/**
 * Queues tokens for revocation at the provider (RFC 7009), within the transaction that erases them elsewhere. Returns the
 * entry's id. {@link sendRevocations} works the queue off for 24 hours, including after a restart.
 */
export async function queueRevocation(
  context: Pick<AccountsContext, 'vault'>,
  db: Db,
  target: RevocationTarget,
  tokens: { readonly accessToken: Secret | null; readonly refreshToken: Secret | null },
): Promise<string> {
  const id = randomUUID()
  const revealed = [tokens.accessToken, tokens.refreshToken].flatMap((token) => (token ? [token.reveal()] : []))
  await db
    .insertInto('revocation_outbox')
    .values({
      id,
      environment_id: target.environmentId,
      oauth_app_id: target.oauthAppId,
      workspace_id: target.workspaceId,
      provider_user_id: target.providerUserId,
      sealed_token: await context.vault.seal(
        new Secret(JSON.stringify(revealed)),
        revocationContext(target.environmentId, id),
      ),
      give_up_at: inSeconds(giveUpAfterHours * 3600),
    })
    .execute()
  return id
}

/**
 * Delays queued revocations of one owner's tokens by this many seconds. The owner has just consented again, and by then
 * the application has confirmed or discarded the new grant.
 */
export async function holdRevocations(db: Db, owner: RevocationTarget, seconds: number): Promise<void> {
  await db
    .updateTable('revocation_outbox')
    .set({ next_attempt_at: sql<Date>`greatest(next_attempt_at, ${inSeconds(seconds)})` })
    .where('environment_id', '=', owner.environmentId)
    .where('oauth_app_id', '=', owner.oauthAppId)
    .where('workspace_id', '=', owner.workspaceId)
    .where('provider_user_id', '=', owner.providerUserId)
    .execute()
}

/**
 * Sends up to `limit` due revocations and removes those that are done or too old. Each is claimed, so that no other node
 * sends it at the same time. Returns how many were claimed. Failures are logged and retried later; throws only for
 * failures of the database.
 *
 * A revocation may end everything that its owner granted to the OAuth app. It is dropped when the owner has an active grant,
 * and waits for a pending authorization, which is checked directly before each request. A grant that came while a request
 * was on its way is verified at once.
 */
export async function sendRevocations(context: AccountsContext, options: { readonly limit: number }): Promise<number> {
  const entries = await claimDueRevocations(context.db, options.limit)
  await Promise.all(
    entries.map(async (entry) => {
      const about = { outboxEntry: entry.id, oauthApp: entry.oauth_app_id, attempts: entry.attempts }
      if (entry.too_old) context.log.warn(about, 'dropped a token that could not be revoked in time')
      const outcome = entry.too_old ? 'done' : await sendOne(context, entry, about)
      // The entry is due again when its claim ends, until the pending consent was confirmed or discarded.
      if (outcome === 'waiting') return
      if (outcome === 'done') {
        await context.db.deleteFrom('revocation_outbox').where('id', '=', entry.id).execute()
        return
      }
      const pauseMs = Math.max(minPauseMs, fullJitter(context.timing.backoff, entry.attempts, context.timing.random))
      await context.db
        .updateTable('revocation_outbox')
        .set({ next_attempt_at: inSeconds(pauseMs / 1000) })
        .where('id', '=', entry.id)
        .execute()
    }),
  )
  return entries.length
}

function claimDueRevocations(db: Db, limit: number) {
  const due = db
    .selectFrom('revocation_outbox')
    .select('id')
    .where('next_attempt_at', '<=', sql<Date>`now()`)
    .orderBy('next_attempt_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
  return db
    .updateTable('revocation_outbox')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), next_attempt_at: inSeconds(attemptSeconds) }))
    .where('id', 'in', due)
    .returning([
      'id',
      'environment_id',
      'oauth_app_id',
      'workspace_id',
      'provider_user_id',
      'sealed_token',
      'attempts',
      sql<boolean>`give_up_at <= clock_timestamp()`.as('too_old'),
    ])
    .execute()
}

type Entry = Awaited<ReturnType<typeof claimDueRevocations>>[number]

/** Whether the owner of an entry has consented again: `waiting` while an authorization is in progress. */
async function consentOfOwner(db: Db, entry: Entry): Promise<'active' | 'waiting' | 'none'> {
  const { is_active, is_waiting } = await db
    .selectNoFrom((eb) => {
      const grantsOfOwner = (status: 'active' | 'pending') =>
        eb
          .selectFrom('grants')
          .select('id')
          .where('status', '=', status)
          .where('environment_id', '=', entry.environment_id)
          .where('oauth_app_id', '=', entry.oauth_app_id)
          .where('workspace_id', '=', entry.workspace_id)
          .where('provider_user_id', '=', entry.provider_user_id)
      const flows = eb
        .selectFrom('authorization_flows')
        .where('authorization_flows.oauth_app_id', '=', entry.oauth_app_id)
      // The owner is known after the exchange. Most likely it is the one of the account before.
      const exchangesOfOwner = flows
        .innerJoin('connected_accounts', 'connected_accounts.id', 'authorization_flows.account_id')
        .innerJoin('grants', 'grants.id', 'connected_accounts.grant_id')
        .select('authorization_flows.id')
        .where('authorization_flows.stage', '=', 'exchanging')
        .where('authorization_flows.expires_at', '>', sql<Date>`clock_timestamp()`)
        .where('workspace_id', '=', entry.workspace_id)
        .where('provider_user_id', '=', entry.provider_user_id)
      // Consents that a node of the previous release has stored carry their owner only in their ciphertext.
      const consentsOfUnknownOwners = flows.select('id').where('stage', '=', 'awaiting_confirmation')
      return [
        eb.exists(grantsOfOwner('active')).as('is_active'),
        eb
          .or([grantsOfOwner('pending'), exchangesOfOwner, consentsOfUnknownOwners].map((each) => eb.exists(each)))
          .as('is_waiting'),
      ]
    })
    .executeTakeFirstOrThrow()
  if (is_active) return 'active'
  return is_waiting ? 'waiting' : 'none'
}

async function sendOne(context: AccountsContext, entry: Entry, about: object): Promise<'done' | 'failed' | 'waiting'> {
  let opened: OpenedOAuthClient | null = null
  let sent = false
  try {
    opened = await openOAuthClient(context, entry.environment_id, entry.oauth_app_id)
    if (!opened?.provider.revoke) return 'done'
    const sealedFor = revocationContext(entry.environment_id, entry.id)
    const revealed = (await context.vault.open(entry.sealed_token, sealedFor)).reveal()
    // Each token separately: an expired access token no longer leads the provider to its refresh token.
    for (const token of tokensSchema.parse(JSON.parse(revealed))) {
      const consent = await consentOfOwner(context.db, entry)
      if (consent !== 'none') return consent === 'active' ? 'done' : 'waiting'
      sent = true
      await opened.provider.revoke(opened.client, new Secret(token))
    }
    return 'done'
  } catch (err) {
    if (err instanceof OAuthFailure && err.kind === 'grant_refused') return 'done'
    if (err instanceof OAuthFailure && err.kind === 'client_refused' && opened)
      await rejectOAuthApp(context, opened, err)
    context.log.warn({ ...about, err }, 'token revocation failed, will be retried')
    return 'failed'
  } finally {
    if (sent) await verifyGrantsOfOwner(context.db, entry)
  }
}

/**
 * Makes the verification of an owner's grants due: they did not exist before the request that was just sent, which may have
 * ended them. A pending grant is verified after it was activated.
 */
async function verifyGrantsOfOwner(db: Db, entry: Entry): Promise<void> {
  await db
    .updateTable('grants')
    .set({ next_verify_at: sql<Date>`clock_timestamp()` })
    .where('environment_id', '=', entry.environment_id)
    .where('oauth_app_id', '=', entry.oauth_app_id)
    .where('workspace_id', '=', entry.workspace_id)
    .where('provider_user_id', '=', entry.provider_user_id)
    .where('status', 'in', ['active', 'pending'])
    .execute()
}
