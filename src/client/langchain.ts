/*
 * `valetkey/langchain`: tools for LangChain.js and LangGraph. Needs `@langchain/core`.
 */
import { type DynamicStructuredTool, tool } from '@langchain/core/tools'
import { type AgentOptions, loadAgentTools } from './agent-tools.ts'
import type { Valetkey } from './valetkey.ts'

/**
 * Loads a user's tools for `createAgent`, `bindTools` or a ToolNode. A tool throws AuthorizationRequired when the account needs
 * its user. `createAgent` shows errors of tools to the model: pass `onAuthorizationRequired` to show the link yourself, such as
 * by a LangGraph `interrupt`, whose resumption runs the call again.
 */
export async function getTools(
  valetkey: Valetkey,
  options: AgentOptions & { readonly onAuthorizationRequired?: (link: string) => unknown },
): Promise<DynamicStructuredTool[]> {
  const { onAuthorizationRequired, ...selection } = options
  const { definitions, run } = await loadAgentTools(valetkey, selection, 'STANDARD')
  return definitions.map(({ name, description, inputSchema }) =>
    tool(
      async (input: unknown, config?: { toolCall?: { id?: string }; signal?: AbortSignal }) => {
        const { toolCall, signal } = config ?? {}
        const call = () => run(name, input, { callId: toolCall?.id, signal })
        if (onAuthorizationRequired === undefined) return call()
        try {
          return await call()
        } catch (error) {
          if ((error as Error).name !== 'AuthorizationRequired') throw error
          await onAuthorizationRequired((error as Error & { link: string }).link)
          return call()
        }
      },
      // The model reads where its input is wrong.
      { name, description, schema: inputSchema as Record<string, unknown>, verboseParsingErrors: true },
    ),
  ) as DynamicStructuredTool[]
}
