import { execFile, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'

const root = resolve(import.meta.dirname, '../..')
const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0
if (!hasPython) process.stderr.write('python3 (3.9 or newer) is not installed: the Python client is not tested.\n')

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await app.connect('user_notion_456')
})
afterAll(() => app.stop())

it.runIf(hasPython)(
  'the Python client runs the journey of the product page, and raises typed errors',
  async () => {
    const { stdout } = await promisify(execFile)('python3', ['-B', 'test/client/python/journey.py'], {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        PYTHONPATH: resolve(root, 'clients/python'),
        PYTHONIOENCODING: 'utf-8',
        VALETKEY_URL: app.url,
        VALETKEY_API_KEY: app.apiKey,
      },
    })
    expect(JSON.parse(stdout)).toEqual({
      status: 'ACTIVE',
      link: expect.stringContaining('/connect/'),
      found: 4,
      rows: expect.any(Number),
      row: 'page',
      page: 'page',
      execution: true,
      required: expect.stringContaining('/connect/'),
      metadata: [{ plan: 'pro' }, { plan: 'free', seats: 3 }],
      labelled: ['labelled'],
      accounts: ['new_user', 'user_notion_456'],
      tools: expect.any(Number),
      langchain: true,
    })
  },
  120_000,
)
