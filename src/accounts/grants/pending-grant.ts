import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Trx } from '../../db/database.ts'
import { inSeconds } from '../../db/time.ts'
import { bindingOf, requireBound } from '../../vault/row-binding.ts'
import { grantValues, isBoundGrant } from '../bindings.ts'
import type { Capability } from '../capability.ts'
import type { GrantKey } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { GrantOwner, TokenSet } from '../provider.ts'
import { queueRevocation } from './revocation-outbox.ts'
import {
  openIfReadable,
  pendingTokenContext,
  sealPair,
  sealPendingPair,
  storePair,
  type TokenPair,
  tokenContext,
} from './token-pair.ts'

/*
 * Every grant starts as pending: the provider has issued tokens, and nothing can use them yet. It either becomes active
 * (directly, or by the application's confirmation) or is discarded.
 */

/** What a consent, or an import, brought: tokens, and whose they are. */
export interface Consent {
  readonly environmentId: string
  readonly oauthAppId: string
  /** The account that the consent was made for, which alone may get its grant. */
  readonly accountId: string
  /** The capabilities that are registered for the OAuth app at this time. */
  readonly capabilities: readonly Capability[]
  /** Those of them that the provider is known to refuse. */
  readonly deniedCapabilities: readonly Capability[]
  /** The OAuth scopes that the user was asked for, and those that the provider granted. */
  readonly requestedScopes: readonly string[]
  readonly scopes: readonly string[]
  readonly owner: GrantOwner
  readonly tokens: TokenSet
  /** When the provider issued the access token. Null: now. */
  readonly issuedAt: Date | null
}

/** Stores a consent as a pending grant, with its owner in clear. Returns the grant's id. */
export async function createPendingGrant(
  context: Pick<AccountsContext, 'vault' | 'bindingKey'>,
  trx: Trx,
  consent: Consent,
): Promise<string> {
  const { environmentId, owner, tokens } = consent
  // The id comes first: the tokens are sealed for it.
  const grantId = randomUUID()
  const issuedAt = consent.issuedAt ?? sql<Date>`clock_timestamp()`
  const expiry = tokens.expiresInSeconds
  const bound = {
    id: grantId,
    environment_id: environmentId,
    oauth_app_id: consent.oauthAppId,
    provider_user_id: owner.providerUserId,
    workspace_id: owner.workspaceId,
    consent_account_id: consent.accountId,
  }
  await trx
    .insertInto('grants')
    .values({
      ...(await sealPendingPair(context.vault, { environmentId, grantId }, tokens)),
      ...bound,
      binding: bindingOf(context.bindingKey, 'grants', grantValues(bound)),
      workspace_name: owner.workspaceName,
      workspace_icon_url: owner.workspaceIconUrl,
      owner_name: owner.ownerName,
      owner_email: owner.ownerEmail,
      bot_id: owner.botId,
      capabilities: [...consent.capabilities],
      denied_capabilities: [...consent.deniedCapabilities],
      requested_scopes: [...consent.requestedScopes],
      scopes: [...consent.scopes],
      status: 'pending',
      // Activation stores the pair under the next version, 1.
      version: 0,
      issued_at: issuedAt,
      expires_at: expiry === null ? null : inSeconds(expiry),
    })
    .execute()
  return grantId
}

/**
 * Returns whose tokens the pending grant of an account holds, and locks it. Throws when there is no such pending grant, and
 * a VaultError when it was made for another account, or another program wrote what it is bound to.
 */
export async function lockPendingOwner(
  { bindingKey }: Pick<AccountsContext, 'bindingKey'>,
  trx: Trx,
  key: GrantKey & { readonly accountId: string },
): Promise<Pick<GrantOwner, 'providerUserId' | 'workspaceId'>> {
  const row = await lockPendingGrant(trx, key)
  if (!row) throw new Error(`the grant ${key.grantId} is not pending`)
  requireBound(bindingKey, 'grants', grantValues({ ...row, consent_account_id: key.accountId }), row.binding)
  return { providerUserId: row.provider_user_id, workspaceId: row.workspace_id }
}

/**
 * Activates a pending grant, within the transaction that points an account at the result. Returns the id of the active
 * grant: the pending grant itself or, where its owner has an active grant already, that one. It then takes over the newer
 * pair, so that every account on it continues to work, and the pending grant is removed. `replace` decides whether an
 * active grant takes over a pair that is older than its own: it may have been renewed during the wait for a confirmation.
 *
 * Throws a VaultError when another program wrote to whom a grant belongs. Lock the account's row first, and the pending grant
 * with {@link lockPendingOwner}. When the account pointed at another grant, call `releaseGrant` for that one afterwards.
 */
