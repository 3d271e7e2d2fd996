import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

const megabyte = 1024 * 1024

describe.each(versions)('file uploads in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  const create = (body: Record<string, unknown>) =>
    on.client.request<{ id: string }>({ path: 'file_uploads', method: 'post', body })

  const send = (id: string, content: string | Uint8Array<ArrayBuffer>, part?: string) =>
    on.client.fileUploads.send({
      file_upload_id: id,
      file: { filename: 'note.txt', data: new Blob([content], { type: 'text/plain' }) },
      ...(part !== undefined && { part_number: part }),
    })

  it('accepts a small file in one part and stores its name, type and size', async () => {
    const upload = await on.client.fileUploads.create({ mode: 'single_part', filename: 'note.txt' })
    expect(upload).toMatchObject({
      object: 'file_upload',
      status: 'pending',
      filename: 'note.txt',
      content_type: 'text/plain',
      content_length: null,
      upload_url: expect.stringContaining(`/v1/file_uploads/${upload.id}/send`),
      created_by: { type: 'bot' },
      in_trash: false,
    })
    expect(await send(upload.id, 'Hello')).toMatchObject({ status: 'uploaded', content_length: 5 })
    const again = await on.client.fileUploads.retrieve({ file_upload_id: upload.id })
    expect(again).toMatchObject({ status: 'uploaded' })
    expect(again).not.toHaveProperty('upload_url')
    expect(await refusal(send(upload.id, 'Hello'))).toEqual(
      invalid('The file upload has status "uploaded" and does not accept content.'),
    )
  })

  it('accepts a large file in parts and counts them', async () => {
    const upload = await on.client.fileUploads.create({
      mode: 'multi_part',
      filename: 'big.zip',
      content_type: 'application/zip',
      number_of_parts: 2,
    })
    expect(upload).toMatchObject({ number_of_parts: { total: 2, sent: 0 }, complete_url: expect.any(String) })
    expect(await refusal(on.client.fileUploads.complete({ file_upload_id: upload.id }))).toEqual(
      invalid('0 of 2 parts were sent.'),
    )
    expect(await refusal(send(upload.id, 'too small', '1'))).toMatchObject({ status: 400 })
    expect(await send(upload.id, new Uint8Array(5 * megabyte), '1')).toMatchObject({
      number_of_parts: { total: 2, sent: 1 },
    })
    expect(await refusal(send(upload.id, new Uint8Array(5 * megabyte), '1'))).toEqual(
      invalid('Part 1 was sent before.'),
    )
    expect(await refusal(send(upload.id, 'x', '3'))).toMatchObject({ status: 400 })
    await send(upload.id, 'the rest', '2')
    expect(await on.client.fileUploads.complete({ file_upload_id: upload.id })).toMatchObject({
      status: 'uploaded',
      content_length: 5 * megabyte + 8,
    })
  })

  it('reports a file at a URL as imported without fetching it', async () => {
    const upload = await create({ mode: 'external_url', external_url: 'https://example.com/a/photo.png?x=1' })
    expect(upload).toMatchObject({
      status: 'uploaded',
      filename: 'photo.png',
      content_type: 'image/png',
      file_import_result: { type: 'success', success: {} },
    })
    expect(await refusal(create({ mode: 'external_url', external_url: 'http://example.com/x' }))).toEqual(
      invalid('body failed validation: body.external_url should be a valid HTTPS URL.'),
    )
  })

  it('reports a file at a host that cannot exist as failed, and refuses to use it', async () => {
    const upload = await create({ mode: 'external_url', external_url: 'https://nowhere.invalid/photo.png' })
    expect(upload).toMatchObject({
      status: 'failed',
      file_import_result: { type: 'error', error: { type: 'download_error' } },
    })
    const icon = { type: 'file_upload' as const, file_upload: { id: upload.id } }
    expect(await refusal(on.client.pages.update({ page_id: on.pageId, icon }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('has status "failed"'),
    })
  })

  it('returns uploads in blocks, properties, icons and covers as files with expiring links', async () => {
    const upload = await create({ mode: 'single_part', filename: 'pic.png' })
    const attach = () =>
      on.client.pages.create({
        parent: { data_source_id: acme.tasksSource },
        properties: { Files: { files: [{ file_upload: { id: upload.id } }] } },
        icon: { file_upload: { id: upload.id } },
        cover: { file_upload: { id: upload.id } },
        children: [{ image: { file_upload: { id: upload.id }, caption: text('Mine') } }],
      })
    expect(await refusal(attach())).toMatchObject({ message: expect.stringContaining('has status "pending"') })
    await send(upload.id, 'x')
    const page = await attach()
    const file = { url: expect.stringContaining(upload.id), expiry_time: expect.any(String) }
    expect(page).toMatchObject({ icon: { type: 'file', file }, cover: { type: 'file', file } })
    expect(at(page, 'properties.Files.files')).toEqual([{ name: 'pic.png', type: 'file', file }])
    const { results } = await on.client.blocks.children.list({ block_id: page.id })
    expect(results).toMatchObject([{ image: { type: 'file', file, caption: [{ plain_text: 'Mine' }] } }])
  })

  it('pages uploads by status', async () => {
    const made = []
    for (const index of [1, 2, 3]) made.push((await create({ filename: `${index}.txt` })).id)
    const pending = await on.client.fileUploads.list({ status: 'pending', page_size: 2 })
    expect(pending).toMatchObject({ object: 'list', type: 'file_upload', has_more: true })
    expect(pending.results.map(({ id }) => id)).toEqual([made[2], made[1]])
    const rest = await on.client.fileUploads.list({
      status: 'pending',
      ...(pending.next_cursor !== null && { start_cursor: pending.next_cursor }),
    })
    expect(rest.results.map(({ id }) => id)).toContain(made[0])
    const wrong = on.client.request({ path: 'file_uploads', method: 'get', query: { status: 'lost' } })
    expect(await refusal(wrong)).toMatchObject({
      message: expect.stringContaining('query.status should be `"pending"`'),
    })
  })

  it('hides uploads of other connections, and refuses bodies that are not forms', async () => {
    const upload = await create({})
    const other = await notion.connect(version, { user: 'member@acme.test' })
    expect(await refusal(other.client.fileUploads.retrieve({ file_upload_id: upload.id }))).toMatchObject({
      status: 404,
      message: expect.stringContaining(`Could not find file upload with ID: ${upload.id}.`),
    })
    const post = (contentType: string, body: string) =>
      fetch(`${notion.url}/v1/file_uploads/${upload.id}/send`, {
        method: 'POST',
        headers: { authorization: `Bearer ${on.token}`, 'notion-version': version, 'content-type': contentType },
        body,
      })
    expect((await post('application/json', '{}')).status).toBe(400)
    expect((await post('multipart/form-data; boundary=x', 'no form')).status).toBe(400)
    expect(
      (
        await post(
          'multipart/form-data; boundary=x',
          '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--',
        )
      ).status,
    ).toBe(400)
  })

  it.each<[string, Record<string, unknown>]>([
    ['several parts without a number', { mode: 'multi_part', filename: 'x.txt' }],
    ['several parts without a name', { mode: 'multi_part', number_of_parts: 2 }],
    ['0 parts', { mode: 'multi_part', filename: 'x.txt', number_of_parts: 0 }],
    ['10,001 parts', { mode: 'multi_part', filename: 'x.txt', number_of_parts: 10_001 }],
    ['an unknown mode', { mode: 'pigeon' }],
    ['a missing URL', { mode: 'external_url' }],
  ])('refuses %s', async (_, body) => {
    expect(await refusal(create(body))).toMatchObject({ status: 400, code: 'validation_error' })
  })
})
