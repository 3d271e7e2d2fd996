/*
 * `valetkey/openai`: tools for OpenAI's Chat Completions and Responses APIs, in strict mode.
 */
import { type AgentOptions, loadAgentTools, parseArguments } from './agent-tools.ts'
import type { Cancellable } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** A tool call of Chat Completions. One without `function`, a custom tool call, is answered with an error for the model. */
export interface ChatToolCall {
  readonly id: string
  readonly function?: { readonly name: string; readonly arguments: string }
}

/** A `function_call` item of the Responses API. */
export interface ResponsesFunctionCall {
  readonly type: 'function_call'
  readonly call_id: string
  readonly name: string
  readonly arguments: string
}

/**
 * Loads a user's tools. `tools` is for `chat.completions.create`, `responsesTools` for `responses.create`. `run` carries out one
 * call of the model and returns the message, or the item, that answers it.
 */
export async function openaiTools(valetkey: Valetkey, options: AgentOptions) {
  const { definitions, run } = await loadAgentTools(valetkey, options, 'OPENAI_STRICT')
  const functions = definitions.map(({ name, description, inputSchema }) => ({
    name,
    description,
    parameters: inputSchema as Record<string, unknown>,
    strict: true as const,
  }))
  return {
    tools: functions.map((each) => ({ type: 'function' as const, function: each })),
    responsesTools: functions.map((each) => ({ type: 'function' as const, ...each })),
    async run(call: ChatToolCall, { signal }: Cancellable = {}) {
      const { name, arguments: text } = call.function ?? {}
      const content =
        name === undefined || text === undefined
          ? 'Error: The call must be a function call. Custom tools are not supported.'
          : await run(name, parseArguments(text), { callId: call.id, signal })
      return { role: 'tool' as const, tool_call_id: call.id, content }
    },
    async runResponses(call: ResponsesFunctionCall, { signal }: Cancellable = {}) {
      const input = parseArguments(call.arguments)
      const output = await run(call.name, input, { callId: call.call_id, signal })
      return { type: 'function_call_output' as const, call_id: call.call_id, output }
    },
  }
}
