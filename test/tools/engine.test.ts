import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  InvalidToolInputError,
  MissingCapabilityError,
  OutcomeUnknownError,
  ProviderError,
  ResourceUnavailableError,
  type ToolError,
  UnknownToolError,
} from '../../src/errors.ts'
import { InsufficientScopeError } from '../../src/tools/admission.ts'
import type { ToolEngine } from '../../src/tools/engine.ts'
import { type Bench, clockWithDeadline, failureOf, identifier, openBench, request, viewerWith } from './bench.ts'
import { gate } from './provider.ts'

let bench: Bench
let engine: ToolEngine
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())
beforeEach(async () => {
  // Entries of earlier tests would otherwise be written during this one.
  await bench.written()
  engine = bench.engine()
  bench.provider.received.length = 0
  bench.provider.behave(() => ({}))
})

const newest = async () => (await engine.executions.list(bench.environmentId, {}, { limit: 1, before: null }))[0]
const fail = async (...call: Parameters<typeof request>) =>
  (await failureOf(engine.executeTool(bench.viewer, request(...call)))) as ToolError

describe('a tool that reads', () => {
  it('returns the body of the provider unchanged and is in the journal when it is over', async () => {
    bench.provider.behave(() => ({ body: { results: [{ id: 'a', odd: null }], extra: 1 } }))
    const outcome = await engine.executeTool(bench.viewer, request('notes_find', { query: 'x' }))
    expect(outcome.data).toEqual({ results: [{ id: 'a', odd: null }], extra: 1 })
    expect(outcome.execution).toMatchObject({
      toolName: 'notes_find',
      status: 'SUCCEEDED',
      errorType: null,
      providerRequestIds: ['request-0'],
    })
    expect(await newest()).toEqual({ ...outcome.execution, sequence: expect.any(Number) })
    expect(await engine.executions.byId(bench.environmentId, [outcome.execution.id])).toEqual([await newest()])
  })

  it('sends the token of the named account', async () => {
    await engine.executeTool(bench.viewer, request('notes_find'))
    expect(bench.provider.received[0]).toMatchObject({ token: `token-1-of-${identifier}` })
  })

  it('returns the requested format', async () => {
    bench.provider.behave(() => ({ body: { results: [{ id: 'a' }, { id: 'b' }] } }))
    const compact = await engine.executeTool(bench.viewer, request('notes_find', {}, { outputFormat: 'COMPACT' }))
    expect(compact.data).toEqual({ notes: ['a', 'b'] })
    const markdown = await engine.executeTool(bench.viewer, request('notes_find', {}, { outputFormat: 'MARKDOWN' }))
    expect(markdown.data).toBe('- a\n- b')
  })

  it('marks the account as used and its grant as proven', async () => {
    const { accountId } = await bench.account('fresh')
    await engine.executeTool(bench.viewer, request('notes_find', {}, { identifier: 'fresh' }))
    await engine.executions.flush()
    const row = await bench.database.db
      .selectFrom('connected_accounts')
      .innerJoin('grants', 'grants.id', 'connected_accounts.grant_id')
      .select(['last_used_at', 'last_verified_at'])
      .where('connected_accounts.id', '=', accountId)
      .executeTakeFirstOrThrow()
    expect(row.last_used_at).toBeInstanceOf(Date)
    expect(row.last_verified_at).toBeInstanceOf(Date)
  })

  it('takes one statement for its permits and the account, and for many calls one each for the journal, their last use and their proofs', async () => {
    await engine.executeTool(bench.viewer, request('notes_find'))
    const statements: string[] = []
    const counted = bench.engine({
      // Nothing is written until the test asks for it, as long as its calls may take.
      clock: { ...systemClock, after: () => () => {} },
      db: bench.database.db.withPlugin({
        transformQuery: ({ node }) => {
          statements.push(node.kind)
          return node
        },
        transformResult: async ({ result }) => result,
      }),
    })
    await counted.executeTool(bench.viewer, request('notes_find'))
    // The account is opened through the bench's own handle. An engine asks for the time of the database once.
    expect(statements.filter((kind) => kind !== 'SelectQueryNode')).toEqual(['RawNode'])
    await Promise.all(Array.from({ length: 4 }, () => counted.executeTool(bench.viewer, request('notes_find'))))
    statements.length = 0
    await counted.executions.flush()
    expect(statements).toEqual(['RawNode', 'RawNode', 'RawNode'])
  })

  it('ends when its caller leaves, and is Cancelled in the journal', async () => {
    bench.provider.behave(() => ({ end: 'hang' }))
    const caller = new AbortController()
    const call = failureOf(engine.executeTool(bench.viewer, request('notes_find'), caller.signal))
    await bench.provider.hasReceived(1)
    caller.abort(new Error('gone'))
    expect(await call).toMatchObject({ message: 'gone' })
    expect(await newest()).toMatchObject({ status: 'FAILED', errorType: 'Cancelled' })
  })

  it('with a bug is FAILED in the journal, and the error is thrown unchanged', async () => {
    expect(await fail('notes_break')).toBeInstanceOf(TypeError)
    expect(await newest()).toMatchObject({ status: 'FAILED', errorType: 'InternalError' })
  })

  it('fails with a ProviderError at the deadline when the provider is silent', async () => {
    bench.provider.behave(() => ({ end: 'hang' }))
    const clock = clockWithDeadline()
    engine = bench.engine({ clock })
    const call = fail('notes_find')
    await bench.provider.hasReceived(1)
    clock.expire()
    const error = await call
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ retryable: true, status: null })
  })
})

