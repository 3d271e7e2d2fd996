import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/cli/command.ts'
import { run } from '../../src/cli/run.ts'
import type { Input } from '../../src/cli/terminal-input.ts'
import { lockDirectory } from '../../src/db/directory-lock.ts'
import { type RunningSandbox, startSandbox } from '../sandbox/support.ts'
import { clientOf } from '../support/app.ts'
import { databaseEnv, newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { startServerProcess } from '../support/server-process.ts'

const root = new URL('../..', import.meta.url)
const secret = 'secret_of-the-operator-0123456789'

/** An input with these lines. */
function typed(...lines: string[]): Input {
  return {
    async readLine(question) {
      const line = lines.shift()
      if (line === undefined) throw new UsageError(`${question} is required on the standard input`)
      return line
    },
    close: () => {},
  }
}

describe('the commands for OAuth apps', () => {
  let database: TestDatabase
  let provider: RunningSandbox
  let directory: string
  let env: Record<string, string>
  beforeAll(async () => {
    database = await newPostgresDatabase()
    provider = await startSandbox()
    directory = await mkdtemp(join(tmpdir(), 'valetkey-oauth-apps-'))
    env = {
      ...databaseEnv(database.location),
      NODE_ENV: 'development',
      VALETKEY_DATA_DIR: directory,
      VALETKEY_MASTER_KEY: randomBytes(32).toString('base64'),
      VALETKEY_SANDBOX: 'off',
      NOTION_API_URL: provider.url,
      PUBLIC_URL: 'https://valetkey.example',
    }
    await provider.control('client', { clientId: 'mine', clientSecret: secret })
    await provider.control('mode', { registeredClientsOnly: true })
  })
  afterAll(async () => {
    await provider.close()
    await database.drop()
    await rm(directory, { recursive: true, force: true })
  })

  const command = async (line: string, ...input: string[]) => {
    const lines: string[] = []
    const print = (text: string) => void lines.push(text)
    const code = await run(line.split(' ').filter(Boolean), env, print, print, typed(...input))
    expect(lines.join('\n')).not.toContain(secret)
    return { code, output: lines.join('\n'), lines }
  }
  const acts = async () =>
    (await command('audit export')).lines.map((line) => JSON.parse(line) as Record<string, never>)

  it('print the redirect URI before the registration, which then has it', async () => {
    const { lines } = await command('oauth-apps redirect-uri team --environment planned')
    expect(lines).toEqual(['https://valetkey.example/oauth/callback/team'])
    const { output } = await command('oauth-apps register team --environment planned', 'mine', secret)
    expect(output).toContain('Redirect URI: https://valetkey.example/oauth/callback/team')
    expect((await command('oauth-apps redirect-uri')).lines).toEqual(['https://valetkey.example/oauth/callback/notion'])
    await expect(command('oauth-apps redirect-uri no.dots')).rejects.toMatchObject({ name: 'InvalidInputError' })
  })

  it('register, list, verify and update an app, and record it in the audit log as the API does', async () => {
    const before = (await acts()).length
    const registered = await command(
      'oauth-apps register --client-id mine --verify --confirmation-url https://app.example/confirm --return-url https://app.example --capability read_content,INSERT_CONTENT',
      secret,
    )
    expect(registered).toMatchObject({ code: 0 })
    const [row] = (await command('oauth-apps list')).lines.slice(1)
    expect(row).toMatch(
      /^notion +mine +https:\/\/valetkey\.example\/oauth\/callback\/notion +https:\/\/valetkey\.example\/webhooks\/notion\/notion +not rejected$/,
    )
    expect((await command('oauth-apps verify')).output).toContain('accepts the client ID and the client secret')

    const updated = await command('oauth-apps update notion --confirmation-url https://app.example/other')
    expect(updated.lines).toEqual(
      expect.arrayContaining([
        expect.stringContaining('Updated the OAuth app "notion"'),
        'Client ID: mine',
        'Capabilities: READ_CONTENT, INSERT_CONTENT',
        'Return URLs: https://app.example/',
        'Confirmation URL: https://app.example/other',
        'Raw requests: off',
        'Content search: off',
      ]),
    )
    expect((await command('oauth-apps verify notion')).code).toBe(0)
    const recorded = (await acts()).slice(before)
    expect(recorded.map(({ action, actor }) => [action, actor])).toEqual([
      ['environment.created', 'cli'],
      ['oauth_app.registered', 'cli'],
      ['oauth_app.updated', 'cli'],
    ])
    expect(recorded[2]?.['before']).toMatchObject({ confirmationUrl: 'https://app.example/confirm', clientId: 'mine' })
    expect(recorded[2]?.['after']).toMatchObject({
      confirmationUrl: 'https://app.example/other',
      capabilities: ['READ_CONTENT', 'INSERT_CONTENT'],
      returnUrls: ['https://app.example/'],
    })
    expect(recorded[2]?.['after']).not.toHaveProperty('clientSecret')
  })

  it.each([
    ['--client-id other', 'Client ID: other'],
    ['--capability read_content', 'Capabilities: READ_CONTENT'],
    ['--scope a --scope b', 'Scopes: a, b'],
    [
      '--return-url https://a.example --return-url https://b.example',
      'Return URLs: https://a.example/, https://b.example/',
    ],
    ['--confirmation-url https://app.example/done', 'Confirmation URL: https://app.example/done'],
    ['--raw-requests on', 'Raw requests: on'],
    ['--content-search on', 'Content search: on'],
  ])('print what "update %s" changed', async (options, line) => {
    await command('oauth-apps register printed --client-id mine', secret)
    expect((await command(`oauth-apps update printed ${options}`)).lines).toContain(line)
  })

  it('leave an app with the provider or with the sandbox as it is, whatever VALETKEY_SANDBOX says at an update', async () => {
    const usesSandbox = async () => (await acts()).at(-1)?.['after']?.['sandbox']
    for (const [registered, updated] of [
      ['off', 'on'],
      ['on', 'off'],
    ] as const) {
      env['VALETKEY_SANDBOX'] = registered
      await command(`oauth-apps register unmoved-${registered} --client-id mine`, secret)
      expect(await usesSandbox()).toBe(registered === 'on')
      env['VALETKEY_SANDBOX'] = updated
      await command(`oauth-apps update unmoved-${registered} --raw-requests on`)
      expect(await usesSandbox()).toBe(registered === 'on')
    }
    env['VALETKEY_SANDBOX'] = 'off'
  })

  it.each([
    ['oauth-apps list', 'set VALETKEY_URL and VALETKEY_API_KEY'],
    ['oauth-apps update notion --raw-requests on', 'stop the server first, or register the app again at /console'],
  ])('name what works when a server uses the embedded database: "%s"', async (line, advice) => {
    const inUse = await mkdtemp(join(tmpdir(), 'valetkey-in-use-'))
    await mkdir(join(inUse, 'database'))
    const release = await lockDirectory(inUse)
    const embedded: Record<string, string | undefined> = { ...env, VALETKEY_DATA_DIR: inUse, DATABASE_URL: undefined }
    const failure = await run(
      line.split(' '),
      embedded,
      () => {},
      () => {},
      typed(),
    ).catch((error: unknown) => error)
    await release()
    await rm(inUse, { recursive: true, force: true })
    expect(failure).toMatchObject({ name: 'UsageError', message: expect.stringContaining(advice) })
  })

  it('read the secret from a file, and report what the provider refuses', async () => {
    const file = join(directory, 'secret.txt')
    await writeFile(file, `${secret}\n`)
    const line = `oauth-apps register filed --client-id mine --client-secret-file ${file}`
    expect((await command(`${line} --verify`)).code).toBe(0)
    await writeFile(file, 'a-wrong-secret')
    await expect(command(`${line} --verify`)).rejects.toMatchObject({ name: 'OAuthAppRejectedError' })
    expect((await command('oauth-apps verify filed')).code).toBe(0)
    await command(line)
    await expect(command('oauth-apps verify filed')).rejects.toThrow(
      /rejects the client id or secret.*Register the OAuth app again/,
    )
    expect((await command('oauth-apps list')).output).toMatch(/^filed .* rejected since \S+ \(invalid_client\)$/m)
    await writeFile(file, secret)
    expect((await command(`oauth-apps update filed --client-secret-file ${file}`)).code).toBe(0)
    expect((await command('oauth-apps list')).output).toMatch(/^filed .* not rejected$/m)
    await provider.control('fault', { match: { path: '/v1/oauth' }, kind: 'html', times: 5 })
    await expect(command('oauth-apps verify filed')).rejects.toMatchObject({ name: 'ProviderUnavailableError' })
    await provider.control('clear', {})
  })

  it.each([
    [`oauth-apps register --client-id mine --client-secret=${secret}`, 'must not be on the command line'],
    [`oauth-apps register --client-secret ${secret}`, 'must not be on the command line'],
    [`oauth-apps register --client_secret=${secret}`, 'must not be on the command line'],
    [`oauth-apps register --secret=${secret}`, 'must not be on the command line'],
    [`oauth-apps register notion ${secret}`, 'too many arguments'],
    ['oauth-apps register --client-id mine', 'Client secret is required on the standard input'],
    ['oauth-apps register --client-id mine --client-secret-file /nowhere', 'cannot be read (ENOENT)'],
    ['oauth-apps register --raw-requests maybe', '--raw-requests must be on or off'],
    ['oauth-apps register --content-search yes', '--content-search must be on or off'],
    ['oauth-apps update notion', 'requires an option'],
    [
      'oauth-apps update other --client-id x',
      'unknown connection "other". Available connections of the environment "default": "',
    ],
    ['oauth-apps list --environment nowhere', 'unknown environment "nowhere"'],
    ['oauth-apps frobnicate', 'unknown command "oauth-apps frobnicate"'],
  ])('refuse "%s"', async (line, message) => {
    const failure = await command(line).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'UsageError' })
    expect((failure as Error).message).toContain(message)
    expect((failure as Error).message).not.toContain(secret)
  })

  it.each([
    ['--client-id with:colon', 'clientId'],
    ['--client-id mine --return-url ftp://x', 'returnUrls'],
    ['--client-id mine --confirmation-url http://app.example/', 'confirmationUrl'],
    ['--client-id mine --connector other', 'connector'],
    ['--client-id mine --scope "', 'scopes'],
  ])('refuse %s by the rules of the API', async (options, path) => {
    const failure = await command(`oauth-apps register ${options}`, secret).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: 'InvalidInputError' })
    expect((failure as Error).message).toContain(path)
  })

  it.each(['--return-url https://d.example/x/../y', '--confirmation-url https:\\\\d.example'])(
    'refuse %s, which would be taken as another URL',
    async (options) => {
      const failure = await command(`oauth-apps register --client-id mine ${options}`, secret).catch((error) => error)
      expect(failure).toMatchObject({ name: 'UsageError' })
      expect((failure as Error).message).toContain('must be written as it is called')
    },
  )

  it('refuse an unknown capability', async () => {
    await expect(command('oauth-apps register --client-id mine --capability READ_CONTENT,FLY', secret)).rejects.toThrow(
      /unknown: FLY/,
    )
  })
})

