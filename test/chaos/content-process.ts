import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { ServerLocation } from '../../src/db/database.ts'
import { createLog } from '../../src/log.ts'
import { notion } from '../../src/notion/connector.ts'
import { databaseEnv } from '../support/database.ts'

/*
 * The whole server in a process of its own, which crawls, takes in the provider's events, processes them and sends webhooks
 * until it is killed. It sends its URL when it serves.
 */

/** What the process is started with. */
export interface ContentProcessSettings {
  readonly location: ServerLocation
  readonly masterKey: string
  readonly apiKey: string
  readonly apiUrl: string
}

async function main({ location, masterKey, apiKey, apiUrl }: ContentProcessSettings): Promise<void> {
  // As many requests as the sandbox answers.
  const connectors = [{ ...notion, rate: { requests: 1_000_000, perMs: 60_000 } }]
  const config = readConfig(
    {
      NODE_ENV: 'development',
      PORT: '0',
      ...databaseEnv(location),
      DATABASE_POOL_SIZE: '6',
      VALETKEY_DATA_DIR: mkdtempSync(join(tmpdir(), 'valetkey-chaos-')),
      VALETKEY_MASTER_KEY: masterKey,
      VALETKEY_BOOTSTRAP_API_KEY: apiKey,
      VALETKEY_SANDBOX: 'off',
      NOTION_API_URL: apiUrl,
      LOG_LEVEL: 'silent',
    },
    connectors,
  )
  const app = await createApp(config, {
    log: createLog('silent'),
    connectors,
    // One pass over all pages, and then only what events report: a lost event is not made good by the next pass.
    crawlTiming: {
      everyMs: 200,
      sliceMs: 300,
      leaseMs: 2_000,
      recentEveryMs: 3_600_000,
      fullEveryMs: 3_600_000,
      backoff: { firstMs: 50, maxMs: 200 },
    },
    inboxTiming: { everyMs: 200, backoff: { firstMs: 20, maxMs: 200 } },
    deliveryTiming: {
      everyMs: 200,
      attemptMs: 2_000,
      leaseMs: 3_000,
      backoff: { firstMs: 20, maxMs: 200, minMs: 10 },
    },
  })
  process.on('disconnect', () => process.exit(1))
  const { url } = await app.listen()
  process.send?.(url)
}

await main(JSON.parse(process.argv[2] ?? '{}') as ContentProcessSettings)
