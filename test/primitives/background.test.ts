import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { type LoopOptions, startLoop } from '../../src/background.ts'

const options = (run: LoopOptions<unknown>['run'], more: Partial<LoopOptions<unknown>> = {}): LoopOptions<unknown> => ({
  name: 'test work',
  everyMs: 1,
  log: { error: vi.fn() },
  run,
  ...more,
})

it('repeats the work until it is stopped', async () => {
  const run = vi.fn(async () => {})
  const loop = startLoop(options(run))
  await vi.waitUntil(() => run.mock.calls.length >= 3)
  await loop.stop()
  const runs = run.mock.calls.length
  await sleep(20)
  expect(run.mock.calls.length).toBe(runs)
})

it('never overlaps two runs, whether scheduled or asked for', async () => {
  let running = 0
  let max = 0
  const loop = startLoop(
    options(async () => {
      running += 1
      max = Math.max(max, running)
      await sleep(3)
      running -= 1
    }),
  )
  await Promise.all(Array.from({ length: 5 }, () => loop.runOnce()))
  await loop.stop()
  expect(max).toBe(1)
})

it('logs a failed run with its error and continues', async () => {
  const failure = new Error('the database is down')
  const error = vi.fn()
  const run = vi.fn(async () => {})
  run.mockRejectedValueOnce(failure)
  const loop = startLoop(options(run, { log: { error } }))
  await vi.waitUntil(() => run.mock.calls.length >= 2)
  await loop.stop()
  expect(error.mock.calls).toEqual([[{ err: failure }, 'test work failed']])
})

it('returns the result of a run that was asked for, and rejects with its failure', async () => {
  const results = [async () => 'done', () => Promise.reject(new Error('not today'))]
  const loop = startLoop(options(() => results.shift()?.() ?? Promise.resolve(), { everyMs: 60_000 }))
  await expect(loop.runOnce()).resolves.toBe('done')
  await expect(loop.runOnce()).rejects.toThrow('not today')
  await loop.stop()
})

it('waits for the run in progress when it is stopped, and aborts its signal', async () => {
  const seen: string[] = []
  const loop = startLoop(
    options(
      async (signal) => {
        seen.push('started')
        await sleep(300)
        seen.push(signal.aborted ? 'finished after the abort' : 'finished')
      },
      { immediately: true },
    ),
  )
  await vi.waitUntil(() => seen.length > 0)
  await loop.stop()
  expect(seen).toEqual(['started', 'finished after the abort'])
})

it('starts with a pause unless it runs immediately', async () => {
  const run = vi.fn(async () => {})
  const later = startLoop(options(run, { everyMs: 60_000 }))
  await sleep(10)
  expect(run).not.toHaveBeenCalled()
  const now = startLoop(options(run, { everyMs: 60_000, immediately: true }))
  await vi.waitUntil(() => run.mock.calls.length === 1)
  await Promise.all([later.stop(), now.stop()])
})

it('runs soon when it is woken: once for all calls before that run, and again for those after its beginning', async () => {
  const begun: (() => void)[] = []
  const run = vi.fn(() => new Promise<void>((resolve) => begun.push(resolve)))
  const loop = startLoop(options(run, { everyMs: 3_600_000 }))
  for (let call = 0; call < 3; call += 1) loop.wake()
  await vi.waitUntil(() => begun.length === 1)
  for (let call = 0; call < 3; call += 1) loop.wake()
  begun[0]?.()
  await vi.waitUntil(() => begun.length === 2)
  begun[1]?.()
  await loop.stop()
  expect(run).toHaveBeenCalledTimes(2)
})

it('is not woken after a stop, and logs the failure of a run that it was woken for', async () => {
  const failure = new Error('the database is down')
  const error = vi.fn()
  const run = vi.fn(() => Promise.reject(failure))
  const loop = startLoop(options(run, { everyMs: 3_600_000, log: { error } }))
  loop.wake()
  await vi.waitUntil(() => error.mock.calls.length > 0)
  expect(error.mock.calls).toEqual([[{ err: failure }, 'test work failed']])
  await loop.stop()
  loop.wake()
  await sleep(20)
  expect(run).toHaveBeenCalledTimes(1)
})
