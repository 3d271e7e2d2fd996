import { connect } from 'node:net'
import { createClient } from 'graphql-sse'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAccount, type Nodes, newKey, newSession, read, revokeKey, startNodes, watchDocument } from './support.ts'

let running: Nodes
beforeEach(async () => {
  running = await startNodes()
})
afterEach(() => running.stop())

const accepts = ['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0, application/json']

const openStream = async (accept: string, identifier: string, credential: string, node = running.nodes[0]) =>
  read(
    await fetch(`${node.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${credential}` },
      body: JSON.stringify({ query: watchDocument, variables: { i: identifier } }),
    }),
  )

describe.each(accepts)('a stream over %s', (accept) => {
  it('is cut without an end when its node stops', async () => {
    const [one] = running.nodes
    await createAccount(one, 'ann')
    const stream = await openStream(accept, 'ann', one.apiKey)
    await expect.poll(() => stream.text).toContain('PENDING')
    await one.stop()
    await expect.poll(() => stream.end).toBe('cut')
    expect(stream.text).not.toMatch(/event: complete|--graphql--|"errors"/)
  })

  it('is cut as soon as its node stops, while a request that has begun is still answered', async () => {
    const [one] = running.nodes
    await createAccount(one, 'ann')
    const stream = await openStream(accept, 'ann', one.apiKey)
    await expect.poll(() => stream.text).toContain('PENDING')
    const { hostname, port } = new URL(one.url)
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    const body = JSON.stringify({ query: '{ __typename }' })
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${one.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`,
    )
    await expect.poll(() => answer).toContain('100 Continue')
    const stopping = one.stop()
    await expect.poll(() => stream.end).toBe('cut')
    socket.write(body)
    await expect.poll(() => answer).toContain('"__typename":"Query"')
    await stopping
  })

  it('is cut without an end when the database fails, so that its client reconnects', async () => {
    const [one, two] = running.nodes
    await createAccount(one, 'ann')
    const { secret, id } = await newKey(one, ['ACCOUNTS_READ'])
    const stream = await openStream(accept, 'ann', secret)
    await expect.poll(() => stream.text).toContain('PENDING')
    await running.withoutSessions(async () => {
      await revokeKey(two, id)
      await expect.poll(() => stream.end).toBe('cut')
    })
    expect(stream.text).not.toMatch(/event: complete|--graphql--|"errors"/)
  })

  it('that is opened while its node stops is cut or refused, never completed', async () => {
    const [one] = running.nodes
    await createAccount(one, 'ann')
    const stopping = one.stop()
    const stream = await openStream(accept, 'ann', one.apiKey).catch(() => null)
    await stopping
    if (stream) await expect.poll(() => stream.end).toBe('cut')
  })

  it('reports UNAUTHENTICATED with the reason when its key is revoked, then ends', async () => {
    const [one, two] = running.nodes
    await createAccount(one, 'ann')
    const { secret, id } = await newKey(one, ['ACCOUNTS_READ', 'USER_SESSIONS_CREATE'])
    const token = await newSession(one, 'ann', { key: secret })
    const streams = await Promise.all([secret, token].map((credential) => openStream(accept, 'ann', credential)))
    await expect.poll(() => streams.every(({ text }) => text.includes('PENDING'))).toBe(true)
    await revokeKey(two, id)
    await expect.poll(() => streams.map(({ end }) => end)).toEqual(['complete', 'complete'])
    for (const { text } of streams) {
      expect(text).toContain('"code":"UNAUTHENTICATED"')
      expect(text).toContain('"reason":"revoked"')
      expect(text).toMatch(/was revoked/)
      expect(text).toMatch(/event: complete|--graphql--/)
    }
  })

  it('reports UNAUTHENTICATED when its user session expires, then ends', async () => {
    const [one] = running.nodes
    await createAccount(one, 'ann')
    const stream = await openStream(accept, 'ann', await newSession(one, 'ann', { expiresInSeconds: 2 }))
    await expect.poll(() => stream.end).toBe('complete')
    expect(stream.text).toContain('"reason":"expired"')
    expect(stream.text).toContain('The user session has expired.')
  })

  it('reports that its account was deleted, then ends', async () => {
    const [one, two] = running.nodes
    await createAccount(one, 'ann')
    const stream = await openStream(accept, 'ann', one.apiKey)
    await expect.poll(() => stream.text).toContain('PENDING')
    await two.graphql('mutation { deleteConnectedAccount(input: { identifier: "ann" }) { __typename } }')
    await expect.poll(() => stream.end).toBe('complete')
    expect(stream.text).toContain('"code":"NOT_FOUND"')
    expect(stream.text).toContain('deleted')
  })
})

it('the client graphql-sse reconnects to the next node after a restart, and receives the current state', async () => {
  const [one, two] = running.nodes
  await createAccount(one, 'ann')
  let node = one
  const client = createClient({
    url: () => `${node.url}/graphql`,
    headers: { authorization: `Bearer ${one.apiKey}` },
    retry: async () => {},
  })
  const statuses: unknown[] = []
  let ended = false
  client.subscribe<{ connectedAccountStatus: { status: string } }>(
    { query: watchDocument, variables: { i: 'ann' } },
    {
      next: ({ data }) => statuses.push(data?.connectedAccountStatus.status),
      error: () => {
        ended = true
      },
      complete: () => {
        ended = true
      },
    },
  )
  await expect.poll(() => statuses).toEqual(['PENDING'])
  node = two
  await one.stop()
  await two.connect('ann')
  await expect.poll(() => statuses.at(-1)).toBe('ACTIVE')
  expect(ended).toBe(false)
  client.dispose()
})

it('the client graphql-sse receives the error of a revoked key as a result, and does not reconnect', async () => {
  const [one] = running.nodes
  await createAccount(one, 'ann')
  const { secret, id } = await newKey(one, ['ACCOUNTS_READ'])
  let attempts = 0
  const client = createClient({
    url: () => {
      attempts += 1
      return `${one.url}/graphql`
    },
    headers: { authorization: `Bearer ${secret}` },
  })
  const results: unknown[] = []
  const completed = new Promise<void>((resolve, reject) => {
    client.subscribe(
      { query: watchDocument, variables: { i: 'ann' } },
      { next: (result) => results.push(result), error: reject, complete: resolve },
    )
  })
  await expect.poll(() => results.length).toBe(1)
  await revokeKey(one, id)
  await completed
  expect(results.at(-1)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'revoked' } }] })
  expect(attempts).toBe(1)
})
