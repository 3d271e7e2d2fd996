import type { Fetch } from '../provider-http.ts'
import type { Tracing } from './tracing.ts'

/** How requests of one kind are measured. */
export interface RequestTrace {
  /** Whether the host of the receiver is shown. Without it, only who the receiver is: `provider` or `webhook`. */
  readonly receiver: 'provider' | 'webhook'
}

/**
 * Measures requests until the first byte of their answers. Spans of providers have the host; paths and queries, which have
 * IDs and names of content, are in no span. Webhooks get the `traceparent` of their span and no host, which belongs to a
 * tenant.
 */
export function tracedFetch(tracing: Tracing, fetch: Fetch, { receiver }: RequestTrace): Fetch {
  return (url, init) => {
    const { hostname, port, protocol } = new URL(url)
    const attributes = {
      'http.request.method': init.method,
      'valetkey.receiver': receiver,
      ...(receiver === 'provider' && {
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
      }),
    }
    return tracing.span({ name: `${init.method} ${receiver}`, kind: 'client', attributes }, async (span) => {
      const headers = receiver === 'webhook' ? { ...init.headers, traceparent: span.traceparent() } : init.headers
      const answer = await fetch(url, { ...init, headers })
      span.set({ 'http.response.status_code': answer.status })
      if (answer.status >= 400) span.fail(String(answer.status))
      return answer
    })
  }
}
