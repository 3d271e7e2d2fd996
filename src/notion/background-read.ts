import { type Fetch, sentAt, TransportFailure } from '../provider-http.ts'
import type { ToolCall } from '../tools/tool.ts'
import { type NotionAnswer, readAnswer } from './answer.ts'
import { exchange, type NotionRequest } from './client.ts'

/** An answer with the time at which it was sent, by Notion's clock; null where Notion did not say. */
export type DatedAnswer<Body> = NotionAnswer<Body> & { readonly at: Date | null }

/** Sends one request that reads. Throws the errors of {@link ToolCall.send}. */
export type BackgroundRead = <Body extends object>(
  call: ToolCall,
  request: NotionRequest<Body>,
) => Promise<DatedAnswer<Body>>

/** Makes the requests of what reads for an account without a call of a tool. */
export const backgroundRead =
  (parts: { readonly fetch: Fetch; readonly now: () => number }): BackgroundRead =>
  <Body extends object>(call: ToolCall, request: NotionRequest<Body>) =>
    call.send<DatedAnswer<Body>>('read', async (accessToken, signal) => {
      const made = await exchange(parts.fetch, { apiUrl: call.apiUrl, accessToken, signal }, request)
      const { body, requestId } = readAnswer(made, 'read', new Date(parts.now()))
      const at = made.answer instanceof TransportFailure ? null : sentAt(made.answer.headers)
      return { body: { ...body, at }, requestId }
    })
