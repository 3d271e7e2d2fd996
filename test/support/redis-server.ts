import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { freePort } from './postgres-server.ts'

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
  const port = await freePort()
  const password = 'password-of-redis'
  const url = `redis://:${password}@127.0.0.1:${port}`
  let child: ReturnType<typeof spawn> | undefined
  const command = async (...args: string[]) => {
    const client = createClient({ url, socket: { reconnectStrategy: false } })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.sendCommand(args)
    } finally {
      client.destroy()
    }
  }
  const start = async () => {
    const started = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--requirepass', password],
      { stdio: 'ignore' },
    )
    child = started
    for (let attempt = 0; ; attempt++) {
      try {
        await command('PING')
        return
      } catch (error) {
        if (started.exitCode !== null || attempt > 600) throw new Error('Redis did not start', { cause: error })
        await sleep(50)
      }
    }
  }
  await start()
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
