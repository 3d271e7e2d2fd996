import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from './exchange.ts'
import type { Fault } from './faults/fault.ts'

/** Bytes that the fault `huge` sends. */
const hugeBytes = 60 * 1024 * 1024

/** A piece of a slow body is sent this often. */
const dribbleMs = 1000

/** Puts answers on the socket, whole or spoilt. Every method is done when there is nothing left to send. */
export interface Wire {
  /** The answer as it is. */
  send(response: ServerResponse, answer: Answer): void
  /** The answer in the way that a fault wants it. */
  spoil(response: ServerResponse, answer: Answer, fault: Fault): Promise<void>
  /** Ends the connection without an answer. */
  reset(response: ServerResponse): void
  /** Waits, unless the connection or the sandbox is closed first. False if it was. */
  pause(response: ServerResponse, milliseconds: number): Promise<boolean>
}

/**
 * @param closing ends every wait when the sandbox closes
 */
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
    // A reset packet, not an orderly end: an orderly end is what clients already expect of idle connections.
    response.socket?.resetAndDestroy()
  }

  /** Headers at once, then a byte now and then, and the rest when the time is over. */
  async function dribble(response: ServerResponse, answer: Answer, delayMs: number): Promise<void> {
    const body = Buffer.from(answer.body)
    head(response, answer, body.length)
    response.flushHeaders()
    let sent = 0
    for (let waited = 0; waited < delayMs; waited += dribbleMs) {
      if (!(await pause(response, Math.min(dribbleMs, delayMs - waited)))) return void response.destroy()
      if (sent < body.length - 1) {
        response.write(body.subarray(sent, sent + 1))
        sent += 1
      }
    }
    response.end(body.subarray(sent))
  }

  /** A list with one string that is larger than any buffer should be, at the pace of the reader. */
  async function flood(response: ServerResponse, answer: Answer): Promise<void> {
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

  /** Until the reader has caught up or is gone. */
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
    async spoil(response, answer, fault) {
      switch (fault.kind) {
        case 'reset':
        case 'commit_then_reset':
          return reset(response)
        case 'slow_headers':
          if (await pause(response, fault.delayMs)) return send(response, answer)
          return void response.destroy()
        case 'slow_body':
          return dribble(response, answer, fault.delayMs)
        case 'huge':
          return flood(response, answer)
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
