import { type McpRequestContext, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import { beginAuthorization } from '../accounts/authorization/begin-authorization.ts'
import type { AccountsContext } from '../accounts/context.ts'
import { findOAuthApp } from '../accounts/oauth-app-store.ts'
import { type Actor, actingAs } from '../audit/audit-log.ts'
import { actorOf, mayActOn, type Viewer } from '../environments/viewer.ts'
import { AccountNotActiveError, AccountNotFoundError, OAuthAppNotFoundError, ToolError } from '../errors.ts'
import { inputRules } from '../input-rules.ts'
import type { Log } from '../log.ts'
import { InsufficientScopeError, NarrowedCredentialError } from '../tools/admission.ts'
import type { ToolEngine } from '../tools/engine.ts'
import { modelSchema } from '../tools/json-schema.ts'
import type { OutputFormat } from '../tools/tool.ts'
import { visibleTools } from '../tools/visible-tools.ts'
import { logUnexpected } from '../unexpected-error.ts'
import { answerMcp } from './mcp-http.ts'
import { applicationMustAct, createMcpServer, type McpBackend, type McpOutcome } from './mcp-server.ts'
import { textForMcp, unknownConnectionText } from './mcp-text.ts'

/** Answers requests to `/mcp` for a viewer. */
export type McpEndpoint = (request: Request, viewer: Viewer, from: RequestOrigin) => Promise<Response>

/** Where a request comes from, for the audit log. */
type RequestOrigin = Pick<Actor, 'sourceAddress'> & { readonly requestId: string }

/** Whose tools a connection has, and how results look. */
interface Selection {
  readonly identifier: string
  readonly connectionName: string | null
  readonly set: ToolSet
  readonly outputFormat: OutputFormat
}

type ToolSet = 'DEFAULT' | 'ALL'

const sets: ReadonlyMap<string, ToolSet> = new Map([
  ['default', 'DEFAULT'],
  ['all', 'ALL'],
])

const formats: ReadonlyMap<string, OutputFormat> = new Map([
  ['markdown', 'MARKDOWN'],
  ['compact', 'COMPACT'],
  ['raw', 'RAW'],
])

/**
 * Creates the endpoint of the Model Context Protocol over streamable HTTP
 * (https://modelcontextprotocol.io/specification/2026-07-28/basic/transports). It is stateless: each request has a server of its
 * own, any node answers it, and clients of the revisions since 2025 are served too.
 *
 * The header `x-valetkey-identifier` names the user of your application whose account the tools work on, and
 * `x-valetkey-connection` the OAuth app. A key that is narrowed to one user
 * needs no name. `?tools=` is `default` or `all`; `?format=` is `markdown` (default), `compact` or `raw`.
 */
export function createMcpEndpoint(parts: {
  readonly accounts: AccountsContext
  readonly tools: ToolEngine
  readonly version: string
  readonly log: Log
}): McpEndpoint {
  const { accounts, tools, version, log } = parts
  return async (request, viewer, from) => {
    const selection = selectionOf(request, viewer)
    if (typeof selection === 'string') return Response.json({ error: selection }, { status: 400 })
    const backend = backendOf(actingAs(accounts, actorOf(viewer, from)), tools, viewer, selection)
    const report = (error: unknown) => {
      logUnexpected(log, error, { requestId: from.requestId, path: '/mcp' })
      return from.requestId
    }
    const createServer = (context: McpRequestContext) => createMcpServer(backend, version, context, report)
    return answerMcp(createServer, request, (err) =>
      log.debug({ err, requestId: from.requestId }, 'an MCP request failed'),
    )
  }
}

/** Returns what the request selects, or the sentence that refuses it. */
function selectionOf(request: Request, { narrowing }: Viewer): Selection | string {
  const { searchParams } = new URL(request.url)
  const [only = null, ...others] = narrowing.identifierPrefixes === null ? (narrowing.identifiers ?? []) : []
  const named = decodeHeader(request.headers.get('x-valetkey-identifier'))
  const identifier = named ?? (others.length === 0 ? only : null)
  const connectionName = request.headers.get('x-valetkey-connection')
  const format = searchParams.get('format') ?? 'markdown'
  const outputFormat = formats.get(format)
  if (identifier === null || !inputRules.identifier.safeParse(identifier).success)
    return 'The header x-valetkey-identifier must name the user: 1 to 512 characters, percent-encoded as by encodeURIComponent.'
  if (connectionName !== null && !inputRules.connectionName.safeParse(connectionName).success)
    return 'The header x-valetkey-connection must be the connection name of an OAuth app.'
  if (outputFormat === undefined) return 'The parameter format must be markdown, compact or raw.'
  const set = sets.get(searchParams.get('tools') ?? 'default')
  if (set === undefined) return 'The parameter tools must be default or all.'
  return { identifier, connectionName, set, outputFormat }
}

/** Headers hold Latin-1 only, so that other characters are percent-encoded. Empty where they are not: it names no user. */
function decodeHeader(value: string | null): string | null {
  if (value === null) return null
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}

function backendOf(accounts: AccountsContext, tools: ToolEngine, viewer: Viewer, selection: Selection): McpBackend {
  const { identifier, connectionName, set, outputFormat } = selection
  return {
    list: async () => {
      if (!mayActOn(viewer, { identifier }))
        throw new ProtocolError(ProtocolErrorCode.InvalidRequest, new NarrowedCredentialError().message)
      const found = await visibleTools({ db: accounts.db, catalogue: tools.catalogue }, viewer, connectionName, { set })
      return found.map((tool) => ({ ...tool, inputSchema: modelSchema(tool, 'STANDARD') }))
    },
    async call({ name, input, idempotencyKey, signal }): Promise<McpOutcome> {
      const request = { connectionName, identifier, toolName: name, toolInput: input, idempotencyKey, outputFormat }
      try {
        return { kind: 'result', data: (await tools.executeTool(viewer, request, signal)).data }
      } catch (error) {
        if (error instanceof InsufficientScopeError || error instanceof NarrowedCredentialError)
          return { kind: 'error', text: `Error: ${error.message}` }
        if (!(error instanceof ToolError)) throw error
        const text = textForMcp(error, { withKey: idempotencyKey !== null })
        if (error.name === 'UnknownToolError') return { kind: 'unknown_tool', text }
        const connection = connectionName ?? tools.catalogue.find(name)?.connector ?? ''
        if (error instanceof AccountNotFoundError) {
          if (!(await findOAuthApp(accounts.db, viewer.environmentId, connection)))
            return { kind: 'error', text: unknownConnectionText(new OAuthAppNotFoundError(connection).message) }
        } else if (error.userAction !== 'REAUTHORIZE')
          return error instanceof AccountNotActiveError ? applicationMustAct(error.message) : { kind: 'error', text }
        const link = await linkFor(accounts, viewer, identifier, connection)
        return { kind: 'authorization_required', text: `Error: ${error.message}`, link }
      }
    },
  }
}

/** Returns a link for the user, where the credential may make one. */
async function linkFor(accounts: AccountsContext, viewer: Viewer, identifier: string, connectionName: string) {
  if (!viewer.scopes.has('ACCOUNTS_AUTHORIZE') || !mayActOn(viewer, { connectionName, identifier })) return null
  const request = { returnUrl: null, state: null, expectedResources: [], allowUserChange: false }
  try {
    return (await beginAuthorization(accounts, viewer.environmentId, { ...request, identifier, connectionName })).link
  } catch (error) {
    if (error instanceof OAuthAppNotFoundError) return null
    throw error
  }
}
