import { ApprovalRequiredError, RequestError, ToolError } from './errors.ts'
import type { Cancellable, ExecuteOptions, ToolDefinition, ToolSelection } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** Whose account an agent's tools work on, which tools it gets, and how results look. */
export interface AgentOptions extends Omit<ToolSelection, 'dialect' | 'signal' | 'identifier'> {
  readonly identifier: string
  /** Default: MARKDOWN. */
  readonly outputFormat?: ExecuteOptions['outputFormat']
  /** Whether to offer only tools that can work for the account as far as is known. Default: false. */
  readonly onlyAvailable?: boolean
}

/** Tools of one user's account, for an agent. */
export interface AgentTools {
  readonly definitions: readonly ToolDefinition[]
  /**
   * Runs a call of the model and returns what the model reads: the result, or an error with its hint. `callId` is the id of
   * the model's tool call: a write under it happens once, also when the agent repeats the call after a failure.
   *
   * Throws AuthorizationRequired (show its link to the user, then run the call again), and errors of the connection.
   */
  run(name: string, input: unknown, call?: { readonly callId?: string | undefined } & Cancellable): Promise<string>
}

/** For models, at the end of the description of a tool whose calls need an approval. */
const approvalNote = 'A person must approve each call before it runs.'

/** Calls that wait for an approval and are remembered. The server has fewer for each account. */
const maxWaiting = 100

/** Names in the text for a model that called an unknown tool. */
const maxNames = 50

/** Loads an agent's tools with their schemas in a dialect. */
export async function loadAgentTools(
  valetkey: Valetkey,
  options: AgentOptions,
  dialect: NonNullable<ToolSelection['dialect']>,
): Promise<AgentTools> {
  const { identifier, outputFormat = 'MARKDOWN', onlyAvailable = false, ...selection } = options
  const definitions = await valetkey.tools({ ...selection, dialect, ...(onlyAvailable && { identifier }) })
  const { connectionName } = options
  const names = definitions.map((tool) => tool.name)
  /** The idempotency keys of calls that wait for an approval: the model repeats them under another call ID. */
  const waiting = new Map<string, string>()
  return {
    definitions: definitions.map((tool) =>
      tool.requiresApproval ? { ...tool, description: `${tool.description} ${approvalNote}` } : tool,
    ),
    async run(name, input, { callId, signal } = {}) {
      if (!names.includes(name)) return unknownTool(name, names)
      if (typeof input !== 'object' || input === null || Array.isArray(input))
        return 'Error: The input must be an object.'
      const sameCall = JSON.stringify([name, input])
      const idempotencyKey =
        waiting.get(sameCall) ?? (callId === undefined ? crypto.randomUUID() : `${callId}:${name}`.slice(0, 255))
      waiting.delete(sameCall)
      try {
        const { data } = await valetkey.execute(name, input as Record<string, unknown>, {
          identifier,
          outputFormat,
          connectionName,
          idempotencyKey,
          signal,
        })
        return typeof data === 'string' ? data : JSON.stringify(data)
      } catch (error) {
        if (error instanceof ApprovalRequiredError) {
          if (waiting.size >= maxWaiting) waiting.clear()
          waiting.set(sameCall, idempotencyKey)
        }
        if (error instanceof ToolError) return error.forModel()
        // A name that is too long or not a tool's is refused as a whole.
        if (error instanceof RequestError && error.code === 'BAD_USER_INPUT') return `Error: ${error.message}`
        throw error
      }
    },
  }
}

/** Returns what a model reads that called a tool it was not offered. */
function unknownTool(name: string, names: readonly string[]): string {
  const listed = names.slice(0, maxNames).map((each) => `"${each}"`)
  if (names.length > maxNames) listed.push('…')
  return `Error: unknown tool "${name.slice(0, 100)}". Available tools: ${listed.join(', ') || 'none'}.`
}

/** Parses the arguments that a model wrote; undefined where they are not JSON. */
export function parseArguments(text: string): unknown {
  try {
    return text.trim() === '' ? {} : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}