export async function activatePendingGrant(
  context: Pick<AccountsContext, 'vault' | 'timing' | 'bindingKey'>,
  trx: Trx,
  key: GrantKey,
  replace: 'always' | 'if_newer',
): Promise<string> {
  const pending = await lockPendingGrant(trx, key)
  if (!pending) throw new Error(`the grant ${key.grantId} is not pending`)
  // Two consents of one user that are confirmed at the same time must not both find that there is no active grant.
  await trx
    .selectNoFrom(
      sql`pg_advisory_xact_lock(hashtextextended(${`${pending.oauth_app_id}/${pending.workspace_id}/${pending.provider_user_id}`}, 0))`.as(
        'locked',
      ),
    )
    .execute()
  const active = await lockActiveGrant(trx, pending)
  if (!active) {
    const pair = await openPendingPair(context, key, pending)
    await store(context, trx, { ...key, status: 'pending', version: pending.version }, pending, pair)
    return key.grantId
  }
  requireBound(context.bindingKey, 'grants', grantValues(active), active.binding)
  if (replace === 'always' || pending.issued_at > active.issued_at) {
    await takeOver(context, trx, active, pending, await openPendingPair(context, key, pending))
  } else {
    await copyDescription(trx, active, pending)
  }
  await deletePendingGrant(trx, key)
  return active.id
}

/**
 * Removes a pending grant and queues its tokens for revocation at the provider, unless their owner has an active grant:
 * the provider may have ended that grant's refresh token for this consent, and a revocation could end everything that the
 * owner granted. The active grant takes over the newer pair instead. Does nothing when the grant is not pending.
 */
export async function discardPendingGrant(
  context: Pick<AccountsContext, 'vault' | 'timing' | 'log' | 'bindingKey'>,
  trx: Trx,
  key: GrantKey,
): Promise<void> {
  const pending = await lockPendingGrant(trx, key)
  if (!pending) return
  const [accessToken, refreshToken] = await Promise.all([
    openIfReadable(context.vault, pending.access_token, pendingTokenContext(key, 'access_token')),
    openIfReadable(context.vault, pending.refresh_token, pendingTokenContext(key, 'refresh_token')),
  ])
  if (!accessToken) context.log.error({ grant: key.grantId }, 'erased an unreadable pending token without revocation')
  const active = await lockActiveGrant(trx, pending)
  if (!active || !isBoundGrant(context, active) || !isBoundGrant(context, pending)) {
    if (accessToken || refreshToken) {
      await queueRevocation(context, trx, ownerOf(pending), { accessToken, refreshToken })
    }
  } else if (accessToken && pending.issued_at > active.issued_at) {
    await takeOver(context, trx, active, pending, { accessToken, refreshToken })
  }
  await deletePendingGrant(trx, key)
}

/**
 * Moves the tokens of a newer pending authorization of the same owner to a refused grant: the provider may have replaced
 * the grant with that consent, and the accounts on the grant are that owner's. Returns whether the grant took over a pair;
 * it then has the next version. Does nothing when the grant has moved on from `version`.
 */
export async function adoptNewerGrant(
  context: Pick<AccountsContext, 'db' | 'vault' | 'log' | 'timing' | 'bindingKey'>,
  { environmentId, grantId, version }: GrantKey & { readonly version: number },
): Promise<boolean> {
  const adopted = await context.db.transaction().execute(async (trx) => {
    const active = await grantsOfInterest(trx)
      .where('environment_id', '=', environmentId)
      .where('id', '=', grantId)
      .where('version', '=', version)
      .where('status', '=', 'active')
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!active || !isBoundGrant(context, active)) return false
    const newer = await grantsOfInterest(trx)
      .where('environment_id', '=', environmentId)
      .where('oauth_app_id', '=', active.oauth_app_id)
      .where('workspace_id', '=', active.workspace_id)
      .where('provider_user_id', '=', active.provider_user_id)
      .where('status', '=', 'pending')
      .where('issued_at', '>', active.issued_at)
      .orderBy('issued_at', 'desc')
      .execute()
    for (const pending of newer) {
      if (!isBoundGrant(context, pending)) continue
      const key = { environmentId, grantId: pending.id }
      const [accessToken, refreshToken] = await Promise.all([
        openIfReadable(context.vault, pending.access_token, pendingTokenContext(key, 'access_token')),
        openIfReadable(context.vault, pending.refresh_token, pendingTokenContext(key, 'refresh_token')),
      ])
      if (!accessToken) continue
      await takeOver(context, trx, active, pending, { accessToken, refreshToken })
      return true
    }
    return false
  })
  if (adopted) {
    context.log.info({ grant: grantId, environment: environmentId }, 'refused grant took over a newer consent')
  }
  return adopted
}

const grantsOfInterest = (trx: Trx) =>
  trx
    .selectFrom('grants')
    .select([
      'id',
      'environment_id',
      'oauth_app_id',
      'workspace_id',
      'provider_user_id',
      'workspace_name',
      'workspace_icon_url',
      'owner_name',
      'owner_email',
      'bot_id',
      'capabilities',
      'denied_capabilities',
      'requested_scopes',
      'scopes',
      'version',
      'binding',
      'consent_account_id',
      'access_token',
      'refresh_token',
      'issued_at',
      'next_verify_at',
      sql<number | null>`extract(epoch from expires_at - clock_timestamp())::float8`.as('expires_in_seconds'),
    ])

