import { expect, it } from 'vitest'
import { createBackgroundPermits } from '../../src/tools/background-permits.ts'
import type { PermitSource } from '../../src/tools/rate-window.ts'

const budget = { environmentId: 'environment', grantId: 'grant', policy: { requests: 180, perMs: 60_000 } }

/** A window without a limit, of a grant with calls or without. */
function window() {
  const state = { now: 0, isIdle: false, isFull: false, asked: 0, taken: 0 }
  const source: PermitSource = {
    batch: 5,
    take: () => Promise.reject(new Error('not for calls')),
    async takeInBackground(_budget, { whenIdle, whenBusy }) {
      state.asked += 1
      const granted = state.isFull ? 0 : state.isIdle ? whenIdle : Math.min(whenIdle, whenBusy)
      state.taken += granted
      return { granted, waitMs: granted > 0 ? 0 : 60_000, validMs: 1_000, isIdle: state.isIdle }
    },
    refuse: async () => {},
  }
  const permits = createBackgroundPermits(source, { now: () => state.now })
  return {
    state,
    permits,
    /** Takes as many as it can for a time, and returns how many it got. */
    async takeFor(milliseconds: number) {
      state.taken = 0
      state.asked = 0
      for (const until = state.now + milliseconds; state.now < until; ) {
        const { granted, waitMs } = await permits.take(budget, 1)
        state.now += granted > 0 ? 1 : waitMs
      }
      return state.taken
    },
  }
}

it('uses 30 % of the limit while there are calls, in batches', async () => {
  const { state, takeFor } = window()
  const taken = await takeFor(600_000)
  // A window at once, and then ten.
  expect(taken).toBeGreaterThan(10.5 * 54)
  expect(taken).toBeLessThanOrEqual(11 * 54)
  expect(state.asked).toBeLessThan(taken)
})

it('uses the whole limit evenly while there are no calls, with a statement for every third request', async () => {
  const { state, takeFor } = window()
  state.isIdle = true
  expect(await takeFor(1_000)).toBeLessThanOrEqual(6)
  for (let minute = 0; minute < 5; minute += 1) {
    const taken = await takeFor(60_000)
    expect(taken).toBeGreaterThan(175)
    expect(taken).toBeLessThanOrEqual(183)
    expect(state.asked).toBeLessThanOrEqual(taken / 3 + 1)
  }
})

it('uses no more than the share as soon as there are calls, and the whole limit when they ended', async () => {
  const { state, takeFor } = window()
  state.isIdle = true
  await takeFor(60_000)
  state.isIdle = false
  expect(await takeFor(1_000)).toBeLessThanOrEqual(3)
  expect(await takeFor(60_000)).toBeLessThanOrEqual(57)
  state.isIdle = true
  expect(await takeFor(60_000)).toBeGreaterThan(175)
})

it('waits as long as a full window says, and loses nothing of its share meanwhile', async () => {
  const { state, permits, takeFor } = window()
  state.isFull = true
  expect(await permits.take(budget, 1)).toMatchObject({ granted: 0, waitMs: 60_000 })
  state.isFull = false
  expect(await takeFor(30_000)).toBeGreaterThanOrEqual(54)
})
