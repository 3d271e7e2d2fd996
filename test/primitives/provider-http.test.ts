import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { type Fetch, fetchFromProvider, sendToProvider, type TransportFailure } from '../../src/provider-http.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A provider that answers every request in one way. */
async function provider(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const send = (url: string, fetch: Fetch = fetchFromProvider, body: string | FormData | null = null) =>
  sendToProvider(fetch, {
    url,
    method: body === null ? 'GET' : 'POST',
    headers: {},
    body,
    signal: AbortSignal.timeout(60_000),
    maxBytes: 1_000,
  })

const failure = (sending: Promise<unknown>) =>
  sending.then(
    () => null,
    (error: TransportFailure) => error.kind,
  )

describe('a request to a provider', () => {
  it.each([
    ['gzip', gzipSync('{"ä":1}')],
    ['br', brotliCompressSync('{"ä":1}')],
  ])('reads an answer in %s', async (encoding, bytes) => {
    const { url } = await provider((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes)
    })
    expect(await send(url)).toMatchObject({ status: 200, text: '{"ä":1}' })
  })

  it.each([204, 200])('takes an empty body with a content encoding as an answer (%i)', async (status) => {
    const { url } = await provider((_request, response) => {
      response.writeHead(status, { 'content-encoding': 'gzip' }).end()
    })
    expect(await send(url)).toMatchObject({ status, text: '' })
  })

  it('limits the size of an answer after decompression', async () => {
    const { url } = await provider((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('0'.repeat(100_000)))
    })
    expect(await failure(send(url))).toBe('too_large')
  })

  it('sends a form with its boundary', async () => {
    const { url } = await provider((request, response) => {
      const headers = { 'content-type': request.headers['content-type'] ?? '' }
      const content = new Response(request as never, { headers })
        .formData()
        .then((form) => (form.get('file') as File).text())
      void content.then((text) => response.end(text))
    })
    const form = new FormData()
    form.append('file', new Blob(['content']), 'a.txt')
    expect((await send(url, fetchFromProvider, form)).text).toBe('content')
  })

  it('closes the connection of a redirect whose body does not end', async () => {
    const { server, url } = await provider((_request, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:9/' })
      response.write('x'.repeat(200_000))
    })
    const closed = new Promise((resolve) => {
      server.once('connection', (socket) => socket.on('error', () => {}).once('close', resolve))
    })
    expect(await failure(send(url))).toBe('redirect')
    await closed
  })

  it.each([
    ['connect', 'EHOSTUNREACH', 'not_sent'],
    ['read', 'EHOSTUNREACH', 'broken'],
    ['write', 'ENETUNREACH', 'broken'],
    ['getaddrinfo', 'ENOTFOUND', 'not_sent'],
  ])('that fails at %s with %s is %s', async (syscall, code, kind) => {
    const failing: Fetch = () => Promise.reject(Object.assign(new Error('failed'), { code, syscall }))
    expect(await failure(send('http://127.0.0.1:9/', failing))).toBe(kind)
  })
})
