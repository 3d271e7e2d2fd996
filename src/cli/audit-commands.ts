import { type AuditEvent, listAuditEvents, publicId, settledTime } from '../audit/audit-log.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Store } from '../store.ts'
import { type Print, UsageError } from './command.ts'
import { requireEnvironment, uuidIn } from './known-names.ts'

/** Events that are read at once: the memory of the command does not depend on the length of the log. */
const pageSize = 500

/**
 * `audit export`: prints one JSON object per line, oldest first, with the fields of `AuditEvent` in GraphQL and the ID of
 * the environment. `environment` is a name, or the ID of one that may have been deleted; undefined: all of them, and the
 * acts on the server itself. All of them are from before the start of the command, and none from before it is added later.
 * Throws {@link UsageError}.
 */
export async function exportCommand(
  { database: { db } }: Pick<Store, 'database'>,
  print: Print,
  options: {
    readonly environment: string | undefined
    /** ISO 8601. */
    readonly since: string | undefined
    readonly until: string | undefined
  },
  clock: Pick<Clock, 'sleep'> = systemClock,
): Promise<void> {
  const since = timeOf('--since', options.since)
  const until = timeOf('--until', options.until)
  const { environment } = options
  const environmentId =
    environment === undefined
      ? null
      : (uuidIn('Environment', environment) ?? (await requireEnvironment(db, environment)))
  const settled = await settledTime(db, clock)
  const range = { since, until: until !== null && until < settled ? until : settled }
  for (let after: string | null = null, more = true; more; ) {
    const page: readonly AuditEvent[] = await listAuditEvents(db, environmentId, range, {
      limit: pageSize,
      after,
      order: 'oldest',
    })
    for (const event of page) await print(JSON.stringify(shown(event)))
    after = page.at(-1)?.id ?? null
    more = page.length === pageSize
  }
}

const shown = ({ id, environmentId, actor, target, ...event }: AuditEvent) => ({
  id: publicId(`AuditEvent:${id}`),
  ...event,
  environment: environmentId && publicId(`Environment:${environmentId}`),
  actor: publicId(actor),
  target: target && publicId(target),
})

function timeOf(option: string, text: string | undefined): Date | null {
  if (text === undefined) return null
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new UsageError(`${option} must be a date or a time such as 2030-01-31T12:00Z`)
  return time
}
