/** Whether the long form was asked for: `npm run chaos`. */
export const long = process.env['VALETKEY_CHAOS'] === 'long'

/** Picks a size for the form that runs. */
export const size = (short: number, full: number) => (long ? full : short)

const rows: string[] = []

/** Notes one line of the table. */
export function report(scenario: string, runs: number | string, result: string): void {
  rows.push(`| ${scenario} | ${runs} | ${result} |`)
}

/** Prints what was noted as a Markdown table; the short form prints nothing. */
export function printReport(): void {
  if (!long || rows.length === 0) return
  console.log(['', '| Scenario | Runs | Result |', '|---|---:|---|', ...rows.splice(0), ''].join('\n'))
}

/** The p-th percentile of samples, 0 < p <= 100. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? 0
}
