import { randomUUID } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import { type AuditFields, recordAudit } from '../audit/audit-log.ts'
import type { Db, Trx } from '../db/database.ts'
import { anyOf, inEnvironment } from '../db/found-by-id.ts'
import type { ApiKeysTable } from '../db/tables.ts'
import { currentTime } from '../db/time.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../errors.ts'
import { apiKeyRules, checkInput, narrowingRules } from '../input-rules.ts'
import { bindingOf, requireBound } from '../vault/row-binding.ts'
import type { Secret } from '../vault/secret.ts'
import { apiKeyHmac, newApiKey } from './api-key-format.ts'
import { apiKeyValues, boundApiKey, boundApiKeyColumns } from './bound-api-key.ts'
import type { EnvironmentsContext } from './context.ts'
import { type Narrowing, notNarrowed, parseNarrowing, storedNarrowing, widerFields } from './narrowing.ts'
import { parseScopes, type Scope, storedScopes } from './viewer.ts'

/** An API key without the key itself. */
export interface ApiKey {
  readonly id: string
  readonly environmentId: string
  readonly name: string
  /** The beginning of the key, to recognize it. */
  readonly prefix: string
  /** As created; ADMIN includes all. */
  readonly scopes: readonly Scope[]
  /** Null: narrowed by a newer release, in a way that this one does not know. The key is then refused. */
  readonly narrowing: Narrowing | null
  readonly createdAt: Date
  /** Accurate to the minute. */
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/** The properties of a new API key. */
export interface NewApiKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
  /** Absent: not narrowed. */
  readonly narrowing?: Narrowing
}

/**
 * Creates an API key. The secret is returned only here. The caller must be an ADMIN, so that no key creates one with more
 * scopes than its own; `within` is the caller's narrowing, so that none creates a wider one. Throws InvalidInputError.
 */
export async function createApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'apiKeyPepper' | 'bindingKey' | 'actor'>,
  environmentId: string,
  input: NewApiKey,
  within: Narrowing = notNarrowed,
): Promise<{ readonly apiKey: ApiKey; readonly secret: Secret }> {
  const { db } = context
  const { name } = checkInput(apiKeyRules, input)
  const narrowing = checkNarrowing(input.narrowing ?? notNarrowed, within, 'the API key that creates it')
  const stored = storedNarrowing(narrowing)
  const environment = await db
    .selectFrom('environments')
    .select(['name', currentTime.as('now')])
    .where('id', '=', environmentId)
    .executeTakeFirstOrThrow()
  if (input.expiresAt && !(input.expiresAt.getTime() > environment.now.getTime())) {
    throw new InvalidInputError([{ path: 'expiresAt', message: 'must be in the future' }])
  }
  const { secret, prefix } = newApiKey(environment.name)
  const apiKey = await db.transaction().execute(async (trx) => {
    const created = await insertApiKey(context, trx, secret, {
      environment_id: environmentId,
      name,
      prefix,
      scopes: storedScopes(input.scopes, stored !== null),
      narrowing: stored,
      bootstrap: false,
      expires_at: input.expiresAt,
    })
    if (created === null) throw new Error('A generated API key exists already.')
    return created
  })
  return { apiKey, secret }
}

/** What a new row has next to the key itself. */
interface NewRow {
  readonly environment_id: string
  readonly name: string
  readonly prefix: string
  readonly scopes: string[]
  readonly narrowing: string | null
  readonly bootstrap: boolean
  readonly expires_at: Date | null
}

/** Stores a key, and records it in the audit log. Null when the key is stored already; nothing is changed then. */
export async function insertApiKey(
  { apiKeyPepper, bindingKey, actor }: Pick<EnvironmentsContext, 'apiKeyPepper' | 'bindingKey' | 'actor'>,
  trx: Trx,
  secret: Secret,
  values: NewRow,
): Promise<ApiKey | null> {
  const hmac = apiKeyHmac(apiKeyPepper, secret.reveal())
  // A secret leads to one key, in whichever environment. No constraint can hold this, because those lead with the environment.
  await sql`select pg_advisory_xact_lock(hashtextextended(${hmac}, 0))`.execute(trx)
  const stored = await trx.selectFrom('api_keys').select('id').where('secret_hmac', '=', hmac).executeTakeFirst()
  if (stored) return null
  const row = await trx
    .insertInto('api_keys')
    .values(boundApiKey(bindingKey, { ...values, id: randomUUID(), secret_hmac: hmac }))
    .onConflict((conflict) => conflict.doNothing())
    .returning(apiKeyColumns)
    .executeTakeFirst()
  if (!row) return null
  const created = toApiKey(row)
  const after = { ...auditFields(created), ...(values.bootstrap && { bootstrap: true }) }
  await recordAudit(trx, actor, { ...act(created), action: 'api_key.created', after })
  return created
}

/** Returns the row of a key, revoked or not; null when it is not stored. */
export async function findApiKey(
  { db, apiKeyPepper }: { readonly db: Db } & Pick<EnvironmentsContext, 'apiKeyPepper'>,
  secret: Secret,
): Promise<(ApiKey & { readonly bootstrap: boolean }) | null> {
  const row = await db
    .selectFrom('api_keys')
    .select([...apiKeyColumns, 'bootstrap'])
    .where('secret_hmac', '=', apiKeyHmac(apiKeyPepper, secret.reveal()))
    .executeTakeFirst()
  return row ? { ...toApiKey(row), bootstrap: row.bootstrap } : null
}

/**
 * Returns the environment's API keys: those that can be used, then revoked and expired ones, each newest first. At most 1000, so
 * that keys with a short life, of which there may be thousands, do not hide one that can be used.
 */
