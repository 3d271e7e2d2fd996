import { randomUUID } from 'node:crypto'
import { signWebhookPayload } from '@notionhq/client'
import { expect } from 'vitest'
import { run } from '../../src/cli/run.ts'
import type { TestApp, TestClient } from '../support/app.ts'
import { mutate } from '../webhooks/support.ts'

/** A response of the webhook's URL. */
export interface Response {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

/** Sends a body to a webhook's URL, as Notion does. */
export async function post(
  app: Pick<TestClient, 'url'>,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  method = 'POST',
): Promise<Response> {
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body }),
  })
  return { status: response.status, body: await response.json(), headers: response.headers }
}

/** Sends a signed event. */
export async function send(
  app: Pick<TestClient, 'url'>,
  event: object | string,
  token: string,
  path = '/webhooks/notion/notion',
): Promise<Response> {
  const body = typeof event === 'string' ? event : JSON.stringify(event)
  const signature = await signWebhookPayload({ body, verificationToken: token })
  return post(app, path, body, { 'x-notion-signature': signature })
}

/** Sends the request with the token that precedes all events. */
export const handshake = (app: Pick<TestClient, 'url'>, token: string, path = '/webhooks/notion/notion') =>
  post(app, path, JSON.stringify({ verification_token: token }))

/** The webhook of an OAuth app as the API shows it. */
export interface Webhook {
  readonly id: string
  readonly webhookUrl: string
  readonly webhookState: string
  readonly webhookTokens: readonly { readonly token: string; readonly receivedAt: string }[] | null
}

/** Reads the webhook of an OAuth app. */
export async function webhookOf(
  app: Pick<TestClient, 'graphql'>,
  { connectionName = 'notion', credential }: { connectionName?: string; credential?: string } = {},
): Promise<Webhook> {
  const { data, errors } = await app.graphql(
    'query ($name: String!) { oauthApp(connectionName: $name) { id webhookUrl webhookState webhookTokens { token receivedAt } } }',
    { name: connectionName },
    credential,
  )
  expect(errors).toBeUndefined()
  return data['oauthApp'] as Webhook
}

export const tokensOf = async (...args: Parameters<typeof webhookOf>) =>
  (await webhookOf(...args)).webhookTokens?.map(({ token }) => token)

export const newToken = () => `secret_${randomUUID().replaceAll('-', '')}`

/** Makes the webhook active, as an operator and Notion do. Returns the token. */
export async function activate(
  app: Pick<TestClient, 'url' | 'graphql'>,
  {
    path = '/webhooks/notion/notion',
    ...options
  }: { path?: string; connectionName?: string; credential?: string } = {},
): Promise<string> {
  const token = newToken()
  expect(await handshake(app, token, path)).toMatchObject({ status: 200 })
  expect(await tokensOf(app, options)).toContain(token)
  expect(await send(app, eventOf(), token, path)).toMatchObject({ status: 200 })
  expect((await webhookOf(app, options)).webhookState).toBe('ACTIVE')
  return token
}

/** Who a connected account is at Notion. */
export interface Grant {
  readonly workspaceId: string
  readonly userId: string
  readonly botId: string
}

/** Connects an account and returns who it is at Notion. */
export async function connect(
  app: TestApp,
  identifier: string,
  user = 'owner@acme.test',
  options: { connectionName?: string; credential?: string } = {},
): Promise<Grant> {
  expect(await app.connect(identifier, { user, ...options })).toBe('ACTIVE')
  const { data, errors } = await app.graphql(
    `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ... on ExecuteToolPayload { data } ... on Error { message } } }`,
    {
      input: {
        identifier,
        toolName: 'notion_user_self',
        toolInput: {},
        outputFormat: 'RAW',
        ...options,
        credential: undefined,
      },
    },
    options.credential,
  )
  expect(errors).toBeUndefined()
  const me = (
    data['executeTool'] as { data: { id: string; bot: { owner: { user: { id: string } }; workspace_id: string } } }
  ).data
  return { workspaceId: me.bot.workspace_id, userId: me.bot.owner.user.id, botId: me.id }
}

/** The connection that all events of these tests are of. */
export const integrationId = randomUUID()

/** An event as Notion sends it, visible to no one unless given. */
export const eventOf = (given: Record<string, unknown> = {}) => ({
  id: randomUUID(),
  timestamp: '2026-11-20T09:30:00.123Z',
  workspace_id: randomUUID(),
  workspace_name: 'Secret project of Acme',
  subscription_id: randomUUID(),
  integration_id: integrationId,
  authors: [{ id: randomUUID(), type: 'person' }],
  attempt_number: 1,
  api_version: '2026-03-11',
  type: 'page.created',
  entity: { id: randomUUID(), type: 'page' },
  data: { parent: { id: randomUUID(), type: 'space' } },
  ...given,
})

/** An event that grants of one workspace may see, by their bots. */
export const eventFor = (grants: readonly Grant[], given: Record<string, unknown> = {}) =>
  eventOf({
    workspace_id: grants[0]?.workspaceId,
    accessible_by: grants.map(({ botId }) => ({ id: botId, type: 'bot' })),
    ...given,
  })

/** Creates an environment with an OAuth app. Returns its ADMIN key. */
export async function newEnvironment(
  app: TestApp,
  env: Record<string, string>,
  name: string,
  connectionName = 'notion',
): Promise<string> {
  const lines: string[] = []
  const print = async (line: string) => void lines.push(line)
  const code = await run(
    ['api-keys', 'create', '--environment', name, '--name', name, '--scopes', 'ADMIN'],
    { NODE_ENV: 'development', ...env },
    print,
    print,
  )
  expect(code, lines.join('\n')).toBe(0)
  const key = /vk_[\w-]+/.exec(lines.join('\n'))?.[0] ?? ''
  const registered = await mutate(
    app,
    'registerOAuthApp',
    {
      connectionName,
      clientId: `client-of-${name}`,
      clientSecret: `secret-of-${name}`,
      confirmationUrl: 'https://app.example.com/confirm',
    },
    'oauthApp { id }',
    key,
  )
  expect(registered['message']).toBeUndefined()
  return key
}

/** The value of a metric, with its labels as Prometheus writes them. */
export async function metric(app: TestApp, outcome: string): Promise<number> {
  const response = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${app.apiKey}` } })
  const line = `valetkey_provider_events_total{connector="notion",outcome="${outcome}"} `
  const found = (await response.text()).split('\n').find((one) => one.startsWith(line))
  return Number(found?.slice(line.length) ?? 0)
}
