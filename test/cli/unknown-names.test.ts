import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { run } from '../../src/cli/run.ts'
import { startApp, type TestApp } from '../support/app.ts'

const masterKey = randomBytes(32).toString('base64')
let app: TestApp
let onDatabase: Record<string, string>
let onServer: Record<string, string>
/** An API key with the name `nightly-import`, in the environment `staging`. */
let keyId: string

/** Runs a command line as the process would. The client secret is on the standard input. */
const command = async (line: string, env: Record<string, string>) => {
  const lines: string[] = []
  const print = (text: string) => void lines.push(text)
  const input = { readLine: async () => 'secret-of-the-client', close: () => {} }
  await run(line.split(' ').filter(Boolean), env, print, print, input)
  return lines
}

beforeAll(async () => {
  app = await startApp({ database: 'postgres', env: { VALETKEY_MASTER_KEY: masterKey } })
  onDatabase = {
    DATABASE_URL: app.config.databaseUrl ?? '',
    VALETKEY_MASTER_KEY: masterKey,
    NODE_ENV: 'development',
    VALETKEY_SANDBOX: 'off',
  }
  onServer = { VALETKEY_URL: app.url, VALETKEY_API_KEY: app.apiKey }
  await command('oauth-apps register team_notes --client-id mine', onDatabase)
  const created = await command(
    'api-keys create --environment staging --name nightly-import --scopes ADMIN',
    onDatabase,
  )
  keyId = /\((\S+)\)/.exec(created[0] ?? '')?.[1] ?? ''
})
afterAll(() => app.stop())

const failureOf = async (line: string, env: Record<string, string>): Promise<unknown> =>
  command(line, env).catch((error: unknown) => error)

describe('an unknown connection', () => {
  const commands = [
    'oauth-apps webhook team-note',
    'oauth-apps webhook team-note --reset',
    'oauth-apps verify team-note',
  ]
  it.each(commands)('of "%s" on a server is answered with the names of those that exist', async (line) => {
    expect(await failureOf(line, onServer)).toEqual(
      new UsageError(
        'unknown connection "team-note". Did you mean "team_notes"? Available connections of the environment of the API key: "notion", "team_notes"',
      ),
    )
  })

  it.each([
    ...commands,
    'oauth-apps update team-note --client-id other',
    'accounts export --connection team-note',
    'accounts disconnect-all --connection notion --connection team-note --yes',
    'environments policy default --connection team-note',
    'environments policy default --connection team-note --read-only',
  ])('of "%s" on the database is answered with the names of those that exist', async (line) => {
    expect(await failureOf(line, onDatabase)).toEqual(
      new UsageError(
        'unknown connection "team-note". Did you mean "team_notes"? Available connections of the environment "default": "notion", "team_notes"',
      ),
    )
  })

  it('of an environment without any is answered with the command that registers one', async () => {
    expect(await failureOf('oauth-apps verify --environment staging', onDatabase)).toEqual(
      new UsageError(
        'unknown connection "notion". The environment "staging" has no OAuth app. Register one with: oauth-apps register',
      ),
    )
  })
})

it.each([
  'oauth-apps list --environment stagign',
  'oauth-apps verify --environment stagign',
  'oauth-apps webhook --environment stagign',
  'oauth-apps update --client-id x --environment stagign',
  'accounts export --environment stagign',
  'accounts disconnect-all --yes --environment stagign',
  'api-keys list --environment stagign',
  'api-keys narrow 2561ab6c-418b-4072-beec-c4779fa811cf --read-only --environment stagign',
  'api-keys revoke 2561ab6c-418b-4072-beec-c4779fa811cf --environment stagign',
  'audit export --environment stagign',
  'environments policy stagign',
  'environments delete stagign',
])('an unknown environment of "%s" is answered with the names of those that exist', async (line) => {
  expect(await failureOf(line, onDatabase)).toEqual(
    new UsageError(
      'unknown environment "stagign". Did you mean "staging"? Available environments: "default", "staging"',
    ),
  )
})

describe.each(['revoke', 'narrow --read-only'])('an unknown API key of "api-keys %s"', (action) => {
  const narrowed = (subject: string) => `api-keys ${action} ${subject} --environment staging`

  it('is answered with the ID of the key that has this name, or a similar one', async () => {
    for (const name of ['nightly-import', 'nightly-imports'])
      expect(await failureOf(narrowed(name), onDatabase)).toEqual(
        new UsageError(
          `"${name}" is not the ID of an API key. Did you mean "nightly-import" (${keyId})? List the IDs with: api-keys list --environment staging`,
        ),
      )
  })

  it('is answered with the environment in which it was looked for', async () => {
    const line = `api-keys ${action} ${keyId}`
    expect(await failureOf(line, onDatabase)).toEqual(
      new UsageError(
        `unknown API key "${keyId}" in the environment "default". List the IDs with: api-keys list --environment default`,
      ),
    )
  })
})

it('many names are not all listed', async () => {
  for (let index = 0; index < 21; index++)
    await command(`api-keys create --environment tenant-${index} --name k --scopes ADMIN`, onDatabase)
  const { message } = (await failureOf('api-keys list --environment nowhere', onDatabase)) as Error
  expect(message).toMatch(/: "default", "staging", "tenant-0", .* and 3 more$/)
})

it('the ID of an environment is accepted as the export of the audit log prints it', async () => {
  const lines = await command('audit export --environment staging', onDatabase)
  const { environment } = JSON.parse(lines[0] ?? '') as { environment: string }
  expect(await command(`audit export --environment ${environment}`, onDatabase)).toEqual(lines)
})

it.each([
  ['environments policy default --tool notion_page_trahs', 'Did you mean "notion_page_trash"?'],
  ['environments policy default --approve-tool notion_page_trahs', 'Did you mean "notion_page_trash"?'],
  ['oauth-apps register other --client-id x --capability READ_CONTNET', 'Did you mean "READ_CONTENT"?'],
  ['api-keys create --name n --scopes ACCOUNTS_RAED', 'Did you mean "ACCOUNTS_READ"?'],
])('a misspelt value of "%s" is answered with the nearest one', async (line, suggestion) => {
  const failure = await failureOf(line, onDatabase)
  expect(failure).toBeInstanceOf(UsageError)
  expect((failure as Error).message).toContain(suggestion)
})
