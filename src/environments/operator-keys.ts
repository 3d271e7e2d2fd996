import { recordAudit } from '../audit/audit-log.ts'
import { currentTime } from '../db/time.ts'
import { InvalidInputError } from '../errors.ts'
import { Secret } from '../vault/secret.ts'
import { findServerSecret, forgetServerSecret, serverSecret } from '../vault/server-secret.ts'
import type { Vault } from '../vault/vault.ts'
import { apiKeyHmac, isMistypedApiKey, newApiKey } from './api-key-format.ts'
import {
  type ApiKey,
  act,
  apiKeyColumns,
  auditFields,
  findApiKey,
  insertApiKey,
  revokeApiKey,
  toApiKey,
} from './api-keys.ts'
import type { EnvironmentsContext } from './context.ts'
import { ensureEnvironment } from './environment-store.ts'

/* The API keys that a server makes at its start: the operator's first one, and that of GraphiQL in development. */

type Context = Pick<EnvironmentsContext, 'db' | 'apiKeyPepper' | 'bindingKey' | 'actor'>

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
  context: Context,
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
  const environment = await ensureEnvironment(context.db, environmentName, context.actor)
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
    const replaced = await trx
      .updateTable('api_keys')
      .set({ revoked_at: currentTime })
      .where('environment_id', '=', environment.id)
      .where('bootstrap', '=', true)
      .where('secret_hmac', '<>', hmac)
      .where('revoked_at', 'is', null)
      .returning(apiKeyColumns)
      .execute()
    for (const row of replaced) {
      const key = toApiKey(row)
      const after = { ...auditFields(key), bootstrap: true }
      await recordAudit(trx, context.actor, { ...act(key), action: 'api_key.revoked', after })
    }
    await insertApiKey(context, trx, fresh.secret, {
      environment_id: environment.id,
      name: bootstrapName,
      prefix: fresh.prefix,
      scopes: ['ADMIN'],
      narrowing: null,
      bootstrap: true,
      expires_at: null,
    })
    const stored = await findApiKey({ db: trx, apiKeyPepper: context.apiKeyPepper }, fresh.secret)
    if (!stored?.bootstrap || stored.environmentId !== environment.id) {
      throw new InvalidInputError([
        {
          path: 'bootstrapApiKey',
          message:
            'must not be an API key that was created over the API, or that of another environment. Choose another string.',
        },
      ])
    }
    const { bootstrap: _, ...apiKey } = stored
    return { apiKey, generated: chosen === undefined ? fresh.secret : null }
  })
}

/** Less is shown of a chosen key than of a generated one, because it may be short. */
const masked = (chosen: string) => (chosen.length >= 24 ? `${chosen.slice(0, 4)}…` : '…')

/** The name of GraphiQL's key among the server's secrets: a page that was loaded before a restart works after it. */
const graphiqlPurpose = 'graphiql-api-key'

/**
 * Returns the key that GraphiQL of a development server sends by itself, an ADMIN key of the environment, created at the
 * first call; null when it was revoked.
 */
export async function openGraphiqlKey(context: Context, vault: Vault, environmentName: string): Promise<Secret | null> {
  const key = await serverSecret(context.db, vault, graphiqlPurpose)
  const existing = await findApiKey(context, key)
  if (existing) return existing.revokedAt === null ? key : null
  const environment = await ensureEnvironment(context.db, environmentName, context.actor)
  await context.db.transaction().execute((trx) =>
    insertApiKey(context, trx, key, {
      environment_id: environment.id,
      name: 'GraphiQL (development)',
      prefix: masked(key.reveal()),
      scopes: ['ADMIN'],
      narrowing: null,
      bootstrap: false,
      expires_at: null,
    }),
  )
  return key
}

/**
 * Revokes GraphiQL's key and forgets it: pages that were served to a developer must open nothing where accounts are real. A
 * later server for development makes another one.
 */
export async function retireGraphiqlKey(context: Context, vault: Vault): Promise<void> {
  const key = await findServerSecret(context.db, vault, graphiqlPurpose)
  if (key === null) return
  const existing = await findApiKey(context, key)
  if (existing) await revokeApiKey(context, existing.environmentId, existing.id)
  await forgetServerSecret(context.db, graphiqlPurpose)
}
