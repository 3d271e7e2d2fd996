import { execFile, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

const root = resolve(import.meta.dirname, '../..')
const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0
if (!hasPython) process.stderr.write('python3 (3.9 or newer) is not installed: the Python client is not tested.\n')

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.connect('user_notion_456')
})
afterAll(() => app.stop())

/** Runs a program of `test/client/python`. Returns the JSON that it prints. */
async function runPython(file: string, env: Record<string, string> = {}): Promise<unknown> {
  const { stdout } = await promisify(execFile)('python3', ['-B', `test/client/python/${file}`], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      PYTHONPATH: resolve(root, 'clients/python'),
      PYTHONIOENCODING: 'utf-8',
      VALETKEY_URL: app.url,
      VALETKEY_API_KEY: app.apiKey,
      ...env,
    },
  })
  return JSON.parse(stdout)
}

it.runIf(hasPython)(
  'the Python client runs the journey of the product page, and raises typed errors',
  async () => {
    expect(await runPython('journey.py')).toEqual({
      status: 'ACTIVE',
      link: expect.stringContaining('/connect/'),
      found: 4,
      rows: expect.any(Number),
      row: 'page',
      page: 'page',
      execution: true,
      required: expect.stringContaining('/connect/'),
      metadata: [{ plan: 'pro' }, { plan: 'free', seats: 3 }],
      labelled: ['labelled'],
      accounts: ['new_user', 'user_notion_456'],
      tools: expect.any(Number),
      langchain: true,
    })
  },
  120_000,
)

it.runIf(hasPython)('the Python client repeats a call after its approval without a second write', async () => {
  const created = async (name: string, more: string) => {
    const { data } = await app.graphql(
      `mutation { createApiKey(input: { name: "${name}", ${more} }) { ... on CreateApiKeyPayload { secret } ... on Error { message } } }`,
    )
    return (data['createApiKey'] as { secret: string }).secret
  }
  const agentKey = await created('agent', 'scopes: [TOOLS_READ, TOOLS_WRITE], requireApprovalFor: WRITES')
  const approverKey = await created('approver', 'scopes: [TOOLS_APPROVE]')
  const seen = await runPython('approvals.py', { VALETKEY_API_KEY: agentKey, VALETKEY_APPROVER_KEY: approverKey })
  expect(seen).toEqual({
    type: 'ApprovalRequiredError',
    page: true,
    repeated: 'comment',
    waitingAfterClient: 0,
    late: true,
    waitingAfterLate: 0,
    asks: true,
    model: true,
    waitingAfterModel: 0,
    empty: 'InvalidToolInputError',
  })
  const { data } = await app.graphql('{ toolExecutions(first: 10) { nodes { tool { name } status } } }')
  const { nodes } = data['toolExecutions'] as { nodes: { tool: { name: string } }[] }
  expect(nodes.filter(({ tool }) => tool.name === 'notion_comment_create')).toHaveLength(3)
})

it.runIf(hasPython)('the Python client raises errors of its own for all that a server can answer', async () => {
  expect(await runPython('failures.py')).toEqual({ failed: [], successful: true })
})
