import { setMaxListeners } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { RateLimitedError } from '../../src/errors.ts'
import { type BudgetKey, createRateBudget, type PermitSource } from '../../src/tools/budget.ts'
import { createSharedWindow } from '../../src/tools/shared-window.ts'
import { createWindow } from '../../src/tools/window.ts'
import { type Bench, failureOf, openBench, request } from './bench.ts'

/** A clock that stands still until it is told to go on; sleepers wake in the order of their times. */
function steppedClock() {
  let now = 1_000_000
  let sleepers: { readonly at: number; readonly wake: () => void }[] = []
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const clock: Clock = {
    now: () => now,
    date: () => new Date(now),
    random: () => 0.5,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + milliseconds, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((one) => one !== sleeper)
          reject(signal.reason)
        })
      }),
  }
  return {
    clock,
    settle,
    async advance(milliseconds: number) {
      const until = now + milliseconds
      await settle()
      for (;;) {
        const [next] = sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
        if (!next) break
        sleepers = sleepers.filter((one) => one !== next)
        now = Math.max(now, next.at)
        next.wake()
        await settle()
      }
      now = until
    },
  }
}

const grant = (grantId: string): BudgetKey => ({ environmentId: 'environment', grantId })
const { signal } = new AbortController()
setMaxListeners(0, signal)

