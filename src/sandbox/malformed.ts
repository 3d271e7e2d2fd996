import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorEnvelope, invalidRequest } from './errors.ts'

/**
 * Makes a server respond with Notion's error format to requests that Node cannot parse, such as too large headers or an
 * invalid request line. By default Node responds with a status line only.
 */
export function answerMalformed(server: Server, newId: () => string): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const requestId = newId()
    const body = JSON.stringify(errorEnvelope(invalidRequest('malformed HTTP'), requestId))
    const head = [
      'HTTP/1.1 400 Bad Request',
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'x-notion-sandbox: true',
      `x-notion-request-id: ${requestId}`,
      'connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  })
}
