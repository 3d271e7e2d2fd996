import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'

it('sleeps for at least the given time on the monotonic clock', async () => {
  const start = systemClock.now()
  await systemClock.sleep(15)
  expect(systemClock.now() - start).toBeGreaterThanOrEqual(14)
})

it("rejects with the signal's reason when sleeping is aborted, before or during the sleep", async () => {
  const stopping = new AbortController()
  const reason = new Error('the process stops')
  const sleeping = systemClock.sleep(60_000, stopping.signal)
  stopping.abort(reason)
  await expect(sleeping).rejects.toBe(reason)
  await expect(systemClock.sleep(60_000, stopping.signal)).rejects.toBe(reason)
})
