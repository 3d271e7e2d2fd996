import { Agent } from '@mastra/core/agent'
import { MCPClient } from '@mastra/mcp'
import { Valetkey } from 'valetkey/client'
import { mastraTools } from 'valetkey/mastra'
import { mcpServer } from 'valetkey/mcp'
import { model } from './scripted-model.js'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '' } = process.env
const user = { identifier: process.argv[2] ?? 'user_1' }

// Two ways to the same tools: an application needs one of them.
const adapted = await mastraTools(new Valetkey({ url, apiKey }), { ...user, suspend: true })
const notion = mcpServer({ url, apiKey, ...user })
const client = new MCPClient({ servers: { notion: { ...notion, url: new URL(notion.url) } } })

for (const [way, tools] of Object.entries({ adapter: adapted, MCP: await client.listTools() })) {
  const agent = new Agent({ id: 'notes', name: 'Notes', instructions: 'Answer from Notion.', model, tools })
  const { text, finishReason, suspendPayload } = await agent.generate('Find our projects.')
  // With the adapter, the run is suspended until the user has connected the account. Over MCP, the model reads the link.
  console.log(`${way}: ${finishReason === 'suspended' ? `open ${suspendPayload.suspendPayload.link}` : text}`)
}
await client.disconnect()
