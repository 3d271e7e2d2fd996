import { sql } from 'kysely'
import { z } from 'zod'
import type { Db, Trx } from '../../db/database.ts'
import { Secret } from '../../vault/secret.ts'
import type { SealingContext, Vault } from '../../vault/vault.ts'
import type { Capability } from '../capability.ts'
import type { MissingResource } from '../connected-account.ts'
import type { NewGrant } from '../grants/keep-grant.ts'
import type { GrantOwner, TokenSet } from '../provider.ts'
import type { AccountStatus } from '../status.ts'

/** A page or database that the application asks its user to choose. */
export interface ExpectedResource {
  readonly name: string
  readonly reason: string | null
  /** The provider's id, where the application knows it: only then can be checked whether the consent brought it. */
  readonly resourceId: string | null
}

/** What every step of an authorization knows about it. */
export interface Flow {
  readonly id: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly accountId: string
  readonly returnUrl: string | null
  readonly applicationState: string | null
  readonly expectedResources: readonly ExpectedResource[]
  readonly missingResources: readonly MissingResource[]
  readonly allowUserChange: boolean
}

/** The columns of a {@link Flow}. */
export const flowColumns = [
  'authorization_flows.id',
  'authorization_flows.environment_id',
  'authorization_flows.oauth_app_id',
  'authorization_flows.account_id',
  'authorization_flows.return_url',
  'authorization_flows.application_state',
  'authorization_flows.expected_resources',
  'authorization_flows.missing_resources',
  'authorization_flows.allow_user_change',
] as const

/** A row of {@link flowColumns}. */
export interface FlowRow {
  readonly id: string
  readonly environment_id: string
  readonly oauth_app_id: string
  readonly account_id: string
  readonly return_url: string | null
  readonly application_state: string | null
  readonly expected_resources: readonly ExpectedResource[]
  readonly missing_resources: readonly MissingResource[]
  readonly allow_user_change: boolean
}

/** Makes a {@link Flow} of its row. */
export function toFlow(row: FlowRow): Flow {
  return {
    id: row.id,
    environmentId: row.environment_id,
    oauthAppId: row.oauth_app_id,
    accountId: row.account_id,
    returnUrl: row.return_url,
    applicationState: row.application_state,
    expectedResources: row.expected_resources,
    missingResources: row.missing_resources,
    allowUserChange: row.allow_user_change,
  }
}

/** Whether a flow's time is up, by the database's clock. */
export const isExpired = sql<boolean>`authorization_flows.expires_at <= clock_timestamp()`

/** What came with a consent and waits, sealed, for the application to confirm whose it is. */
export interface PendingGrant {
  readonly tokens: Omit<TokenSet, 'expiresInSeconds'>
  /** When the code was exchanged, by the database's clock. */
  readonly issuedAt: Date
  /** Null where the provider does not say. */
  readonly expiresAt: Date | null
  /** What the OAuth app was said to have when the user consented. */
  readonly capabilities: readonly Capability[]
  /** Those of them that the provider refused right after it. */
  readonly deniedCapabilities: readonly Capability[]
  readonly requestedScopes: readonly string[]
  readonly scopes: readonly string[]
  readonly owner: GrantOwner
}

const pendingSchema = z.object({
  accessToken: z.string(),
  refreshToken: z.string().nullable(),
  issuedAt: z.coerce.date(),
  expiresAt: z.coerce.date().nullable(),
  capabilities: z.array(z.string()),
  // Absent in what a node of an older release has sealed during a rolling upgrade.
  deniedCapabilities: z.array(z.string()).default([]),
  requestedScopes: z.array(z.string()).default([]),
  scopes: z.array(z.string()).default([]),
  owner: z.object({
    providerUserId: z.string(),
    workspaceId: z.string(),
    workspaceName: z.string().nullable(),
    workspaceIconUrl: z.string().nullable(),
    ownerName: z.string().nullable(),
    ownerEmail: z.string().nullable(),
    botId: z.string().nullable(),
  }),
})

/** Seals a pending grant for its flow alone: no path that opens tokens for tools asks for this field. */
export function sealPending(vault: Vault, flow: Flow, pending: PendingGrant): Promise<string> {
  const { tokens, ...rest } = pending
  const text = JSON.stringify({
    ...rest,
    accessToken: tokens.accessToken.reveal(),
    refreshToken: tokens.refreshToken?.reveal() ?? null,
  })
  return vault.seal(new Secret(text), sealingContext(flow, 'pending_tokens'))
}

/** Opens what {@link sealPending} sealed. */
export async function openPending(vault: Vault, flow: Flow, sealed: string): Promise<PendingGrant> {
  const text = await vault.open(sealed, sealingContext(flow, 'pending_tokens'))
  const { accessToken, refreshToken, ...rest } = pendingSchema.parse(JSON.parse(text.reveal()))
  return {
    ...rest,
    tokens: {
      accessToken: new Secret(accessToken),
      refreshToken: refreshToken === null ? null : new Secret(refreshToken),
    },
  }
}

/** The grant that a pending one becomes, its expiry counted from now. */
export async function newGrant(
  db: Db | Trx,
  { environmentId, oauthAppId }: Pick<Flow, 'environmentId' | 'oauthAppId'>,
  { tokens, expiresAt, ...pending }: PendingGrant,
): Promise<NewGrant> {
  const now = await databaseNow(db)
  const expiresInSeconds = expiresAt && Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000))
  return { ...pending, environmentId, oauthAppId, tokens: { ...tokens, expiresInSeconds } }
}

/** What one of a flow's secrets is sealed for. */
export function sealingContext(
  flow: Pick<Flow, 'id' | 'environmentId'>,
  field: 'pending_tokens' | 'code_verifier',
): SealingContext {
  return { environmentId: flow.environmentId, subject: flow.id, field, version: 1 }
}

/** The database's time. */
export async function databaseNow(db: Db | Trx): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const now = rows[0]?.now
  if (!now) throw new Error('The database gave no time.')
  return now
}

/** The status that the account of a flow has now; null when the account is gone. */
export async function accountStatus(db: Db, flow: Flow): Promise<AccountStatus | null> {
  const row = await db
    .selectFrom('connected_accounts')
    .select('status')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .executeTakeFirst()
  return (row?.status as AccountStatus | undefined) ?? null
}