type GrantRow = Awaited<ReturnType<ReturnType<typeof grantsOfInterest>['executeTakeFirstOrThrow']>>

const lockPendingGrant = (trx: Trx, { environmentId, grantId }: GrantKey) =>
  grantsOfInterest(trx)
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .where('status', '=', 'pending')
    .forNoKeyUpdate()
    .executeTakeFirst()

/** The active grant of the owner of this one. There is at most one, by an index. */
const lockActiveGrant = (trx: Trx, pending: GrantRow) =>
  grantsOfInterest(trx)
    .where('environment_id', '=', pending.environment_id)
    .where('oauth_app_id', '=', pending.oauth_app_id)
    .where('workspace_id', '=', pending.workspace_id)
    .where('provider_user_id', '=', pending.provider_user_id)
    .where('status', '=', 'active')
    .forNoKeyUpdate()
    .executeTakeFirst()

/** Opens the pair of a pending grant. Throws a VaultError when a token does not open. */
async function openPendingPair(
  { vault }: Pick<AccountsContext, 'vault'>,
  key: GrantKey,
  { access_token, refresh_token }: GrantRow,
): Promise<TokenPair> {
  if (access_token === null) throw new Error(`the pending grant ${key.grantId} has no access token`)
  const [accessToken, refreshToken] = await Promise.all([
    vault.open(access_token, pendingTokenContext(key, 'access_token')),
    refresh_token === null ? null : vault.open(refresh_token, pendingTokenContext(key, 'refresh_token')),
  ])
  return { accessToken, refreshToken }
}

/** Moves the pair of a pending grant to the active grant of the same owner, whose row is locked. */
async function takeOver(
  context: Pick<AccountsContext, 'vault' | 'timing'>,
  trx: Trx,
  active: GrantRow,
  pending: GrantRow,
  pair: TokenPair,
): Promise<void> {
  const key = { environmentId: active.environment_id, grantId: active.id }
  // A consent without a refresh token leaves the existing one valid (RFC 6749 section 6).
  const refreshToken =
    pair.refreshToken ??
    (await openIfReadable(context.vault, active.refresh_token, tokenContext(key, 'refresh_token', active.version)))
  await copyDescription(trx, active, pending)
  await store(context, trx, { ...key, status: 'active', version: active.version }, pending, {
    accessToken: pair.accessToken,
    refreshToken,
  })
}

async function store(
  context: Pick<AccountsContext, 'vault' | 'timing'>,
  trx: Trx,
  grant: GrantKey & { readonly status: 'pending' | 'active'; readonly version: number },
  pending: GrantRow,
  pair: TokenPair,
): Promise<void> {
  const { token_lifetime_seconds } = await trx
    .selectFrom('oauth_apps')
    .select('token_lifetime_seconds')
    .where('environment_id', '=', pending.environment_id)
    .where('id', '=', pending.oauth_app_id)
    .executeTakeFirstOrThrow()
  const remaining = pending.expires_in_seconds
  const stored = await storePair(context, trx, {
    ...grant,
    sealed: await sealPair(context.vault, grant, grant.version + 1, pair),
    issuedAt: pending.issued_at,
    expiresInSeconds: remaining === null ? null : Math.max(1, Math.floor(remaining)),
    learnedLifetimeSeconds: token_lifetime_seconds,
    verifyBy: pending.next_verify_at,
  })
  if (!stored) throw new Error(`the grant ${grant.grantId} changed while its row was locked`)
}

/** What is known of the owner and of the capabilities follows the newest consent. */
async function copyDescription(trx: Trx, active: GrantRow, pending: GrantRow): Promise<void> {
  await trx
    .updateTable('grants')
    .set({
      workspace_name: pending.workspace_name,
      workspace_icon_url: pending.workspace_icon_url,
      owner_name: pending.owner_name,
      owner_email: pending.owner_email,
      bot_id: pending.bot_id,
      capabilities: pending.capabilities,
      denied_capabilities: pending.denied_capabilities,
      requested_scopes: pending.requested_scopes,
      scopes: pending.scopes,
    })
    .where('environment_id', '=', active.environment_id)
    .where('id', '=', active.id)
    .execute()
}

async function deletePendingGrant(trx: Trx, { environmentId, grantId }: GrantKey): Promise<void> {
  await trx
    .deleteFrom('grants')
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .where('status', '=', 'pending')
    .execute()
}

const ownerOf = (row: GrantRow) => ({
  environmentId: row.environment_id,
  oauthAppId: row.oauth_app_id,
  workspaceId: row.workspace_id,
  providerUserId: row.provider_user_id,
})