describe('the rate budget', () => {
  it('lets a burst of the whole limit through at once and the rest as the minute passes', async () => {
    const { clock, advance, settle } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 180), clock, waitingPerGrant: 500 })
    let admitted = 0
    for (let call = 0; call < 200; call++) {
      void budget.acquire(grant('a'), 'account', { deadline: clock.now() + 100_000, signal }).then(() => {
        admitted += 1
      })
    }
    await advance(0)
    expect(admitted).toBe(180)
    await advance(59_000)
    expect(admitted).toBe(180)
    await advance(7_000)
    await settle()
    expect(admitted).toBe(200)
  })

  it('never lets more than the limit into any sixty seconds', async () => {
    const { clock, advance } = steppedClock()
    const source = createWindow(clock, 60)
    const budget = createRateBudget({ source, clock, waitingPerGrant: 10_000 })
    const times: number[] = []
    const start = clock.now()
    for (let round = 0; round < 40; round++) {
      for (let call = 0; call < 10; call++) {
        void budget
          .acquire(grant('a'), 'account', { deadline: start + 1_000_000, signal })
          .then(() => times.push(clock.now()))
      }
      await advance(1_700)
    }
    await advance(600_000)
    expect(times).toHaveLength(400)
    for (const begin of times) {
      expect(times.filter((time) => time >= begin && time < begin + 60_000).length).toBeLessThanOrEqual(60)
    }
  })

  it('serves the accounts of one grant in turn, each in its own order', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 4), clock, waitingPerGrant: 500 })
    const order: string[] = []
    const call = (account: string, name: string) =>
      void budget
        .acquire(grant('a'), account, { deadline: clock.now() + 1_000_000, signal })
        .then(() => order.push(name))
    for (let at = 1; at <= 9; at++) call('busy', `busy-${at}`)
    await advance(0)
    call('quiet', 'quiet-1')
    call('quiet', 'quiet-2')
    await advance(70_000)
    expect(order).toEqual(['busy-1', 'busy-2', 'busy-3', 'busy-4', 'busy-5', 'quiet-1', 'busy-6', 'quiet-2'])
  })

  it('keeps a busy grant from slowing another', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 10), clock, waitingPerGrant: 500 })
    for (let call = 0; call < 100; call++) {
      void budget.acquire(grant('busy'), 'a', { deadline: clock.now() + 1_000_000, signal })
    }
    await advance(0)
    await budget.acquire(grant('quiet'), 'b', { deadline: clock.now() + 1, signal })
  })

  it('says RateLimitedError with the time at once to who cannot wait long enough', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 1), clock, waitingPerGrant: 500 })
    const wait = { deadline: clock.now() + 30_000, signal }
    await budget.acquire(grant('a'), 'account', wait)
    const late = failureOf(budget.acquire(grant('a'), 'account', wait))
    await advance(0)
    const error = (await late) as RateLimitedError
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(error.retryAfterMs).toBeGreaterThan(55_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(65_000)
  })

  it('refuses more waiting calls than it is bound to hold', async () => {
    const { clock } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 1), clock, waitingPerGrant: 3 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    const calls = Array.from({ length: 5 }, () => budget.acquire(grant('a'), 'account', wait).catch((error) => error))
    expect(await calls[4]).toBeInstanceOf(RateLimitedError)
  })

  it('makes room in a full queue for an account that waits for less than another', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 1), clock, waitingPerGrant: 4 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    const ends: string[] = []
    const call = (account: string, name: string) =>
      void budget.acquire(grant('a'), account, wait).then(
        () => ends.push(name),
        (error: Error) => ends.push(`${name} ${error.name}`),
      )
    call('busy', 'busy-1')
    await advance(0)
    for (const name of ['busy-2', 'busy-3', 'busy-4', 'busy-5']) call('busy', name)
    call('quiet', 'quiet-1')
    call('quiet', 'quiet-2')
    call('quiet', 'quiet-3')
    await advance(0)
    const refused = ['busy-4 RateLimitedError', 'busy-5 RateLimitedError', 'quiet-3 RateLimitedError']
    expect([...ends].sort()).toEqual(['busy-1', ...refused])
    await advance(300_000)
    expect(ends.slice(4).sort()).toEqual(['busy-2', 'busy-3', 'quiet-1', 'quiet-2'])
  })

  it('takes no more permits ahead than the calls of the last moments used, and none for calls that are rare', async () => {
    const { clock, advance } = steppedClock()
    const taken: number[] = []
    const source: PermitSource = {
      batch: 5,
      take: async (_key, wanted) => {
        taken.push(wanted)
        return { granted: wanted, waitMs: 0 }
      },
      refuse: async () => {},
    }
    const budget = createRateBudget({ source, clock, waitingPerGrant: 500 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    for (let call = 0; call < 10; call++) {
      await budget.acquire(grant('rare'), 'account', wait)
      await advance(2_100)
    }
    expect(taken).toEqual(Array.from({ length: 10 }, () => 1))
    taken.length = 0
    for (let call = 0; call < 100; call++) await budget.acquire(grant('quick'), 'account', wait)
    expect(taken.slice(0, 4)).toEqual([1, 2, 3, 4])
    expect(Math.max(...taken)).toBe(5)
    expect(taken.reduce((sum, wanted) => sum + wanted, 0)).toBeLessThan(105)
  })

  it('asks again after a quarter of an hour whatever pause a refusal names', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 100), clock, waitingPerGrant: 500 })
    await budget.refuse(grant('a'), 999_999_000)
    await advance(15 * 60_000)
    await budget.acquire(grant('a'), 'account', { deadline: clock.now() + 1, signal })
  })

  it('stops everybody of the grant after a refusal, and nobody else', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 100), clock, waitingPerGrant: 500 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    await budget.acquire(grant('a'), 'account', wait)
    await budget.refuse(grant('a'), 20_000)
    let admitted = false
    void budget.acquire(grant('a'), 'account', wait).then(() => {
      admitted = true
    })
    await budget.acquire(grant('b'), 'account', wait)
    await advance(19_000)
    expect(admitted).toBe(false)
    await advance(2_000)
    expect(admitted).toBe(true)
  })

  it('learns a lower limit from a refusal that came before its own was reached', async () => {
    const { clock, advance } = steppedClock()
    const source = createWindow(clock, 180)
    await source.take(grant('a'), 90)
    await source.refuse(grant('a'), 20_000)
    await advance(70_000)
    expect(await source.take(grant('a'), 500)).toEqual({ granted: 90, waitMs: 0 })
    await advance(11 * 60_000)
    expect(await source.take(grant('a'), 500)).toEqual({ granted: 180, waitMs: 0 })
  })

  it('learns nothing from a refusal for a moment', async () => {
    const { clock, advance } = steppedClock()
    const source = createWindow(clock, 180)
    await source.take(grant('a'), 90)
    await source.refuse(grant('a'), 1_000)
    await advance(1_000)
    expect(await source.take(grant('a'), 10)).toEqual({ granted: 10, waitMs: 0 })
  })

  it('lets a call that is given up leave the queue', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: createWindow(clock, 1), clock, waitingPerGrant: 1 })
    const deadline = clock.now() + 1_000_000
    await budget.acquire(grant('a'), 'account', { deadline, signal })
    const caller = new AbortController()
    const given = failureOf(budget.acquire(grant('a'), 'account', { deadline, signal: caller.signal }))
    await advance(10)
    caller.abort(new Error('gone'))
    expect(await given).toMatchObject({ message: 'gone' })
    const next = budget.acquire(grant('a'), 'account', { deadline, signal })
    await advance(70_000)
    await next
  })
})

