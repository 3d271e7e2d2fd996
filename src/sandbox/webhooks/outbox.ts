import type { WebhookSubscription } from '../model.ts'
import { bodyOf, type WebhookEvent } from './envelope.ts'
import type { WebhookFaults } from './faults.ts'
import type { PostWebhook } from './post.ts'

/**
 * Maximum number of attempts to deliver an event.
 *
 * @see https://developers.notion.com/reference/webhooks-events-delivery
 */
const maxAttempts = 8

/** Maximum number of events that wait for delivery to one subscription. Further ones are dropped. */
const maxWaiting = 10_000

/** Maximum number of simultaneous requests to a receiver. */
const maxRequests = 8

/** Longest pause in milliseconds that a timer of Node can make. */
const maxPauseMs = 2 ** 31 - 1

/** What happened to the events of a subscription since the start. */
export interface DeliveryCounts {
  /** Requests with an event, including repeated ones. */
  readonly sent: number
  /** Events that the receiver accepted with a status of 2xx. */
  readonly delivered: number
  /** Events that the receiver did not accept in eight attempts. */
  readonly failed: number
  /** Events that were not sent because of the fault `lose`. */
  readonly lost: number
  /** Events that were not sent because too many were waiting. */
  readonly dropped: number
  /** Events that wait for an attempt. */
  readonly waiting: number
}

/** Events on their way to one subscription. */
export interface Outbox {
  add(event: WebhookEvent): void
  /** Ends the window of the fault `reverse` now. */
  release(): void
  counts(): DeliveryCounts
  /** Drops all waiting events. Running requests end, but are not repeated. */
  close(): void
}

/**
 * Creates an outbox. `subscription` returns undefined when it was deleted. `loses` returns whether the
 * next event is lost. `onChange` is called when an event has left the outbox.
 */
export function createOutbox(options: {
  subscription(): WebhookSubscription | undefined
  faults(): WebhookFaults
  loses(): boolean
  readonly post: PostWebhook
  readonly onChange: () => void
}): Outbox {
  const { faults, post } = options
  interface Delivery {
    readonly event: WebhookEvent
    readonly attempt: number
  }
  const queue: Delivery[] = []
  const timers = new Set<NodeJS.Timeout>()
  let held: Delivery[] = []
  let holding: NodeJS.Timeout | undefined
  let running = 0
  let isClosed = false
  const counts = { sent: 0, delivered: 0, failed: 0, lost: 0, dropped: 0 }
  const waiting = () => queue.length + timers.size + held.length + running

  function later(milliseconds: number, work: () => void): void {
    if (isClosed) return
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        work()
      },
      Math.min(milliseconds, maxPauseMs),
    ).unref()
    timers.add(timer)
  }

  async function attempt({ event, attempt: number }: Delivery): Promise<void> {
    const subscription = options.subscription()
    if (subscription === undefined) return
    counts.sent += 1
    const status = await post({
      url: subscription.url,
      body: bodyOf(event, number),
      key: subscription.verificationToken,
      requestId: event.id,
      webhook: `${event.type} ${number}`,
    })
    if (status !== null && status >= 200 && status < 300) counts.delivered += 1
    else if (number === maxAttempts) counts.failed += 1
    else later(faults().retryMs * 2 ** (number - 1), () => push({ event, attempt: number + 1 }))
  }

  function pump(): void {
    while (!isClosed && running < (faults().reverse ? 1 : maxRequests)) {
      const next = queue.shift()
      if (next === undefined) return
      running += 1
      void attempt(next).finally(() => {
        running -= 1
        pump()
        options.onChange()
      })
    }
  }
  function push(delivery: Delivery): void {
    queue.push(delivery)
    pump()
  }

  function start(delivery: Delivery): void {
    const { delayMs } = faults()
    if (delayMs > 0) later(delayMs, () => push(delivery))
    else push(delivery)
  }

  function release(): void {
    clearTimeout(holding)
    const reversed = held.reverse()
    held = []
    for (const delivery of reversed) start(delivery)
  }

  return {
    add(event) {
      if (isClosed) return
      if (options.loses()) {
        counts.lost += 1
        return
      }
      const { duplicate, reverse, aggregateMs } = faults()
      for (let copy = 0; copy <= duplicate; copy += 1) {
        if (waiting() >= maxWaiting) {
          counts.dropped += 1
          continue
        }
        if (!reverse) start({ event, attempt: 1 })
        else if (held.push({ event, attempt: 1 }) === 1) holding = setTimeout(release, aggregateMs).unref()
      }
    },
    release,
    counts: () => ({ ...counts, waiting: waiting() }),
    close() {
      isClosed = true
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      clearTimeout(holding)
      queue.length = 0
      held = []
    },
  }
}
