import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp({ database: 'postgres' })
  await app.connect('user_uploads')
  agent = agentOf(app, 'user_uploads')
})
afterAll(() => app.stop())

it('the maximum content of an upload fits into a request, and more is refused with its place', async () => {
  const { data } = await app.graphql('{ tool(name: "notion_file_upload_content") { description } }')
  const { description } = data['tool'] as { description: string }
  expect(description).toContain('notion_file_upload_link')
  const kilobytes = Number(/up to (\d+) KB/.exec(description)?.[1] ?? 0)
  expect(kilobytes).toBeGreaterThan(0)
  const content = Buffer.alloc(kilobytes * 1000, 1).toString('base64')
  const input = { filename: `${'n'.repeat(896)}.bin`, content_type: 'application/octet-stream' }
  const upload = await agent.body('notion_file_upload_content', { ...input, content })
  expect(upload).toMatchObject({ status: 'uploaded', content_length: kilobytes * 1000 })
  const issues = await agent.issues('notion_file_upload_content', { ...input, content: `${content}AAAA` })
  expect(issues).toMatchObject([{ path: 'content' }])
})
