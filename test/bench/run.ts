import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a process may take to end after SIGTERM before it is killed, in milliseconds. */
const stopMs = 12_000

/** A signal that comes again within this time is the same one: a terminal sends it to npm too, which passes it on. */
const sameSignalMs = 1_000

/** How much of a process's output is stored for the report of its failure, in characters. */
const maxOutput = 20_000

const projectDirectory = new URL('../..', import.meta.url)

/** A process of the bench. */
export interface Process {
  readonly pid: number
  /** Sends a value to the process and returns its next answer. Only for processes that `processes/child.ts` serves. */
  ask<Answer>(question: unknown): Promise<Answer>
  /** Sends SIGTERM, after 12 s SIGKILL. Resolves when the process has ended. */
  stop(): Promise<void>
}

/** Everything that one run of the bench starts and that must be gone when it ends. */
export interface Run {
  /** A directory that is removed at the end. */
  readonly directory: string
  /** Aborted when the run was interrupted or a process ended by itself; the reason is the error to report. */
  readonly signal: AbortSignal
  /** Writes a line of progress to stderr. */
  note(line: string): void
  /** Runs an action at the end, after those that were added later. */
  atEnd(action: () => Promise<unknown>): void
  /** Starts `node <args>` with only these environment variables (and PATH). With `ipc` the process can be asked. */
  start(name: string, args: readonly string[], env: Readonly<Record<string, string>>, ipc?: boolean): Process
  /** Starts a file of `processes/` and returns what it reports when it is ready. */
  startChild<Ready>(file: string, parameters: unknown): Promise<{ readonly process: Process; readonly ready: Ready }>
}

/**
 * Runs `work` and ends everything that it started, also after a failure, SIGINT or SIGTERM.
 *
 * Throws what `work` throws, or the reason of {@link Run.signal}: an error with the output of the process that failed.
 */
export async function withRun<Result>(
  note: (line: string) => void,
  work: (run: Run) => Promise<Result>,
): Promise<Result> {
  const aborting = new AbortController()
  const { signal } = aborting
  const children = new Set<ChildProcess>()
  const endings: (() => Promise<unknown>)[] = []
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  let interruptedAt = Number.POSITIVE_INFINITY
  const interrupt = (name: NodeJS.Signals) => {
    // The second signal does not wait for an orderly end.
    if (performance.now() - interruptedAt > sameSignalMs) killAll()
    interruptedAt = Math.min(interruptedAt, performance.now())
    if (!signal.aborted) note(`stopping (${name})`)
    aborting.abort(new InterruptedError(name))
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('exit', killAll)

  const start: Run['start'] = (name, args, env, ipc = false) => {
    signal.throwIfAborted()
    // A process group of its own: a terminal sends Ctrl-C to the whole group, and the run ends its processes in order.
    const child = spawn(process.execPath, [...args], {
      cwd: projectDirectory,
      detached: true,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
    })
    children.add(child)
    let output = ''
    const collect = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-maxOutput)
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    let stopping = false
    const gone = once(child, 'close').then(([code, killedBy]) => {
      children.delete(child)
      if (!stopping) aborting.abort(new Error(`${name} ended by itself (${code ?? killedBy}):\n${output}`))
    })
    child.on('error', (error) => aborting.abort(new Error(`${name} cannot be started`, { cause: error })))
    const stop = async () => {
      stopping = true
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), stopMs)
      await gone
      clearTimeout(killing)
    }
    endings.push(stop)
    return {
      pid: child.pid ?? 0,
      stop,
      async ask(question) {
        const answer = once(child, 'message', { signal })
        child.send(question as object)
        const [message] = (await answer) as [{ readonly answer?: unknown; readonly failure?: string }]
        if (message.failure !== undefined) throw new Error(`${name}: ${message.failure}`)
        return message.answer as never
      },
    }
  }

  const directory = await mkdtemp(join(tmpdir(), 'valetkey-bench-'))
  endings.push(() => rm(directory, { recursive: true, force: true }))
  const run: Run = {
    directory,
    signal,
    note,
    start,
    atEnd: (action) => void endings.push(action),
    async startChild(file, parameters) {
      const started = start(file, ['--import', 'tsx', `test/bench/processes/${file}`], {}, true)
      return { process: started, ready: await started.ask(parameters) }
    },
  }
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })
  const working = work(run)
  try {
    return await Promise.race([working, aborted])
  } catch (error) {
    // An aborted wait throws an AbortError, which hides the reason.
    throw signal.aborted ? signal.reason : error
  } finally {
    if (!signal.aborted) aborting.abort(new Error('the run is over'))
    await Promise.race([working.catch(() => {}), sleep(1_000)])
    for (const end of endings.reverse()) await end().catch((error: unknown) => note(`cleaning up failed: ${error}`))
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('exit', killAll)
  }
}

/** The run was stopped by a signal. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
  readonly signal: NodeJS.Signals

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}
