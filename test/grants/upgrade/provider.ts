import { json, startFakeOAuthServer } from '../../authorization/fake-oauth-server.ts'

/** A Notion of a few endpoints whose tokens are known in advance, so that a dump of a database stays usable. */
export interface UpgradeProvider {
  readonly url: string
  /** The tokens that were revoked. */
  readonly revoked: readonly string[]
  /** The number of comments that were created. */
  readonly comments: number
  /** Answers revocations with 503 and code exchanges not at all, from now on. */
  beAway(): void
  close(): Promise<void>
}

/** The id of the page that comments are created on. */
export const pageId = 'a1b2c3d4-e5f6-4890-abcd-ef1234567890'

/** The provider's user with this name. Codes and tokens contain the name. */
const userId = (name: string) =>
  `33333333-3333-4333-8333-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`

const ownerOf = (name: string) => ({
  type: 'user',
  user: { object: 'user', id: userId(name), type: 'person', name, person: { email: `${name}@acme.test` } },
})

const workspace = { workspace_id: '22222222-2222-4222-8222-222222222222', workspace_name: 'Acme', workspace_icon: null }

/** Starts the provider on this port (0: any). An authorization code is the name of the user who consents. */
export async function startUpgradeProvider(port = 0): Promise<UpgradeProvider> {
  const server = await startFakeOAuthServer(port)
  const revoked: string[] = []
  let comments = 0
  let away = false
  server.behave((received, response) => {
    const answer = (status: number, body: unknown) => json(status, body)(received, response)
    const body = JSON.parse(received.body || '{}') as Record<string, string>
    const bearer = /^Bearer ntn_([a-z]+)/.exec(received.headers.authorization ?? '')
    switch (received.path) {
      case '/v1/oauth/token': {
        if (away) return
        const name = body['code'] ?? /^nrt_([a-z]+)/.exec(body['refresh_token'] ?? '')?.[1] ?? ''
        const suffix = body['code'] === undefined ? `${name}_renewed` : name
        return answer(200, {
          access_token: `ntn_${suffix}`,
          refresh_token: `nrt_${suffix}`,
          token_type: 'bearer',
          bot_id: userId('bot'),
          owner: ownerOf(name),
          ...workspace,
        })
      }
      case '/v1/oauth/introspect':
        return answer(200, { active: !revoked.includes(body['token'] ?? ''), iat: 0 })
      case '/v1/oauth/revoke':
        if (away) return answer(503, { code: 'service_unavailable', message: 'away' })
        revoked.push(body['token'] ?? '')
        return answer(200, {})
      case '/v1/comments':
        // Probes of capabilities name a page that does not exist.
        if (!received.body.includes(pageId))
          return answer(404, { object: 'error', status: 404, code: 'object_not_found' })
        comments++
        return answer(200, {
          object: 'comment',
          id: userId(`c${comments}`),
          parent: { type: 'page_id', page_id: pageId },
          discussion_id: userId('d'),
          created_time: '2026-01-01T00:00:00.000Z',
          last_edited_time: '2026-01-01T00:00:00.000Z',
          created_by: { object: 'user', id: userId('bot') },
          rich_text: [],
        })
      case '/v1/users/me':
        if (!bearer || revoked.includes(received.headers.authorization?.slice(7) ?? ''))
          return answer(401, { object: 'error', status: 401, code: 'unauthorized', message: 'API token is invalid.' })
        return answer(200, {
          object: 'user',
          id: userId('bot'),
          type: 'bot',
          name: 'Bot',
          bot: { owner: ownerOf(bearer[1] ?? ''), ...workspace },
        })
      default:
        return answer(404, { object: 'error', status: 404, code: 'object_not_found', message: 'not here' })
    }
  })
  return {
    url: server.url,
    revoked,
    get comments() {
      return comments
    },
    beAway() {
      away = true
    },
    close: () => server.close(),
  }
}
