import cluster, { type Worker } from 'node:cluster'
import { fullJitter } from '../backoff.ts'
import { type Clock, systemClock } from '../clock.ts'
import { createLog, type Log } from '../log.ts'
import type { PrimaryMessage, WorkerMessage } from './messages.ts'
import { createMetricsOfWorkers } from './metrics-of-workers.ts'

/** Pauses before a worker that ended is replaced, in milliseconds. */
const pauses = { firstMs: 500, maxMs: 30_000 }

/** A worker that served for this long ended for a reason of its own: pauses start again. Milliseconds. */
const settledMs = 60_000

/** So many starts in a row may fail while no worker serves. */
const maxFailedStarts = 5

/** The workers of a node. */
export interface Workers {
  /** Resolves with a message for the operator when the workers cannot start. */
  readonly failed: Promise<string>
  /** Lets every worker finish its calls. Resolves when all have ended; rejects when one has failed at that. */
  stop(): Promise<void>
  /** Ends every worker at once. */
  kill(): void
}

/**
 * Starts `count` workers that listen on one port, and replaces those that end, with growing pauses. The first one starts
 * alone: it migrates the database, creates what exists once, and reports what is wrong with the configuration. `print`
 * receives its welcome when all others have started too, or have failed at it.
 *
 * The primary opens no database and accepts no connection: the workers share the listening socket, and a worker that is not
 * busy accepts next. With round robin, Node's default, a connection that the primary is passing to a worker that dies would
 * never be closed, and its client would wait for an answer.
 */
export function startWorkers(count: number, print: (text: string) => void, clock: Clock = systemClock): Workers {
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const metrics = createMetricsOfWorkers(clock)
  const stopping = new AbortController()
  const live = new Map<Worker, { servesSince: number | null }>()
  let log: Log | undefined
  let welcome: string | null = null
  /** Workers of the first round that have neither started nor ended. */
  let awaited = count
  let deaths = 0
  let failedStarts = 0
  let failedAtStop = false
  let fail: (message: string) => void
  const failed = new Promise<string>((resolve) => {
    fail = resolve
  })
  let allEnded = () => {}

  const settle = () => {
    awaited -= 1
    if (awaited === 0 && welcome !== null) print(welcome)
  }

  const launch = (isFirstRound: boolean) => {
    const worker = cluster.fork()
    const { pid } = worker.process
    const state: { servesSince: number | null } = { servesSince: null }
    let failure: string | null = null
    live.set(worker, state)
    const send = (message: PrimaryMessage) => {
      // A worker that dies meanwhile is noticed by its end.
      if (worker.isConnected()) worker.send(message, () => {})
    }
    const measured = { ask: (id: number) => send({ kind: 'collect', id }) }

    const started = (message: WorkerMessage & { kind: 'started' }) => {
      state.servesSince = clock.now()
      failedStarts = 0
      metrics.add(measured)
      const isFirst = welcome === null
      welcome ??= message.welcome
      log ??= createLog(message.logLevel)
      if (isFirst) for (let more = 1; more < count; more++) launch(true)
      if (isFirstRound) settle()
    }
    const ended = (code: number | null, signal: string | null) => {
      if (!live.delete(worker)) return
      metrics.remove(measured)
      if (isFirstRound && state.servesSince === null) settle()
      if (stopping.signal.aborted) {
        if (code !== 0 && signal !== 'SIGTERM') failedAtStop = true
        if (live.size === 0) allEnded()
        return
      }
      const { servesSince } = state
      if (servesSince === null) failedStarts += 1
      const noneServes = [...live.values()].every((other) => other.servesSince === null)
      if (welcome === null || (noneServes && failedStarts >= maxFailedStarts)) {
        fail(failure ?? `A worker ended at its start (${signal ?? `exit code ${code}`}).`)
        return
      }
      log?.error({ worker: pid, code, signal, reason: failure ?? undefined }, 'worker ended')
      if (servesSince !== null && clock.now() - servesSince >= settledMs) deaths = 0
      clock.sleep(fullJitter(pauses, deaths, clock.random), stopping.signal).then(
        () => launch(false),
        () => {},
      )
      deaths += 1
    }
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'started') started(message)
      else if (message.kind === 'failed') failure = message.message
      else if (message.kind === 'metrics') metrics.receive(measured, message.id, message.metrics)
      else
        metrics.sum().then(
          (text) => send({ kind: 'summed', id: message.id, text }),
          (err: unknown) => log?.error({ err }, 'adding up metrics failed'),
        )
    })
    // Its last messages may arrive after its end.
    worker.on('exit', (code: number | null, signal: string | null) => {
      if (worker.isConnected()) worker.once('disconnect', () => ended(code, signal))
      else ended(code, signal)
    })
    // A process that the system could not create has no end.
    worker.on('error', () => {
      if (pid === undefined) ended(null, null)
    })
  }

  launch(true)
  return {
    failed,
    stop: () =>
      new Promise((resolve, reject) => {
        allEnded = () => (failedAtStop ? reject(new Error('A worker failed at its stop.')) : resolve())
        stopping.abort()
        for (const worker of live.keys()) worker.kill('SIGTERM')
        if (live.size === 0) allEnded()
      }),
    kill() {
      for (const worker of live.keys()) worker.kill('SIGKILL')
    },
  }
}
