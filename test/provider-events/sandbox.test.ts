import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { createEndpoint, quickDeliveries, type Receiver, startReceiver } from '../webhooks/support.ts'
import { webhookOf } from './support.ts'

describe('a change in the sandbox', () => {
  let app: TestApp
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await startReceiver()
    app = await startApp({ deliveryTiming: quickDeliveries })
    expect(await app.connect('ada')).toBe('ACTIVE')
    expect(await app.connect('grace', { user: 'member@acme.test', resources: acme.roadmap })).toBe('ACTIVE')
    const { data } = await app.graphql('{ oauthApp(connectionName: "notion") { clientId } }')
    const { clientId } = data['oauthApp'] as { clientId: string }
    const { webhookUrl } = await webhookOf(app)
    expect(await app.sandbox('webhook', { clientId, url: webhookUrl })).toMatchObject({ verificationStatus: 200 })
    const { webhookState, webhookTokens } = await webhookOf(app)
    expect(webhookState).toBe('WAITING')
    expect(await app.sandbox('webhookVerify', { token: webhookTokens?.[0]?.token })).toMatchObject({ state: 'active' })
    // Nothing is sent before a test asks for it, however long a test takes.
    await app.sandbox('webhookFaults', { aggregateMs: 600_000, duplicate: 2, reverse: true })
  })
  afterAll(async () => {
    await app.stop()
    await receiver.close()
  })

  const body = async (toolName: string, toolInput: Record<string, unknown>) =>
    (await app.executeTool('ada', toolName, toolInput, { outputFormat: 'RAW' }))['data'] as { readonly id: string }
  const deliveries = (path: string) =>
    receiver.at(path).map(({ event }) => {
      const { identifier, entity } = event.data as { identifier: string; entity: { id: string } }
      return [event.type, identifier, entity.id]
    })

  it('reaches the endpoint of the application once, for each account that may see it and for no other', async () => {
    await createEndpoint(app, `${receiver.url}/changes`, [
      'notion.page.created',
      'notion.page.properties_updated',
      'notion.page.content_updated',
    ])
    const row = await body('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { Name: 'Unseen by others' },
    })
    await app.sandbox('webhookFlush', {})
    await body('notion_block_append', { block_id: acme.roadmap, children: ['Seen by both'] })
    await app.sandbox('webhookFlush', {})
    await body('notion_page_update', { page_id: row.id, properties: { Status: 'Done' } })
    await app.sandbox('webhookFlush', {})
    const expected = [
      ['notion.page.created', 'ada', row.id],
      ['notion.page.content_updated', 'ada', acme.roadmap],
      ['notion.page.content_updated', 'grace', acme.roadmap],
      ['notion.page.properties_updated', 'ada', row.id],
    ]
    await expect
      .poll(() => deliveries('/changes').filter(([type]) => type === 'notion.page.properties_updated'))
      .toHaveLength(1)
    expect(deliveries('/changes').sort()).toEqual(expected.sort())
    expect((await webhookOf(app)).webhookState).toBe('ACTIVE')
  })

  it('reaches no one whose access was revoked', async () => {
    await createEndpoint(app, `${receiver.url}/after`, ['notion.page.content_updated'])
    await app.sandbox('revoke', { user: 'member@acme.test' })
    await body('notion_block_append', { block_id: acme.roadmap, children: ['Seen by one'] })
    await app.sandbox('webhookFlush', {})
    await expect.poll(() => deliveries('/after')).toEqual([['notion.page.content_updated', 'ada', acme.roadmap]])
  })
})
