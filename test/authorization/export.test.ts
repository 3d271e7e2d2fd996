import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { run } from '../../src/cli/run.ts'
import { startApp, type TestApp } from '../support/app.ts'

const masterKey = randomBytes(32).toString('base64')

let app: TestApp
beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
  await app.connect('ann')
  await app.graphql(
    `mutation { updateConnectedAccount(input: { identifier: "ann", metadata: { plan: "pro" } }) { __typename } }`,
  )
  await app.graphql(
    `mutation { ${Array.from(
      { length: 5 },
      (_, at) => `a${at}: getOrCreateConnectedAccount(input: { identifier: "user-${at}" }) { __typename }`,
    ).join(' ')} }`,
  )
})
afterAll(() => app.stop())

async function accountsOf(...options: readonly string[]) {
  const lines: string[] = []
  const env = { DATABASE_URL: app.config.databaseUrl ?? '', VALETKEY_MASTER_KEY: masterKey }
  const print = (line: string) => lines.push(line)
  expect(await run(['accounts', 'export', ...options], env, print, print)).toBe(0)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

it('prints accounts as JSON lines with what GraphQL has of them, and no tokens', async () => {
  const accounts = await accountsOf()
  expect(accounts).toHaveLength(6)
  const { data } = await app.graphql(`{ connectedAccount(identifier: "ann") {
    id connectionName identifier status statusReason metadata workspace { id name } owner { providerUserId name email }
    createdAt authorizedAt lastUsedAt lastVerifiedAt
  } }`)
  expect(accounts.at(-1)).toEqual(data['connectedAccount'])
  expect(JSON.stringify(accounts)).not.toMatch(/token|ntn_|nrt_|binding/i)
})

it('continues after an account', async () => {
  const accounts = await accountsOf('--connection', 'notion')
  for (const [at, { id }] of accounts.entries())
    expect(await accountsOf('--after', String(id))).toEqual(accounts.slice(at + 1))
})

it('refuses unknown names', async () => {
  for (const options of [
    ['--environment', 'unknown'],
    ['--connection', 'unknown'],
    ['--after', 'unknown'],
    ['--after', Buffer.from('ConnectedAccount:00000000-0000-4000-8000-000000000000').toString('base64')],
  ])
    await expect(accountsOf(...options)).rejects.toBeInstanceOf(UsageError)
})