describe('the commands for OAuth apps on a server', () => {
  /** Runs the compiled command line, and returns what it wrote to its standard error. */
  const errorsOf = (url: string) =>
    new Promise<string>((resolve) => {
      const env = { PATH: process.env['PATH'], VALETKEY_URL: url, VALETKEY_API_KEY: 'vk_key' }
      const argv = ['dist/cli/main.js', 'oauth-apps', 'list']
      execFile(process.execPath, argv, { cwd: root, env }, (_error, _stdout, stderr) => resolve(stderr))
    })

  it('report a server that cannot be reached without a stack trace', async () => {
    const errors = await errorsOf(`http://127.0.0.1:${await freePort()}`)
    expect(errors).toMatch(
      /^valetkey: The server at VALETKEY_URL \(http:\/\/127\.0\.0\.1:\d+\) cannot be reached \(.*ECONNREFUSED/,
    )
    expect(errors).not.toMatch(/\n\s+at /)
  })

  it('report a VALETKEY_URL that is not a URL without a stack trace', async () => {
    const errors = await errorsOf('banana')
    expect(errors).toContain('VALETKEY_URL must be an http or https URL')
    expect(errors).not.toMatch(/\n\s+at /)
  })

  it('report a server that is not Valetkey without a stack trace', async () => {
    const other = createServer((_request, response) => response.end('<html></html>')).listen(0, '127.0.0.1')
    await once(other, 'listening')
    try {
      const errors = await errorsOf(`http://127.0.0.1:${(other.address() as AddressInfo).port}`)
      expect(errors).toMatch(/does not answer as Valetkey \(.*\)\. Set VALETKEY_URL to the URL of Valetkey\./)
      expect(errors).not.toMatch(/\n\s+at /)
    } finally {
      other.close()
    }
  })
})

it('the command that a start without the sandbox prints works as it is printed', async () => {
  const provider = await startSandbox()
  const directory = await mkdtemp(join(tmpdir(), 'valetkey-next-'))
  const server = startServerProcess({
    VALETKEY_DATA_DIR: directory,
    VALETKEY_SANDBOX: 'off',
    NOTION_API_URL: provider.url,
  })
  try {
    const url = await server.ready()
    const key = /^ {2}(vk_\S+)$/m.exec(server.output())?.[1] ?? ''
    const printed = await expect
      .poll(() => /^ {2}(VALETKEY_URL=.*)$/m.exec(server.output())?.[1])
      .toBeDefined()
      .then(() => /^ {2}(VALETKEY_URL=.*)$/m.exec(server.output())?.[1] ?? '')
    expect(server.output()).toContain(`${url}/oauth/callback/notion`)
    const shell = (line: string, input: string) =>
      new Promise<string>((resolve, reject) => {
        const { PATH = '', HOME = '' } = process.env
        const child = execFile('sh', ['-c', line], { cwd: root, env: { PATH, HOME } }, (error, stdout, stderr) =>
          error ? reject(new Error(`${stdout}${stderr}`)) : resolve(stdout),
        )
        child.stdin?.end(input)
      })
    const output = await shell(printed, `mine\n${secret}\n`)
    expect(output).toContain('Registered the OAuth app "notion"')
    expect(output).not.toContain(secret)
    expect(await shell(printed.replace(/register.*/, 'list'), '')).toMatch(/^notion +mine .*\/oauth\/callback\/notion/m)
    expect(await shell(printed.replace(/register.*/, 'verify'), '')).toContain('accepts the client ID')
    expect(await shell(printed.replace(/register.*/, 'redirect-uri other'), '')).toContain('/oauth/callback/other')
    const client = clientOf(url, key)
    expect((await client.graphql('{ oauthApp { clientId sandbox } }')).data).toEqual({
      oauthApp: { clientId: 'mine', sandbox: false },
    })
    // Without VALETKEY_URL the command needs the data directory, which the server uses.
    const local = `VALETKEY_DATA_DIR=${directory} npm run -s valetkey -- oauth-apps list`
    await expect(shell(local, '')).rejects.toThrow(/set VALETKEY_URL and VALETKEY_API_KEY/)
    await server.end('SIGTERM')

    const again = startServerProcess({ VALETKEY_DATA_DIR: directory, VALETKEY_SANDBOX: 'off' })
    const port = new URL(await again.ready()).port
    await expect.poll(() => again.output()).toContain('npm run demo')
    const [, next = ''] = /^ {2}(curl[\s\S]*?}"}')$/m.exec(again.output()) ?? []
    expect(await shell(`export VALETKEY_API_KEY=${key}; ${next}`, '')).toContain(`http://localhost:${port}/connect/`)
    await again.end('SIGTERM')
  } finally {
    if (server.child.exitCode === null) await server.end('SIGKILL')
    await provider.close()
    await rm(directory, { recursive: true, force: true })
  }
})
