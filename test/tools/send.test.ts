import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/clock.ts'
import { AccountNotActiveError, OutcomeUnknownError, ProviderError, RateLimitedError } from '../../src/errors.ts'
import type { ToolEngineOptions } from '../../src/tools/engine.ts'
import { findExecutionsById } from '../../src/tools/journal.ts'
import { Secret } from '../../src/vault/secret.ts'
import { type Bench, failureOf, openBench, request } from './bench.ts'
import { permitsOn } from './permits.ts'
import { gate, startProvider } from './provider.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())
beforeEach(() => {
  bench.provider.received.length = 0
})

/** A clock whose pauses are over at once and are noted; deadlines far away never come. */
function hurriedClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = []
  let now = 1_000_000
  return {
    pauses,
    now: () => now,
    date: () => new Date(now),
    sleep: (milliseconds) => {
      pauses.push(milliseconds)
      now += milliseconds
      return Promise.resolve()
    },
    after: () => () => {},
    random: () => 0.5,
  }
}

/** Runs on the test's clock, and counts requests on it. */
const run = (toolName: 'notes_find' | 'notes_write', options: Partial<ToolEngineOptions> = {}) =>
  bench
    .engine({ rateWindow: permitsOn(options.clock ?? systemClock), ...options })
    .executeTool(bench.viewer, request(toolName, toolName === 'notes_write' ? { text: 'x' } : {}))

describe('a read', () => {
  it('is repeated after failures, with pauses that grow', async () => {
    const clock = hurriedClock()
    bench.provider.behave((_request, index) => (index < 3 ? { status: 502 } : {}))
    const { execution } = await run('notes_find', { clock })
    expect(bench.provider.received).toHaveLength(4)
    expect(clock.pauses).toEqual([125, 250, 500])
    expect(execution.providerRequestIds).toEqual(['request-0', 'request-1', 'request-2', 'request-3'])
  })

  it('is not repeated when the pause leaves less time than a request takes', async () => {
    bench.provider.behave((_request, index) => (index === 0 ? { status: 503, headers: { 'retry-after': '59' } } : {}))
    const error = await failureOf(run('notes_find', { clock: hurriedClock() }))
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ status: 503, retryable: true })
    expect(bench.provider.received).toHaveLength(1)
  })

  it('is repeated after a cut connection', async () => {
    bench.provider.behave((_request, index) => (index === 0 ? { end: 'reset' } : {}))
    await run('notes_find', { clock: hurriedClock() })
    expect(bench.provider.received).toHaveLength(2)
  })

  it('that hangs is cancelled after a third of its time and repeated', async () => {
    const clock = hurriedClock()
    const { opened, open } = gate()
    let attempts = 0
    const after = (ms: number, act: () => void) => {
      if (ms === 20_000 && attempts++ === 0) void opened.then(act)
      return () => {}
    }
    bench.provider.behave((_request, index) => (index === 0 ? { end: 'hang' } : {}))
    const call = run('notes_find', { clock: { ...clock, after } })
    await bench.provider.hasReceived(1)
    open()
    expect((await call).execution.status).toBe('SUCCEEDED')
    expect(bench.provider.received).toHaveLength(2)
  })

  it('fails after four attempts with a retryable ProviderError', async () => {
    bench.provider.behave(() => ({ status: 503 }))
    const error = await failureOf(run('notes_find', { clock: hurriedClock() }))
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ status: 503, retryable: true })
    expect(bench.provider.received).toHaveLength(4)
  })

  it('waits as long as the provider asked for', async () => {
    const clock = hurriedClock()
    bench.provider.behave((_request, index) => (index === 0 ? { status: 429, headers: { 'retry-after': '7' } } : {}))
    await run('notes_find', { clock })
    expect(bench.provider.received).toHaveLength(2)
    expect(clock.pauses).toEqual([7_000])
  })

  it('waits a random time longer than an unavailable provider asked for, so that callers do not return together', async () => {
    const clock = hurriedClock()
    bench.provider.behave((_request, index) => (index < 2 ? { status: 503, headers: { 'retry-after': '3' } } : {}))
    await run('notes_find', { clock })
    expect(clock.pauses).toEqual([3_125, 3_250])
  })

  it('waits a little when the provider asks for no pause at all', async () => {
    const clock = hurriedClock()
    bench.provider.behave((_request, index) => (index < 3 ? { status: 429, headers: { 'retry-after': '0' } } : {}))
    await run('notes_find', { clock })
    expect(clock.pauses).toEqual([125, 250, 500])
  })

  it('fails with a RateLimitedError and the time when the provider asks for more time than is left', async () => {
    bench.provider.behave(() => ({ status: 429, headers: { 'retry-after': '61' } }))
    const error = await failureOf(run('notes_find', { clock: hurriedClock() }))
    expect(error).toBeInstanceOf(RateLimitedError)
    expect(error).toMatchObject({ retryAfterMs: 61_000, retryable: true })
    expect(bench.provider.received).toHaveLength(1)
  })

  it('is not repeated after a definite refusal', async () => {
    bench.provider.behave(() => ({ status: 400 }))
    const error = (await failureOf(run('notes_find'))) as ProviderError
    expect(error).toMatchObject({ status: 400, retryable: false })
    expect(bench.provider.received).toHaveLength(1)
    await bench.written()
    const [execution] = await findExecutionsById(bench.database.db, bench.environmentId, [error.executionId ?? ''])
    expect(execution?.providerRequestIds).toEqual(['request-0'])
  })
})

