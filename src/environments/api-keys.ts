import { type Selectable, sql } from 'kysely'
import type { ApiKeysTable } from '../db/tables.ts'
import { currentTime } from '../db/time.ts'
import { ApiKeyNotFoundError, InvalidInputError } from '../errors.ts'
import { apiKeyRules, checkInput } from '../input-rules.ts'
import { Secret } from '../vault/secret.ts'
import { apiKeyHmac, isMistypedApiKey, newApiKey } from './api-key-format.ts'
import type { EnvironmentsContext } from './context.ts'
import { ensureEnvironment } from './environment-store.ts'
import { isScope, type Scope } from './viewer.ts'

/** An API key without the key itself. */
export interface ApiKey {
  readonly id: string
  readonly environmentId: string
  readonly name: string
  /** The beginning of the key, to recognize it. */
  readonly prefix: string
  /** As created; ADMIN includes all. */
  readonly scopes: readonly Scope[]
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
}

/**
 * Creates an API key. The secret is returned only here. The caller must be an ADMIN, so that no key creates one with more
 * scopes than its own. Throws InvalidInputError.
 */
export async function createApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'apiKeyPepper'>,
  environmentId: string,
  input: NewApiKey,
): Promise<{ readonly apiKey: ApiKey; readonly secret: Secret }> {
  const { db, apiKeyPepper } = context
  const { name } = checkInput(apiKeyRules, input)
  const environment = await db
    .selectFrom('environments')
    .select(['name', currentTime.as('now')])
    .where('id', '=', environmentId)
    .executeTakeFirstOrThrow()
  if (input.expiresAt && !(input.expiresAt.getTime() > environment.now.getTime())) {
    throw new InvalidInputError([{ path: 'expiresAt', message: 'must be in the future' }])
  }
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

/** Returns the environment's API keys, newest first, including revoked and expired ones; at most 1000. */
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
    .where('environment_id', '=', environmentId)
    .where('id', 'in', ids)
    .execute()
  return rows.map(toApiKey)
}

/**
 * Revokes an API key and the user sessions that were created with it. Revoking it again changes nothing. Throws
 * ApiKeyNotFoundError.
 */
export async function revokeApiKey(
  context: Pick<EnvironmentsContext, 'db'>,
  environmentId: string,
  id: string,
): Promise<ApiKey> {
  const row = await context.db
    .updateTable('api_keys')
    .set({ revoked_at: sql`coalesce(revoked_at, ${currentTime})` })
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .returning(apiKeyColumns)
    .executeTakeFirst()
  if (!row) throw new ApiKeyNotFoundError()
  return toApiKey(row)
}

/** The name of the bootstrap key in lists. */
const bootstrapName = 'bootstrap'

/**
 * Ensures that the operator's ADMIN key of an environment exists. `key` is any string without spaces that the operator
 * chose. With null a key is generated once and returned in `generated`, to be printed; on later starts `generated` is
 * null, unless the key was revoked.
 *
 * A chosen key replaces the previous bootstrap key, which is revoked: an operator who replaces a leaked key in the
 * configuration expects the old one to stop working. A key that was revoked over the API stays revoked; see `revokedAt`.
 * Throws InvalidInputError.
 */
export async function ensureBootstrapApiKey(
  context: Pick<EnvironmentsContext, 'db' | 'apiKeyPepper'>,
  environmentName: string,
  key: Secret | null,
): Promise<{ readonly apiKey: ApiKey; readonly generated: Secret | null }> {
  const chosen = key?.reveal()
  if (chosen !== undefined && !/^[\x21-\x7e]{1,512}$/.test(chosen)) {
    throw new InvalidInputError([
      { path: 'bootstrapApiKey', message: 'must have 1 to 512 printable ASCII characters and no spaces' },
    ])
  }
  if (chosen !== undefined && isMistypedApiKey(chosen)) {
    throw new InvalidInputError([
      {
        path: 'bootstrapApiKey',
        message: 'has the form of a Valetkey API key, but its checksum is wrong. Copy it again.',
      },
    ])
  }
  const environment = await ensureEnvironment(context.db, environmentName)
  return context.db.transaction().execute(async (trx) => {
    // Nodes that start at once wait for each other here, so that only one generates a key.
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
      .set({ revoked_at: currentTime })
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
        {
          path: 'bootstrapApiKey',
          message: 'must not be an API key that was created over the API. Choose another string.',
        },
      ])
    }
    return { apiKey: toApiKey(row), generated: chosen === undefined ? fresh.secret : null }
  })
}

/** Less is shown of a chosen key than of a generated one, because it may be short. */
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

function toApiKey(row: Pick<Selectable<ApiKeysTable>, (typeof apiKeyColumns)[number]>): ApiKey {
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
