import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ConnectionError, RequestError } from '../../src/client/errors.ts'
import type { Hooks } from '../../src/client/transport.ts'
import { Valetkey } from '../../src/client/valetkey.ts'

/** A stand-in for a server, whose streams yield an account and stay open until they are ended. */
const server = createServer((request, response) => {
  request.resume()
  if (status !== 200) {
    response.writeHead(status, { 'retry-after': '0' }).end()
    return
  }
  if (isSilent) {
    opened.push(response)
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(`event: next\ndata: ${JSON.stringify({ data: { connectedAccountStatus: account } })}\n\n`)
  opened.push(response)
})
const account = { identifier: 'ann', status: 'PENDING' }
let status = 200
/** Whether requests get no answer. */
let isSilent = false
let opened: ServerResponse[] = []
let url = ''
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  status = 200
  isSilent = false
  opened = []
})
afterAll(() => server.close())

const closed = (response: ServerResponse | undefined) =>
  expect.poll(() => response?.destroyed || response?.socket === null || response?.socket?.destroyed).toBe(true)
const ended = { done: true, value: undefined }

/** The iterators of the client, and what makes each wait for the server. */
const iterators = [
  ['watch, in its stream', (valetkey: Valetkey, signal?: AbortSignal) => valetkey.watch('ann', { signal }), true],
  [
    'watch, before it is answered',
    (valetkey: Valetkey, signal?: AbortSignal) => valetkey.watch('ann', { signal }),
    false,
  ],
  ['accounts.list', (valetkey: Valetkey, signal?: AbortSignal) => valetkey.accounts.list({ signal }), false],
] as const

describe.each(iterators)('the iterator of %s', (_name, open, isOpened) => {
  /** Returns the iterator with a `next` that waits for the server. */
  const pending = async (signal?: AbortSignal) => {
    isSilent = !isOpened
    const iterator = open(new Valetkey({ url, apiKey: 'x' }), signal)
    if (isOpened) expect((await iterator.next()).value).toEqual(account)
    const next = iterator.next()
    next.catch(() => {})
    await expect.poll(() => opened.length).toBe(1)
    return { iterator, next }
  }

  it('ends a pending next and its connection with return()', async () => {
    const { iterator, next } = await pending()
    expect(await iterator.return()).toEqual(ended)
    expect(await next).toEqual(ended)
    await closed(opened[0])
    expect(await iterator.next()).toEqual(ended)
    expect(opened).toHaveLength(1)
  })

  it('ends a pending next and its connection with throw(), which rejects with its error', async () => {
    const { iterator, next } = await pending()
    const reason = new Error('enough')
    await expect(iterator.throw(reason)).rejects.toBe(reason)
    expect(await next).toEqual(ended)
    await closed(opened[0])
    expect(await iterator.next()).toEqual(ended)
  })

  it('ends all pending calls of next', async () => {
    const { iterator, next } = await pending()
    const others = [iterator.next(), iterator.next()]
    await iterator.return()
    expect(await Promise.all([next, ...others])).toEqual([ended, ended, ended])
  })

  it('sends nothing after a return() before the first next', async () => {
    const iterator = open(new Valetkey({ url, apiKey: 'x' }))
    expect(await iterator.return()).toEqual(ended)
    expect(await iterator.next()).toEqual(ended)
    expect(opened).toEqual([])
  })

  it('closes its connection when the signal is aborted', async () => {
    const controller = new AbortController()
    const { next } = await pending(controller.signal)
    controller.abort(new Error('enough'))
    await next.catch(() => {})
    await closed(opened[0])
  })
})

it('a loop over a watch closes the connection when it is left', async () => {
  for await (const current of new Valetkey({ url, apiKey: 'x' }).watch('ann')) {
    expect(current).toEqual(account)
    break
  }
  await closed(opened[0])
  const failed = (async () => {
    for await (const _ of new Valetkey({ url, apiKey: 'x' }).watch('ann')) throw new Error('in the loop')
  })()
  await expect(failed).rejects.toThrow('in the loop')
  await closed(opened[1])
})

it('a watch that is ended while it waits to connect again does not connect again', async () => {
  const iterator = new Valetkey({ url, apiKey: 'x' }).watch('ann')
  await iterator.next()
  status = 503
  server.closeAllConnections()
  const next = iterator.next()
  await once(server, 'request')
  await iterator.return()
  expect(await next).toEqual(ended)
})

describe('hooks', () => {
  type Failure = Parameters<NonNullable<Hooks['onError']>>[0]
  const observed = () => {
    const failures: Failure[] = []
    const attempts: number[] = []
    const hooks: Hooks = {
      before: ({ attempt }) => void attempts.push(attempt),
      onError: (failure) => void failures.push(failure),
    }
    return { failures, attempts, valetkey: new Valetkey({ url, apiKey: 'x', hooks }) }
  }

  it('get each failure of a stream, and whether the watch connects again', async () => {
    const { failures, attempts, valetkey } = observed()
    const iterator = valetkey.watch('ann')
    await iterator.next()
    expect(failures).toEqual([])
    status = 503
    server.closeAllConnections()
    const next = iterator.next()
    await expect.poll(() => failures.length).toBeGreaterThan(1)
    status = 401
    await expect(next).rejects.toBeInstanceOf(RequestError)
    expect(failures.map(({ operation }) => operation)).toEqual(failures.map(() => 'Watch'))
    expect(failures[0]).toMatchObject({ error: expect.any(ConnectionError), willRetry: true })
    expect(failures[1]).toMatchObject({ error: { name: 'RequestError', status: 503 }, willRetry: true })
    expect(failures.at(-1)).toMatchObject({ error: { name: 'RequestError', status: 401 }, willRetry: false })
    expect(failures.filter(({ willRetry }) => !willRetry)).toHaveLength(1)
    expect(attempts.slice(0, 3)).toEqual([0, 1, 2])
  })

  it('get the end of a stream by the server, and nothing when the program ends the watch', async () => {
    const { failures, valetkey } = observed()
    const controller = new AbortController()
    const iterator = valetkey.watch('ann', { signal: controller.signal })
    await iterator.next()
    opened[0]?.end('event: complete\ndata:\n\n')
    await iterator.next()
    expect(failures).toMatchObject([{ operation: 'Watch', error: expect.any(ConnectionError), willRetry: true }])
    controller.abort()
    expect(await iterator.next()).toEqual(ended)
    const other = valetkey.watch('ann')
    await other.next()
    const next = other.next()
    await other.return()
    await next
    expect(failures).toHaveLength(1)
  })

  it('end the watch with an error of their own', async () => {
    const wrong = new Error('in the hook')
    const onError = () => {
      throw wrong
    }
    status = 503
    const valetkey = new Valetkey({ url, apiKey: 'x', hooks: { onError } })
    await expect(valetkey.watch('ann').next()).rejects.toBe(wrong)
  })
})
