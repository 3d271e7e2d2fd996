import { hash } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import type { ReadRows } from '../db/changed-rows.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { apiKeyHmac, isMistypedApiKey } from './api-key-format.ts'
import type { EnvironmentsContext } from './context.ts'
import { isUserSession, readUserSession, type SessionClaims } from './user-sessions.ts'
import { type Authentication, allScopes, isScope, type Refusal, sessionScopes, type Viewer } from './viewer.ts'

const newKeyHint = 'Create an API key with createApiKey or "npm run valetkey -- keys create".'
const newSessionHint = "The application's backend can create a user session with createUserSession."

/** Limits how many unknown credentials are looked up in the database. */
export interface LookupLimit {
  /** Counts one lookup. Returns null when it is allowed, otherwise the milliseconds until the next one is. */
  take(): number | null
  /** Uncounts it: the credential was accepted. */
  giveBack(): void
}

/**
 * Identifies the caller by `Authorization: Bearer <API key | user session>` (RFC 6750 section 2.1). `header` is the
 * header's value, or null. Takes one query unless the credential was accepted a moment ago, and at most once a minute per
 * key another one that records its use. A credential that was not accepted at its last use is looked up within `limit`.
 */
export async function authenticate(
  context: EnvironmentsContext,
  header: string | null,
  limit: LookupLimit | null = null,
): Promise<Authentication> {
  if (header === null || header.trim() === '') return { kind: 'anonymous' }
  // Above the size of the largest session, whose identifier of 512 characters has up to 2048 bytes before base64.
  const credential = /^bearer +([\x21-\x7e]{1,4096}) *$/i.exec(header)?.[1]
  if (credential === undefined) {
    return refuse('malformed', 'The Authorization header must have the form "Bearer <API key or user session>".')
  }
  const isSession = isUserSession(credential)
  if (!isSession && isMistypedApiKey(credential)) {
    return refuse('malformed', 'The API key is mistyped or truncated: its checksum is wrong. Copy it again.')
  }
  // Not the credential itself, which should not stay in memory for longer than its request.
  const digest = hash('sha256', credential)
  return context.credentials.read(digest, async () => {
    const isKnown = context.known.has(digest)
    const waitMs = isKnown || limit === null ? null : limit.take()
    if (waitMs !== null) return { value: { kind: 'throttled', waitMs }, rows: [] }
    const found = await (isSession ? authenticateSession(context, credential) : authenticateApiKey(context, credential))
    if (found.value.kind !== 'viewer') context.known.delete(digest)
    else if (!isKnown) {
      context.known.set(digest, true)
      limit?.giveBack()
    }
    return found
  })
}

/**
 * Returns for how many milliseconds each viewer's credential remains valid: 0 when it has ended, null when it does not
 * expire. For subscriptions, which outlive the request that authenticated them. One query, whatever the number of viewers.
 */
export async function remainingLifetimes(
  context: Pick<EnvironmentsContext, 'db'>,
  viewers: readonly Viewer[],
): Promise<readonly (number | null)[]> {
  const keyOf = (environmentId: string, apiKeyId: string) => `${environmentId}/${apiKeyId}`
  const asked = new Map(viewers.map((viewer) => [keyOf(viewer.environmentId, viewer.credential.apiKeyId), viewer]))
  if (asked.size === 0) return []
  const environmentIds = [...asked.values()].map(({ environmentId }) => environmentId)
  const apiKeyIds = [...asked.values()].map(({ credential }) => credential.apiKeyId)
  const rows = await context.db
    .selectFrom('api_keys')
    .select(['id', 'environment_id', 'expires_at', currentTime.as('now'), ended])
    .where(
      sql<boolean>`(environment_id, id) in (select * from unnest(${environmentIds}::uuid[], ${apiKeyIds}::uuid[]))`,
    )
    .execute()
  const found = new Map(rows.map((row) => [keyOf(row.environment_id, row.id), row]))
  return viewers.map(({ environmentId, credential }) => {
    const key = found.get(keyOf(environmentId, credential.apiKeyId))
    if (key === undefined || key.ended !== null) return 0
    const ends = [key.expires_at, credential.expiresAt].filter((end) => end !== null)
    return ends.length === 0 ? null : Math.max(0, Math.min(...ends.map(Number)) - key.now.getTime())
  })
}

/** A key that was revoked and has expired counts as revoked. */
const ended = sql<'revoked' | 'expired' | null>`case
  when revoked_at is not null then 'revoked' when expires_at <= clock_timestamp() then 'expired' end`.as('ended')

