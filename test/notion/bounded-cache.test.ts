import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundedCache } from '../../src/notion/bounded-cache.ts'

test('a cache holds no more than its bound, and what was used last stays', () => {
  const cache = boundedCache<number>({ entries: 3 }, () => 0)
  for (const key of ['a', 'b', 'c']) cache.set(key, 1)
  cache.get('a')
  cache.set('d', 1)
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual([1, undefined, 1, 1])
})

test('an entry is gone once its time is over', () => {
  let now = 0
  const cache = boundedCache<number>({ entries: 3, ttlMs: 10 }, () => now)
  cache.set('a', 1)
  now = 9
  expect(cache.get('a')).toBe(1)
  now = 10
  expect(cache.get('a')).toBeUndefined()
})

test('it answers as an unbounded map would, or not at all', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.option(fc.nat(), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const cache = boundedCache<number>({ entries: 2 }, () => 0)
      const map = new Map<string, number>()
      for (const { key, value } of steps) {
        if (value === undefined) {
          cache.delete(key)
          map.delete(key)
        } else {
          cache.set(key, value)
          map.set(key, value)
        }
        expect([undefined, map.get(key)]).toContain(cache.get(key))
      }
    }),
  )
})
