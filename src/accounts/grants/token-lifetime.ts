import { type RawBuilder, sql } from 'kysely'
import { pagesOfIds } from '../../db/batches.ts'
import type { Db } from '../../db/database.ts'
import { anyOf } from '../../db/found-by-id.ts'
import type { RenewalTiming } from '../context.ts'

/**
 * When a token pair is renewed before it was refused.
 *
 * Where the provider announces `expires_in` (RFC 6749 section 5.1), that counts. Where it does not, as with Notion, the
 * lifetime is learned for each OAuth app: it is the smallest age at which an access token was refused although its
 * refresh token still worked. Such an age can also be a coincidence (the provider dropped tokens early), and renewing
 * ahead of it would hide the mistake forever. So one renewal in eight is left out and the token is verified past the
 * learned age instead: if it still works, the learned lifetime is forgotten.
 */

const renewAt = 0.8
/** A younger token that is refused was revoked and did not expire. Learning from it would renew a whole app without end. */
const minLifetimeSeconds = 60
const exploredShare = 1 / 8
const explorationAge = 1.1
/** A known expiry is anticipated by a fifth of the lifetime, and by at most this. */
const maxMarginSeconds = 600

/** Seconds from now until a fresh pair is renewed and verified. `renewIn` null: only when it is refused. */
export interface TokenSchedule {
  readonly renewIn: number | null
  readonly verifyIn: number
}

/** Schedules a fresh pair. A jitter of a tenth keeps pairs that were issued together from becoming due together. */
export function scheduleToken(
  timing: Pick<RenewalTiming, 'verifyEveryMs' | 'random'>,
  pair: {
    readonly renewable: boolean
    readonly expiresInSeconds: number | null
    readonly learnedLifetimeSeconds: number | null
  },
): TokenSchedule {
  const jitter = 0.9 + 0.2 * timing.random()
  const verifyIn = (timing.verifyEveryMs / 1000) * jitter
  if (!pair.renewable) return { renewIn: null, verifyIn }
  const known = pair.expiresInSeconds
  if (known !== null) return { renewIn: Math.max(known * renewAt, known - maxMarginSeconds * jitter), verifyIn }
  const learned = pair.learnedLifetimeSeconds
  if (learned === null) return { renewIn: null, verifyIn }
  if (timing.random() < exploredShare) return { renewIn: null, verifyIn: Math.min(verifyIn, learned * explorationAge) }
  return { renewIn: learned * renewAt * jitter, verifyIn }
}

/** An OAuth app of an environment: lifetimes are learned for each. */
export interface AppKey {
  readonly environmentId: string
  readonly oauthAppId: string
}

/**
 * Learns that a token of this age was refused while its refresh token worked: no lifetime is longer than that. Schedules
 * the app's grants that have no renewal scheduled, or a later one.
 */
export async function observeRefusedAge(db: Db, app: AppKey, ageSeconds: number): Promise<void> {
  const age = Math.floor(ageSeconds)
  if (age < minLifetimeSeconds) return
  const learned = await db
    .updateTable('oauth_apps')
    .set({ token_lifetime_seconds: age })
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.oauthAppId)
    .where((eb) => eb.or([eb('token_lifetime_seconds', 'is', null), eb('token_lifetime_seconds', '>', age)]))
    .returning('id')
    .executeTakeFirst()
  if (!learned) return
  const due = sql<Date>`issued_at + make_interval(secs => ${age * renewAt} * (0.9 + 0.2 * random()))`
  // A small difference is not worth rescheduling every grant of the app.
  const isLater = sql<boolean>`
    refresh_token is not null
    and (next_refresh_at is null or next_refresh_at > issued_at + make_interval(secs => ${age * 0.98}))
  `
  await reschedule(db, app, due, isLater)
}

/** Learns that a token of this age works: a shorter learned lifetime is wrong and is forgotten. */
export async function observeWorkingAge(db: Db, app: AppKey, ageSeconds: number): Promise<void> {
  const disproved = await db
    .updateTable('oauth_apps')
    .set({ token_lifetime_seconds: null })
    .where('environment_id', '=', app.environmentId)
    .where('id', '=', app.oauthAppId)
    .where('token_lifetime_seconds', '<', Math.floor(ageSeconds))
    .returning('id')
    .executeTakeFirst()
  if (!disproved) return
  await reschedule(db, app, sql<null>`null`, sql<boolean>`next_refresh_at is not null`)
}

/** Sets when the grants of an app are renewed whose lifetime is not announced, of those for which `condition` holds. */
async function reschedule(
  db: Db,
  app: AppKey,
  due: RawBuilder<Date | null>,
  condition: RawBuilder<boolean>,
): Promise<void> {
  const grants = await db
    .selectFrom('grants')
    .select('id')
    .where('environment_id', '=', app.environmentId)
    .where('oauth_app_id', '=', app.oauthAppId)
    .where('status', '=', 'active')
    .where('expires_at', 'is', null)
    .where('fail_count', '=', 0)
    .where(condition)
    .execute()
  for (const ids of pagesOfIds(grants)) {
    await db
      .updateTable('grants')
      .set({ next_refresh_at: due })
      .where('environment_id', '=', app.environmentId)
      .where('id', '=', anyOf('uuid', ids))
      .where('status', '=', 'active')
      .where('expires_at', 'is', null)
      .where('fail_count', '=', 0)
      .where(condition)
      .execute()
  }
}
