/*
 * `valetkey/ai`: tools for the Vercel AI SDK. Needs `ai`.
 */
import { dynamicTool, jsonSchema, type ToolSet } from 'ai'
import { type AgentOptions, loadAgentTools } from './agent-tools.ts'
import type { Valetkey } from './valetkey.ts'

/**
 * Loads a user's tools for `generateText`, `streamText` or an agent. When the account needs its user, a tool fails with
 * AuthorizationRequired, which has the link.
 */
export async function aiTools(valetkey: Valetkey, options: AgentOptions): Promise<ToolSet> {
  const { definitions, run } = await loadAgentTools(valetkey, options, 'STANDARD')
  return Object.fromEntries(
    definitions.map(({ name, title, description, inputSchema }) => [
      name,
      dynamicTool({
        title,
        description,
        inputSchema: jsonSchema(inputSchema as Parameters<typeof jsonSchema>[0]),
        execute: (input, { toolCallId, abortSignal }) =>
          run(name, input, { callId: toolCallId, ...(abortSignal && { signal: abortSignal }) }),
      }),
    ]),
  )
}