describe('a call that is refused', () => {
  it('for an unknown tool suggests the nearest ones', async () => {
    const error = (await fail('notes_wirte')) as UnknownToolError
    expect(error).toBeInstanceOf(UnknownToolError)
    expect(error.suggestions[0]).toBe('notes_write')
  })

  it('for a scope that the credential lacks does not reach the account', async () => {
    const reader = viewerWith(bench.environmentId, ['TOOLS_READ'])
    const error = await failureOf(engine.executeTool(reader, request('notes_write', { text: 'x' })))
    expect(error).toBeInstanceOf(InsufficientScopeError)
    expect(error).toMatchObject({ scope: 'TOOLS_WRITE' })
    await engine.executeTool(reader, request('notes_find'))
  })

  it('reports every issue with its path, what is available and the nearest name', async () => {
    const error = (await fail('notes_write', {
      txet: 'x',
      text: 5,
      place: { line: 'z', foldr: 'a' },
      tags: ['a', 7],
    })) as InvalidToolInputError
    expect(error).toBeInstanceOf(InvalidToolInputError)
    expect(error.executionId).toBeNull()
    expect(Object.fromEntries(error.issues.map(({ path, message }) => [path, message]))).toEqual({
      text: 'must be a string, not a number',
      'place.folder': 'is required (string)',
      'place.line': 'must be a number, not a string',
      'place.foldr': 'is unknown. Did you mean "folder"? Available: folder, line',
      'tags.1': 'must be a string, not a number',
      txet: 'is unknown. Did you mean "text"? Available: text, settings, place, tags',
    })
  })

  it('for a value outside an enum lists the choices', async () => {
    const error = (await fail('notes_find', { order: 'newset' })) as InvalidToolInputError
    expect(error.issues).toEqual([{ path: 'order', message: 'must be one of: newest, oldest. Did you mean "newest"?' }])
  })

  it('is the same for an account that does not exist, of another environment or of another user', async () => {
    const missing = await fail('notes_find', {}, { identifier: 'missing' })
    expect(missing).toBeInstanceOf(AccountNotFoundError)
    const nul = await fail('notes_find', {}, { identifier: 'a\0b' })
    expect(nul).toBeInstanceOf(AccountNotFoundError)
    const elsewhere = viewerWith('00000000-0000-4000-8000-000000000000', ['TOOLS_READ'])
    expect(await failureOf(engine.executeTool(elsewhere, request('notes_find')))).toBeInstanceOf(AccountNotFoundError)
    const session = viewerWith(bench.environmentId, ['TOOLS_READ'], 'other_user')
    expect(await failureOf(engine.executeTool(session, request('notes_find')))).toBeInstanceOf(AccountNotFoundError)
  })

  it('for an account that is not ACTIVE reports its status', async () => {
    const { accountId } = await bench.account('revoked')
    await bench.database.db
      .updateTable('connected_accounts')
      .set({ status: 'REVOKED', status_reason: 'REVOKED_AT_PROVIDER' })
      .where('id', '=', accountId)
      .execute()
    const error = await fail('notes_find', {}, { identifier: 'revoked' })
    expect(error).toBeInstanceOf(AccountNotActiveError)
    expect(error).toMatchObject({ status: 'REVOKED', userAction: 'REAUTHORIZE' })
  })

  it('for a capability is remembered: the next call is refused without asking the provider', async () => {
    await bench.account('incapable')
    bench.provider.behave(() => ({ status: 403 }))
    const first = await fail('notes_write', { text: 'x' }, { identifier: 'incapable' })
    expect(first).toBeInstanceOf(MissingCapabilityError)
    expect(first.executionId).not.toBeNull()
    expect(bench.provider.received).toHaveLength(1)
    const second = await fail('notes_write', { text: 'x' }, { identifier: 'incapable' })
    expect(second).toBeInstanceOf(MissingCapabilityError)
    expect(second.executionId).toBeNull()
    expect(bench.provider.received).toHaveLength(1)
  })

  it('by the provider has the id of its journal entry', async () => {
    bench.provider.behave(() => ({ status: 404 }))
    const error = await fail('notes_find')
    expect(error).toBeInstanceOf(ResourceUnavailableError)
    expect(await newest()).toMatchObject({
      id: error.executionId,
      status: 'FAILED',
      errorType: 'ResourceUnavailableError',
    })
  })
})

