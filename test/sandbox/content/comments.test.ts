import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

describe.each(versions)('comments in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  const post = (body: Record<string, unknown>) =>
    on.client.request({ path: 'comments', method: 'post', body }).then(loose)

  it('starts a discussion on a page, adds a reply and lists both', async () => {
    const first = loose(await on.client.comments.create({ parent: { page_id: on.pageId }, rich_text: text('First') }))
    const me = await on.client.users.me({})
    expect(first).toMatchObject({
      object: 'comment',
      parent: { type: 'page_id', page_id: on.pageId },
      rich_text: [{ plain_text: 'First' }],
      created_by: { object: 'user', id: me.id },
      display_name: { type: 'integration', resolved_name: me.name },
    })
    const reply = await on.client.comments.create({
      discussion_id: String(first.discussion_id),
      rich_text: text('Second'),
    })
    expect(reply).toMatchObject({ discussion_id: first.discussion_id, parent: first.parent })
    const list = await on.client.comments.list({ block_id: on.pageId })
    expect(list).toMatchObject({ object: 'list', type: 'comment', comment: {}, has_more: false, next_cursor: null })
    expect(list.results.map(({ id }) => id)).toEqual([first.id, reply.id])
    expect(await on.client.comments.retrieve({ comment_id: first.id })).toMatchObject({ id: first.id })
  })

  it('lists comments on a block only for that block', async () => {
    const { results } = await on.client.blocks.children.append({
      block_id: on.pageId,
      children: [{ paragraph: { rich_text: text('Commented') } }],
    })
    const blockId = results[0]?.id ?? ''
    const comment = await on.client.comments.create({ parent: { block_id: blockId }, rich_text: text('On a block') })
    expect(comment).toMatchObject({ parent: { type: 'block_id', block_id: blockId } })
    expect((await on.client.comments.list({ block_id: blockId })).results).toHaveLength(1)
    const onPage = await on.client.comments.list({ block_id: on.pageId })
    expect(onPage.results.map(({ id }) => id)).not.toContain(comment.id)
  })

  it('accepts markdown instead of rich text, display names and attachments', async () => {
    const upload = await on.client.fileUploads.create({ mode: 'single_part', filename: 'a.png' })
    await on.client.fileUploads.send({
      file_upload_id: upload.id,
      file: { data: new Blob(['x'], { type: 'image/png' }) },
    })
    const comment = await post({
      parent: { page_id: on.pageId },
      rich_text: text('With a file'),
      display_name: { type: 'custom', custom: { name: 'Valet' } },
      attachments: [{ type: 'file_upload', file_upload_id: upload.id }],
    })
    expect(comment).toMatchObject({
      display_name: { type: 'custom', resolved_name: 'Valet' },
      attachments: [{ category: 'image', file: { url: expect.stringContaining(upload.id) } }],
    })
    // Notion's OpenAPI description of POST /v1/comments requires `rich_text` and does not list `markdown`, but the API
    // accepts it since 2026 and the official client sends it.
    const written = await on.client.comments.create({ parent: { page_id: on.pageId }, markdown: 'Now in **bold**' })
    expect(at(written, 'rich_text.1')).toMatchObject({ plain_text: 'bold', annotations: { bold: true } })
    const asUser = await post({ parent: { page_id: on.pageId }, rich_text: text('x'), display_name: { type: 'user' } })
    expect(asUser).toMatchObject({ display_name: { type: 'user', resolved_name: 'Olivia Owner' } })
  })

  it('updates and deletes the connection’s own comments only', async () => {
    const comment = await on.client.comments.create({ parent: { page_id: on.pageId }, rich_text: text('Before') })
    expect(await on.client.comments.update({ comment_id: comment.id, rich_text: text('After') })).toMatchObject({
      rich_text: [{ plain_text: 'After' }],
    })
    await on.client.comments.delete({ comment_id: comment.id })
    expect(await refusal(on.client.comments.retrieve({ comment_id: comment.id }))).toMatchObject({
      status: 404,
      message: expect.stringContaining(`Could not find comment with ID: ${comment.id}.`),
    })
    const [foreign] = (await on.client.comments.list({ block_id: acme.meetingNotes })).results
    expect(await refusal(on.client.comments.delete({ comment_id: foreign?.id ?? '' }))).toMatchObject({ status: 400 })
  })

  it('pages comments, and refuses the page sizes 0 and 101', async () => {
    const list = (size: number, cursor?: string) =>
      on.client.comments.list({
        block_id: acme.meetingNotes,
        page_size: size,
        ...(cursor !== undefined && { start_cursor: cursor }),
      })
    const first = await list(1)
    const second = await list(1, first.next_cursor ?? undefined)
    expect([first.has_more, first.results.length, second.results.length]).toEqual([true, 1, 1])
    expect(second.results[0]?.id).not.toBe(first.results[0]?.id)
    expect(await refusal(list(0))).toEqual(
      invalid('query failed validation: query.page_size should be ≥ `1`, instead was `0`.'),
    )
    expect(await refusal(list(101))).toEqual(
      invalid('query failed validation: query.page_size should be ≤ `100`, instead was `101`.'),
    )
  })

  it('refuses comments with no parent, with two parents, without text, and on unshared content', async () => {
    const place = { parent: { page_id: on.pageId } }
    expect(await refusal(post({ rich_text: text('x') }))).toMatchObject({
      message:
        'body failed validation. Fix one:\nbody.parent should be defined, instead was undefined.\nbody.discussion_id should be defined, instead was undefined.',
    })
    expect(
      await refusal(post({ ...place, discussion_id: acme.meetingDiscussion, rich_text: text('x') })),
    ).toMatchObject({ message: expect.stringContaining('body.parent should be not present') })
    expect(await refusal(post(place))).toEqual(
      invalid('body failed validation: body.rich_text should be defined, instead was undefined.'),
    )
    expect(await refusal(post({ ...place, rich_text: [] }))).toMatchObject({ status: 400 })
    expect(await refusal(post({ ...place, rich_text: text('x'), markdown: 'x' }))).toMatchObject({ status: 400 })
    expect(await refusal(post({ parent: { page_id: acme.boardMinutes }, rich_text: text('x') }))).toMatchObject({
      status: 404,
    })
    expect(await refusal(post({ discussion_id: acme.boardMinutes, rich_text: text('x') }))).toMatchObject({
      status: 404,
      message: expect.stringContaining('Could not find discussion with ID'),
    })
    expect(await refusal(post({ parent: { block_id: acme.projects }, rich_text: text('x') }))).toMatchObject({
      status: 400,
    })
    const four = Array(4).fill({ file_upload_id: on.pageId })
    expect(await refusal(post({ ...place, rich_text: text('x'), attachments: four }))).toEqual(
      invalid('body failed validation: body.attachments.length should be ≤ `3`, instead was `4`.'),
    )
    const list = on.client.request({ path: 'comments', method: 'get' })
    expect(await refusal(list)).toEqual(
      invalid('query failed validation: query.block_id should be defined, instead was undefined.'),
    )
  })
})
