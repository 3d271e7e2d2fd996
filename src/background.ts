import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './log.ts'

/** Work that is repeated until it is stopped. */
export interface Loop<T> {
  /** Runs the work now, after a run that is in progress, and returns its result. A failure rejects. */
  runOnce(): Promise<T>
  /** Runs the work soon, once for all calls before that run begins. A failure is logged. Does nothing after a stop. */
  wake(): void
  /** Starts no further run and waits for the one in progress. */
  stop(): Promise<void>
}

/**
 * Runs work under a name, for its measurement. Polls that find nothing to do are not measured: work has done something if it
 * wrote or sent, or if `acted` is true of its result.
 */
export type MeasureWork = <T>(name: string, run: () => Promise<T>, acted?: (result: T) => boolean) => Promise<T>

/** Measures nothing. */
export const unmeasured: MeasureWork = (_name, run) => run()

/** What a loop repeats, and how often. */
export interface LoopOptions<T> {
  /** Names the work in the log. */
  readonly name: string
  /** The pause between two runs, in milliseconds. */
  readonly everyMs: number
  /** The share by which pauses vary in both directions, such as 0.1; 0 by default. */
  readonly jitter?: number
  /** Whether the first run starts now instead of after a pause. */
  readonly immediately?: boolean
  /** Returns a number from 0 up to and without 1. */
  readonly random?: () => number
  readonly log: Pick<Log, 'error'>
  readonly measure?: MeasureWork | undefined
  /** Whether a run did something that {@link MeasureWork} does not see. */
  readonly acted?: (result: T) => boolean
  /** The signal aborts when the loop is stopped. */
  readonly run: (signal: AbortSignal) => Promise<T>
}

/**
 * Repeats work with a pause after each run, so that runs never overlap. A failed run is logged and the loop continues.
 * The pause does not keep the process alive.
 */
export function startLoop<T>(options: LoopOptions<T>): Loop<T> {
  const { name, everyMs, jitter = 0, immediately = false, random = Math.random, log, run } = options
  const { measure = unmeasured, acted } = options
  const stopping = new AbortController()
  const { signal } = stopping
  let last: Promise<unknown> = Promise.resolve()
  let isAwake = false
  const runOnce = () => {
    const next = last.then(() => {
      isAwake = false
      return measure(name, () => run(signal), acted)
    })
    last = next.catch(() => {})
    return next
  }
  const runAndLog = () => runOnce().catch((err: unknown) => log.error({ err }, `${name} failed`))
  const loop = (async () => {
    if (immediately) await runAndLog()
    while (!signal.aborted) {
      const pause = everyMs * (1 - jitter + 2 * jitter * random())
      await sleep(pause, undefined, { signal, ref: false }).catch(() => {})
      if (!signal.aborted) await runAndLog()
    }
  })()
  return {
    runOnce,
    wake() {
      if (isAwake || signal.aborted) return
      isAwake = true
      void runAndLog()
    },
    async stop() {
      stopping.abort()
      await loop
      await last
    },
  }
}
