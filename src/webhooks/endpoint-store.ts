import { randomUUID } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import { type AuditAction, type AuditEntry, type AuditFields, recordAudit } from '../audit/audit-log.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { WebhookEndpointsTable } from '../db/tables.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { didYouMean } from '../did-you-mean.ts'
import { InvalidInputError, WebhookEndpointNotFoundError } from '../errors.ts'
import { checkInput, webhookEndpointRules } from '../input-rules.ts'
import type { Secret } from '../vault/secret.ts'
import type { SealingContext } from '../vault/vault.ts'
import type { WebhooksContext } from './context.ts'
import { webhookEventNames } from './events.ts'
import { newWebhookSecret } from './signature.ts'

/** Each event is stored once for every endpoint. */
const maxEndpoints = 20

/** Where an environment's events are sent. Its signing secret stays in the vault. */
export interface WebhookEndpoint {
  readonly id: string
  readonly environmentId: string
  readonly url: string
  /** Accepted types; null: all but those of connectors, also those that later releases add. */
  readonly events: readonly string[] | null
  /** Since when and why nothing is sent. Null: it is enabled. */
  readonly disabled: { readonly at: Date; readonly reason: string } | null
  /** Until when requests are also signed with the secret before the last rotation. */
  readonly previousSecretExpiresAt: Date | null
  readonly createdAt: Date
}

/** The fields that callers choose. An absent field is not changed. */
export interface WebhookEndpointInput {
  readonly url?: string | undefined
  readonly events?: readonly string[] | null | undefined
}

/** The sealing context of a signing secret. Each rotation increments the version. */
export function webhookSecretContext(environmentId: string, endpointId: string, version: number): SealingContext {
  return { environmentId, subject: endpointId, field: 'webhook_secret', version }
}

/** Creates an endpoint. The secret is returned only here. Throws InvalidInputError. */
export async function createWebhookEndpoint(
  context: WebhooksContext,
  environmentId: string,
  input: WebhookEndpointInput & { readonly url: string },
): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: Secret }> {
  checkEndpoint(context, input)
  const id = randomUUID()
  const secret = newWebhookSecret()
  const sealed = await context.vault.seal(secret, webhookSecretContext(environmentId, id, 1))
  const row = await context.db.transaction().execute(async (trx) => {
    // Creations wait for each other here, so that none counts too few.
    await trx.selectFrom('environments').select('id').where('id', '=', environmentId).forNoKeyUpdate().execute()
    const { count } = await trx
      .selectFrom('webhook_endpoints')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('environment_id', '=', environmentId)
      .executeTakeFirstOrThrow()
    if (count >= maxEndpoints) {
      const message = `an environment must have at most ${maxEndpoints} endpoints. Delete one with deleteWebhookEndpoint`
      throw new InvalidInputError([{ path: '', message }])
    }
    const inserted = await trx
      .insertInto('webhook_endpoints')
      .values({ id, environment_id: environmentId, url: input.url, events: uniqueEvents(input.events), secret: sealed })
      .returning(endpointColumns)
      .executeTakeFirstOrThrow()
    const created = toEndpoint(inserted)
    await recordAudit(trx, context.actor, { ...act('webhook_endpoint.created', created), after: auditFields(created) })
    return inserted
  })
  return { endpoint: toEndpoint(row), secret }
}

/** What the audit log shows of an act on an endpoint. */
const act = (
  action: AuditAction,
  { environmentId, id }: Pick<WebhookEndpoint, 'environmentId' | 'id'>,
): AuditEntry => ({
  environmentId,
  action,
  target: `WebhookEndpoint:${id}`,
})

const auditFields = ({ url, events, disabled }: WebhookEndpoint): AuditFields => ({
  url,
  events,
  enabled: disabled === null,
})

/**
 * Changes an endpoint. `enabled` false discards what waits for delivery; true ends a disablement and a pause that the receiver
 * asked for. What waits is then due at once, and for another URL, too. Throws InvalidInputError and
 * WebhookEndpointNotFoundError.
 */
