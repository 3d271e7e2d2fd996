import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { freePort } from '../support/free-port.ts'
import { createPage, type Json, type Place, type Program, text } from './program.ts'
import { run } from './run.ts'

/** Runs the examples of Notion's cookbook that need no other service. */
export const cookbook: Program = {
  name: 'notion-cookbook',
  repository: {
    url: 'https://github.com/makenotion/notion-cookbook',
    commit: 'edb9e993b25b92fc32058dc4345484421578045f',
  },
  // The examples name ranges of versions, and a loader of TypeScript that Node 22 does not take.
  packages: [
    ...['@notionhq/client@5.26.0', 'dotenv@17.2.1', 'express@4.21.2', 'faker@5.5.3', 'lodash@4.17.21'],
    'tsx@4.21.0',
  ],
  async work(place) {
    const page = await createPage(place, acme.handbook, 'Cookbook', [
      { heading_1: { rich_text: text('A heading') } },
      { paragraph: { rich_text: text('A paragraph') } },
      { to_do: { rich_text: text('A task'), checked: true } },
    ])
    const env = {
      ...place.env,
      NOTION_KEY: place.token,
      NOTION_API_KEY: place.token,
      NOTION_PAGE_ID: String(page.id),
      NOTION_DATA_SOURCE_ID: acme.tasksSource,
    }
    const examples = join(place.folder, 'repository/examples')
    const tsx = (folder: string, file: string, more = {}) => ({
      args: ['--import', 'tsx', file],
      options: { cwd: join(examples, folder), env: { ...env, ...more } },
    })
    const example = async (folder: string, file: string, expected: string) => {
      const { args, options } = tsx(folder, file)
      const output = await run(process.execPath, args, options)
      if (!output.includes(expected)) throw new Error(`${folder}/${file}: "${expected}" is not in ${output}`)
    }
    const lessons = 'intro-to-notion-api'
    const runs: readonly (readonly [folder: string, file: string, expected: string])[] = [
      [`${lessons}/basic`, '1-add-block.ts', '"type": "heading_2"'],
      [`${lessons}/basic`, '2-add-linked-block.ts', '"url": "https://en.wikipedia.org/wiki/Kale"'],
      [`${lessons}/basic`, '3-add-styled-block.ts', '"bold": true'],
      [`${lessons}/intermediate`, '1-create-a-database.ts', '"object": "database"'],
      [`${lessons}/intermediate`, '2-add-page-to-database.ts', '"object": "page"'],
      [`${lessons}/intermediate`, '3-query-database.ts', '"type": "complete"'],
      [`${lessons}/intermediate`, '4-sort-database.ts', '"type": "complete"'],
      [`${lessons}/intermediate`, '5-upload-file.ts', 'Done! Image & comment added to page'],
      [`${lessons}/intermediate`, '6-create-page-with-template.ts', 'Done!'],
      ['parse-text-from-any-block-type', 'index.ts', 'A paragraph'],
      ['query-large-data-sources', 'index.ts', 'Got 5 rows'],
    ]
    for (const one of runs) await example(...one)
    await createPageDatabase(place, String(page.id))
    await example('generate-random-data', 'index.ts', 'containing letter')
    const port = String(await freePort())
    const { args, options } = tsx('web-form-with-express', 'server.ts', { PORT: port })
    await useForm(args, options, `http://127.0.0.1:${port}`)
    return `${runs.length + 2} of ${runs.length + 2} examples`
  },
}

/** The example takes the database that was edited last, and needs one of each of these columns. */
const createPageDatabase = async (place: Place, page_id: string) => {
  const options = [{ name: 'One' }, { name: 'Two' }]
  const answer = await place.sandbox.call(place.token, 'POST', '/v1/databases', {
    parent: { page_id },
    title: text('Random'),
    initial_data_source: {
      properties: {
        Name: { title: {} },
        Note: { rich_text: {} },
        Count: { number: {} },
        Due: { date: {} },
        Kind: { select: { options } },
        Tags: { multi_select: { options } },
        Link: { url: {} },
        Mail: { email: {} },
        Phone: { phone_number: {} },
        Done: { checkbox: {} },
      },
    },
  })
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
}

/** Starts the web form and does what its page does. */
async function useForm(
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  url: string,
): Promise<void> {
  const server = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    for await (const line of createInterface(server.stdout)) if (line.includes('listening')) break
    const post = async (path: string, body: object): Promise<Json> => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      const answer = (await response.json()) as { message: string; data: Json }
      if (answer.message !== 'success!') throw new Error(`${path}: ${JSON.stringify(answer)}`)
      return answer.data
    }
    const database = await post('/databases', { dbName: 'Form' })
    const page = await post('/pages', { dbID: database.dataSourceId, pageName: 'Entry', header: 'Heading' })
    await post('/blocks', { pageID: page.id, content: 'Text' })
    await post('/comments', { pageID: page.id, comment: 'Comment' })
  } finally {
    server.kill()
    await once(server, 'close')
  }
}

/** Runs the tests of the SDK for Python against the sandbox instead of recorded answers. */
export const pythonSdk: Program = {
  name: 'notion-sdk-py',
  repository: {
    url: 'https://github.com/ramnes/notion-sdk-py',
    commit: '9d715dd482293ef009db90079755247e36354a78',
  },
  packages: [],
  python: ['httpx', 'pytest', 'pytest_asyncio', 'pytest_mock'],
  async work(place) {
    const page = await createPage(place, acme.handbook, 'Python')
    const output = await run(
      'python3',
      [
        ...['-m', 'pytest', '-q', '-p', 'redirect_plugin', '-o', 'addopts=', '-W', 'ignore'],
        // Two tests of errors ask a page of another company.
        ...['--deselect', 'tests/test_errors.py::test_api_http_response_error'],
        ...['--deselect', 'tests/test_errors.py::test_api_async_request_bad_request_error', 'tests'],
      ],
      {
        cwd: join(place.folder, 'repository'),
        env: {
          ...place.env,
          PYTHONPATH: [import.meta.dirname, join(place.folder, 'repository')].join(':'),
          PYTHONDONTWRITEBYTECODE: '1',
          NOTION_TOKEN: place.token,
          NOTION_TEST_PAGE_ID: String(page.id),
        },
      },
    )
    return output.trim().split('\n').at(-1) ?? ''
  },
}
