import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** One request as Acme received it. Tokens are in clear: the tests compare them. */
export interface AcmeRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
  /** The bearer token, or null. */
  readonly token: string | null
}

/** Acme over real HTTP: an OAuth 2.0 provider that is strict, and an API of issues. */
export interface FakeAcme {
  readonly url: string
  readonly received: readonly AcmeRequest[]
  /** The life of tokens that are issued from now on, in seconds. */
  tokenSeconds: number
  /** Whether a refresh replaces the refresh token. A replaced one that comes again ends the whole grant. */
  rotating: boolean
  /** Scopes that users decline from now on. */
  declined: readonly string[]
  /** Milliseconds before the token endpoint answers. */
  latencyMs: number
  /** Ends everything that a user granted, as the user can in Acme's settings. */
  revoke(user: string): void
  /** Ends all access tokens, and no refresh token. */
  expireAccessTokens(): void
  /** Requests to the token endpoint with this grant type. */
  tokenRequests(grantType: 'authorization_code' | 'refresh_token'): readonly AcmeRequest[]
  /** Forgets the requests so far. */
  forget(): void
  close(): Promise<void>
}

interface Grant {
  readonly user: string
  readonly scopes: readonly string[]
  refreshToken: string
  ended: boolean
}

interface AccessToken {
  readonly grant: Grant
  expiresAt: number
}

interface Code {
  readonly user: string
  readonly redirectUri: string
  readonly challenge: string
  readonly scopes: readonly string[]
}

/** The client that Acme knows. */
export const acmeClient = { clientId: 'acme-client', clientSecret: 'acme-secret/+&' }

