import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { systemClock } from '../clock.ts'
import type { ContentIndexes, GrantIndex } from '../content-index/content-indexes.ts'
import { OutcomeUnknownError, ToolError } from '../errors.ts'
import type { Fetch } from '../provider-http.ts'
import type { GrantShare } from '../tools/grant-share.ts'
import type { ReadLimit, ToolCall } from '../tools/tool.ts'
import { type NotionAnswer, readAnswer, type Saved } from './answer.ts'
import type { CapabilityProbe } from './capability-probe.ts'
import { exchange, type NotionRequest } from './client.ts'
import { explainForbidden, isForbidden } from './forbidden.ts'
import { isObject, type JsonObject, objectsAt, textAt } from './json.ts'
import { explainNotFound, pathOf, retrieve, type Target, trashed } from './not-found.ts'
import type { ObservedObjects } from './observed-objects.ts'
import type { InputNames } from './places.ts'
import { refusalError, savedWithoutAnswer } from './refusals.ts'
import { samplePage } from './sample-page.ts'
import type { SchemaCache } from './schema-cache.ts'

/** What the calls of all accounts share: fetch, the clock and the caches. */
export interface NotionParts {
  readonly fetch: Fetch
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Returns a random UUID. */
  readonly newId: () => string
  readonly observed: ObservedObjects
  readonly schemas: SchemaCache
  /** The requests that searches of content may use, so that other calls do not wait for them. */
  readonly scans: GrantShare
  /** Null: content is never indexed. */
  readonly contentIndexes: ContentIndexes | null
}

/** What a request is about. Decides how a refusal is explained. */
export interface About {
  /** The object that a 404 is about, unless Notion names another. */
  readonly target?: Target
  /** The names of parts of the request body in the input of the tool. */
  readonly names?: InputNames
  /** The place of the input that a `validation_error` without a place is about. */
  readonly place?: string
  /** Reads what a write changed, where Notion saved it and lost the answer; null where nothing names it. */
  readonly reread?: (call: NotionCall, saved: Saved) => Promise<object | null>
}

/** The way to Notion for one tool call. Each request is one call of the SDK. */
export interface NotionCall {
  readonly account: ConnectedAccount
  readonly schemas: SchemaCache
  /** Sends a request that changes nothing, and returns Notion's body. Throws ToolErrors. May send it several times. */
  read<Body extends object>(request: NotionRequest<Body>, about?: About): Promise<Body>
  /** Sends a request that changes something, and returns Notion's body. Throws ToolErrors. Sends it once. */
  write<Body extends object>(request: NotionRequest<Body>, about?: About): Promise<Body>
  /** Sends a request that changes nothing and that may end before the call. A refusal is an answer and not explained. */
  attempt<Body extends object>(request: NotionRequest<Body>, within: ReadLimit): Promise<NotionAnswer<Body>>
  /** Takes a request from those that searches of content may use. Returns 0, or the milliseconds until there is one. */
  takeScanRequest(): number
  /** Returns the index of the content that the account can read; null where it has none. */
  contentIndex(): Promise<GrantIndex | null>
  /** Milliseconds on a monotonic clock. */
  elapsed(): number
  /** Reads an object by its id. A refusal is an answer; a 404 is remembered for the rest of the call. */
  lookUp(target: Target): Promise<NotionAnswer>
  /** Waits, in milliseconds; ends with the call. */
  pause(milliseconds: number): Promise<void>
  /** Returns the body of an answer, or throws what its refusal means. */
  bodyOf<Body extends object>(answer: NotionAnswer<Body>, about?: About): Promise<Body>
}

// Notion's message about an object in the trash or below one, not about a property of such a name.
const inTrash = /\b(?:is|are|an) (?:archived|in (?:the )?trash)\b|\bmust unarchive\b/i

