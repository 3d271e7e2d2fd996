import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SandboxOptions } from '../../src/sandbox/sandbox.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'

/** A sandbox on its own port, with operations for tests. */
export interface RunningSandbox {
  /** Origin and base path, as for `NOTION_API_URL` or `baseUrl` of the SDK. */
  readonly url: string
  /** Runs a control operation. Throws an Error when it fails. */
  control(operation: string, parameters?: object): Promise<Record<string, unknown>>
  /** Returns the logged requests. */
  log(): Promise<LoggedRequest[]>
  /** Consents without a browser and returns the code. */
  authorize(consent?: Consent): Promise<string>
  /** Posts to the token endpoint and returns any response. */
  token(body: Readonly<Record<string, string>>, client?: TestClient): Promise<Answered>
  /** Consents and exchanges the code. Throws an Error when it fails. */
  connect(consent?: Consent, client?: TestClient): Promise<Tokens>
  /** Calls the API with a bearer token, by default in version 2026-03-11. */
  call(token: string, method: string, path: string, body?: unknown, version?: string): Promise<Answered>
  /** Stops the server and closes the sandbox. */
  close(): Promise<void>
}

export interface LoggedRequest {
  readonly at: string
  readonly method: string
  readonly path: string
  readonly status: number | null
  readonly grantType?: string
  readonly tokenFingerprint?: string
  readonly fault?: string
  readonly credentialsReceived?: boolean
}

export interface Consent {
  readonly clientId?: string
  readonly user?: string
  /** `all` or ids. */
  readonly resources?: string
  readonly redirectUri?: string
  readonly state?: string
}

export interface TestClient {
  readonly id: string
  readonly secret: string
}

/** A response with a JSON body. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly bot_id: string
  readonly workspace_id: string
}

/** The default client. */
export const testClient: TestClient = { id: 'test-client', secret: 'test-secret' }

export const testRedirectUri = 'http://localhost:9/callback'

/** Returns the Authorization header with HTTP Basic credentials. */
export const basic = ({ id, secret }: TestClient) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

/** Returns the URL of the consent page. */
export function authorizeUrl(url: string, consent: Consent = {}): string {
  const query = new URLSearchParams({
    owner: 'user',
    client_id: consent.clientId ?? testClient.id,
    redirect_uri: consent.redirectUri ?? testRedirectUri,
    response_type: 'code',
    state: consent.state ?? 'a-state',
  })
  return `${url}/v1/oauth/authorize?${query.toString()}`
}

async function answered(response: Response): Promise<Answered> {
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

/** Starts a sandbox on a free port, by default under `/sandbox` and in memory. */
export async function startSandbox(options: Partial<SandboxOptions> = {}): Promise<RunningSandbox> {
  const server = createServer()
  const basePath = options.basePath ?? '/sandbox'
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sandbox = await createSandbox({
    basePath,
    publicUrl: () => `${origin()}${basePath}`,
    control: true,
    logger: { warn: () => {}, error: (message, error) => console.error(message, error) },
    ...options,
  })
  server.on('request', sandbox.handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...sandboxAt(`${origin()}${basePath}`),
    async close() {
      server.close()
      await sandbox.close()
      server.closeAllConnections()
    },
  }
}

/** Returns the operations for a running sandbox by its origin and base path. */
export function sandboxAt(url: string): Omit<RunningSandbox, 'close'> {
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })

  async function authorize(consent: Consent = {}): Promise<string> {
    const response = await fetch(authorizeUrl(url, consent), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({
        decision: 'allow',
        resources: consent.resources ?? 'all',
        ...(consent.user !== undefined && { user: consent.user }),
      }),
    })
    const location = response.headers.get('location')
    const code = location && new URL(location).searchParams.get('code')
    if (!code) throw new Error(`consent failed with ${response.status}: ${await response.text()}`)
    return code
  }

  const token = async (body: Readonly<Record<string, string>>, client = testClient) =>
    answered(await post('/v1/oauth/token', body, { authorization: basic(client), 'notion-version': '2026-03-11' }))

  return {
    url,
    authorize,
    token,
    async control(operation, parameters = {}) {
      const { status, body } = await answered(await post(`/_control/${operation}`, parameters))
      if (status !== 200) throw new Error(`control operation ${operation} failed: ${JSON.stringify(body)}`)
      return body
    },
    async log() {
      const { body } = await answered(await fetch(`${url}/_control/log`))
      return body.requests as LoggedRequest[]
    },
    async connect(consent = {}, client = testClient) {
      const code = await authorize({ clientId: client.id, ...consent })
      const redirectUri = consent.redirectUri ?? testRedirectUri
      const { status, body } = await token(
        { grant_type: 'authorization_code', code, redirect_uri: redirectUri },
        client,
      )
      if (status !== 200) throw new Error(`code exchange failed: ${JSON.stringify(body)}`)
      return body as unknown as Tokens
    },
    async call(bearer, method, path, body, version = '2026-03-11') {
      const headers = { authorization: `Bearer ${bearer}`, 'notion-version': version }
      return answered(
        await fetch(`${url}${path}`, {
          method,
          headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        }),
      )
    },
  }
}