describe('the budget that nodes share in Postgres', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench()
  })
  afterAll(() => bench.close())

  const shared = async (perMinute: number): Promise<{ key: BudgetKey; sources: readonly PermitSource[] }> => {
    const { grantId } = await bench.account(`budget-${perMinute}`)
    const { db } = bench.database
    return {
      key: { environmentId: bench.environmentId, grantId },
      sources: [createSharedWindow(db, perMinute), createSharedWindow(db, perMinute)],
    }
  }

  it('gives no more than the limit to all nodes together, however many ask at once', async () => {
    const { key, sources } = await shared(50)
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => sources[at % 2]?.take(key, 5) ?? Promise.reject(new Error('no source'))),
    )
    expect(answers.reduce((sum, { granted }) => sum + granted, 0)).toBe(50)
    const empty = answers.filter(({ granted }) => granted === 0)
    expect(empty.length).toBeGreaterThan(0)
    for (const { waitMs } of empty) {
      expect(waitMs).toBeGreaterThan(55_000)
      expect(waitMs).toBeLessThanOrEqual(65_000)
    }
  })

  it('gives permits back as their slots leave the minute', async () => {
    const { key, sources } = await shared(20)
    await sources[0]?.take(key, 20)
    await bench.database.db
      .updateTable('rate_budgets')
      .set((update) => ({ slots: update.val([Math.floor(Date.now() / 5_000) - 13]) }))
      .where('grant_id', '=', key.grantId)
      .execute()
    expect(await sources[1]?.take(key, 30)).toEqual({ granted: 20, waitMs: 0 })
  })

  it('stops all nodes after a refusal and teaches them', async () => {
    const { key, sources } = await shared(100)
    await sources[0]?.take(key, 80)
    await sources[0]?.refuse(key, 5_000)
    const paused = await sources[1]?.take(key, 1)
    expect(paused?.granted).toBe(0)
    expect(paused?.waitMs).toBeGreaterThan(4_000)
    expect(paused?.waitMs).toBeLessThanOrEqual(5_000)
    await bench.database.db
      .updateTable('rate_budgets')
      .set({ paused_until: null, slots: [], counts: [] })
      .where('grant_id', '=', key.grantId)
      .execute()
    expect(await sources[1]?.take(key, 500)).toEqual({ granted: 80, waitMs: 0 })
  })

  it('holds for the calls of two nodes: the provider sees no more than the limit, and the others are told when', async () => {
    await bench.account('throttled')
    bench.provider.received.length = 0
    const limits = { requestsPerMinute: 20 }
    const [first, second] = [bench.engine({ limits }), bench.engine({ limits })]
    const call = request('notes_find', {}, { identifier: 'throttled' })
    const calls = await Promise.allSettled(
      Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? first : second).executeTool(bench.viewer, call)),
    )
    const refused = calls.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(bench.provider.received).toHaveLength(20)
    expect(refused).toHaveLength(20)
    for (const error of refused) {
      expect(error).toBeInstanceOf(RateLimitedError)
      expect((error as RateLimitedError).retryAfterMs).toBeGreaterThan(45_000)
    }
  })

  it('lets a grant through that is gone: its own state refuses it', async () => {
    const [source] = (await shared(7)).sources
    const gone = { environmentId: bench.environmentId, grantId: '00000000-0000-4000-8000-000000000000' }
    expect(await source?.take(gone, 1)).toEqual({ granted: 1, waitMs: 0 })
  })
})
