import type { Load, Measured } from './calling.ts'
import type { Run } from './run.ts'
import { usageOf } from './usage-of.ts'

/** One way to get an answer, such as the stack floor. */
export interface Way {
  readonly name: string
  /** The process whose CPU time counts. */
  readonly pid: number
  measure(load: Load): Promise<Measured>
}

/** Ways that are compared with each other under the same load. */
export interface Comparison {
  readonly callers: number
  readonly ways: readonly Way[]
}

/** What one way did in one round. */
export interface Figures extends Omit<Measured, 'calls'> {
  /** User and system time of the way's process for each call, in milliseconds; null where it is not known. */
  readonly cpuMsPerCall: number | null
}

/** A way with its figures, one entry for each round. */
export interface Series {
  readonly name: string
  readonly callers: number
  readonly rounds: readonly Figures[]
}

/** A process of the bench that must not limit what it helps to measure. */
export interface Helper {
  readonly name: string
  readonly pid: number
}

/** A process that uses more of one core than this may be what limits the calls per second. */
const busyShare = 0.9

/**
 * Warms each way up, then measures all of them once in each round: A B C A B C. What slows the machine down for a while
 * then affects neighbours alike, and a ratio of neighbours in one round hardly changes.
 */
export async function measureInRounds(
  run: Pick<Run, 'note' | 'signal'>,
  comparisons: readonly Comparison[],
  options: {
    readonly rounds: number
    /** One measurement in one round. */
    readonly measured: Omit<Load, 'callers'>
    readonly warmUp: Load
    readonly helpers: readonly Helper[]
  },
): Promise<{ readonly series: readonly Series[]; readonly warnings: readonly string[] }> {
  const warnings = new Set<string>()
  const entries = comparisons.flatMap(({ callers, ways }) =>
    ways.map((way) => ({ way, callers, rounds: [] as Figures[] })),
  )
  for (const way of new Set(entries.map((entry) => entry.way))) {
    run.note(`warming up: ${way.name}`)
    await way.measure(options.warmUp)
  }
  for (let round = 1; round <= options.rounds; round += 1) {
    run.note(`round ${round} of ${options.rounds}`)
    for (const { way, callers, rounds } of entries) {
      run.signal.throwIfAborted()
      const watched = [{ name: way.name, pid: way.pid }, ...options.helpers]
      const began = performance.now()
      const before = await Promise.all(watched.map(({ pid }) => usageOf(pid)))
      const { calls, ...measured } = await way.measure({ callers, ...options.measured })
      const after = await Promise.all(watched.map(({ pid }) => usageOf(pid)))
      const ms = performance.now() - began
      const [cpuMs, ...ofHelpers] = after.map((usage, at) => {
        const earlier = before[at]
        return usage && earlier ? usage.cpuMs - earlier.cpuMs : null
      })
      rounds.push({ ...measured, cpuMsPerCall: cpuMs == null ? null : cpuMs / calls })
      for (const [at, used] of ofHelpers.entries())
        if (used !== null && used / ms > busyShare)
          warnings.add(
            `${way.name}, ${callers} callers: the ${options.helpers[at]?.name} was busy and may be the limit.`,
          )
    }
  }
  const series = entries.map(({ way, callers, rounds }) => ({ name: way.name, callers, rounds }))
  return { series, warnings: [...warnings] }
}

/** The median of numbers; null for none or when one of them is not known. */
export function median(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  if (known.length === 0 || known.length < values.length) return null
  const sorted = known.sort((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? null : (low + high) / 2
}

/** The median over the rounds of a figure of one series divided by the same figure of another. */
export function ratioOf(figure: keyof Figures, of: Series, to: Series): number | null {
  return median(
    of.rounds.map((round, at) => {
      const [value, base] = [round[figure], to.rounds[at]?.[figure] ?? null]
      return value === null || !base ? null : value / base
    }),
  )
}
