import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { people } from '../../../src/sandbox/seed-ids.ts'
import { type Connection, type Notion, refusal, startNotion, text } from './notion.ts'

let notion: Notion
let on: Connection

beforeAll(async () => {
  notion = await startNotion()
  on = await notion.connect()
})
afterAll(() => notion.close())

describe('writes in the background', () => {
  const taskOf = async (answer: Promise<unknown>) => {
    const { id } = (await answer) as { id: string }
    const statuses: string[] = []
    for (;;) {
      const task = await on.client.asyncTasks.retrieve({ task_id: id })
      statuses.push(task.status)
      if (task.status === 'succeeded' || task.status === 'failed') return { statuses, task }
    }
  }

  it('are queued and run, and their result is the usual answer', async () => {
    const change = on.client.pages.updateMarkdown({
      page_id: on.pageId,
      allow_async: true,
      type: 'replace_content',
      replace_content: { new_str: '# Later' },
    })
    expect(await change).toMatchObject({ object: 'async_task', status: 'queued', poll_after_seconds: 1 })
    const { statuses, task } = await taskOf(change)
    expect(statuses).toEqual(['running', 'succeeded'])
    expect(task).toMatchObject({ result: { object: 'page_markdown', markdown: '# Later' } })
  })

  it('fail with the error of the write', async () => {
    const { task } = await taskOf(
      on.client.pages.updateMarkdown({
        page_id: on.pageId,
        allow_async: true,
        type: 'update_content',
        update_content: { content_updates: [{ old_str: 'absent', new_str: '' }] },
      }),
    )
    expect(task).toMatchObject({ status: 'failed', error: { object: 'error', status: 400, code: 'validation_error' } })
  })

  it('are known to their connection only', async () => {
    const task = await on.client.pages.create({ parent: { page_id: on.pageId }, markdown: 'x', allow_async: true })
    const other = await notion.connect('2026-03-11', { user: 'member@acme.test' })
    await expect(refusal(other.client.asyncTasks.retrieve({ task_id: task.id }))).resolves.toMatchObject({
      status: 404,
    })
  })
})

describe('custom emojis', () => {
  it('are listed in pages and by exact name', async () => {
    const first = await on.client.customEmojis.list({ page_size: 1 })
    expect(first).toMatchObject({ object: 'list', type: 'custom_emoji', has_more: true, results: [{ name: 'acme' }] })
    const second = await on.client.customEmojis.list({ start_cursor: first.next_cursor ?? '' })
    expect(second.results).toMatchObject([{ name: 'shipit' }])
    expect((await on.client.customEmojis.list({ name: 'ship' })).results).toEqual([])
  })
})

describe('meeting notes', () => {
  it('are created from a recording in a page', async () => {
    const upload = await on.client.fileUploads.create({ mode: 'single_part', filename: 'call.mp3' })
    const body = {
      source: { type: 'file_upload' as const, file_upload_id: upload.id },
      parent: { type: 'page_id' as const, page_id: on.pageId },
    }
    await expect(refusal(on.client.blocks.meetingNotes.create(body))).resolves.toMatchObject({ status: 400 })
    await on.client.fileUploads.send({
      file_upload_id: upload.id,
      file: { filename: 'call.mp3', data: new Blob(['x']) },
    })
    const made = await on.client.blocks.meetingNotes.create({ ...body, title: 'Call', language: 'en' })
    expect(made).toMatchObject({
      object: 'block',
      type: 'meeting_notes',
      meeting_notes: { title: [{ plain_text: 'Call' }], status: 'notes_ready' },
    })
    const { results } = await on.client.blocks.children.list({ block_id: on.pageId })
    expect(results.map(({ id }) => id)).toContain(made.id)
  })

  it('are created after a recording that is a block', async () => {
    const { results } = await on.client.blocks.children.append({
      block_id: on.pageId,
      children: [
        { audio: { external: { url: 'https://example.com/call.mp3' } } },
        { paragraph: { rich_text: text('After') } },
      ],
    })
    const source = { type: 'block' as const, block_id: results[0]?.id ?? '' }
    const made = await on.client.blocks.meetingNotes.create({ source })
    const ids = (await on.client.blocks.children.list({ block_id: on.pageId })).results.map(({ id }) => id)
    expect(ids.indexOf(made.id)).toBe(ids.indexOf(source.block_id) + 1)
    const paragraph = { type: 'block' as const, block_id: results[1]?.id ?? '' }
    await expect(refusal(on.client.blocks.meetingNotes.create({ source: paragraph }))).resolves.toMatchObject({
      status: 400,
    })
  })

  it('are queried by title, time and attendees, of meetings that the user attended', async () => {
    const query = async (...filters: object[]) =>
      (await on.client.blocks.meetingNotes.query({ filter: { operator: 'and', filters } as never })).results.length
    const by = (property: string, operator: string, value?: unknown) => ({ property, filter: { operator, value } })
    expect(await query(by('title', 'string_contains', { type: 'exact', value: 'initech' }))).toBe(1)
    expect(await query(by('title', 'string_is', { type: 'exact', value: 'Other' }))).toBe(0)
    expect(await query(by('created_time', 'date_is_after', { type: 'exact', value: '2026-01-01' }))).toBe(1)
    const person = (id: string) => ({ type: 'exact', value: { table: 'notion_user', id } })
    expect(await query(by('attendees', 'person_contains', [person(people.acmeMember)]))).toBe(1)
    expect(await query(by('attendees', 'person_contains', person(people.acmeChair)))).toBe(0)
    await expect(refusal(query(by('title', 'date_is', { type: 'exact', value: 'x' })))).resolves.toMatchObject({
      status: 400,
    })
  })
})
