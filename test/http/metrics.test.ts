import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { run } from '../../src/cli/run.ts'
import { startApp, type TestApp } from '../support/app.ts'

const masterKey = randomBytes(32).toString('base64')
let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
})
afterAll(() => app.stop())

const scrape = (credential = app.apiKey) =>
  fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${credential}` } })

/** The value of a metric with these labels; undefined when it is not there. */
async function metricValue(name: string): Promise<number | undefined> {
  const text = await (await scrape()).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}

describe('metrics', () => {
  it('count renewals by outcome, accounts by status and waiting revocations', async () => {
    await app.connect('renewed')
    await app.connect('disconnected')
    await app.graphql('mutation { disconnectConnectedAccount(input: { identifier: "disconnected" }) { __typename } }')
    await app.sandbox('expire', { user: 'owner@acme.test', access: true })
    await app.executeTool('renewed', 'notion_data_fetch', { query: '' })
    expect(await metricValue('valetkey_renewals_total{outcome="token"}')).toBeGreaterThan(0)
    expect(await metricValue('valetkey_accounts{status="ACTIVE"}')).toBe(1)
    expect(await metricValue('valetkey_accounts{status="DISCONNECTED"}')).toBe(1)
    expect(await metricValue('valetkey_revocations_waiting')).toBeTypeOf('number')
    expect(await metricValue('valetkey_oauth_apps_rejected')).toBe(0)
    // A busy machine may delay a heartbeat, and the process then holds nothing until the next.
    await vi.waitFor(async () => expect(await metricValue('valetkey_hears_changes')).toBe(1), { timeout: 60_000 })
  })

  it('are not for an ADMIN key of another environment, because they count the work of all', async () => {
    const lines: string[] = []
    const command = ['api-keys', 'create', '--environment', 'tenant', '--name', 'admin', '--scopes', 'ADMIN']
    const env = { DATABASE_URL: app.config.databaseUrl ?? '', VALETKEY_MASTER_KEY: masterKey }
    await run(
      command,
      env,
      (line) => lines.push(line),
      () => {},
    )
    const response = await scrape(lines.find((line) => line.startsWith('vk_')))
    expect(response.status).toBe(403)
    expect(await response.text()).not.toContain('valetkey_accounts')
  })
})
