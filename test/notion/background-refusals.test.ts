import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchFromProvider } from '../../src/provider-http.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { toolbox } from './support.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeAll(async () => {
  workspace = await startWorkspace()
})
afterAll(() => workspace.close())

const long = (word: string) => `${word} ${'and on '.repeat(4_000)}`.trim()

/** Runs a tool while the network reports each finished task as failed with an error. */
function runRefused(name: string, input: object, error: object) {
  const box = toolbox(Date.now, async (url, init) => {
    const answer = await fetchFromProvider(url, init)
    if (!url.includes('/async_tasks/')) return answer
    const { result, ...task } = (await new Response(answer.body as ReadableStream).json()) as Record<string, unknown>
    const body = task.status === 'succeeded' ? { ...task, status: 'failed', error } : { ...task, result }
    const { status, body: stream } = Response.json(body)
    return { status, headers: new Headers(), body: stream as AsyncIterable<Uint8Array> | null }
  })
  return box.run(name, workspace.call, input)
}

const refusal = { object: 'error', status: 400, code: 'validation_error', message: 'Content is not valid.' }
const parents = [
  { parent_page_id: acme.roadmap, properties: { title: 'Partly' } },
  { database_id: acme.projects, properties: { Name: 'Partly' } },
]

describe('a write that Notion refuses in the background', () => {
  it.each(parents)('of a new page %j is of unknown outcome where the page is there', async (parent) => {
    const error = await failure(runRefused('notion_page_create', { ...parent, markdown: long('x') }, refusal))
    expect(error).toMatchObject({ name: 'OutcomeUnknownError', message: expect.stringContaining('not valid') })
  })

  it('of the content is of unknown outcome where the content changed', async () => {
    const page = await workspace.run('notion_page_create', { ...parents[0], markdown: 'Before' })
    const input = { page_id: page.id, content: long('After') }
    expect(await failure(runRefused('notion_page_content_update', input, refusal))).toMatchObject({
      name: 'OutcomeUnknownError',
    })
    // Written again, the content stays as it is.
    expect(await failure(runRefused('notion_page_content_update', input, refusal))).toMatchObject({
      name: 'InvalidToolInputError',
    })
  })

  it('is refused where nothing was written', async () => {
    const page = await workspace.run('notion_page_create', { ...parents[0], markdown: 'Before' })
    const updates = [{ old_str: 'absent', new_str: long('After') }]
    const run = workspace.run('notion_page_content_update', { page_id: page.id, updates })
    expect(await failure(run)).toMatchObject({ name: 'InvalidToolInputError', issues: [{ path: 'updates.0.old_str' }] })
  })

  it('for a missing right names the right to change the page, and needs no capability to insert', async () => {
    const page = await workspace.run('notion_page_create', { ...parents[0], markdown: long('Same') })
    const forbidden = { object: 'error', status: 403, code: 'restricted_resource', message: 'Not allowed.' }
    const input = { page_id: page.id, content: long('Same') }
    const before = (await workspace.requests()).length
    expect(await failure(runRefused('notion_page_content_update', input, forbidden))).toMatchObject({
      name: 'ProviderError',
      status: 403,
      message: expect.stringContaining(`change the page ${String(page.id)}`),
    })
    const probes = (await workspace.requests()).slice(before).filter((one) => /^(?:POST|PATCH)/.test(one))
    expect(probes.filter((one) => one.endsWith('/pages'))).toEqual([])
  })
})
