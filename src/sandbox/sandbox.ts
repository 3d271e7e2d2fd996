import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BulkOrder } from './bulk.ts'
import { writeBulkContent } from './bulk.ts'
import type { ControlTargets } from './control/operation.ts'
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
import { createWebhooks, type Webhooks } from './webhooks/webhooks.ts'
import { createWire } from './wire.ts'

/** Options of a sandbox. */
export interface SandboxOptions {
  /** Prefix of all paths: `/sandbox`, or empty if the sandbox has its own port. */
  readonly basePath: '/sandbox' | ''
  /**
   * Returns origin and base path without a trailing slash. Called for each request: the port may not be known at first.
   */
  publicUrl(): string
  /** Directory for content, grants and settings. If absent, they are in memory only. */
  readonly dataDirectory?: string
  readonly clock?: () => Date
  readonly random?: RandomBytes
  /** Sends webhooks. Default: the global function. */
  readonly fetch?: typeof fetch
  /** Enables the control operations under `/_control`. */
  readonly control: boolean
  /** Initial rate limit in requests per minute and connection. Default: 180. */
  readonly rateLimitPerMinute?: number
  readonly logger?: SandboxLogger
}

/** A local Notion. */
export interface Sandbox {
  /** Handles a request under the base path. A fault can also close the socket of the response. */
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Ends all waits and writes all changes. Call it after the server has stopped listening. */
  close(): Promise<void>
}

const silent: SandboxLogger = { warn: () => {}, error: () => {} }

/**
 * Creates a sandbox with the seeded content or with the content of the data directory.
 *
 * The sandbox serves Notion's REST API under `/v1` and control operations under `/_control`. Every response has the
 * header `x-notion-sandbox`, which distinguishes it from a response of Notion.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { basePath, clock = () => new Date(), logger = silent } = options
  let journal: Journal | undefined
  /** Absent while content is written that has been there all along. */
  let observer: Webhooks | undefined
  const store = createStore((change) => {
    journal?.changed(change)
    observer?.changed(change)
  })
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
  const webhooks = createWebhooks({ state, log, fetch: options.fetch ?? globalThis.fetch })
  let orders = 0

  if (options.dataDirectory !== undefined) {
    const opened = await openJournal(options.dataDirectory, store, logger)
    journal = opened.journal
    orders = opened.orders.length
  }
  if (store.workspaces.size === 0) writeSeedContent(store)
  observer = webhooks

  /** Runs work without writing its changes to the journal. */
  function withoutJournal<T>(work: () => T): T {
    const paused = journal
    journal = undefined
    try {
      return work()
    } finally {
      journal = paused
    }
  }

  const targets: ControlTargets = {
    state,
    faults,
    webhooks,
    async reset() {
      webhooks.reset()
      faults.clear()
      log.clear()
      rateLimiter.clear()
      orders = 0
      store.clear()
      const restarted = journal?.restart()
      // No subscription is left that could receive events of this content.
      writeSeedContent(store)
      await restarted
    },
    nextOrder: () => orders + 1,
    order(order: BulkOrder) {
      orders = order.number
      const content = withoutJournal(() => writeBulkContent(store, order))
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
        logger.error('sandbox failed to respond', error)
        response.destroy()
      })
    },
    async close() {
      closing.abort()
      await webhooks.close()
      await journal?.close()
    },
  }
}
