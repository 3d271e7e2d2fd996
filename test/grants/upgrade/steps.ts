/** Calls of a running server that stay valid over releases: the dump of an old one and the test of a new one make them. */

export const masterKey = Buffer.alloc(32, 7).toString('base64')
export const apiKey = 'upgrade-test-key-0123456789abcdef'

/** The configuration of a server that uses the provider at `providerUrl`. */
export const environmentOf = (databaseUrl: string, providerUrl: string, dataDirectory: string) => ({
  NODE_ENV: 'development',
  PORT: '0',
  PUBLIC_URL: 'http://valetkey.localhost',
  DATABASE_URL: databaseUrl,
  VALETKEY_DATA_DIR: dataDirectory,
  VALETKEY_MASTER_KEY: masterKey,
  VALETKEY_BOOTSTRAP_API_KEY: apiKey,
  VALETKEY_SANDBOX: 'off',
  NOTION_API_URL: providerUrl,
})

/** Sends a GraphQL document and returns the member of its one field. */
export async function send(
  url: string,
  document: string,
  variables: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query: document, variables }),
  })
  const { data, errors } = (await response.json()) as {
    data?: Record<string, Record<string, unknown>>
    errors?: readonly { readonly message: string }[]
  }
  const [member] = Object.values(data ?? {})
  if (errors || !member) throw new Error(errors?.map(({ message }) => message).join('; ') ?? 'no data')
  return member
}

/** Starts an authorization and returns its link, as this machine reaches it. */
export async function authorize(url: string, identifier: string): Promise<string> {
  const { link } = await send(
    url,
    'mutation ($i: String!) { authorize(input: { identifier: $i }) { ... on AuthorizePayload { link } ... on Error { message } } }',
    { i: identifier },
  )
  return `${url}${new URL(String(link)).pathname}`
}

/** Opens a link in a new browser and returns how to send the provider's redirect for the user with this name. */
export async function openLink(url: string, link: string): Promise<(userName: string) => Promise<Response>> {
  const opened = await fetch(link, { redirect: 'manual' })
  const cookie = opened.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  const consent = new URL(opened.headers.get('location') ?? '')
  const callback = new URL(consent.searchParams.get('redirect_uri') ?? '')
  return (userName) =>
    fetch(`${url}${callback.pathname}?code=${userName}&state=${consent.searchParams.get('state')}`, {
      redirect: 'manual',
      headers: { cookie },
    })
}

/** Has the user with the identifier's name consent. Returns the flow id for the confirmation. */
export async function consent(url: string, identifier: string): Promise<string> {
  const callback = await openLink(url, await authorize(url, identifier))
  const location = (await callback(identifier)).headers.get('location')
  return new URL(location ?? '').searchParams.get('flow_id') ?? ''
}

/** Confirms a flow. Returns the type of the result. */
export const confirm = (url: string, flowId: string, identifier: string) =>
  send(
    url,
    'mutation ($f: String!, $i: String!) { confirmAuthorization(input: { flowId: $f, identifier: $i }) { __typename } }',
    { f: flowId, i: identifier },
  )

/** Runs a tool. */
export const runTool = (
  url: string,
  identifier: string,
  toolName: string,
  toolInput: object,
  idempotencyKey: string | null = null,
) =>
  send(
    url,
    `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) {
      __typename ... on ExecuteToolPayload { data execution { id status } } ... on Error { message } } }`,
    { input: { identifier, toolName, toolInput, idempotencyKey } },
  )

export const status = async (url: string, identifier: string) => {
  const account = await send(url, 'query ($i: String!) { connectedAccount(identifier: $i) { status statusReason } }', {
    i: identifier,
  })
  return [account['status'], account['statusReason']]
}
