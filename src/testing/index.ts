/*
 * `valetkey/testing`: a local Notion, and a Valetkey in front of it, for the tests of an application. Nothing leaves the
 * machine. Needs Node.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../app.ts'
import { Valetkey } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { startSandboxServer } from '../sandbox/server.ts'
import { consent, createVisitor } from './visitor.ts'

/** The name of an operation that controls a sandbox. `GET <url>/_control` describes each with its parameters. */
export type SandboxOperation =
  | 'reset'
  | 'seed'
  | 'revoke'
  | 'expire'
  | 'mode'
  | 'rateLimit'
  | 'capabilities'
  | 'client'
  | 'share'
  | 'unshare'
  | 'fault'
  | 'clear'
  | 'webhook'
  | 'webhookResend'
  | 'webhookVerify'
  | 'webhookDelete'
  | 'webhooks'
  | 'webhookFaults'
  | 'webhookFlush'

/** A local Notion with the workspaces Acme and Globex. */
export interface Sandbox {
  /** The base URL of a Notion client. */
  readonly url: string
  /**
   * Runs an operation, such as `control('revoke', { user: 'owner@acme.test' })` or
   * `control('fault', { kind: 'status', status: 503, match: { path: '/v1/pages' } })`. Throws with the reason when a
   * parameter is invalid.
   */
  control(operation: SandboxOperation, parameters?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
  /** Returns the requests that it received and the webhooks that it sent, oldest first, without tokens. */
  requests(): Promise<readonly SandboxRequest[]>
}

/** A request that a sandbox received, or a webhook that it sent. */
export interface SandboxRequest {
  /** ISO 8601. */
  readonly at: string
  readonly method: string
  readonly path: string
  /** Null while the request runs, and when the connection was cut. */
  readonly status: number | null
  readonly [detail: string]: unknown
}

/** A {@link Sandbox} that must be closed. */
export interface RunningSandbox extends Sandbox {
  close(): Promise<void>
}

/** Starts a local Notion on a free port. Its content is in memory. */
export async function startSandbox(): Promise<RunningSandbox> {
  const { url, close } = await startSandboxServer()
  return { ...sandboxAt(url), close }
}

function sandboxAt(url: string): Sandbox {
  return {
    url,
    async control(operation, parameters = {}) {
      const response = await fetch(`${url}/_control/${operation}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(parameters),
      })
      const { ok, error, ...result } = (await response.json()) as Record<string, unknown>
      if (ok !== true) throw new TypeError(String(error))
      return result
    },
    async requests() {
      const response = await fetch(`${url}/_control/log`)
      return ((await response.json()) as { requests: SandboxRequest[] }).requests
    },
  }
}

/** How a user consents in a test. */
export interface ConsentOptions {
  /** E-mail address of a user of the sandbox. Default: owner@acme.test */
  readonly user?: string
  /** `all`, the default, or IDs of pages and databases, separated by commas. */
  readonly resources?: string
  readonly connectionName?: string
}

/** A Valetkey with an embedded database and the sandbox, for one test run. */
export interface TestServer {
  readonly url: string
  /** A key with the scope ADMIN. */
  readonly apiKey: string
  /** A client with this key. */
  readonly valetkey: Valetkey
  readonly sandbox: Sandbox
  /** Connects an account as its user would: opens the link, consents in the sandbox, and confirms. */
  connect(identifier: string, options?: ConsentOptions): Promise<void>
  /** Stops the server and deletes its data. */
  close(): Promise<void>
}

/** Starts a Valetkey in this process, on a free port and in a temporary directory. The first start takes some seconds. */
export async function startValetkey(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-testing-'))
  const apiKey = `vk_${randomBytes(24).toString('base64url')}`
  const config = readConfig({
    NODE_ENV: 'development',
    PORT: '0',
    VALETKEY_DATA_DIR: directory,
    VALETKEY_BOOTSTRAP_API_KEY: apiKey,
  })
  const app = await createApp(config, { log: createLog('silent') })
  const close = async () => {
    await app.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const { publicUrl: url } = await app.listen()
    const valetkey = new Valetkey({ url, apiKey })
    return {
      url,
      apiKey,
      valetkey,
      sandbox: sandboxAt(`${url}/sandbox`),
      close,
      async connect(identifier, { connectionName, ...options } = {}) {
        const connection = connectionName === undefined ? {} : { connectionName }
        await valetkey.accounts.getOrCreate(identifier, connection)
        const { link } = await valetkey.authorize(identifier, connection)
        const flowId = (await consent(createVisitor(), link, options)).searchParams.get('flow_id') ?? ''
        await valetkey.confirm({ flowId, identifier })
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
