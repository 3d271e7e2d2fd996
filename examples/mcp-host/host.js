import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { mcpServer } from 'valetkey/mcp'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '' } = process.env
const notion = mcpServer({ url, apiKey, identifier: process.argv[2] ?? 'user_1' })

const client = new Client(
  { name: 'example-host', version: '1.0.0' },
  { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: 'auto' } },
)
// The server asks for it when the account needs its user.
client.setRequestHandler('elicitation/create', async ({ params }) => {
  console.log(`open ${params.url}`)
  return { action: 'accept' }
})
await client.connect(new StreamableHTTPClientTransport(new URL(notion.url), notion))

const { tools } = await client.listTools()
console.log(`${tools.length} tools`)
const { content } = await client.callTool({ name: 'notion_data_fetch', arguments: { query: 'Projects' } })
console.log(content[0].text)
await client.close()
