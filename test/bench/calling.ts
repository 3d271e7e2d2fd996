import { percentile } from '../chaos/report.ts'

/** How many callers call at a time, and for how long: until the time is over and so many calls were made. */
export interface Load {
  readonly callers: number
  readonly seconds: number
  readonly calls: number
}

/** What the callers met. All of their calls were answered correctly. */
export interface Measured {
  readonly calls: number
  readonly perSecond: number
  /** Milliseconds from sending a call to having checked its answer. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/**
 * Calls again and again; each caller makes its next call when the last one was answered.
 *
 * Throws what `call` throws, as soon as one call fails.
 */
export async function keepCalling(call: () => Promise<void>, { callers, seconds, calls }: Load): Promise<Measured> {
  const began = performance.now()
  const end = began + seconds * 1_000
  let left = calls
  let failed = false
  const samples: number[] = []
  const caller = async () => {
    while (!failed && (left > 0 || performance.now() < end)) {
      left -= 1
      const sent = performance.now()
      await call()
      samples.push(performance.now() - sent)
    }
  }
  try {
    await Promise.all(Array.from({ length: callers }, caller))
  } catch (error) {
    failed = true
    throw error
  }
  const took = (performance.now() - began) / 1_000
  return {
    calls: samples.length,
    perSecond: samples.length / took,
    p50: percentile(samples, 50),
    p95: percentile(samples, 95),
    p99: percentile(samples, 99),
  }
}
