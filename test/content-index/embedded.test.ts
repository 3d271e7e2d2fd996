import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { eventually, fastNotion, idsOf, indexOf, newPage, quickCrawl, search, setContentSearch } from './support.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp({ connectors: [fastNotion], crawlTiming: quickCrawl })
  await app.sandbox('rateLimit', { perMinute: 1_000_000 })
  await setContentSearch(app, true)
  await app.connect('user')
})
afterAll(() => app.stop())

it('the embedded database has indexes as well', async () => {
  const page = await newPage(app, 'Animal', 'The pangolin, 火星.')
  await eventually(async () => (await indexOf(app, 'user'))?.status).toBe('READY')
  await eventually(async () => (await search(app, { query: 'pangolin' })).content_search.source).toBe('index')
  await eventually(async () => idsOf([await search(app, { query: '火星 pango' })])).toEqual([page])
  await setContentSearch(app, false)
  expect(await indexOf(app, 'user')).toBeNull()
})
