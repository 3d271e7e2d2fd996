import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateText, stepCountIs } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { aiTools } from '../../src/client/ai.ts'
import { anthropicTools } from '../../src/client/anthropic.ts'
import { ConnectionError, RequestError, TimeoutError, UnknownToolError } from '../../src/client/errors.ts'
import { googleTools } from '../../src/client/google.ts'
import { getTools } from '../../src/client/langchain.ts'
import { mastraTools } from '../../src/client/mastra.ts'
import { openaiTools } from '../../src/client/openai.ts'
import { Valetkey } from '../../src/client/valetkey.ts'
import { startApp, type TestApp } from '../support/app.ts'

/** What happens to the next connections to the server. */
type Mode = 'pass' | 'refuse' | 'cut' | 'hang'

let app: TestApp
/** In front of the server. */
let proxy: Server
let mode: Mode = 'pass'
/** Called with each request that arrives. */
let onRequest = () => {}
beforeAll(async () => {
  app = await startApp()
  await app.connect('ann')
  proxy = createServer((incoming, outgoing) => {
    onRequest()
    if (mode === 'refuse') incoming.socket.destroy()
    if (mode === 'refuse' || mode === 'hang') return
    const { method, headers } = incoming
    const passed = request(new URL(incoming.url ?? '', app.url), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers)
      if (mode === 'pass') answer.pipe(outgoing)
      else answer.once('data', (chunk: Buffer) => outgoing.write(chunk.subarray(0, 5), () => outgoing.destroy()))
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
})
afterEach(() => {
  mode = 'pass'
  onRequest = () => {}
})
afterAll(async () => {
  proxy.closeAllConnections()
  proxy.close()
  await app.stop()
})

const clientOf = (apiKey: string) =>
  new Valetkey({
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    apiKey,
    maxRetries: 1,
  })
/** A client whose key ends when `revoke` is called. */
const clientWithKey = async () => {
  const admin = new Valetkey({ url: app.url, apiKey: app.apiKey })
  const { apiKey, secret } = await admin.apiKeys.create({ name: 'test', scopes: ['TOOLS_READ', 'TOOLS_WRITE'] })
  return { valetkey: clientOf(secret), revoke: () => admin.apiKeys.revoke(apiKey.id) }
}

const names = ['notion_data_fetch']
const input = { query: 'Projects' }
const user = { identifier: 'ann', names }
/** Waits no longer than this, in milliseconds, for an error: far more than the time limit of the client. */
const patienceMs = 60_000

type Call = (signal?: AbortSignal) => Promise<unknown>

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}
/** A model that calls the tool once. */
const modelThatCalls = () => {
  let isFirst = true
  return new MockLanguageModelV3({
    doGenerate: async () => {
      const call = {
        type: 'tool-call',
        toolCallId: 'c',
        toolName: 'notion_data_fetch',
        input: JSON.stringify(input),
      } as const
      const content = isFirst ? [call] : [{ type: 'text', text: 'over' } as const]
      const unified = isFirst ? 'tool-calls' : 'stop'
      isFirst = false
      return { content, finishReason: { unified, raw: undefined }, usage, warnings: [] }
    },
  })
}

/** What each entry of the package does: it is loaded, and calls a tool. */
const entries: Record<string, (valetkey: Valetkey) => Promise<Call>> = {
  client: async (valetkey) => {
    await valetkey.tools()
    return (signal) => valetkey.execute('notion_data_fetch', input, { identifier: 'ann', signal })
  },
  openai: async (valetkey) => {
    const { run } = await openaiTools(valetkey, user)
    const call = { id: crypto.randomUUID(), function: { name: 'notion_data_fetch', arguments: JSON.stringify(input) } }
    return (signal) => run(call, { signal })
  },
  anthropic: async (valetkey) => {
    const { run } = await anthropicTools(valetkey, user)
    return (signal) => run({ type: 'tool_use', id: crypto.randomUUID(), name: 'notion_data_fetch', input }, { signal })
  },
  google: async (valetkey) => {
    const { run } = await googleTools(valetkey, user)
    return (signal) => run({ name: 'notion_data_fetch', args: input }, { signal })
  },
  langchain: async (valetkey) => {
    const [tool] = await getTools(valetkey, user)
    return async (signal) => tool?.invoke(input, signal && { signal })
  },
  ai: async (valetkey) => {
    const tools = await aiTools(valetkey, user)
    return async (signal) => {
      const options = { model: modelThatCalls(), tools, prompt: 'Find it.', stopWhen: stepCountIs(2) }
      const { steps } = await generateText({ ...options, ...(signal && { abortSignal: signal }) })
      const failed = steps.flatMap(({ content }) => content).find(({ type }) => type === 'tool-error')
      if (failed?.type === 'tool-error') throw failed.error
    }
  },
  mastra: async (valetkey) => {
    const tools = await mastraTools(valetkey, user)
    const tool = tools['notion_data_fetch'] as unknown as { execute(input: unknown, context: object): Promise<unknown> }
    return (signal) => tool.execute(input, { abortSignal: signal })
  },
}

describe.each(Object.entries(entries))('the entry %s', (_name, load) => {
  it(
    'throws a ConnectionError when the server is down, before and after it has loaded its tools',
    async () => {
      const valetkey = clientOf(app.apiKey)
      const call = await load(valetkey)
      await call()
      mode = 'refuse'
      await expect(call()).rejects.toBeInstanceOf(ConnectionError)
      await expect(load(valetkey)).rejects.toBeInstanceOf(ConnectionError)
    },
    patienceMs,
  )

  it(
    'throws a ConnectionError when the connection is lost in the answer',
    async () => {
      const call = await load(clientOf(app.apiKey))
      mode = 'cut'
      await expect(call()).rejects.toBeInstanceOf(ConnectionError)
    },
    patienceMs,
  )

  it(
    'throws a TimeoutError when the server does not answer',
    async () => {
      const call = await load(clientOf(app.apiKey))
      mode = 'hang'
      const arrived = new Promise<void>((resolve) => {
        onRequest = resolve
      })
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const failed = expect(call()).rejects.toBeInstanceOf(TimeoutError)
        await arrived
        vi.advanceTimersByTime(75_000)
        await failed
      } finally {
        vi.useRealTimers()
      }
    },
    patienceMs,
  )

  it(
    'throws a RequestError with the code UNAUTHENTICATED when its credential has ended',
    async () => {
      const { valetkey, revoke } = await clientWithKey()
      const call = await load(valetkey)
      await call()
      await revoke()
      const ended = { name: 'RequestError', code: 'UNAUTHENTICATED', status: 401 }
      await expect(call()).rejects.toMatchObject(ended)
      await expect(load(valetkey)).rejects.toMatchObject(ended)
    },
    patienceMs,
  )

  it(
    'throws the reason of an abort, before and during a call',
    async () => {
      const call = await load(clientOf(app.apiKey))
      mode = 'hang'
      const reason = new DOMException('enough', 'AbortError')
      await expect(call(AbortSignal.abort(reason))).rejects.toBe(reason)
      const controller = new AbortController()
      onRequest = () => controller.abort(reason)
      await expect(call(controller.signal)).rejects.toBe(reason)
    },
    patienceMs,
  )
})

