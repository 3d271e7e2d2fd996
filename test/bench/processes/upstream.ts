import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  bot,
  createdPage,
  createdPageId,
  database,
  dataSourceId,
  noResults,
  renewedPair,
  rows,
} from '../notion-bodies.ts'
import { serveParent } from './child.ts'
import { listen, textOf } from './http.ts'

/** What the upstream has answered so far. */
export interface UpstreamCounts {
  readonly queries: number
  readonly pages: number
}

/**
 * The Notion that all ways of the bench call: fixed bodies, answered as fast as node:http can. The sandbox would be the
 * bottleneck, because it evaluates each query.
 */
serveParent(async () => {
  let queries = 0
  let pages = 0
  const [rowsBody, pageBody, databaseBody] = [rows, createdPage, database].map((body) =>
    Buffer.from(JSON.stringify(body)),
  )
  const notFound = { object: 'error', status: 404, code: 'object_not_found', message: 'Could not find the object.' }

  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: Buffer | object]> => {
    const { method, url } = request
    if (url !== '/v1/oauth/token') request.resume()
    if (method === 'POST' && url === `/v1/data_sources/${dataSourceId}/query`) {
      queries += 1
      return [200, rowsBody ?? {}]
    }
    if (method === 'POST' && url === '/v1/pages') {
      pages += 1
      return [200, pageBody ?? {}]
    }
    if (method === 'POST' && url === '/v1/search') return [200, noResults]
    if (method === 'GET' && url === `/v1/databases/${database.id}`) return [200, databaseBody ?? {}]
    if (method === 'GET' && url === '/v1/users/me') return [200, bot(accountOf(request.headers.authorization ?? ''))]
    if (url === '/v1/oauth/introspect') return [200, { active: true, iat: Math.floor(Date.now() / 1_000) }]
    if (url === '/v1/oauth/token') return [200, renewedPair(accountOf(await textOf(request)))]
    if (url === '/v1/oauth/revoke') return [200, {}]
    return [404, notFound]
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) => send(response, status, body instanceof Buffer ? body : Buffer.from(JSON.stringify(body))),
      () => response.destroy(),
    )
  })
  return {
    ready: await listen(server),
    answer: async (): Promise<UpstreamCounts> => ({ queries, pages }),
  }
})

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'x-notion-request-id': createdPageId,
  })
  response.end(body)
}

/** The number of the account whose token is in a text. */
const accountOf = (text: string) => Number(/bench(?:Access|Refresh)(\d+)/.exec(text)?.[1] ?? 0)
