import { expect } from 'vitest'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { run } from '../../src/cli/run.ts'

/** Runs doctor as the process would, and returns what it printed. Every finding but `ok` states what to do. */
export async function doctor(env: Record<string, string>, options = '') {
  let output = ''
  const print = (line: string) => {
    output += `${line}\n`
  }
  const code = await run(`doctor --json ${options}`.trim().split(' '), env, print, print)
  const { findings } = JSON.parse(output) as { findings: readonly Finding[] }
  for (const { status, fix } of findings) {
    if (status !== 'ok') expect(fix).toMatch(/^[A-Z][a-z]+ .*\.$/s)
  }
  const about = (check: string) => findings.filter((finding) => finding.check === check)
  return {
    code,
    output,
    /** The findings of a check, each with its status. */
    of: (check: string) => about(check).map(({ status, message }) => `${status}: ${message}`),
    /** What to do, of each finding of a check. */
    fixOf: (check: string) => about(check).map(({ fix }) => fix),
  }
}