describe('an unknown tool', () => {
  it('is an UnknownToolError of the client, and a text with similar names for a model', async () => {
    const valetkey = clientOf(app.apiKey)
    const name = 'notion_data_fetsh'
    const failed = await valetkey.execute(name, {}, { identifier: 'ann' }).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(UnknownToolError)
    const similar = expect.stringMatching(/^Error: .*notion_data_fetch/s)
    const openai = await openaiTools(valetkey, user)
    expect((await openai.run({ id: 'o', function: { name, arguments: '{}' } })).content).toEqual(similar)
    const item = { type: 'function_call', call_id: 'r', name, arguments: '{}' } as const
    expect((await openai.runResponses(item)).output).toEqual(similar)
    const anthropic = await anthropicTools(valetkey, user)
    expect(await anthropic.run({ type: 'tool_use', id: 'a', name, input: {} })).toMatchObject({
      is_error: true,
      content: similar,
    })
    const google = await googleTools(valetkey, user)
    const { response } = (await google.run({ name })).functionResponse
    expect(response.error).toContain('notion_data_fetch')
    // Of these, a framework offers the model what exists, and refuses other names itself.
    const unknown = { identifier: 'ann', names: [name] }
    expect(await getTools(valetkey, unknown)).toEqual([])
    expect(await aiTools(valetkey, unknown)).toEqual({})
    expect(await mastraTools(valetkey, unknown)).toEqual({})
  })
})

