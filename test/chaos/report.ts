import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

/** Whether the long form was asked for: `npm run chaos`. */
export const long = process.env['VALETKEY_CHAOS'] === 'long'

/** Picks a size for the form that runs. */
export const size = (short: number, full: number) => (long ? full : short)

type Line =
  | { readonly kind: 'scenario'; readonly scenario: string; readonly runs: number; readonly result: string }
  | { readonly kind: 'fault'; readonly fault: string; readonly operation: string; readonly outcome: string }

/** Where the lines of all test files come together; absent in the short form. */
const fileVariable = 'VALETKEY_CHAOS_REPORT'

function note(line: Line): void {
  const file = process.env[fileVariable]
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** Notes one line of the table of scenarios. */
export function report(scenario: string, runs: number, result: string): void {
  note({ kind: 'scenario', scenario, runs, result })
}

/** Notes one cell of the table of fault by operation. */
export function reportFault(fault: string, operation: string, outcome: string): void {
  note({ kind: 'fault', fault, operation, outcome })
}

/** Begins to collect what the run's test files note. Returns what prints it as Markdown tables at the end. */
export function collectReport(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'valetkey-chaos-'))
  const file = join(directory, 'report')
  writeFileSync(file, '')
  process.env[fileVariable] = file
  return () => {
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    rmSync(directory, { recursive: true })
    process.stdout.write(tablesOf(lines.map((line) => JSON.parse(line) as Line)))
  }
}

function tablesOf(lines: readonly Line[]): string {
  const scenarios = lines.flatMap((line) =>
    line.kind === 'scenario' ? [`| ${line.scenario} | ${line.runs.toLocaleString('en')} | ${line.result} |`] : [],
  )
  const faults = lines.flatMap((line) => (line.kind === 'fault' ? [line] : []))
  const operations = [...new Set(faults.map((line) => line.operation))]
  const rows = [...new Set(faults.map((line) => line.fault))].map((fault) => {
    const cells = operations.map(
      (operation) => faults.find((line) => line.fault === fault && line.operation === operation)?.outcome ?? '',
    )
    return `| ${[fault, ...cells].join(' | ')} |`
  })
  const faultTable = [
    '',
    `| ${['Fault', ...operations].join(' | ')} |`,
    `| ${['---', ...operations.map(() => '---')].join(' | ')} |`,
    ...rows,
  ]
  return [
    '',
    '| Scenario | Runs | Result |',
    '| --- | ---: | --- |',
    ...scenarios,
    ...(rows.length === 0 ? [] : faultTable),
    '',
    '',
  ].join('\n')
}

/** The p-th percentile of samples, 0 < p <= 100. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0
}