async function authenticateApiKey(context: EnvironmentsContext, credential: string): Promise<ReadRows<Authentication>> {
  const row = await selectKeys(context)
    .select(millisecondsUntil(sql`api_keys.expires_at`).as('valid_ms'))
    .where('secret_hmac', '=', apiKeyHmac(context.apiKeyPepper, credential))
    .executeTakeFirst()
  if (!row)
    return refused(
      'unknown',
      `The API key is unknown to this server. Check that it belongs to this server. ${newKeyHint}`,
    )
  if (row.ended === 'revoked') return refused('revoked', `The API key was revoked. ${newKeyHint}`)
  if (row.ended === 'expired') return refused('expired', `The API key has expired. ${newKeyHint}`)
  if (row.use_is_old) await recordUse(context, row.id)
  return accepted(row, {
    environmentId: row.environment_id,
    environmentName: row.environment_name,
    scopes: row.scopes.includes('ADMIN') ? allScopes : new Set(row.scopes.filter(isScope)),
    identifier: null,
    credential: { kind: 'api_key', id: row.id, apiKeyId: row.id, expiresAt: row.expires_at },
  })
}

async function authenticateSession(context: EnvironmentsContext, token: string): Promise<ReadRows<Authentication>> {
  const claims: SessionClaims | null = await readUserSession(context, token)
  if (!claims)
    return refused('unknown', `The user session was not issued by this server, or was changed. ${newSessionHint}`)
  const row = await selectKeys(context)
    .select([
      sql<boolean>`${claims.expiresAt}::timestamptz <= ${currentTime}`.as('session_expired'),
      millisecondsUntil(sql`least(api_keys.expires_at, ${claims.expiresAt}::timestamptz)`).as('valid_ms'),
    ])
    .where('api_keys.environment_id', '=', claims.environmentId)
    .where('api_keys.id', '=', claims.apiKeyId)
    .executeTakeFirst()
  if (!row) return refused('unknown', `The API key of the user session no longer exists. ${newSessionHint}`)
  if (row.session_expired) return refused('expired', `The user session has expired. ${newSessionHint}`)
  if (row.ended !== null) {
    return refused('revoked', `The API key of the user session was revoked or has expired. ${newSessionHint}`)
  }
  return accepted(row, {
    environmentId: row.environment_id,
    environmentName: row.environment_name,
    scopes: sessionScopes,
    identifier: claims.identifier,
    credential: {
      kind: 'user_session',
      id: claims.id,
      apiKeyId: row.id,
      // The session ends with its key.
      expiresAt: row.expires_at && row.expires_at < claims.expiresAt ? row.expires_at : claims.expiresAt,
    },
  })
}

/** The milliseconds from now until a time, by the database's clock; null for null. */
const millisecondsUntil = (time: RawBuilder<unknown>) =>
  sql<number | null>`(extract(epoch from ${time} - ${currentTime}) * 1000)::float8`

function accepted(
  row: { readonly id: string; readonly environment_id: string; readonly valid_ms: number | null },
  viewer: Viewer,
): ReadRows<Authentication> {
  const validMs = Math.min(row.valid_ms ?? useIntervalMs, useIntervalMs)
  return { value: { kind: 'viewer', viewer }, rows: [row.id, row.environment_id], validMs }
}

/** Use is recorded once a minute, in milliseconds. */
const useIntervalMs = 60_000

const useIsOld = sql<boolean>`coalesce(last_used_at < ${inSeconds(-useIntervalMs / 1000)}, true)`

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
      useIsOld.as('use_is_old'),
    ])
}

/** Records the use of a key. A failure must not fail the request. */
async function recordUse(context: EnvironmentsContext, id: string): Promise<void> {
  try {
    await context.db
      .updateTable('api_keys')
      .set({ last_used_at: currentTime })
      .where('id', '=', id)
      .where(useIsOld)
      .execute()
  } catch (err) {
    context.log.warn({ err, apiKeyId: id }, 'recording the use of an API key failed')
  }
}

function refuse(reason: Refusal['reason'], message: string): Refusal {
  return { kind: 'refused', reason, message }
}

/** A refusal is not held: callers without a credential could fill the memory with them. */
const refused = (reason: Refusal['reason'], message: string): ReadRows<Authentication> => ({
  value: refuse(reason, message),
  rows: [],
})
