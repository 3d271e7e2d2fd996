import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process of the benchmark that listens somewhere. */
export interface Listening {
  readonly url: string
  /** SIGTERM; resolves once it is gone. */
  stop(): Promise<void>
}

/**
 * Starts a TypeScript file of the project with just these environment variables and resolves once it has printed its URL;
 * fails with its output when it ends before. `BENCH_NODE_OPTIONS` are Node's own, such as `--cpu-prof`.
 */
export async function startListening(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Listening> {
  const options = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter((option) => option !== '')
  const child = spawn(process.execPath, [...options, '--import', 'tsx', file, ...args], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { url: await urlOf(child), stop: () => stop(child) }
}

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
      if (url !== undefined) resolve(url)
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.on('exit', () => reject(new Error(`A process of the benchmark ended:\n${output}`)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