export async function listApiKeys(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
): Promise<readonly ApiKey[]> {
  const rows = await context.db
    .selectFrom('api_keys')
    .select(apiKeyColumns)
    .where('environment_id', '=', environmentId)
    .orderBy(sql`revoked_at is not null or coalesce(expires_at <= ${currentTime}, false)`)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1000)
    .execute()
  return rows.map(toApiKey)
}

/** Returns the environment's API keys with these ids, in no particular order. */
export async function findApiKeysById(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly ApiKey[]> {
  if (ids.length === 0) return []
  const rows = await context.db
    .selectFrom('api_keys')
    .select(apiKeyColumns)
    .where(inEnvironment('environment_id', environmentId))
    .where('id', '=', anyOf('uuid', ids))
    .execute()
  return rows.map(toApiKey)
}

/**
 * Revokes an API key and the user sessions that were created with it. Revoking it again changes nothing. Throws
 * ApiKeyNotFoundError, also for a key that is wider than `within`, the caller's narrowing.
 */
export async function revokeApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'actor'>,
  environmentId: string,
  id: string,
  within: Narrowing = notNarrowed,
): Promise<ApiKey> {
  return context.db.transaction().execute(async (trx) => {
    const key = await lockApiKey(trx, environmentId, id, within)
    if (key.revokedAt !== null) return key
    const row = await trx
      .updateTable('api_keys')
      .set({ revoked_at: currentTime })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .returning(apiKeyColumns)
      .executeTakeFirstOrThrow()
    const revoked = toApiKey(row)
    await recordAudit(trx, context.actor, {
      ...act(key),
      action: 'api_key.revoked',
      before: auditFields(key),
      after: auditFields(revoked),
    })
    return revoked
  })
}

/**
 * Narrows an API key. An absent field stays as it is; the others must be within what the key permits now. Streams that were
 * opened with the key, or with its user sessions, end. Throws InvalidInputError and ApiKeyNotFoundError, and a VaultError when
 * another program than this server wrote what the key may do.
 */
export async function narrowApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'bindingKey' | 'actor'>,
  environmentId: string,
  id: string,
  changes: Partial<Narrowing>,
  within: Narrowing = notNarrowed,
): Promise<ApiKey> {
  return context.db.transaction().execute(async (trx) => {
    const key = await lockApiKey(trx, environmentId, id, within)
    if (key.narrowing === null)
      throw new InvalidInputError([{ path: 'id', message: 'must not be an API key that a newer release has narrowed' }])
    const narrowing = checkNarrowing({ ...key.narrowing, ...changes }, key.narrowing, 'what the key permits now')
    const stored = storedNarrowing(narrowing)
    const scopes = storedScopes(key.scopes, stored !== null)
    const before = await trx
      .selectFrom('api_keys')
      .select(boundApiKeyColumns)
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    requireBound(context.bindingKey, 'api_keys', apiKeyValues(before), before.binding)
    const values = apiKeyValues({ ...before, narrowing: stored, scopes })
    const row = await trx
      .updateTable('api_keys')
      .set({ narrowing: stored, scopes, binding: bindingOf(context.bindingKey, 'api_keys', values) })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .returning(apiKeyColumns)
      .executeTakeFirstOrThrow()
    await recordAudit(trx, context.actor, {
      ...act(key),
      action: 'api_key.narrowed',
      before: auditFields(key),
      after: auditFields(toApiKey(row)),
    })
    return toApiKey(row)
  })
}

/** Checks the syntax of a narrowing, and that it permits nothing that `within` does not. Throws InvalidInputError. */
function checkNarrowing(narrowing: Narrowing, within: Narrowing, called: string): Narrowing {
  checkInput(narrowingRules, narrowing)
  const wider = widerFields(narrowing, within)
  if (wider.length === 0) return narrowing
  throw new InvalidInputError(wider.map((path) => ({ path, message: `must be within ${called}` })))
}

/** Whether a key permits nothing that a narrowing does not: a narrowed key sees and revokes only such keys. */
export const isWithin = ({ narrowing }: ApiKey, within: Narrowing): boolean =>
  storedNarrowing(within) === null || (narrowing !== null && widerFields(narrowing, within).length === 0)

/** Returns a key and locks its row. Throws ApiKeyNotFoundError. */
async function lockApiKey(trx: Trx, environmentId: string, id: string, within: Narrowing): Promise<ApiKey> {
  const row = await trx
    .selectFrom('api_keys')
    .select(apiKeyColumns)
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  const key = row && toApiKey(row)
  if (!key || !isWithin(key, within)) throw new ApiKeyNotFoundError()
  return key
}

/** The environment and the target of an act on a key. */
export const act = ({ id, environmentId }: ApiKey) => ({ environmentId, target: `ApiKey:${id}` })

/** What the audit log holds of a key. */
export const auditFields = ({
  id: _id,
  environmentId: _env,
  createdAt: _at,
  lastUsedAt: _used,
  ...fields
}: ApiKey): AuditFields => fields

export const apiKeyColumns = [
  'id',
  'environment_id',
  'name',
  'prefix',
  'scopes',
  'narrowing',
  'created_at',
  'last_used_at',
  'expires_at',
  'revoked_at',
] as const

export function toApiKey(row: Pick<Selectable<ApiKeysTable>, (typeof apiKeyColumns)[number]>): ApiKey {
  return {
    id: row.id,
    environmentId: row.environment_id,
    name: row.name,
    prefix: row.prefix,
    scopes: parseScopes(row.scopes),
    narrowing: parseNarrowing(row.narrowing),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}
