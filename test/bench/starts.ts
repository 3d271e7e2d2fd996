import { setTimeout as sleep } from 'node:timers/promises'
import { rounded } from './report.ts'
import { median } from './rounds.ts'
import type { Run } from './run.ts'
import { usageOf } from './usage-of.ts'
import { type ServerSetup, startValetkey } from './valetkey.ts'

/** What a start of the server costs. */
export interface Start {
  readonly name: string
  /** User and system time until the first answered query, in seconds. */
  readonly cpuSeconds: number | null
  /** Seconds until the first answered query. */
  readonly seconds: number
  /** Resident memory 2 s after the first answered query, in MB of 2^20 bytes. */
  readonly rssMb: number | null
}

/** How long after the first answer the memory is read, in milliseconds. */
const settleMs = 2_000

/**
 * Measures a first start, with an empty database, and a later one on what the first start has left. `newSetup` is called
 * for each of the `times` pairs; the figures are medians.
 */
export async function measureStarts(
  run: Run,
  name: string,
  times: number,
  newSetup: () => Promise<ServerSetup>,
): Promise<readonly Start[]> {
  const starts: Omit<Start, 'name'>[][] = [[], []]
  for (let time = 0; time < times; time += 1) {
    const setup = await newSetup()
    for (const list of starts) {
      run.note(`start: ${name}`)
      const { process, startedInMs, usageAtStart } = await startValetkey(run, setup)
      await sleep(settleMs)
      const usage = await usageOf(process.pid)
      await process.stop()
      list.push({
        cpuSeconds: usageAtStart && usageAtStart.cpuMs / 1_000,
        seconds: startedInMs / 1_000,
        rssMb: usage && usage.rssBytes / 2 ** 20,
      })
    }
  }
  return ['first start', 'later start'].map((which, at) => {
    const of = (figure: keyof Omit<Start, 'name'>) => median((starts[at] ?? []).map((start) => start[figure]))
    const [cpuSeconds, rssMb] = [of('cpuSeconds'), of('rssMb')]
    return {
      name: `${name}, ${which}`,
      cpuSeconds: cpuSeconds === null ? null : rounded(cpuSeconds, 2),
      seconds: rounded(of('seconds') ?? 0, 2),
      rssMb: rssMb === null ? null : Math.round(rssMb),
    }
  })
}
