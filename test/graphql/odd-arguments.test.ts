import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

const id = (text: string) => Buffer.from(text).toString('base64')
const keyWith = async (scopes: readonly string[]) => {
  const made = await app.graphql(
    'mutation ($s: [Scope!]!) { createApiKey(input: { name: "k", scopes: $s }) { ... on CreateApiKeyPayload { secret } } }',
    { s: scopes },
  )
  return (made.data['createApiKey'] as { secret: string }).secret
}

describe('malformed arguments', () => {
  it.each(['/rel', 5, 'http://[', ''])('reports the invalid URL %j as an error of the caller', async (url) => {
    const answer = await app.graphql(
      'mutation ($u: URL) { authorize(input: { identifier: "x", returnUrl: $u }) { __typename } }',
      { u: url },
    )
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.errors)).not.toContain('INTERNAL_SERVER_ERROR')
  })

  it.each([
    'https://a.example\t.com/x',
    'https:\\\\evil.example\\x',
    'https:evil.example',
    'https://@a.example/',
    'https://:@a.example/',
    'https://a.example:/',
    '  https://a.example/',
    'https://a.example/x/../y',
    'https://a.example/x/%2E%2e',
  ])('refuses the URL %j, which would be taken as another one', async (url) => {
    const document = 'mutation ($u: URL) { authorize(input: { identifier: "x", returnUrl: $u }) { __typename } }'
    const answer = await app.graphql(document, { u: url })
    expect(answer.errors?.[0]?.message).toContain('A URL must be written as it is called')
    expect(answer.status).toBe(400)
  })

  it('reports the place of an invalid URL in a document', async () => {
    const answer = await app.graphql(
      'mutation { registerOAuthApp(input: { clientId: "a", clientSecret: "b", returnUrls: ["https://a.example/", "nope"] }) { __typename } }',
    )
    expect(answer.errors?.[0]).toMatchObject({ locations: [{ line: 1, column: 107 }] })
  })

  it.each(['\u200b', '\u00ad', '\u2060\u2060', '\u3164', '\u115f', '\u{e0001}', ' \u00a0\u2800'])(
    'refuses the invisible name %j',
    async (name) => {
      const document =
        'mutation ($n: String!) { createApiKey(input: { name: $n, scopes: [TOOLS_READ] }) { __typename ... on InvalidInputError { issues { path message } } } }'
      const answer = await app.graphql(document, { n: name })
      expect(answer.data['createApiKey']).toEqual({
        __typename: 'InvalidInputError',
        issues: [{ path: 'name', message: 'must contain a visible character' }],
      })
    },
  )

  it.each([
    `https://${'a'.repeat(300)}.com/`,
    `https://${Array.from({ length: 60 }, () => 'abcd').join('.')}.com/`,
    'https://a..b.example/',
    'https://a.example/#',
  ])('refuses the webhook URL %s', async (url) => {
    const document =
      'mutation ($u: URL!) { createWebhookEndpoint(input: { url: $u }) { __typename ... on InvalidInputError { issues { path } } } }'
    const answer = await app.graphql(document, { u: url })
    expect(answer.data['createWebhookEndpoint']).toEqual({ __typename: 'InvalidInputError', issues: [{ path: 'url' }] })
  })

  it.each(['X:x', 'Tool:x', 'Viewer:1', 'StatusTransition:1', 'ConnectedAccount:1', 'ConnectedAccount:'])(
    'finds no node for the ID of %s',
    async (text) => {
      const answer = await app.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: id(text) })
      expect(answer.errors).toBeUndefined()
      expect(answer.data['node']).toBeNull()
    },
  )

  it.each([
    'query ($t: String!) { connectedAccount(identifier: $t) { id } }',
    'query ($t: String!) { oauthApp(connectionName: $t) { id } }',
    'query ($t: String!) { connectedAccounts(filter: { identifier: $t }) { nodes { id } } }',
    'mutation ($t: String!) { disconnectConnectedAccount(input: { identifier: $t }) { __typename } }',
    'mutation ($t: String!) { refreshConnectedAccount(input: { identifier: $t }) { __typename } }',
  ])('reports a NUL in a string as an error of the caller: %s', async (document) => {
    const answer = await app.graphql(document, { t: 'a\0b' })
    expect(JSON.stringify(answer.errors ?? [])).not.toContain('INTERNAL_SERVER_ERROR')
  })

  it.each([
    '',
    'x',
    '[]',
    '[1.5]',
    '[1e300]',
    '[-1]',
    '["x"]',
    '[null]',
    '[1,2]',
    '{}',
    '["0000-01-01T00:00:00Z","ID"]',
  ])('reports the malformed cursor %s as an error of the caller, or returns the end of the list', async (text) => {
    await app.graphql('mutation { getOrCreateConnectedAccount(input: { identifier: "listed" }) { __typename } }')
    const cursor = Buffer.from(text.replace('ID', '2561ab6c-418b-4072-beec-c4779fa811cf')).toString('base64url')
    for (const document of [
      'query ($c: String) { connectedAccounts(after: $c) { nodes { id } } }',
      'query ($c: String) { toolExecutions(after: $c) { nodes { id } } }',
      'query ($c: String) { connectedAccount(identifier: "listed") { transitions(after: $c) { nodes { at } } } }',
    ]) {
      const answer = await app.graphql(document, { c: cursor })
      for (const { message, extensions } of answer.errors ?? []) {
        expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT' })
        expect(message).toContain('endCursor')
      }
    }
  })

  it('accepts any string as an identifier, with newlines, quotes and emoji', async () => {
    const identifier = 'a\n"b"\t😀'
    const create = `mutation ($i: String!) {
      getOrCreateConnectedAccount(input: { identifier: $i }) {
        ... on GetOrCreateConnectedAccountPayload { connectedAccount { identifier } }
      }
    }`
    const answer = await app.graphql(create, { i: identifier })
    expect(answer.data['getOrCreateConnectedAccount']).toEqual({ connectedAccount: { identifier } })
  })

  it('reports a document over the limits as too large, not as a syntax error', async () => {
    const answer = await app.graphql(
      `{ ${Array.from({ length: 40 }, (_, at) => `a${at}: viewer { scopes }`).join(' ')} }`,
    )
    expect(answer.status).toBe(400)
    expect(answer.errors?.[0]?.message).not.toContain('Syntax Error')
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: 'COMPLEXITY_LIMIT' })
  })
})

describe('node(id:)', () => {
  it('returns only what the credential may read with other fields', async () => {
    expect(await app.connect('seen')).toBe('ACTIVE')
    const account = await app.graphql('{ connectedAccount(identifier: "seen") { id } oauthApp { id } }')
    const ids = [account.data['connectedAccount'], account.data['oauthApp']] as { id: string }[]
    const key = await keyWith(['TOOLS_READ', 'USER_SESSIONS_CREATE', 'ACCOUNTS_WRITE'])
    for (const one of ids) {
      const answer = await app.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: one.id }, key)
      expect(answer.data['node']).toBeNull()
    }
    const reader = await keyWith(['ACCOUNTS_READ'])
    const answer = await app.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: ids[0]?.id }, reader)
    expect(answer.data['node']).toEqual({ id: ids[0]?.id })
  })
})
