/*
 * `valetkey/mastra`: tools for agents of Mastra. Needs `@mastra/core`.
 */
import { createTool, type Tool } from '@mastra/core/tools'
import { type AgentOptions, loadAgentTools } from './agent-tools.ts'
import { AuthorizationRequired } from './errors.ts'
import type { Valetkey } from './valetkey.ts'

/** Options of {@link mastraTools}. */
export interface MastraOptions extends AgentOptions {
  /**
   * Whether a call for an account that needs its user suspends the run with `{ link }`. Resume the run, with any data, when
   * the account is active: the call is then made again. Default: false, the tool fails with AuthorizationRequired.
   */
  readonly suspend?: boolean
}

/** What a suspended run has for the application. */
const suspendSchema = {
  type: 'object',
  properties: { link: { type: 'string', description: 'Where the user connects the account' } },
  required: ['link'],
}

/** Loads a user's tools for the `tools` of an agent. */
export async function mastraTools(valetkey: Valetkey, options: MastraOptions): Promise<Record<string, Tool>> {
  const { suspend = false, ...selection } = options
  const { definitions, run } = await loadAgentTools(valetkey, selection, 'STANDARD')
  return Object.fromEntries(
    definitions.map(({ name, title, description, inputSchema }) => [
      name,
      createTool({
        id: name,
        title,
        description,
        inputSchema,
        ...(suspend && { suspendSchema, resumeSchema: {} }),
        async execute(input, { agent, abortSignal }) {
          try {
            return await run(name, input, { callId: agent?.toolCallId, signal: abortSignal })
          } catch (error) {
            if (!suspend || agent === undefined || !(error instanceof AuthorizationRequired)) throw error
            return agent.suspend({ link: error.link })
          }
        },
      }),
    ]),
  )
}
