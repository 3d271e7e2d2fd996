import { sql } from 'kysely'
import { ApiKeyNotFoundError, type InputIssue, InvalidInputError } from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import { apiKeyHmac, isMistypedApiKey, newApiKey } from './api-key-format.ts'
import type { EnvironmentsContext } from './context.ts'
import { ensureEnvironment } from './environment-store.ts'
import { type Scope, scopes } from './viewer.ts'

/** An API key as it may be shown: everything but the key. */
export interface ApiKey {
  readonly id: string
  readonly environmentId: string
  readonly name: string
  /** The beginning of the key, to recognise it by. */
  readonly prefix: string
  /** As they were given; ADMIN stands for all. */
  readonly scopes: readonly Scope[]
  readonly createdAt: Date
  /** To the minute. */
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/** What a new API key is to be. */
export interface NewApiKey {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
}

/**
 * Creates an API key. The secret is given here and never again. Only an ADMIN may be let through to this, so that no key
 * makes one that may do more than itself. Fails with InvalidInputError.
 */
export async function createApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'apiKeyPepper'>,
  environmentId: string,
  input: NewApiKey,
): Promise<{ readonly apiKey: ApiKey; readonly secret: Secret }> {
  const { db, apiKeyPepper } = context
  const environment = await db
    .selectFrom('environments')
    .select(['name', sql<Date>`clock_timestamp()`.as('now')])
    .where('id', '=', environmentId)
    .executeTakeFirstOrThrow()
  const name = input.name.trim()
  const issues: InputIssue[] = []
  if (name === '' || name.length > 100) issues.push({ path: 'name', message: 'must have 1 to 100 characters' })
  else if (/\p{Cc}/u.test(name)) issues.push({ path: 'name', message: 'must hold no control characters' })
  if (input.scopes.length === 0) issues.push({ path: 'scopes', message: 'must name at least one scope' })
  if (input.expiresAt && !(input.expiresAt.getTime() > environment.now.getTime())) {
    issues.push({ path: 'expiresAt', message: 'must be in the future' })
  }
  if (issues.length > 0) throw new InvalidInputError(issues)
  const { secret, prefix } = newApiKey(environment.name)
  const row = await db
    .insertInto('api_keys')
    .values({
      environment_id: environmentId,
      name,
      prefix,
      secret_hmac: apiKeyHmac(apiKeyPepper, secret.reveal()),
      scopes: [...new Set(input.scopes)],
      expires_at: input.expiresAt,
    })
    .returning(apiKeyColumns)
    .executeTakeFirstOrThrow()
  return { apiKey: toApiKey(row), secret }
}

/** The environment's API keys, newest first, revoked and expired ones included; at most 1000. */
export async function listApiKeys(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
): Promise<readonly ApiKey[]> {
  const rows = await context.db
    .selectFrom('api_keys')
    .select(apiKeyColumns)
    .where('environment_id', '=', environmentId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1000)
    .execute()
  return rows.map(toApiKey)
}

/** The API keys with these ids that belong to the environment, in no particular order. */
export async function findApiKeysById(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
  ids: readonly string[],
): Promise<readonly ApiKey[]> {
  if (ids.length === 0) return []
  const rows = await context.db
    .selectFrom('api_keys')
    .select(apiKeyColumns)
    .where('environment_id', '=', environmentId)
    .where('id', 'in', ids)
    .execute()
  return rows.map(toApiKey)
}

/**
 * Revokes an API key, and with it the user sessions that were made with it. Revoking it again changes nothing.
 * Fails with ApiKeyNotFoundError.
 */
export async function revokeApiKey(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
  id: string,
): Promise<ApiKey> {
  const row = await context.db
    .updateTable('api_keys')
    .set({ revoked_at: sql`coalesce(revoked_at, clock_timestamp())` })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .returning(apiKeyColumns)
    .executeTakeFirst()
  if (!row) throw new ApiKeyNotFoundError()
  return toApiKey(row)
}

/** The name by which the bootstrap key is listed. */
const bootstrapName = 'bootstrap'

