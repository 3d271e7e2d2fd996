import { expect, it } from 'vitest'
import { tokenBucket } from '../../src/token-bucket.ts'
import fc from '../support/fast-check.ts'

function bucketAt(ratePerSecond: number, burst?: number) {
  let now = 0
  const bucket = tokenBucket(ratePerSecond, { now: () => now }, burst)
  const wait = (milliseconds: number) => {
    now += milliseconds
  }
  return { bucket, wait }
}

it("grants one second's worth at once and then the rate", () => {
  const { bucket, wait } = bucketAt(10)
  expect([bucket.take(7), bucket.take(7), bucket.take(1)]).toEqual([7, 3, 0])
  wait(500)
  expect(bucket.take(100)).toBe(5)
})

it('grants a burst of its own size where one is given', () => {
  const { bucket } = bucketAt(2, 3)
  expect(bucket.take(100)).toBe(3)
})

it('never fills beyond the burst', () => {
  const { bucket, wait } = bucketAt(10)
  wait(3_600_000)
  bucket.giveBack(50)
  expect(bucket.take(100)).toBe(10)
})

it('grants returned permits again', () => {
  const { bucket } = bucketAt(10)
  bucket.take(10)
  bucket.giveBack(4)
  expect(bucket.take(10)).toBe(4)
})

it('holds a permit after the wait that it announces, for any rate', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.1, max: 50, noNaN: true }), (burst, rate) => {
      const { bucket, wait } = bucketAt(rate, burst)
      expect(bucket.waitMs()).toBe(0)
      bucket.take(burst)
      wait(bucket.waitMs())
      expect(bucket.take(1)).toBe(1)
    }),
  )
})