export async function updateWebhookEndpoint(
  context: Omit<WebhooksContext, 'vault'>,
  environmentId: string,
  id: string,
  changes: WebhookEndpointInput & { readonly enabled?: boolean | undefined },
): Promise<WebhookEndpoint> {
  checkEndpoint(context, changes)
  const { url, events, enabled } = changes
  return context.db.transaction().execute(async (trx) => {
    const before = await lockEndpoint(trx, environmentId, id)
    // The receiver can take events again, or is another one.
    const isDue = enabled === true || (url !== undefined && url !== before.url)
    const row = await trx
      .updateTable('webhook_endpoints')
      .set({
        // An update needs a change.
        id,
        ...(url !== undefined && { url }),
        ...(events !== undefined && { events: uniqueEvents(events) }),
        ...(enabled === true && { disabled_at: null, disabled_reason: null }),
        ...(isDue && { paused_until: null }),
        ...(enabled === false && {
          disabled_at: sql<Date>`coalesce(disabled_at, ${currentTime})`,
          disabled_reason: sql<string>`coalesce(disabled_reason, 'Disabled with updateWebhookEndpoint.')`,
        }),
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .returning(endpointColumns)
      .executeTakeFirstOrThrow()
    if (isDue)
      await trx
        .updateTable('webhook_deliveries')
        .set({ next_attempt_at: currentTime })
        .where('environment_id', '=', environmentId)
        .where('endpoint_id', '=', id)
        .where('status', '=', 'PENDING')
        .where('next_attempt_at', '>', currentTime)
        .where('lease', 'is', null)
        .execute()
    const changed = toEndpoint(row)
    await recordAudit(trx, context.actor, {
      ...act('webhook_endpoint.updated', changed),
      before: auditFields(before),
      after: auditFields(changed),
    })
    return changed
  })
}

/** Returns an endpoint and locks its row. Throws WebhookEndpointNotFoundError. */
async function lockEndpoint(trx: Trx, environmentId: string, id: string): Promise<WebhookEndpoint> {
  const row = await trx
    .selectFrom('webhook_endpoints')
    .select(endpointColumns)
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!row) throw new WebhookEndpointNotFoundError()
  return toEndpoint(row)
}

/** Stops sending to an endpoint, for a reason that its receiver reported. */
export async function disableWebhookEndpoint(db: Db, environmentId: string, id: string, reason: string): Promise<void> {
  await db
    .updateTable('webhook_endpoints')
    .set({ disabled_at: currentTime, disabled_reason: reason })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .where('disabled_at', 'is', null)
    .execute()
}

/** Sends nothing to an endpoint for so many milliseconds from now. */
export async function pauseWebhookEndpoint(db: Db, environmentId: string, id: string, pauseMs: number): Promise<void> {
  await db
    .updateTable('webhook_endpoints')
    .set({ paused_until: inSeconds(pauseMs / 1000) })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .execute()
}

/** Deletes an endpoint with its deliveries, in batches. Throws WebhookEndpointNotFoundError. */
export async function deleteWebhookEndpoint(
  context: WebhooksContext,
  environmentId: string,
  id: string,
): Promise<void> {
  const { db } = context
  // Nothing new is queued for a disabled endpoint.
  const endpoint = await updateWebhookEndpoint(context, environmentId, id, { enabled: false })
  const deliveries = db
    .selectFrom('webhook_deliveries')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('endpoint_id', '=', id)
  await deleteInBatches(db, 'webhook_deliveries', 'id', deliveries)
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('webhook_endpoints').where('environment_id', '=', environmentId).where('id', '=', id).execute()
    await recordAudit(trx, context.actor, {
      ...act('webhook_endpoint.deleted', endpoint),
      before: auditFields(endpoint),
    })
  })
}

/**
 * Replaces an endpoint's secret. For `overlapSeconds` requests are signed with the old one too; 0 ends it at once. The new
 * secret is returned only here. Throws InvalidInputError and WebhookEndpointNotFoundError.
 */
export async function rotateWebhookSecret(
  context: WebhooksContext,
  environmentId: string,
  id: string,
  overlapSeconds: number,
): Promise<{ readonly endpoint: WebhookEndpoint; readonly secret: Secret }> {
  const secret = newWebhookSecret()
  const row = await context.db.transaction().execute(async (trx) => {
    const before = await trx
      .selectFrom('webhook_endpoints')
      .select(['version', 'secret'])
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!before) throw new WebhookEndpointNotFoundError()
    const version = before.version + 1
    const rotated = await trx
      .updateTable('webhook_endpoints')
      .set({
        version,
        secret: await context.vault.seal(secret, webhookSecretContext(environmentId, id, version)),
        previous_secret: overlapSeconds > 0 ? before.secret : null,
        previous_secret_expires_at: overlapSeconds > 0 ? inSeconds(overlapSeconds) : null,
      })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .returning(endpointColumns)
      .executeTakeFirstOrThrow()
    await recordAudit(trx, context.actor, {
      ...act('webhook_endpoint.secret_rotated', { environmentId, id }),
      after: { overlapSeconds },
    })
    return rotated
  })
  return { endpoint: toEndpoint(row), secret }
}

