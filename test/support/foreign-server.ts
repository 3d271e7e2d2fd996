import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** A server that is not ours, such as Postgres, ended before it answered. The message has what it wrote. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError'
}

/**
 * Starts a server and waits until `answers` resolves, for as long as the process lives: a busy machine takes its time,
 * and the timeout of the test ends what hangs. `answers` rejects while nothing or another server answers. Rejects with
 * NotStartedError when the process ends before.
 */
export async function startServer(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'uid' | 'gid'>,
  answers: (child: ChildProcess) => Promise<unknown>,
): Promise<ChildProcess> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const note = (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-10_000)
  }
  child.stdout.on('data', note)
  child.stderr.on('data', note)
  let ended = ''
  child.on('error', (error) => {
    ended = error.message
  })
  child.on('close', (code, signal) => {
    ended ||= `It ended with ${signal ?? code}.`
  })
  for (;;) {
    const answered = await answers(child).then(
      () => true,
      () => false,
    )
    if (ended !== '') throw new NotStartedError(`${command} did not start. ${ended}\n${output}`)
    if (answered) return child
    await sleep(50)
  }
}

/** Starts a server on a free port, and on another one if a server took the port meanwhile. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      const taken = error instanceof NotStartedError && /address already in use/i.test(error.message)
      if (!taken || attempt === 5) throw error
    }
  }
}
