import { cpus, loadavg, totalmem } from 'node:os'
import { type Figures, median, ratioOf, type Series } from './rounds.ts'

/** A line of the table: medians over the rounds. */
export interface Row {
  readonly name: string
  readonly callers: number
  /** Correct answers per second. */
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** User and system time of the process that is measured; null where it is not known. */
  readonly cpuMsPerCall: number | null
}

/** The machine and its state, without which figures mean nothing. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  readonly platform: string
  /** Load averages over one minute. The bench itself causes some of the load at the end. */
  readonly loadAtStart: number
  readonly loadAtEnd: number
  readonly seconds: number
}

/** What a ratio must be: at least or at most this. */
export type Goal = readonly ['≥' | '≤', number]

/** Describes the machine; call it at the end of a run. */
export function machineOf(began: { readonly at: number; readonly load: number }): Machine {
  const [processor] = cpus()
  return {
    cpu: processor?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    loadAtStart: rounded(began.load, 2),
    loadAtEnd: rounded(loadavg()[0] ?? 0, 2),
    seconds: Math.round((performance.now() - began.at) / 1_000),
  }
}

/** The line of a series. */
export function rowOf({ name, callers, rounds }: Series): Row {
  const figure = (values: readonly (number | null)[], digits: number) => {
    const value = median(values)
    return value === null ? null : rounded(value, digits)
  }
  return {
    name,
    callers,
    perSecond:
      figure(
        rounds.map(({ perSecond }) => perSecond),
        1,
      ) ?? 0,
    p50:
      figure(
        rounds.map(({ p50 }) => p50),
        3,
      ) ?? 0,
    p95:
      figure(
        rounds.map(({ p95 }) => p95),
        3,
      ) ?? 0,
    p99:
      figure(
        rounds.map(({ p99 }) => p99),
        3,
      ) ?? 0,
    cpuMsPerCall: figure(
      rounds.map(({ cpuMsPerCall }) => cpuMsPerCall),
      3,
    ),
  }
}

/** Returns what finds the ratio of a figure of two series with as many callers, to three digits; null where it is not known. */
export const ratiosIn =
  (series: readonly Series[]) =>
  (figure: keyof Figures, of: string, to: string, callers: number): number | null => {
    const find = (name: string) => series.find((entry) => entry.name === name && entry.callers === callers)
    const [measured, base] = [find(of), find(to)]
    const value = measured && base ? ratioOf(figure, measured, base) : null
    return value === null ? null : rounded(value, 3)
  }

/** A number with at most so many digits after the point. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** The machine in one line. */
export function machineLine({
  cores,
  cpu,
  memoryGb,
  platform,
  node,
  loadAtStart,
  loadAtEnd,
  seconds,
}: Machine): string {
  return `${cores} × ${cpu}, ${memoryGb} GB, ${platform}, Node ${node}, load average ${loadAtStart} at the start and ${loadAtEnd} at the end, took ${seconds} s`
}

/** The rows as a Markdown table. */
export function rowTable(rows: readonly Row[]): string {
  return table(
    ['Call', 'Callers', 'per second', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU ms per call'],
    rows.map(({ name, callers, perSecond, p50, p95, p99, cpuMsPerCall }) => [
      name,
      String(callers),
      perSecond.toFixed(0),
      ...[p50, p95, p99].map((ms) => ms.toFixed(1)),
      cpuMsPerCall?.toFixed(2) ?? '',
    ]),
  )
}

/** Ratios with their goals as a Markdown table. */
export function ratioTable(
  ratios: Readonly<Record<string, number | null>>,
  goalOf: (name: string) => Goal | undefined,
): string {
  return table(
    ['Ratio', 'Value', 'Goal', ''],
    Object.entries(ratios).map(([name, value]) => {
      const goal = goalOf(name)
      return [name, value?.toFixed(2) ?? '', goal?.join(' ') ?? '', verdict(value, goal)]
    }),
  )
}

function verdict(value: number | null, goal: Goal | undefined): string {
  if (value === null || goal === undefined) return ''
  const [direction, bound] = goal
  return (direction === '≥' ? value >= bound : value <= bound) ? 'met' : 'missed'
}

/** A Markdown table whose columns are as wide as their widest cell; all but the first are aligned to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, at) => Math.max(3, title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(header), rule, ...rows.map(line)].join('\n')
}
