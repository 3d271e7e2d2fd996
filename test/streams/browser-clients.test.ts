import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount, type Nodes, newKey, newSession, read, revokeKey, startNodes, watchDocument } from './support.ts'

let running: Nodes
beforeAll(async () => {
  running = await startNodes()
  await createAccount(running.nodes[0], 'ann')
})
afterAll(() => running.stop())

const app = () => running.nodes[0]

describe('subscriptions over multipart', () => {
  it('reach Apollo Client: each state, and the error that ends the stream', async () => {
    const { secret, id } = await newKey(app(), ['ACCOUNTS_READ'])
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: new HttpLink({ uri: `${app().url}/graphql`, headers: { authorization: `Bearer ${secret}` } }),
    })
    const seen: { data?: unknown; error?: unknown }[] = []
    let completed = false
    client.subscribe({ query: gql(watchDocument), variables: { i: 'ann' } }).subscribe({
      next: ({ data, error }) => void seen.push({ data, error }),
      complete: () => {
        completed = true
      },
    })
    await expect.poll(() => seen).toMatchObject([{ data: { connectedAccountStatus: { status: 'PENDING' } } }])
    await revokeKey(app(), id)
    await expect.poll(() => completed).toBe(true)
    expect(JSON.stringify(seen.at(-1)?.error)).toContain('UNAUTHENTICATED')
  })

  it('begin with a heartbeat, repeat it, and pass proxies unbuffered', async () => {
    const response = await fetch(`${app().url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json',
        authorization: `Bearer ${app().apiKey}`,
      },
      body: JSON.stringify({ query: watchDocument, variables: { i: 'ann' } }),
    })
    expect(response.headers.get('content-type')).toBe('multipart/mixed;boundary="graphql";subscriptionSpec=1.0')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    const stream = read(response)
    await expect.poll(() => stream.text.split('\r\n\r\n{}').length).toBeGreaterThan(2)
  })

  it.each([
    ['multipart', 'POST'],
    ['multipart', 'GET'],
    ['events', 'POST'],
    ['events', 'GET'],
  ] as const)('end when their client leaves (%s, %s)', async (protocol, method) => {
    const identifier = `leaving ${protocol} ${method}`
    await createAccount(app(), identifier)
    const token = await newSession(app(), identifier)
    const leaving = new AbortController()
    const sent = { query: watchDocument, variables: JSON.stringify({ i: identifier }) }
    const open = async (signal?: AbortSignal) =>
      fetch(`${app().url}/graphql${method === 'GET' ? `?${new URLSearchParams(sent)}` : ''}`, {
        method,
        headers: {
          accept:
            protocol === 'events' ? 'text/event-stream' : 'multipart/mixed;subscriptionSpec=1.0, application/json',
          authorization: `Bearer ${token}`,
          ...(method === 'POST' && { 'content-type': 'application/json' }),
        },
        ...(method === 'POST' && { body: JSON.stringify({ ...sent, variables: { i: identifier } }) }),
        ...(signal && { signal }),
      })
    // As many as one user session can have open.
    const streams = (await Promise.all(Array.from({ length: 20 }, () => open(leaving.signal)))).map(read)
    await expect.poll(() => streams.filter(({ text }) => text.includes('PENDING')).length).toBe(20)
    const answer = async () => {
      const staying = new AbortController()
      const received = read(await open(staying.signal))
      await expect.poll(() => received.text).toMatch(/PENDING|Too many/)
      staying.abort()
      return received.text
    }
    expect(await answer()).toContain('Too many subscriptions')
    leaving.abort()
    await expect.poll(answer).toContain('PENDING')
  })

  it.each([
    ['a query', '{ __typename }', 200],
    ['an invalid subscription', 'subscription { nonsense }', 400],
  ])('answer %s with JSON', async (_what, query, status) => {
    const response = await fetch(`${app().url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'multipart/mixed;subscriptionSpec=1.0, application/graphql-response+json, application/json;q=0.9',
        authorization: `Bearer ${app().apiKey}`,
      },
      body: JSON.stringify({ query }),
    })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(/json/)
  })
})

