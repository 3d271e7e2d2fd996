import { sql } from 'kysely'
import { systemClock } from '../../clock.ts'
import type { Config } from '../../config.ts'
import { connectionAdvice, connectServer, type Db, requireUsable, type ServerLocation } from '../../db/database.ts'
import { constraintsOfEarlierReleases } from '../../db/finish-upgrade.ts'
import { compareMigrations, readMigrations } from '../../db/migrate.ts'
import { stateOf } from '../../db/replica.ts'
import { requireSessions } from '../../db/sessions.ts'
import { databaseNow } from '../../db/time.ts'
import { error, type Finding, median, milliseconds, ok, warning } from './finding.ts'

/** The range of major versions of Postgres that the tests use. Newer ones are likely to work. */
const versions = { min: 15, tested: 18 }

const samples = 9

/** Checks the version, the maintenance, the round trip and the clock of a database. */
export async function databaseBasics(db: Db, kind: 'embedded' | 'server'): Promise<readonly Finding[]> {
  if (kind === 'server') await requireUsable(db, versions.min)
  const { rows } = await sql<{ version: string; major: number; vacuums: boolean }>`
    select split_part(current_setting('server_version'), ' ', 1) as version,
      current_setting('server_version_num')::int / 10000 as major,
      current_setting('autovacuum')::boolean and current_setting('track_counts')::boolean as vacuums`.execute(db)
  const [{ version, major, vacuums } = { version: 'unknown', major: 0, vacuums: true }] = rows
  const range = `${versions.min} or newer is required; tested up to ${versions.tested}.`
  const findings = [
    major > versions.tested
      ? warning('database version', `Postgres ${version}; ${range}`, 'Try it before you use it in production.')
      : ok('database version', `Postgres ${version}; ${range}`),
    ok('extensions', 'None is required.'),
    maintenance(kind, vacuums),
  ]
  const trips: number[] = []
  const skews: number[] = []
  for (let sample = 0; sample < samples; sample++) {
    const sentAt = systemClock.date().getTime()
    const began = performance.now()
    const now = await databaseNow(db)
    const took = performance.now() - began
    trips.push(took)
    skews.push(now.getTime() - (sentAt + took / 2))
  }
  return [...findings, latency('database latency', trips), clockSkew(median(skews))]
}

function maintenance(kind: 'embedded' | 'server', vacuums: boolean): Finding {
  if (kind === 'embedded') return ok('maintenance', 'A running server vacuums and analyzes the embedded database.')
  if (vacuums) return ok('maintenance', 'Autovacuum is on.')
  const message = 'Autovacuum is off, so that tables grow and calls become slower.'
  return warning('maintenance', message, 'Set autovacuum and track_counts of the Postgres server to on, and reload it.')
}

/** Makes a finding of round trips to a part that each request may wait for. */
export function latency(check: string, trips: readonly number[], slowMs = 20): Finding {
  const middle = median(trips)
  const message = `Round trip ${milliseconds(middle)}, at most ${milliseconds(Math.max(...trips))} of ${trips.length}.`
  if (middle < slowMs) return ok(check, message)
  return warning(check, message, 'Run it close to this machine: each call waits for several round trips.')
}

function clockSkew(skewMs: number): Finding {
  const seconds = Math.abs(skewMs) / 1_000
  const message = `This machine's clock is ${seconds < 0.5 ? 'less than 0.5' : seconds.toFixed(1)} s apart from that of the database.`
  if (seconds < 2) return ok('clock', message)
  const fix = 'Synchronize the clocks of both machines with NTP.'
  return seconds < 60 ? warning('clock', message, fix) : error('clock', message, fix)
}

