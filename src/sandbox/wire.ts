import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from './exchange.ts'
import type { Fault } from './faults/fault.ts'

/** Size in bytes of the body of the fault `huge`. */
const hugeBytes = 60 * 1024 * 1024

/** Interval between two bytes of a slow body. */
const slowIntervalMs = 1000

/** Sends responses, with or without a fault. Each promise resolves when there is nothing left to send. */
export interface Wire {
  /** Sends a response without a fault. */
  send(response: ServerResponse, answer: Answer): void
  /** Sends a response as the fault requires. */
  sendFaulty(response: ServerResponse, answer: Answer, fault: Fault): Promise<void>
  /** Closes the connection without a response. */
  reset(response: ServerResponse): void
  /** Waits. Returns false when the connection or the sandbox closes first. */
  pause(response: ServerResponse, milliseconds: number): Promise<boolean>
}

/** Creates a wire. `closing` ends all waits when the sandbox closes. */
export function createWire(closing: AbortSignal): Wire {
  async function pause(response: ServerResponse, milliseconds: number): Promise<boolean> {
    if (milliseconds === 0) return !response.destroyed
    const gone = new AbortController()
    const onClose = () => gone.abort()
    response.once('close', onClose)
    try {
      await wait(milliseconds, undefined, { signal: AbortSignal.any([closing, gone.signal]) })
      return !response.destroyed
    } catch {
      return false
    } finally {
      response.off('close', onClose)
    }
  }

  function head(response: ServerResponse, answer: Answer, contentLength: number): void {
    response.writeHead(answer.status, { ...answer.headers, 'content-length': contentLength })
  }

  function send(response: ServerResponse, answer: Answer): void {
    if (response.destroyed) return
    head(response, answer, Buffer.byteLength(answer.body))
    response.end(answer.body)
  }

  function reset(response: ServerResponse): void {
    // Sends a TCP reset, because clients already expect a normal close of idle connections.
    response.socket?.resetAndDestroy()
  }

  /** Sends the headers immediately, then single bytes at intervals, and the rest after `delayMs`. */
  async function sendSlowly(response: ServerResponse, answer: Answer, delayMs: number): Promise<void> {
    const body = Buffer.from(answer.body)
    head(response, answer, body.length)
    response.flushHeaders()
    let sent = 0
    for (let waited = 0; waited < delayMs; waited += slowIntervalMs) {
      if (!(await pause(response, Math.min(slowIntervalMs, delayMs - waited)))) return void response.destroy()
      if (sent < body.length - 1) {
        response.write(body.subarray(sent, sent + 1))
        sent += 1
      }
    }
    response.end(body.subarray(sent))
  }

  /** Sends a list with one very large string, as fast as the client reads it. */
  async function sendHuge(response: ServerResponse, answer: Answer): Promise<void> {
    const [before, after] = ['{"object":"list","results":["', '"],"next_cursor":null,"has_more":false}']
    const chunk = Buffer.alloc(256 * 1024, 'x')
    head(response, { ...answer, status: 200 }, before.length + hugeBytes + after.length)
    response.write(before)
    for (let sent = 0; sent < hugeBytes; sent += chunk.length) {
      if (response.destroyed || closing.aborted) return void response.destroy()
      if (!response.write(chunk)) await drained(response)
    }
    response.end(after)
  }

  /** Waits until the client has read the sent data, or the connection closes. */
  function drained(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        response.off('drain', done)
        response.off('close', done)
        closing.removeEventListener('abort', done)
        resolve()
      }
      response.once('drain', done)
      response.once('close', done)
      closing.addEventListener('abort', done)
    })
  }

  return {
    send,
    reset,
    pause,
    async sendFaulty(response, answer, fault) {
      switch (fault.kind) {
        case 'reset':
        case 'commit_then_reset':
          return reset(response)
        case 'slow_headers':
          if (await pause(response, fault.delayMs)) return send(response, answer)
          return void response.destroy()
        case 'slow_body':
          return sendSlowly(response, answer, fault.delayMs)
        case 'huge':
          return sendHuge(response, answer)
        case 'invalid_json':
          return send(response, { ...answer, body: `${answer.body.slice(0, answer.body.length / 2)}` })
        case 'truncate': {
          const body = Buffer.from(answer.body)
          head(response, answer, body.length)
          response.write(body.subarray(0, body.length / 2), () => response.destroy())
          return
        }
        default:
          return send(response, answer)
      }
    },
  }
}
