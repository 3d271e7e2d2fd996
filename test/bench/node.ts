import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { connectors } from '../../src/connectors.ts'

/**
 * A server as `src/main.ts` runs it, in a process of its own, but for the rate budget: a benchmark sends in a second what
 * Notion allows in a minute. Counting goes on as always.
 */
const app = await createApp(readConfig(process.env), {
  connectors: connectors.map((connector) => ({ ...connector, rate: { requests: 100_000_000, perMs: 60_000 } })),
})
const { url } = await app.listen()
process.stdout.write(`listens at ${url}\n`)
process.once('SIGTERM', () => void app.stop().finally(() => process.exit()))
