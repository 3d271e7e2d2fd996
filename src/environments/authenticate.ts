import { hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { type RawBuilder, sql } from 'kysely'
import type { ReadRows } from '../db/changed-rows.ts'
import { currentTime, inSeconds } from '../db/time.ts'
import { notBound } from '../vault/row-binding.ts'
import { apiKeyHmac, isMistypedApiKey } from './api-key-format.ts'
import { boundApiKeyColumns, isBoundApiKey } from './bound-api-key.ts'
import type { EnvironmentsContext } from './context.ts'
import { environmentPolicyColumns, policyOf } from './environment-policy.ts'
import { type Narrowing, parseNarrowing, permits, permitsAddress } from './narrowing.ts'
import { isUserSession, readStreamTicket, readUserSession, type SessionClaims } from './user-sessions.ts'
import {
  type Authentication,
  expandScopes,
  parseScopes,
  type Refusal,
  type Scope,
  sessionScopes,
  ticketScopes,
  type Viewer,
} from './viewer.ts'

const newKeyHint = 'Create an API key with createApiKey or "npm run valetkey -- keys create".'
const newSessionHint = "The application's backend can create a user session with createUserSession."
const newTicketHint = 'Create a stream ticket with createStreamTicket.'

const keyRevoked = refusal('revoked', `The API key was revoked. ${newKeyHint}`)
const keyExpired = refusal('expired', `The API key has expired. ${newKeyHint}`)
const keyDeleted = refusal('unknown', `The API key no longer exists. ${newKeyHint}`)
const sessionExpired = refusal('expired', `The user session has expired. ${newSessionHint}`)
const sessionEnded = refusal('revoked', `The API key of the user session was revoked or has expired. ${newSessionHint}`)
const keyChanged = refusal('changed', `The API key was changed in the database. ${newKeyHint}`)
const keyNarrowed = refusal('revoked', `The API key was narrowed. Open the stream again.`)
const unknownNarrowing = refusal(
  'unknown',
  'The API key is narrowed in a way that this release does not support. Upgrade this server.',
)
const sessionRevoked = refusal('revoked', `The user session was revoked. ${newSessionHint}`)
const sessionNarrowed = refusal('revoked', 'The API key of the user session was narrowed.')
const sessionChanged = refusal('changed', `The API key of the user session was changed in the database. ${newKeyHint}`)
const sessionDeleted = refusal('unknown', `The API key of the user session no longer exists. ${newSessionHint}`)

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
 * `address` is the client's; a key that is narrowed to networks is refused without it.
 */
export async function authenticate(
  context: EnvironmentsContext,
  header: string | null,
  limit: LookupLimit | null = null,
  address: string | null = null,
): Promise<Authentication> {
  if (header === null || header.trim() === '') return { kind: 'anonymous' }
  // Above the size of the largest session, whose identifier of 512 characters has up to 2048 bytes before base64.
  const credential = /^bearer +([\x21-\x7e]{1,4096}) *$/i.exec(header)?.[1]
  if (credential === undefined) {
    return refusal('malformed', 'The Authorization header must have the form "Bearer <API key or user session>".')
  }
  const isSession = isUserSession(credential)
  if (!isSession && isMistypedApiKey(credential)) {
    return refusal('malformed', 'The API key is mistyped or truncated: its checksum is wrong. Copy it again.')
  }
  const found = await withCache(context, credential, limit, () =>
    isSession ? authenticateSession(context, credential) : authenticateApiKey(context, credential),
  )
  // Not part of what is held: the next request may come from another address.
  if (found.kind === 'viewer' && !permitsAddress(found.viewer.narrowing, address))
    return refusal('network', 'The API key must be used from one of the networks that it is narrowed to.')
  return found
}

/**
 * Identifies the caller by a stream ticket, as {@link authenticate} does by a header. The viewer is that of the ticket's
 * user session, with {@link ticketScopes}; a stream that the ticket opened ends with the session.
 */
export async function authenticateTicket(
  context: EnvironmentsContext,
  ticket: string,
  limit: LookupLimit | null = null,
): Promise<Authentication> {
  if (!/^[\w.-]{1,4096}$/.test(ticket)) return refusal('malformed', `The stream ticket is malformed. ${newTicketHint}`)
  return withCache(context, `ticket ${ticket}`, limit, async () => {
    const claims = await readStreamTicket(context, ticket)
    if (!claims)
      return refused(
        refusal('unknown', `The stream ticket was not issued by this server, or was changed. ${newTicketHint}`),
      )
    const expired = refusal('expired', `The stream ticket has expired. ${newTicketHint}`)
    return findSession(context, claims, { scopes: ticketScopes, until: claims.usableUntil, expired })
  })
}

async function withCache(
  context: EnvironmentsContext,
  credential: string,
  limit: LookupLimit | null,
  find: () => Promise<ReadRows<Authentication>>,
): Promise<Authentication> {
  // Not the credential itself, which should not stay in memory for longer than its request.
  const digest = hash('sha256', credential)
  return context.credentials.read(digest, async () => {
    const isKnown = context.known.has(digest)
    const waitMs = isKnown || limit === null ? null : limit.take()
    if (waitMs !== null) return { value: { kind: 'throttled', waitMs }, rows: [] }
    const found = await find()
    if (found.value.kind !== 'viewer') context.known.delete(digest)
    else if (!isKnown) {
      context.known.set(digest, true)
      limit?.giveBack()
    }
    return found
  })
}

/** The end of a credential. */
export interface CredentialEnd {
  /** Milliseconds until it: 0 when the credential has ended, null when it does not expire. */
  readonly inMs: number | null
  /** What the caller is answered from then on. */
  readonly refusal: Refusal
}

/**
 * Returns when each viewer's credential ends. A credential that was narrowed has ended: its streams may emit what it may no
 * longer read. For subscriptions, which outlive the request that authenticated them. One query, whatever the number of
 * viewers.
 */
export async function credentialEnds(
  context: Pick<EnvironmentsContext, 'db' | 'bindingKey' | 'log'>,
  viewers: readonly Viewer[],
): Promise<readonly CredentialEnd[]> {
  const keyOf = (environmentId: string, apiKeyId: string) => `${environmentId}/${apiKeyId}`
  const asked = new Map(viewers.map((viewer) => [keyOf(viewer.environmentId, viewer.credential.apiKeyId), viewer]))
  if (asked.size === 0) return []
  const environmentIds = [...asked.values()].map(({ environmentId }) => environmentId)
  const apiKeyIds = [...asked.values()].map(({ credential }) => credential.apiKeyId)
  const sessionIds = viewers.flatMap(({ credential }) => (credential.kind === 'user_session' ? [credential.id] : []))
  const rows = await context.db
    .selectFrom('api_keys')
    .select(
      sql<string[]>`array(
        select session.id::text from user_sessions session
        where session.id = any (${sessionIds}::uuid[]) and session.revoked_at is not null
      )`.as('revoked_sessions'),
    )
    .select([...boundApiKeyColumns, currentTime.as('now'), ended])
    .where(
      sql<boolean>`(environment_id, id) in (select * from unnest(${environmentIds}::uuid[], ${apiKeyIds}::uuid[]))`,
    )
    .execute()
  const found = new Map(rows.map((row) => [keyOf(row.environment_id, row.id), row]))
  const revokedSessions = new Set(rows[0]?.revoked_sessions)
  return viewers.map(({ environmentId, credential, narrowing }) => {
    const isSession = credential.kind === 'user_session'
    const key = found.get(keyOf(environmentId, credential.apiKeyId))
    if (key === undefined) return { inMs: 0, refusal: isSession ? sessionDeleted : keyDeleted }
    if (key.ended !== null) {
      const ofKey = key.ended === 'revoked' ? keyRevoked : keyExpired
      return { inMs: 0, refusal: isSession ? sessionEnded : ofKey }
    }
    if (isChanged(context, key)) return { inMs: 0, refusal: isSession ? sessionChanged : keyChanged }
    if (revokedSessions.has(credential.id)) return { inMs: 0, refusal: sessionRevoked }
    if (!isDeepStrictEqual(narrowingOf(key.narrowing, credential.kind), narrowing))
      return { inMs: 0, refusal: isSession ? sessionNarrowed : keyNarrowed }
    const keyEnds = key.expires_at?.getTime() ?? Number.POSITIVE_INFINITY
    const ownEnd = (isSession && credential.expiresAt?.getTime()) || Number.POSITIVE_INFINITY
    const end = Math.min(keyEnds, ownEnd)
    return {
      inMs: end === Number.POSITIVE_INFINITY ? null : Math.max(0, end - key.now.getTime()),
      refusal: isSession ? (ownEnd < keyEnds ? sessionExpired : sessionEnded) : keyExpired,
    }
  })
}

/** Sessions are used by browsers, which are in other networks than the backend that has the key. */
function narrowingOf(stored: unknown, kind: Viewer['credential']['kind']) {
  const narrowing = parseNarrowing(stored)
  return kind === 'user_session' && narrowing ? { ...narrowing, networks: null } : narrowing
}

/** A key that was revoked and has expired counts as revoked. */
const ended = sql<'revoked' | 'expired' | null>`case
  when api_keys.revoked_at is not null then 'revoked' when api_keys.expires_at <= clock_timestamp() then 'expired' end`.as(
  'ended',
)

/**
 * Returns the viewer of an API key by its id, for work that the key requested before; null when it is no longer accepted.
 * Addresses are not checked: the key itself is not used.
 */
export async function findApiKeyViewer(
  context: Pick<EnvironmentsContext, 'db' | 'bindingKey' | 'log'>,
  environmentId: string,
  apiKeyId: string,
): Promise<Viewer | null> {
  const row = await selectKeys(context)
    .where('api_keys.environment_id', '=', environmentId)
    .where('api_keys.id', '=', apiKeyId)
    .executeTakeFirst()
  const narrowing = row ? narrowingOf(row.narrowing, 'api_key') : null
  return row && row.ended === null && narrowing && !isChanged(context, row) ? keyViewer(context, row, narrowing) : null
}

const keyViewer = (
  context: Pick<EnvironmentsContext, 'bindingKey' | 'log'>,
  row: Awaited<ReturnType<ReturnType<typeof selectKeys>['executeTakeFirstOrThrow']>>,
  narrowing: Narrowing,
): Viewer => ({
  environmentId: row.environment_id,
  environmentName: row.environment_name,
  scopes: expandScopes(parseScopes(row.scopes)),
  identifier: null,
  narrowing,
  toolPolicy: policyOf(context, row.environment_id, row),
  credential: { kind: 'api_key', id: row.id, apiKeyId: row.id, expiresAt: row.expires_at },
})

async function authenticateApiKey(context: EnvironmentsContext, credential: string): Promise<ReadRows<Authentication>> {
  const row = await selectKeys(context)
    .select(millisecondsUntil(sql`api_keys.expires_at`).as('valid_ms'))
    .where('secret_hmac', '=', apiKeyHmac(context.apiKeyPepper, credential))
    .executeTakeFirst()
  if (!row)
    return refused(
      refusal('unknown', `The API key is unknown to this server. Check that it belongs to this server. ${newKeyHint}`),
    )
  if (row.ended !== null) return refused(row.ended === 'revoked' ? keyRevoked : keyExpired)
  if (isChanged(context, row)) return refused(keyChanged)
  const narrowing = narrowingOf(row.narrowing, 'api_key')
  if (narrowing === null) return refused(unknownNarrowing)
  if (row.use_is_old) await recordUse(context, row.id)
  return accepted(row, keyViewer(context, row, narrowing))
}

async function authenticateSession(context: EnvironmentsContext, token: string): Promise<ReadRows<Authentication>> {
  const claims = await readUserSession(context, token)
  if (!claims)
    return refused(
      refusal('unknown', `The user session was not issued by this server, or was changed. ${newSessionHint}`),
    )
  return findSession(context, claims, { scopes: sessionScopes, until: claims.expiresAt, expired: sessionExpired })
}

/** Returns the viewer of a session, for a token that is accepted `until` then, and is `expired` afterwards. */
async function findSession(
  context: EnvironmentsContext,
  claims: SessionClaims,
  token: { readonly scopes: ReadonlySet<Scope>; readonly until: Date; readonly expired: Refusal },
): Promise<ReadRows<Authentication>> {
  const row = await selectKeys(context)
    .select([
      sql<boolean>`${token.until}::timestamptz <= ${currentTime}`.as('token_expired'),
      millisecondsUntil(sql`least(api_keys.expires_at, ${token.until}::timestamptz)`).as('valid_ms'),
    ])
    .leftJoin('user_sessions', (join) =>
      join
        .on('user_sessions.id', '=', claims.id)
        .onRef('user_sessions.environment_id', '=', 'api_keys.environment_id')
        .onRef('user_sessions.api_key_id', '=', 'api_keys.id'),
    )
    .select(['user_sessions.id as session_id', 'user_sessions.revoked_at as session_revoked_at'])
    .where('api_keys.environment_id', '=', claims.environmentId)
    .where('api_keys.id', '=', claims.apiKeyId)
    .executeTakeFirst()
  if (!row) return refused(sessionDeleted)
  if (row.token_expired) return refused(token.expired)
  if (row.ended !== null) return refused(sessionEnded)
  if (isChanged(context, row)) return refused(sessionChanged)
  if (row.session_revoked_at !== null || (claims.stored && row.session_id === null)) return refused(sessionRevoked)
  const narrowing = narrowingOf(row.narrowing, 'user_session')
  if (narrowing === null) return refused(unknownNarrowing)
  // The key may have been narrowed since.
  if (!permits(narrowing, claims)) return refused(sessionNarrowed)
  return accepted(row, {
    environmentId: row.environment_id,
    environmentName: row.environment_name,
    scopes: token.scopes,
    identifier: claims.identifier,
    narrowing,
    toolPolicy: policyOf(context, row.environment_id, row),
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
  return { value: { kind: 'viewer', viewer }, rows: [row.id, row.environment_id, viewer.credential.id], validMs }
}

/** Use is recorded once a minute, in milliseconds. */
const useIntervalMs = 60_000

const useIsOld = sql<boolean>`coalesce(last_used_at < ${inSeconds(-useIntervalMs / 1000)}, true)`

function selectKeys(context: Pick<EnvironmentsContext, 'db'>) {
  return context.db
    .selectFrom('api_keys')
    .innerJoin('environments', 'environments.id', 'api_keys.environment_id')
    .leftJoin('environment_policies', 'environment_policies.environment_id', 'api_keys.environment_id')
    .select(environmentPolicyColumns)
    .select([...boundApiKeyColumns, 'environments.name as environment_name', ended, useIsOld.as('use_is_old')])
}

/** Whether another program than this server wrote what an API key may do. Logs an error then. */
function isChanged(
  context: Pick<EnvironmentsContext, 'bindingKey' | 'log'>,
  row: Parameters<typeof isBoundApiKey>[1],
): boolean {
  if (isBoundApiKey(context.bindingKey, row)) return false
  context.log.error({ err: notBound('api_keys', row.id), apiKeyId: row.id }, 'refused an API key')
  return true
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

function refusal(reason: Refusal['reason'], message: string): Refusal {
  return { kind: 'refused', reason, message }
}

/** A refusal is not held: callers without a credential could fill the memory with them. */
const refused = (value: Refusal): ReadRows<Authentication> => ({ value, rows: [] })
