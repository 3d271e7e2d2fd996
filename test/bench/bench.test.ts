import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { goals } from './load-bench.ts'
import { median, ratioOf } from './rounds.ts'
import { withDescendants } from './usage-of.ts'

/** Runs the bench as a process, with only PATH and these environment variables. */
function startBench(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/bench/main.ts', ...args], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }))
  return { child, output, ended }
}

const tiny = ['--quick', '--json', '--rounds', '1', '--seconds', '0.1', '--accounts', '4', '--warm-up', '0.1']
const onGivenServer = () => ['--postgres', inject('postgresUrl')]

const figure = z.number().positive()
const figureOnLinux = process.platform === 'linux' ? z.number().nonnegative() : z.null()
const machine = z.strictObject({
  cpu: z.string(),
  cores: figure,
  memoryGb: figure,
  node: z.string(),
  platform: z.string(),
  loadAtStart: z.number(),
  loadAtEnd: z.number(),
  seconds: figure,
})
const row = z.strictObject({
  name: z.string(),
  callers: z.int().positive(),
  perSecond: figure,
  p50: figure,
  p95: figure,
  p99: figure,
  cpuMsPerCall: figureOnLinux,
})

describe('npm run bench', () => {
  test('prints one JSON object with a row for each way and all ratios', async () => {
    const { code, stdout, stderr } = await startBench([...tiny, '--starts', 'postgres', ...onGivenServer()]).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const result = z
      .strictObject({
        machine,
        rows: z.array(row),
        starts: z.array(
          z.strictObject({ name: z.string(), cpuSeconds: figureOnLinux, seconds: figure, rssMb: figureOnLinux }),
        ),
        ratios: z.record(z.string(), figureOnLinux.or(figure)),
        warnings: z.array(z.string()),
      })
      .parse(JSON.parse(stdout))
    expect(Object.keys(result.ratios)).toEqual(Object.keys(goals))
    expect(result.starts.map(({ name }) => name)).toEqual(['Postgres, first start', 'Postgres, later start'])
    expect(result.rows.map(({ name, callers }) => `${name}, ${callers}`)).toEqual([
      ...['Notion SDK', 'bare proxy', 'stack floor', 'Valetkey'].map((name) => `read, ${name}, 64`),
      ...['Notion SDK', 'bare proxy', 'stack floor', 'Valetkey'].map((name) => `read, ${name}, 1`),
      ...['Notion SDK', 'stack floor', 'Valetkey'].map((name) => `write, ${name}, 64`),
      ...['floor', 'connectedAccount', 'getOrCreateConnectedAccount'].map((name) => `account, ${name}, 50`),
    ])
  }, 300_000)

  test('compares each operation on databases of several sizes', async () => {
    const sizes = ['--scale', '--scale-sizes', '100,150,200', '--scale-environments', '3', '--scale-calls', '5']
    const { code, stdout, stderr } = await startBench([...tiny, ...sizes, ...onGivenServer()]).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const result = z
      .strictObject({
        machine,
        // A claim is a statement, which no server is called for.
        rows: z.array(
          row.or(
            row.extend({
              name: z.templateLiteral(['claim of the renewal worker', z.string()]),
              cpuMsPerCall: z.null(),
            }),
          ),
        ),
        ratios: z.record(z.string(), figure),
        warnings: z.array(z.string()),
      })
      .parse(JSON.parse(stdout))
    const operations = Object.keys(result.ratios)
    expect(operations).toContain('getOrCreateConnectedAccount, new')
    expect(operations).toContain('connectedAccounts, a page in the middle')
    expect(operations.filter((name) => name.startsWith('toolExecutions'))).toHaveLength(12)
    expect(result.rows.map(({ name }) => name)).toEqual(
      operations.flatMap((name) => [100, 150, 200].map((size) => `${name}, ${size} accounts`)),
    )
  }, 300_000)

  test('compares a server that sends traces with one that does not', async () => {
    const { code, stdout, stderr } = await startBench([...tiny, '--only', 'tracing', ...onGivenServer()]).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const result = z
      .strictObject({
        machine,
        rows: z.array(row),
        ratios: z.strictObject({ callsVsOff64: figure, cpuVsOff64: figureOnLinux, p50VsOff1: figure }),
        warnings: z.array(z.string()),
      })
      .parse(JSON.parse(stdout))
    expect(result.rows.map(({ name, callers }) => `${name}, ${callers}`)).toEqual(
      [64, 1].flatMap((callers) => ['off', 'on'].map((state) => `read, OpenTelemetry ${state}, ${callers}`)),
    )
  }, 300_000)

  test('measures renewals of two nodes next to calls of other accounts', async () => {
    const renewals = ['--only', 'renewals', '--renewals', '30']
    const { code, stdout, stderr } = await startBench([...tiny, ...renewals, ...onGivenServer()]).ended
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const result = z
      .strictObject({
        machine,
        rows: z.array(row),
        ratios: z.strictObject({ renewalSeconds: z.number(), renewalsPerSecond: figure, readP99VsIdle: figure }),
        warnings: z.array(z.string()),
      })
      .parse(JSON.parse(stdout))
    expect(stderr).toContain('30 grants are due')
    expect(result.rows.map(({ name }) => name)).toEqual(['read, idle', 'read, while grants are renewed'])
  }, 300_000)

  test.runIf(process.platform === 'linux')(
    'leaves no process and no file after SIGINT',
    async () => {
      // A directory of its own, since other runs may make and remove files meanwhile. Postgres may run as another user.
      const directory = await mkdtemp(join(tmpdir(), 'valetkey-test-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      await chmod(directory, 0o755)
      const { child, output, ended } = startBench([...tiny, '--starts', 'postgres'], { TMPDIR: directory })
      await expect.poll(() => output.stderr, { timeout: 200_000 }).toMatch(/start: Postgres|bench: /)
      expect(output.stderr).toContain('start: Postgres')
      expect(await readdir(directory)).not.toEqual([])
      const processes = await withDescendants(child.pid ?? 0)
      expect(processes.length).toBeGreaterThan(3)
      child.kill('SIGINT')
      expect(await ended).toMatchObject({ code: 130, stdout: '' })
      // Postgres's process for the log ends a moment after its parent.
      await expect.poll(() => processes.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 60_000 }).toEqual([])
      expect((await readdir(directory)).filter((file) => file.startsWith('valetkey-'))).toEqual([])
    },
    300_000,
  )

  test('reports a process that ended by itself with its output', async () => {
    const { code, stderr } = await startBench([...tiny, ...onGivenServer()], { BENCH_NODE_OPTIONS: '--no-such-option' })
      .ended
    expect(code).toBe(1)
    expect(stderr).toContain('Valetkey ended by itself')
    expect(stderr).toContain('bad option: --no-such-option')
  })

  test('prints its options with --help, and what is wrong with an option', async () => {
    const help = await startBench(['--help']).ended
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toContain('--quick')
    const wrong = await startBench(['--rounds', '0']).ended
    expect(wrong).toMatchObject({ code: 1, stdout: '' })
    expect(wrong.stderr).toContain('--rounds must be a positive whole number, not "0".')
  })
})

describe('ratios', () => {
  const series = (name: string, perSecond: readonly number[]) => ({
    name,
    callers: 1,
    rounds: perSecond.map((value) => ({ perSecond: value, p50: 1, p95: 1, p99: 1, cpuMsPerCall: null })),
  })

  test('are medians over the rounds, so that one slow round of both does not matter', () => {
    const [of, to] = [series('of', [50, 5, 60]), series('to', [100, 10, 100])]
    expect(ratioOf('perSecond', of, to)).toBe(0.5)
  })

  test('are null where a figure is not known', () => {
    expect(ratioOf('cpuMsPerCall', series('of', [1]), series('to', [1]))).toBeNull()
    expect(median([])).toBeNull()
  })
})