/** Returns the environment's endpoints, oldest first. */
export async function listWebhookEndpoints(db: Db, environmentId: string): Promise<readonly WebhookEndpoint[]> {
  const rows = await db
    .selectFrom('webhook_endpoints')
    .select(endpointColumns)
    .where('environment_id', '=', environmentId)
    .orderBy('created_at')
    .execute()
  return rows.map(toEndpoint)
}

/** Returns the environment's endpoints with these ids, in no particular order. */
export async function findWebhookEndpointsById(
  db: Db,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly WebhookEndpoint[]> {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom('webhook_endpoints')
    .select(endpointColumns)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toEndpoint)
}

/** An endpoint as an attempt needs it. */
export interface OpenedWebhookEndpoint {
  readonly url: string
  readonly disabled: boolean
  /** The current secret, and the one before it while both are valid. */
  readonly secrets: readonly Secret[]
}

/** Opens an endpoint for one attempt. Null when it was deleted. */
export async function openWebhookEndpoint(
  { db, vault }: Pick<WebhooksContext, 'db' | 'vault'>,
  environmentId: string,
  id: string,
): Promise<OpenedWebhookEndpoint | null> {
  const row = await db
    .selectFrom('webhook_endpoints')
    .select(['url', 'disabled_at', 'version', 'secret'])
    .select(
      sql<string | null>`case when previous_secret_expires_at > ${currentTime} then previous_secret end`.as('previous'),
    )
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) return null
  const secrets = [await vault.open(row.secret, webhookSecretContext(environmentId, id, row.version))]
  if (row.previous !== null) {
    secrets.push(await vault.open(row.previous, webhookSecretContext(environmentId, id, row.version - 1)))
  }
  return { url: row.url, disabled: row.disabled_at !== null, secrets }
}

/** Erases secrets whose overlap is over. */
export async function erasePreviousSecrets(db: Db): Promise<void> {
  await db
    .updateTable('webhook_endpoints')
    .set({ previous_secret: null, previous_secret_expires_at: null })
    .where('previous_secret_expires_at', '<=', currentTime)
    .execute()
}

function checkEndpoint(
  { guard, providerEventTypes }: Omit<WebhooksContext, 'vault'>,
  input: WebhookEndpointInput,
): void {
  checkInput(webhookEndpointRules, input)
  const names = [...webhookEventNames, ...Object.keys(providerEventTypes)]
  const issues = (input.events ?? []).flatMap((name, at) =>
    names.includes(name) ? [] : [{ path: `events.${at}`, message: `unknown event type.${didYouMean(name, names)}` }],
  )
  const problem = input.url === undefined ? null : guard.problemOf(new URL(input.url))
  if (problem !== null) issues.unshift({ path: 'url', message: problem })
  if (issues.length > 0) throw new InvalidInputError(issues)
}

const uniqueEvents = (events: readonly string[] | null | undefined) => (events ? [...new Set(events)] : null)

const endpointColumns = [
  'id',
  'environment_id',
  'url',
  'events',
  'disabled_at',
  'disabled_reason',
  sql<Date | null>`case when previous_secret_expires_at > clock_timestamp() then previous_secret_expires_at end`.as(
    'previous_secret_expires_at',
  ),
  'created_at',
] as const

function toEndpoint(
  row: Pick<
    Selectable<WebhookEndpointsTable>,
    | 'id'
    | 'environment_id'
    | 'url'
    | 'events'
    | 'disabled_at'
    | 'disabled_reason'
    | 'previous_secret_expires_at'
    | 'created_at'
  >,
): WebhookEndpoint {
  return {
    id: row.id,
    environmentId: row.environment_id,
    url: row.url,
    events: row.events,
    disabled: row.disabled_at && { at: row.disabled_at, reason: row.disabled_reason ?? '' },
    previousSecretExpiresAt: row.previous_secret_expires_at,
    createdAt: row.created_at,
  }
}
