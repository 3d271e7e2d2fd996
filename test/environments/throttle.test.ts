import { describe, expect, it } from 'vitest'
import { addressKey, createThrottle } from '../../src/http/throttle.ts'
import fc from '../support/fast-check.ts'

function throttleAt(limits = { burst: 3, perSecond: 2 }, maxKeys = 100) {
  let now = 0
  const throttle = createThrottle({
    limits: { credential: limits, address: limits },
    maxKeys,
    clock: { now: () => now },
  })
  const wait = (ms: number) => {
    now += ms
  }
  return { take: (key: string) => throttle.take(key, 'credential'), throttle, wait }
}

describe('the throttle', () => {
  it('allows a burst and then returns the time to wait', () => {
    const { take, wait } = throttleAt()
    expect([take('a'), take('a'), take('a')]).toEqual([null, null, null])
    expect(take('a')).toBe(500)
    wait(499)
    expect(take('a')).toBe(1)
    wait(1)
    expect(take('a')).toBeNull()
  })

  it('counts each key and each class of callers by itself', () => {
    const { take, throttle } = throttleAt({ burst: 1, perSecond: 1 })
    expect([take('a'), take('b'), throttle.take('a', 'address')]).toEqual([null, null, null])
    expect(take('a')).toBe(1000)
  })

  it('never allows more than the burst and the rate, in any order of requests', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(700), { maxLength: 200 }), (pauses) => {
        const { take, wait } = throttleAt()
        let passed = 0
        let elapsed = 0
        for (const pause of pauses) {
          wait(pause)
          elapsed += pause
          const retryAfter = take('a')
          if (retryAfter === null) passed++
          else expect(retryAfter).toBeGreaterThan(0)
        }
        expect(passed).toBeLessThanOrEqual(3 + (elapsed / 1000) * 2 + 1e-6)
      }),
      { numRuns: 300 },
    )
  })

  it('allows a caller that waits for the returned time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0.1, max: 50, noNaN: true }),
        (burst, perSecond) => {
          const { take, wait } = throttleAt({ burst, perSecond })
          for (let taken = 0; taken < burst; taken++) expect(take('a')).toBeNull()
          wait(take('a') ?? 0)
          expect(take('a')).toBeNull()
        },
      ),
      { numRuns: 200 },
    )
  })

  it('remembers a bounded number of keys and forgets the least recently used first', () => {
    const { take } = throttleAt({ burst: 1, perSecond: 0.001 }, 3)
    take('busy')
    for (let flood = 0; flood < 50; flood++) {
      expect(take(`flood-${flood}`)).toBeNull()
      expect(take('busy')).not.toBeNull()
    }
  })
})

describe('the key of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:1:2::9', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    [null, 'none'],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  it('is the same for all addresses of one /64', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        (a, b) => {
          expect(addressKey([...a.slice(0, 4), ...b].join(':'))).toBe(addressKey(a.join(':')))
        },
      ),
      { numRuns: 200 },
    )
  })
})
