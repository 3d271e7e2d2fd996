import { AsyncLocalStorage } from 'node:async_hooks'
import type { WebhookSubscription } from '../model.ts'
import type { RequestLog } from '../request-log.ts'
import type { SandboxState } from '../state.ts'
import type { StoreChange } from '../store.ts'
import { type ChangeSet, createChangeSet } from './change-set.ts'
import { deriveEvents } from './derive.ts'
import { eventFor } from './envelope.ts'
import type { DraftEvent } from './event-types.ts'
import { noWebhookFaults, type WebhookFaults } from './faults.ts'
import { createGathering } from './gather.ts'
import { createOutbox, type DeliveryCounts, type Outbox } from './outbox.ts'
import { createPostWebhook, type PostWebhook } from './post.ts'

/** Interval in milliseconds at which file uploads that were not completed in time expire. */
const expiryIntervalMs = 60_000

/** Sends the changes of the sandbox to the webhook subscriptions of its clients. */
export interface Webhooks {
  /** Takes a change of the store. Changes are reported when the operation that makes them is over. */
  changed(change: StoreChange): void
  /** Runs an operation whose changes have this person or bot as their author. */
  actAs<T>(authorId: string, work: () => T): T
  readonly post: PostWebhook
  counts(subscriptionId: string): DeliveryCounts
  /** Number of events that were dropped before they were addressed, because too many were gathered. */
  dropped(): number
  /** Deletes a subscription with the events that wait for it. */
  delete(subscription: WebhookSubscription): void
  faults(): WebhookFaults
  setFaults(change: Partial<WebhookFaults>): void
  clearFaults(): void
  /**
   * Ends all windows and waits until no event waits for delivery. Returns the number of events that still wait after
   * `timeoutMs`.
   */
  flush(timeoutMs: number): Promise<number>
  /** Drops all events, counts and faults. */
  reset(): void
  /** Ends all timers and requests. */
  close(): Promise<void>
}

/** Creates the webhooks of a sandbox. */
export function createWebhooks(options: {
  readonly state: SandboxState
  readonly fetch: typeof fetch
  readonly log: RequestLog
}): Webhooks {
  const { state } = options
  const { store } = state
  const closing = new AbortController()
  const requests = new Set<Promise<unknown>>()
  const send = createPostWebhook({ ...options, closing: closing.signal })
  const post: PostWebhook = (request) => {
    const sending = send(request).finally(() => requests.delete(sending))
    requests.add(sending)
    return sending
  }
  const author = new AsyncLocalStorage<string>()
  const outboxes = new Map<string, Outbox>()
  const waiters = new Set<() => void>()
  let faults = noWebhookFaults
  let changes: ChangeSet | undefined

  const gathering = createGathering({ windowMs: () => faults.aggregateMs, send: address })

  function waiting(): number {
    let sum = gathering.size()
    for (const outbox of outboxes.values()) sum += outbox.counts().waiting
    return sum
  }
  function resumeWaiters(): void {
    if (waiters.size > 0 && waiting() === 0) for (const resume of waiters) resume()
  }

  function outboxOf(id: string): Outbox {
    const known = outboxes.get(id)
    if (known !== undefined) return known
    const outbox = createOutbox({
      subscription: () => store.webhooks.get(id),
      faults: () => faults,
      loses() {
        if (faults.lose === 0) return false
        faults = { ...faults, lose: faults.lose - 1 }
        return true
      },
      post,
      onChange: resumeWaiters,
    })
    outboxes.set(id, outbox)
    return outbox
  }

  /** Adds an event to the outbox of each subscription that receives it. */
  function address(draft: DraftEvent): void {
    for (const subscription of store.webhooks.values()) {
      if (subscription.status !== 'active') continue
      const event = eventFor(state, subscription, draft)
      if (event !== undefined) outboxOf(subscription.id).add(event)
    }
    resumeWaiters()
  }

  const hasReceivers = () =>
    store.webhooks.size > 0 && [...store.webhooks.values()].some(({ status }) => status === 'active')

  function report(finished: ChangeSet): void {
    try {
      deriveEvents(store, finished, state.now().getTime(), gathering.add)
    } catch (error) {
      state.logger.error('sandbox failed to derive webhook events', error)
    }
  }

  /** Expires uploads whose time is over. Without webhooks no one can tell: reading shows them as expired. */
  function expireUploads(): void {
    if (!hasReceivers()) return
    const now = state.now().getTime()
    for (const upload of store.fileUploads.values()) {
      const isOver = upload.status === 'pending' && upload.expiryTime !== null && upload.expiryTime <= now
      if (isOver) store.fileUploads.put({ ...upload, status: 'expired' })
    }
  }
  const expiring = setInterval(expireUploads, expiryIntervalMs).unref()

  return {
    changed(change) {
      if (!watched.has(change.kind) || !hasReceivers()) return
      const current = author.getStore()
      if (changes === undefined || changes.author !== current) {
        // An operation makes its changes in one turn: a microtask runs after it and before the next operation.
        const started = createChangeSet(current)
        changes = started
        queueMicrotask(() => {
          if (changes === started) changes = undefined
          report(started)
        })
      }
      changes.add(change)
    },
    actAs: (authorId, work) => author.run(authorId, work),
    post,
    counts: (id) => outboxes.get(id)?.counts() ?? { sent: 0, delivered: 0, failed: 0, lost: 0, dropped: 0, waiting: 0 },
    dropped: gathering.dropped,
    delete({ id }) {
      store.webhooks.delete(id)
      outboxes.get(id)?.close()
      outboxes.delete(id)
      resumeWaiters()
    },
    faults: () => faults,
    setFaults(change) {
      faults = { ...faults, ...change }
    },
    clearFaults() {
      faults = noWebhookFaults
      for (const outbox of outboxes.values()) outbox.release()
    },
    async flush(timeoutMs) {
      expireUploads()
      await Promise.resolve()
      gathering.release()
      for (const outbox of outboxes.values()) outbox.release()
      if (waiting() > 0) {
        await new Promise<void>((resolve) => {
          const done = () => {
            clearTimeout(timer)
            waiters.delete(done)
            closing.signal.removeEventListener('abort', done)
            resolve()
          }
          const timer = setTimeout(done, timeoutMs)
          waiters.add(done)
          closing.signal.addEventListener('abort', done)
        })
      }
      return waiting()
    },
    reset() {
      gathering.clear()
      for (const outbox of outboxes.values()) outbox.close()
      outboxes.clear()
      changes = undefined
      faults = noWebhookFaults
      resumeWaiters()
    },
    async close() {
      closing.abort()
      clearInterval(expiring)
      gathering.clear()
      for (const outbox of outboxes.values()) outbox.close()
      await Promise.allSettled(requests)
    },
  }
}

/** Kinds of records that have events. */
const watched: ReadonlySet<string> = new Set([
  ...(['pages', 'blocks', 'databases', 'dataSources', 'views', 'comments', 'fileUploads'] as const),
])
