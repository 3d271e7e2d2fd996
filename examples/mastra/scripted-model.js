const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}
const finish = (unified) => ({ finishReason: { unified, raw: undefined }, usage, warnings: [] })

/** Calls the tool that searches, then repeats what it read. Replace it with a model, such as `openai/gpt-5`. */
export const model = {
  specificationVersion: 'v3',
  provider: 'example',
  modelId: 'scripted',
  supportedUrls: {},
  async doGenerate({ prompt, tools }) {
    const last = prompt.at(-1)
    if (last.role === 'tool') {
      const { value } = last.content[0].output
      const text = typeof value === 'string' ? value : value.content[0].text
      return { content: [{ type: 'text', text }], ...finish('stop') }
    }
    const { name } = tools.find((tool) => tool.name.endsWith('notion_data_fetch'))
    const call = { toolName: name, input: JSON.stringify({ query: 'Projects' }) }
    return { content: [{ type: 'tool-call', toolCallId: crypto.randomUUID(), ...call }], ...finish('tool-calls') }
  },
}
