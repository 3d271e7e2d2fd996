import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'

/*
 * Where there is no container engine, the steps of the Dockerfile are carried out in directories: one for each stage.
 */

const root = resolve(import.meta.dirname, '../..')

interface Stage {
  readonly name: string
  readonly steps: readonly { readonly instruction: string; readonly text: string }[]
}

async function readStages(): Promise<readonly Stage[]> {
  const text = await readFile(join(root, 'Dockerfile'), 'utf8')
  const lines = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const stages: { name: string; steps: { instruction: string; text: string }[] }[] = []
  for (const line of lines) {
    const [instruction = '', ...rest] = line.trim().split(/ +/)
    if (instruction === 'FROM') stages.push({ name: rest[2] ?? '', steps: [] })
    else stages.at(-1)?.steps.push({ instruction, text: rest.join(' ') })
  }
  return stages
}

const lastOf = (stage: Stage, instruction: string) =>
  stage.steps.find((step) => step.instruction === instruction)?.text ?? ''

let directory: string
let database: TestDatabase
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'valetkey-image-'))
  database = await newPostgresDatabase()
})
afterAll(async () => {
  await database.drop()
  await rm(directory, { recursive: true, force: true })
})

const run = promisify(execFile)
/** The directory that replaces `/app` of a stage. */
const appOf = (stage: string) => join(directory, stage || 'image')

async function copy(text: string, stage: string): Promise<void> {
  const words = text.split(/ +/)
  const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1]
  const sources = from === undefined ? words : words.slice(1)
  const target = sources.pop() ?? ''
  for (const source of sources) {
    const path = from === undefined ? join(root, source) : join(appOf(from), source.replace(/^\/app\//, ''))
    const to = target.endsWith('/') ? join(target, basename(source)) : target
    await cp(path, join(appOf(stage), to), { recursive: true, verbatimSymlinks: true })
  }
}

it('the steps of the Dockerfile make a server that is ready, healthy and stops, without sources or tools', async () => {
  const stages = await readStages()
  expect(stages.map(({ name }) => name)).toEqual(['build', ''])
  for (const { name, steps } of stages) {
    await mkdir(appOf(name), { recursive: true })
    for (const { instruction, text } of steps) {
      if (instruction === 'COPY') await copy(text, name)
      if (instruction === 'RUN' && name === 'build') await run('sh', ['-c', text], { cwd: appOf(name) })
    }
  }
  const image = stages[1] as Stage
  expect((await readdir(appOf(''))).sort()).toEqual(['dist', 'migrations', 'node_modules', 'package.json'])
  const packages = await readdir(join(appOf(''), 'node_modules'))
  for (const tool of ['vitest', 'typescript', 'esbuild', 'oxlint']) expect(packages).not.toContain(tool)

  const [entry = '', ...options] = JSON.parse(lastOf(image, 'ENTRYPOINT')) as string[]
  const [main = ''] = JSON.parse(lastOf(image, 'CMD')) as string[]
  const settings = Object.fromEntries(
    lastOf(image, 'ENV')
      .split(' ')
      .map((pair) => pair.split('=')),
  ) as Record<string, string>
  const { url } = database.location as { url: string }
  const env = {
    PATH: process.env['PATH'],
    ...settings,
    HOST: '127.0.0.1',
    PORT: '0',
    VALETKEY_DATA_DIR: join(directory, 'data'),
    DATABASE_URL: url,
    VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
  }
  const server = spawn(entry, [...options, main], { cwd: appOf(''), env, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    let output = ''
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    await expect.poll(() => output, { timeout: 60_000 }).toContain('listens at')
    expect(output).toContain('Mode      production')
    const [, ...check] = JSON.parse(lastOf(image, 'HEALTHCHECK').replace(/^.*?CMD /, '')) as string[]
    const [, port = ''] = /listens at .*:(\d+)$/m.exec(output) ?? []
    await run(entry, check, { env: { ...env, PORT: port } })
    await expect(run(entry, check, { env: { ...env, PORT: '1' } })).rejects.toMatchObject({ code: 1 })
    // The operator's commands are in the image as well.
    const { stdout } = await run(entry, ['dist/cli/main.js', 'keys', 'status'], { cwd: appOf(''), env })
    expect(stdout).toContain('primary')
    server.kill('SIGTERM')
    expect(await once(server, 'exit')).toEqual([0, null])
  } finally {
    server.kill('SIGKILL')
  }
}, 600_000)
