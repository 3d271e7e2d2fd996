import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { OutcomeUnknownError, ToolError } from '../errors.ts'
import type { ToolCall } from '../tools/tool.ts'
import type { NotionClient } from './client.ts'
import type { DataSources } from './data-sources.ts'
import { isRead, type NotionAnswer, type NotionRequest } from './exchange.ts'
import { isObject, type JsonObject, objectsAt, textAt } from './json.ts'
import { type InputNames, refusalError, savedWithoutAnswer } from './refusals.ts'
import type { Sightings } from './sightings.ts'
import { decideUnavailable, retrieval, type Target, trashed } from './unavailable.ts'

/** What the tools of all accounts share: the client and the memories. */
export interface NotionParts {
  readonly client: NotionClient
  readonly sightings: Sightings
  readonly dataSources: DataSources
}

/** What a request is about, for telling the caller what its refusal means. */
export interface About {
  /** The object that a 404 would be about, unless Notion names another. */
  readonly target?: Target
  /** How parts of the request body are called in the tool's input. */
  readonly names?: InputNames
  /** The place of the input that a complaint of Notion without a place is about. */
  readonly place?: string
  /** Reads what a write made or changed, should Notion have saved it and lost the answer; null where nothing names it. */
  readonly reread?: (committedId: string | null) => NotionRequest | null
}

/** One tool call's way to Notion. */
export interface NotionCall {
  readonly account: ConnectedAccount
  readonly dataSources: DataSources
  /** Sends a request and gives Notion's body, untouched; every refusal is one of the errors of `errors.ts`. */
  send(request: NotionRequest, about?: About): Promise<JsonObject>
  /** Sends a reading request of which a refusal is an answer too. */
  attempt(request: NotionRequest): Promise<NotionAnswer>
}

// Notion's complaint about an object in the trash, or below one; not about a property that has such a name.
const inTrash = /\b(?:is|are|an) (?:archived|in (?:the )?trash)\b|\bmust unarchive\b/i

/** Binds the shared parts to one call. */
export function notionCall(parts: NotionParts, call: ToolCall): NotionCall {
  const { account } = call

  // What one request of the call found missing is not asked for again to find out what its absence means.
  const missing = new Map<string, NotionAnswer>()

  async function answer(request: NotionRequest): Promise<NotionAnswer> {
    const plain = request.method === 'get' && request.query === undefined
    const known = plain ? missing.get(request.path) : undefined
    if (known !== undefined) return known
    if (!isRead(request)) missing.clear()
    const received = await call.send(isRead(request) ? 'read' : 'write', (accessToken, signal) =>
      parts.client.send(call.apiUrl, accessToken, signal, request),
    )
    if ('body' in received) {
      parts.sightings.note(account, received.body)
      parts.dataSources.note(account, received.body)
    } else if (plain && received.refusal.status === 404) missing.set(request.path, received)
    return received
  }

  async function send(request: NotionRequest, about: About = {}): Promise<JsonObject> {
    const received = await answer(request)
    if ('body' in received) return received.body
    const { refusal } = received
    if (refusal.saved !== null) {
      const again = about.reread?.(refusal.saved.resourceId) ?? null
      const body = again === null ? null : await readBack(answer, again, refusal.saved.childIds)
      if (body === null) throw savedWithoutAnswer(refusal)
      return body
    }
    if (refusal.status === 404) {
      const witness = { account, sightings: parts.sightings, attempt: answer }
      throw await decideUnavailable(witness, request, refusal, about.target ?? null)
    }
    if (about.target !== undefined && refusal.code === 'validation_error' && inTrash.test(refusal.message)) {
      throw trashed(about.target, `Notion says: ${refusal.message}`)
    }
    throw refusalError(refusal, request, account, about.names ?? {}, about.place ?? null)
  }

  return { account, dataSources: parts.dataSources, send, attempt: answer }
}

// Enough for what one request can have added at the end of a long page.
const rereadPages = 20

/** What was written, read again: the object, or of a list of blocks those that Notion named. Null where that fails. */
async function readBack(
  answer: (request: NotionRequest) => Promise<NotionAnswer>,
  request: NotionRequest,
  childIds: readonly string[],
): Promise<JsonObject | null> {
  try {
    if (!request.path.endsWith('/children')) {
      const received = await answer(request)
      return 'body' in received ? received.body : null
    }
    if (childIds.length === 0) return null
    const found = new Map<string, JsonObject>()
    let cursor: string | null = null
    for (let page = 0; page < rereadPages; page += 1) {
      const received = await answer({
        ...request,
        query: { page_size: 100, ...(cursor !== null && { start_cursor: cursor }) },
      })
      if (!('body' in received)) return null
      for (const block of objectsAt(received.body, 'results')) found.set(textAt(block, 'id') ?? '', block)
      const results = childIds.map((id) => found.get(id)).filter(isObject)
      if (results.length === childIds.length) {
        return { ...received.body, results, next_cursor: null, has_more: false }
      }
      cursor = textAt(received.body, 'next_cursor')
      if (cursor === null) return null
    }
    return null
  } catch (error) {
    if (error instanceof ToolError) return null
    throw error
  }
}

/** Reads again what was created, by the id that Notion names as committed. */
export function rereadCreated(kind: Target['kind']): (committedId: string | null) => NotionRequest | null {
  return (committedId) => (committedId === null ? null : retrieval(kind, committedId))
}

/** What a change of an object is about, and how that is read again. */
export function changing(kind: Target['kind'], id: string): Pick<About, 'target' | 'reread'> {
  return { target: { id, kind }, reread: () => retrieval(kind, id) }
}

/**
 * Runs the rest of a write of which the first part is done. If it fails, the error names what was written: the call must
 * not be repeated as a whole. `written` may grow while the rest runs; while it is empty, errors stay as they are.
 */
export async function afterWriting<T>(
  written: readonly string[],
  done: () => string,
  rest: () => Promise<T>,
): Promise<T> {
  try {
    return await rest()
  } catch (error) {
    if (!(error instanceof ToolError) || written.length === 0) throw error
    const ids = error instanceof OutcomeUnknownError ? error.committedIds : []
    throw new OutcomeUnknownError(`${done()} Then the call failed: ${error.message}`, {
      committedIds: [...new Set([...written, ...ids])],
      hint: `Do not repeat the call: a part of it was written. Read ${written[0] ?? 'the target'} and add only what is missing.`,
    })
  }
}
