import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConnectedAccount } from '../accounts/connected-account.ts'
import { fetchFromProvider } from '../provider-http.ts'
import { createSandbox } from '../sandbox/sandbox.ts'
import type { Connector } from '../tools/connector.ts'
import { checkInput } from '../tools/input.ts'
import { defaultToolLimits } from '../tools/limits.ts'
import { capResult } from '../tools/result-cap.ts'
import type { AnyTool, OutputFormat, RatePolicy, ToolCall } from '../tools/tool.ts'
import { exampleLimits, type ToolExample, type ToolExamples } from '../tools/tool-example.ts'
import { Secret } from '../vault/secret.ts'
import { type ExampleCall, exampleCalls, made } from './example-calls.ts'

/** The time in every example. */
const now = new Date('2026-07-01T09:00:00Z')

/** Where the sandbox of a server with default settings is. */
const publicUrl = 'http://localhost:4000/sandbox'

/**
 * Returns an example of each tool of a connector: real calls to the sandbox, whose time and random bytes are fixed, so that they
 * return the same every time. Throws when a tool has no example, or its call fails.
 */
export async function makeToolExamples(connector: Connector): Promise<ToolExamples> {
  const { length } = connector.createTools({ fetch: fetchFromProvider, now: () => now.getTime() })
  const examples: Record<string, ToolExample> = {}
  for (let index = 0; index < length; index++) {
    // New tools for each example, since they remember what they read.
    const tool = connector.createTools({ fetch: fetchFromProvider, now: () => now.getTime() })[index]
    if (tool === undefined) break
    const call = exampleCalls[tool.name]
    if (call === undefined) throw new Error(`${tool.name} has no example. Add one to src/reference/example-calls.ts.`)
    examples[tool.name] = await exampleOf(tool, connector.rate, call).catch((error: unknown) => {
      throw new Error(`The example of ${tool.name} fails.`, { cause: error })
    })
  }
  return examples
}

/** Returns the module of a connector that exports its examples. */
export const toolExamplesModule = (
  examples: ToolExamples,
): string => `/* Made from calls to the sandbox by npm run schema. */
import type { ToolExamples } from '../tools/tool-example.ts'

/** An example of each tool. */
export const toolExamples: ToolExamples = ${JSON.stringify(examples, null, 2)}
`

async function exampleOf(tool: AnyTool, rate: RatePolicy, { input: given, before }: ExampleCall): Promise<ToolExample> {
  await using sandbox = await startSandbox(tool.name)
  const token = await sandbox.consent()
  const id = before === undefined ? '' : await sandbox.prepare(token, before)
  const input: unknown = JSON.parse(JSON.stringify(given).replaceAll(made, id))
  const checked = checkInput(tool, input)
  const body: unknown = await tool.run(callWith(sandbox.url, rate, token), checked.value)
  const resultIn = (format: OutputFormat) =>
    shortened(capResult(tool, format, body, checked.value, defaultToolLimits.resultBytes).data)
  return {
    input: JSON.stringify(input, null, 2),
    results: { RAW: resultIn('RAW'), COMPACT: resultIn('COMPACT'), MARKDOWN: resultIn('MARKDOWN') },
  }
}

/** Returns the first lines of a result, and how many more there are. */
function shortened(data: unknown): string {
  const text = typeof data === 'string' ? data.trimEnd() : JSON.stringify(data, null, 2)
  const lines = text.split('\n')
  const shown = lines
    .slice(0, exampleLimits.lines)
    .map((line) => (line.length > exampleLimits.characters ? `${line.slice(0, exampleLimits.characters)} …` : line))
  const rest = lines.length - shown.length
  return [...shown, ...(rest > 0 ? [`… ${rest} more ${rest === 1 ? 'line' : 'lines'}`] : [])].join('\n')
}

/** Starts a sandbox whose random bytes depend on `seed` alone. */
async function startSandbox(seed: string) {
  let count = 0
  const random = (length: number) =>
    createHash('shake256', { outputLength: length }).update(`${seed} ${++count}`).digest()
  const sandbox = await createSandbox({
    basePath: '',
    publicUrl: () => publicUrl,
    control: false,
    clock: () => now,
    random,
  })
  const server = createServer((request, response) => sandbox.handle(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const send = async (path: string, method: string, authorization: string, body: object) => {
    const headers = { authorization, 'content-type': 'application/json', 'notion-version': '2026-03-11' }
    const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`${seed}: ${method} ${path} failed: ${await response.text()}`)
    return (await response.json()) as { readonly id?: string; readonly [field: string]: unknown }
  }
  return {
    url,
    /** Returns the access token of the first user, for everything. */
    async consent(): Promise<Secret> {
      const redirect_uri = 'http://localhost:4000/oauth/callback/notion'
      const query = new URLSearchParams({ client_id: 'documentation', response_type: 'code', redirect_uri }).toString()
      const consented = await fetch(`${url}/v1/oauth/authorize?${query}`, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ decision: 'allow', resources: 'all', user: 'owner@acme.test' }),
      })
      const code = new URL(consented.headers.get('location') ?? '').searchParams.get('code')
      const client = `Basic ${Buffer.from('documentation:secret').toString('base64')}`
      const grant = { grant_type: 'authorization_code', code, redirect_uri }
      return new Secret(String((await send('/v1/oauth/token', 'POST', client, grant))['access_token']))
    },
    /** Sends a request, and returns the ID of what it made. */
    async prepare(token: Secret, { method, path, body }: NonNullable<ExampleCall['before']>): Promise<string> {
      const answer = await send(path, method, `Bearer ${token.reveal()}`, body)
      const [first] = (answer['results'] ?? []) as readonly { readonly id: string }[]
      return first?.id ?? answer.id ?? ''
    },
    async [Symbol.asyncDispose]() {
      server.close()
      await sandbox.close()
      server.closeAllConnections()
    },
  }
}

/** A call that sends each request once: the sandbox has neither limits nor failures here. */
const callWith = (apiUrl: string, rate: RatePolicy, token: Secret): ToolCall => ({
  account,
  apiUrl,
  rate,
  signal: new AbortController().signal,
  send: async (_kind, request) => (await request(token, new AbortController().signal)).body,
})

/** The account of all examples, with the fields that tools read. */
const account = {
  id: 'account',
  environmentId: 'environment',
  connectionName: 'notion',
  appCapabilities: [],
  grant: { id: 'grant', workspaceId: 'workspace', capabilities: [], deniedCapabilities: [] },
} as unknown as ConnectedAccount
