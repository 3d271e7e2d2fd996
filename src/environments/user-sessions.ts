import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import { type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { sql } from 'kysely'
import * as z from 'zod'
import { auditRow, recordAudit } from '../audit/audit-log.ts'
import { type Loop, type LoopOptions, startLoop } from '../background.ts'
import { deleteInBatches } from '../db/batches.ts'
import type { Db } from '../db/database.ts'
import { currentTime, databaseNow } from '../db/time.ts'
import { UserSessionNotFoundError } from '../errors.ts'
import { checkInput, streamTicketRules, userSessionRules } from '../input-rules.ts'
import { Secret } from '../vault/secret.ts'
import type { EnvironmentsContext } from './context.ts'
import type { Viewer } from './viewer.ts'

/**
 * User sessions are JWTs (RFC 7519) signed with HS256 (RFC 7518 section 3.2): `iss` and `aud` are this server, `sub` is the
 * identifier, `env` the environment, `key` the API key that created it, `jti` its id. They end at `exp`, with their API key,
 * or when they are revoked. `stored`: the session has a row, without which it is not accepted; nodes of release 0.1.0 issue
 * sessions without one.
 */
const algorithm = 'HS256'
/** Explicit typing (RFC 8725 section 3.11): no other JWT of this server is accepted as a session. */
const type = 'valetkey-session+jwt'
/**
 * Stream tickets are JWTs too, of a user session whose ID is `sid` and which ends at `sxp`. URLs are logged by proxies and
 * stored by browsers: a ticket is accepted for at most a minute, and for subscriptions only.
 */
const ticketType = 'valetkey-stream-ticket+jwt'

/** The claims of a session with a valid signature. The database decides whether the session and its key are still valid. */
export interface SessionClaims {
  readonly id: string
  readonly environmentId: string
  readonly identifier: string
  readonly apiKeyId: string
  readonly expiresAt: Date
  readonly stored: boolean
}

/**
 * Creates a token for one user's browser. `viewer` uses an API key with USER_SESSIONS_CREATE. The session lasts from 1
 * second to a day, by the database's clock. It is stored and recorded in the audit log in one statement. Throws
 * InvalidInputError.
 */
export async function createUserSession(
  context: Pick<EnvironmentsContext, 'db' | 'userSessionKey' | 'publicUrl' | 'actor'>,
  viewer: Viewer,
  input: { readonly identifier: string; readonly expiresInSeconds: number },
): Promise<{ readonly id: string; readonly token: Secret; readonly expiresAt: Date }> {
  const { identifier, expiresInSeconds } = checkInput(userSessionRules, input)
  if (viewer.credential.kind !== 'api_key') throw new Error('A user session cannot create user sessions.')
  const id = randomUUID()
  const { environmentId } = viewer
  const { expires } = await context.db
    .with('audited', (cte) =>
      cte.insertInto('audit_events').values(
        auditRow(context.actor, {
          environmentId,
          action: 'user_session.created',
          target: `UserSession:${id}`,
          after: { identifier, expiresInSeconds },
        }),
      ),
    )
    .insertInto('user_sessions')
    .values({
      id,
      environment_id: environmentId,
      api_key_id: viewer.credential.id,
      identifier,
      // JWTs have whole seconds.
      expires_at: sql<Date>`date_trunc('second', ${currentTime}) + make_interval(secs => ${expiresInSeconds}::int)`,
    })
    .returning(sql<number>`extract(epoch from expires_at)::float8`.as('expires'))
    .executeTakeFirstOrThrow()
  const claims = { env: environmentId, key: viewer.credential.id, stored: true }
  const now = expires - expiresInSeconds
  const token = await sign(context, type, { id, claims, subject: identifier, now, expires })
  return { id, token, expiresAt: new Date(expires * 1000) }
}

/**
 * Creates a ticket for a subscription of a browser's EventSource, which sends no headers. `viewer` uses a user session. The
 * ticket is accepted for 1 to 60 seconds, and not longer than the session. A stream that it opened ends with the session.
 * Throws InvalidInputError.
 */
export async function createStreamTicket(
  context: Pick<EnvironmentsContext, 'db' | 'userSessionKey' | 'publicUrl'>,
  { environmentId, identifier, credential }: Viewer,
  input: { readonly expiresInSeconds: number },
): Promise<{ readonly ticket: Secret; readonly expiresAt: Date }> {
  const { expiresInSeconds } = checkInput(streamTicketRules, input)
  if (identifier === null || credential.expiresAt === null) throw new Error('A stream ticket requires a user session.')
  const sxp = Math.floor(credential.expiresAt.getTime() / 1000)
  const now = await nowInSeconds(context)
  const expires = Math.min(now + expiresInSeconds, sxp)
  const claims = { env: environmentId, key: credential.apiKeyId, sid: credential.id, sxp }
  const ticket = await sign(context, ticketType, { id: randomUUID(), claims, subject: identifier, now, expires })
  return { ticket, expiresAt: new Date(expires * 1000) }
}

const nowInSeconds = async ({ db }: Pick<EnvironmentsContext, 'db'>) =>
  Math.floor((await databaseNow(db)).getTime() / 1000)

async function sign(
  context: Pick<EnvironmentsContext, 'userSessionKey' | 'publicUrl'>,
  typ: string,
  token: {
    readonly id: string
    readonly claims: JWTPayload
    readonly subject: string
    readonly now: number
    readonly expires: number
  },
): Promise<Secret> {
  const jwt = await new SignJWT(token.claims)
    .setProtectedHeader({ alg: algorithm, typ })
    .setIssuer(context.publicUrl)
    .setAudience(audience(context))
    .setSubject(token.subject)
    .setJti(token.id)
    .setIssuedAt(token.now)
    .setExpirationTime(token.expires)
    .sign(signingKey(context))
  return new Secret(jwt)
}

/**
 * Revokes a user session: no node accepts it after a second, and its streams end. Revoking it again changes nothing.
 * `permitted` is asked about its identifier. Throws UserSessionNotFoundError, also when it has expired some time ago.
 */
export async function revokeUserSession(
  context: Pick<EnvironmentsContext, 'db' | 'actor'>,
  environmentId: string,
  id: string,
  permitted: (identifier: string) => boolean,
): Promise<void> {
  await context.db.transaction().execute(async (trx) => {
    const session = await trx
      .selectFrom('user_sessions')
      .select(['identifier', 'revoked_at'])
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst()
    if (!session || !permitted(session.identifier)) throw new UserSessionNotFoundError()
    if (session.revoked_at !== null) return
    await trx
      .updateTable('user_sessions')
      .set({ revoked_at: currentTime })
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .execute()
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'user_session.revoked',
      target: `UserSession:${id}`,
      before: { identifier: session.identifier },
    })
  })
}

