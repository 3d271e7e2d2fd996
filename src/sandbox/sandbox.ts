import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BulkOrder } from './bulk.ts'
import { writeBulkContent } from './bulk.ts'
import type { ControlTargets } from './control/operations.ts'
import { createFaultList } from './faults/fault.ts'
import type { Journal } from './journal.ts'
import { openJournal } from './journal.ts'
import type { Settings } from './model.ts'
import { createRateLimiter } from './rate-limit.ts'
import { createRequestLog } from './request-log.ts'
import { writeSeedContent } from './seed-content.ts'
import { createServe } from './serve.ts'
import type { RandomBytes, SandboxLogger } from './state.ts'
import { createSandboxState } from './state.ts'
import { createStore } from './store.ts'
import { createWire } from './wire.ts'

/** How a sandbox is set up. */
export interface SandboxOptions {
  /** What its paths begin with: `/sandbox`, or nothing if it has a port of its own. */
  readonly basePath: '/sandbox' | ''
  /** Origin and base path as clients see them, without a slash at the end. Asked anew each time: ports may come late. */
  publicUrl(): string
  /** Where content, grants and modes are kept; absent: in memory only. */
  readonly dataDirectory?: string
  readonly clock?: () => Date
  readonly random?: RandomBytes
  /** Whether `/_control` answers. Without it the sandbox behaves and cannot be told to do otherwise. */
  readonly control: boolean
  /** Requests that a connection may make in a minute, until an operation changes it. 180 by default. */
  readonly rateLimitPerMinute?: number
  readonly logger?: SandboxLogger
}

/** A local Notion. */
export interface Sandbox {
  /** Answers a request whose path begins with the base path. Takes over the response, and its socket if a fault says so. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Ends what is being waited for and writes what has to be kept. Call it after the server has stopped listening. */
  close(): Promise<void>
}

const silent: SandboxLogger = { warn: () => {}, error: () => {} }

/**
 * Creates a sandbox with its seeded content, or with what the data directory holds.
 *
 * It speaks Notion's REST API under `/v1` and is steered under `/_control`. Every answer says in the header
 * `x-notion-sandbox` that it is none of Notion's.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { basePath, clock = () => new Date(), logger = silent } = options
  let journal: Journal | undefined
  const store = createStore((change) => journal?.changed(change))
  const defaults: Settings = {
    id: 'settings',
    rotation: 'strict',
    reauthorization: 'fresh',
    accessTokenTtlSeconds: null,
    expiresIn: false,
    latencyMs: 0,
    rateLimitPerMinute: options.rateLimitPerMinute ?? 180,
  }
  const state = createSandboxState({
    store,
    clock,
    defaults,
    logger,
    ...(options.random && { random: options.random }),
  })
  const faults = createFaultList()
  const log = createRequestLog()
  const rateLimiter = createRateLimiter(clock)
  let orders = 0

  if (options.dataDirectory !== undefined) {
    const opened = await openJournal(options.dataDirectory, store, logger)
    journal = opened.journal
    orders = opened.orders.length
  }
  if (store.workspaces.size === 0) writeSeedContent(store)

  /** Runs work whose changes are not to be noted one by one. */
  function unnoted<T>(work: () => T): T {
    const noting = journal
    journal = undefined
    try {
      return work()
    } finally {
      journal = noting
    }
  }

  const targets: ControlTargets = {
    state,
    faults,
    async reset() {
      faults.clear()
      log.clear()
      rateLimiter.clear()
      orders = 0
      store.clear()
      const restarted = journal?.restart()
      writeSeedContent(store)
      await restarted
    },
    nextOrder: () => orders + 1,
    order(order: BulkOrder) {
      orders = order.number
      const content = unnoted(() => writeBulkContent(store, order))
      journal?.ordered(order)
      return content
    },
  }

  const closing = new AbortController()
  const serve = createServe({
    basePath,
    publicUrl: options.publicUrl,
    control: options.control,
    targets,
    log,
    rateLimiter,
    saved: async () => journal?.written(),
    wire: createWire(closing.signal),
  })
  return {
    handle(request, response) {
      response.on('error', () => {})
      serve(request, response).catch((error: unknown) => {
        logger.error('The sandbox failed to answer.', error)
        response.destroy()
      })
    },
    async close() {
      closing.abort()
      await journal?.close()
    },
  }
}
