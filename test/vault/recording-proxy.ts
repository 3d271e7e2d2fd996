import { once } from 'node:events'
import { createServer, request as forward, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request with its response, as sent over the wire. */
export interface Exchange {
  readonly path: string
  readonly authorization: string
  readonly sent: string
  readonly answered: string
}

/** A proxy between the server and a provider that records everything. */
export interface RecordingProxy {
  readonly url: string
  readonly exchanges: readonly Exchange[]
  /**
   * Answers the next request with this path prefix with an error that repeats its credentials and its body in every string
   * field of a provider; also in `code`, unless one is passed.
   */
  echoNext(path: string, status: number, code?: string): void
  close(): void
}

/** Starts the proxy for an origin. Bytes are forwarded unchanged, also when the response is cut off. */
export async function startRecordingProxy(origin: string): Promise<RecordingProxy> {
  const exchanges: Exchange[] = []
  const echoes: { readonly path: string; readonly status: number; readonly code: string | undefined }[] = []
  const server: Server = createServer((request, response) => {
    const path = request.url ?? ''
    const authorization = request.headers.authorization ?? ''
    const sent: Buffer[] = []
    const answered: Buffer[] = []
    response.on('close', () => {
      exchanges.push({ path, authorization, sent: textOf(sent), answered: textOf(answered) })
    })
    request.on('data', (chunk: Buffer) => sent.push(chunk))

    const echo = echoes.findIndex((one) => path.startsWith(one.path))
    const [echoed] = echo < 0 ? [] : echoes.splice(echo, 1)
    if (echoed) {
      request.on('end', () => {
        const message = `You sent ${authorization} and ${textOf(sent)}`
        const { status, code = message } = echoed
        response
          .writeHead(status, { 'content-type': 'application/json', 'x-notion-request-id': message.slice(0, 200) })
          .end(
            JSON.stringify({
              ...{ object: 'error', status, code, error: code },
              ...{ message, error_description: message, request_id: message },
            }),
          )
      })
      return
    }

    const upstream = forward(new URL(path, origin), { method: request.method ?? 'GET', headers: request.headers })
    request.pipe(upstream)
    upstream.on('response', (answer: IncomingMessage) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.on('data', (chunk: Buffer) => {
        answered.push(chunk)
        response.write(chunk)
      })
      answer.on('end', () => response.end())
      answer.on('error', () => response.destroy())
    })
    upstream.on('error', () => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    echoNext: (path, status, code) => void echoes.push({ path, status, code }),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const textOf = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('utf8')