/** Binds the shared parts to one tool call. `input` is the input of its tool, in which refusals are placed. */
export function notionCall(parts: NotionParts, toolCall: ToolCall, input: unknown = null): NotionCall {
  const { account, apiUrl } = toolCall
  // An object that one request did not find is not requested again to explain its absence.
  const notFound = new Map<string, NotionAnswer>()

  async function send<Body extends object>(
    kind: 'read' | 'write',
    request: NotionRequest<Body>,
    within?: ReadLimit,
  ): Promise<NotionAnswer<Body>> {
    if (kind === 'write') notFound.clear()
    const answer = await toolCall.send(
      kind,
      async (accessToken, signal) => {
        const made = await exchange(parts.fetch, { apiUrl, accessToken, signal }, request)
        if (kind === 'read' && !changesNothing(made)) throw new Error(`${made.method} ${made.path} was sent as a read.`)
        return readAnswer(made, kind, new Date(parts.now()))
      },
      within,
    )
    if ('body' in answer) {
      parts.observed.note(account, answer.body)
      parts.schemas.note(account, answer.body)
    } else if (answer.refusal.status === 404 && answer.refusal.request.method === 'GET') {
      notFound.set(answer.refusal.request.path, answer)
    }
    return answer
  }

  const sendProbe = ({ method, path, body }: CapabilityProbe) =>
    send<JsonObject>(changesNothing({ method, path }) ? 'read' : 'write', (notion) =>
      notion.request({ method: method.toLowerCase() as 'get' | 'post' | 'patch', path, ...(body && { body }) }),
    )

  const call: NotionCall = {
    account,
    schemas: parts.schemas,

    async read(request, about) {
      return call.bodyOf(await send('read', request), about)
    },

    async write(request, about) {
      return call.bodyOf(await send('write', request), about)
    },

    attempt: (request, within) => send('read', request, within),

    takeScanRequest: () => parts.scans.take(account.grant?.id ?? '', toolCall.rate),

    contentIndex: async () => (await parts.contentIndexes?.find(account, samplePage)) ?? null,

    elapsed: systemClock.now,

    async lookUp(target) {
      const request = retrieve(target)
      if (request === null) throw new Error(`Notion has no request that reads a ${target.kind}.`)
      return notFound.get(pathOf(target) ?? '') ?? (await send<JsonObject>('read', request))
    },

    pause: (milliseconds) => systemClock.sleep(milliseconds, toolCall.signal),

    async bodyOf<Body extends object>(answer: NotionAnswer<Body>, about: About = {}): Promise<Body> {
      if ('body' in answer) return answer.body
      const { refusal } = answer
      const { target } = about
      if (refusal.saved !== null) {
        const body = await readSaved(call, refusal.saved, about)
        if (body === null) throw savedWithoutAnswer(refusal)
        // What Notion would have answered, as it returns the same object for a write and a read of it.
        return body as Body
      }
      if (refusal.status === 404) throw await explainNotFound(call, parts.observed, refusal, target ?? null)
      if (target !== undefined && refusal.code === 'validation_error' && inTrash.test(refusal.message)) {
        throw trashed(target, `Notion reported: ${refusal.message}`)
      }
      if (isForbidden(refusal)) {
        throw await explainForbidden(refusal, account, target ?? null, sendProbe, parts.newId())
      }
      const { names = {}, place = null } = about
      throw refusalError(refusal, { names, place, input, targetId: target?.id ?? null })
    },
  }
  return call
}

/** Queries and searches are POSTs that read. */
const changesNothing = ({ method, path }: { readonly method: string; readonly path: string }) =>
  method === 'GET' || (method === 'POST' && (path === 'search' || /\/(?:query|queries)$/.test(path)))

/** Reads what was written; null where that fails. */
async function readSaved(call: NotionCall, saved: Saved, { reread }: About): Promise<object | null> {
  try {
    return (await reread?.(call, saved)) ?? null
  } catch (error) {
    if (error instanceof ToolError) return null
    throw error
  }
}

/** Reads an object, for {@link About.reread}. */
async function bodyIfFound(call: NotionCall, target: Target): Promise<JsonObject | null> {
  const answer = await call.lookUp(target)
  return 'body' in answer ? answer.body : null
}

/** Reads what was created by the id that Notion named. */
export const rereadCreated =
  (kind: Target['kind']): NonNullable<About['reread']> =>
  async (call, { resourceId }) =>
    resourceId === null ? null : bodyIfFound(call, { kind, id: resourceId })

/** What a change of an object is about, and how the object is read again. */
export function changing(kind: Target['kind'], id: string): Pick<About, 'target' | 'reread'> {
  const target = { id, kind }
  return { target, reread: (call) => bodyIfFound(call, target) }
}

/** Enough for what one request can have added at the end of a long page. */
const maxRereadPages = 20

/** Reads those of a block's children that Notion named as written, in the order in which it named them. */
export const rereadChildren =
  (block_id: string): NonNullable<About['reread']> =>
  async (call, { childIds }) => {
    if (childIds.length === 0) return null
    const found = new Map<string, JsonObject>()
    let start_cursor: string | undefined
    for (let page = 0; page < maxRereadPages; page += 1) {
      const body = await call.read((notion) =>
        notion.blocks.children.list({ block_id, page_size: 100, ...(start_cursor !== undefined && { start_cursor }) }),
      )
      for (const block of objectsAt(body, 'results')) found.set(textAt(block, 'id') ?? '', block)
      const results = childIds.map((id) => found.get(id)).filter(isObject)
      if (results.length === childIds.length) return { ...body, results, next_cursor: null, has_more: false }
      if (typeof body.next_cursor !== 'string') return null
      start_cursor = body.next_cursor
    }
    return null
  }

/**
 * Runs the rest of a write whose first part is done. If the rest fails, the error names what was written, since the call
 * must not be repeated as a whole. `written` may grow while the rest runs; while it is empty, errors pass unchanged.
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
