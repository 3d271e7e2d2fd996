import { hash } from 'node:crypto'
import { observeState } from './accounts/observed-state.ts'
import type { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { type ChangedRows, watchChangedRows } from './db/changed-rows.ts'
import type { Database, Db } from './db/database.ts'
import type { Redis } from './db/redis.ts'
import { type LaggingReads, openReplica, primaryReads } from './db/replica.ts'
import { type AccountEvents, openAccountEvents } from './events/status-events.ts'
import { createMetrics, type Metrics, type WorkerMetrics } from './http/metrics.ts'
import { type Log, withFields } from './log.ts'
import { readVersion } from './package-files.ts'
import { type RoutedEvents, watchRoutedEvents } from './provider-events/routed-events.ts'
import { openStore } from './store.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { type TracedParts, tracedParts } from './telemetry/traced-parts.ts'
import { serverSecret } from './vault/server-secret.ts'
import type { Vault } from './vault/vault.ts'

/** What all parts of a process share: its database with the vault, what it hears of other nodes, and how it is observed. */
export interface Foundation {
  /** With the fields of the current span, when traces are sent. */
  readonly log: Log
  readonly tracing: Telemetry['tracing'] | null
  readonly traced: TracedParts | null
  readonly vault: Vault
  readonly database: Database
  /** Where lists over all users are read. */
  readonly lists: LaggingReads
  readonly redis: Redis | null
  readonly events: AccountEvents
  readonly changedRows: ChangedRows
  readonly routedEvents: RoutedEvents
  readonly metrics: Metrics
}

/**
 * Opens the {@link Foundation} of a process, and migrates its database. `closers` close it again, in the opposite order; what waits of
 * traces and metrics is then sent for at most `flushMs`. Throws the errors of `db/` and `vault/`.
 */
export async function openFoundation(
  config: Config,
  {
    log: processLog,
    closers,
    flushMs,
    ...seams
  }: {
    readonly log: Log
    readonly closers: Closers
    readonly flushMs: () => number
    readonly workerMetrics?: WorkerMetrics
    readonly wrapDatabase?: (db: Db) => Db
  },
): Promise<Foundation> {
  const telemetry = await openConfiguredTelemetry(config, processLog)
  const tracing = telemetry?.tracing ?? null
  closers.add(() => telemetry?.close(flushMs()))
  const log = tracing ? withFields(processLog, tracing.logFields) : processLog
  const traced = tracing && tracedParts(tracing)

  // The sandbox stores its content in the data directory as well.
  const store = await openStore(config, log, { ownDirectory: config.sandbox, wrapPool: traced?.pool })
  closers.add(() => store.close())
  const { vault } = store
  const database: Database = { ...store.database, db: seams.wrapDatabase?.(store.database.db) ?? store.database.db }
  const { db } = database
  const { databaseReplicaUrl: replicaUrl, databasePoolSize: maxConnections } = config
  const pooled = config.databaseDirectUrl !== null
  const lists =
    replicaUrl === null
      ? primaryReads(db)
      : openReplica(replicaUrl, { primary: db, maxConnections, pooled, wrapPool: traced?.pool, log })
  closers.add(() => lists.close())
  const redis = config.redisUrl === null ? null : await connectRedis(config.redisUrl, db, vault, log)
  if (redis) closers.add(() => redis.close())
  const busEvents = await openAccountEvents(
    database,
    (error) => log.warn({ err: error }, 'sending an event failed'),
    redis,
  )
  closers.add(() => busEvents.close())
  const changedRows = await watchChangedRows(database)
  closers.add(() => changedRows.close())
  const events: AccountEvents = {
    ...busEvents,
    publish(published) {
      for (const { accountId } of published) changedRows.announce(accountId)
      busEvents.publish(published)
    },
  }
  const routedEvents = await watchRoutedEvents(database, log)
  closers.add(() => routedEvents.close())
  const metrics = createMetrics({
    workers: seams.workerMetrics,
    readState: () => observeState(db),
    hearsChanges: () => changedRows.areKnown(),
  })
  closers.add(() => metrics.close())
  const metricSender = telemetry?.sendMetrics(metrics.snapshot)
  closers.add(() => metricSender?.close(flushMs()))
  return { log, tracing, traced, vault, database, lists, redis, events, changedRows, routedEvents, metrics }
}

/** Loads the SDK of OpenTelemetry only when the environment names a collector. */
async function openConfiguredTelemetry(config: Config, log: Log): Promise<Telemetry | null> {
  if (config.telemetry === null) return null
  const { openTelemetry } = await import('./telemetry/open-telemetry.ts')
  return openTelemetry(config.telemetry, readVersion(), log)
}

/**
 * Connects to a Redis server that others may share: the prefix of this installation is derived from a secret of its database.
 * The client is loaded here, because it has all commands of Redis, a sixth of what a start would load.
 */
async function connectRedis(url: string, db: Db, vault: Vault, log: Log): Promise<Redis> {
  const { openRedis } = await import('./db/redis.ts')
  const secret = await serverSecret(db, vault, 'redis-namespace')
  return openRedis(url, `valetkey:${hash('sha256', secret.reveal()).slice(0, 16)}:`, log)
}
