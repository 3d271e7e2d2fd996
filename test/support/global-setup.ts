import { spawnSync } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { collectReport, long } from '../chaos/report.ts'
import { startPgBouncer } from './pgbouncer.ts'
import { startPostgresServer } from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Postgres server's connection URL; tests make databases of their own in it. */
    postgresUrl: string
    /** A connection pooler in front of it, for all databases of tests; null: they connect to the server. */
    poolerUrl: string | null
    /** Of all random inputs, a 32-bit integer. */
    seed: number
  }
}

/**
 * TEST_SEED where it is set. Otherwise it is made from the sources and tests of the commit: each change of them is tested with
 * new inputs, and a second run with the same, so that what passed before a landing passes at it. Random outside a repository.
 */
function seedOfRun(): number {
  const given = process.env['TEST_SEED']
  if (given !== undefined) return Number(given) | 0
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD:src', 'HEAD:test'], { encoding: 'utf8' })
  return status === 0 ? createHash('sha256').update(stdout).digest().readInt32BE() : randomInt(2 ** 31)
}

/** Compiles what tests start as processes. One real Postgres for the whole run: TEST_DATABASE_URL where it is set, otherwise one of the run's own. TEST_DATABASE_POOLER=1 puts a PgBouncer in transaction mode in front of it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // A type error, which the compiler prints, must not keep the tests from running that need no process.
  spawnSync(process.execPath, [fileURLToPath(new URL('../../src/build.mjs', import.meta.url)), '--if-old'], {
    stdio: 'inherit',
  })
  const printReport = long ? collectReport() : () => {}
  const given = process.env['TEST_DATABASE_URL']
  const server = given ? null : await startPostgresServer()
  const url = server?.url('postgres') ?? given ?? ''
  const pooler = process.env['TEST_DATABASE_POOLER'] ? await startPgBouncer(url) : null
  project.provide('postgresUrl', url)
  const seed = seedOfRun()
  project.provide('seed', seed)
  console.info(`Random inputs: TEST_SEED=${seed}`)
  project.provide('poolerUrl', pooler?.url ?? null)
  return async () => {
    await pooler?.stop()
    await server?.stop()
    printReport()
  }
}
