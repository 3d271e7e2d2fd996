import { describe, expect, it } from 'vitest'
import { createRateLimiter } from '../../../src/sandbox/rate-limit.ts'
import fc from '../../support/fast-check.ts'
import { startSandbox } from '../support.ts'

describe('the rate limit', () => {
  it('returns 429 per connection with the delay and the reason until the window has passed', async () => {
    let now = Date.UTC(2026, 10, 1)
    const sandbox = await startSandbox({ clock: () => new Date(now), rateLimitPerMinute: 3 })
    const owner = await sandbox.connect()
    const member = await sandbox.connect({ user: 'member@acme.test' })
    const call = (tokens: { access_token: string }) => sandbox.call(tokens.access_token, 'GET', '/v1/users/me')

    const statuses = []
    for (let count = 0; count < 4; count += 1) {
      statuses.push((await call(owner)).status)
      now += 10_000
    }
    expect(statuses).toEqual([200, 200, 200, 429])
    const limited = await call(owner)
    expect(limited.headers.get('retry-after')).toBe('20')
    expect(limited.body).toMatchObject({
      code: 'rate_limited',
      message: 'You have been rate limited. Please try again in a few minutes.',
      additional_data: { retry_after: '20', rate_limit_reason: 'public_api_request_rate_limit' },
    })
    expect((await call(member)).status).toBe(200)
    now += 20_000
    expect((await call(owner)).status).toBe(200)
    await sandbox.control('rateLimit', { perMinute: 100 })
    expect((await call(owner)).status).toBe(200)
    await sandbox.close()
  })

  it('applies to the connection and not to the token', async () => {
    const sandbox = await startSandbox({ rateLimitPerMinute: 1 })
    const first = await sandbox.connect()
    await sandbox.call(first.access_token, 'GET', '/v1/users/me')
    const { body } = await sandbox.token({ grant_type: 'refresh_token', refresh_token: first.refresh_token })
    expect((await sandbox.call(String(body.access_token), 'GET', '/v1/users/me')).status).toBe(429)
    await sandbox.close()
  })

  it('allows at most the limit in any 60 seconds, and returns the exact delay', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (limit, pauses) => {
        let now = 1_700_000_000_000
        const limiter = createRateLimiter(() => new Date(now))
        const passed: number[] = []
        for (const pause of pauses) {
          now += pause
          const wait = limiter.take('grant', limit)
          if (wait === undefined) passed.push(now)
          else {
            expect(wait).toBeGreaterThan(0)
            expect(wait).toBeLessThanOrEqual(60)
            now += wait * 1000
            expect(limiter.take('grant', limit)).toBeUndefined()
            passed.push(now)
          }
        }
        // The window counts whole seconds, so it can be up to one second shorter than a minute.
        for (const end of passed) {
          expect(passed.filter((time) => time > end - 59_000 && time <= end).length).toBeLessThanOrEqual(limit)
        }
      }),
      { numRuns: 300 },
    )
  })
})
