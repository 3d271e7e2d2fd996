import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { type Agent, agentOf } from './agent.ts'

let app: TestApp
let agent: Agent
beforeAll(async () => {
  app = await startApp()
  await app.connect('user')
  agent = agentOf(app, 'user')
})
afterAll(() => app.stop())

const newPage = async (title: string) =>
  String((await agent.body('notion_page_create', { parent_page_id: acme.product, properties: { title } })).id)

describe('notion_custom_emoji_list', () => {
  it('lists the emojis of the workspace, and one by its name with or without colons', async () => {
    const all = await agent.body('notion_custom_emoji_list', {})
    expect(all.results.map(({ name }: { name: string }) => name)).toEqual(['acme', 'shipit'])
    const { data } = await app.graphql(
      `{ notionCustomEmojiList(identifier: "user", input: { name: ":shipit:" }) {
        ... on NotionCustomEmojiListPayload { customEmojis { id name url } hasMore }
      } }`,
    )
    expect(data['notionCustomEmojiList']).toMatchObject({ customEmojis: [{ name: 'shipit' }], hasMore: false })
  })
})

describe('notion_meeting_note_query', () => {
  it.each([
    [{}, 1],
    [{ title: 'Initech' }, 1],
    [{ title: 'Globex' }, 0],
    [{ attendee_id: people.acmeMember }, 1],
    [{ attendee_id: people.acmeChair }, 0],
    [{ attendee_id: people.acmeMember.replaceAll('-', '').toUpperCase() }, 1],
    [{ attendee_id: `user://${people.acmeMember}` }, 1],
    [{ attendee_id: `user ${people.acmeMember}` }, 1],
    [{ attendee_id: '' }, 1],
    [{ created_on_or_after: '2026-01-01', created_on_or_before: '2035-01-01', order: 'oldest', limit: 1 }, 1],
    [{ created_on_or_before: '2020-01-01' }, 0],
  ])('%j finds %i', async (input, count) => {
    const { results } = await agent.body('notion_meeting_note_query', input)
    expect(results).toHaveLength(count)
    for (const result of results) expect(result).toMatchObject({ object: 'block', type: 'meeting_notes' })
  })

  it('refuses invalid dates and users', async () => {
    const paths = async (input: object) =>
      (await agent.issues('notion_meeting_note_query', input)).map(({ path }) => path)
    expect(await paths({ created_on_or_after: 'soon' })).toEqual(['created_on_or_after'])
    expect(await paths({ created_on_or_before: '2026-07-15T23:30:00-05:00' })).toEqual(['created_on_or_before'])
    expect(await paths({ attendee_id: 'Milo' })).toEqual(['attendee_id'])
  })
})

describe('notion_meeting_note_create', () => {
  it('transcribes a recording that is a block or an upload', async () => {
    const page_id = await newPage('A call')
    const { results } = await agent.body('notion_block_append', {
      block_id: page_id,
      children: [{ audio: { external: { url: 'https://example.com/call.mp3' } } }],
    })
    const fromBlock = await agent.body('notion_meeting_note_create', { block_id: results[0].id, language: 'en' })
    expect(fromBlock).toMatchObject({ type: 'meeting_notes', meeting_notes: { status: 'notes_ready' } })
    const upload = await agent.body('notion_file_upload_content', {
      ...{ filename: 'call.mp3', content_type: 'audio/mpeg' },
      content: Buffer.from('sound').toString('base64'),
    })
    const made = await agent.body('notion_meeting_note_create', { file_upload_id: upload.id, page_id, title: 'Sync' })
    expect(made.meeting_notes.title).toMatchObject([{ plain_text: 'Sync' }])
    const blocks = await agent.body('notion_block_list', { block_id: page_id })
    expect(blocks.results.map(({ id }: { id: string }) => id)).toEqual([results[0].id, fromBlock.id, made.id])
  })

  it.each([
    [{}, 'block_id'],
    [{ block_id: randomUUID(), file_upload_id: randomUUID() }, 'file_upload_id'],
    [{ file_upload_id: randomUUID() }, 'page_id'],
    [{ block_id: randomUUID(), page_id: randomUUID() }, 'page_id'],
    [{ block_id: randomUUID(), language: 'English' }, 'language'],
    [{ block_id: acme.roadmap }, 'block_id'],
  ])('refuses %j at %s', async (input, path) => {
    expect((await agent.issues('notion_meeting_note_create', input)).map((issue) => issue.path)).toEqual([path])
  })
})

describe('notion_async_task_fetch', () => {
  it('refuses invalid task ids, and explains one that is unknown', async () => {
    for (const task_id of ['../users/me', 'task_', randomUUID()]) {
      expect(await agent.issues('notion_async_task_fetch', { task_id })).toMatchObject([{ path: 'task_id' }])
    }
    expect(await agent.call('notion_async_task_fetch', { task_id: 'task_0123' })).toMatchObject({
      __typename: 'ResourceNotFoundError',
    })
  })
})

describe('long Markdown', () => {
  const long = (word: string) => `${word} ${'and on '.repeat(4_000)}`.trim()

  it('is written in the background, and the call returns the usual result', async () => {
    const page = await agent.body('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'Long' },
      markdown: long('First'),
    })
    expect(page).toMatchObject({ object: 'page', properties: { title: { title: [{ plain_text: 'Long' }] } } })
    const changed = await agent.body('notion_page_content_update', { page_id: page.id, content: long('Second') })
    expect(changed).toMatchObject({ object: 'page_markdown', id: page.id })
    expect(changed.markdown.startsWith('Second')).toBe(true)
    const log = JSON.stringify(await app.sandbox('log'))
    expect(log).toContain('/v1/async_tasks/task_')
  })

  it('that is refused in the background is refused at its place', async () => {
    const page_id = await newPage('Short')
    const updates = [{ old_str: 'absent', new_str: long('Third') }]
    const [issue] = await agent.issues('notion_page_content_update', { page_id, updates })
    expect(issue).toMatchObject({ path: 'updates.0.old_str', message: expect.stringContaining('absent') })
  })

  it('is not written again when the end of the task cannot be seen', async () => {
    const page_id = await newPage('Lost')
    await app.sandbox('fault', { kind: 'status', status: 404, match: { path: '/v1/async_tasks/*' }, times: 1 })
    const result = await agent.call('notion_page_content_update', { page_id, content: long('Fourth') })
    expect(result).toMatchObject({ __typename: 'OutcomeUnknownError', hint: expect.stringContaining('task_') })
    const task_id = /task_[0-9a-f]{32}/.exec(result.hint)?.[0]
    const task = await agent.body('notion_async_task_fetch', { task_id })
    expect(task).toMatchObject({ object: 'async_task', id: task_id })
    expect((await agent.body('notion_page_fetch', { page_id })).markdown.startsWith('Fourth')).toBe(true)
  })
})
