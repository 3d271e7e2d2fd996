import type { Fetch } from '../provider-http.ts'
import type { Tracing } from './tracing.ts'

/** Returns the host and port of a URL as attributes of a span, without its path and query. */
export function serverAttributes(url: string) {
  const { hostname, port, protocol } = new URL(url)
  return { 'server.address': hostname, 'server.port': Number(port) || (protocol === 'https:' ? 443 : 80) }
}

/**
 * Measures requests until the first byte of their answers. Spans of providers have the host; paths and queries, which have
 * IDs and names of content, are in no span. Webhooks get the `traceparent` of their span and no host, which belongs to a
 * tenant.
 */
export function tracedFetch(tracing: Tracing, fetch: Fetch, receiver: 'provider' | 'webhook'): Fetch {
  return (url, init) => {
    const attributes = {
      'http.request.method': init.method,
      'valetkey.receiver': receiver,
      ...(receiver === 'provider' && serverAttributes(url)),
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
