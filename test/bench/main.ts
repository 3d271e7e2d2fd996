import { loadavg } from 'node:os'
import { goals, runLoadBench } from './load-bench.ts'
import { mcpGoals, runMcpBench } from './mcp-bench.ts'
import { readOptions, UsageError, usage } from './options.ts'
import { renewalGoals, runRenewalBench } from './renewal-bench.ts'
import { machineLine, machineOf, ratioTable, rowTable, table } from './report.ts'
import { InterruptedError, withRun } from './run.ts'
import { runScaleBench, scaleGoal } from './scale-bench.ts'
import { runSearchBench, searchGoals } from './search-bench.ts'
import { runSubscriptionBench, subscriptionGoals } from './subscription-bench.ts'
import { runTracingBench } from './tracing-bench.ts'

/** The process of `npm run bench`: arguments in, tables or JSON out, exit code. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options === null) {
    process.stdout.write(usage)
    return
  }
  const began = { at: performance.now(), load: loadavg()[0] ?? 0 }
  const note = (line: string) => {
    process.stderr.write(`${((performance.now() - began.at) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`)
  }
  const print = (result: object, tables: readonly string[]) => {
    const machine = machineOf(began)
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ machine, ...result })}\n`
        : `${[machineLine(machine), ...tables].join('\n\n')}\n`,
    )
  }
  if (options.scale) {
    const result = await withRun(note, (run) => runScaleBench(run, options))
    print(result, [rowTable(result.rows), ratioTable(result.ratios, () => scaleGoal), ...result.warnings])
    return
  }
  if (options.search) {
    const result = await withRun(note, (run) => runSearchBench(run, options))
    const ratios = ratioTable(result.ratios, (name) => searchGoals[name])
    print(result, [rowTable(result.rows), ratios, ...result.warnings])
    return
  }
  if (options.only === 'mcp') {
    const result = await withRun(note, (run) => runMcpBench(run, options))
    const ratios = ratioTable(result.ratios, (name) => mcpGoals[name])
    print(result, [rowTable(result.rows), ratios, ...result.warnings])
    return
  }
  if (options.only === 'subscriptions') {
    const result = await withRun(note, (run) => runSubscriptionBench(run, options))
    print(result, [ratioTable(result.ratios, (name) => subscriptionGoals[name])])
    return
  }
  if (options.only === 'tracing') {
    const result = await withRun(note, (run) => runTracingBench(run, options))
    print(result, [rowTable(result.rows), ratioTable(result.ratios, () => undefined), ...result.warnings])
    return
  }
  if (options.only === 'renewals') {
    const result = await withRun(note, (run) => runRenewalBench(run, options))
    const ratios = ratioTable(result.ratios, (name) => renewalGoals[name])
    print(result, [rowTable(result.rows), ratios, ...result.warnings])
    return
  }
  const result = await withRun(note, (run) => runLoadBench(run, options))
  const starts = result.starts.map(({ name, cpuSeconds, seconds, rssMb }) => [
    name,
    cpuSeconds?.toFixed(1) ?? '',
    seconds.toFixed(1),
    rssMb?.toFixed(0) ?? '',
  ])
  print(result, [
    rowTable(result.rows),
    table(['Start', 'CPU s', 'seconds', 'RSS MB after 2 s'], starts),
    ratioTable(result.ratios, (name) => goals[name as keyof typeof goals]),
    ...result.warnings,
  ])
}

main().catch((error: unknown) => {
  if (error instanceof InterruptedError) process.exit(error.signal === 'SIGINT' ? 130 : 143)
  const message = error instanceof UsageError ? `${error.message}\n\n${usage}` : (error as Error).stack
  process.stderr.write(`bench: ${message}\n`)
  process.exit(1)
})
