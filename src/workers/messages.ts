import type { MetricsSnapshot, WorkerMetrics } from '../http/metrics.ts'

/** What a worker sends to its primary. */
export type WorkerMessage =
  /** It serves. `welcome` is for the terminal; `logLevel` is the configured one, which the primary does not read itself. */
  | { readonly kind: 'started'; readonly welcome: string; readonly logLevel: string }
  /** It cannot start. */
  | { readonly kind: 'failed'; readonly message: string }
  /** Asks for the metrics of all workers. */
  | { readonly kind: 'sum'; readonly id: number }
  /** Answers `collect`. */
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: MetricsSnapshot }

/** What the primary sends to a worker. */
export type PrimaryMessage =
  /** Asks for the metrics of the worker. */
  | { readonly kind: 'collect'; readonly id: number }
  /** Answers `sum`, in Prometheus' text format. */
  | { readonly kind: 'summed'; readonly id: number; readonly text: string }

/** A worker's connection to its primary. */
export interface Primary {
  readonly metrics: WorkerMetrics
  /** Resolves when the message is sent, or cannot be sent because the primary is gone. */
  send(message: WorkerMessage): Promise<void>
}

/** The end of an IPC channel that a process has. */
interface Channel {
  send?(message: object, handle: undefined, options: undefined, sent: (error: Error | null) => void): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
}

/** How long a worker waits for the metrics of the others, in milliseconds. */
const sumMs = 5_000

/** Connects a worker over the channel that it was forked with. */
export function connectPrimary(channel: Channel): Primary {
  let read: () => Promise<MetricsSnapshot> = async () => []
  let lastId = 0
  const waiting = new Map<number, (text: string) => void>()
  const send = (message: WorkerMessage) =>
    new Promise<void>((resolve) => {
      channel.send?.(message, undefined, undefined, () => resolve())
    })
  const receive = async (message: PrimaryMessage) => {
    if (message.kind === 'summed') waiting.get(message.id)?.(message.text)
    else await send({ kind: 'metrics', id: message.id, metrics: await read() })
  }
  channel.on('message', (message) => void receive(message as PrimaryMessage))
  return {
    send,
    metrics: {
      provide(reader) {
        read = reader
      },
      async sum() {
        const id = ++lastId
        let timer: NodeJS.Timeout | undefined
        try {
          return await new Promise<string>((resolve, reject) => {
            timer = setTimeout(() => reject(new Error('The primary process has not sent the metrics in time.')), sumMs)
            waiting.set(id, resolve)
            void send({ kind: 'sum', id })
          })
        } finally {
          clearTimeout(timer)
          waiting.delete(id)
        }
      },
    },
  }
}
