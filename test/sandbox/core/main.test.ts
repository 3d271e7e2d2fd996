import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect as connectTo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { authorizeUrl, basic, testClient, testRedirectUri } from '../support.ts'

const main = new URL('../../../dist/sandbox/main.js', import.meta.url).pathname
const started: ChildProcess[] = []

function run(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    output.err += String(chunk)
  })
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({ code, signal }))
  const url = async () => {
    for (;;) {
      const found = /Notion sandbox on (\S+)\n/.exec(output.out)?.[1]
      if (found) return found
      if (child.exitCode !== null) throw new Error(`the sandbox ended: ${output.err}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { child, output, ended, url }
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

async function connect(url: string): Promise<{ access_token: string; refresh_token: string }> {
  const consent = await fetch(authorizeUrl(url), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ decision: 'allow' }),
  })
  const code = new URL(consent.headers.get('location') ?? '').searchParams.get('code')
  const response = await fetch(`${url}/v1/oauth/token`, {
    method: 'POST',
    headers: { authorization: basic(testClient), 'content-type': 'application/json' },
    body: JSON.stringify({ grant_type: 'authorization_code', code, redirect_uri: testRedirectUri }),
  })
  return (await response.json()) as { access_token: string; refresh_token: string }
}

async function isActive(url: string, token: string): Promise<boolean> {
  const response = await fetch(`${url}/v1/oauth/introspect`, {
    method: 'POST',
    headers: { authorization: basic(testClient) },
    body: JSON.stringify({ token }),
  })
  return ((await response.json()) as { active: boolean }).active
}

describe('the sandbox as a process', () => {
  it('prints its address and an example, and exits with code 0 on a signal', async () => {
    const { child, output, ended, url } = run('--port', '0')
    const response = await fetch(`${await url()}/v1/anything`)
    expect(response.headers.get('x-notion-sandbox')).toBe('true')
    expect(output.out).toContain("import { Client } from '@notionhq/client'")
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  it('serves the official client with the five lines of its documentation', async () => {
    const page = await readFile(new URL('../../../docs/sandbox.md', import.meta.url), 'utf8')
    const example = /```js\n(import \{ Client \}.*?)```/s.exec(page)?.[1] ?? ''
    expect(example.trimEnd().split('\n')).toHaveLength(5)
    const { url } = run('--port', '0')
    const program = example.replaceAll('http://127.0.0.1:4010', await url())
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
    expect(stdout).toContain("object: 'list'")
    expect(stdout).toContain("type: 'page_or_data_source'")
  })

  it.each([
    ['a request that is not HTTP', 'HELLO\r\n\r\n'],
    ['too large headers', `GET /v1/users HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['a negative content length', 'POST /v1/search HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n'],
  ])('responds to %s in Notion’s error format', async (_, sent) => {
    const { url } = run('--port', '0')
    const socket = connectTo({ port: Number(new URL(await url()).port), host: '127.0.0.1' })
    socket.end(sent)
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1.1 400 /)
    expect(head).toContain('x-notion-sandbox: true')
    const { request_id, ...error } = JSON.parse(body) as Record<string, unknown>
    expect(error).toMatchObject({ object: 'error', status: 400, code: 'invalid_request' })
    expect(head).toContain(`x-notion-request-id: ${String(request_id)}`)
  })

  it('restores its tokens after it was killed, and deletes them with --reset', async () => {
    const data = await mkdtemp(join(tmpdir(), 'sandbox-'))
    const first = run('--port', '0', '--data', data)
    const { access_token } = await connect(await first.url())
    first.child.kill('SIGKILL')
    await first.ended

    const second = run('--port', '0', '--data', data)
    expect(await isActive(await second.url(), access_token)).toBe(true)
    second.child.kill('SIGINT')
    expect(await second.ended).toEqual({ code: 0, signal: null })

    const third = run('--port', '0', '--data', data, '--reset')
    expect(await isActive(await third.url(), access_token)).toBe(false)
    third.child.kill('SIGTERM')
    await third.ended
    await rm(data, { recursive: true })
  })

  it('exits with code 1 and a message when the port is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const { ended, output } = run('--port', String(port))
    expect((await ended).code).toBe(1)
    expect(output.err).toBe(`Port ${port} on 127.0.0.1 is in use. Select another port with --port.\n`)
    blocker.close()
  })

  it('does not change the data of a running process when it cannot start', async () => {
    const data = await mkdtemp(join(tmpdir(), 'sandbox-'))
    const first = run('--port', '0', '--data', data)
    const url = await first.url()
    const second = run('--port', new URL(url).port, '--data', data, '--reset')
    expect((await second.ended).code).toBe(1)
    const { access_token } = await connect(url)
    first.child.kill('SIGTERM')
    await first.ended
    const third = run('--port', '0', '--data', data)
    expect(await isActive(await third.url(), access_token)).toBe(true)
    await rm(data, { recursive: true })
  })

  it('exits with code 1 and a message when the data directory is not usable', async () => {
    const { ended, output } = run('--port', '0', '--data', '/dev/null/data')
    expect((await ended).code).toBe(1)
    expect(output.err).toContain('Cannot use the data directory /dev/null/data')
  })

  it.each([
    [['--port', 'x'], '--port must be a number from 0 to 65535'],
    [['--colour'], 'colour'],
  ])('refuses %j', async (args, message) => {
    const { ended, output } = run(...args)
    expect((await ended).code).toBe(1)
    expect(output.err).toContain(message)
  })

  it('prints its options with --help', async () => {
    const { ended, output } = run('--help')
    expect((await ended).code).toBe(0)
    expect(output.out).toContain('--data <dir>')
  })
})
