import { sql } from 'kysely'
import type { Db } from '../../db/database.ts'
import { retentionDays } from '../../provider-events/inbox-worker.ts'
import { type Finding, ok, warning } from './finding.ts'

const check = 'app webhooks'

/** An event that waits for longer is late, in minutes: a retry may take that long. */
const lateMinutes = 10

/** What is stored of the provider's webhook of an OAuth app. */
interface AppWebhook {
  readonly name: string
  readonly environment: string
  readonly active: boolean
  /** When the newest token was received and read that no event has verified yet. */
  readonly pendingAt: Date | null
  readonly shownAt: Date | null
  readonly lastEventAt: Date | null
  readonly late: number
  readonly failed: number
}

/** Checks the provider's webhook of each OAuth app that has one: its set-up, and the inbox of its events. Opens no token. */
export async function appWebhooks(db: Db): Promise<readonly Finding[]> {
  const { rows } = await sql<AppWebhook>`
    select app.connection_name as name, environment.name as environment, coalesce(tokens.active, false) as active,
      tokens.pending_at as "pendingAt", tokens.shown_at as "shownAt", events.last_at as "lastEventAt",
      coalesce(events.late, 0)::int as late, coalesce(events.failed, 0)::int as failed
    from oauth_apps app
    join environments environment on environment.id = app.environment_id
    left join (
      select oauth_app_id, bool_or(state = 'active') as active,
        max(received_at) filter (where state = 'pending') as pending_at,
        max(shown_at) filter (where state = 'pending') as shown_at
      from provider_webhook_tokens group by oauth_app_id
    ) tokens on tokens.oauth_app_id = app.id
    left join (
      select oauth_app_id, max(received_at) as last_at,
        count(*) filter (where state = 'FAILED') as failed,
        count(*) filter (where state = 'PENDING' and received_at < now() - make_interval(mins => ${lateMinutes})) as late
      from provider_events where grant_id is null group by oauth_app_id
    ) events on events.oauth_app_id = app.id
    where tokens.oauth_app_id is not null or events.oauth_app_id is not null
    order by environment.name, app.connection_name`.execute(db)
  if (rows.length === 0) return [ok(check, 'No OAuth app receives events of its provider, which is optional.')]
  return rows.map(findingOf)
}

function findingOf(app: AppWebhook): Finding {
  const { name, environment, active, pendingAt, shownAt, lastEventAt, late, failed } = app
  const who = `"${name}" of the environment "${environment}"`
  const command = `npm run valetkey -- oauth-apps webhook ${name} --environment '${environment}'`
  const events = (count: number) => `${count} event${count === 1 ? '' : 's'} of ${who}`
  if (!active && shownAt !== null) {
    const message = `${who} has received no event that is signed with its token, which was read at ${shownAt.toISOString()}.`
    const fix = `Enter the token in the provider's settings, then change a page that a user has shared. Print the token again if it was lost: ${command}.`
    return warning(check, message, fix)
  }
  if (!active && pendingAt !== null) {
    const message = `${who} received a token at ${pendingAt.toISOString()}, which no one has read.`
    return warning(check, message, `Run ${command}, and enter the token in the provider's settings.`)
  }
  if (!active) {
    const message = `${who} was reset, and has received no token since: events are refused.`
    return warning(check, message, `Have the provider send its token again, then run ${command}.`)
  }
  if (late > 0) {
    const message = `${events(late)} ${late === 1 ? 'waits' : 'wait'} for more than ${lateMinutes} minutes.`
    return warning(check, message, 'Check that a server runs; its log has why an event could not be processed.')
  }
  if (failed > 0) {
    const message = `${events(failed)} ${failed === 1 ? 'was' : 'were'} given up within ${retentionDays} days.`
    return warning(check, message, 'Check the log of the servers for why; read the current state with a tool instead.')
  }
  const last =
    lastEventAt === null ? `none within ${retentionDays} days` : `the last one at ${lastEventAt.toISOString()}`
  return ok(check, `${who} receives events; ${last}.`)
}
