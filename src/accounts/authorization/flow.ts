import { sql } from 'kysely'
import * as z from 'zod'
import type { Db } from '../../db/database.ts'
import { type BoundValues, isBound, notBound } from '../../vault/row-binding.ts'
import type { SealingContext } from '../../vault/vault.ts'
import { type MissingResource, missingResourcesSchema } from '../connected-account.ts'
import type { AccountsContext } from '../context.ts'
import type { AccountStatus } from '../status.ts'
import { withOutcome } from './return-url.ts'

/** A page or database that the application asks its user to select. */
export interface ExpectedResource {
  readonly name: string
  readonly reason: string | null
  /** The provider's id, where the application knows it. Without it the resource is looked up by its title. */
  readonly resourceId: string | null
}

const expectedResourcesSchema: z.ZodType<readonly ExpectedResource[]> = z.array(
  z.object({ name: z.string(), reason: z.string().nullable(), resourceId: z.string().nullable() }),
)

/** One authorization, from link to confirmation. */
export interface Flow {
  readonly id: string
  readonly environmentId: string
  readonly oauthAppId: string
  readonly accountId: string
  /** The pending grant that the consent brought; null before the exchange. */
  readonly grantId: string | null
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
  'authorization_flows.grant_id',
  'authorization_flows.return_url',
  'authorization_flows.application_state',
  'authorization_flows.expected_resources',
  'authorization_flows.missing_resources',
  'authorization_flows.allow_user_change',
  'authorization_flows.link_hash',
  'authorization_flows.browser_hash',
  'authorization_flows.binding',
] as const

/** A row of {@link flowColumns}. */
export interface FlowRow {
  readonly id: string
  readonly environment_id: string
  readonly oauth_app_id: string
  readonly account_id: string
  readonly grant_id: string | null
  readonly return_url: string | null
  readonly application_state: string | null
  readonly expected_resources: unknown
  readonly missing_resources: unknown
  readonly allow_user_change: boolean
  readonly link_hash: string
  readonly browser_hash: string | null
  readonly binding: string | null
}

/** Converts a row of {@link flowColumns}. */
export function toFlow(row: FlowRow): Flow {
  return {
    id: row.id,
    environmentId: row.environment_id,
    oauthAppId: row.oauth_app_id,
    accountId: row.account_id,
    grantId: row.grant_id,
    returnUrl: row.return_url,
    applicationState: row.application_state,
    expectedResources: expectedResourcesSchema.parse(row.expected_resources),
    missingResources: missingResourcesSchema.parse(row.missing_resources),
    allowUserChange: row.allow_user_change,
  }
}

/**
 * The values that the binding of a flow covers: what its application asked for, and the browser that a node of release 0.1
 * bound. Its times and its stage are not bound: they shorten or prolong what only the holder of its link can do.
 */
export const flowValues = (row: Omit<FlowRow, 'grant_id' | 'missing_resources' | 'binding'>): BoundValues => [
  row.id,
  row.environment_id,
  row.oauth_app_id,
  row.account_id,
  row.link_hash,
  row.browser_hash,
  row.return_url,
  row.application_state,
  row.allow_user_change,
  ...expectedResourcesSchema
    .parse(row.expected_resources)
    .map(({ name, reason, resourceId }) => [name, reason, resourceId]),
]

/** Whether a flow is as its application asked for it. Logs an error when another program wrote it. */
export function isBoundFlow({ bindingKey, log }: Pick<AccountsContext, 'bindingKey' | 'log'>, row: FlowRow): boolean {
  if (isBound(bindingKey, 'authorization_flows', flowValues(row), row.binding)) return true
  log.error({ err: notBound('authorization_flows', row.id), flow: row.id }, 'refused an authorization')
  return false
}

/** Whether a flow's time is up, by the database's clock. */
export const isExpired = sql<boolean>`authorization_flows.expires_at <= clock_timestamp()`

/** Whether a flow waits for its user or for the application: the condition of an index, which parameters would not match. */
export const isOpen = sql<boolean>`stage in ('opened', 'exchanging', 'consented', 'awaiting_confirmation')`

/** The stages of a flow whose tokens wait for the confirmation. Nodes of the previous release write the second one. */
export const waitingStages = ['consented', 'awaiting_confirmation'] as const

/** The context that a flow's PKCE code verifier is sealed for. */
export function codeVerifierContext(flow: Pick<Flow, 'id' | 'environmentId'>): SealingContext {
  return { environmentId: flow.environmentId, subject: flow.id, field: 'code_verifier', version: 1 }
}

/** Returns the current status of a flow's account, or null when the account is gone. */
export async function accountStatus(db: Db, flow: Flow): Promise<AccountStatus | null> {
  const row = await db
    .selectFrom('connected_accounts')
    .select('status')
    .where('environment_id', '=', flow.environmentId)
    .where('id', '=', flow.accountId)
    .executeTakeFirst()
  return row?.status ?? null
}

/**
 * Returns the URL that leads a user of an expired flow back to the application, with the error `expired`. Null where the
 * application gave no return URL.
 */
export async function expiredReturnUrl({ db }: Pick<AccountsContext, 'db'>, flow: Flow): Promise<string | null> {
  if (flow.returnUrl === null) return null
  const status = await accountStatus(db, flow)
  if (status === null) return null
  return withOutcome(flow.returnUrl, flow.applicationState, { status, error: 'expired', missing: [] })
}