describe('what a model passes', () => {
  it('may contain null for a key that is not given; null in free JSON is unchanged', async () => {
    await engine.executeTool(
      bench.viewer,
      request('notes_write', { text: 'x', tags: null, place: null, settings: { end: null } }),
    )
    expect(bench.provider.received[0]?.body).toEqual({ text: 'x', settings: { end: null } })
  })

  it('may be a JSON string where an object or array is expected; other strings are unchanged', async () => {
    await engine.executeTool(
      bench.viewer,
      request('notes_write', {
        text: '{"a":1}',
        settings: '{"b":[1,null]}',
        tags: '["q"]',
        place: '{"folder":"f","line":null}',
      }),
    )
    expect(bench.provider.received[0]?.body).toEqual({
      text: '{"a":1}',
      settings: { b: [1, null] },
      tags: ['q'],
      place: { folder: 'f' },
    })
  })

  it('cannot contain keys of the prototype', async () => {
    const error = await fail('notes_write', JSON.parse('{"text":"x","__proto__":{"admin":true}}'))
    expect(error).toBeInstanceOf(InvalidToolInputError)
    const deep = await fail('notes_write', { text: 'x', settings: JSON.parse('['.repeat(500) + ']'.repeat(500)) })
    expect(deep).toBeInstanceOf(InvalidToolInputError)
  })
})

describe('a result over the size limit', () => {
  const rows = Array.from({ length: 40 }, (_, at) => ({ id: `row-${at}`, text: 'long '.repeat(20) }))

  it('is cut after a whole row, with a notice and a cursor for the next row', async () => {
    bench.provider.behave(() => ({ body: { results: rows } }))
    const capped = bench.engine({ limits: { resultBytes: 1_000 } })
    const { data } = await capped.executeTool(bench.viewer, request('notes_find'))
    const { results, next_cursor, notice } = data as { results: unknown[]; next_cursor: string; notice: string }
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(1_000)
    expect(results.length).toBeGreaterThan(2)
    expect(next_cursor).toBe(`after-${results.length}`)
    expect(notice).toContain('1000 bytes')
  })

  it('contains more rows in a smaller format', async () => {
    bench.provider.behave(() => ({ body: { results: rows } }))
    const capped = bench.engine({ limits: { resultBytes: 1_000 } })
    const raw = await capped.executeTool(bench.viewer, request('notes_find'))
    const compact = await capped.executeTool(bench.viewer, request('notes_find', {}, { outputFormat: 'COMPACT' }))
    const rawRows = (raw.data as { results: unknown[] }).results.length
    expect((compact.data as { notes: unknown[] }).notes.length).toBeGreaterThan(rawRows)
  })

  it('is cut to its beginning when it has no rows', async () => {
    bench.provider.behave(() => ({ body: { id: 'n', text: '"'.repeat(5_000) } }))
    const capped = bench.engine({ limits: { resultBytes: 1_000 } })
    const { data } = await capped.executeTool(bench.viewer, request('notes_write', { text: 'x' }))
    expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThanOrEqual(1_000)
    expect(data).toMatchObject({ notice: expect.stringContaining('Truncated to its beginning') })
  })
})

