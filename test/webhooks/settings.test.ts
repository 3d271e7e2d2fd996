import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import {
  createAccount,
  createEndpoint,
  listDeliveries,
  mutate,
  orIssues,
  quickDeliveries,
  startReceiver,
} from './support.ts'

it('calls no address that is not allowed any more, in an embedded database that was restarted', async () => {
  const receiver = await startReceiver()
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-webhooks-'))
  const start = (networks?: string) =>
    startApp({
      directory,
      deliveryTiming: quickDeliveries,
      env: networks === undefined ? {} : { VALETKEY_WEBHOOK_PRIVATE_NETWORKS: networks },
    })
  try {
    let app = await start()
    await createEndpoint(app, `${receiver.url}/embedded`)
    await createAccount(app, 'before')
    await expect.poll(() => receiver.requests.length).toBe(1)
    await app.stop()

    app = await start('10.0.0.0/8')
    expect(await mutate(app, 'createWebhookEndpoint', { url: receiver.url }, orIssues('secret'))).toMatchObject({
      issues: [{ path: 'url', message: 'must have a public address' }],
    })
    await createAccount(app, 'after')
    await expect
      .poll(async () => (await listDeliveries(app))[0])
      .toMatchObject({ status: 'PENDING', lastError: expect.stringContaining('VALETKEY_WEBHOOK_PRIVATE_NETWORKS') })
    expect(receiver.requests.map(({ event }) => event.data['identifier'])).not.toContain('after')
    await app.stop()
  } finally {
    await receiver.close()
    await rm(directory, { recursive: true, force: true })
  }
})
