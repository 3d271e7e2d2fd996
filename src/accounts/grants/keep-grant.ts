import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import type { Capability } from '../capability.ts'
import type { AccountsContext } from '../context.ts'
import type { GrantOwner, TokenSet } from '../provider.ts'
import { sealPair } from './sealed-pair.ts'
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
  readonly owner: GrantOwner
  readonly tokens: TokenSet
  /** When the provider issued the access token, where it was not just now. */
  readonly issuedAt?: Date | null
}

/**
 * Keeps a token pair, within the transaction that points an account at it: the active grant of this OAuth app, workspace
 * and provider user gets the new pair, so that all accounts that rest on it keep working; without one a grant is made.
 *
 * The version and the fence move on and the lease is taken away: a renewal that is under way cannot store its result
 * any more, as the newer authorization counts. Lock the account's row before, and when the account pointed at another
 * grant, call `releaseGrant` with that one after it has been pointed at this one.
 */
export async function keepGrant(
  context: Pick<AccountsContext, 'vault'>,
  trx: Trx,
  grant: NewGrant,
  timing: RenewalTiming = defaultTiming,
): Promise<{ readonly grantId: string }> {
  const { environmentId, oauthAppId, owner, tokens } = grant
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
  const values = {
    workspace_name: owner.workspaceName,
    workspace_icon_url: owner.workspaceIconUrl,
    owner_name: owner.ownerName,
    owner_email: owner.ownerEmail,
    bot_id: owner.botId,
    issued_at: grant.issuedAt ?? sql<Date>`clock_timestamp()`,
    expires_at: inSeconds(tokens.expiresInSeconds),
    last_verified_at: sql<Date>`clock_timestamp()`,
    capabilities: [...grant.capabilities],
    denied_capabilities: [...(grant.deniedCapabilities ?? [])],
    next_refresh_at: inSeconds(schedule.renewIn),
    next_verify_at: inSeconds(schedule.verifyIn),
  }

  for (;;) {
    const active = await trx
      .selectFrom('grants')
      .select(['id', 'version'])
      .where('environment_id', '=', environmentId)
      .where('oauth_app_id', '=', oauthAppId)
      .where('workspace_id', '=', owner.workspaceId)
      .where('provider_user_id', '=', owner.providerUserId)
      .where('status', '=', 'active')
      .forUpdate()
      .executeTakeFirst()
    if (active) {
      const version = active.version + 1
      const sealed = await sealPair(context.vault, { environmentId, grantId: active.id }, version, tokens)
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
        .where('environment_id', '=', environmentId)
        .where('id', '=', active.id)
        .execute()
      return { grantId: active.id }
    }
    // The id comes first: the tokens are sealed for it.
    const grantId = randomUUID()
    const sealed = await sealPair(context.vault, { environmentId, grantId }, 1, tokens)
    const inserted = await trx
      .insertInto('grants')
      .values({
        ...values,
        ...sealed,
        id: grantId,
        environment_id: environmentId,
        oauth_app_id: oauthAppId,
        provider_user_id: owner.providerUserId,
        workspace_id: owner.workspaceId,
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
