import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { databaseEnv, newPostgresDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { startServerProcess } from '../support/server-process.ts'
import { startCollector } from './collector.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-telemetry-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Starts a server, calls it, stops it, and returns the packages of the SDK that its process has loaded. */
async function loadedPackages(env: Record<string, string>): Promise<readonly string[]> {
  const program = `
    import { createRequire } from 'node:module'
    import { createApp } from './src/app.ts'
    import { readConfig } from './src/config.ts'
    const app = await createApp(readConfig(process.env))
    const { url } = await app.listen()
    await fetch(url + '/graphql?query={viewer{identifier}}')
    await app.stop()
    const { cache } = createRequire(import.meta.url)
    const names = Object.keys(cache).flatMap((path) => path.match(/@opentelemetry.(?:sdk|otlp|resources|core)[^\\/\\\\]*/) ?? [])
    console.log('loaded:' + JSON.stringify([...new Set(names)]))
    process.exit()
  `
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    {
      cwd: new URL('../..', import.meta.url),
      env: { PATH: process.env['PATH'], PORT: '0', VALETKEY_DATA_DIR: directory, LOG_LEVEL: 'error', ...env },
    },
  )
  return JSON.parse(/loaded:(.*)/.exec(stdout)?.[1] ?? 'null') as string[]
}

it('loads nothing of the SDK without an endpoint, or when it is disabled', async () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` }
  const { location, drop } = await newPostgresDatabase()
  const database = { NODE_ENV: 'development', ...databaseEnv(location) }
  expect(await loadedPackages({ ...database, OTEL_SERVICE_NAME: 'named' })).toEqual([])
  expect(await loadedPackages({ ...database, ...endpoint, OTEL_SDK_DISABLED: 'TRUE' })).toEqual([])
  expect(await loadedPackages({ ...database, ...endpoint })).toContain('@opentelemetry/sdk-trace')
  await drop()
})

it('sends traces from the compiled server, whose stop sends what is left', async () => {
  const collector = await startCollector()
  const server = startServerProcess({
    VALETKEY_DATA_DIR: directory,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom/path`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  })
  const url = await server.ready()
  await fetch(`${url}/tools`)
  const { code } = await server.end('SIGTERM')
  expect(code).toBe(0)
  expect(collector.spans().map(({ name }) => name)).toContain('GET /tools')
  expect(new Set(collector.received.map(({ path }) => path))).toEqual(new Set(['/custom/path']))
  await collector.close()
})

it('starts, answers and stops with a collector that is down', async () => {
  const server = startServerProcess({
    VALETKEY_DATA_DIR: directory,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
  })
  const url = await server.ready()
  expect((await fetch(`${url}/tools`)).status).toBe(200)
  const { code } = await server.end('SIGTERM')
  expect(code).toBe(0)
})

it('refuses gRPC at the start', async () => {
  const server = startServerProcess({ VALETKEY_DATA_DIR: directory, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })
  await expect(server.ready()).rejects.toThrow('OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json')
})
