import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { DatabaseLocation } from '../../src/db/database.ts'

/** The points around a refresh at which a process can be killed. */
export const deathPoints = [
  'before lease',
  'after lease',
  'before send',
  'after send',
  'after server commit',
  'after reply',
  'mid-commit',
  'after commit',
] as const
export type DeathPoint = (typeof deathPoints)[number]

/** What a node process is started with. */
export interface NodeSettings {
  readonly location: DatabaseLocation
  readonly masterKey: string
  readonly apiUrl: string
  readonly leaseMs: number
  readonly timeoutMs: number
  readonly clockOffsetMs: number
  readonly dieAt: DeathPoint | null
}

/**
 * What a node process can do for an account on request: `renew` its token once, or let many `callers` use it at the same
 * time, as tools do, and renew it when it is refused.
 */
export type Order =
  | { readonly kind: 'renew'; readonly environmentId: string; readonly identifier: string }
  | { readonly kind: 'callers'; readonly environmentId: string; readonly identifier: string; readonly count: number }

export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

/** A running node process. */
export interface NodeProcess {
  readonly child: ChildProcess
  /** Carries an order out; fails when it failed there, or when the process died over it. */
  order(order: Order): Promise<unknown>
  /** Resolves when the process is gone, with the signal that ended it. */
  readonly gone: Promise<string | null>
}

/** Starts a node in a process of its own; resolves when it takes orders. */
export async function startNodeProcess(settings: NodeSettings): Promise<NodeProcess> {
  const child = fork(fileURLToPath(new URL('./node-process.ts', import.meta.url)), [JSON.stringify(settings)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaint = ''
  child.stderr?.on('data', (chunk) => {
    complaint += chunk
  })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let lastId = 0
  const expectAnswer = (id: number) =>
    new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
    })
  const gone = once(child, 'exit').then(([, signal]) => {
    for (const { reject } of waiting.values()) reject(new Error(`the node process is gone: ${signal} ${complaint}`))
    waiting.clear()
    return signal as string | null
  })
  child.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('error' in answer) asked?.reject(new Error(answer.error))
    else asked?.resolve(answer.value)
  })
  await expectAnswer(0)
  return {
    child,
    gone,
    order(order) {
      const id = ++lastId
      const answer = expectAnswer(id)
      child.send({ id, order })
      return answer
    },
  }
}
