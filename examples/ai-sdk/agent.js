import { generateText, stepCountIs } from 'ai'
import { aiTools } from 'valetkey/ai'
import { AuthorizationRequired, Valetkey } from 'valetkey/client'
import { model } from './scripted-model.js'

const { VALETKEY_URL: url = 'http://localhost:4000', VALETKEY_API_KEY: apiKey = '' } = process.env
const valetkey = new Valetkey({ url, apiKey })

const { text, steps } = await generateText({
  model,
  prompt: 'Find our projects.',
  tools: await aiTools(valetkey, { identifier: process.argv[2] ?? 'user_1' }),
  stopWhen: stepCountIs(5),
})
// The SDK shows a tool that fails to the model. The application reads what the user must do.
for (const part of steps.flatMap(({ content }) => content)) {
  if (part.type === 'tool-error' && part.error instanceof AuthorizationRequired) console.log(`open ${part.error.link}`)
}
console.log(text)
