import { Session } from 'node:inspector/promises'

/**
 * How often V8 entered each block of JavaScript: a measure of work that is the same on a busy machine as on an idle one.
 * Import this module before those whose work is counted: V8 counts within a function only if counting was on when it was
 * compiled. Loops within built-in functions, such as `includes` or a regular expression, do not count.
 */
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

/** Returns the number of blocks of JavaScript that some work executes, its dependencies included. */
export async function executedBlocks(work: () => unknown): Promise<number> {
  await session.post('Profiler.takePreciseCoverage')
  await work()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  return result
    .flatMap(({ functions }) => functions)
    .flatMap(({ ranges }) => ranges)
    .reduce((sum, { count }) => sum + count, 0)
}
