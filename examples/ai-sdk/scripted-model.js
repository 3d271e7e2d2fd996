import { MockLanguageModelV3 } from 'ai/test'

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}
const finish = (unified) => ({ finishReason: { unified, raw: undefined }, usage, warnings: [] })

/** Calls a tool, then repeats what it read. Replace it with a model, such as `openai('gpt-5')`. */
export const model = new MockLanguageModelV3({
  doGenerate: async ({ prompt }) => {
    const last = prompt.at(-1)
    if (last.role === 'tool')
      return { content: [{ type: 'text', text: last.content[0].output.value }], ...finish('stop') }
    const call = { toolName: 'notion_data_fetch', input: JSON.stringify({ query: 'Projects' }) }
    return { content: [{ type: 'tool-call', toolCallId: crypto.randomUUID(), ...call }], ...finish('tool-calls') }
  },
})
