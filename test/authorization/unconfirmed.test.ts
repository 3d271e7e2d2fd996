import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { newBrowser } from '../support/browser.ts'

it('without a confirmation URL accounts turn ACTIVE at the callback, and each start warns of it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-unconfirmed-'))
  const first = await startApp({ directory })
  expect(first.log()).not.toContain('confirmationUrl')
  await first.graphql(
    'mutation { registerOAuthApp(input: { connectionName: "solo", clientId: "c", clientSecret: "s" }) { __typename } }',
  )
  const authorized = await first.graphql(
    'mutation { authorize(input: { connectionName: "solo", identifier: "me" }) { ... on AuthorizePayload { link } } }',
  )
  const browser = newBrowser()
  const consent = browser.redirectOf(await browser.get((authorized.data['authorize'] as { link: string }).link))
  const callback = browser.redirectOf(await browser.post(consent, { resources: 'all', decision: 'allow' }))
  expect((await browser.get(callback)).status).toBe(200)
  const { data } = await first.graphql('{ connectedAccount(connectionName: "solo", identifier: "me") { status } }')
  expect(data['connectedAccount']).toEqual({ status: 'ACTIVE' })
  await first.stop()

  const second = await startApp({ directory })
  expect(second.log()).toMatch(/1 OAuth app has no confirmationUrl: .*with a single user/)
  await second.stop()
  await rm(directory, { recursive: true, force: true })
})
