import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import type { ToolCall } from '../../src/tools/tool.ts'
import { type Consent, type RunningSandbox, startSandbox, testClient } from '../sandbox/support.ts'
import { type Toolbox, testAccount, testCall, toolbox } from './support.ts'

/** A sandbox with an account that has consented, and the tools. */
export interface TestWorkspace {
  readonly sandbox: RunningSandbox
  readonly box: Toolbox
  readonly call: ToolCall
  /** Runs a tool for the account. */
  run(name: string, input: unknown): Promise<Record<string, unknown>>
  /** Another account, by a consent of its own. */
  connect(consent: Consent, account?: Partial<ConnectedAccount>, grantId?: string): Promise<ToolCall>
  /** The requests that reached the sandbox's API, as "METHOD /path". */
  requests(): Promise<readonly string[]>
  close(): Promise<void>
}

/**
 * Starts it. Where the variable NOTION_CHECK_PROXY names the script of a proxy that checks a conversation with Notion
 * against the official description, everything goes through it, and {@link TestWorkspace.close} fails if a request of
 * ours contradicted the description and was not meant to be refused.
 */
export async function startWorkspace(consent: Consent = {}): Promise<TestWorkspace> {
  const sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
  const proxy = await startProxy(sandbox.url)
  const apiUrl = proxy?.url ?? sandbox.url
  const box = toolbox()
  async function connect(how: Consent, overrides: Partial<ConnectedAccount> = {}, grantId = 'grant-1') {
    const client = how.clientId === undefined ? testClient : { id: how.clientId, secret: 'a-secret' }
    const tokens = await sandbox.connect(how, client)
    const account = testAccount(overrides, { id: grantId, workspaceId: tokens.workspace_id })
    return testCall(apiUrl, tokens.access_token, account)
  }
  const call = await connect(consent)
  return {
    sandbox,
    box,
    call,
    connect,
    run: (name, input) => box.run(name, call, input),
    async requests() {
      const log = await sandbox.log()
      return log.filter(({ path }) => !path.includes('/oauth/')).map(({ method, path }) => `${method} ${path}`)
    },
    async close() {
      await proxy?.stop()
      await sandbox.close()
    },
  }
}

interface Violation {
  readonly operation: string
  readonly direction: string
  readonly message: string
  readonly path: string
  readonly count: number
}

async function startProxy(target: string): Promise<{ readonly url: string; stop(): Promise<void> } | null> {
  const script = process.env.NOTION_CHECK_PROXY
  if (!script) return null
  const child = spawn(process.execPath, [script, '--target', target, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('The checking proxy did not start.')))
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string]
  ended.catch(() => {})
  const url = line.split(' ')[0] ?? ''
  return {
    url,
    async stop() {
      const report = (await (await fetch(`${url}/__report`)).json()) as {
        operations: Record<string, { requests: number; responses: number }>
        violations: Violation[]
        unmatched: { operation: string; known: boolean; count: number }[]
      }
      child.kill('SIGTERM')
      const total = Object.values(report.operations).reduce((sum, { requests }) => sum + requests, 0)
      const ours = report.violations.filter(({ direction }) => direction === 'request')
      const unknown = report.unmatched.filter(({ known }) => !known)
      console.log(
        `checking proxy: ${total} requests in ${Object.keys(report.operations).length} operations, ` +
          `${ours.length} request violations, ${report.violations.length - ours.length} response violations, ` +
          `${unknown.length} unknown operations`,
      )
      if (ours.length + unknown.length > 0) {
        throw new Error(`The description of Notion's API was contradicted: ${JSON.stringify([...ours, ...unknown])}`)
      }
    },
  }
}

/** The error that a promise fails with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
    throw new Error('The thrown value is not an Error.')
  }
  throw new Error('It did not fail.')
}
