import type { Capability } from '../../src/accounts/capability.ts'
import type { ConnectedAccount, GrantSummary } from '../../src/accounts/connected-account.ts'
import { InvalidToolInputError, OutcomeUnknownError, ProviderError, RateLimitedError } from '../../src/errors.ts'
import { notionCapabilities as described } from '../../src/notion/capabilities.ts'
import { notionTools } from '../../src/notion/tools.ts'
import { type Fetch, fetchFromProvider } from '../../src/provider-http.ts'
import { checkInput, withinInput } from '../../src/tools/input.ts'
import { type AnyTool, Retryable, type ToolCall } from '../../src/tools/tool.ts'
import { Secret } from '../../src/vault/secret.ts'

const capabilities = Object.keys(described) as Capability[]

/** An account as a tool sees it. */
export function testAccount(
  overrides: Partial<ConnectedAccount> = {},
  grant: Partial<GrantSummary> = {},
): ConnectedAccount {
  const at = new Date('2026-07-01T00:00:00Z')
  return {
    id: 'account-1',
    environmentId: 'environment-1',
    oauthAppId: 'app-1',
    connectionName: 'notion',
    connector: 'notion',
    sandbox: true,
    appCapabilities: capabilities,
    appScopes: [],
    appRawRequests: true,
    appContentSearch: false,
    appToolPolicy: null,
    appRejection: null,
    identifier: 'user-1',
    status: 'ACTIVE',
    statusReason: 'AUTHORIZED',
    missingResources: [],
    metadata: {},
    createdAt: at,
    authorizedAt: at,
    lastUsedAt: null,
    binding: null,
    ...overrides,
    grant: {
      id: 'grant-1',
      version: 1,
      providerUserId: 'user',
      workspaceId: 'workspace-1',
      workspaceName: null,
      workspaceIconUrl: null,
      ownerName: null,
      ownerEmail: null,
      capabilities,
      deniedCapabilities: [],
      requestedScopes: [],
      scopes: [],
      issuedAt: at,
      expiresAt: null,
      lastVerifiedAt: null,
      ...grant,
    },
  }
}

/** A call that sends each request once and turns failures into errors as the pipeline does at the end. */
export function testCall(
  apiUrl: string,
  token: string,
  account = testAccount(),
  signal: AbortSignal = new AbortController().signal,
): ToolCall {
  return {
    account,
    apiUrl,
    // As much as a test needs.
    rate: { requests: 1_000_000, perMs: 60_000 },
    signal,
    async send(kind, request) {
      try {
        return (await request(new Secret(token), signal)).body
      } catch (error) {
        if (!(error instanceof Retryable)) throw error
        if (error.rateLimited) throw new RateLimitedError(error.retryAfterMs ?? 1000)
        if (kind === 'write' && error.mayHaveWritten) throw new OutcomeUnknownError(error.message)
        const { status, code, requestId, retryAfterMs } = error
        throw new ProviderError(error.message, { status, code, requestId, retryAfterMs, retryable: true })
      }
    },
  }
}

/** The tools over one client and one memory, by name, with the check of inputs that every entrance makes. */
export interface Toolbox {
  readonly tools: readonly AnyTool[]
  tool(name: string): AnyTool
  /** Checks the input and runs the tool. */
  run(name: string, call: ToolCall, input: unknown): Promise<Record<string, unknown>>
}

/** A fresh set of tools; `now` for those that need a clock of their own. */
export function toolbox(now: () => number = Date.now, fetch: Fetch = fetchFromProvider): Toolbox {
  const tools = notionTools({ fetch, now })
  const tool = (name: string) => {
    const found = tools.find((one) => one.name === name)
    if (found === undefined) throw new Error(`unknown tool ${name}`)
    return found
  }
  return {
    tools,
    tool,
    async run(name, call, input) {
      const one = tool(name)
      const { value, normalized } = checkInput(one, input)
      try {
        return (await one.run(call, value)) as Record<string, unknown>
      } catch (error) {
        if (!(error instanceof InvalidToolInputError)) throw error
        throw new InvalidToolInputError(withinInput(error.issues, normalized), error.hint)
      }
    },
  }
}
