import { type ChildProcess, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createClient } from '@redis/client'
import { onFreePort, startServer } from './foreign-server.ts'

/** Whether the system has a Redis server. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

if (!hasRedis) process.stderr.write('Not run: events and rate budgets in Redis. Install redis-server.\n')

/** A Redis of the test's own, on a port of its own. It stores nothing on disk. */
export interface RedisServer {
  /** With a password, as in production. */
  readonly url: string
  readonly password: string
  /** Runs one command. */
  command(...args: string[]): Promise<unknown>
  /** SIGKILL: it loses everything. Resolves once the process is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port; resolves once it answers. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT: between them it keeps its connections and does not answer. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

export async function startRedisServer(): Promise<RedisServer> {
  const password = 'password-of-redis'
  const commandOn = async (port: number, ...args: string[]) => {
    const client = createClient({ url: urlOn(port, password), socket: { reconnectStrategy: false } })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.sendCommand(args)
    } finally {
      client.destroy()
    }
  }
  const startOn = (port: number) =>
    startServer(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--requirepass', password],
      {},
      async ({ pid }) => {
        const info = await commandOn(port, 'INFO', 'server')
        if (!String(info).includes(`process_id:${pid}\r`)) throw new Error(`Another server has the port ${port}.`)
      },
    )
  const { port, first } = await onFreePort(async (port) => ({ port, first: await startOn(port) }))
  let child: ChildProcess | undefined = first
  const url = urlOn(port, password)
  const command = (...args: string[]) => commandOn(port, ...args)
  const start = async () => {
    child = await startOn(port)
  }
  return {
    url,
    password,
    command,
    start,
    signal: (name) => void child?.kill(name),
    async kill() {
      const running = child
      child = undefined
      if (!running || running.exitCode !== null || running.signalCode !== null) return
      running.kill('SIGKILL')
      await once(running, 'exit')
    },
  }
}

const urlOn = (port: number, password: string) => `redis://:${password}@127.0.0.1:${port}`
