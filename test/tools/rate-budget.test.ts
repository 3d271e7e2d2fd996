import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { openRedis, type Redis } from '../../src/db/redis.ts'
import { RateLimitedError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { createRateBudget } from '../../src/tools/rate-budget.ts'
import { createRateWindow, type GrantBudget, type Permitting } from '../../src/tools/rate-window.ts'
import { createRedisRateWindow } from '../../src/tools/redis-rate-window.ts'
import { seed } from '../support/fast-check.ts'
import { hasRedis, type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { type Bench, failureOf, openBench, request } from './bench.ts'
import { permitsOn } from './permits.ts'

/** A clock that advances only on request; sleepers wake in the order of their times. */
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
    after: () => () => {},
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

/** Random numbers from 0 up to and without 1, the same ones for a seed. */
function lcg(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const perMinute = (requests: number) => ({ requests, perMs: 60_000 })

const grant = (grantId: string, requests = 100): GrantBudget => ({
  environmentId: 'environment',
  grantId,
  policy: perMinute(requests),
})
const { signal } = new AbortController()
setMaxListeners(0, signal)

describe('the rate budget', () => {
  it('admits a burst of the whole limit at once and the rest as the minute passes', async () => {
    const { clock, advance, settle } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    let admitted = 0
    for (let call = 0; call < 200; call++) {
      void budget.acquire(grant('a', 180), 'account', { deadline: clock.now() + 100_000, signal }).then(() => {
        admitted += 1
      })
    }
    await advance(0)
    expect(admitted).toBe(180)
    await advance(59_000)
    expect(admitted).toBe(180)
    await advance(1_000)
    await settle()
    expect(admitted).toBe(200)
  })

  it('serves the accounts of one grant in turns, each in its own order', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    const order: string[] = []
    const call = (account: string, name: string) =>
      void budget
        .acquire(grant('a', 4), account, { deadline: clock.now() + 1_000_000, signal })
        .then(() => order.push(name))
    for (let at = 1; at <= 9; at++) call('busy', `busy-${at}`)
    await advance(0)
    call('quiet', 'quiet-1')
    call('quiet', 'quiet-2')
    await advance(70_000)
    expect(order).toEqual(['busy-1', 'busy-2', 'busy-3', 'busy-4', 'busy-5', 'quiet-1', 'busy-6', 'quiet-2'])
  })

  it('does not slow a grant because another is busy', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    for (let call = 0; call < 100; call++) {
      void budget.acquire(grant('busy', 10), 'a', { deadline: clock.now() + 1_000_000, signal })
    }
    await advance(0)
    await budget.acquire(grant('quiet', 10), 'b', { deadline: clock.now() + 1, signal })
  })

  it('refuses a call that cannot wait long enough at once, with the time to wait', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    const wait = { deadline: clock.now() + 30_000, signal }
    await budget.acquire(grant('a', 1), 'account', wait)
    const late = failureOf(budget.acquire(grant('a', 1), 'account', wait))
    await advance(0)
    const error = (await late) as RateLimitedError
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(error.retryAfterMs).toBeGreaterThan(55_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(65_000)
  })

  it('refuses a call whose turn leaves it less time than a request takes', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    await budget.acquire(grant('a', 1), 'account', { deadline: clock.now() + 1, signal })
    const called = (milliseconds: number) =>
      budget.acquire(grant('a', 1), 'account', { deadline: clock.now() + milliseconds, signal }).then(
        () => 'admitted',
        (error: unknown) => error,
      )
    const late = called(61_999)
    const inTime = called(62_000)
    await advance(0)
    expect(await late).toBeInstanceOf(RateLimitedError)
    await advance(60_000)
    expect(await inTime).toBe('admitted')
    // One that waits for less time needs no more than that.
    await advance(59_900)
    const brief = called(200)
    await advance(100)
    expect(await brief).toBe('admitted')
  })

  it('bounds the number of waiting calls', async () => {
    const { clock } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 3 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    const calls = Array.from({ length: 5 }, () =>
      budget.acquire(grant('a', 1), 'account', wait).catch((error) => error),
    )
    expect(await calls[4]).toBeInstanceOf(RateLimitedError)
  })

  it('makes room in a full queue for an account with fewer waiting calls than another', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 4 })
    const wait = { deadline: clock.now() + 1_000_000, signal }
    const ends: string[] = []
    const call = (account: string, name: string) =>
      void budget.acquire(grant('a', 1), account, wait).then(
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

  it('takes as many permits ahead as recent calls used, and none for rare calls', async () => {
    const { clock, advance } = steppedClock()
    const taken: number[] = []
    const source: Permitting = {
      batch: 5,
      take: async (_key, wanted) => {
        taken.push(wanted)
        return { granted: wanted, waitMs: 0, validMs: 2_000 }
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

  it('uses permits beyond what it asked for until they expire', async () => {
    const { clock, advance } = steppedClock()
    let taken = 0
    const source: Permitting = {
      batch: 5,
      take: async () => {
        taken += 1
        return { granted: 4, waitMs: 0, validMs: 10_000 }
      },
      refuse: async () => {},
    }
    const budget = createRateBudget({ source, clock, waitingPerGrant: 500 })
    const call = () => budget.acquire(grant('a'), 'account', { deadline: clock.now() + 1_000_000, signal })
    for (let second = 0; second < 4; second += 1) {
      await call()
      await advance(1_000)
    }
    expect(taken).toBe(1)
    await call()
    expect(taken).toBe(2)
    await advance(10_000)
    await call()
    expect(taken).toBe(3)
  })

  it('asks again after a quarter of an hour even when a refusal asks for a longer pause', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
    await budget.refuse(grant('a'), 999_999_000)
    await advance(15 * 60_000)
    await budget.acquire(grant('a'), 'account', { deadline: clock.now() + 1, signal })
  })

  it('stops all calls of the grant after a refusal, and no others', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 500 })
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

  it('removes a cancelled call from the queue', async () => {
    const { clock, advance } = steppedClock()
    const budget = createRateBudget({ source: permitsOn(clock), clock, waitingPerGrant: 1 })
    const deadline = clock.now() + 1_000_000
    await budget.acquire(grant('a', 1), 'account', { deadline, signal })
    const caller = new AbortController()
    const given = failureOf(budget.acquire(grant('a', 1), 'account', { deadline, signal: caller.signal }))
    await advance(10)
    caller.abort(new Error('gone'))
    expect(await given).toMatchObject({ message: 'gone' })
    const next = budget.acquire(grant('a', 1), 'account', { deadline, signal })
    await advance(70_000)
    await next
  })
})

const kinds = ['postgres', 'embedded', ...(hasRedis ? (['redis'] as const) : [])] as const

describe.each(kinds)('the rate window in %s', (kind) => {
  let bench: Bench
  let server: RedisServer
  let connections: Redis[] = []
  beforeAll(async () => {
    bench = await openBench(kind === 'redis' ? 'postgres' : kind)
    if (kind !== 'redis') return
    server = await startRedisServer()
    // A busy machine may delay answers by more than a second.
    connections = [1, 2].map(() => openRedis(server.url, '', createLog('silent'), 60_000))
    await vi.waitUntil(() => connections.every((redis) => redis.isReachable()), { timeout: 60_000 })
  })
  afterAll(async () => {
    for (const redis of connections) await redis.close()
    if (kind === 'redis') await server.kill()
    await bench.close()
  })

  let grants = 0
  const newGrant = async (policy = perMinute(100)): Promise<GrantBudget> => {
    grants += 1
    const { grantId } = await bench.account(`rate-window-${grants}`)
    return { environmentId: bench.environmentId, grantId, policy }
  }

  /** One for each of two nodes. */
  const windows = () => {
    const node = (redis: Redis | undefined) => {
      const postgres = createRateWindow(bench.database.db)
      return redis ? createRedisRateWindow(redis, postgres) : postgres
    }
    return [node(connections[0]), node(connections[1])] as const
  }

  /** Changes what is stored of a grant. In Redis undefined removes a field. */
  const store = async (
    { grantId, environmentId }: GrantBudget,
    columns: object,
    fields: Readonly<Record<string, string | undefined>>,
  ) => {
    if (kind !== 'redis') {
      await bench.database.db.updateTable('rate_budgets').set(columns).where('grant_id', '=', grantId).execute()
      return
    }
    for (const [field, value] of Object.entries(fields)) {
      const key = `rate:${environmentId}:${grantId}`
      await (value === undefined ? server.command('HDEL', key, field) : server.command('HSET', key, field, value))
    }
  }
  /** The fields of Redis that count, as they are to be removed. */
  const countsOf = async ({ grantId, environmentId }: GrantBudget) => {
    const fields = kind === 'redis' ? await server.command('HKEYS', `rate:${environmentId}:${grantId}`) : []
    return Object.fromEntries(
      (fields as string[]).filter((field) => /^\d/.test(field)).map((field) => [field, undefined]),
    )
  }

  it('grants no more than the limit to all nodes together, however many ask at once', async () => {
    const budget = await newGrant(perMinute(50))
    const nodes = windows()
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => nodes[at % 2 === 0 ? 0 : 1].take(budget, 5)),
    )
    expect(answers.reduce((sum, { granted }) => sum + granted, 0)).toBe(50)
    const empty = answers.filter(({ granted }) => granted === 0)
    expect(empty.length).toBeGreaterThan(0)
    for (const { waitMs } of empty) {
      expect(waitMs).toBeGreaterThan(55_000)
      expect(waitMs).toBeLessThanOrEqual(67_000)
    }
  })

  it('never grants more than the limit in any window of the policy, in real time, whenever permits are used', async () => {
    const policy = { requests: 40, perMs: 600 }
    const budget = await newGrant(policy)
    const nodes = windows()
    const uses: number[] = []
    const random = lcg(seed)
    const end = performance.now() + 3_000
    for (let at = 0; performance.now() < end; at++) {
      const from = performance.now()
      const { granted, waitMs, validMs } = await nodes[at % 2 === 0 ? 0 : 1].take(budget, 3)
      const to = performance.now()
      const left = from + validMs - to
      for (let one = 0; one < granted && left >= 0; one++) uses.push(to + random() * left)
      await sleep(granted === 0 ? Math.min(waitMs, 50) : random() * 30)
    }
    expect(uses.length, `seed ${seed}`).toBeGreaterThan(0)
    for (const use of uses) {
      const within = uses.filter((one) => one >= use && one < use + policy.perMs)
      expect(within.length, `seed ${seed}`).toBeLessThanOrEqual(policy.requests)
    }
  })

  it('reserves permits for the next requests of a grant that has used little, and grants a busy one what it asks for', async () => {
    const budget = await newGrant(perMinute(180))
    const [window] = windows()
    const few = await window.take(budget, 1)
    expect(few).toMatchObject({ granted: 10, waitMs: 0 })
    expect(few.validMs).toBeGreaterThanOrEqual(20_000)
    const many = await window.take(budget, 80)
    expect(many).toMatchObject({ granted: 80, waitMs: 0 })
    expect(many.validMs).toBeLessThanOrEqual(7_000)
    expect(await window.take(budget, 500)).toMatchObject({ granted: 90, waitMs: 0 })
  })

  it('lets work in the background use all but a reserve while no node takes permits for calls', async () => {
    const budget = await newGrant(perMinute(180))
    const [node, other] = windows()
    const idle = await node.takeInBackground(budget, { whenIdle: 500, whenBusy: 1 })
    expect(idle).toMatchObject({ granted: 176, waitMs: 0, isIdle: true })
    // Permits that are used at once count for little longer than the window.
    expect(idle.validMs).toBeGreaterThanOrEqual(500)
    expect(idle.validMs).toBeLessThanOrEqual(1_500)
    const empty = await node.takeInBackground(budget, { whenIdle: 1, whenBusy: 1 })
    expect(empty).toMatchObject({ granted: 0, isIdle: true })
    expect(empty.waitMs).toBeGreaterThan(55_000)
    expect(empty.waitMs).toBeLessThanOrEqual(62_500)
    // A call finds room at once, and from then on the background waits for it on all nodes.
    expect(await other.take(budget, 4)).toMatchObject({ granted: 4, waitMs: 0 })
    expect(await node.takeInBackground(budget, { whenIdle: 5, whenBusy: 2 })).toMatchObject({
      granted: 0,
      isIdle: false,
    })
  })

  it('lets work in the background use its share, and no more than four fifths with the calls of all nodes', async () => {
    const budget = await newGrant(perMinute(180))
    const [node, other] = windows()
    await other.take(budget, 100)
    expect(await node.takeInBackground(budget, { whenIdle: 50, whenBusy: 3 })).toMatchObject({
      granted: 3,
      isIdle: false,
    })
    expect(await node.takeInBackground(budget, { whenIdle: 50, whenBusy: 100 })).toMatchObject({ granted: 41 })
    expect(await node.takeInBackground(budget, { whenIdle: 50, whenBusy: 100 })).toMatchObject({ granted: 0 })
    const long = Date.now() - 81_000
    await store(budget, { called_at: new Date(long) }, { called: String(long) })
    expect(await node.takeInBackground(budget, { whenIdle: 50, whenBusy: 3 })).toMatchObject({
      granted: 32,
      isIdle: true,
    })
  })

  it('counts what nodes of earlier releases take as taken for calls', async () => {
    const budget = await newGrant(perMinute(180))
    await sql`select * from take_rate_permits(
      ${budget.environmentId}::uuid, ${budget.grantId}::uuid, 1, 9, 180, 60000, 5000, 2000, 20000)`.execute(
      bench.database.db,
    )
    const taken = createRateWindow(bench.database.db).takeInBackground(budget, { whenIdle: 50, whenBusy: 3 })
    expect(await taken).toMatchObject({ granted: 3, isIdle: false })
  })

  it('shares the limit with nodes of release 0.1, which count in other slots', async () => {
    const budget = await newGrant(perMinute(180))
    const ofOldNode = async () => {
      const { rows } = await sql<{ granted: number; wait_ms: number }>`select * from take_rate_permits(
        ${budget.environmentId}::uuid, ${budget.grantId}::uuid, 5, 180)`.execute(bench.database.db)
      return rows[0]
    }
    const window = createRateWindow(bench.database.db)
    expect((await window.take(budget, 50)).granted).toBeGreaterThanOrEqual(50)
    expect(await ofOldNode()).toEqual({ granted: 5, wait_ms: 0 })
    while ((await window.take(budget, 50)).granted > 0);
    const refused = await ofOldNode()
    expect(refused?.granted).toBe(0)
    expect(refused?.wait_ms).toBeGreaterThan(0)
    expect(refused?.wait_ms).toBeLessThan(90_000)
  })

  it('counts two grants separately, each with its own policy', async () => {
    const [window] = windows()
    const [small, large] = [await newGrant(perMinute(5)), await newGrant({ requests: 1_000, perMs: 3_600_000 })]
    expect(await window.take(small, 50)).toMatchObject({ granted: 5, waitMs: 0 })
    expect(await window.take(large, 50)).toMatchObject({ granted: 100, waitMs: 0 })
    expect((await window.take(small, 1)).granted).toBe(0)
  })

  it('grants permits again when their slots have left the window', async () => {
    const budget = await newGrant(perMinute(20))
    const [first, second] = windows()
    await first.take(budget, 20)
    const slot = Math.floor(Date.now() / 5_000) - 13
    await store(budget, { slots: [slot] }, { ...(await countsOf(budget)), [slot]: '20' })
    expect(await second.take(budget, 30)).toMatchObject({ granted: 20, waitMs: 0 })
  })

  it('stops all nodes after a refusal, and lowers the limit to what was sent', async () => {
    const budget = await newGrant(perMinute(100))
    const [first, second] = windows()
    await first.take(budget, 80)
    await first.refuse(budget, 60_000)
    const paused = await second.take(budget, 1)
    expect(paused.granted).toBe(0)
    expect(paused.waitMs).toBeGreaterThan(30_000)
    expect(paused.waitMs).toBeLessThanOrEqual(60_000)
    const forget = { paused_until: null, slots: [], counts: [] }
    await store(budget, forget, { ...(await countsOf(budget)), paused: undefined })
    expect(await second.take(budget, 500)).toMatchObject({ granted: 80, waitMs: 0 })
    await store(
      budget,
      { ...forget, learned_until: new Date(Date.now() - 1_000) },
      { ...(await countsOf(budget)), learned_until: '1000' },
    )
    expect(await second.take(budget, 500)).toMatchObject({ granted: 100, waitMs: 0 })
  })

  it('does not lower the limit after a refusal for a moment', async () => {
    const budget = await newGrant(perMinute(180))
    const [window] = windows()
    await window.take(budget, 90)
    await window.refuse(budget, 50)
    await sleep(60)
    expect(await window.take(budget, 90)).toMatchObject({ granted: 90, waitMs: 0 })
  })

  it('does not lower the limit when other clients used it up', async () => {
    const budget = await newGrant(perMinute(180))
    const [window] = windows()
    await window.take(budget, 20)
    await window.refuse(budget, 5_000)
    await store(budget, { paused_until: null }, { paused: undefined })
    expect(await window.take(budget, 500)).toMatchObject({ granted: 151, waitMs: 0 })
  })

  it('remembers a refusal of a grant that has taken no permits yet', async () => {
    const budget = await newGrant()
    const [first, second] = windows()
    await first.refuse(budget, 60_000)
    expect((await second.take(budget, 1)).granted).toBe(0)
  })

  it('sends the provider no more than the limit for the calls of two nodes, and reports when to try again', async () => {
    await bench.account('throttled')
    bench.provider.received.length = 0
    const [first, second] = windows().map((rateWindow) => bench.engine({ ratePolicy: () => perMinute(20), rateWindow }))
    if (!first || !second) throw new Error('There are two nodes.')
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

  // Redis does not know which grants exist.
  if (kind !== 'redis') {
    it('grants every permit for a grant that was deleted: its own state refuses the call', async () => {
      const [window] = windows()
      const deleted = { ...(await newGrant()), grantId: '00000000-0000-4000-8000-000000000000' }
      await window.refuse(deleted, 5_000)
      expect(await window.take(deleted, 1)).toMatchObject({ granted: 1, waitMs: 0 })
    })
  }
})
