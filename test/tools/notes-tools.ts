import * as z from 'zod'
import { MissingCapabilityError, ProviderError, ResourceUnavailableError } from '../../src/errors.ts'
import type { ResultLink } from '../../src/tools/result-link.ts'
import {
  AccessTokenRefused,
  type AnyTool,
  type ProviderAnswer,
  Retryable,
  type Tool,
  type ToolCall,
} from '../../src/tools/tool.ts'

type Json = Record<string, unknown>

/** How a connector calls its provider: it reports every kind of answer as the pipeline expects. */
async function ask(call: ToolCall, kind: 'read' | 'write', path: string, body: unknown): Promise<Json> {
  return call.send(kind, async (accessToken, signal): Promise<ProviderAnswer<Json>> => {
    const failure = { status: null, code: null, requestId: null, retryAfterMs: null, rateLimited: false }
    let response: Response
    try {
      response = await fetch(`${call.apiUrl}/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${accessToken.reveal()}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      })
    } catch (error) {
      if (signal.aborted) throw error
      const refused = error instanceof Error && String((error.cause as { code?: unknown })?.code) === 'ECONNREFUSED'
      throw new Retryable('The connection broke off.', { ...failure, mayHaveWritten: !refused })
    }
    const requestId = response.headers.get('x-request-id')
    const retryAfter = response.headers.get('retry-after')
    const details = { ...failure, status: response.status, requestId }
    if (response.status === 401) throw new AccessTokenRefused(requestId)
    if (response.status === 403) throw new MissingCapabilityError('INSERT_CONTENT', { needsConsent: false })
    if (response.status === 404) throw new ResourceUnavailableError('note-404')
    if (response.status === 429) {
      const retryAfterMs = retryAfter === null ? null : Number(retryAfter) * 1_000
      throw new Retryable('Too many.', { ...details, retryAfterMs, rateLimited: true, mayHaveWritten: false })
    }
    if (response.status >= 500) {
      const retryAfterMs = retryAfter === null ? null : Number(retryAfter) * 1_000
      throw new Retryable('The provider is away', { ...details, retryAfterMs, mayHaveWritten: true })
    }
    if (!response.ok) {
      throw new ProviderError('Refused.', { status: response.status, code: 'refused', requestId, retryable: false })
    }
    return { body: (await response.json()) as Json, requestId }
  })
}

const shared = {
  connector: 'notion',
  destructive: false,
  inDefaultSet: true,
  errors: [ResourceUnavailableError],
  output: z.looseObject({}),
}

const note = z.object({ id: z.string(), text: z.string().nullable(), words: z.array(z.string()).optional() }).meta({
  id: 'Note',
  description: 'A note.',
  links: [
    { field: 'alike', description: 'Others.', tool: 'notes_find', input: { query: 'text' }, result: 'notes' },
    {
      field: 'nextCursors',
      description: 'One for each word.',
      tool: 'notes_find',
      input: { query: 'words' },
      each: 'query',
      result: 'nextCursor',
    },
  ] satisfies ResultLink[],
})
const toNote = (body: unknown) => {
  const { id, text, words } = body as { id: string; text?: string; words?: string[] }
  return { id, text: text ?? null, ...(words && { words }) }
}

const find: Tool<z.ZodObject, z.ZodObject> = {
  ...shared,
  name: 'notes_find',
  title: 'Find notes',
  description: 'Finds notes.',
  readOnly: true,
  requiredCapabilities: ['READ_CONTENT'],
  input: z.strictObject({
    query: z.string().max(50).describe('words').optional(),
    order: z.enum(['newest', 'oldest']).default('newest'),
    where: z.record(z.string(), z.unknown()).describe('conditions').optional(),
    page_size: z.int().min(1).max(100).optional(),
    start_cursor: z.string().optional(),
  }),
  result: z.object({ notes: z.array(note), nextCursor: z.string().nullable() }),
  list: {
    length: (body) => (body as { results: unknown[] }).results.length,
    take: (body, length) => ({
      ...(body as Json),
      results: (body as { results: unknown[] }).results.slice(0, length),
      next_cursor: `after-${length}`,
    }),
  },
  run: (call, input) => ask(call, 'read', 'find', input),
  toResult: (body) => ({
    notes: ((body as { results?: unknown[] }).results ?? []).map(toNote),
    nextCursor: (body as { next_cursor?: string }).next_cursor ?? null,
  }),
  toCompact: (body) => ({ notes: (body as { results: Json[] }).results.map(({ id }) => id) }),
  toMarkdown: (body) => (body as { results: Json[] }).results.map(({ id }) => `- ${String(id)}`).join('\n'),
}

const write: Tool<z.ZodObject, z.ZodObject> = {
  ...shared,
  name: 'notes_write',
  title: 'Write a note',
  description: 'Writes a note.',
  readOnly: false,
  requiredCapabilities: ['INSERT_CONTENT'],
  input: z.strictObject({
    text: z.string().min(1).describe('the text'),
    settings: z.record(z.string(), z.unknown()).describe('anything').optional(),
    place: z.strictObject({ folder: z.string(), line: z.int().min(0).max(1000).optional() }).optional(),
    tags: z.array(z.string()).optional(),
  }),
  result: z.object({ note }),
  run: (call, input) => ask(call, 'write', 'write', input),
  toResult: (body) => ({ note: toNote(body) }),
  toCompact: (body) => toNote(body),
  toMarkdown: (body) => `Wrote ${toNote(body).id}.`,
}

const readThenBreak: Tool<z.ZodObject, z.ZodObject> = {
  ...find,
  name: 'notes_break',
  async run() {
    throw new TypeError('a bug')
  },
}

const writeThenBreak: Tool<z.ZodObject, z.ZodObject> = {
  ...write,
  name: 'notes_write_break',
  async run(call, input) {
    await ask(call, 'write', 'write', input)
    throw new TypeError('a bug')
  },
}

/** The tools of the tests' own connector. It goes by the name of the one connector that accounts can have. */
export const notesTools: readonly AnyTool[] = [find, write, readThenBreak, writeThenBreak]
