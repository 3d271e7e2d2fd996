import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../src/client/errors.ts'
import { mcpServer } from '../../src/client/mcp.ts'
import type { TransportOptions } from '../../src/client/transport.ts'
import { Valetkey } from '../../src/client/valetkey.ts'

const url = 'http://localhost:4000'
const apiKey = 'vk_default_key'
/** Options as programs without types pass them. */
const given = (options: object) => options as TransportOptions
const failureOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}
/** Counts the requests, which get an empty list of tools. */
const counting = () => {
  const requests: string[] = []
  const answer: typeof fetch = async (input) => {
    requests.push(String(input))
    return Response.json({ data: { tools: [] } })
  }
  return { requests, fetch: answer }
}

describe('the option url', () => {
  it.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['white space', ' \n'],
    ['a host without a scheme', 'valetkey.example.com'],
    ['a host with a port', 'localhost:4000'],
    ['a path', '/graphql'],
    ['of another scheme', 'ws://localhost:4000'],
    ['a file', 'file:///graphql'],
    ['with credentials', 'https://ann:secret@valetkey.example.com'],
    ['with a user name', 'https://ann@valetkey.example.com'],
    ['with a query', 'https://valetkey.example.com/?key=secret'],
    ['with a fragment', 'https://valetkey.example.com/#graphql'],
  ])('is refused if it is %s', (_name, value) => {
    for (const create of [
      () => new Valetkey(given({ url: value, apiKey })),
      () => mcpServer({ url: value as string, apiKey, identifier: 'ann' }),
    ]) {
      const failure = failureOf(create)
      expect(failure).toBeInstanceOf(InvalidInputError)
      expect(failure).toMatchObject({ issues: [{ path: 'url' }], message: expect.stringMatching(/^url must /) })
      expect((failure as Error).message).not.toContain('secret')
    }
  })

  it.each([
    ['http://localhost:4000', 'http://localhost:4000/graphql'],
    ['HTTPS://Valetkey.example.com/', 'https://valetkey.example.com/graphql'],
    ['https://example.com/valetkey/graphql/', 'https://example.com/valetkey/graphql'],
    ['http://[::1]:4000', 'http://[::1]:4000/graphql'],
  ])('may be %s', async (value, endpoint) => {
    const { requests, fetch } = counting()
    await new Valetkey({ url: value, apiKey, fetch }).tools()
    expect(requests).toEqual([endpoint])
  })
})

describe('the option apiKey', () => {
  const refused = [
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['white space', '  '],
    ['not a string', 7],
    ['with a line break at the end', 'vk_secret\n'],
    ['with a line break', 'vk_\r\nsecret'],
    ['with a space', 'vk secret'],
    ['with a character of Latin-1', 'vk_sécret'],
    ['with another character', 'vk_secret…'],
    ['with NUL', 'vk_secret\0'],
  ] as const
  const isRefusal = (failure: unknown) => {
    expect(failure).toBeInstanceOf(InvalidInputError)
    expect(failure).toMatchObject({ issues: [{ path: 'apiKey' }], message: expect.stringMatching(/^apiKey must /) })
    expect((failure as Error).message).not.toContain('cret')
  }

  it.each(refused)('is refused if it is %s', (_name, value) => {
    isRefusal(failureOf(() => new Valetkey(given({ url, apiKey: value }))))
    isRefusal(failureOf(() => mcpServer({ url, apiKey: value as unknown as string, identifier: 'ann' })))
  })

  it.each(refused)('is refused without a request if its function returns one that is %s', async (_name, value) => {
    const { requests, fetch } = counting()
    const errors: unknown[] = []
    const hooks = {
      onError: ({ error, willRetry }: { error: unknown; willRetry: boolean }) => errors.push([error, willRetry]),
    }
    const valetkey = new Valetkey(given({ url, apiKey: async () => value, fetch, hooks }))
    const failure = await valetkey.tools().catch((error: unknown) => error)
    isRefusal(failure)
    expect(errors).toEqual([[failure, false]])
    isRefusal(
      await valetkey
        .watch('ann')
        .next()
        .catch((error: unknown) => error),
    )
    expect(requests).toEqual([])
  })
})

describe('an option of the time or the number of attempts', () => {
  it.each([
    ['timeoutMs', Number.NaN],
    ['timeoutMs', 0],
    ['timeoutMs', -1],
    ['timeoutMs', Number.NEGATIVE_INFINITY],
    ['timeoutMs', null],
    ['maxRetries', Number.NaN],
    ['maxRetries', -1],
  ])('is refused: %s %s', (name, value) => {
    const failure = failureOf(() => new Valetkey(given({ url, apiKey, [name]: value })))
    expect(failure).toBeInstanceOf(InvalidInputError)
    expect(failure).toMatchObject({
      issues: [{ path: name }],
      message: expect.stringMatching(new RegExp(`^${name} must `)),
    })
  })

  it.each([2 ** 31, 2 ** 40, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
    'may be a time that timers cannot have: %d ms',
    async (timeoutMs) => {
      const slow: typeof fetch = () =>
        new Promise((resolve) => setTimeout(() => resolve(Response.json({ data: { tools: [] } })), 50))
      expect(await new Valetkey({ url, apiKey, fetch: slow, timeoutMs }).tools()).toEqual([])
    },
  )

  it('may be undefined, which is the default', async () => {
    const options = { url, apiKey, fetch: counting().fetch, timeoutMs: undefined, maxRetries: undefined }
    expect(await new Valetkey(given(options)).tools()).toEqual([])
  })
})

describe('a number of an input', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'is refused with its name if it is %s, and not sent as null',
    async (value) => {
      const { requests, fetch } = counting()
      const client = new Valetkey({ url, apiKey, fetch })
      for (const [path, call] of [
        ['expiresInSeconds', () => client.sessions.create('ann', { expiresInSeconds: value })],
        ['page_size', () => client.execute('any', { query: { page_size: value } }, { identifier: 'ann' })],
      ] as const) {
        const failure = await call().catch((error: unknown) => error)
        expect(failure).toBeInstanceOf(InvalidInputError)
        expect(failure).toMatchObject({ issues: [{ path }], message: `${path} must be finite.` })
      }
      expect(requests).toEqual([])
    },
  )
})
