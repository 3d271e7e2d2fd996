import { describe, expect, it } from 'vitest'
import { exchange } from '../../src/notion/client.ts'
import { createOAuth2Provider } from '../../src/oauth/oauth2-provider.ts'
import type { Fetch } from '../../src/provider-http.ts'
import { createJsonRequest } from '../../src/tools/json-request.ts'
import type { ToolCall } from '../../src/tools/tool.ts'
import { withoutSecrets } from '../../src/vault/redaction.ts'
import { Secret } from '../../src/vault/secret.ts'
import fc from '../support/fast-check.ts'

const token = 'eyJ/plain+token=of~no_known.prefix"\\42'

/** The forms in which an answer may repeat a value. */
const forms: Record<string, (value: string) => string> = {
  'as it is': (value) => value,
  'with a scheme': (value) => `Bearer ${value}`,
  'URL-encoded': encodeURIComponent,
  'URL-encoded in lower case': (value) => encodeURIComponent(value).replace(/%../g, (code) => code.toLowerCase()),
  'as a form': (value) => new URLSearchParams({ value }).toString(),
  'in base64': (value) => Buffer.from(value).toString('base64'),
  'in base64url': (value) => Buffer.from(value).toString('base64url'),
  'in Basic credentials': (value) => Buffer.from(`a client:${value}`).toString('base64'),
  'after one byte in base64': (value) => Buffer.from(`x${value}y`).toString('base64'),
  'in hexadecimal': (value) => Buffer.from(value).toString('hex'),
}

/** JSON with every character of its strings escaped. */
const escaped = (value: unknown) =>
  JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'string'
      ? [...each].map((one) => `@u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
      : each,
  ).replaceAll('@u', '\\u')

/** Whether any form of the value is in the text. */
const leaks = (text: string, value = token) => {
  const plain = text.replaceAll('\\\\', '\\').replaceAll('\\"', '"')
  return Object.values(forms).some((form) => plain.includes(form(value)) || text.includes(form(value)))
}

describe('secrets of a request', () => {
  it('are removed from its answer in every form, anywhere', () => {
    const value = fc.string({ minLength: 8, maxLength: 80, unit: fc.constantFrom(...'aZ09-._~+/=!"\\%$') })
    fc.assert(
      fc.property(value, fc.constantFrom(...Object.values(forms)), fc.string(), (secret, form, around) => {
        const text = `${around}${form(secret)}${around}`
        const clean = withoutSecrets(text, [new Secret(secret)])
        expect(clean).toContain('[redacted]')
        const json = withoutSecrets(JSON.stringify({ echo: text }), [new Secret(secret)])
        expect(JSON.stringify(JSON.parse(json))).toContain('[redacted]')
        expect(withoutSecrets(escaped({ echo: form(secret) }), [new Secret(secret)])).toContain('[redacted]')
      }),
      { numRuns: 300 },
    )
  })

  it('leave every other answer as it is', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(withoutSecrets(text, [new Secret(token), new Secret('')])).toBe(text)
      }),
    )
  })

  const answering =
    (body: unknown, status = 200, headers: Record<string, string> = {}): Fetch =>
    async () => ({
      status,
      headers: { get: (name) => headers[name] ?? null },
      body: (async function* () {
        yield Buffer.from(JSON.stringify(body))
      })(),
    })

  it.each(Object.entries(forms))('do not leave the tools of Notion: %s', async (_name, form) => {
    const secret = new Secret(token)
    const connection = { apiUrl: 'http://notion.localhost', accessToken: secret, signal: AbortSignal.timeout(60_000) }
    for (const status of [200, 400, 500]) {
      const body = { object: 'error', code: form(token), message: form(token), title: form(token), [form(token)]: 1 }
      const made = await exchange(answering(body, status), connection, (notion) => notion.users.me({}))
      expect(leaks(JSON.stringify([made.body ?? null, made.answer]))).toBe(false)
    }
  })

  it.each(Object.entries(forms))('do not leave the tools of other connectors: %s', async (_name, form) => {
    const call = {
      apiUrl: 'http://acme.localhost',
      send: (_kind, request) => request(new Secret(token), AbortSignal.timeout(60_000)),
    } as ToolCall
    for (const status of [200, 404]) {
      const fetch = answering({ text: form(token) }, status, { 'x-request-id': form(token) })
      const send = createJsonRequest({
        runtime: { fetch, now: Date.now },
        explain: (refusal) => new Error(JSON.stringify(refusal)) as never,
      })
      const outcome = await send(call, { method: 'GET', path: '/x' }).catch((error: Error) => error.message)
      expect(leaks(JSON.stringify(outcome))).toBe(false)
    }
  })

  it.each(Object.entries(forms))('are in no name of an owner and in no scope: %s', async (_name, form) => {
    const secrets = { client: 'client-secret-01', access: 'access-token-0123', refresh: 'refresh-token-012' }
    const echo = Object.values(secrets).map(form).join('|')
    const provider = createOAuth2Provider({
      endpoints: { authorization: '/authorize', token: '/token' },
      pkce: false,
      identity: {
        readTokenAnswer: ({ name }) => ({
          userId: 'u',
          name: String(name),
          workspace: { id: 'w', name: String(name) },
        }),
      },
      fetch: answering({
        access_token: secrets.access,
        refresh_token: secrets.refresh,
        token_type: 'bearer',
        scope: `read ${echo}`,
        name: echo,
      }),
    })
    const client = { clientId: 'c', clientSecret: new Secret(secrets.client), apiUrl: 'http://acme.localhost' }
    const exchanged = await provider.exchangeCode(client, {
      code: 'x',
      redirectUri: 'http://localhost',
      codeVerifier: null,
    })
    const refreshed = await provider.refresh(client, new Secret('refresh-token-old'))
    for (const tokens of [exchanged.tokens, refreshed]) {
      expect(tokens.accessToken.reveal()).toBe(secrets.access)
      const shown = JSON.stringify([exchanged.owner, tokens.scopes])
      for (const value of Object.values(secrets)) expect(leaks(shown, value)).toBe(false)
    }
  })
})
