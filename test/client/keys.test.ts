import { afterEach, describe, expect, it, vi } from 'vitest'
import { anthropicTools } from '../../src/client/anthropic.ts'
import { ConnectionError } from '../../src/client/errors.ts'
import { googleTools } from '../../src/client/google.ts'
import { Valetkey } from '../../src/client/valetkey.ts'

const name = 'notion_page_create'
const definition = { name, title: '', description: '', inputSchema: {}, readOnly: false, destructive: false }
const approval = { message: 'An approval is required.', hint: '', approvalId: 'a', expiresAt: '2030-01-01T00:00:00Z' }

/** A client whose requests are answered here, and the keys of the tool calls that it sent. */
function clientWith({ requiresApproval = false, outcome = 'done' as 'done' | 'approval' | 'cut' } = {}) {
  const keys: unknown[] = []
  const state = { outcome }
  const answer: typeof fetch = async (_url, init) => {
    const { query, variables } = JSON.parse(String(init?.body))
    if (query.startsWith('query')) return Response.json({ data: { tools: [{ ...definition, requiresApproval }] } })
    keys.push(variables.input.idempotencyKey)
    if (state.outcome === 'cut') throw new TypeError('cut')
    const done = { __typename: 'ExecuteToolPayload', data: 'done', execution: { id: 'e', durationMs: 1 } }
    const waits = { __typename: 'ApprovalRequiredError', ...approval }
    return Response.json({ data: { executeTool: state.outcome === 'done' ? done : waits } })
  }
  return { keys, state, valetkey: new Valetkey({ url: 'http://localhost', apiKey: 'x', fetch: answer }) }
}

afterEach(() => vi.unstubAllGlobals())

describe('the idempotency key of a call of a model', () => {
  const keyOf = async (id: string, input: object, options: { conversation?: string } = {}) => {
    const { keys, valetkey } = clientWith()
    const { run } = await anthropicTools(valetkey, { identifier: 'ann', ...options })
    await run({ type: 'tool_use', id, name, input })
    return keys[0] as string
  }

  it('is the same for the same ID and input in any order of properties, and different for another input', async () => {
    const key = await keyOf('call_1', { a: 1, b: { c: [1, 2], d: 2 } })
    expect(key).toContain('call_1')
    expect(await keyOf('call_1', { b: { d: 2, c: [1, 2] }, a: 1 })).toBe(key)
    expect(await keyOf('call_1', { a: 1, b: { c: [2, 1], d: 2 } })).not.toBe(key)
    expect(await keyOf('call_2', { a: 1, b: { c: [1, 2], d: 2 } })).not.toBe(key)
  })

  it('differs between conversations', async () => {
    const one = await keyOf('call_0', {}, { conversation: 'one' })
    expect(await keyOf('call_0', {}, { conversation: 'one' })).toBe(one)
    expect(await keyOf('call_0', {}, { conversation: 'other' })).not.toBe(one)
    expect(await keyOf('call_0', {})).not.toBe(one)
  })

  it('is short printable ASCII, and different, for IDs that are long or not well-formed Unicode', async () => {
    const long = 'x'.repeat(1_000)
    const ids = [`${long}1`, `${long}2`, '\ud800', '\ud801', 'ü\n\0', '用户']
    const keys = await Promise.all(ids.map((id) => keyOf(id, {})))
    expect(new Set(keys).size).toBe(ids.length)
    for (const key of keys) expect(key).toMatch(/^[!-~]{1,255}$/)
  })

  it('is another one for each call without an ID', async () => {
    const { keys, valetkey } = clientWith()
    const { run } = await anthropicTools(valetkey, { identifier: 'ann' })
    await run({ type: 'tool_use', id: '', name, input: {} })
    await run({ type: 'tool_use', id: '', name, input: {} })
    await run({ type: 'tool_use', id: null as unknown as string, name, input: {} })
    const google = await googleTools(valetkey, { identifier: 'ann' })
    await google.run({ name, args: {} })
    expect(new Set(keys).size).toBe(4)
    for (const key of keys) expect(key).toMatch(/./)
  })

  it('is absent for a tool whose calls need an approval, and such a call is not repeated after a failure', async () => {
    const { keys, state, valetkey } = clientWith({ requiresApproval: true, outcome: 'approval' })
    const { run } = await anthropicTools(valetkey, { identifier: 'ann' })
    await run({ type: 'tool_use', id: 'one', name, input: {} })
    state.outcome = 'cut'
    await expect(run({ type: 'tool_use', id: 'two', name, input: {} })).rejects.toBeInstanceOf(ConnectionError)
    expect(keys).toEqual([null, null])
  })

  it('stays that of the first call when approvals were required after the tools were loaded', async () => {
    const { keys, state, valetkey } = clientWith({ outcome: 'approval' })
    const { run } = await anthropicTools(valetkey, { identifier: 'ann' })
    await run({ type: 'tool_use', id: 'one', name, input: { a: 1, b: 2 } })
    state.outcome = 'cut'
    const failed = run({ type: 'tool_use', id: 'two', name, input: { b: 2, a: 1 } })
    await expect(failed).rejects.toBeInstanceOf(ConnectionError)
    state.outcome = 'done'
    await run({ type: 'tool_use', id: 'three', name, input: { b: 2, a: 1 } })
    expect(new Set(keys).size).toBe(1)
    await run({ type: 'tool_use', id: 'four', name, input: { b: 2, a: 1 } })
    expect(new Set(keys).size).toBe(2)
  })
})

it('an ApprovalRequiredError has the key of the call, also one that the client chose', async () => {
  const { keys, valetkey } = clientWith({ outcome: 'approval' })
  await expect(valetkey.execute(name, {}, { identifier: 'ann' })).rejects.toMatchObject({
    name: 'ApprovalRequiredError',
    idempotencyKey: expect.stringMatching(/./),
  })
  const failed = await valetkey.execute(name, {}, { identifier: 'ann' }).catch((error: unknown) => error)
  expect(failed).toMatchObject({ idempotencyKey: keys[1] })
  const keyless = valetkey.execute(name, {}, { identifier: 'ann', idempotencyKey: null })
  await expect(keyless).rejects.toMatchObject({ idempotencyKey: null })
})

it.each([undefined, {}])('calls have different keys in runtimes without crypto.randomUUID', async (missing) => {
  vi.stubGlobal('crypto', missing)
  const { keys, valetkey } = clientWith()
  await valetkey.execute(name, {}, { identifier: 'ann' })
  await valetkey.execute(name, {}, { identifier: 'ann' })
  expect(new Set(keys).size).toBe(2)
  for (const key of keys) expect(key).toMatch(/^[!-~]{10,255}$/)
})
