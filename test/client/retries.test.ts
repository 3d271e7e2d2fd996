import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadAgentTools } from '../../src/client/agent-tools.ts'
import { AccountNotFoundError, RequestError } from '../../src/client/errors.ts'
import type { TransportOptions } from '../../src/client/transport.ts'
import { Valetkey } from '../../src/client/valetkey.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const event = (account: object) =>
  new Response(`event: next\ndata: ${JSON.stringify({ data: { connectedAccountStatus: account } })}\n\n`, {
    headers: { 'content-type': 'text/event-stream' },
  })
const refusal = (status: number, headers: Record<string, string> = {}) => new Response('<html>', { status, headers })
const codeOf = (code: string) => Response.json({ errors: [{ message: 'm', extensions: { code } }] })

/** A client whose requests get these answers, one after the other, and the times of its requests. */
function clientWith(answers: readonly (() => Response)[], options: Partial<TransportOptions> = {}) {
  const times: number[] = []
  const answer: typeof fetch = async () => {
    times.push(Date.now())
    return (answers[times.length - 1] ?? (() => refusal(500)))()
  }
  return { times, valetkey: new Valetkey({ url: 'http://localhost', apiKey: 'x', fetch: answer, ...options }) }
}
/** Lets the time pass until the work is done. */
async function settled<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => {})
  await vi.advanceTimersByTimeAsync(120_000)
  return work
}

it('reads a stream with line separators in its texts, by any ends of lines', async () => {
  const account = { status: 'ACTIVE', metadata: { note: 'a\u2028data: b\u2029c' } }
  const text = JSON.stringify({ data: { connectedAccountStatus: account } })
  for (const end of ['\n', '\r\n']) {
    const stream = `event: next${end}data: ${text}${end}${end}`
    const { valetkey } = clientWith([() => new Response(stream, { headers: { 'content-type': 'text/event-stream' } })])
    expect(await settled(valetkey.waitUntilActive('ann'))).toEqual(account)
  }
})

it('creates no key with a date that is not one', async () => {
  const { times, valetkey } = clientWith([])
  const input = { name: 'key', scopes: ['ADMIN'], expiresAt: new Date('2026-13-45') }
  await expect(settled(valetkey.apiKeys.create(input))).rejects.toBeInstanceOf(RangeError)
  expect(times).toEqual([])
})

it('has no time limit with Infinity', async () => {
  const late: typeof fetch = () =>
    new Promise((resolve) => setTimeout(() => resolve(Response.json({ data: { viewer: {} } })), 100_000))
  const { valetkey } = clientWith([], { fetch: late, timeoutMs: Number.POSITIVE_INFINITY })
  expect(await settled(valetkey.graphql('{ viewer { scopes } }'))).toEqual({ viewer: {} })
})

