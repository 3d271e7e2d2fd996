import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** The server as its operator runs it: a process of its own. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** What it wrote so far, to both streams. */
  output(): string
  /** Resolves with the URL once it listens; fails with its output when it ends before. */
  ready(): Promise<string>
  /** Sends a signal and resolves with the exit code and the milliseconds that it took. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }>
}

/** Starts the compiled server with just these environment variables (and PATH). */
export function startServerProcess(env: Record<string, string>): ServerProcess {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env['PATH'], PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const exited = once(child, 'exit')
  return {
    child,
    output: () => output,
    async ready() {
      let over = false
      void exited.then(() => {
        over = true
      })
      for (;;) {
        const url = /listens at (http\S+)/.exec(output)?.[1]
        if (url) return url
        if (over) throw new Error(`The server ended:\n${output}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    async end(signal) {
      const began = performance.now()
      child.kill(signal)
      const [code] = (await exited) as [number | null]
      return { code, ms: performance.now() - began }
    },
  }
}
