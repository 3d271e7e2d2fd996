import { randomUUID } from 'node:crypto'
import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import {
  AccountNotActiveError,
  AccountNotFoundError,
  OAuthAppNotFoundError,
  RequestError,
  ToolError,
  UnknownToolError,
  ValetkeyError,
} from '../client/errors.ts'
import { Valetkey } from '../client/valetkey.ts'
import { inputRules } from '../input-rules.ts'
import { createLog } from '../log.ts'
import { applicationMustAct, createMcpServer, type McpBackend, type McpOutcome } from '../mcp/mcp-server.ts'
import { textForMcp, unknownConnectionText } from '../mcp/mcp-text.ts'
import { readVersion } from '../package-files.ts'
import { logUnexpected } from '../unexpected-error.ts'
import { UsageError } from './command.ts'
import { AnsweringTransport } from './mcp-stdio.ts'

/** Options of `mcp`, as the command line has them. */
export interface McpOptions {
  readonly url: string | undefined
  readonly apiKey: string | undefined
  readonly identifier: string | undefined
  readonly connection: string | undefined
  readonly tools: string | undefined
  readonly format: string | undefined
}

const formats = { markdown: 'MARKDOWN', compact: 'COMPACT', raw: 'RAW' } as const

/**
 * `mcp`: serves a user's tools over stdin and stdout, for MCP hosts that start their servers themselves. The tools run on the
 * Valetkey server at `url`. Resolves when the host has closed stdin and pending calls are answered, for up to 5 s.
 */
export async function mcpCommand(options: McpOptions): Promise<void> {
  const { url, apiKey, identifier, connection, tools = 'default', format = 'markdown' } = options
  if (identifier === undefined || !inputRules.identifier.safeParse(identifier).success)
    throw new UsageError('mcp requires --identifier, the ID of the user: 1 to 512 characters')
  if (connection !== undefined && !inputRules.connectionName.safeParse(connection).success)
    throw new UsageError('mcp requires --connection to be the connection name of an OAuth app')
  if (url === undefined || !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new UsageError('mcp requires VALETKEY_URL, the http or https URL of the Valetkey server')
  // What a header cannot hold would fail with each request. The message must not contain it.
  if (apiKey === undefined || !/^[\x21-\x7e]+$/.test(apiKey))
    throw new UsageError('mcp requires VALETKEY_API_KEY, an API key of the Valetkey server, without spaces')
  if (tools !== 'default' && tools !== 'all') throw new UsageError('--tools must be default or all')
  if (!Object.hasOwn(formats, format)) throw new UsageError('--format must be markdown, compact or raw')
  const outputFormat = formats[format as keyof typeof formats]
  const valetkey = new Valetkey({ url, apiKey })
  const named = connection === undefined ? {} : { connectionName: connection }
  const account = { identifier, ...named }
  // Tools whose calls have needed an approval.
  const supervised = new Set<string>()
  /**
   * Returns null for a tool whose calls need an approval: without a key, the server recognizes a call that was approved by its
   * input, from any process. Other calls have a key of their own, under which they are repeated after a failure of the
   * connection. The tool is looked up for each call, as policies change while a host is connected.
   */
  const keyFor = async (name: string, signal: AbortSignal): Promise<string | null> => {
    if (supervised.has(name)) return null
    const [tool] = await valetkey.tools({ ...named, names: [name], signal })
    if (tool?.requiresApproval) supervised.add(name)
    return supervised.has(name) ? null : randomUUID()
  }
  const backend: McpBackend = {
    async list() {
      try {
        return await valetkey.tools({ ...named, set: tools === 'all' ? 'ALL' : 'DEFAULT' })
      } catch (error) {
        if (!(error instanceof ValetkeyError)) throw error
        throw new ProtocolError(ProtocolErrorCode.InternalError, textOf(error))
      }
    },
    async call({ name, input, idempotencyKey, signal }): Promise<McpOutcome> {
      const call = { ...account, outputFormat, signal, authorizationLinks: false }
      try {
        const key = idempotencyKey ?? (await keyFor(name, signal))
        const toolInput = input as Record<string, unknown>
        const { data } = await valetkey.execute(name, toolInput, { ...call, idempotencyKey: key })
        return { kind: 'result', data }
      } catch (error) {
        const needsUser = error instanceof ToolError && error.userAction === 'REAUTHORIZE'
        if (needsUser || error instanceof AccountNotFoundError) return await askForUser(valetkey, account, error)
        if (error instanceof AccountNotActiveError) return applicationMustAct(error.message)
        return outcomeOf(error, { withKey: idempotencyKey !== null })
      }
    },
  }
  const version = readVersion()
  // Hosts collect what their servers write to stderr; stdout is the protocol's.
  const log = createLog('error', process.stderr)
  const report = (error: unknown) => {
    const requestId = randomUUID()
    logUnexpected(log, error, { requestId })
    return requestId
  }
  const transport = new AnsweringTransport()
  const served = serveStdio((context) => createMcpServer(backend, version, context, report), { transport })
  transport.follow()
  await new Promise<void>((closed) => process.stdin.once('close', closed))
  await transport.answered()
  await served.close()
}

/** Returns the outcome for an account that needs its user, with a link where the API key may make one. */
async function askForUser(
  valetkey: Valetkey,
  { identifier, ...connection }: { readonly identifier: string; readonly connectionName?: string },
  { message }: ToolError,
): Promise<McpOutcome> {
  const text = `Error: ${message}`
  try {
    const { link } = await valetkey.authorize(identifier, connection)
    return { kind: 'authorization_required', text, link }
  } catch (error) {
    if (error instanceof RequestError && error.code === 'FORBIDDEN')
      return { kind: 'authorization_required', text, link: null }
    return outcomeOf(error, { withKey: false })
  }
}

function outcomeOf(error: unknown, passed: { readonly withKey: boolean }): McpOutcome {
  if (error instanceof UnknownToolError) return { kind: 'unknown_tool', text: error.forModel() }
  if (error instanceof ToolError) return { kind: 'error', text: textForMcp(error, passed) }
  if (error instanceof OAuthAppNotFoundError) return { kind: 'error', text: unknownConnectionText(error.message) }
  if (error instanceof ValetkeyError) return { kind: 'error', text: `Error: ${textOf(error)}` }
  throw error
}

/** The codes of failures whose details are in the log of the server alone. */
const hiddenCodes: ReadonlySet<string | null> = new Set(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE'])

/** The message of a failure of the client, with the ID under which the log of the server at `url` has more. */
const textOf = (error: ValetkeyError) =>
  error instanceof RequestError && hiddenCodes.has(error.code) && error.requestId !== null
    ? `${error.message} Request id: ${error.requestId}`
    : error.message
