import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorEnvelope, invalidRequest } from './errors.ts'

/**
 * Has a server that serves the sandbox alone answer what Node cannot read as HTTP (headers over its limit, a broken
 * request line) in Notion's envelope. Node itself would answer with a bare status line.
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
