import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { APIResponseError, Client, LogLevel } from '@notionhq/client'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { type Consent, type RunningSandbox, startSandbox, type TestClient, testClient } from '../support.ts'

/** API versions that the tests compare. */
export const versions = ['2025-09-03', '2026-03-11'] as const

export type Version = (typeof versions)[number]

/** The official client, configured for one user and version. */
export interface Connection {
  readonly client: Client
  readonly token: string
  readonly version: Version
  /** A page for this connection only, so that tests do not affect each other. */
  readonly pageId: string
}

/** A sandbox that tests call with the official client. */
export interface Notion {
  readonly sandbox: RunningSandbox
  /** The address that the client uses: the sandbox, or a proxy in front of it. */
  readonly url: string
  connect(version?: Version, consent?: Consent, client?: TestClient): Promise<Connection>
  close(): Promise<void>
}

interface Proxy {
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts a checking proxy between the client and the sandbox when NOTION_CHECK_PROXY is set: the path of a program that
 * accepts `--target`, `--port 0` and `--report` and prints its address. NOTION_CHECK_REPORTS is the directory for its
 * reports. Returns undefined when NOTION_CHECK_PROXY is not set.
 */
async function startProxy(target: string): Promise<Proxy | undefined> {
  const program = process.env.NOTION_CHECK_PROXY
  if (program === undefined || program === '') return undefined
  const directory = mkdtempSync(join(process.env.NOTION_CHECK_REPORTS ?? tmpdir(), 'notion-check-'))
  const args = [program, '--target', target, '--port', '0', '--report', join(directory, 'report.json')]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [first] = (await once(lines, 'line')) as [string]
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(first)?.[0]
  if (url === undefined) throw new Error(`the proxy did not print its address: ${first}`)
  return {
    url,
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** Starts a sandbox with a rate limit that tests do not reach. */
export async function startNotion(options: Parameters<typeof startSandbox>[0] = {}): Promise<Notion> {
  const sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000, ...options })
  const proxy = await startProxy(sandbox.url)
  const url = proxy?.url ?? sandbox.url
  return {
    sandbox,
    url,
    async connect(version = '2026-03-11', consent = {}, oauth = testClient) {
      const { access_token: token } = await sandbox.connect(consent, oauth)
      const client = new Client({
        auth: token,
        baseUrl: url,
        notionVersion: version,
        retry: false,
        logLevel: LogLevel.ERROR,
        logger: () => {},
      })
      const page = await client.pages.create({
        parent: { page_id: acme.product },
        properties: { title: { title: [{ text: { content: `Scratch ${version}` } }] } },
      })
      return { client, token, version, pageId: page.id }
    },
    async close() {
      await proxy?.close()
      await sandbox.close()
    },
  }
}

/** The answer of a refused call. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Returns the refusal of a call. Throws an Error when the call succeeds. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call
  } catch (error) {
    if (error instanceof APIResponseError) return { status: error.status, code: error.code, message: error.message }
    throw error
  }
  throw new Error('the call was expected to be refused')
}

/** Returns a 400 `validation_error` with this message. */
export function invalid(message: string): Refusal {
  return { status: 400, code: 'validation_error', message }
}

/** Returns rich text with one plain element. */
export function text(content: string) {
  return [{ type: 'text' as const, text: { content } }]
}

/** An answer as plain properties, without the unions of the SDK's types. */
export type Loose = Record<string, unknown> & { readonly id: string }

/** Returns the answer with the type of plain properties. */
export function loose(answer: unknown): Loose {
  return answer as Loose
}

/** Returns the value at a path such as `properties.Name.title.0.plain_text`. */
export function at(answer: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined | null)?.[key], answer)
}
