import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectServer, type Db } from '../../src/db/database.ts'
import { eventOf, handshake, newToken, send, tokensOf } from '../provider-events/support.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { doctor } from './doctor-support.ts'

let app: TestApp
let db: Db
let env: Record<string, string>
beforeAll(async () => {
  const masterKey = randomBytes(32).toString('base64')
  // Nothing empties the inbox.
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey }, inboxTiming: null })
  const databaseUrl = app.config.databaseUrl ?? ''
  env = { NODE_ENV: 'development', DATABASE_URL: databaseUrl, VALETKEY_MASTER_KEY: masterKey, PORT: '0' }
  db = connectServer({ connectionString: app.config.databaseDirectUrl ?? databaseUrl, max: 1 }, () => {})
})
afterAll(async () => {
  await db.destroy()
  await app.stop()
})

const command = "npm run valetkey -- oauth-apps webhook notion --environment 'default'"
const found = async () => {
  const { of, fixOf, output, code } = await doctor(env)
  expect(code).toBe(0)
  return { line: of('app webhooks'), fix: fixOf('app webhooks'), output }
}

it('reports the webhook of an OAuth app in each state of its set-up, and what to do next', async () => {
  expect((await found()).line).toEqual(['ok: No OAuth app receives events of its provider, which is optional.'])

  const token = newToken()
  await handshake(app, token)
  const received = await found()
  expect(received.line).toEqual([
    expect.stringMatching(
      /^warning: "notion" of the environment "default" received a token at \S+Z, which no one has read\.$/,
    ),
  ])
  expect(received.fix).toEqual([`Run ${command}, and enter the token in the provider's settings.`])

  expect(await tokensOf(app)).toEqual([token])
  const read = await found()
  expect(read.line).toEqual([
    expect.stringMatching(
      /^warning: "notion" of the environment "default" has received no event that is signed with its token, which was read at \S+Z\.$/,
    ),
  ])
  expect(read.fix.join()).toMatch(/^Enter the token in the provider's settings, .* if it was lost: npm run/)

  expect(await send(app, eventOf(), token)).toMatchObject({ status: 200 })
  const active = await found()
  expect(active.line).toEqual([
    expect.stringMatching(/^ok: "notion" of the environment "default" receives events; the last one at \S+Z\.$/),
  ])
  for (const { output } of [received, read, active]) expect(output).not.toContain(token)

  await sql`update provider_events set received_at = now() - interval '1 hour'`.execute(db)
  const late = await found()
  expect(late.line).toEqual([
    expect.stringMatching(
      /^warning: 1 event of "notion" of the environment "default" waits for more than 10 minutes\.$/,
    ),
  ])
  expect(late.fix.join()).toMatch(/^Check that a server runs; /)

  await sql`update provider_events set state = 'FAILED', sealed_payload = null, finished_at = now()`.execute(db)
  expect((await found()).line).toEqual([
    'warning: 1 event of "notion" of the environment "default" was given up within 7 days.',
  ])

  await sql`delete from provider_events`.execute(db)
  expect((await found()).line).toEqual([
    'ok: "notion" of the environment "default" receives events; none within 7 days.',
  ])
})

it('reports a webhook that was reset and waits for another token', async () => {
  const token = newToken()
  await app.graphql('mutation { resetOAuthAppWebhook(input: {}) { __typename } }')
  await handshake(app, token)
  await tokensOf(app)
  await send(app, eventOf(), token)
  await app.graphql('mutation { resetOAuthAppWebhook(input: {}) { __typename } }')
  const { line, fix } = await found()
  expect(line).toEqual([
    'warning: "notion" of the environment "default" was reset, and has received no token since: events are refused.',
  ])
  expect(fix.join()).toMatch(/^Have the provider send its token again, .*oauth-apps webhook notion/)
})
