import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { packPackage } from '../support/packed-package.ts'

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Whether examples install their dependencies, and the package as it is published: `npm run examples`. */
const installing = process.env['VALETKEY_EXAMPLES'] === 'install'
const hasRegistry = installing && spawnSync('npm', ['ping'], { timeout: 60_000 }).status === 0
if (installing && !hasRegistry) process.stderr.write('The npm registry cannot be reached: examples are skipped.\n')

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}

const manifestOf = (name: string) =>
  JSON.parse(readFileSync(join(root, 'examples', name, 'package.json'), 'utf8')) as Manifest

/** Whether an example can run: with its dependencies installed, or with those of the project. */
export function canRun(name: string): boolean {
  if (installing) return hasRegistry
  const missing = Object.keys(manifestOf(name).dependencies).filter(
    (dependency) => dependency !== 'valetkey' && !existsSync(join(root, 'node_modules', dependency)),
  )
  if (missing.length > 0)
    process.stderr.write(`examples/${name} needs ${missing.join(', ')}: it is tested by npm run examples.\n`)
  return missing.length === 0
}

/** Copies of examples that can be started. */
export interface Examples {
  /** Runs the script `start` of an example and returns what it prints. */
  run(name: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string>
  /** Starts the script `start` of a server. Resolves when it prints a line that matches. */
  start(name: string, args: readonly string[], env: Readonly<Record<string, string>>, ready: RegExp): Promise<Server>
  close(): Promise<void>
}

/** A server of an example. */
export interface Server {
  readonly match: RegExpExecArray
  stop(): Promise<void>
}

/** Creates a place for copies of examples. */
export async function openExamples(): Promise<Examples> {
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-examples-'))
  let archive: Promise<string> | null = null
  const prepared = new Map<string, Promise<string>>()

  const prepare = async (name: string) => {
    const copy = join(directory, name)
    await cp(join(root, 'examples', name), copy, { recursive: true })
    const { dependencies, scripts, ...manifest } = manifestOf(name)
    if (installing) {
      archive ??= packPackage(directory)
      const withArchive = { ...manifest, scripts, dependencies: { ...dependencies, valetkey: `file:${await archive}` } }
      await writeFile(join(copy, 'package.json'), JSON.stringify(withArchive))
      await run('npm', ['install', '--no-audit', '--no-fund'], { cwd: copy })
      if (scripts['build'] !== undefined) await run('npm', ['run', 'build'], { cwd: copy, env: environment({}) })
    } else {
      for (const dependency of Object.keys(dependencies)) {
        const link = join(copy, 'node_modules', dependency)
        await mkdir(dirname(link), { recursive: true })
        await symlink(dependency === 'valetkey' ? root : join(root, 'node_modules', dependency), link)
      }
    }
    return copy
  }
  /** Prepared once. The program of the script, without npm, so that it can be ended. */
  const programOf = async (name: string) => {
    if (!prepared.has(name)) prepared.set(name, prepare(name))
    const cwd = await prepared.get(name)
    const [program = '', ...args] = (manifestOf(name).scripts['start'] ?? '').split(' ')
    return { cwd, program: program === 'node' ? process.execPath : join(cwd ?? '', 'node_modules/.bin', program), args }
  }

  return {
    async run(name, more, env) {
      const { program, args, cwd } = await programOf(name)
      return (await run(program, [...args, ...more], { cwd, env: environment(env) })).stdout
    },
    async start(name, more, env, ready) {
      const { program, args, cwd } = await programOf(name)
      const child = spawn(program, [...args, ...more], {
        cwd,
        env: environment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      const ended = once(child, 'close')
      const match = await new Promise<RegExpExecArray>((resolveMatch, reject) => {
        const collect = (chunk: Buffer) => {
          output += chunk.toString()
          const found = ready.exec(output)
          if (found) resolveMatch(found)
        }
        child.stdout.on('data', collect)
        child.stderr.on('data', collect)
        ended.then(() => reject(new Error(`The example ended:\n${output}`)), reject)
      })
      const stop = async () => {
        child.kill()
        await ended
      }
      return { match, stop }
    },
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

const environment = (env: Readonly<Record<string, string>>) => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NEXT_TELEMETRY_DISABLED: '1',
  ...env,
})
