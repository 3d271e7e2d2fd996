import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../src/log.ts'
import { startApp, type TestApp } from '../support/app.ts'
import {
  createAccount,
  createEndpoint,
  documentedVerifier,
  listDeliveries,
  listEndpoints,
  mutate,
  orIssues,
  quickDeliveries,
  type Receiver,
  startReceiver,
  status,
} from './support.ts'

let app: TestApp
let receiver: Receiver
let verify: Awaited<ReturnType<typeof documentedVerifier>>
beforeAll(async () => {
  app = await startApp({ database: 'postgres', deliveryTiming: quickDeliveries })
  receiver = await startReceiver()
  verify = await documentedVerifier()
})
afterAll(async () => {
  await app.stop()
  await receiver.close()
})
beforeEach(async () => {
  receiver.answer(status(204))
  for (const { id } of await listEndpoints(app)) await mutate(app, 'deleteWebhookEndpoint', { id }, 'deletedId')
})

const typesAt = (path: string) => receiver.at(path).map(({ event }) => event.type)

describe('events', () => {
  it('report the whole life of an account in order, signed, with IDs of the API and without tokens or e-mail addresses', async () => {
    const { secret } = await createEndpoint(app, `${receiver.url}/life`)
    await app.connect('life', { user: 'owner@acme.test' })
    await app.sandbox('revoke', {})
    await mutate(app, 'refreshConnectedAccount', { identifier: 'life' }, 'connectedAccount { status }')
    const { data } = await app.graphql('{ connectedAccount(identifier: "life") { id } }')
    const { id } = data['connectedAccount'] as { id: string }
    await mutate(app, 'deleteConnectedAccount', { identifier: 'life' }, 'deletedId')

    const account = { connectedAccountId: id, connectionName: 'notion', identifier: 'life' }
    await expect.poll(() => typesAt('/life')).toContain('connected_account.deleted')
    const events = receiver.at('/life').map(({ event }) => event)
    expect(events.map(({ type, data: { previousStatus, status: to } }) => [type, previousStatus, to])).toEqual([
      ['connected_account.status_changed', null, 'PENDING'],
      ['connected_account.status_changed', 'PENDING', 'PENDING_CONFIRMATION'],
      ['connected_account.status_changed', 'PENDING_CONFIRMATION', 'ACTIVE'],
      ['connected_account.status_changed', 'ACTIVE', 'REVOKED'],
      ['connected_account.needs_reauthorization', undefined, 'REVOKED'],
      ['connected_account.status_changed', 'REVOKED', 'DISCONNECTED'],
      ['connected_account.deleted', undefined, undefined],
    ])
    expect(events.at(-3)?.data).toEqual({ ...account, status: 'REVOKED', reason: 'REVOKED_AT_PROVIDER' })
    expect(events.at(-1)?.data).toEqual(account)
    for (const { headers, body, event } of receiver.at('/life')) {
      expect(verify(headers, body, [secret])).toEqual({ id: headers['webhook-id'], ...event })
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'webhook-id': expect.stringMatching(/^[\w-]+$/),
      })
      expect(body).not.toMatch(/@|ntn_|nrt_/)
      expect(new Date(event.timestamp).toISOString()).toBe(event.timestamp)
    }
    expect(new Set(receiver.at('/life').map(({ headers }) => headers['webhook-id'])).size).toBe(7)
  })

  it('report a call whose outcome is unknown, once, and not calls that succeed', async () => {
    await createEndpoint(app, `${receiver.url}/unknown`, ['tool_execution.outcome_unknown'])
    await app.connect('unknown')
    const input = {
      parent_page_id: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
      properties: { title: { title: [{ text: { content: 'New' } }] } },
    }
    await app.sandbox('fault', {
      match: { method: 'POST', path: '/v1/pages' },
      kind: 'commit_then_reset',
    })
    const failed = await app.executeTool('unknown', 'notion_page_create', input)
    expect(failed.__typename).toBe('OutcomeUnknownError')
    const { data } = await app.graphql('{ toolExecutions(first: 1) { nodes { id status } } }')
    const [execution] = (data['toolExecutions'] as { nodes: { id: string; status: string }[] }).nodes
    await app.executeTool('unknown', 'notion_page_create', input)
    await expect.poll(() => receiver.at('/unknown').length).toBe(1)
    expect(receiver.at('/unknown')[0]?.event.data).toMatchObject({
      toolExecutionId: execution?.id,
      toolName: 'notion_page_create',
      identifier: 'unknown',
      startedAt: expect.stringMatching(/Z$/),
    })
    expect(await listDeliveries(app)).toHaveLength(1)
  })

  it('go to the endpoints that accept their type, with the same ID', async () => {
    await createEndpoint(app, `${receiver.url}/all`)
    await createEndpoint(app, `${receiver.url}/changes`, ['connected_account.status_changed'])
    await createEndpoint(app, `${receiver.url}/deletions`, ['connected_account.deleted', 'connected_account.deleted'])
    await createAccount(app, 'filtered')
    await mutate(app, 'deleteConnectedAccount', { identifier: 'filtered' }, 'deletedId')
    await expect
      .poll(() => [typesAt('/all').length, typesAt('/changes').length, typesAt('/deletions').length])
      .toEqual([3, 2, 1])
    const ids = ['/all', '/changes', '/deletions'].map((path) =>
      receiver.at(path).map((one) => one.headers['webhook-id']),
    )
    expect(ids[0]).toEqual([...(ids[1] ?? []), ...(ids[2] ?? [])])
  })

  it('are not queued by a change that is rolled back, or where no endpoint exists', async () => {
    await createAccount(app, 'unheard')
    await createEndpoint(app, `${receiver.url}/rolled-back`)
    const refused = await mutate(
      app,
      'getOrCreateConnectedAccount',
      { identifier: 'x', connectionName: 'missing' },
      'connectedAccount { id }',
    )
    expect(refused['__typename']).toBe('OAuthAppNotFoundError')
    expect(await listDeliveries(app)).toEqual([])
  })
})

