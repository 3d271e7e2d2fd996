import { createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { databaseNow } from '../db/time.ts'
import { checkInput, userSessionRules } from '../input-rules.ts'
import { Secret } from '../vault/secret.ts'
import type { EnvironmentsContext } from './context.ts'
import type { Viewer } from './viewer.ts'

/**
 * User sessions are JWTs (RFC 7519) signed with HS256 (RFC 7518 section 3.2): `iss` and `aud` are this server, `sub` is the
 * identifier, `env` the environment, `key` the API key that created it, `jti` its id. They are not stored; they end at
 * `exp` or with their API key.
 */
const algorithm = 'HS256'
/** Explicit typing (RFC 8725 section 3.11): no other JWT of this server is accepted as a session. */
const type = 'valetkey-session+jwt'

/** The claims of a session with a valid signature. The database decides whether the session and its key are still valid. */
export interface SessionClaims {
  readonly id: string
  readonly environmentId: string
  readonly identifier: string
  readonly apiKeyId: string
  readonly expiresAt: Date
}

/**
 * Creates a token for one user's browser. `viewer` uses an API key with USER_SESSIONS_CREATE. The session lasts from 1
 * second to a day, by the database's clock. Throws InvalidInputError.
 */
export async function createUserSession(
  context: Pick<EnvironmentsContext, 'db' | 'userSessionKey' | 'publicUrl'>,
  viewer: Viewer,
  input: { readonly identifier: string; readonly expiresInSeconds: number },
): Promise<{ readonly token: Secret; readonly expiresAt: Date }> {
  const { identifier, expiresInSeconds } = checkInput(userSessionRules, input)
  if (viewer.credential.kind !== 'api_key') throw new Error('A user session cannot create user sessions.')
  const now = Math.floor((await databaseNow(context.db)).getTime() / 1000)
  const expires = now + expiresInSeconds
  const token = await new SignJWT({ env: viewer.environmentId, key: viewer.credential.id })
    .setProtectedHeader({ alg: algorithm, typ: type })
    .setIssuer(context.publicUrl)
    .setAudience(audience(context))
    .setSubject(identifier)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setExpirationTime(expires)
    .sign(signingKey(context))
  return { token: new Secret(token), expiresAt: new Date(expires * 1000) }
}

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
})

/** Returns the claims of a session that this server signed; null for any other string. Does not check `exp`. */
export async function readUserSession(
  context: Pick<EnvironmentsContext, 'userSessionKey' | 'publicUrl'>,
  token: string,
): Promise<SessionClaims | null> {
  try {
    const { payload } = await jwtVerify(token, signingKey(context), {
      algorithms: [algorithm],
      typ: type,
      issuer: context.publicUrl,
      audience: audience(context),
      requiredClaims: ['exp'],
      // The database's clock decides about expiry, in the query that finds the key: a node's clock may be wrong.
      currentDate: new Date(0),
    })
    const { jti, env, key, sub, exp } = claimsSchema.parse(payload)
    return { id: jti, environmentId: env, identifier: sub, apiKeyId: key, expiresAt: new Date(exp * 1000) }
  } catch {
    return null
  }
}

const audience = (context: Pick<EnvironmentsContext, 'publicUrl'>) => `${context.publicUrl}/graphql`

function signingKey(context: Pick<EnvironmentsContext, 'userSessionKey'>): KeyObject {
  return createSecretKey(context.userSessionKey.reveal(), 'utf8')
}
