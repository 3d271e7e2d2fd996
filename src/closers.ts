import type { Log } from './log.ts'

/** What must be closed at the end, in reverse order. */
export interface Closers {
  add(close: () => unknown): void
  /** Closes everything that was added. Failures are logged. */
  closeAll(): Promise<void>
}

/** Creates an empty list. */
export function createClosers(log: Log): Closers {
  const closers: (() => unknown)[] = []
  return {
    add: (close) => void closers.push(close),
    async closeAll() {
      for (const close of closers.splice(0).reverse()) {
        try {
          await close()
        } catch (error) {
          log.error({ err: error }, 'closing failed')
        }
      }
    },
  }
}
