import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeBulkContent } from '../../../src/sandbox/bulk.ts'
import { createStore } from '../../../src/sandbox/store.ts'
import type { RunningSandbox } from '../support.ts'
import { startSandbox } from '../support.ts'

let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox()
})
afterAll(() => sandbox.close())

describe('bulk content', () => {
  it('is the same for the same order and different for another order', () => {
    const contentOf = (number: number) => {
      const store = createStore()
      writeBulkContent(store, { number, pages: 3, databases: 2, rows: 50, time: 1000 })
      return JSON.stringify([...store.pages.values(), ...store.dataSources.values()])
    }
    expect(contentOf(1)).toBe(contentOf(1))
    expect(contentOf(1)).not.toBe(contentOf(2))
  })

  it('is distributed evenly and has varying values to filter and sort', () => {
    const store = createStore()
    const { dataSourceIds } = writeBulkContent(store, { number: 1, pages: 0, databases: 3, rows: 3001, time: 0 })
    expect(dataSourceIds.map((id) => store.rowsOf(id).size)).toEqual([1001, 1000, 1000])
    const rows = [...store.pages.values()].filter(({ parent }) => parent.type === 'data_source_id')
    const shareOf = (value: string) => rows.filter(({ properties }) => properties.stat === value).length / rows.length
    for (const option of ['stat-1', 'stat-2', 'stat-3']) expect(shareOf(option)).toBeCloseTo(1 / 3, 1)
  })

  it('creates 200 databases and 200,000 rows in less than a gigabyte', async () => {
    await sandbox.control('seed', { databases: 200, rows: 200_000 })
    expect(process.memoryUsage().rss).toBeLessThan(1e9)
  })
})
