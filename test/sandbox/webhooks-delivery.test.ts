import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyWebhookSignature } from '@notionhq/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import type { RunningSandbox } from './support.ts'
import { startSandbox } from './support.ts'
import { type Receiver, startReceiver, subscribe, takeEvents } from './webhook-receiver.ts'

let sandbox: RunningSandbox
let receiver: Receiver
let accessToken: string
/** An event of a type that is not gathered: each lock of a page makes one. */
const events = ['page.locked']

beforeEach(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
  receiver = await startReceiver()
  accessToken = (await sandbox.connect()).access_token
  await sandbox.control('webhookFaults', { retryMs: 1 })
})
afterEach(async () => {
  await sandbox.close()
  await receiver.close()
})

const pages = [acme.roadmap, acme.handbook, acme.runbooks, acme.engineering]
const lock = async (pageId: string) => {
  const { status } = await sandbox.call(accessToken, 'PATCH', `/v1/pages/${pageId}`, { is_locked: true })
  expect(status).toBe(200)
}
const counts = async () => {
  const { webhooks } = await sandbox.control('webhooks')
  const [first] = webhooks as { [count: string]: unknown }[]
  const { sent, delivered, failed, lost, dropped, waiting } = first ?? {}
  return { sent, delivered, failed, lost, dropped, waiting }
}
/** A promise of a status, and the function that resolves it. */
function deferred() {
  let resolve: (status: number) => void = () => {}
  const promise = new Promise<number>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
const none = { sent: 0, delivered: 0, failed: 0, lost: 0, dropped: 0, waiting: 0 }

describe('a failed delivery', () => {
  it.each([
    ['an error', 500],
    ['a redirect', 307],
  ])('is repeated after %s with the same id, the next number and a valid signature', async (_, status) => {
    const { token } = await subscribe(sandbox, receiver, { events })
    receiver.answerWith((number) => (number < 2 ? status : 200))
    await lock(acme.roadmap)
    await sandbox.control('webhookFlush')
    expect(receiver.events().map(({ attempt_number }) => attempt_number)).toEqual([1, 2, 3])
    expect(new Set(receiver.events().map(({ id }) => id)).size).toBe(1)
    for (const { headers, raw: body } of receiver.requests) {
      const signature = String(headers['x-notion-signature'])
      expect(await verifyWebhookSignature({ body, signature, verificationToken: token })).toBe(true)
    }
    expect(await counts()).toEqual({ ...none, sent: 3, delivered: 1 })
  })

  it('is given up after eight attempts', async () => {
    await subscribe(sandbox, receiver, { events })
    receiver.answerWith(() => 503)
    await lock(acme.roadmap)
    const delivered = await takeEvents(sandbox, receiver)
    expect(delivered.map(({ attempt_number }) => attempt_number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(await counts()).toEqual({ ...none, sent: 8, failed: 1 })
  })

  it('is repeated when nothing listens, and appears in the log without the query of its URL', async () => {
    await subscribe(sandbox, receiver, { events })
    await receiver.close()
    await lock(acme.roadmap)
    expect(await sandbox.control('webhookFlush')).toMatchObject({ waiting: 0 })
    const sent = (await sandbox.log()).filter((entry) => 'webhook' in entry)
    expect(sent).toMatchObject([
      { method: 'POST', path: receiver.url.split('?')[0], status: 200, webhook: 'verification' },
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => ({ status: null, webhook: `page.locked ${number}` })),
    ])
    expect(JSON.stringify(sent)).not.toContain('secret')
  })
})

describe('webhookFaults', () => {
  it('sends additional copies with the same id', async () => {
    await subscribe(sandbox, receiver, { events })
    await sandbox.control('webhookFaults', { duplicate: 2 })
    await lock(acme.roadmap)
    const copies = await takeEvents(sandbox, receiver)
    expect(copies.map(({ attempt_number }) => attempt_number)).toEqual([1, 1, 1])
    expect(new Set(copies.map(({ id }) => id)).size).toBe(1)
  })

  it('loses the next events', async () => {
    await subscribe(sandbox, receiver, { events })
    await sandbox.control('webhookFaults', { lose: 2 })
    for (const page of pages) await lock(page)
    const sent = await takeEvents(sandbox, receiver)
    expect(sent.map(({ entity }) => entity.id).sort()).toEqual(pages.slice(2).sort())
    expect(await counts()).toEqual({ ...none, sent: 2, delivered: 2, lost: 2 })
  })

  it('sends the events of a window in reverse order', async () => {
    await subscribe(sandbox, receiver, { events })
    await sandbox.control('webhookFaults', { reverse: true, aggregateMs: 600_000 })
    for (const page of pages) await lock(page)
    const sent = await takeEvents(sandbox, receiver)
    expect(sent.map(({ entity }) => entity.id)).toEqual(pages.toReversed())
    const times = sent.map(({ timestamp }) => timestamp)
    expect(times).toEqual(times.toSorted().reverse())
  })

  it('delays events', async () => {
    await subscribe(sandbox, receiver, { events })
    await sandbox.control('webhookFaults', { delayMs: 600_000 })
    await lock(acme.roadmap)
    expect(await sandbox.control('webhookFlush', { timeoutMs: 0 })).toMatchObject({ waiting: 1 })
    expect(receiver.events()).toEqual([])
    await sandbox.control('webhookFaults', { delayMs: 1 })
    await lock(acme.handbook)
    await expect.poll(() => receiver.events().length, { timeout: 60_000 }).toBe(1)
  })

  it('ends with clear, which sends what was held', async () => {
    await subscribe(sandbox, receiver, { events })
    const faults = { duplicate: 1, reverse: true, aggregateMs: 600_000, retryMs: 5, delayMs: 0, lose: 0 }
    expect(await sandbox.control('webhookFaults', faults)).toMatchObject(faults)
    await lock(acme.roadmap)
    await sandbox.control('clear')
    expect(await takeEvents(sandbox, receiver)).toHaveLength(2)
    await lock(acme.handbook)
    expect(await takeEvents(sandbox, receiver)).toHaveLength(1)
    const defaults = { duplicate: 0, lose: 0, delayMs: 0, reverse: false, aggregateMs: 200, retryMs: 200 }
    expect(await sandbox.control('webhookFaults')).toMatchObject(defaults)
  })

  it.each([{ duplicate: -1 }, { lose: 1.5 }, { aggregateMs: '1' }, { speed: 1 }])('refuses %j', async (faults) => {
    await expect(sandbox.control('webhookFaults', faults)).rejects.toThrow(Object.keys(faults)[0])
  })
})

describe('delivery', () => {
  it('does not delay the API when the receiver does not answer', async () => {
    await subscribe(sandbox, receiver, { events })
    const { promise: released, resolve: release } = deferred()
    receiver.answerWith(() => released)
    for (const page of pages) await lock(page)
    await expect.poll(() => receiver.requests.length, { timeout: 60_000 }).toBe(pages.length)
    expect(await counts()).toMatchObject({ delivered: 0, waiting: pages.length })
    release(200)
    expect(await takeEvents(sandbox, receiver)).toHaveLength(pages.length)
    expect(await counts()).toMatchObject({ delivered: pages.length, waiting: 0 })
  })

  it('is bounded: events over the bound are dropped and counted', async () => {
    await subscribe(sandbox, receiver, { events: ['page.created'] })
    await sandbox.control('webhookFaults', { aggregateMs: 600_000, delayMs: 600_000, duplicate: 1 })
    await sandbox.control('seed', { pages: 10_020 })
    expect(await sandbox.control('webhookFlush', { timeoutMs: 0 })).toMatchObject({ waiting: 10_000 })
    expect(await sandbox.control('webhooks')).toMatchObject({ dropped: 21 })
    expect(await counts()).toEqual({ ...none, dropped: 10_000, waiting: 10_000 })
  })

  it('ends with the sandbox, in whatever state it is', async () => {
    await subscribe(sandbox, receiver, { events: ['page.locked', 'page.content_updated'] })
    const { promise: never } = deferred()
    receiver.answerWith((number) => (number === 0 ? 500 : never))
    await sandbox.control('webhookFaults', { retryMs: 600_000, aggregateMs: 600_000 })
    await lock(acme.roadmap)
    await expect.poll(counts, { timeout: 60_000 }).toMatchObject({ sent: 1, waiting: 1 })
    await lock(acme.handbook)
    await sandbox.control('webhookFaults', { delayMs: 600_000 })
    await lock(acme.runbooks)
    await expect.poll(() => receiver.requests.length, { timeout: 60_000 }).toBe(2)
    await sandbox.close()
    expect(receiver.requests).toHaveLength(2)
  })
})

describe('a sandbox with a data directory', () => {
  it('restores subscriptions with their states and tokens', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'sandbox-'))
    const before = await startSandbox({ dataDirectory })
    const { access_token } = await before.connect()
    const { id, token } = await subscribe(before, receiver, { events })
    const { subscriptionId } = await before.control('webhook', { clientId: 'other', url: receiver.url })
    const pendingToken = receiver.token()
    await before.close()
    receiver.forget()

    const after = await startSandbox({ dataDirectory })
    expect((await after.control('webhooks')).webhooks).toMatchObject([
      { subscriptionId: id, state: 'active', events },
      { subscriptionId, state: 'pending' },
    ])
    expect(receiver.requests).toEqual([])
    await after.call(access_token, 'PATCH', `/v1/pages/${acme.roadmap}`, { is_locked: true })
    await after.control('webhookFlush')
    const [request] = receiver.requests
    const signature = String(request?.headers['x-notion-signature'])
    const body = request?.raw ?? ''
    expect(await verifyWebhookSignature({ body, signature, verificationToken: token })).toBe(true)
    expect(await after.control('webhookVerify', { token: pendingToken })).toMatchObject({ subscriptionId })
    await after.close()
    await rm(dataDirectory, { recursive: true })
  })
})
