import type { TestApp } from '../support/app.ts'

/** Sends a body to `/mcp` with the key of the app, for the user ann unless `headers` name another. */
export function postMcp(
  app: Pick<TestApp, 'url' | 'apiKey'>,
  body: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>
    readonly search?: string
    readonly signal?: AbortSignal
  } = {},
): Promise<Response> {
  const { headers, search = '', signal } = options
  return fetch(`${app.url}/mcp${search}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${app.apiKey}`,
      'x-valetkey-identifier': 'ann',
      ...headers,
    },
    body,
    ...(signal && { signal }),
  })
}
