import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Valetkey } from '../../src/client/valetkey.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts'

const origin = 'https://app.example.com'
let postgres: PostgresServer
let app: TestApp
beforeAll(async () => {
  postgres = await startPostgresServer()
  app = await startApp({
    env: {
      DATABASE_URL: postgres.url('postgres'),
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
      VALETKEY_CORS_ORIGINS: origin,
    },
  })
})
afterAll(async () => {
  await app.stop()
  await postgres.stop()
})

const ask = (authorization: string, query: string) =>
  fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, authorization },
    body: JSON.stringify({ query }),
  })

it('while Postgres is gone, requests are answered as ones to repeat, and a watch goes on afterwards', async () => {
  const valetkey = new Valetkey({ url: app.url, apiKey: app.apiKey })
  await valetkey.accounts.getOrCreate('ann')
  const active = valetkey.waitUntilActive('ann')
  await postgres.kill()
  const lookup = await ask(`Bearer ${app.apiKey.slice(0, -4)}AAAA`, '{ viewer { scopes } }')
  expect(lookup.status).toBe(503)
  expect(lookup.headers.get('retry-after')).toBe('1')
  expect(lookup.headers.get('access-control-allow-origin')).toBe(origin)
  expect(await lookup.json()).toMatchObject({
    errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', requestId: lookup.headers.get('x-request-id') } }],
  })
  const query = '{ connectedAccount(connectionName: "notion", identifier: "ann") { status } }'
  expect(await (await ask(`Bearer ${app.apiKey}`, query)).json()).toMatchObject({
    errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }],
  })
  await postgres.start()
  await expect
    .poll(async () => (await ask(`Bearer ${app.apiKey}`, query)).json(), { timeout: 30_000 })
    .toMatchObject({
      data: { connectedAccount: { status: 'PENDING' } },
    })
  await app.connect('ann')
  expect(await active).toMatchObject({ status: 'ACTIVE' })
}, 60_000)