describe('a watch', () => {
  it.each([
    ['502', () => refusal(502)],
    ['503', () => refusal(503)],
    ['504', () => refusal(504)],
    ['429', () => refusal(429)],
    ['THROTTLED', () => codeOf('THROTTLED')],
    ['a failure of the database', () => codeOf('INTERNAL_SERVER_ERROR')],
    [
      'a failure of the database in a stream that has begun',
      () =>
        new Response(
          'event: next\ndata: {"errors":[{"message":"m","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}\n\n',
          {
            headers: { 'content-type': 'text/event-stream' },
          },
        ),
    ],
  ])('connects again after %s', async (_name, failure) => {
    const { valetkey } = clientWith([() => event({ status: 'PENDING' }), failure, () => event({ status: 'ACTIVE' })])
    expect(await settled(valetkey.waitUntilActive('ann'))).toEqual({ status: 'ACTIVE' })
  })

  it('connects again when Retry-After is over', async () => {
    const { times, valetkey } = clientWith([
      () => refusal(503, { 'retry-after': '40' }),
      () => event({ status: 'ACTIVE' }),
    ])
    await settled(valetkey.waitUntilActive('ann'))
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(40_000)
  })

  it('ends when the account was deleted while the stream was broken', async () => {
    const answers = [() => event({ status: 'PENDING' }), () => codeOf('BAD_USER_INPUT')]
    await expect(settled(clientWith(answers).valetkey.waitUntilActive('ann'))).rejects.toBeInstanceOf(
      AccountNotFoundError,
    )
    const unknown = clientWith([() => codeOf('BAD_USER_INPUT')]).valetkey.waitUntilActive('ann')
    await expect(settled(unknown)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})

describe('a request', () => {
  const tools = () => Response.json({ data: { tools: [] } })

  it.each([429, 503])('is repeated after %i when Retry-After is over', async (status) => {
    const { times, valetkey } = clientWith([() => refusal(status, { 'retry-after': '40' }), tools])
    expect(await settled(valetkey.tools())).toEqual([])
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(40_000)
  })

  it('fails at once with the pause, when Retry-After ends after the time limit', async () => {
    const until = new Date(Date.now() + 3_600_000).toUTCString()
    for (const pause of ['3600', until]) {
      const { times, valetkey } = clientWith([() => refusal(429, { 'retry-after': pause }), tools])
      const failure = await valetkey.tools().catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(RequestError)
      const { retryAfterMs } = failure as RequestError
      expect(retryAfterMs).toBeGreaterThan(3_590_000)
      expect(times).toHaveLength(1)
    }
  })

  it('waits until the date of Retry-After by the clock of the server', async () => {
    const date = new Date(Date.now() - 600_000)
    const headers = { date: date.toUTCString(), 'retry-after': new Date(date.getTime() + 20_000).toUTCString() }
    const { times, valetkey } = clientWith([() => refusal(503, headers), tools])
    expect(await settled(valetkey.tools())).toEqual([])
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(20_000)
  })

  it('takes no longer than the time limit with all its attempts', async () => {
    let attempts = 0
    const slow: typeof fetch = async () => {
      attempts += 1
      await new Promise((resolve) => setTimeout(resolve, 60_000))
      return refusal(504)
    }
    const { valetkey } = clientWith([], { fetch: slow })
    const began = Date.now()
    let tookMs = 0
    const failure = valetkey.tools().catch((error: unknown) => {
      tookMs = Date.now() - began
      return error
    })
    expect(await settled(failure)).toMatchObject({ name: 'TimeoutError', message: expect.stringContaining('75000 ms') })
    expect(attempts).toBe(2)
    expect(tookMs).toBe(75_000)
  })

  it('fails with a RequestError after an answer that is JSON but not a result', async () => {
    for (const body of ['null', '{"errors":"oops"}', '{"errors":{}}', '{"errors":[null]}']) {
      const { valetkey } = clientWith([() => new Response(body)])
      await expect(valetkey.tools(), body).rejects.toBeInstanceOf(RequestError)
    }
  })

  it('fails once with the error of a hook, or of an input that JSON cannot have', async () => {
    const wrong = new TypeError('in the hook')
    const after = () => {
      throw wrong
    }
    const { times, valetkey } = clientWith([tools, tools], { hooks: { after } })
    await expect(valetkey.tools()).rejects.toBe(wrong)
    expect(times).toHaveLength(1)
    const input = { query: 1n }
    await expect(valetkey.execute('any' as string, input, { identifier: 'ann' })).rejects.toThrow(/BigInt/)
    expect(times).toHaveLength(1)
  })
})

it('an account that needs its user is the error of the tool, for a key that may not make links', async () => {
  const message = 'The account is not active.'
  const failed = { __typename: 'AccountNotActiveError', message, userAction: 'REAUTHORIZE' }
  const { valetkey } = clientWith([() => Response.json({ data: { executeTool: failed } }), () => codeOf('FORBIDDEN')])
  await expect(valetkey.execute('any' as string, {}, { identifier: 'ann' })).rejects.toMatchObject({
    name: 'AccountNotActiveError',
  })
})

it('an account that waits for the application or its operator is the error of the tool, without a link', async () => {
  const failed = {
    ...{ __typename: 'AccountNotActiveError', message: 'm', hint: 'Call confirmAuthorization.', userAction: null },
    ...{ status: 'PENDING_CONFIRMATION', statusReason: 'CONSENTED' },
  }
  const { times, valetkey } = clientWith([() => Response.json({ data: { executeTool: failed } })])
  await expect(valetkey.execute('any' as string, {}, { identifier: 'ann' })).rejects.toMatchObject({
    ...{ name: 'AccountNotActiveError', hint: 'Call confirmAuthorization.' },
    ...{ status: 'PENDING_CONFIRMATION', statusReason: 'CONSENTED' },
  })
  expect(times).toHaveLength(1)
})

it('an input that is refused as a whole is a text for the model', async () => {
  const definition = { name: 't', description: 'd', inputSchema: {}, requiresApproval: false }
  const { times, valetkey } = clientWith([
    () => Response.json({ data: { tools: [definition] } }),
    () => refusal(413),
    () => codeOf('BAD_USER_INPUT'),
  ])
  const { run } = await loadAgentTools(valetkey, { identifier: 'ann' }, 'STANDARD')
  expect(await run('t', {})).toMatch(/^Error: .* 413 /)
  expect(await run('t', {})).toBe('Error: m')
  expect(await run('t', { size: Number.POSITIVE_INFINITY })).toBe('Error: size must be finite.')
  expect(times).toHaveLength(3)
})
