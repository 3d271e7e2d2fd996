import type { JsonObject } from './json.ts'

/** One request to Notion's REST API. `path` begins after `/v1/`; ids in it are UUIDs, checked before. */
export interface NotionRequest {
  readonly method: 'get' | 'post' | 'patch' | 'delete'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[]>>
  readonly body?: JsonObject
  /** Sent as multipart/form-data in place of a body. */
  readonly file?: { readonly filename: string; readonly contentType: string; readonly bytes: Uint8Array<ArrayBuffer> }
}

/** Whether a request changes nothing: queries and searches are POSTs that read. */
export function isRead(request: NotionRequest): boolean {
  return request.method === 'get' || request.path === 'search' || request.path.endsWith('/query')
}

/** An answer as it came over the wire; `text` is null where the body was cut off. */
export interface ReceivedAnswer {
  readonly status: number
  readonly headers: Headers
  text: string | null
}

/** The answer is larger than 5 MB. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge'
}

/** A definite no of Notion (https://developers.notion.com/reference/status-codes), or the word that a change was saved. */
export interface Refusal {
  readonly status: number
  readonly code: string | null
  /** Notion's own sentence, at most 1000 characters, without anything that looks like a token. */
  readonly message: string
  readonly requestId: string | null
  /** Set where the change was saved and only the answer was lost (503): what Notion named as written. */
  readonly saved: { readonly resourceId: string | null; readonly childIds: readonly string[] } | null
}

/** What came back: the body, or why there is none. */
export type NotionAnswer = { readonly body: JsonObject } | { readonly refusal: Refusal }
