import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Valetkey } from '../../src/client/valetkey.ts'
import { consent, createVisitor } from '../../src/testing/visitor.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { packPackage } from '../support/packed-package.ts'
import { validInputs } from '../tools/valid-inputs.ts'

const run = promisify(execFile)
/** The first code of the README that is not for a shell. */
const firstBlock =
  /```ts\n([\s\S]*?)```/.exec(readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8'))?.[1] ?? ''

let directory: string
/** A project that has installed the package. */
let project: string
let app: TestApp
beforeAll(async () => {
  app = await startApp()
  directory = await mkdtemp(join(tmpdir(), 'valetkey-package-'))
  const archive = await packPackage(directory)
  project = join(directory, 'project')
  await mkdir(project)
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', type: 'module', private: true }))
  await run('npm', ['install', '--no-audit', '--no-fund', archive, 'react@19', '@types/react@19'], {
    cwd: project,
  })
}, 600_000)
afterAll(async () => {
  await app.stop()
  await rm(directory, { recursive: true, force: true })
})

describe('the package', () => {
  it('has entries that every resolver finds', async () => {
    const { messages, pkg } = await publint({ pkgDir: join(project, 'node_modules/valetkey'), strict: true })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it('calls a tool in five lines, as the README has them', async () => {
    const lines = firstBlock.split('\n').filter((line) => line !== '')
    expect(lines).toHaveLength(5)
    const code = firstBlock
      .replace('http://localhost:4000', app.url)
      .replace(/^const \{ link \}.*$/m, '$&\nconsole.log(link)')
    await writeFile(join(project, 'five-lines.js'), `${code}\nconsole.log(data.object)`)
    const running = run('node', ['five-lines.js'], {
      cwd: project,
      env: { PATH: process.env['PATH'], VALETKEY_API_KEY: app.apiKey },
    })
    const link = await new Promise<string>((printed, reject) => {
      running.child.stdout?.once('data', (chunk) => printed(String(chunk).trim()))
      running.catch(reject)
    })
    // What the user does in a browser, and the page that confirms in development.
    const flowId = (await consent(createVisitor(), link)).searchParams.get('flow_id') ?? ''
    await new Valetkey({ url: app.url, apiKey: app.apiKey }).confirm({ flowId, identifier: 'user_notion_456' })
    expect((await running).stdout).toBe(`${link}\nlist\n`)
  })

  it('starts a Valetkey for the tests of an application, whose errors are those of the client', async () => {
    const code = `
      import { AccountNotFoundError } from 'valetkey/client'
      import { startValetkey } from 'valetkey/testing'
      const server = await startValetkey()
      const failed = await server.valetkey.accounts.refresh('ann').catch((error) => error)
      await server.connect('ann')
      const { status } = await server.valetkey.accounts.get('ann')
      await server.close()
      console.log(status, failed instanceof AccountNotFoundError)`
    await writeFile(join(project, 'testing.js'), code)
    expect((await run('node', ['testing.js'], { cwd: project })).stdout).toBe('ACTIVE true\n')
  })

  it.each(['nodenext', 'bundler'])('has types under moduleResolution %s', async (moduleResolution) => {
    const code = `
      import { AuthorizationRequired, type ConnectedAccount, RateLimitedError, type ToolInput, type ToolInputs, type ToolName, Valetkey } from 'valetkey/client'
      import { anthropicTools } from 'valetkey/anthropic'
      import { googleTools } from 'valetkey/google'
      import { type McpServer, mcpServer } from 'valetkey/mcp'
      import { openaiTools } from 'valetkey/openai'
      import { ConnectButton, useConnectedAccount } from 'valetkey/react'
      import { startSandbox, type TestServer } from 'valetkey/testing'
      export const isConnected = (): boolean => useConnectedAccount(valetkey, 'ann').isConnected
      export const sandbox: string = (await startSandbox()).url
      export const connect = (server: TestServer) => server.connect('ann', { user: 'owner@acme.test' })
      const valetkey = new Valetkey({ url: 'http://localhost', apiKey: async () => 'x' })
      const account: ConnectedAccount = await valetkey.waitUntilActive('ann', { signal: AbortSignal.timeout(1) })
      const { tools } = await openaiTools(valetkey, { identifier: account.identifier })
      const strict: true = tools[0]!.function.strict
      export { anthropicTools, ConnectButton, googleTools, strict }
      try { await valetkey.execute<{ id: string }>('t', {}, { identifier: 'ann' }) } catch (error) {
        if (error instanceof AuthorizationRequired) error.link.toUpperCase()
        if (error instanceof RateLimitedError) error.retryAfterMs?.toFixed()
      }
      // @ts-expect-error An identifier is required.
      await valetkey.execute('t', {}, {})
      const user = { identifier: 'ann' }
      const anyName: string = 'acme_note_create'
      await valetkey.execute(anyName, { text: 1 }, user)
      await valetkey.execute('acme_note_create', { text: 1 }, user)
      await valetkey.execute<{ id: string }, 'notion_page_fetch'>('notion_page_fetch', { page_id: 'p' }, user)
      await valetkey.execute('notion_page_fetch', { page_id: undefined, format: 'blocks' }, user)
      const search: ToolInput<'notion_data_fetch'> = { query: 'Projects' }
      const input: Record<string, unknown> = search
      await valetkey.tools({ names: ['notion_data_fetch', 'acme_note_create'] })
      // @ts-expect-error The property is unknown.
      await valetkey.execute('notion_data_fetch', { qurey: 'Projects' }, user)
      // @ts-expect-error The kind is wrong.
      await valetkey.execute('notion_data_fetch', { page_size: '10' }, user)
      // @ts-expect-error The value is unknown.
      await valetkey.execute('notion_page_fetch', { format: 'html' }, user)
      // @ts-expect-error A property is missing.
      await valetkey.execute('notion_database_query', {}, user)
      // @ts-expect-error The tool takes no input.
      await valetkey.execute('notion_user_self', { page_size: 1 }, user)
      // @ts-expect-error The property is unknown, also with a type of the result.
      await valetkey.execute<{ id: string }, 'notion_page_fetch'>('notion_page_fetch', { pageId: 'p' }, user)
      // @ts-expect-error A nested property is unknown.
      await valetkey.execute('notion_page_content_update', { page_id: 'p', updates: [{ old: 'a', new_str: 'b' }] }, user)
      ${validInputs.map(([name, each]) => `await valetkey.execute('${name}', ${JSON.stringify(each)}, user)`).join('\n')}
      const mcp: McpServer = mcpServer({ url: 'http://localhost', apiKey: 'x', identifier: 'ann', set: 'ALL' })
      export { input, mcp, type ToolInputs, type ToolName }`
    await writeFile(join(project, 'types.ts'), code)
    const environment = 'declare const process: { env: Record<string, string | undefined> }'
    await writeFile(join(project, 'readme.ts'), `${firstBlock}\n${environment}\nexport { data, link }`)
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: 'es2022',
      module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
      moduleResolution,
      lib: ['es2022', 'dom', 'dom.asynciterable'],
      types: [],
    }
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['readme.ts', 'types.ts'] }),
    )
    const compiler = createRequire(import.meta.url)
      .resolve('typescript/package.json')
      .replace('package.json', 'bin/tsc')
    const { stdout } = await run('node', [compiler, '--project', project]).catch(
      (error: unknown) => error as { stdout: string },
    )
    expect(stdout).toBe('')
  })

  it('has a client below 15 kB that needs nothing of Node', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "export * from 'valetkey/client'", resolveDir: project },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'browser',
    })
    expect(outputFiles[0]?.contents.length).toBeLessThan(15_000)
  })

  it('starts the server and runs commands as `valetkey`', async () => {
    const bin = join(project, 'node_modules/.bin/valetkey')
    expect((await run(bin, ['--help'])).stdout).toContain('master-key generate')
    expect((await stat(join(project, 'node_modules/valetkey/dist/main.js'))).isFile()).toBe(true)
    const env = { PATH: process.env['PATH'], PORT: '-1', VALETKEY_DATA_DIR: join(directory, 'data') }
    const failed = (await run(bin, [], { env }).catch((error: unknown) => error)) as { code: number; stderr: string }
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('PORT must be a whole number') })
  })
})
