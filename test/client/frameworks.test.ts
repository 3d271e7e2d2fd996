import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { generateText, stepCountIs } from 'ai'
import { MockLanguageModelV3 } from 'ai/test'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aiTools } from '../../src/client/ai.ts'
import { anthropicTools } from '../../src/client/anthropic.ts'
import { googleTools } from '../../src/client/google.ts'
import { getTools } from '../../src/client/langchain.ts'
import { mastraTools } from '../../src/client/mastra.ts'
import { type McpServerOptions, mcpServer } from '../../src/client/mcp.ts'
import { openaiTools } from '../../src/client/openai.ts'
import { Valetkey } from '../../src/client/valetkey.ts'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
let valetkey: Valetkey
beforeAll(async () => {
  app = await startApp()
  valetkey = new Valetkey({ url: app.url, apiKey: app.apiKey })
  await app.connect('ann')
})
afterAll(() => app.stop())

const search = { query: 'Projects' }
const page = { parent_page_id: '' }
const names = ['notion_data_fetch', 'notion_page_create']
const quoted = names.map((name) => `"${name}"`).join(', ')

describe('an agent', () => {
  it('with OpenAI gets strict functions, and messages that answer its calls', async () => {
    const { tools, responsesTools, run, runResponses } = await openaiTools(valetkey, { identifier: 'ann', names })
    expect(tools.map(({ function: { name, strict } }) => [name, strict])).toEqual(names.map((name) => [name, true]))
    expect(responsesTools[0]).toMatchObject({ type: 'function', name: names[0], strict: true })
    const call = { id: 'call_1', function: { name: 'notion_data_fetch', arguments: JSON.stringify(search) } }
    expect(await run(call)).toMatchObject({ role: 'tool', tool_call_id: 'call_1', content: expect.stringMatching(/./) })
    const item = { type: 'function_call', call_id: 'c', name: 'notion_data_fetch', arguments: '{"query":' } as const
    expect(await runResponses(item)).toEqual({
      type: 'function_call_output',
      call_id: 'c',
      output: 'Error: The input must be an object.',
    })
  })

  it('with OpenAI reads that a custom tool call is not supported', async () => {
    const { run } = await openaiTools(valetkey, { identifier: 'ann', names })
    /** Calls as the types of the package `openai` have them. */
    type Call =
      | { id: string; type: 'function'; function: { name: string; arguments: string } }
      | { id: string; type: 'custom'; custom: { name: string; input: string } }
    const calls: Call[] = [{ id: 'c', type: 'custom', custom: { name: 'notion_data_fetch', input: 'x' } }]
    for (const call of calls) expect((await run(call)).content).toMatch(/^Error: .* must be a function call/)
  })

  it('with Anthropic reads errors as errors, with what to do', async () => {
    const { tools, run } = await anthropicTools(valetkey, { identifier: 'ann', names })
    expect(tools[0]).toMatchObject({ name: names[0], input_schema: { type: 'object' } })
    const wrong = await run({ type: 'tool_use', id: 'toolu_1', name: 'notion_page_create', input: { titel: 'x' } })
    expect(wrong).toMatchObject({ type: 'tool_result', tool_use_id: 'toolu_1', is_error: true })
    expect(wrong.content).toMatch(/titel/)
    const unknown = await run({ type: 'tool_use', id: 'toolu_2', name: 'notion_page_fetsh', input: {} })
    expect(unknown.content).toBe(`Error: unknown tool "notion_page_fetsh". Available tools: ${quoted}.`)
  })

  it('with Gemini gets declarations, and parts that answer its calls', async () => {
    const { tools, run } = await googleTools(valetkey, { identifier: 'ann', names })
    expect(tools[0]?.functionDeclarations.map(({ name }) => name)).toEqual(names)
    expect(await run({ id: 'g', name: 'notion_data_fetch', args: search })).toMatchObject({
      functionResponse: { id: 'g', name: 'notion_data_fetch', response: { output: expect.stringMatching(/./) } },
    })
    expect(await run({ name: 'notion_page_create', args: page })).toMatchObject({
      functionResponse: { response: { error: expect.stringMatching(/./) } },
    })
  })

  it('with LangChain gets tools in one line, and may ask for an authorization and continue', async () => {
    const [tool] = await getTools(valetkey, { identifier: 'ann', names: ['notion_data_fetch'] })
    expect(tool?.name).toBe('notion_data_fetch')
    const answer = await tool?.invoke({ type: 'tool_call', id: 'call_l', name: 'notion_data_fetch', args: search })
    expect(answer).toMatchObject({ content: expect.stringMatching(/./), tool_call_id: 'call_l' })
    const [unconnected] = await getTools(valetkey, { identifier: 'lea', names: ['notion_data_fetch'] })
    await expect(unconnected?.invoke(search)).rejects.toMatchObject({
      name: 'AuthorizationRequired',
      link: expect.stringContaining('/connect/'),
    })
    const links: string[] = []
    const [resumed] = await getTools(valetkey, {
      identifier: 'lea',
      names: ['notion_data_fetch'],
      onAuthorizationRequired: async (link) => {
        links.push(link)
        await app.connect('lea')
      },
    })
    expect(await resumed?.invoke(search)).toMatch(/./)
    expect(links).toHaveLength(1)
  })

  it('with the AI SDK calls a tool and reads its result', async () => {
    const tools = await aiTools(valetkey, { identifier: 'ann', names })
    const usage = {
      inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 1, text: 1, reasoning: 0 },
    }
    const steps: unknown[] = [
      [{ type: 'tool-call', toolCallId: 'call_a', toolName: 'notion_data_fetch', input: JSON.stringify(search) }],
      [{ type: 'text', text: 'done' }],
    ]
    const model = new MockLanguageModelV3({
      doGenerate: async () => {
        const content = steps.shift() as never
        const unified = steps.length > 0 ? ('tool-calls' as const) : ('stop' as const)
        return { content, finishReason: { unified, raw: undefined }, usage, warnings: [] }
      },
    })
    const { text, steps: taken } = await generateText({ model, tools, prompt: 'Find it.', stopWhen: stepCountIs(3) })
    expect(text).toBe('done')
    expect(taken[0]?.toolResults[0]?.output).toMatch(/./)
  })

  /** A tool as the stand-in for Mastra has it. */
  interface MastraTool {
    readonly inputSchema: object
    readonly suspendSchema?: object
    execute(input: unknown, context: object): Promise<unknown>
  }
  const mastraTool = async (options: Partial<Parameters<typeof mastraTools>[1]>) => {
    const tools = await mastraTools(valetkey, { identifier: 'ann', names, ...options })
    expect(Object.keys(tools)).toEqual(names)
    return (name: string) => tools[name] as unknown as MastraTool
  }

  it('with Mastra calls a tool, and a write happens once for each call of the model', async () => {
    const tool = await mastraTool({})
    expect(tool('notion_data_fetch')).toMatchObject({ id: 'notion_data_fetch', inputSchema: { type: 'object' } })
    expect(await tool('notion_data_fetch').execute(search, {})).toContain('Projects')
    expect(await tool('notion_page_create').execute({ titel: 'x' }, {})).toMatch(/^Error: .*titel/s)
    const input = { parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', properties: { title: 'By Mastra' } }
    const context = { agent: { toolCallId: 'call_mastra' } }
    const first = await tool('notion_page_create').execute(input, context)
    expect(first).toContain('By Mastra')
    expect(await tool('notion_page_create').execute(input, context)).toBe(first)
    const other = { agent: { toolCallId: 'call_other' } }
    expect(await tool('notion_page_create').execute(input, other)).not.toBe(first)
    const reason = new Error('enough')
    const aborted = tool('notion_data_fetch').execute(search, { abortSignal: AbortSignal.abort(reason) })
    await expect(aborted).rejects.toBe(reason)
  })

  it('with Mastra fails or suspends its run with a link, when the account needs its user', async () => {
    const link = expect.stringContaining('/connect/')
    const failing = await mastraTool({ identifier: 'mia' })
    const suspended: unknown[] = []
    const agent = { toolCallId: 'c', suspend: async (payload: unknown) => void suspended.push(payload) }
    const required = { name: 'AuthorizationRequired', link }
    await expect(failing('notion_data_fetch').execute(search, { agent })).rejects.toMatchObject(required)
    const suspending = await mastraTool({ identifier: 'mia', suspend: true })
    expect(suspending('notion_data_fetch').suspendSchema).toMatchObject({ required: ['link'] })
    await suspending('notion_data_fetch').execute(search, { agent })
    expect(suspended).toEqual([{ link }])
    // In a workflow there is no run of an agent.
    await expect(suspending('notion_data_fetch').execute(search, {})).rejects.toMatchObject(required)
    await app.connect('mia')
    expect(await suspending('notion_data_fetch').execute(search, { agent })).toContain('Projects')
    expect(suspended).toHaveLength(1)
  })

  it('with a client of the Model Context Protocol gets the URL and the headers of its tools', async () => {
    const connect = async (more: Partial<McpServerOptions>) => {
      const server = mcpServer({ url: `${app.url}/graphql`, apiKey: app.apiKey, identifier: 'ann', ...more })
      const client = new Client({ name: 'host', version: '1' })
      await client.connect(new StreamableHTTPClientTransport(new URL(server.url), server))
      const { tools } = await client.listTools()
      const result = await client.callTool({ name: 'notion_data_fetch', arguments: search })
      await client.close()
      return { tools: tools.length, result: result as { content: { text: string }[]; isError?: boolean } }
    }
    const plain = await connect({})
    expect(plain.result.content[0]?.text).toMatch(/\| Projects \|/)
    await app.connect('zoë/😀')
    const other = await connect({
      url: `${app.url}/`,
      identifier: 'zoë/😀',
      connectionName: 'notion',
      set: 'ALL',
      outputFormat: 'RAW',
    })
    expect(other.tools).toBeGreaterThan(plain.tools)
    expect(other.result).toMatchObject({ structuredContent: { object: 'list' } })
    const unknown = await connect({ connectionName: 'another' })
    expect(unknown.result.isError).toBe(true)
  })

  it('that repeats a call of its model writes once', async () => {
    const { run } = await anthropicTools(valetkey, { identifier: 'ann', names })
    const found = await valetkey.execute<{ results: { id: string; object: string }[] }>(
      'notion_data_fetch',
      { query: '' },
      { identifier: 'ann' },
    )
    const parent = found.data.results.find(({ object }) => object === 'page')?.id
    const input = { parent_page_id: parent, properties: { title: 'Written once' } }
    const first = await run({ type: 'tool_use', id: 'toolu_w', name: 'notion_page_create', input })
    expect(first).not.toHaveProperty('is_error')
    const second = await run({ type: 'tool_use', id: 'toolu_w', name: 'notion_page_create', input })
    expect(second.content).toBe(first.content)
    const written = await valetkey.execute<{ results: unknown[] }>(
      'notion_data_fetch',
      { query: 'Written once' },
      { identifier: 'ann' },
    )
    expect(written.data.results).toHaveLength(1)
  })

  it('cannot call a tool that it was not offered, and reads which ones there are', async () => {
    const operations: string[] = []
    const before = ({ operation }: { operation: string }) => void operations.push(operation)
    const hooked = new Valetkey({ url: app.url, apiKey: app.apiKey, hooks: { before } })
    const selection = { identifier: 'ann', set: 'ALL', readOnly: true } as const
    const [openai, anthropic, google] = await Promise.all([
      openaiTools(hooked, selection),
      anthropicTools(hooked, selection),
      googleTools(hooked, selection),
    ])
    operations.length = 0
    const name = 'notion_page_create'
    const refused = expect.stringMatching(
      /^Error: unknown tool "notion_page_create"\. Available tools: .*"notion_data_fetch"/,
    )
    expect((await openai.run({ id: 'x', function: { name, arguments: '{}' } })).content).toEqual(refused)
    const item = { type: 'function_call', call_id: 'x', name, arguments: '{}' } as const
    expect((await openai.runResponses(item)).output).toEqual(refused)
    expect(await anthropic.run({ type: 'tool_use', id: 'x', name, input: {} })).toMatchObject({ content: refused })
    const { response } = (await google.run({ name, args: {} })).functionResponse
    expect(response.error).toContain('unknown tool "notion_page_create"')
    expect(operations).toEqual([])
  })

  it('may be offered only what can work for its account', async () => {
    const offered = async (identifier: string) =>
      (await anthropicTools(valetkey, { identifier, onlyAvailable: true })).tools.length
    expect(await offered('ann')).toBeGreaterThan(0)
    expect(await offered('unknown-user')).toBe(0)
  })
})
