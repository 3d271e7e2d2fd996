import { expect, it } from 'vitest'
import { fullJitter } from '../../src/backoff.ts'

const bounds = { firstMs: 100, maxMs: 5_000 }

it('doubles the upper bound of the pause with each attempt, up to the maximum', () => {
  const upperBounds = [0, 1, 2, 3, 10].map((attempt) => fullJitter(bounds, attempt, () => 0.999_999))
  expect(upperBounds).toEqual([100, 200, 400, 800, 5_000])
})

it('spreads pauses over the whole range below the bound', () => {
  expect([0, 0.25, 0.5].map((chance) => fullJitter(bounds, 3, () => chance))).toEqual([0, 200, 400])
})

it('stays within the maximum after any number of attempts', () => {
  expect(fullJitter(bounds, 1e9, () => 0.5)).toBe(2_500)
})
