import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { startApp, type TestApp } from '../support/app.ts'

const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

let app: TestApp
let other: TestApp
let database: Database
/** The key of an agent, and that of a person who decides. */
const keys = { agent: '', approver: '' }
beforeAll(async () => {
  const env = { VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
  app = await startApp({ database: 'postgres', env })
  other = await startApp({ env: { ...env, DATABASE_URL: app.config.databaseUrl ?? '' } })
  database = await openDatabase({ kind: 'server', url: app.config.databaseUrl ?? '', maxConnections: 2 }, () => {})
  keys.agent = await newKey(['TOOLS_READ', 'TOOLS_WRITE'])
  keys.approver = await newKey(['TOOLS_APPROVE'])
  await app.connect('ann')
  await setPolicy({ requireApprovalFor: 'WRITES' })
})
afterAll(async () => {
  await database.close()
  await other.stop()
  await app.stop()
})

async function newKey(scopes: readonly string[], more: Record<string, unknown> = {}): Promise<string> {
  const { data } = await app.graphql(
    `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
      ... on CreateApiKeyPayload { secret } ... on Error { message } } }`,
    { input: { name: 'test', scopes, ...more } },
  )
  return (data['createApiKey'] as { secret: string }).secret
}

async function setPolicy(input: Record<string, unknown>): Promise<void> {
  const { data } = await app.graphql(
    'mutation ($input: SetToolPolicyInput!) { setToolPolicy(input: $input) { __typename ... on Error { message } } }',
    { input },
  )
  expect(data['setToolPolicy']).toEqual({ __typename: 'SetToolPolicyPayload' })
}

const callFields = `__typename
  ... on ExecuteToolPayload { data execution { id status } }
  ... on ToolError { message hint execution { id } }
  ... on ToolNotAllowedError { policy }
  ... on ApprovalRequiredError { approvalId summary expiresAt }`

interface Called {
  readonly __typename: string
  readonly approvalId: string
  readonly summary: string
  readonly message: string
  readonly hint: string
  readonly policy: string
  readonly data: unknown
  readonly execution: { readonly id: string } | null
}

let texts = 0
const newText = () => `Text ${texts++}`
const comment = (text: string) => ({ parent: page, comment: text })

interface Options {
  readonly credential?: string
  readonly toolName?: string
  readonly at?: TestApp
  readonly identifier?: string
  readonly idempotencyKey?: string
}

/** The result of a call by the agent; the code of its error where it was refused as a whole. */
async function call(toolInput: object, options: Options = {}): Promise<Called> {
  const { credential = keys.agent, toolName = 'notion_comment_create', at = app, ...more } = options
  const { data, errors } = await at.graphql(
    `mutation ($input: ExecuteToolInput!) { executeTool(input: $input) { ${callFields} } }`,
    { input: { identifier: 'ann', toolName, toolInput, ...more } },
    credential,
  )
  return (errors?.[0]?.extensions['code'] ?? data['executeTool']) as Called
}

async function approve(approvalId: string, { credential = keys.approver, at = app } = {}): Promise<Called> {
  const { data, errors } = await at.graphql(
    `mutation ($id: ID!) { approveToolExecution(input: { approvalId: $id }) { ${callFields} } }`,
    { id: approvalId },
    credential,
  )
  return (errors?.[0]?.extensions['code'] ?? data['approveToolExecution']) as Called
}

async function reject(approvalId: string, reason: string | null = null): Promise<unknown> {
  const { data } = await app.graphql(
    `mutation ($id: ID!, $r: String) { rejectToolExecution(input: { approvalId: $id, reason: $r }) {
      __typename ... on RejectToolExecutionPayload { toolApproval { status input rejectionReason } } } }`,
    { id: approvalId, r: reason },
    keys.approver,
  )
  return data['rejectToolExecution']
}

const pendingIds = async (credential = keys.approver, filter = ''): Promise<readonly string[]> => {
  const { data } = await app.graphql(`{ pendingApprovals${filter} { id } }`, {}, credential)
  return (data['pendingApprovals'] as { id: string }[]).map(({ id }) => id)
}

/** How many comments with this text the page has at the provider. */
async function written(text: string): Promise<number> {
  const found = await app.executeTool('ann', 'notion_comments_fetch', { block_id: page })
  return JSON.stringify(found).split(`"plain_text":${JSON.stringify(text)}`).length - 1
}

const newSession = async (identifier: string) => {
  const { data } = await app.graphql(
    'mutation ($i: String!) { createUserSession(input: { identifier: $i }) { ... on CreateUserSessionPayload { token } } }',
    { i: identifier },
  )
  return (data['createUserSession'] as { token: string }).token
}

const uuidOf = (approvalId: string) => Buffer.from(approvalId, 'base64').toString().split(':')[1] ?? ''
const run = (statement: string) => sql.raw(statement).execute(database.db)

describe('a call that needs an approval', () => {
  it('waits, is listed with its exact input, runs once when it is approved, and returns its result to its caller', async () => {
    const text = newText()
    const first = await call(comment(text), { idempotencyKey: text })
    expect(first).toMatchObject({ __typename: 'ApprovalRequiredError', execution: null })
    expect(first.summary).toContain(`"${text}"`)
    expect(await written(text)).toBe(0)
    expect(await call(comment(text), { idempotencyKey: text, at: other })).toMatchObject({
      approvalId: first.approvalId,
    })
    const { data } = await app.graphql(
      '{ pendingApprovals(identifier: "ann") { id status input requestedBy tool { name requiresApproval } connectedAccount { identifier } } }',
      {},
      keys.approver,
    )
    expect(data['pendingApprovals']).toEqual([
      {
        ...{ id: first.approvalId, status: 'PENDING', requestedBy: expect.any(String) },
        input: { parent: { page_id: page }, comment: { rich_text: expect.anything() } },
        tool: { name: 'notion_comment_create', requiresApproval: true },
        connectedAccount: { identifier: 'ann' },
      },
    ])
    const approved = await approve(first.approvalId)
    expect(approved).toMatchObject({ __typename: 'ExecuteToolPayload', execution: { status: 'SUCCEEDED' } })
    expect(await call(comment(text), { idempotencyKey: text })).toEqual(approved)
    expect(await approve(first.approvalId)).toEqual(approved)
    expect(await written(text)).toBe(1)
    expect(await pendingIds()).toEqual([])
  })

  it('without an idempotency key is found by its input, and its outcome is returned once', async () => {
    const text = newText()
    const { approvalId } = await call(comment(text))
    expect((await call(comment(text))).approvalId).toBe(approvalId)
    expect(await approve(approvalId)).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(await call(comment(text))).toMatchObject({ __typename: 'ExecuteToolPayload' })
    const next = await call(comment(text))
    expect(next.__typename).toBe('ApprovalRequiredError')
    expect(next.approvalId).not.toBe(approvalId)
    await reject(next.approvalId)
    expect(await written(text)).toBe(1)
  })

  it('without an idempotency key writes once, also when a policy is removed before it is repeated', async () => {
    const [approved, pending] = [newText(), newText()]
    const { approvalId } = await call(comment(approved))
    await approve(approvalId)
    const waiting = await call(comment(pending))
    await setPolicy({})
    try {
      expect(await call(comment(approved))).toMatchObject({ __typename: 'ExecuteToolPayload' })
      expect(await written(approved)).toBe(1)
      expect(await call(comment(pending))).toMatchObject({ __typename: 'ExecuteToolPayload' })
      expect(await approve(waiting.approvalId)).toMatchObject({ __typename: 'ExecuteToolPayload' })
      expect(await written(pending)).toBe(1)
      expect(await call(comment(pending))).toMatchObject({ __typename: 'ExecuteToolPayload' })
      expect(await written(pending)).toBe(2)
    } finally {
      await setPolicy({ requireApprovalFor: 'WRITES' })
    }
  })

  it('is a conflict with another input under its idempotency key', async () => {
    const { approvalId } = await call(comment(newText()), { idempotencyKey: 'conflict' })
    expect(await call(comment(newText()), { idempotencyKey: 'conflict' })).toMatchObject({
      __typename: 'IdempotencyConflictError',
    })
    await reject(approvalId)
  })

  it('is stored once for simultaneous callers on two nodes, and returns one result to simultaneous approvals', async () => {
    const text = newText()
    const nodes = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? app : other))
    const asked = await Promise.all(nodes.map((at) => call(comment(text), { idempotencyKey: text, at })))
    const ids = new Set(asked.map(({ approvalId }) => approvalId))
    expect(ids.size).toBe(1)
    const [approvalId = ''] = ids
    const approved = await Promise.all(nodes.map(() => approve(approvalId)))
    expect(new Set(approved.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(approved[0]).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(await written(text)).toBe(1)
  })

  it('that is rejected does not run, erases its input, and reports the reason to its caller', async () => {
    const text = newText()
    const { approvalId } = await call(comment(text), { idempotencyKey: text })
    const rejected = {
      __typename: 'RejectToolExecutionPayload',
      toolApproval: { status: 'REJECTED', input: null, rejectionReason: 'not now' },
    }
    expect(await reject(approvalId, 'not now')).toEqual(rejected)
    expect(await reject(approvalId)).toEqual(rejected)
    const refused = {
      __typename: 'ToolNotAllowedError',
      policy: 'approval',
      message: expect.stringContaining('not now'),
    }
    expect(await call(comment(text), { idempotencyKey: text })).toMatchObject(refused)
    expect(await approve(approvalId)).toMatchObject(refused)
    expect(await written(text)).toBe(0)
  })

  it('reports to its caller what it failed with, and runs no second time', async () => {
    const missing = { parent: '00000000-0000-4000-8000-000000000000', comment: 'x' }
    const { approvalId } = await call(missing, { idempotencyKey: 'fails' })
    expect((await approve(approvalId)).__typename).toMatch(/^Resource/)
    const failed = { __typename: 'ProviderError', execution: { id: expect.any(String) } }
    expect(await call(missing, { idempotencyKey: 'fails' })).toMatchObject(failed)
    expect(await approve(approvalId)).toMatchObject(failed)
  })

  it('that fails names no idempotency key to a caller that has none, and is requested again by the same call', async () => {
    const missing = { parent: '00000000-0000-4000-8000-000000000001', comment: 'x' }
    const { approvalId } = await call(missing)
    await approve(approvalId)
    const failed = await call(missing)
    expect(failed).toMatchObject({ __typename: 'ProviderError' })
    expect(failed.hint).toContain('make it again')
    expect(failed.hint).not.toContain('idempotency key')
    const again = await call(missing)
    expect(again).toMatchObject({ __typename: 'ApprovalRequiredError' })
    await reject(again.approvalId)
    await call(missing)
  })

  it('of which a process ended while it ran has an unknown outcome, and is not run again', async () => {
    const text = newText()
    const { approvalId } = await call(comment(text), { idempotencyKey: text })
    await approve(approvalId)
    // As a node leaves it that is killed after the claim.
    const id = uuidOf(approvalId)
    await run(`update tool_executions set status = 'RUNNING', finished_at = null, deadline_at = now() - interval '1 hour',
      node_id = null where id = (select execution_id from tool_approvals where id = '${id}')`)
    await run(`update idempotency_keys set state = 'running', sealed_result = null where key = '${text}'`)
    expect(await approve(approvalId)).toMatchObject({ __typename: 'OutcomeUnknownError' })
    expect(await call(comment(text), { idempotencyKey: text })).toMatchObject({ __typename: 'OutcomeUnknownError' })
    expect(await written(text)).toBe(1)
  })

  it('also when the tool reads, or has a field of its own', async () => {
    const agent = await newKey(['TOOLS_READ', 'TOOLS_WRITE'], { requireApprovalToolNames: ['notion_user_self'] })
    const { approvalId } = await call({}, { credential: agent, toolName: 'notion_user_self' })
    expect(await approve(approvalId)).toMatchObject({ __typename: 'ExecuteToolPayload' })
    expect(await call({}, { credential: agent, toolName: 'notion_user_self' })).toMatchObject({
      __typename: 'ExecuteToolPayload',
    })
    const typed = async () => {
      const { data } = await app.graphql(
        `mutation { notionPageTrash(identifier: "ann", idempotencyKey: "typed", input: { pageId: "${page}" }) {
          __typename ... on ApprovalRequiredError { approvalId } } }`,
        {},
        agent,
      )
      return data['notionPageTrash'] as Called
    }
    const asked = await typed()
    expect(asked).toMatchObject({ __typename: 'ApprovalRequiredError' })
    await reject(asked.approvalId)
    expect(await typed()).toMatchObject({ __typename: 'ToolNotAllowedError' })
  })
})

describe('an approval', () => {
  it('takes the scope TOOLS_APPROVE and another key than the one that made the call, or ADMIN', async () => {
    const both = await newKey(['TOOLS_WRITE', 'TOOLS_APPROVE'])
    const { approvalId } = await call(comment(newText()), { credential: both })
    expect(await approve(approvalId, { credential: keys.agent })).toBe('FORBIDDEN')
    expect(await approve(approvalId, { credential: both })).toBe('FORBIDDEN')
    expect(await approve(approvalId, { credential: app.apiKey })).toMatchObject({ __typename: 'ExecuteToolPayload' })
  })

  it('is open to the session of the account, and hidden from other sessions and from narrowed keys', async () => {
    const { approvalId } = await call(comment(newText()))
    const hidden = { __typename: 'ApprovalNotFoundError' }
    const foreign = await newSession('bob')
    const narrowed = await newKey(['TOOLS_APPROVE'], { identifiers: ['bob'] })
    const otherTool = await newKey(['TOOLS_APPROVE'], { toolNames: ['notion_page_create'] })
    for (const credential of [foreign, narrowed, otherTool]) {
      expect(await approve(approvalId, { credential })).toMatchObject(hidden)
      expect(await pendingIds(credential)).toEqual([])
      const node = await app.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: approvalId }, credential)
      expect(node.data).toEqual({ node: null })
    }
    const own = await newSession('ann')
    expect(await pendingIds(own)).toEqual([approvalId])
    expect(await approve(approvalId, { credential: own })).toMatchObject({ __typename: 'ExecuteToolPayload' })
    const { data } = await app.graphql('{ auditEvents(first: 1) { nodes { action actor target } } }')
    expect(data['auditEvents']).toMatchObject({
      nodes: [{ action: 'tool_approval.approved', target: approvalId, actor: expect.any(String) }],
    })
  })

  it.each([
    ['the key of the caller is revoked', 'api_keys', 'revoked_at = now()'],
    ['its tool changes', 'tool_approvals', "tool_name = 'notion_page_trash'"],
    ['its owner changes', 'tool_approvals', "owner = 'x'"],
    ['its idempotency key changes', 'tool_approvals', "idempotency_key = 'another'"],
    ['its time is extended', 'tool_approvals', "expires_at = now() + interval '1 day'"],
    ['its time is over', 'tool_approvals', "expires_at = now() - interval '1 second'"],
  ])('is refused when %s', async (_when, table, change) => {
    const agent = await newKey(['TOOLS_WRITE'])
    const text = newText()
    const { approvalId } = await call(comment(text), { credential: agent, idempotencyKey: text })
    const id = uuidOf(approvalId)
    const row = table === 'api_keys' ? `(select requester_key_id from tool_approvals where id = '${id}')` : `'${id}'`
    await run(`update ${table} set ${change} where id = ${row}`)
    expect(await approve(approvalId)).toMatchObject({ __typename: 'ApprovalNotFoundError' })
    expect(await written(text)).toBe(0)
    if (table === 'tool_approvals') expect(await pendingIds()).not.toContain(approvalId)
    await run(`delete from tool_approvals where id = '${id}'`)
  })

  it('is refused when its input is that of another row', async () => {
    const [wanted, shown] = [newText(), newText()]
    const approvals = [await call(comment(wanted)), await call(comment(shown))]
    const [from = '', to = ''] = approvals.map(({ approvalId }) => uuidOf(approvalId))
    await run(`update tool_approvals set (sealed_call, input_hash) =
      (select sealed_call, input_hash from tool_approvals where id = '${from}') where id = '${to}'`)
    expect(await approve(approvals[1]?.approvalId ?? '')).toMatchObject({ __typename: 'ApprovalNotFoundError' })
    expect(await written(wanted)).toBe(0)
    await run('delete from tool_approvals')
  })

  it('is refused when the policies refuse the tool since, and when another user has connected the account', async () => {
    const text = newText()
    const { approvalId } = await call(comment(text), { idempotencyKey: text })
    await setPolicy({ connectionName: 'notion', readOnly: true })
    expect(await approve(approvalId)).toMatchObject({ __typename: 'ToolNotAllowedError', policy: 'oauthApp.readOnly' })
    await setPolicy({ connectionName: 'notion' })
    expect(await written(text)).toBe(0)
    await app.connect('cal', { user: 'owner@acme.test' })
    const asked = await call(comment(text), { identifier: 'cal' })
    await app.graphql('mutation { disconnectConnectedAccount(input: { identifier: "cal" }) { __typename } }')
    await app.connect('cal', { user: 'member@acme.test' })
    expect(await approve(asked.approvalId)).toMatchObject({ __typename: 'ApprovalNotFoundError' })
    const { rows } = await sql`select from tool_approvals where id = ${uuidOf(asked.approvalId)}`.execute(database.db)
    expect(rows).toEqual([])
    await reject(approvalId)
  })

  it('waits for at most 20 calls of an account', async () => {
    await app.connect('dan')
    const calls = await Promise.all(Array.from({ length: 22 }, () => call(comment(newText()), { identifier: 'dan' })))
    const types = calls.map(({ __typename, policy }) => policy ?? __typename).sort()
    expect(types).toEqual([...Array(20).fill('ApprovalRequiredError'), 'maxPendingApprovals', 'maxPendingApprovals'])
    await run('delete from tool_approvals')
  })

  it('is reported to subscriptions on all nodes, at once and after each change', async () => {
    const leaving = new AbortController()
    const seen: string[][] = []
    const stream = (async () => {
      const document = 'subscription { pendingApprovals(identifier: "ann") { id } }'
      for await (const data of other.subscribe(document, {}, { credential: keys.approver, signal: leaving.signal }))
        seen.push((data as { pendingApprovals: { id: string }[] }).pendingApprovals.map(({ id }) => id))
    })().catch(() => {})
    await expect.poll(() => seen).toEqual([[]])
    const { approvalId } = await call(comment(newText()))
    await expect.poll(() => seen).toEqual([[], [approvalId]])
    await reject(approvalId)
    await expect.poll(() => seen).toEqual([[], [approvalId], []])
    leaving.abort()
    await stream
  })

  it('is an event for webhooks, without content', async () => {
    await app.graphql(
      'mutation { createWebhookEndpoint(input: { url: "http://127.0.0.1:9", events: ["tool_execution.approval_required"] }) { __typename } }',
    )
    const text = newText()
    const { approvalId } = await call(comment(text))
    const { data } = await app.graphql('{ webhookDeliveries(first: 1) { nodes { eventType payload } } }')
    expect(data['webhookDeliveries']).toMatchObject({
      nodes: [
        {
          eventType: 'tool_execution.approval_required',
          payload: { data: { approvalId, toolName: 'notion_comment_create', identifier: 'ann' } },
        },
      ],
    })
    expect(JSON.stringify(data)).not.toContain(text)
    await reject(approvalId)
  })
})
