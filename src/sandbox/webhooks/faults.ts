/** How deliveries differ from reliable ones, for tests of receivers, and their timing. Times are in milliseconds. */
export interface WebhookFaults {
  /** Pause before the first attempt. */
  readonly delayMs: number
  /** Number of additional copies of each event. */
  readonly duplicate: number
  /** Number of next events that are not sent. */
  readonly lose: number
  /** Whether the events of a window of `aggregateMs` are sent one after the other, the last one first. */
  readonly reverse: boolean
  /** How long events of the same type about the same entity are gathered. Notion gathers for up to a minute. */
  readonly aggregateMs: number
  /** Pause after the first failed attempt. Each further pause is twice as long. Notion's pauses add up to a day. */
  readonly retryMs: number
}

/** Reliable delivery within a second. */
export const noWebhookFaults: WebhookFaults = {
  delayMs: 0,
  duplicate: 0,
  lose: 0,
  reverse: false,
  aggregateMs: 200,
  retryMs: 200,
}