describe('deliveries', () => {
  it('are repeated with the same ID and a new timestamp until they are accepted, and block only their own account', async () => {
    const { secret } = await createEndpoint(app, `${receiver.url}/repeated`)
    const of = (identifier: string) =>
      receiver.at('/repeated').filter((one) => one.event.data['identifier'] === identifier)
    receiver.answer((response, { event }) => {
      // The first event of the slow account fails until the other account's event is here.
      const fails = event.data['identifier'] === 'slow' && (of('slow').length < 4 || of('fast').length === 0)
      status(fails ? 500 : 200)(response)
    })
    await createAccount(app, 'slow')
    await mutate(app, 'deleteConnectedAccount', { identifier: 'slow' }, 'deletedId')
    await createAccount(app, 'fast')
    await expect.poll(() => of('slow').at(-1)?.event.type).toBe('connected_account.deleted')
    const repeated = of('slow').slice(0, -2)
    expect(of('slow').map(({ event }) => event.data['status'])).toEqual([
      ...repeated.map(() => 'PENDING'),
      'DISCONNECTED',
      undefined,
    ])
    expect(repeated.length).toBeGreaterThanOrEqual(4)
    expect(new Set(repeated.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    for (const { headers, body } of of('slow')) verify(headers, body, [secret])
    await expect
      .poll(async () => (await listDeliveries(app)).map((one) => [one.status, one.attempts]))
      .toEqual([
        ['DELIVERED', 1],
        ['DELIVERED', 1],
        ['DELIVERED', 1],
        ['DELIVERED', repeated.length],
      ])
  })

  it.each([
    ['a redirect', status(302, { location: '/elsewhere' }), /redirect \(302\)/, 302],
    ['a client error', status(404), /status 404/, 404],
    ['a reset connection', (response: { destroy(): void }) => response.destroy(), /connection failed \(/, null],
    ['no answer in time', () => {}, /did not respond in time/, null],
  ] as const)('fail for now after %s', async (_name, respond, error, code) => {
    const path = `/failing-${code}-${_name.replaceAll(' ', '-')}`
    await createEndpoint(app, receiver.url + path)
    receiver.answer(respond)
    await createAccount(app, `failing ${_name}`)
    await expect.poll(async () => (await listDeliveries(app))[0]?.attempts).toBeGreaterThan(1)
    await expect
      .poll(async () => (await listDeliveries(app))[0])
      .toMatchObject({ status: 'PENDING', lastError: expect.stringMatching(error), lastStatusCode: code })
    expect(receiver.at('/elsewhere')).toEqual([])
  })

  it.each([
    [
      'a huge body',
      (response: NodeJS.WritableStream) => {
        const chunk = Buffer.alloc(64 * 1024, 'x')
        const write = () => {
          while (response.writable && response.write(chunk));
          if (response.writable) response.once('drain', write)
        }
        response.on('error', () => {})
        write()
      },
    ],
    ['a body that never ends', (response: NodeJS.WritableStream) => void response.write('x')],
    [
      'a body that breaks off',
      (response: NodeJS.WritableStream & { destroy(): void }) => {
        response.write('x')
        setTimeout(() => response.destroy(), 20)
      },
    ],
  ] as const)('are accepted by a status of 2xx with %s', async (name, respond) => {
    await createEndpoint(app, `${receiver.url}/body`)
    receiver.answer(respond as never)
    await createAccount(app, `body ${name}`)
    await expect
      .poll(async () => (await listDeliveries(app))[0])
      .toMatchObject({ status: 'DELIVERED', attempts: 1, lastStatusCode: 200, lastError: null })
  })

  it.each([429, 503])('pause the whole endpoint for the time that a %d asks for', async (code) => {
    const path = `/paused-${code}`
    await createEndpoint(app, receiver.url + path)
    receiver.answer(status(code, { 'retry-after': '60' }))
    await createAccount(app, `limited ${code}`)
    await expect.poll(async () => (await listDeliveries(app))[0]?.lastStatusCode).toBe(code)
    await createAccount(app, `another ${code}`)
    const inSeconds = (time: string | null | undefined) => (new Date(time ?? 0).getTime() - Date.now()) / 1000
    await expect
      .poll(async () => (await listDeliveries(app)).every((one) => inSeconds(one.nextAttemptAt) > 30))
      .toBe(true)
    expect((await listDeliveries(app)).map(({ attempts }) => attempts)).toEqual([0, 1])
    expect(receiver.at(path)).toHaveLength(1)
  })

  it.each(['enabled', 'moved'])(
    'that wait for a receiver which asked for a pause are due once its endpoint is %s',
    async (act) => {
      const path = `/paused-until-${act}`
      const { endpoint } = await createEndpoint(app, `${receiver.url}${path}`)
      receiver.answer(status(503, { 'retry-after': '3600' }))
      await createAccount(app, `paused-${act}`)
      await expect.poll(() => receiver.at(path)).toHaveLength(1)
      await createAccount(app, `waiting-${act}`)
      await expect.poll(async () => (await listDeliveries(app)).length).toBe(2)
      receiver.answer(status(200))
      const change = act === 'enabled' ? { enabled: true } : { url: `${receiver.url}${path}-again` }
      await mutate(app, 'updateWebhookEndpoint', { id: endpoint.id, ...change }, 'webhookEndpoint { id }')
      await expect
        .poll(async () => (await listDeliveries(app)).map((delivery) => delivery.status))
        .toEqual(['DELIVERED', 'DELIVERED'])
    },
  )

  it('end at a receiver that is gone: the endpoint is disabled with a reason until it is enabled', async () => {
    const { endpoint } = await createEndpoint(app, `${receiver.url}/gone`)
    receiver.answer(status(410))
    await createAccount(app, 'gone')
    await expect
      .poll(async () => (await listEndpoints(app))[0])
      .toMatchObject({
        enabled: false,
        disabledAt: expect.any(String),
        disabledReason: expect.stringContaining('410'),
      })
    await expect
      .poll(async () => (await listDeliveries(app))[0])
      .toMatchObject({ status: 'FAILED', lastStatusCode: 410 })
    await createAccount(app, 'unheard of')
    const [delivery, ...others] = await listDeliveries(app)
    expect(others).toEqual([])
    expect(
      await mutate(app, 'replayWebhookDelivery', { id: delivery?.id }, orIssues('webhookDelivery { id }')),
    ).toMatchObject({
      issues: [{ path: 'id', message: expect.stringContaining('updateWebhookEndpoint') }],
    })
    receiver.answer(status(200))
    const enabled = { id: endpoint.id, enabled: true }
    expect(
      await mutate(app, 'updateWebhookEndpoint', enabled, 'webhookEndpoint { enabled disabledReason }'),
    ).toMatchObject({ webhookEndpoint: { enabled: true, disabledReason: null } })
    await mutate(app, 'replayWebhookDelivery', { id: delivery?.id }, 'webhookDelivery { id }')
    await expect.poll(async () => (await listDeliveries(app))[0]).toMatchObject({ status: 'DELIVERED' })
    expect(receiver.at('/gone').map(({ headers }) => headers['webhook-id'])).toEqual([
      delivery?.eventId,
      delivery?.eventId,
    ])
  })

  it('are replayed alone or together, also when they were accepted', async () => {
    const { endpoint } = await createEndpoint(app, `${receiver.url}/replayed`)
    for (const identifier of ['r1', 'r2', 'r3']) await createAccount(app, identifier)
    await expect.poll(async () => (await listDeliveries(app, { status: 'DELIVERED' })).length).toBe(3)
    const [newest] = await listDeliveries(app)
    expect(
      await mutate(app, 'replayWebhookDelivery', { id: newest?.id }, 'webhookDelivery { status attempts }'),
    ).toMatchObject({
      __typename: 'ReplayWebhookDeliveryPayload',
    })
    await expect.poll(() => receiver.at('/replayed').length).toBe(4)
    const replay = (more: object) =>
      mutate(app, 'replayWebhookDeliveries', { endpointId: endpoint.id, ...more }, 'replayed')
    expect(await replay({})).toMatchObject({ replayed: 0 })
    await expect.poll(async () => (await listDeliveries(app, { status: 'DELIVERED' })).length).toBe(3)
    expect(await replay({ status: 'DELIVERED' })).toMatchObject({ replayed: 3 })
    await expect.poll(() => receiver.at('/replayed').length).toBe(7)
    expect(await replay({ status: 'DELIVERED', since: '2100-01-01T00:00:00Z' })).toMatchObject({ replayed: 0 })
  })

  it('are listed in pages, by endpoint and by status', async () => {
    const { endpoint } = await createEndpoint(app, `${receiver.url}/listed`)
    const other = await createEndpoint(app, `${receiver.url}/other`, ['connected_account.deleted'])
    for (const identifier of ['l1', 'l2', 'l3']) await createAccount(app, identifier)
    await expect.poll(async () => (await listDeliveries(app, { status: 'DELIVERED' })).length).toBe(3)
    expect(await listDeliveries(app, { endpointId: other.endpoint.id })).toEqual([])
    const page = async (after: string | null) => {
      const { data } = await app.graphql(
        `query ($after: String, $endpointId: ID) { webhookDeliveries(first: 2, after: $after, endpointId: $endpointId) {
          nodes { payload } pageInfo { hasNextPage endCursor } } }`,
        { after, endpointId: endpoint.id },
      )
      return data['webhookDeliveries'] as {
        nodes: { payload: { data: { identifier: string } } }[]
        pageInfo: { hasNextPage: boolean; endCursor: string }
      }
    }
    const first = await page(null)
    const second = await page(first.pageInfo.endCursor)
    expect([...first.nodes, ...second.nodes].map(({ payload }) => payload.data.identifier)).toEqual(['l3', 'l2', 'l1'])
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false])
  })

  it('are counted in the metrics', async () => {
    await createEndpoint(app, `${receiver.url}/counted`)
    receiver.answer(status(500))
    await createAccount(app, 'counted')
    await expect.poll(() => receiver.at('/counted').length).toBeGreaterThan(0)
    const metrics = async () => {
      const response = await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${app.apiKey}` } })
      return response.text()
    }
    await expect.poll(metrics).toMatch(/^valetkey_webhook_attempts_total\{outcome="retried"\} [1-9]/m)
    expect(await metrics()).toMatch(/^valetkey_webhook_queue 1$/m)
    expect(await metrics()).toMatch(/^valetkey_webhook_oldest_seconds \d/m)
  })
})

describe('secrets', () => {
  it('overlap during a rotation: requests have a signature of each, until the overlap ends', async () => {
    const { endpoint, secret } = await createEndpoint(app, `${receiver.url}/rotated`)
    const rotate = async (overlapSeconds?: number) => {
      const rotated = await mutate(
        app,
        'rotateWebhookSecret',
        { id: endpoint.id, ...(overlapSeconds !== undefined && { overlapSeconds }) },
        'webhookEndpoint { previousSecretExpiresAt } secret',
      )
      return rotated as { secret: string; webhookEndpoint: { previousSecretExpiresAt: string | null } }
    }
    const next = await rotate()
    expect(new Date(next.webhookEndpoint.previousSecretExpiresAt ?? 0).getTime() / 3_600_000).toBeCloseTo(
      Date.now() / 3_600_000 + 24,
      0,
    )
    await createAccount(app, 'both')
    await expect.poll(() => receiver.at('/rotated').length).toBe(1)
    const [both] = receiver.at('/rotated')
    expect(String(both?.headers['webhook-signature'])).toMatch(/^v1,\S+ v1,\S+$/)
    for (const one of [secret, next.secret]) verify(both?.headers ?? {}, both?.body ?? '', [one])

    const last = await rotate(0)
    expect(last.webhookEndpoint.previousSecretExpiresAt).toBeNull()
    await createAccount(app, 'one')
    await expect.poll(() => receiver.at('/rotated').length).toBe(2)
    const one = receiver.at('/rotated')[1]
    verify(one?.headers ?? {}, one?.body ?? '', [last.secret])
    expect(() => verify(one?.headers ?? {}, one?.body ?? '', [secret, next.secret])).toThrow('signature')
    expect(app.log()).not.toMatch(/whsec_/)
    let line = ''
    createLog('info', { write: (written) => (line = written) }).info(`the secret ${secret}, and more`)
    expect(line).toContain('the secret [redacted], and more')
  })

  it('are needed to forge a request: the documented function refuses other bodies, IDs, times and secrets', async () => {
    const { secret } = await createEndpoint(app, `${receiver.url}/forged`)
    const other = await createEndpoint(app, `${receiver.url}/elsewhere`)
    await createAccount(app, 'forged')
    await expect.poll(() => receiver.at('/forged').length).toBe(1)
    const { headers, body } = receiver.at('/forged')[0] ?? { headers: {}, body: '' }
    verify(headers, body, [secret])
    expect(() => verify(headers, `${body} `, [secret])).toThrow('signature')
    expect(() => verify({ ...headers, 'webhook-id': 'x' }, body, [secret])).toThrow('signature')
    expect(() => verify(headers, body, [other.secret])).toThrow('signature')
    expect(() => verify({ ...headers, 'webhook-signature': undefined }, body, [secret])).toThrow('signature')
    expect(() => verify(headers, body, [secret], Date.now() + 400_000)).toThrow('too old')
    expect(() => verify({ ...headers, 'webhook-timestamp': undefined }, body, [secret])).toThrow('too old')
  })
})

describe('endpoints', () => {
  it.each([
    ['url', { url: 'https://user:pass@app.example/' }, /user name/],
    ['url', { url: 'https://app.example/#part' }, /fragment/],
    ['url', { url: 'ftp://app.example/' }, /http/],
    ['url', { url: `https://app.example/${'x'.repeat(2048)}` }, /absolute/],
    ['events', { url: 'https://app.example/', events: [] }, /at least one/],
    ['events.0', { url: 'https://app.example/', events: ['connected_account.delete'] }, /"connected_account.deleted"/],
  ])('are refused with a wrong %s: %j', async (path, input, message) => {
    expect(await mutate(app, 'createWebhookEndpoint', input, orIssues('secret'))).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path, message: expect.stringMatching(message) }],
    })
  })

  it('are limited to 20 for an environment, also when they are created at once', async () => {
    const created = await Promise.all(
      Array.from({ length: 23 }, (_, at) =>
        mutate(app, 'createWebhookEndpoint', { url: `${receiver.url}/${at}` }, 'secret'),
      ),
    )
    expect(created.filter((one) => 'secret' in one)).toHaveLength(20)
    expect(await listEndpoints(app)).toHaveLength(20)
  })

  it('are changed and deleted by their ID, with their deliveries', async () => {
    const { endpoint } = await createEndpoint(app, `${receiver.url}/old`)
    const changes = { id: endpoint.id, url: `${receiver.url}/new`, events: ['connected_account.deleted'] }
    await mutate(app, 'updateWebhookEndpoint', changes, 'webhookEndpoint { id }')
    expect(await listEndpoints(app)).toMatchObject([
      { url: `${receiver.url}/new`, events: changes.events, enabled: true },
    ])
    await mutate(app, 'updateWebhookEndpoint', { id: endpoint.id, events: null }, 'webhookEndpoint { id }')
    expect((await listEndpoints(app))[0]?.events.length).toBeGreaterThan(3)
    await createAccount(app, 'deleted with its endpoint')
    await expect.poll(() => receiver.at('/new').length).toBe(1)
    expect(await mutate(app, 'deleteWebhookEndpoint', { id: endpoint.id }, 'deletedId')).toMatchObject({
      deletedId: endpoint.id,
    })
    expect(await listEndpoints(app)).toEqual([])
    expect(await listDeliveries(app)).toEqual([])
    for (const name of ['deleteWebhookEndpoint', 'rotateWebhookSecret', 'updateWebhookEndpoint']) {
      expect(await mutate(app, name, { id: endpoint.id }, '__typename')).toMatchObject({
        __typename: 'WebhookEndpointNotFoundError',
      })
    }
    expect(await mutate(app, 'replayWebhookDelivery', { id: endpoint.id }, '__typename')).toMatchObject({
      __typename: 'WebhookDeliveryNotFoundError',
    })
  })
})