/** Revokes all user sessions of an identifier that are valid now. Returns their ids. */
export async function revokeUserSessions(
  context: Pick<EnvironmentsContext, 'db' | 'actor'>,
  environmentId: string,
  identifier: string,
): Promise<readonly string[]> {
  return context.db.transaction().execute(async (trx) => {
    const revoked = await trx
      .updateTable('user_sessions')
      .set({ revoked_at: currentTime })
      .where('environment_id', '=', environmentId)
      .where('identifier', '=', identifier)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', currentTime)
      .returning('id')
      .execute()
    await recordAudit(trx, context.actor, {
      environmentId,
      action: 'user_sessions.revoked',
      target: null,
      before: { identifier, sessions: revoked.length },
    })
    return revoked.map(({ id }) => id)
  })
}

/** Returns whether a session has neither expired nor been revoked. That of its API key is not looked at. */
export async function isValidSession(db: Db, environmentId: string, id: string): Promise<boolean> {
  const valid = await db
    .selectFrom('user_sessions')
    .select('id')
    .where('environment_id', '=', environmentId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', currentTime)
    .executeTakeFirst()
  return valid !== undefined
}

/** Deletes expired sessions, now and every 10 minutes. Several nodes may sweep at once. */
export function startUserSessionSweeper(
  db: Db,
  { log, measure }: Pick<LoopOptions<unknown>, 'log' | 'measure'>,
): Pick<Loop<unknown>, 'stop'> {
  return startLoop({
    name: 'sweeping expired user sessions',
    everyMs: 600_000,
    jitter: 0.25,
    immediately: true,
    log,
    measure,
    run: (signal) => deleteInBatches(db, 'user_sessions', 'id', expiredSessions(db), signal),
  })
}

/** For an hour after its expiry, a session is refused as expired or as revoked, whichever it is. */
const expiredSessions = (db: Db) =>
  db
    .selectFrom('user_sessions')
    .select('id')
    .where('expires_at', '<', sql<Date>`now() - interval '1 hour'`)
    .orderBy('expires_at')

/** Whether a credential has the form of a user session: a compact JWS whose header has our type. */
export function isUserSession(credential: string): boolean {
  const header = /^([\w-]{1,200})\.[\w-]+\.[\w-]+$/.exec(credential)?.[1]
  return header !== undefined && Buffer.from(header, 'base64url').toString('utf8').includes(`"${type}"`)
}

const claimsSchema = z.object({
  jti: z.uuid(),
  env: z.uuid(),
  key: z.uuid(),
  sub: z.string().min(1),
  exp: z.number().int(),
  stored: z.boolean().default(false),
})

const ticketClaimsSchema = claimsSchema.extend({ sid: z.uuid(), sxp: z.number().int() })

/** Returns the claims of a session that this server signed; null for any other string. Does not check `exp`. */
export async function readUserSession(
  context: Pick<EnvironmentsContext, 'userSessionKey' | 'publicUrl'>,
  token: string,
): Promise<SessionClaims | null> {
  const claims = await verify(context, type, claimsSchema, token)
  return claims && sessionOf(claims, claims.jti, claims.exp)
}

/** Returns the session of a ticket that this server signed; null for any other string. Does not check `usableUntil`. */
export async function readStreamTicket(
  context: Pick<EnvironmentsContext, 'userSessionKey' | 'publicUrl'>,
  ticket: string,
): Promise<(SessionClaims & { readonly usableUntil: Date }) | null> {
  const claims = await verify(context, ticketType, ticketClaimsSchema, ticket)
  return claims && { ...sessionOf(claims, claims.sid, claims.sxp), usableUntil: new Date(claims.exp * 1000) }
}

const sessionOf = (
  { env, key, sub, stored }: z.output<typeof claimsSchema>,
  id: string,
  ends: number,
): SessionClaims => ({
  id,
  environmentId: env,
  identifier: sub,
  apiKeyId: key,
  expiresAt: new Date(ends * 1000),
  stored,
})

async function verify<Claims>(
  context: Pick<EnvironmentsContext, 'userSessionKey' | 'publicUrl'>,
  typ: string,
  schema: z.ZodType<Claims>,
  token: string,
): Promise<Claims | null> {
  try {
    const { payload } = await jwtVerify(token, signingKey(context), {
      algorithms: [algorithm],
      typ,
      issuer: context.publicUrl,
      audience: audience(context),
      requiredClaims: ['exp'],
      // The database's clock decides about expiry, in the query that finds the key: a node's clock may be wrong.
      currentDate: new Date(0),
    })
    return schema.parse(payload)
  } catch {
    return null
  }
}

const audience = (context: Pick<EnvironmentsContext, 'publicUrl'>) => `${context.publicUrl}/graphql`

function signingKey(context: Pick<EnvironmentsContext, 'userSessionKey'>): KeyObject {
  return createSecretKey(context.userSessionKey.reveal(), 'utf8')
}
