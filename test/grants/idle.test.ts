import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ env: { VALETKEY_VERIFY_EVERY_SECONDS: '5' } })
})
afterAll(() => app.stop())

it('a revocation at the provider reaches subscribers without any tool call', async () => {
  expect(await app.connect('alice')).toBe('ACTIVE')
  const ending = new AbortController()
  const watching = app.subscribe(
    'subscription { connectedAccountStatus(identifier: "alice") { status statusReason nextAction } }',
    {},
    { signal: ending.signal },
  )
  const next = async () => ((await watching.next()).value as Record<string, unknown>)['connectedAccountStatus']
  expect(await next()).toMatchObject({ status: 'ACTIVE' })
  await app.sandbox('revoke', { user: 'owner@acme.test' })
  expect(await next()).toMatchObject({
    status: 'REVOKED',
    statusReason: 'REVOKED_AT_PROVIDER',
    nextAction: expect.stringContaining('authorize'),
  })
  ending.abort()
})
