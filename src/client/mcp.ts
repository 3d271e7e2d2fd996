/*
 * `valetkey/mcp`: where clients of the Model Context Protocol find the tools of one user.
 */
import { checkKey, endpointOf } from './transport.ts'
import type { Connection, ExecuteOptions, ToolSelection } from './types.ts'

/** Whose tools a client of the protocol gets, and how results look. */
export interface McpServerOptions extends Connection, Pick<ToolSelection, 'set'>, Pick<ExecuteOptions, 'outputFormat'> {
  /** The server's URL, with or without `/graphql`. */
  readonly url: string
  /** An API key. */
  readonly apiKey: string
  readonly identifier: string
}

/** A server over streamable HTTP, in the terms of the clients of frameworks. */
export interface McpServer {
  readonly url: string
  readonly headers: Record<string, string>
  /** The same headers, for clients that pass them to `fetch`. */
  readonly requestInit: { readonly headers: Record<string, string> }
}

/**
 * Returns the URL and the headers of a user's tools, for the client of a framework. They contain the API key. Throws an
 * InvalidInputError for a `url` or `apiKey` that is not valid.
 */
export function mcpServer(options: McpServerOptions): McpServer {
  const { identifier, connectionName, set = 'DEFAULT', outputFormat = 'MARKDOWN' } = options
  const url = new URL(endpointOf(options.url).replace(/graphql$/, 'mcp'))
  if (set === 'ALL') url.searchParams.set('tools', 'all')
  if (outputFormat !== 'MARKDOWN') url.searchParams.set('format', outputFormat.toLowerCase())
  const headers = {
    authorization: `Bearer ${checkKey(options.apiKey)}`,
    // Headers hold Latin-1 only.
    'x-valetkey-identifier': encodeURIComponent(identifier),
    ...(connectionName !== undefined && { 'x-valetkey-connection': connectionName }),
  }
  return { url: url.href, headers, requestInit: { headers } }
}
