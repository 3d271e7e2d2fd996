/*
 * `valetkey/anthropic`: tools for Anthropic's Messages API.
 */
import { type AgentOptions, loadAgentTools } from './agent-tools.ts'
import type { Cancellable } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** A `tool_use` block of a message. */
export interface ToolUseBlock {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  readonly input: unknown
}

/** Loads a user's tools for `messages.create`. `run` carries out one block of the model and returns the block that answers it. */
export async function anthropicTools(valetkey: Valetkey, options: AgentOptions) {
  const { definitions, run } = await loadAgentTools(valetkey, options, 'STANDARD')
  return {
    tools: definitions.map(({ name, description, inputSchema }) => ({
      name,
      description,
      input_schema: inputSchema as { type: 'object'; [key: string]: unknown },
    })),
    async run(block: ToolUseBlock, { signal }: Cancellable = {}) {
      const content = await run(block.name, block.input, { callId: block.id, signal })
      const isError = content.startsWith('Error: ')
      return { type: 'tool_result' as const, tool_use_id: block.id, content, ...(isError && { is_error: true }) }
    },
  }
}
