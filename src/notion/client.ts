import { AsyncLocalStorage } from 'node:async_hooks'
import { Client } from '@notionhq/client'
import type { ProviderAnswer } from '../tools/tool.ts'
import type { Secret } from '../vault/secret.ts'
import { AnswerTooLarge, type NotionAnswer, type NotionRequest, type ReceivedAnswer } from './exchange.ts'
import { readAnswer, transportFailure } from './failures.ts'

/** The version of Notion's API that everything here is written for (https://developers.notion.com/reference/versioning). */
export const notionVersion = '2026-03-11'

/** No answer of Notion may be larger: its pages of 100 rows stay far below. */
export const answerLimitBytes = 5 * 1024 * 1024

/** The way to Notion, for all accounts. */
export interface NotionClient {
  /**
   * Sends one request, once. Gives Notion's answer, be it a body or a definite refusal.
   * Fails with AccessTokenRefused or Retryable and, where an answer is of no use to anybody, with a ToolError.
   */
  send(
    apiUrl: string,
    accessToken: Secret,
    signal: AbortSignal,
    request: NotionRequest,
  ): Promise<ProviderAnswer<NotionAnswer>>
}

interface Exchange {
  readonly signal: AbortSignal
  sent: boolean
  received: ReceivedAnswer | null
}

// The SDK passes neither a signal in nor the answer's headers out; both travel beside the call. One for all clients, as
// every storage that was ever used costs time in every promise of the process.
const exchanges = new AsyncLocalStorage<Exchange>()

/**
 * The SDK keeps one auth-less client per base URL; who asks and until when goes with each call. Its own timeout (which
 * aborts nothing and ends before the body), its retries and its logger (which prints bodies) are out of use.
 */
export function createNotionClient(fetch: typeof globalThis.fetch): NotionClient {
  const clients = new Map<string, Client>()

  async function fetchWithin(url: string, init: Parameters<NonNullable<ClientOptions['fetch']>>[1]) {
    const exchange = exchanges.getStore()
    if (exchange === undefined) throw new Error('A request to Notion was made outside of an exchange.')
    exchange.sent = true
    const response = await fetch(url, {
      method: init?.method ?? 'GET',
      headers: init?.headers ?? {},
      body: init?.body ?? null,
      signal: exchange.signal,
      redirect: 'error',
    })
    const received: ReceivedAnswer = { status: response.status, headers: response.headers, text: null }
    exchange.received = received
    const text = await readText(response)
    received.text = text
    return { ok: response.ok, status: response.status, headers: response.headers, text: async () => text }
  }

  function clientOf(apiUrl: string): Client {
    const known = clients.get(apiUrl)
    if (known !== undefined) return known
    const client = new Client({
      baseUrl: apiUrl,
      notionVersion,
      retry: false,
      timeoutMs: 2 ** 31 - 1,
      logger: () => {},
      fetch: fetchWithin,
    })
    clients.set(apiUrl, client)
    return client
  }

  return {
    async send(apiUrl, accessToken, signal, request) {
      const exchange: Exchange = { signal, sent: false, received: null }
      if (signal.aborted) throw transportFailure(signal.reason, exchange, request)
      let parsed: unknown
      try {
        parsed = await exchanges.run(exchange, () =>
          clientOf(apiUrl).request<object>({
            path: request.path,
            method: request.method,
            auth: accessToken.reveal(),
            ...(request.query && { query: queryOf(request.query) }),
            ...(request.body && { body: { ...request.body } }),
            ...(request.file && { formDataParams: { file: formFile(request.file) } }),
          }),
        )
      } catch (error) {
        // What fails before anything is sent is a bug of ours, not a failure of Notion.
        if (!exchange.sent) throw error
        if (exchange.received === null || exchange.received.text === null)
          throw transportFailure(error, exchange, request)
      }
      if (exchange.received === null) throw new Error('The SDK gave an answer without a request.')
      return readAnswer(exchange.received, parsed, request)
    },
  }
}

type ClientOptions = NonNullable<ConstructorParameters<typeof Client>[0]>

// The SDK decodes each value of a list, as Notion's property ids come encoded; what is no encoding would make it throw.
function queryOf(query: NonNullable<NotionRequest['query']>): Record<string, string | number | boolean | string[]> {
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) =>
      typeof value === 'object' ? [key, value.map(decodable)] : [key, value],
    ),
  )
}

function decodable(value: string): string {
  try {
    decodeURIComponent(value)
    return value
  } catch {
    return encodeURIComponent(value)
  }
}

function formFile(file: NonNullable<NotionRequest['file']>) {
  return { filename: file.filename, data: new Blob([file.bytes], { type: file.contentType }) }
}

async function readText(response: Response): Promise<string> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.byteLength
    // Leaving the loop cancels the stream, so that the rest is not downloaded.
    if (size > answerLimitBytes) throw new AnswerTooLarge('The answer is larger than 5 MB.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