describe('a stream ticket', () => {
  const newTicket = async (token: string) => {
    const { data, errors } = await app().graphql(
      'mutation { createStreamTicket(input: {}) { ... on CreateStreamTicketPayload { ticket expiresAt } } }',
      {},
      token,
    )
    if (errors) throw new Error(JSON.stringify(errors))
    return data['createStreamTicket'] as { ticket: string; expiresAt: string }
  }
  const get = (ticket: string, query: string, headers: Record<string, string> = {}) =>
    fetch(`${app().url}/graphql?${new URLSearchParams({ query, ticket })}`, {
      headers: { accept: 'text/event-stream', ...headers },
    })
  const watchAnn = 'subscription { connectedAccountStatus(identifier: "ann") { status } }'

  it('opens a subscription as EventSource does, and does not appear in the log', async () => {
    const { ticket, expiresAt } = await newTicket(await newSession(app(), 'ann'))
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(61_000)
    const response = await get(ticket, watchAnn)
    const stream = read(response)
    await expect.poll(() => stream.text).toContain('"status":"PENDING"')
    await response.body?.cancel().catch(() => {})
    expect(app().log()).not.toContain(ticket.slice(-20))
  })

  it('ends its streams with its user session', async () => {
    const { ticket } = await newTicket(await newSession(app(), 'ann', { expiresInSeconds: 3 }))
    const stream = read(await get(ticket, watchAnn))
    await expect.poll(() => stream.end).toBe('complete')
    expect(stream.text).toContain('The user session has expired.')
    expect((await get(ticket, watchAnn)).status).toBe(401)
  })

  it('ends with the API key of its user session', async () => {
    const { secret, id } = await newKey(app(), ['USER_SESSIONS_CREATE'])
    const { ticket } = await newTicket(await newSession(app(), 'ann', { key: secret }))
    await revokeKey(app(), id)
    expect((await get(ticket, watchAnn)).status).toBe(401)
  })

  it('is refused for queries, mutations, other users and other transports', async () => {
    const { ticket } = await newTicket(await newSession(app(), 'ann'))
    for (const query of ['{ viewer { identifier } }', '{ __typename }']) {
      expect(await (await get(ticket, query)).text()).toContain('"code":"FORBIDDEN"')
    }
    const other = 'subscription { connectedAccountStatus(identifier: "bob") { status } }'
    expect(await (await get(ticket, other)).text()).toContain('"code":"FORBIDDEN"')
    expect((await get(ticket, watchAnn, { accept: 'application/json' })).status).toBe(400)
    expect((await get(ticket, watchAnn, { authorization: `Bearer ${app().apiKey}` })).status).toBe(400)
    const posted = await fetch(`${app().url}/graphql?ticket=${ticket}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: watchAnn }),
    })
    expect(posted.status).toBe(400)
    expect((await app().graphql(watchAnn, {}, ticket)).status).toBe(401)
  })

  it('is refused when it was changed, and a user session is not a ticket', async () => {
    const token = await newSession(app(), 'ann')
    const { ticket } = await newTicket(token)
    const [head = '', body = '', signature = ''] = ticket.split('.')
    for (const wrong of ['', 'x', `${head}.${body}.${signature.slice(1)}A`, token]) {
      expect((await get(wrong, watchAnn)).status).toBe(401)
    }
  })

  it('is created with a user session only', async () => {
    await expect(newTicket(app().apiKey)).rejects.toThrow('requires a user session')
  })
})

it.each([['{"id":1}'], ['{"doc_id":"x","extra":{"a":[1]}}'], ['{"__proto__":null,"constructor":"x"}']])(
  'a request with unknown parameters is served: %s',
  async (extra) => {
    const response = await fetch(`${app().url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${app().apiKey}` },
      body: `{"query":"{ __typename }",${extra.slice(1)}`,
    })
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  },
)
