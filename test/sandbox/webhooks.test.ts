import { verifyWebhookSignature } from '@notionhq/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { acme, people, workspaces } from '../../src/sandbox/seed-ids.ts'
import type { Answered, RunningSandbox, Tokens } from './support.ts'
import { startSandbox, testClient } from './support.ts'
import { type Receiver, startReceiver, subscribe, takeEvents } from './webhook-receiver.ts'

let sandbox: RunningSandbox
let receiver: Receiver
let now = Date.UTC(2026, 10, 1, 12)
let owner: Tokens

beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000, clock: () => new Date(now) })
  receiver = await startReceiver()
})
beforeEach(async () => {
  await sandbox.control('reset')
  // Windows end when a test takes the events, so that no test depends on time.
  await sandbox.control('webhookFaults', { aggregateMs: 600_000, retryMs: 1 })
  receiver.answerWith(() => 200)
  owner = await sandbox.connect()
})
afterAll(async () => {
  await sandbox.close()
  await receiver.close()
})

const title = (content: string) => ({ title: { title: [{ text: { content } }] } })
const paragraph = (content: string) => ({ paragraph: { rich_text: [{ text: { content } }] } })

async function call(method: string, path: string, body?: unknown, version?: string, tokens = owner) {
  const answered: Answered = await sandbox.call(tokens.access_token, method, path, body, version)
  if (answered.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answered.body)}`)
  return answered.body as { readonly id: string; readonly [key: string]: unknown }
}
const newPage = (pageId: string = acme.product) =>
  call('POST', '/v1/pages', { parent: { page_id: pageId }, properties: title('Page') })
const newRow = () => call('POST', '/v1/pages', { parent: { data_source_id: acme.projectsSource }, properties: {} })
const take = () => takeEvents(sandbox, receiver)
/** The events with what differs: type, entity and data. */
const taken = async () => (await take()).map(({ type, entity, data }) => ({ type, entity, ...(data && { data }) }))
const productParent = { id: acme.product, type: 'page' }
const space = { id: workspaces.acme, type: 'space' }

describe('a subscription', () => {
  it('receives its verification token once, again on request, and events when the token is returned', async () => {
    const created = await sandbox.control('webhook', { clientId: testClient.id, url: receiver.url })
    expect(created).toMatchObject({ state: 'pending', verificationStatus: 200, subscriptionId: expect.any(String) })
    const { subscriptionId } = created
    const [first] = receiver.requests
    expect(JSON.parse(first?.raw ?? '')).toEqual({ verification_token: expect.stringMatching(/^secret_\w{40,}$/) })
    const token = receiver.token()
    await newPage()
    expect(await take()).toEqual([])

    await sandbox.control('webhookResend', { subscriptionId })
    expect(receiver.token()).toBe(token)
    await expect(sandbox.control('webhookVerify', { token: 'secret_x' })).rejects.toThrow('not the verification token')
    expect(await sandbox.control('webhookVerify', { token })).toMatchObject({ subscriptionId, state: 'active' })
    await expect(sandbox.control('webhookResend', { subscriptionId })).rejects.toThrow('is verified')
    receiver.forget()
    await newPage()
    expect(await take()).not.toEqual([])
  })

  it('is listed with its state and counts, without its token', async () => {
    const { id, token } = await subscribe(sandbox, receiver, { events: ['page.created'], apiVersion: '2025-09-03' })
    await sandbox.control('webhook', { clientId: 'other', url: receiver.url })
    await newPage()
    await take()
    const listed = await sandbox.control('webhooks', { clientId: testClient.id })
    expect(listed.webhooks).toEqual([
      {
        ...{ subscriptionId: id, clientId: testClient.id, url: receiver.url, state: 'active' },
        ...{ events: ['page.created'], apiVersion: '2025-09-03', createdTime: new Date(now).toISOString() },
        ...{ sent: 1, delivered: 1, failed: 0, lost: 0, dropped: 0, waiting: 0 },
      },
    ])
    expect((await sandbox.control('webhooks')).webhooks).toHaveLength(2)
    const home = await (await fetch(`${sandbox.url}/`)).text()
    expect(home).toContain('1 delivered, 0 failed, 0 waiting')
    for (const shown of [JSON.stringify(listed), home]) expect(shown).not.toContain(token)
    expect(home).not.toContain('secret=1')
  })

  it.each([
    ['another protocol', { url: 'ftp://127.0.0.1/' }, 'http or https'],
    ['an unknown type', { events: ['page.exploded'] }, 'page.created'],
    ['no type', { events: [] }, 'events'],
    ['an unknown version', { apiVersion: '2020-01-01' }, '2026-03-11'],
    ['an invalid client id', { clientId: 'a b' }, 'printable ASCII'],
  ])('is refused with %s', async (_, options, reason) => {
    const wanted = { clientId: testClient.id, url: receiver.url, ...options }
    await expect(sandbox.control('webhook', wanted)).rejects.toThrow(reason)
    expect((await sandbox.control('webhooks')).webhooks).toEqual([])
  })

  it('is refused for an unregistered client where only registered ones are known', async () => {
    await sandbox.control('client', { clientId: 'registered' })
    await sandbox.control('mode', { registeredClientsOnly: true })
    await expect(sandbox.control('webhook', { clientId: 'unregistered', url: receiver.url })).rejects.toThrow(
      'registered',
    )
    await sandbox.control('webhook', { clientId: 'registered', url: receiver.url })
  })

  it('is silent after it is deleted, also about earlier changes', async () => {
    const { id } = await subscribe(sandbox, receiver)
    await newPage()
    await sandbox.control('webhookDelete', { subscriptionId: id })
    await newPage()
    expect(await take()).toEqual([])
    await expect(sandbox.control('webhookDelete', { subscriptionId: id })).rejects.toThrow('Unknown subscription')
  })

  it('is removed by reset', async () => {
    await subscribe(sandbox, receiver)
    await newPage()
    await sandbox.control('reset')
    expect(await take()).toEqual([])
    expect((await sandbox.control('webhooks')).webhooks).toEqual([])
  })
})

describe('an event', () => {
  it('has the envelope of Notion, signed over its bytes', async () => {
    const { id, token } = await subscribe(sandbox, receiver)
    const page = await newPage(acme.roadmap)
    await sandbox.control('webhookFlush')
    const [request] = receiver.requests.filter(({ raw }) => raw.includes('page.created'))
    const event = JSON.parse(request?.raw ?? '') as Record<string, unknown>
    expect(Object.keys(event)).toEqual([
      ...['id', 'timestamp', 'workspace_id', 'workspace_name', 'subscription_id', 'integration_id', 'type', 'authors'],
      ...['accessible_by', 'attempt_number', 'api_version', 'entity', 'data'],
    ])
    expect(event).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      timestamp: new Date(now).toISOString(),
      workspace_id: owner.workspace_id,
      workspace_name: 'Acme',
      subscription_id: id,
      integration_id: testClient.id,
      type: 'page.created',
      authors: [{ id: owner.bot_id, type: 'bot' }],
      accessible_by: [
        { id: owner.bot_id, type: 'bot' },
        { id: people.acmeOwner, type: 'person' },
      ],
      attempt_number: 1,
      api_version: '2026-03-11',
      entity: { id: page.id, type: 'page' },
      data: { parent: { id: acme.roadmap, type: 'page' } },
    })
    const signature = String(request?.headers['x-notion-signature'])
    const body = request?.raw ?? ''
    expect(await verifyWebhookSignature({ body, signature, verificationToken: token })).toBe(true)
    expect(await verifyWebhookSignature({ body: `${body} `, signature, verificationToken: token })).toBe(false)
    expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': expect.any(String) })
  })

  it('names in accessible_by exactly the bots and users that see the entity', async () => {
    const member = await sandbox.connect({ user: 'member@acme.test', resources: acme.roadmap })
    const elsewhere = await sandbox.connect({ user: 'owner@globex.test' })
    const otherClient = await sandbox.connect({}, { id: 'other', secret: 'x' })
    await subscribe(sandbox, receiver, { events: ['page.properties_updated'] })
    const rename = (id: string) => call('PATCH', `/v1/pages/${id}`, { properties: title('Renamed') })
    await rename(acme.roadmap)
    await rename(acme.runbooks)
    const events = await take()
    const seen = Object.fromEntries(events.map(({ entity, accessible_by }) => [entity.id, accessible_by]))
    const own = [
      { id: owner.bot_id, type: 'bot' },
      { id: people.acmeOwner, type: 'person' },
    ]
    const members = [
      { id: member.bot_id, type: 'bot' },
      { id: people.acmeMember, type: 'person' },
    ]
    expect(seen).toEqual({ [acme.roadmap]: [...own, ...members], [acme.runbooks]: own })
    expect(JSON.stringify(events)).not.toContain(elsewhere.bot_id)
    expect(JSON.stringify(events)).not.toContain(otherClient.bot_id)
  })

  it('is not sent about a page that no grant of the client sees', async () => {
    await sandbox.control('revoke', { clientId: testClient.id })
    const otherClient = await sandbox.connect({}, { id: 'other', secret: 'x' })
    await sandbox.connect({ resources: acme.roadmap })
    await subscribe(sandbox, receiver)
    await call('PATCH', `/v1/pages/${acme.runbooks}`, { properties: title('Renamed') }, undefined, otherClient)
    expect(await take()).toEqual([])
    await call('PATCH', `/v1/pages/${acme.roadmap}`, { properties: title('Renamed') }, undefined, otherClient)
    expect(await take()).toMatchObject([{ entity: { id: acme.roadmap }, authors: [{ id: otherClient.bot_id }] }])
  })

  it('is not sent for changes of sharing and for revocation', async () => {
    await subscribe(sandbox, receiver)
    await sandbox.control('unshare', { user: 'owner@acme.test', resourceId: acme.roadmap })
    await sandbox.control('share', { user: 'owner@acme.test', resourceId: acme.boardMinutes })
    await sandbox.connect({ user: 'member@acme.test' })
    await sandbox.control('revoke', { user: 'member@acme.test' })
    expect(await take()).toEqual([])
  })

  it('is sent for added bulk content, with its author', async () => {
    await subscribe(sandbox, receiver, { events: ['page.created', 'data_source.created'] })
    await sandbox.control('seed', { pages: 2, databases: 1, rows: 3 })
    const events = await take()
    expect(events.map(({ type }) => type).sort()).toEqual(['data_source.created', ...Array(6).fill('page.created')])
    expect(events[0]?.authors).toEqual([{ id: people.acmeOwner, type: 'person' }])
  })

  it('goes to each subscription that selected its type, each with its own signature', async () => {
    const other = await startReceiver()
    await subscribe(sandbox, receiver, { events: ['page.created'] })
    await subscribe(sandbox, other, { events: ['page.content_updated'] })
    const pending = await startReceiver()
    await sandbox.control('webhook', { clientId: testClient.id, url: pending.url })
    await newPage()
    const [first] = receiver.requests
    expect((await take()).map(({ type }) => type)).toEqual(['page.created'])
    expect(other.events().map(({ type }) => type)).toEqual(['page.content_updated'])
    expect(first?.headers['x-notion-signature']).not.toBe(other.requests[0]?.headers['x-notion-signature'])
    expect(pending.events()).toEqual([])
    await Promise.all([other.close(), pending.close()])
  })
})

describe('events about pages', () => {
  beforeEach(() => subscribe(sandbox, receiver))

  it('report creation, trash, restoring, moves and locks, with the content of the parents', async () => {
    const page = await newPage()
    const entity = { id: page.id, type: 'page' }
    const inProduct = {
      type: 'page.content_updated',
      entity: { id: acme.product, type: 'page' },
      data: { parent: space, updated_blocks: [entity] },
    }
    const about = (type: string, parent: object = productParent) => ({ type, entity, data: { parent } })
    expect(await taken()).toEqual([about('page.created'), inProduct])
    await call('PATCH', `/v1/pages/${page.id}`, { in_trash: true })
    expect(await taken()).toEqual([about('page.deleted'), inProduct])
    await call('PATCH', `/v1/pages/${page.id}`, { in_trash: false })
    expect(await taken()).toEqual([about('page.undeleted'), inProduct])
    await call('PATCH', `/v1/pages/${page.id}`, { is_locked: true })
    expect(await taken()).toEqual([about('page.locked')])
    await call('PATCH', `/v1/pages/${page.id}`, { is_locked: false })
    expect(await taken()).toEqual([about('page.unlocked')])
    await call('POST', `/v1/pages/${page.id}/move`, { parent: { page_id: acme.roadmap } })
    const inRoadmap = { ...inProduct, entity: { id: acme.roadmap, type: 'page' } }
    expect(await taken()).toEqual([about('page.moved', { id: acme.roadmap, type: 'page' }), inProduct, inRoadmap])
  })

  it('report changed properties by the ids of the API', async () => {
    const row = await newRow()
    await take()
    const properties = row.properties as Record<string, { id: string }>
    await call('PATCH', `/v1/pages/${row.id}`, {
      properties: { Name: title('New').title, Status: { select: { name: 'Done' } } },
    })
    expect(await taken()).toEqual([
      {
        type: 'page.properties_updated',
        entity: { id: row.id, type: 'page' },
        data: {
          parent: { id: acme.projects, type: 'database', data_source_id: acme.projectsSource },
          updated_properties: [properties.Name?.id, properties.Status?.id],
        },
      },
    ])
  })

  it('report changed content by blocks, in old and new forms of writing', async () => {
    const page = await call('POST', '/v1/pages', {
      parent: { page_id: acme.product },
      properties: title('Page'),
      children: [paragraph('One')],
    })
    expect((await taken()).map(({ type, entity }) => [type, entity.id])).toEqual([
      ['page.created', page.id],
      ['page.content_updated', acme.product],
    ])
    const appended = await call('PATCH', `/v1/blocks/${page.id}/children`, { children: [paragraph('Two')] })
    const [block] = appended.results as { id: string }[]
    const changed = (...ids: (string | undefined)[]) => [
      {
        type: 'page.content_updated',
        entity: { id: page.id, type: 'page' },
        data: { parent: productParent, updated_blocks: ids.map((id) => ({ id, type: 'block' })) },
      },
    ]
    expect(await taken()).toEqual(changed(block?.id))
    await call('PATCH', `/v1/blocks/${block?.id}`, paragraph('Three'))
    expect(await taken()).toEqual(changed(block?.id))
    await call('DELETE', `/v1/blocks/${block?.id}`)
    expect(await taken()).toEqual(changed(block?.id))
    await call('PATCH', `/v1/pages/${page.id}/markdown`, {
      type: 'insert_content',
      insert_content: { content: 'Four' },
    })
    const [event] = await taken()
    expect(event).toMatchObject({ type: 'page.content_updated', entity: { id: page.id } })
    expect(event?.data?.updated_blocks).toHaveLength(1)
  })

  it('are not sent for requests that are refused or change nothing', async () => {
    await sandbox.call(owner.access_token, 'PATCH', `/v1/pages/${acme.roadmap}`, { properties: { Nope: {} } })
    await call('PATCH', `/v1/pages/${acme.roadmap}`, {})
    await call('GET', `/v1/pages/${acme.roadmap}`)
    await call('POST', '/v1/search', {})
    expect(await take()).toEqual([])
  })
})

describe('events about databases and data sources', () => {
  beforeEach(() => subscribe(sandbox, receiver))
  const types = async () => (await take()).map(({ type, entity }) => `${type} ${entity.id}`)

  it('report creation, trash, restoring and moves of databases', async () => {
    const database = await call('POST', '/v1/databases', {
      parent: { type: 'page_id', page_id: acme.product },
      title: [{ text: { content: 'New' } }],
    })
    const [source] = database.data_sources as { id: string }[]
    const entity = { id: database.id, type: 'database' }
    expect(await taken()).toEqual([
      { type: 'database.created', entity, data: { parent: productParent } },
      {
        type: 'page.content_updated',
        entity: { id: acme.product, type: 'page' },
        data: { parent: space, updated_blocks: [entity] },
      },
      { type: 'data_source.created', entity: { id: source?.id, type: 'data_source' }, data: { parent: entity } },
    ])
    await call('PATCH', `/v1/databases/${database.id}`, { in_trash: true })
    expect(await types()).toEqual([`database.deleted ${database.id}`, `page.content_updated ${acme.product}`])
    await call('PATCH', `/v1/databases/${database.id}`, { in_trash: false })
    expect(await types()).toEqual([`database.undeleted ${database.id}`, `page.content_updated ${acme.product}`])
    await call('PATCH', `/v1/databases/${database.id}`, { parent: { type: 'page_id', page_id: acme.roadmap } })
    expect(await types()).toEqual([
      `database.moved ${database.id}`,
      `page.content_updated ${acme.product}`,
      `page.content_updated ${acme.roadmap}`,
    ])
  })

  it('report creation, trash, restoring and moves of data sources', async () => {
    const source = await call('POST', '/v1/data_sources', {
      parent: { type: 'database_id', database_id: acme.projects },
      properties: {},
    })
    expect(await types()).toEqual([`data_source.created ${source.id}`])
    await call('PATCH', `/v1/data_sources/${source.id}`, { in_trash: true })
    expect(await types()).toEqual([`data_source.deleted ${source.id}`])
    await call('PATCH', `/v1/data_sources/${source.id}`, { in_trash: false })
    expect(await types()).toEqual([`data_source.undeleted ${source.id}`])
    await call('PATCH', `/v1/data_sources/${source.id}`, { parent: { database_id: acme.tasks } })
    expect(await types()).toEqual([`data_source.moved ${source.id}`])
  })

  it('report changed schemas by column, and not the rows that lose values', async () => {
    const path = `/v1/data_sources/${acme.projectsSource}`
    await call('PATCH', path, {
      properties: { Effort: { number: {} }, Status: { name: 'State' }, Priority: null },
    })
    const [event, ...others] = await taken()
    expect(others).toEqual([])
    expect(event).toMatchObject({
      type: 'data_source.schema_updated',
      entity: { id: acme.projectsSource, type: 'data_source' },
      data: { parent: { id: acme.projects, type: 'database' } },
    })
    const columns = event?.data?.updated_properties as { id: string; name: string; action: string }[]
    expect(columns.map(({ name, action }) => `${name} ${action}`).sort()).toEqual([
      'Effort created',
      'Priority deleted',
      'State updated',
    ])
    await call('PATCH', path, { properties: { 'Due Date': { rich_text: {} } } })
    expect((await taken()).map(({ type }) => type)).toEqual(['data_source.schema_updated'])
    await call('PATCH', path, { title: [{ text: { content: 'Renamed' } }] })
    const [renamed] = await taken()
    expect(renamed).toMatchObject({ type: 'data_source.schema_updated' })
    expect(renamed?.data).not.toHaveProperty('updated_properties')
  })

  it('name the bot that added an option by writing a row', async () => {
    const row = await newRow()
    const member = await sandbox.connect({ user: 'member@acme.test' })
    await take()
    const properties = { Status: { select: { name: 'Blocked' } } }
    await call('PATCH', `/v1/pages/${row.id}`, { properties }, undefined, member)
    const event = (await take()).find(({ type }) => type === 'data_source.schema_updated')
    expect(event?.authors).toEqual([{ id: member.bot_id, type: 'bot' }])
    expect(event?.data?.updated_properties).toMatchObject([{ name: 'Status', action: 'updated' }])
  })

  it('report added and trashed rows as content of the data source', async () => {
    const row = await newRow()
    const content = {
      type: 'data_source.content_updated',
      entity: { id: acme.projectsSource, type: 'data_source' },
      data: { parent: { id: acme.projects, type: 'database' }, updated_blocks: [{ id: row.id, type: 'page' }] },
    }
    expect(await taken()).toContainEqual(content)
    await call('PATCH', `/v1/pages/${row.id}`, { in_trash: true })
    expect(await taken()).toContainEqual(content)
  })

  it('report content and schema of the database in version 2022-06-28', async () => {
    const old = await startReceiver()
    await subscribe(sandbox, old, { apiVersion: '2022-06-28' })
    const row = await newRow()
    await call('PATCH', `/v1/data_sources/${acme.projectsSource}`, { properties: { Effort: { number: {} } } })
    await take()
    const inProduct = { id: acme.product, type: 'page' }
    const entity = { id: acme.projects, type: 'database' }
    expect(old.events()).toMatchObject([
      { type: 'page.created', entity: { id: row.id }, data: { parent: entity }, api_version: '2022-06-28' },
      { type: 'database.content_updated', entity, data: { parent: inProduct, updated_blocks: [{ id: row.id }] } },
      {
        type: 'database.schema_updated',
        entity,
        data: { parent: inProduct, updated_properties: [{ name: 'Effort' }] },
      },
    ])
    expect(old.events()[0]?.data?.parent).not.toHaveProperty('data_source_id')
    await old.close()
  })
})

describe('events about comments', () => {
  const comment = () =>
    call('POST', '/v1/comments', { parent: { page_id: acme.roadmap }, rich_text: [{ text: { content: 'Hi' } }] })

  it('report creation, changes and deletion at once', async () => {
    await subscribe(sandbox, receiver)
    const { id } = await comment()
    await call('PATCH', `/v1/comments/${id}`, { rich_text: [{ text: { content: 'Hello' } }] })
    await call('DELETE', `/v1/comments/${id}`)
    const data = { parent: { id: acme.roadmap, type: 'page' }, page_id: acme.roadmap }
    const events = await taken()
    expect(events.sort((a, b) => a.type.localeCompare(b.type))).toEqual(
      ['created', 'deleted', 'updated'].map((verb) => ({
        type: `comment.${verb}`,
        entity: { id, type: 'comment' },
        data,
      })),
    )
  })

  it('name the block and its page', async () => {
    await subscribe(sandbox, receiver)
    const page = await call('POST', '/v1/pages', {
      parent: { page_id: acme.product },
      properties: title('Page'),
      children: [paragraph('One')],
    })
    const blocks = (await call('GET', `/v1/blocks/${page.id}/children`)).results as { id: string }[]
    const parent = { block_id: blocks[0]?.id }
    await call('POST', '/v1/comments', { parent, rich_text: [{ text: { content: 'Hi' } }] })
    expect(await taken()).toContainEqual({
      type: 'comment.created',
      entity: expect.objectContaining({ type: 'comment' }),
      data: { parent: { id: blocks[0]?.id, type: 'block' }, page_id: page.id },
    })
  })

  it('are not sent to a client that may not read comments', async () => {
    await subscribe(sandbox, receiver)
    const capabilities = ['READ_CONTENT', 'UPDATE_CONTENT', 'INSERT_CONTENT', 'INSERT_COMMENTS']
    await sandbox.control('capabilities', { clientId: testClient.id, capabilities })
    await comment()
    expect(await take()).toEqual([])
  })
})

describe('events about views', () => {
  it('report creation, changed fields and deletion', async () => {
    await subscribe(sandbox, receiver)
    await call('GET', `/v1/views?database_id=${acme.projects}`)
    expect(await take()).toEqual([])
    const view = await call('POST', '/v1/views', {
      database_id: acme.projects,
      data_source_id: acme.projectsSource,
      name: 'Open',
      type: 'table',
    })
    const entity = { id: view.id, type: 'view' }
    const parent = { id: acme.projects, type: 'database', data_source_id: acme.projectsSource }
    expect(await taken()).toEqual([{ type: 'view.created', entity, data: { parent, view_type: 'table' } }])
    await call('PATCH', `/v1/views/${view.id}`, {
      name: 'Done',
      sorts: [{ property: 'Name', direction: 'ascending' }],
    })
    expect(await taken()).toEqual([
      { type: 'view.updated', entity, data: { parent, updated_fields: ['name', 'sorts'] } },
    ])
    await call('DELETE', `/v1/views/${view.id}`)
    expect(await taken()).toEqual([{ type: 'view.deleted', entity, data: { parent } }])
  })
})

describe('events about file uploads', () => {
  it('report creation, completion and expiry to the connection that uploads', async () => {
    await sandbox.connect({ user: 'member@acme.test' })
    await subscribe(sandbox, receiver)
    const upload = await call('POST', '/v1/file_uploads', { filename: 'a.txt', content_type: 'text/plain' })
    const entity = { id: upload.id, type: 'file_upload' }
    const [created] = await take()
    expect(created).toMatchObject({ type: 'file_upload.created', entity, accessible_by: [{ id: owner.bot_id }, {}] })
    expect(created).not.toHaveProperty('data')
    const form = new FormData()
    form.set('file', new Blob(['hello'], { type: 'text/plain' }), 'a.txt')
    const headers = { authorization: `Bearer ${owner.access_token}`, 'notion-version': '2026-03-11' }
    await fetch(`${sandbox.url}/v1/file_uploads/${upload.id}/send`, { method: 'POST', headers, body: form })
    expect(await take()).toMatchObject([{ type: 'file_upload.completed', entity, authors: [{ id: owner.bot_id }] }])

    const late = await call('POST', '/v1/file_uploads', { filename: 'b.txt', content_type: 'text/plain' })
    await take()
    now += 3_600_000
    expect(await taken()).toEqual([{ type: 'file_upload.expired', entity: { id: late.id, type: 'file_upload' } }])
    expect(await taken()).toEqual([])
    expect(await call('GET', `/v1/file_uploads/${late.id}`)).toMatchObject({ status: 'expired' })
  })

  it('report imports that succeed or fail', async () => {
    await subscribe(sandbox, receiver)
    const upload = (external_url: string) => call('POST', '/v1/file_uploads', { mode: 'external_url', external_url })
    const imported = await upload('https://example.com/a.png')
    const failed = await upload('https://nowhere.invalid/a.png')
    expect(failed).toMatchObject({ status: 'failed', file_import_result: { type: 'error' } })
    const about = (id: string, type: string) => ({ type, entity: { id, type: 'file_upload' } })
    expect(await taken()).toEqual([
      about(imported.id, 'file_upload.created'),
      about(imported.id, 'file_upload.completed'),
      about(failed.id, 'file_upload.created'),
      {
        ...about(failed.id, 'file_upload.upload_failed'),
        data: { file_import_result: failed.file_import_result },
      },
    ])
  })
})

describe('gathering', () => {
  beforeEach(() => subscribe(sandbox, receiver))

  it('makes one event of several changes, with all authors', async () => {
    const member = await sandbox.connect({ user: 'member@acme.test' })
    const rename = (name: string, tokens: Tokens) =>
      call('PATCH', `/v1/pages/${acme.roadmap}`, { properties: title(name) }, undefined, tokens)
    await rename('One', owner)
    await rename('Two', member)
    await call('PATCH', `/v1/blocks/${acme.roadmap}/children`, { children: [paragraph('One')] })
    await call('PATCH', `/v1/blocks/${acme.roadmap}/children`, { children: [paragraph('Two')] })
    const events = await take()
    expect(events.map(({ type }) => type)).toEqual(['page.properties_updated', 'page.content_updated'])
    expect(events[0]?.authors.map(({ id }) => id)).toEqual([owner.bot_id, member.bot_id])
    expect(events[0]?.data?.updated_properties).toEqual(['title'])
    expect(events[1]?.data?.updated_blocks).toHaveLength(2)
  })

  it('makes no event about what is created and deleted, or deleted and restored', async () => {
    const page = await newPage()
    await call('PATCH', `/v1/pages/${page.id}`, { in_trash: true })
    await call('PATCH', `/v1/pages/${acme.roadmap}`, { in_trash: true })
    await call('PATCH', `/v1/pages/${acme.roadmap}`, { in_trash: false })
    const about = (await take()).map(({ entity }) => entity.id)
    expect(about).not.toContain(page.id)
    expect(about).not.toContain(acme.roadmap)
  })

  it('does not include comments and locks', async () => {
    await call('PATCH', `/v1/pages/${acme.roadmap}`, { is_locked: true })
    await call('PATCH', `/v1/pages/${acme.roadmap}`, { is_locked: false })
    const types = (await take()).map(({ type }) => type)
    expect(types.sort()).toEqual(['page.locked', 'page.unlocked'])
  })

  it('ends by itself', async () => {
    await sandbox.control('webhookFaults', { aggregateMs: 1 })
    await newPage()
    await expect.poll(() => receiver.events().length, { timeout: 60_000 }).toBe(2)
  })
})
