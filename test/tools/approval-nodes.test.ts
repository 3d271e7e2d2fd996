import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemActor } from '../../src/audit/audit-log.ts'
import { noToolPolicy } from '../../src/environments/tool-policy.ts'
import type { Viewer } from '../../src/environments/viewer.ts'
import { ApprovalRequiredError, OutcomeUnknownError } from '../../src/errors.ts'
import type { ToolEngine } from '../../src/tools/engine.ts'
import { sweepExecutions } from '../../src/tools/sweeper.ts'
import { type Bench, failureOf, openBench, request } from './bench.ts'
import { gate } from './provider.ts'

describe.each(['postgres', 'embedded'] as const)('approvals on %s', (kind) => {
  let bench: Bench
  let viewer: Viewer
  let nodes: readonly ToolEngine[]
  let keys = 0
  const newKey = () => `key-${keys++}`
  beforeAll(async () => {
    bench = await openBench(kind)
    const credential = { ...bench.viewer.credential, apiKeyId: randomUUID() }
    viewer = { ...bench.viewer, credential, toolPolicy: { ...noToolPolicy, requireApprovalFor: 'WRITES' } }
    nodes = [0, 1].map(() => bench.engine({ requesterOf: async () => viewer }))
  })
  afterAll(() => bench.close())
  beforeEach(() => {
    bench.provider.received.length = 0
    bench.provider.behave(() => ({}))
  })

  const write = (key: string | null, node = nodes[0] as ToolEngine) =>
    node.executeTool(viewer, request('notes_write', { text: 'x' }, { idempotencyKey: key }))
  const requested = async (key: string | null) => {
    const error = (await failureOf(write(key))) as ApprovalRequiredError
    expect(error).toBeInstanceOf(ApprovalRequiredError)
    return Buffer.from(error.approvalId, 'base64').toString().split(':')[1] ?? ''
  }
  const approve = (id: string, node = nodes[0] as ToolEngine) => node.approve(viewer, id, systemActor)

  it('run a call once for twenty approvals at the same time on two nodes', async () => {
    const key = newKey()
    const id = await requested(key)
    const { opened, open } = gate()
    bench.provider.behave((_request, index) => ({ until: opened, body: { id: `only-${index}` } }))
    const approvals = Array.from({ length: 20 }, (_, at) => approve(id, nodes[at % 2]))
    await bench.provider.hasReceived(1)
    open()
    const results = await Promise.all(approvals)
    expect(new Set(results.map(({ data }) => JSON.stringify(data)))).toEqual(new Set(['{"id":"only-0"}']))
    expect((await write(key, nodes[1])).data).toEqual({ id: 'only-0' })
    expect(bench.provider.received).toHaveLength(1)
  })

  it('report an unknown outcome, and do not run again, what was cut off after its claim', async () => {
    const key = newKey()
    const id = await requested(key)
    bench.provider.behave(() => ({ end: 'hang' }))
    void approve(id).catch(() => {})
    await bench.provider.hasReceived(1)
    // Its node is gone: another one settles it.
    await bench.database.db
      .updateTable('tool_executions')
      .set({ deadline_at: new Date(0) })
      .where('status', '=', 'RUNNING')
      .execute()
    await sweepExecutions(bench.database.db, 1_000_000_000)
    for (const node of nodes) {
      expect(await failureOf(approve(id, node))).toBeInstanceOf(OutcomeUnknownError)
      expect(await failureOf(write(key, node))).toBeInstanceOf(OutcomeUnknownError)
    }
    expect(bench.provider.received).toHaveLength(1)
  })

  it('are deleted when they have expired', async () => {
    const id = await requested(null)
    const left = () => bench.database.db.selectFrom('tool_approvals').select('id').where('id', '=', id).execute()
    await sweepExecutions(bench.database.db, 1_000_000_000)
    expect(await left()).toHaveLength(1)
    const past = new Date(Date.now() - 1_000)
    await bench.database.db.updateTable('tool_approvals').set({ purge_at: past }).where('id', '=', id).execute()
    await sweepExecutions(bench.database.db, 1_000_000_000)
    expect(await left()).toEqual([])
  })

  it('take no statement for calls that need none', async () => {
    const statements: string[] = []
    const db = bench.database.db.withPlugin({
      transformQuery: ({ node }) => {
        statements.push(JSON.stringify(node))
        return node
      },
      transformResult: async ({ result }) => result,
    })
    const counted = bench.engine({ db })
    await counted.executeTool(bench.viewer, request('notes_write', { text: 'x' }, { idempotencyKey: newKey() }))
    await counted.executeTool(bench.viewer, request('notes_find'))
    expect(statements.length).toBeGreaterThan(2)
    expect(statements.filter((statement) => /approval|polic/.test(statement))).toEqual([])
  })
})
