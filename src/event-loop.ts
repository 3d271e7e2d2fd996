import { performance } from 'node:perf_hooks'

/** The share of time in which the event loop runs code, from which on calls wait noticeably for other work. */
const busyShare = 0.5

/** How long the share is measured, in milliseconds: longer than one piece of background work. */
const windowMs = 50

/**
 * Returns a function that reports whether the event loop of this process is busy: calls then wait for each piece of other work
 * that is started. A process that shares its processors with busy ones counts as busy too.
 */
export function createBusySign(): () => boolean {
  let since = { at: performance.now(), usage: performance.eventLoopUtilization() }
  let busy = false
  return () => {
    const at = performance.now()
    if (at - since.at < windowMs) return busy
    const usage = performance.eventLoopUtilization()
    busy = performance.eventLoopUtilization(usage, since.usage).utilization > busyShare
    since = { at, usage }
    return busy
  }
}