describe('a tool that writes', () => {
  it('is RUNNING in the journal before anything is sent', async () => {
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened }))
    const call = engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }))
    await bench.provider.hasReceived(1)
    expect(await newest()).toMatchObject({ status: 'RUNNING', finishedAt: null })
    open()
    const { execution } = await call
    expect(await newest()).toMatchObject({ id: execution.id, status: 'SUCCEEDED' })
  })

  it('continues when its caller leaves after it was sent', async () => {
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened }))
    const caller = new AbortController()
    const call = engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }), caller.signal)
    await bench.provider.hasReceived(1)
    caller.abort(new Error('gone'))
    open()
    expect((await call).execution.status).toBe('SUCCEEDED')
  })

  it('has an unknown outcome when the provider is silent until the deadline', async () => {
    bench.provider.behave(() => ({ end: 'hang' }))
    const clock = clockWithDeadline()
    engine = bench.engine({ clock })
    const call = fail('notes_write', { text: 'x' })
    await bench.provider.hasReceived(1)
    clock.expire()
    const error = await call
    expect(error).toBeInstanceOf(OutcomeUnknownError)
    expect(await newest()).toMatchObject({ id: error.executionId, status: 'OUTCOME_UNKNOWN' })
  })

  it('with a bug after it wrote has an unknown outcome, not an internal error that would be retried', async () => {
    const error = await fail('notes_write_break', { text: 'x' })
    expect(error).toBeInstanceOf(OutcomeUnknownError)
    expect(await newest()).toMatchObject({ status: 'OUTCOME_UNKNOWN' })
  })

  it('returns RAW when formatting fails: after a failure it would be written again', async () => {
    const { catalogue } = engine
    const find = (name: string) => {
      const tool = catalogue.find(name)
      return tool && { ...tool, toCompact: () => JSON.parse('no JSON') as unknown }
    }
    engine = bench.engine({ catalogue: { ...catalogue, find } })
    const compact = { outputFormat: 'COMPACT' } as const
    const { data } = await engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }, compact))
    expect(data).toEqual({ object: 'note', id: 'note-0' })
    expect(await fail('notes_find', {}, compact)).toBeInstanceOf(SyntaxError)
  })

  it('returns its result when the vault cannot seal it, and the outcome of its key is unknown from then on', async () => {
    const seal = () => Promise.reject(new Error('no vault'))
    engine = bench.engine({ vault: { seal, open: bench.vault.open } })
    const keyed = { idempotencyKey: 'unsealed' }
    const { data } = await engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }, keyed))
    expect(data).toMatchObject({ id: 'note-0' })
    const row = await bench.database.db
      .selectFrom('idempotency_keys')
      .select('state')
      .where('key', '=', 'unsealed')
      .executeTakeFirst()
    expect(row).toEqual({ state: 'running' })
  })

  it('returns its result when its account was deleted in the meantime', async () => {
    const { accountId } = await bench.account('deleted')
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened, body: { id: 'written' } }))
    const call = engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }, { identifier: 'deleted' }))
    await bench.provider.hasReceived(1)
    await bench.database.db.deleteFrom('connected_accounts').where('id', '=', accountId).execute()
    open()
    expect((await call).data).toEqual({ id: 'written' })
  })
})
