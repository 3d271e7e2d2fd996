import { createHmac } from 'node:crypto'
import type { RequestLog } from '../request-log.ts'
import type { SandboxState } from '../state.ts'

/** Time in milliseconds after which a request to a receiver fails. */
const timeoutMs = 10_000

/** A request to a receiver. */
export interface Post {
  readonly url: string
  readonly body: string
  /** The key of the signature. Absent for the request that sends the key itself. */
  readonly key?: string
  /** Id in the log of requests. */
  readonly requestId: string
  /** Type and attempt of the event in the log of requests. */
  readonly webhook: string
}

/** Sends a request. Returns its status, or null when there was no response in time. */
export type PostWebhook = (post: Post) => Promise<number | null>

/** Returns the header `X-Notion-Signature` of a body: HMAC-SHA256 with the verification token as the key. */
const signature = (body: string, key: string) => `sha256=${createHmac('sha256', key).update(body).digest('hex')}`

/** Creates the function that sends requests to receivers and logs them. `closing` ends all requests. */
export function createPostWebhook(options: {
  readonly state: SandboxState
  readonly fetch: typeof fetch
  readonly log: RequestLog
  readonly closing: AbortSignal
}): PostWebhook {
  return async ({ url, body, key, requestId, webhook }) => {
    const at = options.state.now().toISOString()
    const { origin, pathname } = new URL(url)
    const entry = options.log.start({ at, method: 'POST', path: origin + pathname, requestId, status: null, webhook })
    try {
      const response = await options.fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'notion-sandbox-webhooks',
          ...(key !== undefined && { 'x-notion-signature': signature(body, key) }),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([options.closing, AbortSignal.timeout(timeoutMs)]),
      })
      entry.status = response.status
      await response.body?.cancel()
      return response.status
    } catch {
      return null
    }
  }
}