describe('a watch', () => {
  const watched = async (valetkey: Valetkey, signal?: AbortSignal) => {
    const stream = valetkey.watch('ann', { signal })
    const next = async () => (await stream.next()).value?.status
    return { stream, next }
  }

  it(
    'connects again when the connection is lost in the stream, and is ended by its signal while the server is down',
    async () => {
      const controller = new AbortController()
      const { next } = await watched(clientOf(app.apiKey), controller.signal)
      expect(await next()).toBe('ACTIVE')
      proxy.closeAllConnections()
      expect(await next()).toBe('ACTIVE')
      mode = 'cut'
      proxy.closeAllConnections()
      const continued = next()
      await once(proxy, 'request')
      mode = 'pass'
      expect(await continued).toBe('ACTIVE')
      mode = 'refuse'
      proxy.closeAllConnections()
      const ended = next()
      await once(proxy, 'request')
      controller.abort()
      expect(await ended).toBeUndefined()
    },
    patienceMs,
  )

  it(
    'throws when the session has expired or was revoked, and ends when it is aborted before it is answered',
    async () => {
      const admin = new Valetkey({ url: app.url, apiKey: app.apiKey })
      const { token, sessionId } = await admin.sessions.create('ann')
      const { next } = await watched(clientOf(token))
      expect(await next()).toBe('ACTIVE')
      await admin.sessions.revoke(sessionId)
      await expect(next()).rejects.toMatchObject({ name: 'RequestError', code: 'UNAUTHENTICATED' })
      await expect((await watched(clientOf(token))).next()).rejects.toBeInstanceOf(RequestError)
      mode = 'hang'
      const controller = new AbortController()
      onRequest = () => controller.abort()
      expect(await (await watched(clientOf(app.apiKey), controller.signal)).next()).toBeUndefined()
    },
    patienceMs,
  )

  it('throws an error of a hook or of the function that returns the key', async () => {
    const wrong = new Error('no key')
    const url = app.url
    const keyless = new Valetkey({ url, apiKey: () => Promise.reject(wrong) })
    await expect((await watched(keyless)).next()).rejects.toBe(wrong)
    const before = () => {
      throw wrong
    }
    await expect((await watched(new Valetkey({ url, apiKey: 'x', hooks: { before } }))).next()).rejects.toBe(wrong)
  })

  it('connects again when nothing comes for 30 s, without an end of the connection', async () => {
    vi.useFakeTimers()
    try {
      let opened = 0
      // The function ignores the signal: a stream that is left must be cancelled itself.
      let left = 0
      const silent: typeof fetch = async () => {
        opened += 1
        const body = new ReadableStream({
          cancel: () => {
            left += 1
          },
        })
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
      }
      const controller = new AbortController()
      const { next } = await watched(new Valetkey({ url: app.url, apiKey: 'x', fetch: silent }), controller.signal)
      const ended = next()
      await vi.advanceTimersByTimeAsync(29_000)
      expect(opened).toBe(1)
      await vi.advanceTimersByTimeAsync(3_000)
      expect({ opened, left }).toEqual({ opened: 2, left: 1 })
      controller.abort()
      expect(await ended).toBeUndefined()
      expect(left).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })
})

it('a call ends when the function that returns the key never does', async () => {
  const keyless = new Valetkey({ url: app.url, apiKey: () => new Promise<string>(() => {}), timeoutMs: 50 })
  await expect(keyless.tools()).rejects.toBeInstanceOf(TimeoutError)
  const reason = new Error('enough')
  const controller = new AbortController()
  const call = keyless.tools({ signal: controller.signal })
  controller.abort(reason)
  await expect(call).rejects.toBe(reason)
})
