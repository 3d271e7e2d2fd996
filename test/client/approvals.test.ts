import { afterAll, beforeAll, expect, it } from 'vitest'
import { anthropicTools } from '../../src/client/anthropic.ts'
import { ApprovalRequiredError, ToolNotAllowedError, Valetkey } from '../../src/client/index.ts'
import { startApp, type TestApp } from '../support/app.ts'

const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const identifier = 'ann'

let app: TestApp
let agent: Valetkey
let person: Valetkey
beforeAll(async () => {
  app = await startApp()
  await app.connect(identifier)
  await app.graphql('mutation { setToolPolicy(input: { requireApprovalFor: WRITES }) { __typename } }')
  const admin = new Valetkey({ url: app.url, apiKey: app.apiKey })
  const clientWith = async (scopes: readonly string[]) =>
    new Valetkey({ url: app.url, apiKey: (await admin.apiKeys.create({ name: 'test', scopes })).secret })
  agent = await clientWith(['TOOLS_READ', 'TOOLS_WRITE'])
  person = await clientWith(['TOOLS_APPROVE'])
})
afterAll(() => app.stop())

const comment = (text: string) => ({ parent: page, comment: text })

it('throws an ApprovalRequiredError, and returns the result of the call once it is approved', async () => {
  const call = () =>
    agent.execute('notion_comment_create', comment('approved'), { identifier, idempotencyKey: 'comment-1' })
  const error = await call().catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(ApprovalRequiredError)
  const { approvalId, summary, expiresAt } = error as ApprovalRequiredError
  expect(summary).toContain('"approved"')
  expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
  expect(await person.approvals.pending({ identifier })).toMatchObject([
    { id: approvalId, status: 'PENDING', tool: { name: 'notion_comment_create' }, connectedAccount: { identifier } },
  ])
  const approved = await person.approvals.approve(approvalId)
  expect((await call()).data).toEqual(approved.data)
})

it('throws a ToolNotAllowedError with the reason of a rejection', async () => {
  const call = () => agent.execute('notion_comment_create', comment('no'), { identifier, idempotencyKey: 'comment-2' })
  const { approvalId } = (await call().catch((failure: unknown) => failure)) as ApprovalRequiredError
  await person.approvals.reject(approvalId, { reason: 'not today' })
  const refused = (await call().catch((failure: unknown) => failure)) as ToolNotAllowedError
  expect(refused).toBeInstanceOf(ToolNotAllowedError)
  expect(refused).toMatchObject({ policy: 'approval', message: expect.stringContaining('not today') })
})

it('lets a model repeat its call under another ID, and marks tools in their description', async () => {
  const { tools, run } = await anthropicTools(agent, { identifier })
  const described = tools.find(({ name }) => name === 'notion_comment_create')?.description
  expect(described).toMatch(/A person must approve each call/)
  const call = (id: string) =>
    run({ type: 'tool_use', id, name: 'notion_comment_create', input: comment('from a model') })
  const waiting = await call('one')
  expect(waiting).toMatchObject({ is_error: true, content: expect.stringContaining('approval') })
  const [approval] = await person.approvals.pending()
  expect(waiting.content).toContain(approval?.id)
  expect(await call('two')).toMatchObject({ content: expect.stringContaining(approval?.id ?? '') })
  await person.approvals.approve(approval?.id ?? '')
  expect((await call('three')).content).toContain('from a model')
  expect(await person.approvals.pending()).toEqual([])
})

it('returns the result of an approved call to a model in another process, and writes once', async () => {
  const call = async (id: string, input: object) => {
    const { run } = await anthropicTools(agent, { identifier })
    return (await run({ type: 'tool_use', id, name: 'notion_comment_create', input })).content
  }
  await call('one', comment('from two processes'))
  const [approval, ...others] = await person.approvals.pending()
  expect(others).toEqual([])
  await person.approvals.approve(approval?.id ?? '')
  expect(await call('two', { comment: 'from two processes', parent: page })).toContain('from two processes')
  expect(await person.approvals.pending()).toEqual([])
})

it('returns the result of an approved call under the key that the client chose', async () => {
  const input = comment('under a random key')
  const waiting = agent.execute('notion_comment_create', input, { identifier })
  const { approvalId, idempotencyKey } = (await waiting.catch((error: unknown) => error)) as ApprovalRequiredError
  const approved = await person.approvals.approve(approvalId)
  const again = await agent.execute('notion_comment_create', input, { identifier, idempotencyKey })
  expect(again.data).toEqual(approved.data)
})

it('is explained to hosts of the Model Context Protocol', async () => {
  const ask = async (method: string, params: object) => {
    const response = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${app.apiKey}`,
        'x-valetkey-identifier': identifier,
        'mcp-protocol-version': '2025-06-18',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    return response.text()
  }
  expect(await ask('tools/list', {})).toContain('"valetkey/requiresApproval":true')
  const called = await ask('tools/call', { name: 'notion_comment_create', arguments: comment('by MCP') })
  const [approval] = await person.approvals.pending()
  expect(called).toContain(approval?.id)
  expect(called).toContain('make the same call again with the same input')
  await person.approvals.approve(approval?.id ?? '')
  expect(await ask('tools/call', { name: 'notion_comment_create', arguments: comment('by MCP') })).toContain('by MCP')
})
