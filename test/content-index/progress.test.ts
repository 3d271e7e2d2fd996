import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import {
  type IndexedApp,
  newPage,
  onePass,
  passed,
  type ShownIndex,
  setContentSearch,
  startIndexed,
} from './support.ts'

const reportEveryMs = 500

let crawling: IndexedApp
let serving: TestApp
const over = new AbortController()
beforeAll(async () => {
  crawling = await startIndexed({ crawlTiming: { ...onePass, reportEveryMs }, contentSearch: false })
  await crawling.connect('user')
  serving = await crawling.addNode({ crawlTiming: null })
})
afterAll(async () => {
  over.abort()
  await serving.stop()
  await crawling.stop()
})

interface Emitted {
  readonly at: number
  readonly index: ShownIndex | null
}

/** Opens a subscription to the account on the node that does not crawl. Returns what it emits. */
function watch(fields: string): readonly Emitted[] {
  const emitted: Emitted[] = []
  const fragment =
    'fragment Progress on ConnectedAccount { contentIndex { status pages indexedPages lastCompletedAt } }'
  const document = `subscription { connectedAccountStatus(identifier: "user") { status ${fields} } }
    ${fields === '...Progress' ? fragment : ''}`
  void (async () => {
    for await (const { connectedAccountStatus } of serving.subscribe(document, {}, { signal: over.signal })) {
      const { contentIndex = null } = connectedAccountStatus as { contentIndex?: ShownIndex | null }
      emitted.push({ at: performance.now(), index: contentIndex })
    }
  })().catch(() => {})
  return emitted
}

it('emits the progress of the index at a bounded rate on every node, and its status at once', async () => {
  const emitted = watch('...Progress')
  await expect.poll(() => emitted).toMatchObject([{ index: null }])
  const slow = { match: { path: '/v1/pages/*/markdown' }, kind: 'slow_headers', delayMs: 100, times: 0 }
  await crawling.sandbox('fault', slow)
  await setContentSearch(crawling, true)
  await expect.poll(() => emitted.at(-1)?.index?.status).toBe('READY')
  await crawling.sandbox('clear', {})
  const indexes = emitted.flatMap(({ index }) => index ?? [])
  const building = indexes.filter(({ status }) => status === 'BUILDING')
  expect(building.length).toBeGreaterThan(1)
  expect(building.map(({ indexedPages }) => indexedPages)).toEqual(
    building.map(({ indexedPages }) => indexedPages).toSorted((a, b) => a - b),
  )
  expect(indexes.length).toBe(new Set(indexes.map((index) => JSON.stringify(index))).size)
  const ready = indexes.at(-1)
  expect(ready?.indexedPages).toBe(ready?.pages)
  const times = emitted.filter(({ index }) => index?.status === 'BUILDING').map(({ at }) => at)
  // One at the start and one for each interval since, whatever was read meanwhile.
  const intervals = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / reportEveryMs
  expect(times.length).toBeLessThanOrEqual(intervals + 2)
})

it('emits the numbers after the last change', async () => {
  const emitted = watch('contentIndex { status pages indexedPages lastCompletedAt }')
  await expect.poll(() => emitted).toHaveLength(1)
  const before = emitted[0]?.index?.indexedPages ?? 0
  for (let at = 0; at < 3; at++) await newPage(crawling, `New ${at}`, 'Text.')
  await passed(crawling, 'user')
  await expect.poll(() => emitted.at(-1)?.index?.indexedPages).toBe(before + 3)
})

it('emits nothing of it to streams that do not select it', async () => {
  const plain = watch('')
  const others = watch('contentIndex { lastCompletedAt }')
  await expect.poll(() => [plain.length, others.length]).toEqual([1, 1])
  await passed(crawling, 'user')
  await expect.poll(() => others.length).toBeGreaterThan(1)
  expect(plain).toHaveLength(1)
})
