import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import { currentTime } from '../../db/time.ts'
import type { Secret } from '../../vault/secret.ts'
import type { GrantKey } from '../connected-account.ts'
import type { RenewalTiming } from '../context.ts'
import type { OpenedOAuthClient } from '../oauth-app-store.ts'
import { OAuthFailure } from '../provider.ts'
import type { TokenPair } from './token-pair.ts'

/*
 * What follows when a provider refuses a grant's credentials and does not name the reason of RFC 6749 for it. One such
 * answer proves nothing. Repeated over a time, and confirmed by what the provider reports elsewhere about the access token,
 * it ends the grant: otherwise the account would stay ACTIVE for ever, and its user would never be asked to reconnect.
 */

/**
 * What one endpoint of the provider reports about an access token:
 * - `accepted`, `refused`: its own answer.
 * - `silent`: it does not exist or cannot say.
 * - `unavailable`: an outage, a limit or the network.
 * - `client_refused`: it refuses our OAuth client, so that the token was not looked at.
 */
export type Word = 'accepted' | 'refused' | 'silent' | 'unavailable' | 'client_refused'

/** What is known about a grant whose credentials were refused without a reason. */
export interface Evidence {
  readonly introspection: Word
  readonly api: Word
  /** How often they were refused since they were last known to work. */
  readonly refusals: number
  /** The time since the first of these refusals. */
  readonly refusedForMs: number
}

/** What the evidence shows. Only `ended` ends the grant. */
export type Verdict = 'ended' | 'works' | 'client_refused' | 'undecided'

/**
 * Weighs the evidence. A grant has ended when the API does not accept its access token and enough refusals span enough
 * time: a short one where introspection confirms it, and a long one where only the API does. While an endpoint is
 * unavailable, nothing is decided.
 */
export function weigh(evidence: Evidence, { endAfter }: Pick<RenewalTiming, 'endAfter'>): Verdict {
  const { introspection, api, refusals, refusedForMs } = evidence
  const words = [introspection, api]
  if (words.includes('client_refused')) return 'client_refused'
  if (words.includes('unavailable')) return 'undecided'
  if (api === 'accepted' || (introspection === 'accepted' && api === 'silent')) return 'works'
  if (!words.includes('refused')) return 'undecided'
  const needed = introspection === 'refused' ? endAfter.confirmed : endAfter.unconfirmed
  return refusals >= needed.refusals && refusedForMs >= needed.spanMs ? 'ended' : 'undecided'
}

/**
 * Asks introspection about the tokens of a grant, and the API about its access token, all at once. An active refresh token
 * contradicts its refusal; an inactive one proves nothing, as a provider may introspect access tokens only. Takes up to the
 * deadline of one request (10 s).
 */
export async function askAboutTokens(
  { provider, client }: OpenedOAuthClient,
  { accessToken, refreshToken }: TokenPair,
): Promise<Pick<Evidence, 'introspection' | 'api'>> {
  const introspect = (token: Secret) => wordOf(provider.introspect?.(client, token).then(({ active }) => active))
  const [introspection, ofRefreshToken, api] = await Promise.all([
    introspect(accessToken),
    refreshToken && introspect(refreshToken),
    wordOf(provider.identify?.(client, accessToken).then(() => true)),
  ])
  return { introspection: ofRefreshToken === 'accepted' ? ofRefreshToken : introspection, api }
}

async function wordOf(answer: Promise<boolean> | undefined): Promise<Word> {
  if (answer === undefined) return 'silent'
  try {
    return (await answer) ? 'accepted' : 'refused'
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error
    switch (error.kind) {
      case 'grant_refused':
        return 'refused'
      case 'client_refused':
        return 'client_refused'
      case 'rejected':
      case 'unauthorized':
        return 'silent'
      case 'rate_limited':
      case 'not_sent':
      case 'ambiguous':
        return 'unavailable'
    }
  }
}

/** Counts one refusal of a version of a grant. Returns all that followed each other, by the database's time. */
export async function countRefusal(
  db: Db,
  { environmentId, grantId, version }: GrantKey & { readonly version: number },
): Promise<Pick<Evidence, 'refusals' | 'refusedForMs'>> {
  const row = await db
    .updateTable('grants')
    .set((eb) => ({
      refusals: eb('refusals', '+', 1),
      refused_since: eb.fn.coalesce('refused_since', currentTime),
    }))
    .where('environment_id', '=', environmentId)
    .where('id', '=', grantId)
    .where('version', '=', version)
    .where('status', '=', 'active')
    .returning([
      'refusals',
      sql<number>`extract(epoch from clock_timestamp() - refused_since)::float8 * 1000`.as('refused_for_ms'),
    ])
    .executeTakeFirst()
  return { refusals: row?.refusals ?? 0, refusedForMs: row?.refused_for_ms ?? 0 }
}
