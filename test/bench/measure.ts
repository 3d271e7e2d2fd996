import { percentile } from '../chaos/report.ts'

/** What so many callers at a time met, each making its next call as soon as the last one was answered. */
export interface Measured {
  readonly calls: number
  /** Calls that failed; their times do not count. */
  readonly failed: readonly unknown[]
  readonly callsPerSecond: number
  /** Milliseconds from sending a call to having read its answer. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Runs a call over and over for `seconds`. */
export async function measure(call: () => Promise<void>, callers: number, seconds: number): Promise<Measured> {
  const began = performance.now()
  const { samples, failed } = await rounds(call, callers, seconds)
  const took = (performance.now() - began) / 1_000
  return {
    calls: samples.length,
    failed,
    callsPerSecond: samples.length / took,
    p50: percentile(samples, 50),
    p95: percentile(samples, 95),
    p99: percentile(samples, 99),
  }
}

async function rounds(
  call: () => Promise<void>,
  callers: number,
  seconds: number,
): Promise<{ readonly samples: readonly number[]; readonly failed: readonly unknown[] }> {
  const until = performance.now() + seconds * 1_000
  const samples: number[] = []
  const failed: unknown[] = []
  const caller = async () => {
    while (performance.now() < until) {
      const began = performance.now()
      try {
        await call()
        samples.push(performance.now() - began)
      } catch (error) {
        failed.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { samples, failed }
}
