/*
 * `valetkey/google`: tools for Gemini with `@google/genai`.
 */
import { type AgentOptions, loadAgentTools } from './agent-tools.ts'
import type { Cancellable } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** A function call of the model. */
export interface FunctionCall {
  readonly id?: string
  readonly name?: string
  readonly args?: Record<string, unknown>
}

/**
 * Loads a user's tools for `config.tools` of `generateContent`. `run` carries out one call of the model and returns the part
 * that answers it.
 */
export async function googleTools(valetkey: Valetkey, options: AgentOptions) {
  const { definitions, run } = await loadAgentTools(valetkey, options, 'GEMINI')
  return {
    tools: [
      {
        functionDeclarations: definitions.map(({ name, description, inputSchema }) => ({
          name,
          description,
          parametersJsonSchema: inputSchema as unknown,
        })),
      },
    ],
    async run(call: FunctionCall, { signal }: Cancellable = {}) {
      const { id, name = '', args = {} } = call
      const text = await run(name, args, { callId: id, signal })
      const response = text.startsWith('Error: ') ? { error: text.slice(7) } : { output: text }
      return { functionResponse: { name, response, ...(id !== undefined && { id }) } }
    },
  }
}