/** Checks that this database user may migrate and use the tables. */
export async function privileges(db: Db): Promise<readonly Finding[]> {
  const { rows } = await sql<{ user: string; creates: boolean; lacking: string[]; foreign: string[] }>`
    select current_user as user,
      has_schema_privilege(current_schema(), 'create') as creates,
      array(select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'
        and not (has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
          and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete')) order by 1) as lacking,
      array(select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'
        and not pg_has_role(relowner, 'usage') order by 1) as foreign`.execute(db)
  const [row] = rows
  if (!row) return []
  const { user, creates, lacking, foreign } = row
  const findings: Finding[] = []
  if (lacking.length > 0) {
    const message = `The user ${user} may not read and write: ${lacking.join(', ')}.`
    findings.push(error('privileges', message, `Grant select, insert, update and delete on these tables to ${user}.`))
  }
  if (!creates || foreign.length > 0) {
    const what = creates ? `does not own: ${foreign.join(', ')}` : 'may not create tables'
    const fix = `Grant create on the schema to ${user}, and make ${user} the owner of the tables.`
    findings.push(error('privileges', `The user ${user} ${what}, so that migrations fail.`, fix))
  }
  return findings.length > 0 ? findings : [ok('privileges', `The user ${user} may migrate and use all tables.`)]
}

/** Checks that sessions and notifications work, through a pooler or past it. */
export async function pooling(location: ServerLocation, db: Db): Promise<readonly Finding[]> {
  await requireSessions(location, db)
  const way = location.directUrl == null ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL'
  return [ok('pooling', `Sessions and notifications work through ${way}.`)]
}

/** Compares the migrations of the database with those of this release. */
export async function migrations(
  db: Db,
): Promise<{ readonly findings: readonly Finding[]; readonly current: boolean }> {
  const check = 'migrations'
  const all = await readMigrations()
  const { ran, pending, newer } = await compareMigrations(db, all)
  if (newer.length > 0) {
    const message = `A newer release has migrated the database: this one lacks ${newer.join(', ')}.`
    return { findings: [error(check, message, 'Start that release or a newer one.')], current: false }
  }
  if (ran === null) {
    const message = 'The database is empty. The first start migrates it.'
    return { findings: [ok(check, message)], current: false }
  }
  if (pending.length === 0)
    return { findings: [ok(check, `All ${all.length} have run.`), await upgrade(db)], current: true }
  const message = `${pending.length} have not run: ${pending.join(', ')}. The next start runs them.`
  return { findings: [warning(check, message, 'Make a backup, then start this release.')], current: false }
}

/** Checks whether the database still has what only nodes of an earlier release need. */
async function upgrade(db: Db): Promise<Finding> {
  const check = 'upgrade'
  const left = await constraintsOfEarlierReleases(db)
  if (left.length === 0) return ok(check, 'Nothing is left for nodes of an earlier release.')
  const message = `Constraints that only nodes of an earlier release need: ${left.join(', ')}.`
  return warning(check, message, 'When no such node runs any more: npm run valetkey -- database finish-upgrade')
}

/** How long the check waits for a replica, in milliseconds. Lists are read from one that is at most 5 s behind. */
const maxLagMs = 5_000

/** Checks that the replica is a standby of the primary, and how far it is behind. */
export async function replica(config: Config, primary: Db, signal: AbortSignal): Promise<readonly Finding[]> {
  const check = 'replica'
  const { databaseReplicaUrl: url, databaseDirectUrl } = config
  if (url === null) return [ok(check, 'DATABASE_REPLICA_URL is not set.')]
  const options = { connectionString: url, max: 1, query_timeout: maxLagMs, pooled: databaseDirectUrl !== null }
  const db = connectServer(options, () => {})
  try {
    const written = await stateOf(primary)
    const began = performance.now()
    for (;;) {
      const shown = await stateOf(db)
      if (!shown.isStandby || shown.system !== written.system) {
        const message = 'DATABASE_REPLICA_URL is not a standby of the database at DATABASE_URL.'
        return [error(check, message, 'Set DATABASE_REPLICA_URL to a streaming standby, or remove it.')]
      }
      const lag = performance.now() - began
      if (shown.position >= written.position) return [ok(check, `It is at most ${milliseconds(lag)} behind.`)]
      if (lag > maxLagMs || signal.aborted) {
        const message = `It is more than ${maxLagMs / 1_000} s behind: lists are read from the primary.`
        return [warning(check, message, 'Check the replication of the standby.')]
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } catch (cause) {
    const message = `DATABASE_REPLICA_URL does not answer (${(cause as Error).message}): lists are read from the primary.`
    return [warning(check, message, connectionAdvice(cause))]
  } finally {
    void db.destroy()
  }
}
