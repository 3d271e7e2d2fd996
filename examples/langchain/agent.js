import { AIMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { interrupt, MemorySaver } from '@langchain/langgraph'
import { createAgent } from 'langchain'
import { Valetkey } from 'valetkey/client'
import { getTools } from 'valetkey/langchain'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '' } = process.env
const valetkey = new Valetkey({ url, apiKey })

/** Calls a tool, then repeats what it read. Replace it with a model, such as `openai:gpt-5`. */
const model = fakeModel()
  .respondWithTools([{ name: 'notion_data_fetch', args: { query: 'Projects' }, id: crypto.randomUUID() }])
  .respond((messages) => new AIMessage(messages.at(-1).text))

const agent = createAgent({
  model,
  tools: await getTools(valetkey, {
    identifier: process.argv[2] ?? 'user_1',
    // Pauses the agent. Resume it with a Command when the user has connected the account: the call is then made again.
    onAuthorizationRequired: (link) => interrupt({ link }),
  }),
  checkpointer: new MemorySaver(),
})
const { messages, __interrupt__: interrupts = [] } = await agent.invoke(
  { messages: [{ role: 'user', content: 'Find our projects.' }] },
  { configurable: { thread_id: '1' } },
)
console.log(interrupts.length > 0 ? `open ${interrupts[0].value.link}` : messages.at(-1).text)
