import { sql } from 'kysely'
import { apiKeyHmac, isMistypedApiKey } from './api-key-format.ts'
import type { EnvironmentsContext } from './context.ts'
import { isUserSession, readUserSession, type SessionClaims } from './user-sessions.ts'
import { allScopes, type Scope, scopes, sessionScopes, type Viewer } from './viewer.ts'

/** Why a credential is not accepted. `message` is for the caller and repeats nothing of the credential. */
export interface Refusal {
  readonly kind: 'refused'
  readonly reason: 'malformed' | 'unknown' | 'expired' | 'revoked'
  readonly message: string
}

/** What came of looking at the Authorization header: who it is, that there is none, or why it is not accepted. */
export type Authentication =
  | { readonly kind: 'viewer'; readonly viewer: Viewer }
  | { readonly kind: 'anonymous' }
  | Refusal

const anotherKey = 'create one with createApiKey or "npm run valetkey -- keys create"'
const anotherSession = "The application's backend can create another one with createUserSession."

/**
 * Tells who is calling from `Authorization: Bearer <API key | user session>` (RFC 6750 section 2.1); `header` is the
 * field's value or null. One query, and at most once a minute per key another one that notes its use.
 */
export async function authenticate(context: EnvironmentsContext, header: string | null): Promise<Authentication> {
  if (header === null || header.trim() === '') return { kind: 'anonymous' }
  // The limit is above the longest session, whose identifier of 512 characters takes up to 2048 bytes before base64.
  const credential = /^bearer +([\x21-\x7e]{1,4096}) *$/i.exec(header)?.[1]
  if (credential === undefined) {
    return refuse('malformed', 'The Authorization header must have the form "Bearer <API key or user session>".')
  }
  if (isUserSession(credential)) return authenticateSession(context, credential)
  if (isMistypedApiKey(credential)) {
    return refuse('malformed', 'The API key is mistyped or cut off: its checksum does not fit. Copy it again.')
  }
  return authenticateApiKey(context, credential)
}

/**
 * Whether a viewer's credential still stands: for subscriptions, which outlive the request that authenticated them.
 * A credential whose {@link Viewer.credential} has an `expiresAt` also ends by itself then.
 */
export async function isStillValid(context: Pick<EnvironmentsContext, 'db'>, viewer: Viewer): Promise<boolean> {
  const { apiKeyId, expiresAt } = viewer.credential
  const row = await context.db
    .selectFrom('api_keys')
    .select([
      sql<boolean>`coalesce(${expiresAt}::timestamptz <= clock_timestamp(), false)`.as('session_expired'),
      ended,
    ])
    .where('environment_id', '=', viewer.environmentId)
    .where('id', '=', apiKeyId)
    .executeTakeFirst()
  return row !== undefined && !row.session_expired && row.ended === null
}

/** A key that was revoked and has expired since was revoked: that is what its holder has to know. */
const ended = sql<'revoked' | 'expired' | null>`case
  when revoked_at is not null then 'revoked' when expires_at <= clock_timestamp() then 'expired' end`.as('ended')

async function authenticateApiKey(context: EnvironmentsContext, credential: string): Promise<Authentication> {
  const row = await selectKeys(context)
    .where('secret_hmac', '=', apiKeyHmac(context.apiKeyPepper, credential))
    .executeTakeFirst()
  if (!row) return refuse('unknown', `The API key is unknown to this server. Check where it is from, or ${anotherKey}.`)
  if (row.ended === 'revoked') return refuse('revoked', `The API key was revoked. To go on, ${anotherKey}.`)
  if (row.ended === 'expired') return refuse('expired', `The API key has expired. To go on, ${anotherKey}.`)
  if (row.use_is_old) await noteUse(context, row.id)
  const granted = row.scopes.filter((scope): scope is Scope => Object.hasOwn(scopes, scope))
  return {
    kind: 'viewer',
    viewer: {
      environmentId: row.environment_id,
      environmentName: row.environment_name,
      scopes: new Set(granted.includes('ADMIN') ? allScopes : granted),
      identifier: null,
      credential: { kind: 'api_key', id: row.id, apiKeyId: row.id, expiresAt: row.expires_at },
    },
  }
}

async function authenticateSession(context: EnvironmentsContext, token: string): Promise<Authentication> {
  const claims: SessionClaims | null = await readUserSession(context, token)
  if (!claims)
    return refuse('unknown', `The user session was not issued here, or was changed on its way. ${anotherSession}`)
  const row = await selectKeys(context)
    .select(sql<boolean>`${claims.expiresAt}::timestamptz <= clock_timestamp()`.as('session_expired'))
    .where('api_keys.environment_id', '=', claims.environmentId)
    .where('api_keys.id', '=', claims.apiKeyId)
    .executeTakeFirst()
  if (!row) return refuse('unknown', `The API key behind the user session is gone. ${anotherSession}`)
  if (row.session_expired) return refuse('expired', `The user session has expired. ${anotherSession}`)
  if (row.ended !== null) {
    return refuse('revoked', `The API key behind the user session was revoked or has expired. ${anotherSession}`)
  }
  return {
    kind: 'viewer',
    viewer: {
      environmentId: row.environment_id,
      environmentName: row.environment_name,
      scopes: sessionScopes,
      identifier: claims.identifier,
      credential: {
        kind: 'user_session',
        id: claims.id,
        apiKeyId: row.id,
        // The session dies with its key.
        expiresAt: row.expires_at && row.expires_at < claims.expiresAt ? row.expires_at : claims.expiresAt,
      },
    },
  }
}

function selectKeys(context: Pick<EnvironmentsContext, 'db'>) {
  return context.db
    .selectFrom('api_keys')
    .innerJoin('environments', 'environments.id', 'api_keys.environment_id')
    .select([
      'api_keys.id',
      'api_keys.environment_id',
      'environments.name as environment_name',
      'api_keys.scopes',
      'api_keys.expires_at',
      ended,
      sql<boolean>`coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`.as('use_is_old'),
    ])
}

/** A note about use must not keep a request from being answered. */
async function noteUse(context: EnvironmentsContext, id: string): Promise<void> {
  try {
    await context.db
      .updateTable('api_keys')
      .set({ last_used_at: sql`clock_timestamp()` })
      .where('id', '=', id)
      .where(sql<boolean>`coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`)
      .execute()
  } catch (err) {
    context.log.warn({ err, apiKeyId: id }, 'the use of an API key could not be noted')
  }
}

function refuse(reason: Refusal['reason'], message: string): Refusal {
  return { kind: 'refused', reason, message }
}
