import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { collectReport, long } from '../chaos/report.ts'
import { startPostgresServer } from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A Postgres server's connection URL; tests make databases of their own in it. */
    postgresUrl: string
  }
}

/** Compiles what tests start as processes. One real Postgres for the whole run: TEST_DATABASE_URL where it is set, otherwise one of the run's own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // A type error, which the compiler prints, must not keep the tests from running that need no process.
  spawnSync(process.execPath, [fileURLToPath(new URL('../../src/build.mjs', import.meta.url)), '--if-old'], {
    stdio: 'inherit',
  })
  const printReport = long ? collectReport() : () => {}
  const given = process.env['TEST_DATABASE_URL']
  if (given) {
    project.provide('postgresUrl', given)
    return async () => printReport()
  }
  const server = await startPostgresServer()
  project.provide('postgresUrl', server.url('postgres'))
  return async () => {
    await server.stop()
    printReport()
  }
}
