import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import type { Capability } from '../capability.ts'
import type { AccountsContext } from '../context.ts'
import type { GrantOwner, TokenSet } from '../provider.ts'
import { openIfItOpens, sealPair, tokenContext } from './sealed-pair.ts'
import { defaultTiming, type RenewalTiming } from './timing.ts'
import { scheduleToken } from './token-lifetime.ts'

/** A token pair that a provider has just issued, and for whom. */
export interface NewGrant {
  readonly environmentId: string
  readonly oauthAppId: string
  /** What the OAuth app is said to have now; later changes are told from this. */
  readonly capabilities: readonly Capability[]
  /** Those of them that the provider is known to refuse all the same. They replace what was known of an older token. */
  readonly deniedCapabilities?: readonly Capability[]
  /** The OAuth scopes that the user was asked for, and those that the provider granted. */
  readonly requestedScopes?: readonly string[]
  readonly scopes?: readonly string[]
  readonly owner: GrantOwner
  readonly tokens: TokenSet
  /** When the provider issued the access token, where it was not just now. */
  readonly issuedAt?: Date | null
}

/**
 * Keeps a token pair, within the transaction that points an account at it: the active grant of this OAuth app, workspace
 * and provider user gets the new pair, so that all accounts that rest on it keep working; without one a grant is made.
 * With `unlessNewer` a pair that the grant has got at `issuedAt` or later stays: while a consent waited for its
 * confirmation, the grant may have been renewed.
 *
 * The version and the fence move on and the lease is taken away: a renewal that is under way cannot store its result
 * any more, as the newer authorization counts. Lock the account's row before, and when the account pointed at another
 * grant, call `releaseGrant` with that one after it has been pointed at this one.
 */
export async function keepGrant(
  context: Pick<AccountsContext, 'vault' | 'timing'>,
  trx: Trx,
  grant: NewGrant,
  options: { readonly unlessNewer?: boolean } = {},
): Promise<{ readonly grantId: string }> {
  const timing = context.timing ?? defaultTiming
  for (;;) {
    const active = await lockActiveGrant(trx, grant)
    if (active) {
      if (options.unlessNewer && isAsNew(active, grant)) await describe(trx, grant, active.id)
      else await replacePair(context, trx, grant, active, timing)
      return { grantId: active.id }
    }
    // The id comes first: the tokens are sealed for it.
    const grantId = randomUUID()
    const sealed = await sealPair(context.vault, { environmentId: grant.environmentId, grantId }, 1, grant.tokens)
    const inserted = await trx
      .insertInto('grants')
      .values({
        ...(await valuesOf(trx, grant, timing)),
        ...sealed,
        id: grantId,
        environment_id: grant.environmentId,
        oauth_app_id: grant.oauthAppId,
        provider_user_id: grant.owner.providerUserId,
        workspace_id: grant.owner.workspaceId,
        status: 'active',
        version: 1,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    // Nothing inserted: another authorization of the same user was first, and its row can be locked now.
    if (inserted) return { grantId }
  }
}

/**
 * Gives a pair to the active grant of its owner, if there is one whose pair is older. Says whether that grant has this
 * pair or a newer one now; false when there is no such grant.
 */
export async function renewActiveGrant(
  context: Pick<AccountsContext, 'vault' | 'timing'>,
  trx: Trx,
  grant: NewGrant,
): Promise<boolean> {
  const active = await lockActiveGrant(trx, grant)
  if (!active) return false
  if (!isAsNew(active, grant)) await replacePair(context, trx, grant, active, context.timing ?? defaultTiming)
  return true
}

const isAsNew = (active: { readonly issued_at: Date }, { issuedAt }: NewGrant) =>
  issuedAt != null && active.issued_at >= issuedAt

const lockActiveGrant = (trx: Trx, { environmentId, oauthAppId, owner }: NewGrant) =>
  trx
    .selectFrom('grants')
    .select(['id', 'version', 'issued_at', 'refresh_token'])
    .where('environment_id', '=', environmentId)
    .where('oauth_app_id', '=', oauthAppId)
    .where('workspace_id', '=', owner.workspaceId)
    .where('provider_user_id', '=', owner.providerUserId)
    .where('status', '=', 'active')
    .forUpdate()
    .executeTakeFirst()

async function replacePair(
  context: Pick<AccountsContext, 'vault' | 'timing'>,
  trx: Trx,
  grant: NewGrant,
  active: NonNullable<Awaited<ReturnType<typeof lockActiveGrant>>>,
  timing: RenewalTiming,
): Promise<void> {
  const key = { environmentId: grant.environmentId, grantId: active.id }
  const version = active.version + 1
  // Notion's answers may have `null` for the refresh token: the one that there is goes on (RFC 6749 section 6).
  const refreshToken =
    grant.tokens.refreshToken ??
    (active.refresh_token &&
      (await openIfItOpens(context.vault, active.refresh_token, tokenContext(key, 'refresh_token', active.version))))
  const tokens = { ...grant.tokens, refreshToken: refreshToken || null }
  const values = await valuesOf(trx, { ...grant, tokens }, timing)
  const sealed = await sealPair(context.vault, key, version, tokens)
  await trx
    .updateTable('grants')
    .set((eb) => ({
      ...values,
      ...sealed,
      version,
      fence: eb('fence', '+', 1),
      lease_owner: null,
      lease_until: null,
      phase: 'idle' as const,
      was_sending: false,
      fail_count: 0,
    }))
    .where('environment_id', '=', key.environmentId)
    .where('id', '=', key.grantId)
    .execute()
}

/** The columns that a pair brings, but for the pair itself. */
async function valuesOf(trx: Trx, grant: NewGrant, timing: RenewalTiming) {
  const { environmentId, oauthAppId, tokens } = grant
  const app = await trx
    .selectFrom('oauth_apps')
    .select('token_lifetime_seconds')
    .where('environment_id', '=', environmentId)
    .where('id', '=', oauthAppId)
    .executeTakeFirstOrThrow()
  const schedule = scheduleToken(timing, {
    renewable: tokens.refreshToken !== null,
    expiresInSeconds: tokens.expiresInSeconds,
    learnedLifetimeSeconds: app.token_lifetime_seconds,
  })
  const inSeconds = (value: number | null) =>
    value === null ? null : sql<Date>`clock_timestamp() + make_interval(secs => ${value})`
  return {
    ...descriptionOf(grant),
    issued_at: grant.issuedAt ?? sql<Date>`clock_timestamp()`,
    expires_at: inSeconds(tokens.expiresInSeconds),
    last_verified_at: sql<Date>`clock_timestamp()`,
    next_refresh_at: inSeconds(schedule.renewIn),
    next_verify_at: inSeconds(schedule.verifyIn),
  }
}

const descriptionOf = ({ owner, capabilities, deniedCapabilities, requestedScopes, scopes }: NewGrant) => ({
  workspace_name: owner.workspaceName,
  workspace_icon_url: owner.workspaceIconUrl,
  owner_name: owner.ownerName,
  owner_email: owner.ownerEmail,
  bot_id: owner.botId,
  capabilities: [...capabilities],
  denied_capabilities: [...(deniedCapabilities ?? [])],
  requested_scopes: [...(requestedScopes ?? [])],
  scopes: [...(scopes ?? [])],
})

async function describe(trx: Trx, grant: NewGrant, grantId: string): Promise<void> {
  await trx
    .updateTable('grants')
    .set(descriptionOf(grant))
    .where('environment_id', '=', grant.environmentId)
    .where('id', '=', grantId)
    .execute()
}
