/** A connection with the sandbox that the SDK and the servers share: one user, everything shared, one token. */
export interface Connection {
  readonly accessToken: string
  readonly refreshToken: string
}

const clientId = 'bench'
const redirectUri = 'http://localhost/callback'

/** Consents at the sandbox as its first user, and lifts its rate limit. */
export async function connect(sandboxUrl: string): Promise<Connection> {
  await post(`${sandboxUrl}/_control/rateLimit`, { perMinute: 100_000_000 })
  const query = new URLSearchParams({ client_id: clientId, response_type: 'code', redirect_uri: redirectUri })
  const consent = await fetch(`${sandboxUrl}/v1/oauth/authorize?${query}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ resources: 'all', decision: 'allow' }),
  })
  const code = new URL(consent.headers.get('location') ?? '').searchParams.get('code')
  const tokens = (await post(
    `${sandboxUrl}/v1/oauth/token`,
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri },
    { authorization: `Basic ${Buffer.from(`${clientId}:any`).toString('base64')}` },
  )) as { access_token: string; refresh_token: string }
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token }
}

/** An account of a server on that connection. Gives the identifier. */
export async function importAccount(url: string, apiKey: string, connection: Connection): Promise<string> {
  const identifier = 'bench'
  await graphql(
    url,
    apiKey,
    'mutation ($input: RegisterOAuthAppInput!) { registerOAuthApp(input: $input) { __typename } }',
    {
      input: { clientId, clientSecret: 'any' },
    },
  )
  const imported = await graphql(
    url,
    apiKey,
    `mutation ($input: ImportConnectedAccountInput!) {
      importConnectedAccount(input: $input) {
        ... on ImportConnectedAccountPayload { connectedAccount { status } }
        ... on Error { message }
      }
    }`,
    { input: { identifier, ...connection } },
  )
  if (!JSON.stringify(imported).includes('ACTIVE')) throw new Error(`No account: ${JSON.stringify(imported)}`)
  return identifier
}

/** Sends a GraphQL document; fails where the answer has errors. */
export async function graphql(
  url: string,
  apiKey: string,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const answer = (await post(`${url}/graphql`, { query, variables }, { authorization: `Bearer ${apiKey}` })) as {
    data: unknown
    errors?: unknown
  }
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors))
  return answer.data
}

async function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return response.json()
}
