import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  bot,
  createdPage,
  createdPageId,
  database,
  dataSourceId,
  noResults,
  pageOf,
  renewedPair,
  rows,
} from '../notion-bodies.ts'
import { type CorpusPage, makePages } from '../search-corpus.ts'
import { serveParent } from './child.ts'
import { listen, textOf } from './http.ts'

/** What the upstream has answered so far. */
export interface UpstreamCounts {
  readonly queries: number
  readonly pages: number
  /** The requests of the accounts that have pages. */
  readonly crawled: number
}

/** What the upstream is to have as well. */
export interface UpstreamQuestion {
  /** Pages of their own for accounts, which these can list and read. Without this, no account has any. */
  readonly owned?: { readonly accounts: readonly number[]; readonly pagesOfEach: number }
  /** A page that all accounts can read, and none can list. */
  readonly changed?: { readonly id: string; readonly title: string; readonly text: string; readonly editedAt: string }
}

/**
 * The Notion that all ways of the bench call: fixed bodies, answered as fast as node:http can. The sandbox would be the
 * bottleneck, because it evaluates each query. `tokenMs` is how long its token endpoint takes, in milliseconds.
 */
serveParent(async ({ tokenMs = 0 }: { readonly tokenMs?: number }) => {
  let queries = 0
  let pages = 0
  let crawled = 0
  const pagesOf = new Map<number, readonly CorpusPage[]>()
  const textsById = new Map<string, string>()
  const changedById = new Map<string, object>()
  const [rowsBody, pageBody, databaseBody] = [rows, createdPage, database].map((body) =>
    Buffer.from(JSON.stringify(body)),
  )
  const notFound = { object: 'error', status: 404, code: 'object_not_found', message: 'Could not find the object.' }

  const answer = async (request: IncomingMessage): Promise<readonly [status: number, body: Buffer | object]> => {
    const { method, url = '' } = request
    const ownPages = pagesOf.get(accountOf(request.headers.authorization ?? ''))
    if (ownPages !== undefined) {
      crawled += 1
      if (url === '/v1/search') return [200, listOf(ownPages, JSON.parse(await textOf(request)).start_cursor)]
    }
    const [, id = '', markdown] = /^\/v1\/pages\/([0-9a-f-]{36})(\/markdown)?$/.exec(url) ?? []
    const [changed, text] = [changedById.get(id), textsById.get(id)]
    if (markdown === undefined && changed !== undefined) return [200, changed]
    if (markdown !== undefined && text !== undefined)
      return [200, { object: 'page_markdown', id, markdown: text, truncated: false, unknown_block_ids: [] }]
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
    if (url === '/v1/oauth/token') {
      const account = accountOf(await textOf(request))
      await sleep(tokenMs)
      return [200, renewedPair(account)]
    }
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
    async answer(question?: UpstreamQuestion): Promise<UpstreamCounts> {
      const { owned, changed } = question ?? {}
      for (const account of owned?.accounts ?? []) {
        const made = makePages(owned?.pagesOfEach ?? 0, account)
        pagesOf.set(account, made)
        for (const { id, text } of made) textsById.set(id, text)
      }
      if (changed !== undefined) {
        const { id, title, text, editedAt } = changed
        changedById.set(id, pageOf(id, title, new Date(editedAt)))
        textsById.set(id, text)
      }
      return { queries, pages, crawled }
    },
  }
})

const pagesOfList = 100

/** A list of `POST /v1/search`. A cursor is the place of its first page. */
function listOf(pages: readonly CorpusPage[], cursor: string | undefined): object {
  const from = Number(cursor ?? 0)
  const next = from + pagesOfList < pages.length ? String(from + pagesOfList) : null
  return {
    ...noResults,
    results: pages.slice(from, from + pagesOfList).map(({ id, title, editedAt }) => pageOf(id, title, editedAt)),
    next_cursor: next,
    has_more: next !== null,
  }
}

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
