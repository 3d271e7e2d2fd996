import { ApprovalRequiredError, InvalidInputError, RequestError, ToolError } from './errors.ts'
import type { Cancellable, ExecuteOptions, ToolDefinition, ToolSelection } from './types.ts'
import type { Valetkey } from './valetkey.ts'

/** Whose account an agent's tools work on, which tools it gets, and how results look. */
export interface AgentOptions extends Omit<ToolSelection, 'dialect' | 'signal' | 'identifier'> {
  readonly identifier: string
  /** Default: MARKDOWN. */
  readonly outputFormat?: ExecuteOptions['outputFormat']
  /** Whether to offer only tools that can work for the account as far as is known. Default: false. */
  readonly onlyAvailable?: boolean
  /**
   * Your ID of the conversation, as a part of all idempotency keys. Required where the provider's IDs of tool calls repeat
   * between conversations: they must otherwise be unique for the account within 24 hours.
   */
  readonly conversation?: string
}

/** Tools of one user's account, for an agent. */
export interface AgentTools {
  readonly definitions: readonly ToolDefinition[]
  /**
   * Runs a call of the model and returns what the model reads: the result, or an error with its hint. `callId` is the id of
   * the model's tool call: a write under it, with the same name and input, happens once, also when the agent repeats the call
   * after a failure. Without an ID, each call is a write of its own. A name that is not one of `definitions` is refused.
   *
   * Throws AuthorizationRequired (show its link to the user, then run the call again), and errors of the connection.
   */
  run(
    name: string,
    input: unknown,
    call?: { readonly callId?: string | null | undefined } & Cancellable,
  ): Promise<string>
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
  const { identifier, outputFormat = 'MARKDOWN', onlyAvailable = false, conversation = '', ...selection } = options
  const definitions = await valetkey.tools({ ...selection, dialect, ...(onlyAvailable && { identifier }) })
  const { connectionName } = options
  const offered = new Map(definitions.map((tool) => [tool.name, tool]))
  /**
   * The idempotency keys of calls that need an approval since the tools were loaded, by name and input: the model repeats
   * them under another call ID.
   */
  const waiting = new Map<string, string>()
  return {
    definitions: definitions.map((tool) =>
      tool.requiresApproval ? { ...tool, description: `${tool.description} ${approvalNote}` } : tool,
    ),
    async run(name, input, { callId, signal } = {}) {
      const tool = offered.get(name)
      if (tool === undefined) return unknownTool(name, [...offered.keys()])
      if (typeof input !== 'object' || input === null || Array.isArray(input))
        return 'Error: The input must be an object.'
      const call = canonicalJson([name, input])
      // Without a key, the server recognizes a call that was approved by its input, from any process and under any call ID.
      const idempotencyKey = tool.requiresApproval
        ? null
        : (waiting.get(call) ?? keyOf(callId, conversation, name, call))
      try {
        const { data } = await valetkey.execute(name, input as Record<string, unknown>, {
          identifier,
          outputFormat,
          connectionName,
          idempotencyKey,
          signal,
        })
        waiting.delete(call)
        return typeof data === 'string' ? data : JSON.stringify(data)
      } catch (error) {
        if (!(error instanceof ApprovalRequiredError)) {
          // After other failures, such as of the connection, the call may still wait.
          if (error instanceof ToolError) waiting.delete(call)
        } else if (error.idempotencyKey !== null) {
          const [oldest] = waiting.keys()
          if (oldest !== undefined && waiting.size >= maxWaiting) waiting.delete(oldest)
          waiting.set(call, error.idempotencyKey)
        }
        if (error instanceof ToolError) return error.forModel()
        // What is not an input of a tool at all is refused as a whole.
        if (error instanceof InvalidInputError || (error instanceof RequestError && isRefusedInput(error)))
          return `Error: ${error.message}`
        throw error
      }
    },
  }
}

const isRefusedInput = ({ code, status }: RequestError) => code === 'BAD_USER_INPUT' || status === 413

/** Returns what a model reads that called a tool it was not offered. */
function unknownTool(name: string, names: readonly string[]): string {
  const listed = names.slice(0, maxNames).map((each) => `"${each}"`)
  if (names.length > maxNames) listed.push('…')
  return `Error: unknown tool "${name.slice(0, 100)}". Available tools: ${listed.join(', ') || 'none'}.`
}

/** Returns the idempotency key of a call. IDs of any length and characters have keys that the server accepts. */
function keyOf(
  callId: string | null | undefined,
  conversation: string,
  name: string,
  call: string,
): string | undefined {
  if (callId === undefined || callId === null || callId === '') return undefined
  // The ID itself is for people who read the key; the hash is what differs.
  const readable = callId.replace(/[^!-~]/g, '').slice(0, 100)
  return `${readable}:${name.slice(0, 100)}:${hash(JSON.stringify([conversation, callId, call]))}`
}

/** Returns JSON that is the same for all orders of properties. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )
}

/**
 * Returns the FNV-1a hash of 64 bits, which distinguishes inputs and protects nothing: `crypto.subtle` is missing in some runtimes.
 *
 * @see https://datatracker.ietf.org/doc/draft-eastlake-fnv/
 */
function hash(text: string): string {
  let value = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n)
  return value.toString(36)
}

/** Parses the arguments that a model wrote; undefined where they are not JSON. */
export function parseArguments(text: string): unknown {
  try {
    return text.trim() === '' ? {} : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}