/**
 * Sees to it that the operator's ADMIN key of an environment exists. `key` may be any text without blanks that the
 * operator chose. Null stands for "none chosen": a key is then generated once, and `generated` is it, to be printed; on
 * later starts it is there already and `generated` is null, unless it was revoked.
 *
 * A chosen key takes the place of the bootstrap key before it, which is revoked: whoever changes a leaked one in the
 * configuration expects the old one to be dead. A key that was revoked over the API stays revoked; see `revokedAt`.
 * Fails with InvalidInputError.
 */
export async function ensureBootstrapApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'apiKeyPepper'>,
  environmentName: string,
  key: Secret | null,
): Promise<{ readonly apiKey: ApiKey; readonly generated: Secret | null }> {
  const chosen = key?.reveal()
  if (chosen !== undefined && !/^[\x21-\x7e]{1,512}$/.test(chosen)) {
    throw new InvalidInputError([
      { path: 'bootstrapApiKey', message: 'must have 1 to 512 printable ASCII characters and no blanks' },
    ])
  }
  if (chosen !== undefined && isMistypedApiKey(chosen)) {
    throw new InvalidInputError([
      {
        path: 'bootstrapApiKey',
        message: 'looks like an API key of Valetkey, and its checksum says that it is mistyped',
      },
    ])
  }
  const environment = await ensureEnvironment(context.db, environmentName)
  return context.db.transaction().execute(async (trx) => {
    // Nodes that start at once take their turns here: two of them must not generate two keys.
    await trx.selectFrom('environments').select('id').where('id', '=', environment.id).forUpdate().execute()
    const bootstrapKeys = trx
      .selectFrom('api_keys')
      .select(apiKeyColumns)
      .where('environment_id', '=', environment.id)
      .where('bootstrap', '=', true)
    if (chosen === undefined) {
      const existing = await bootstrapKeys
        .where('revoked_at', 'is', null)
        .orderBy('created_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (existing) return { apiKey: toApiKey(existing), generated: null }
    }
    const fresh =
      chosen === undefined ? newApiKey(environmentName) : { secret: new Secret(chosen), prefix: masked(chosen) }
    const hmac = apiKeyHmac(context.apiKeyPepper, fresh.secret.reveal())
    await trx
      .updateTable('api_keys')
      .set({ revoked_at: sql`clock_timestamp()` })
      .where('environment_id', '=', environment.id)
      .where('bootstrap', '=', true)
      .where('secret_hmac', '<>', hmac)
      .where('revoked_at', 'is', null)
      .execute()
    await trx
      .insertInto('api_keys')
      .values({
        environment_id: environment.id,
        name: bootstrapName,
        prefix: fresh.prefix,
        secret_hmac: hmac,
        scopes: ['ADMIN'],
        bootstrap: true,
      })
      .onConflict((conflict) => conflict.column('secret_hmac').doNothing())
      .execute()
    const row = await trx
      .selectFrom('api_keys')
      .select(apiKeyColumns)
      .where('environment_id', '=', environment.id)
      .where('secret_hmac', '=', hmac)
      .where('bootstrap', '=', true)
      .executeTakeFirst()
    if (!row) {
      throw new InvalidInputError([
        { path: 'bootstrapApiKey', message: 'is an API key that was created over the API; choose another text' },
      ])
    }
    return { apiKey: toApiKey(row), generated: chosen === undefined ? fresh.secret : null }
  })
}

/** A chosen key may be short, so that less of it is shown than of a generated one. */
const masked = (chosen: string) => (chosen.length >= 24 ? `${chosen.slice(0, 4)}…` : '…')

const apiKeyColumns = [
  'id',
  'environment_id',
  'name',
  'prefix',
  'scopes',
  'created_at',
  'last_used_at',
  'expires_at',
  'revoked_at',
] as const

function toApiKey(row: {
  id: string
  environment_id: string
  name: string
  prefix: string
  scopes: string[]
  created_at: Date
  last_used_at: Date | null
  expires_at: Date | null
  revoked_at: Date | null
}): ApiKey {
  return {
    id: row.id,
    environmentId: row.environment_id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.filter(isScope),
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}

const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text)
