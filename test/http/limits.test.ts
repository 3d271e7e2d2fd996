import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ env: { VALETKEY_CORS_ORIGINS: 'https://app.example.com' } })
})
afterAll(() => app.stop())

describe('browsers of a configured origin', () => {
  const preflight = (origin: string) =>
    fetch(`${app.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })

  it('may call, with a bearer token and without cookies', async () => {
    const response = await preflight('https://app.example.com')
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com')
    expect(response.headers.get('access-control-allow-headers')).toMatch(/authorization/i)
    expect(response.headers.get('access-control-allow-credentials')).not.toBe('true')
  })

  it('of another origin may not', async () => {
    const response = await preflight('https://app.example.com.evil.example')
    expect(response.headers.get('access-control-allow-origin')).not.toContain('evil')
  })
})

it('health, readiness and metrics answer without a credential and say nothing about users', async () => {
  await app.connect('nobody-to-see')
  for (const path of ['/health', '/ready', '/metrics']) {
    const response = await fetch(`${app.url}${path}`)
    expect(response.status, path).toBe(200)
    expect(await response.text(), path).not.toContain('nobody-to-see')
  }
})

it('the page of tools documents every tool that there is', async () => {
  const page = await (await fetch(`${app.url}/tools`)).text()
  const answer = await app.graphql('{ tools(filter: { set: ALL }) { name } }')
  for (const { name } of answer.data['tools'] as { name: string }[]) expect(page).toContain(`id="${name}"`)
})

it('an unknown path is a 404 that says so', async () => {
  const response = await fetch(`${app.url}/nonsense`)
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('/nonsense')
})

it('callers without a credential are slowed down, told for how long, and nobody else is', async () => {
  const anonymous = () =>
    fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    })
  let refused: Response | undefined
  for (let round = 0; round < 100 && !refused; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, anonymous))
    refused = answers.find((answer) => answer.status === 429)
  }
  expect(refused?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  expect(await refused?.json()).toMatchObject({ errors: [{ extensions: { code: 'THROTTLED' } }] })
  expect((await app.graphql('{ __typename }')).status).toBe(200)
})