describe('a write', () => {
  it.each([
    [500, {}],
    [503, {}],
    [0, { end: 'reset' }],
  ] as const)('is not repeated after %i %j: its outcome is unknown', async (status, reply) => {
    bench.provider.behave(() => ({ ...(status === 0 ? {} : { status }), ...reply }))
    const error = (await failureOf(run('notes_write', { clock: hurriedClock() }))) as OutcomeUnknownError
    expect(error).toBeInstanceOf(OutcomeUnknownError)
    expect(error.message).toMatch(/^[^.]+\. Whether it wrote is not known\.$/)
    expect(bench.provider.received).toHaveLength(1)
  })

  it('is repeated after a refusal for the rate, which wrote nothing', async () => {
    bench.provider.behave((_request, index) => (index < 2 ? { status: 429, headers: { 'retry-after': '1' } } : {}))
    await run('notes_write', { clock: hurriedClock() })
    expect(bench.provider.received).toHaveLength(3)
  })

  it('is repeated when it cannot have been sent, and finally fails with a ProviderError: nothing was written', async () => {
    const clock = hurriedClock()
    const closed = await startProvider()
    await closed.close()
    const error = await failureOf(run('notes_write', { clock, providerApiUrl: () => closed.url }))
    expect(error).toBeInstanceOf(ProviderError)
    expect(clock.pauses).toHaveLength(3)
  })

  it('is not sent again when the renewal of the token leaves less time than a request takes', async () => {
    const clock = hurriedClock()
    bench.provider.behave((_request, index) => (index === 0 ? { status: 401 } : {}))
    const renewAccessToken: ToolEngineOptions['renewAccessToken'] = async (account) => {
      await clock.sleep(58_500)
      return { accessToken: new Secret('token-2'), grantId: account.grant?.id ?? '', version: 2 }
    }
    const error = (await failureOf(run('notes_write', { clock, renewAccessToken }))) as ProviderError
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ status: null, retryable: true })
    expect(bench.provider.received).toHaveLength(1)
    const [execution] = await findExecutionsById(bench.database.db, bench.environmentId, [error.executionId ?? ''])
    expect(execution?.status).toBe('FAILED')
  })

  it('of a read-only tool is a bug and is not sent', async () => {
    const { catalogue } = bench.engine()
    const write = catalogue.find('notes_write')
    const error = await failureOf(
      run('notes_write', {
        catalogue: { ...catalogue, find: () => (write ? { ...write, readOnly: true } : undefined) },
      }),
    )
    expect(error).toMatchObject({ message: expect.stringContaining('read-only') })
    expect(bench.provider.received).toHaveLength(0)
  })
})

describe('a refused access token', () => {
  const renewed = (version: number) => (account: { readonly grant: { readonly id: string } | null }) =>
    Promise.resolve({ accessToken: new Secret(`token-${version}`), grantId: account.grant?.id ?? '', version })

  it('is renewed once, and the request is sent again, a write as well', async () => {
    const refused: number[] = []
    bench.provider.behave(({ token }) => (token === 'token-2' ? {} : { status: 401 }))
    const { account } = await run('notes_write', {
      renewAccessToken: (before, version) => {
        refused.push(version)
        return renewed(2)(before)
      },
    })
    expect(refused).toEqual([1])
    expect(bench.provider.received.map(({ token }) => token)).toEqual(['token-1-of-user_1', 'token-2'])
    expect(account.grant?.version).toBe(2)
  })

  it('that is refused again is not renewed a second time', async () => {
    let renewals = 0
    bench.provider.behave(() => ({ status: 401 }))
    const error = await failureOf(
      run('notes_find', {
        renewAccessToken: (account) => {
          renewals += 1
          return renewed(2)(account)
        },
      }),
    )
    expect(error).toMatchObject({ name: 'ProviderError', status: 401 })
    expect(renewals).toBe(1)
    expect(bench.provider.received).toHaveLength(2)
  })

  it('whose renewal ends the account fails with AccountNotActiveError', async () => {
    bench.provider.behave(() => ({ status: 401 }))
    const error = await failureOf(
      run('notes_write', {
        renewAccessToken: (account) =>
          Promise.reject(
            new AccountNotActiveError({ ...account, status: 'REVOKED', statusReason: 'REVOKED_AT_PROVIDER' }),
          ),
      }),
    )
    expect(error).toBeInstanceOf(AccountNotActiveError)
    expect(error).toMatchObject({ executionId: expect.any(String) })
  })
})
