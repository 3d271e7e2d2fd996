import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { type RunningSandbox, startSandbox } from '../support.ts'

let sandbox: RunningSandbox
let token: string
beforeAll(async () => {
  sandbox = await startSandbox({ rateLimitPerMinute: 1_000_000 })
  token = (await sandbox.connect()).access_token
})
afterAll(() => sandbox.close())

const call = async (method: string, path: string, body?: unknown, version = '2022-06-28') => {
  const answer = await sandbox.call(token, method, path, body, version)
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations
  return { status: answer.status, body: answer.body as any }
}

describe('version 2022-06-28', () => {
  it('shows a database with its properties and without data sources', async () => {
    const { status, body } = await call('GET', `/v1/databases/${acme.projects}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ object: 'database', id: acme.projects, properties: { Status: { type: 'select' } } })
    expect(body).not.toHaveProperty('data_sources')
    const found = await call('POST', '/v1/search', {
      query: 'Projects',
      filter: { property: 'object', value: 'database' },
    })
    expect(found.body.results[0]).toMatchObject({
      id: acme.projects,
      parent: { type: 'page_id', page_id: acme.product },
    })
    expect(found.body.results[0]).not.toHaveProperty('database_parent')
  })

  it('creates and changes the properties with the database', async () => {
    const made = await call('POST', '/v1/databases', {
      parent: { type: 'page_id', page_id: acme.product },
      title: [{ text: { content: 'Old' } }],
      properties: { Name: { title: {} }, Size: { number: {} } },
    })
    expect(made.body.properties).toMatchObject({ Name: { type: 'title' }, Size: { type: 'number' } })
    const changed = await call('PATCH', `/v1/databases/${made.body.id}`, {
      properties: { Size: { name: 'Weight' }, Note: { rich_text: {} } },
    })
    expect(Object.keys(changed.body.properties).sort()).toEqual(['Name', 'Note', 'Weight'])
    const wrong = await call('PATCH', `/v1/databases/${made.body.id}`, {
      title: [{ text: { content: 'Not this' } }],
      properties: { Size: { nothing: {} } },
    })
    expect(wrong.status).toBe(400)
    expect((await call('GET', `/v1/databases/${made.body.id}`)).body.title).toMatchObject([{ plain_text: 'Old' }])
  })

  it('refuses a database with several data sources, and what came later', async () => {
    for (const [method, path, body] of [
      ['GET', `/v1/databases/${acme.research}`],
      ['POST', `/v1/databases/${acme.research}/query`, {}],
      ['PATCH', `/v1/databases/${acme.research}`, { properties: {} }],
    ] as const) {
      expect((await call(method, path, body)).body).toMatchObject({
        code: 'validation_error',
        additional_data: { error_type: 'multiple_data_sources_for_database', minimum_api_version: '2025-09-03' },
      })
    }
    for (const path of [`/v1/views?database_id=${acme.projects}`, `/v1/data_sources/${acme.projectsSource}`]) {
      expect((await call('GET', path)).body).toMatchObject({ status: 400, code: 'invalid_request_url' })
    }
  })
})

describe('property values without the key of their type', () => {
  it('are taken for properties whose value is a list', async () => {
    const version = '2026-03-11'
    const title = [{ text: { content: 'Short' } }]
    const page = await call('POST', '/v1/pages', { parent: { page_id: acme.product }, properties: { title } }, version)
    expect(page.body.properties.title.title).toMatchObject([{ plain_text: 'Short' }])
    const row = { parent: { data_source_id: acme.projectsSource }, properties: { Name: title } }
    expect((await call('POST', '/v1/pages', row, version)).body.properties.Name.title).toMatchObject([
      { plain_text: 'Short' },
    ])
    const wrong = { parent: { data_source_id: acme.projectsSource }, properties: { Status: ['Done'] } }
    expect((await call('POST', '/v1/pages', wrong, version)).body).toMatchObject({ code: 'validation_error' })
  })

  it('are taken for options, dates, numbers, text lines and checkboxes', async () => {
    const version = '2026-03-11'
    const types = ['select', 'multi_select', 'status', 'date', 'number', 'checkbox', 'url', 'email', 'phone_number']
    const made = await call(
      'POST',
      '/v1/databases',
      {
        parent: { type: 'page_id', page_id: acme.product },
        initial_data_source: {
          properties: { Title: { title: {} }, ...Object.fromEntries(types.map((type) => [type, { [type]: {} }])) },
        },
      },
      version,
    )
    const parent = { data_source_id: made.body.data_sources[0].id }
    const values = {
      select: { name: 'One' },
      multi_select: [{ name: 'x' }],
      status: { name: 'Done' },
      date: { start: '2026-07-15', end: null },
      ...{ number: 5, checkbox: true, url: 'https://a.example', email: 'a@b.example', phone_number: null },
    }
    const { body } = await call('POST', '/v1/pages', { parent, properties: values }, version)
    expect(body.properties).toMatchObject({
      select: { select: { name: 'One' } },
      multi_select: { multi_select: [{ name: 'x' }] },
      status: { status: { name: 'Done' } },
      date: { date: { start: '2026-07-15' } },
      number: { number: 5 },
      checkbox: { checkbox: true },
      url: { url: 'https://a.example' },
      email: { email: 'a@b.example' },
      phone_number: { phone_number: null },
    })
    for (const properties of [{ number: '5' }, { select: 'One' }, { select: { name: 'One', size: 1 } }, { url: 5 }]) {
      const refused = await call('POST', '/v1/pages', { parent, properties }, version)
      expect(refused.body).toMatchObject({ status: 400, code: 'validation_error' })
    }
  })
})
