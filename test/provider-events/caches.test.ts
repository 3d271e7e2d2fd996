import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { newPostgresDatabase, type TestDatabase } from '../support/database.ts'
import { activate, connect, eventFor, type Grant, send } from './support.ts'

let database: TestDatabase
let receiving: TestApp
let caching: TestApp
let token: string
let owner: Grant
beforeAll(async () => {
  database = await newPostgresDatabase()
  const url = database.location.kind === 'server' ? database.location.url : ''
  const env = { DATABASE_URL: url, VALETKEY_MASTER_KEY: randomBytes(32).toString('base64') }
  receiving = await startApp({ env })
  caching = await startApp({ env, inboxTiming: null })
  token = await activate(receiving)
  owner = await connect(caching, 'owner')
})
afterAll(async () => {
  await receiving.stop()
  await caching.stop()
  await database.drop()
})

/** Inserts a row, and returns how many requests it took. */
async function requestsOfInsert(): Promise<number> {
  const count = async () => ((await caching.sandbox('log')) as { requests: unknown[] }).requests.length
  const before = await count()
  const inserted = await caching.executeTool('owner', 'notion_database_insert_row', {
    database_id: acme.projects,
    properties: { title: 'x' },
  })
  expect(inserted.__typename).toBe('ExecuteToolPayload')
  return (await count()) - before
}

it('nodes forget the schema that Notion reports as changed, and only that', async () => {
  expect(await requestsOfInsert()).toBeGreaterThan(1)
  expect(await requestsOfInsert()).toBe(1)
  const schema = (id: string) =>
    eventFor([owner], {
      type: 'data_source.schema_updated',
      entity: { id, type: 'data_source' },
      data: { parent: { id: acme.projects, type: 'database' } },
    })
  const content = { entity: { id: acme.projectsSource, type: 'data_source' }, type: 'data_source.content_updated' }
  await send(receiving, eventFor([owner], content), token)
  await send(receiving, { ...schema(acme.projectsSource), accessible_by: [] }, token)
  await expect.poll(async () => (await send(receiving, eventFor([owner]), token)).status).toBe(200)
  expect(await requestsOfInsert()).toBe(1)
  await send(receiving, schema(acme.projectsSource), token)
  await expect.poll(requestsOfInsert).toBeGreaterThan(1)
  expect(await requestsOfInsert()).toBe(1)
})