export async function startFakeAcme(): Promise<FakeAcme> {
  const received: AcmeRequest[] = []
  const codes = new Map<string, Code>()
  const accessTokens = new Map<string, AccessToken>()
  const grants: Grant[] = []
  const replaced = new Map<string, Grant>()
  const issues = new Map<string, { id: string; owner: string; title: string; open: boolean }>()

  const acme: FakeAcme = {
    url: '',
    received,
    tokenSeconds: 60,
    rotating: true,
    declined: [],
    latencyMs: 0,
    revoke(user) {
      for (const grant of grants) if (grant.user === user) grant.ended = true
    },
    expireAccessTokens() {
      for (const token of accessTokens.values()) token.expiresAt = 0
    },
    tokenRequests: (grantType) => received.filter(({ form }) => form.get('grant_type') === grantType),
    forget: () => void received.splice(0),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  const issue = (grant: Grant) => {
    const accessToken = `acme_at_${randomUUID()}`
    accessTokens.set(accessToken, { grant, expiresAt: Date.now() + acme.tokenSeconds * 1000 })
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: acme.tokenSeconds,
      scope: grant.scopes.join(' '),
    }
  }

  type Answer = { status: number; body?: unknown; headers?: Record<string, string> }
  const refuse = (status: number, error: string, more: Record<string, unknown> = {}): Answer => ({
    status,
    body: { error, message: `Acme: ${error}`, ...more },
  })

  /** RFC 6749 section 4.1.1 with RFC 7636 section 4.3; the form is the user's decision. */
  function authorize({ query, form }: AcmeRequest): Answer {
    const redirectUri = query.get('redirect_uri') ?? ''
    const back = new URL(redirectUri)
    back.searchParams.set('state', query.get('state') ?? '')
    const challenge = query.get('code_challenge')
    if (query.get('client_id') !== acmeClient.clientId || query.get('response_type') !== 'code') {
      return refuse(400, 'invalid_request')
    }
    if (!challenge || query.get('code_challenge_method') !== 'S256') back.searchParams.set('error', 'invalid_request')
    else if (form.get('decision') !== 'allow') back.searchParams.set('error', 'access_denied')
    else {
      const code = randomUUID()
      const scopes = (query.get('scope') ?? '').split(' ').filter((scope) => scope && !acme.declined.includes(scope))
      codes.set(code, { user: form.get('user') ?? 'ada', redirectUri, challenge, scopes })
      back.searchParams.set('code', code)
    }
    return { status: 302, headers: { location: back.href } }
  }

  function token({ form }: AcmeRequest): Answer {
    if (form.get('client_id') !== acmeClient.clientId || form.get('client_secret') !== acmeClient.clientSecret) {
      return refuse(401, 'invalid_client')
    }
    if (form.get('grant_type') === 'authorization_code') {
      const code = codes.get(form.get('code') ?? '')
      codes.delete(form.get('code') ?? '')
      const verifier = form.get('code_verifier') ?? ''
      if (
        !code ||
        code.redirectUri !== form.get('redirect_uri') ||
        code.challenge !== createHash('sha256').update(verifier).digest('base64url')
      ) {
        return refuse(400, 'invalid_grant')
      }
      const { user, scopes } = code
      const grant: Grant = { user, scopes, refreshToken: `acme_rt_${randomUUID()}`, ended: false }
      grants.push(grant)
      return { status: 200, body: { ...issue(grant), refresh_token: grant.refreshToken } }
    }
    const presented = form.get('refresh_token') ?? ''
    const reused = replaced.get(presented)
    if (reused) reused.ended = true
    const grant = grants.find(({ refreshToken, ended }) => refreshToken === presented && !ended)
    if (form.get('grant_type') !== 'refresh_token' || !grant) return refuse(400, 'invalid_grant')
    if (!acme.rotating) return { status: 200, body: issue(grant) }
    replaced.set(presented, grant)
    grant.refreshToken = `acme_rt_${randomUUID()}`
    return { status: 200, body: { ...issue(grant), refresh_token: grant.refreshToken } }
  }

  /** RFC 7009. */
  function revoke({ form }: AcmeRequest): Answer {
    const presented = form.get('token') ?? ''
    const grant = accessTokens.get(presented)?.grant ?? grants.find(({ refreshToken }) => refreshToken === presented)
    if (grant) grant.ended = true
    return { status: 200, body: {} }
  }

  function api(request: AcmeRequest, body: Record<string, unknown>): Answer {
    const { method, path, query } = request
    const held = accessTokens.get(request.token ?? '')
    if (!held || held.grant.ended || held.expiresAt <= Date.now()) {
      return { ...refuse(401, 'invalid_token'), headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
    }
    const { user, scopes } = held.grant
    if (path === '/me') return { status: 200, body: { id: `user-${user}`, name: user, email: `${user}@acme.example` } }
    const scope = method === 'GET' ? 'issues:read' : 'issues:write'
    if (!scopes.includes(scope)) return refuse(403, 'insufficient_scope', { scope })
    const own = [...issues.values()].filter(({ owner }) => owner === user)
    if (method === 'GET' && path === '/issues') {
      const words = query.get('query') ?? ''
      return { status: 200, body: { issues: own.filter(({ title }) => title.includes(words)) } }
    }
    if (method === 'POST' && path === '/issues') {
      const made = { id: `issue-${issues.size + 1}`, owner: user, title: String(body['title']), open: true }
      issues.set(made.id, made)
      return { status: 201, body: made }
    }
    const id = /^\/issues\/([\w-]+)\/close$/.exec(path)?.[1]
    const found = own.find((each) => each.id === id)
    if (!found) return refuse(404, 'not_found', { resource: id ?? '' })
    found.open = false
    return { status: 200, body: found }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://acme')
    const content = await text(request)
    const isForm = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
    const seen: AcmeRequest = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      form: new URLSearchParams(isForm ? content : ''),
      token: /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null,
    }
    received.push(seen)
    let result: Answer
    if (pathname === '/oauth/authorize') result = authorize(seen)
    else if (pathname === '/oauth/token') {
      await new Promise((resolve) => setTimeout(resolve, acme.latencyMs))
      result = token(seen)
    } else if (pathname === '/oauth/revoke') result = revoke(seen)
    else result = api(seen, isForm || content === '' ? {} : (JSON.parse(content) as Record<string, unknown>))
    response.writeHead(result.status, {
      'content-type': 'application/json',
      'x-request-id': `acme-${received.length}`,
      ...result.headers,
    })
    response.end(result.body === undefined ? '' : JSON.stringify(result.body))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('Acme has no port.')
  return Object.assign(acme, { url: `http://127.0.0.1:${address.port}` })
}
