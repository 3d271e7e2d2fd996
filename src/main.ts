import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { connectPrimary } from './workers/messages.ts'
import { workerCount } from './workers/worker-count.ts'

/*
 * The process: a server, a worker of several that are servers, or their primary. Parts are imported when they are needed,
 * because the primary needs hardly any.
 */

/** What the process runs. */
interface Role {
  stop(): Promise<void>
  /** Ends other processes, which would not end with this one. */
  kill?(): void
}

/**
 * A signal that is repeated within these milliseconds counts once: a terminal sends it to the whole process group, npm
 * forwards its own to the server, and the primary to its workers.
 */
const sameSignalMs = 1_000

/** The process stops when it gets a signal, and a worker also when it loses its primary. */
function stopInTime(role: Role): void {
  let stopRequestedAt: number | undefined
  const stop = () => {
    stopRequestedAt ??= performance.now()
    role.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  const onSignal = () => {
    if (stopRequestedAt === undefined) {
      stop()
    } else if (performance.now() - stopRequestedAt > sameSignalMs) {
      // A second request means that the operator does not want to wait.
      role.kill?.()
      process.exit(1)
    }
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  if (!cluster.worker) return
  // Node ends a worker without its primary at once, in the middle of its calls, unless it seems to be wanted.
  cluster.worker.exitedAfterDisconnect = true
  process.on('disconnect', () => {
    if (stopRequestedAt === undefined) stop()
  })
}

function fail(message: string): never {
  process.stderr.write(`valetkey: ${message}\n`)
  process.exit(1)
}

async function runPrimary(workers: number): Promise<void> {
  const { startWorkers } = await import('./workers/primary.ts')
  const role = startWorkers(workers, (text) => void process.stderr.write(text))
  stopInTime(role)
  fail(await role.failed)
}

async function runServer(): Promise<void> {
  const primary = cluster.isWorker ? connectPrimary(process) : null
  const { serve, messageOf } = await import('./serve.ts')
  const server = serve(process.env, primary && { pid: process.pid, metrics: primary.metrics })
  stopInTime(server)
  try {
    const started = await server.started
    if (started === null) return
    if (primary) await primary.send({ kind: 'started', ...started })
    else process.stderr.write(started.welcome)
  } catch (error) {
    if (!primary) fail(messageOf(error))
    await primary?.send({ kind: 'failed', message: messageOf(error) })
    process.exit(1)
  }
}

// A number that is not valid is for the configuration to report.
const workers = workerCount(process.env['VALETKEY_WORKERS'], availableParallelism()) ?? 1
if (cluster.isPrimary && workers > 1) await runPrimary(workers)
else await runServer()
