import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isBulkId, writeBulkContent } from '../../../src/sandbox/bulk.ts'
import type { Journal } from '../../../src/sandbox/journal.ts'
import { openJournal } from '../../../src/sandbox/journal.ts'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import type { Store } from '../../../src/sandbox/store.ts'
import { createStore } from '../../../src/sandbox/store.ts'
import fc from '../../support/fast-check.ts'
import { startSandbox, testClient } from '../support.ts'

let dataDirectory: string
let warnings: string[]
const logger = { warn: (message: string) => warnings.push(message), error: (message: string) => warnings.push(message) }

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'sandbox-'))
  warnings = []
})
afterEach(() => rm(dataDirectory, { recursive: true }))

const journalPath = () => join(dataDirectory, 'sandbox.jsonl')
const start = () => startSandbox({ dataDirectory, logger })

describe('a sandbox with a data directory', () => {
  it('restores tokens, sharing, clients, settings and bulk content', async () => {
    const before = await start()
    await before.control('mode', { rotation: 'grace' })
    await before.control('client', { clientId: testClient.id, clientSecret: testClient.secret, name: 'Restored' })
    await before.control('seed', { databases: 2, rows: 10 })
    const tokens = await before.connect()
    await before.close()

    const after = await start()
    expect((await after.call(tokens.access_token, 'GET', '/v1/users/me')).body).toMatchObject({ name: 'Restored' })
    expect(await after.control('mode')).toMatchObject({ rotation: 'grace' })
    const row = await after.call(tokens.access_token, 'GET', '/v1/pages/5eed0000-0001-4005-8000-000000000009')
    expect(row.status).toBe(200)
    const wrongSecret = await after.token(
      { grant_type: 'refresh_token', refresh_token: 'x' },
      { ...testClient, secret: 'y' },
    )
    expect(wrongSecret.status).toBe(401)
    expect((await after.token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).status).toBe(200)
    await after.close()
    expect(warnings).toEqual([])
  })

  it('writes a change before it responds', async () => {
    const sandbox = await start()
    const { access_token } = await sandbox.connect()
    const properties = { title: { title: [{ text: { content: 'x'.repeat(2000) } }] } }
    const write = async () => {
      const { body } = await sandbox.call(access_token, 'POST', '/v1/pages', {
        parent: { page_id: acme.product },
        properties,
        children: Array.from({ length: 50 }, () => ({ paragraph: { rich_text: properties.title.title } })),
      })
      expect(readFileSync(journalPath(), 'utf8')).toContain(`"id":"${String(body.id)}"`)
    }
    await Promise.all(Array.from({ length: 30 }, write))
    await sandbox.close()
  })

  it('starts with the seeded content after a reset', async () => {
    const before = await start()
    const tokens = await before.connect()
    await before.control('seed', { pages: 5 })
    await before.control('reset')
    await before.close()
    const after = await start()
    expect((await after.call(tokens.access_token, 'GET', '/v1/users/me')).status).toBe(401)
    expect(await after.connect()).toMatchObject({ workspace_id: expect.any(String) })
    await after.close()
    expect(await readFile(journalPath(), 'utf8')).not.toContain('"bulk"')
  })

  it('skips a truncated last line', async () => {
    const before = await start()
    const first = await before.connect()
    while (!(await readFile(journalPath(), 'utf8')).includes(first.access_token)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const { size } = await stat(journalPath())
    await before.connect({ user: 'member@acme.test' })
    await before.close()
    await truncate(journalPath(), size + 40)

    const after = await start()
    expect((await after.call(first.access_token, 'GET', '/v1/users/me')).status).toBe(200)
    await after.connect({ user: 'member@acme.test' })
    await after.close()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/unreadable line \d+/)
  })

  it.each([
    ['nothing', ''],
    ['something else', 'not a journal\n{"changes":[]}\n'],
    ['a later version', '{"format":"valetkey-sandbox-journal","version":99}\n'],
    ['only its first line', '{"format":"valetkey-sandbox-journal","version":1}\n'],
    [
      'lines of no meaning',
      '{"format":"valetkey-sandbox-journal","version":1}\n{"changes":[["nonsense",{"id":"x"}]]}\n[]\n5\n',
    ],
  ])('starts with the seeded content if its file holds %s', async (_, content) => {
    await writeFile(journalPath(), content)
    const sandbox = await start()
    await expect(sandbox.connect()).resolves.toBeTruthy()
    await sandbox.close()
  })

  it('creates its file with mode 0600', async () => {
    const sandbox = await start()
    await sandbox.close()
    expect((await stat(journalPath())).mode & 0o777).toBe(0o600)
  })
})

describe('the journal', () => {
  async function open(growth?: number): Promise<{ store: Store; journal: Journal }> {
    let journal: Journal | undefined
    const store = createStore((change) => journal?.changed(change))
    const opened = await openJournal(dataDirectory, store, logger, growth)
    journal = opened.journal
    return { store, journal: opened.journal }
  }
  const client = (id: string, name: string) => ({ id, name, secret: null, capabilities: [], redirectUris: null })

  it('contains the last state of each record and no deleted records', async () => {
    const before = await open()
    before.store.clients.put(client('a', 'first'))
    before.store.clients.put(client('b', 'gone'))
    before.store.clients.put(client('a', 'second'))
    before.store.clients.delete('b')
    await before.journal.close()
    const after = await open()
    expect([...after.store.clients.values()]).toEqual([client('a', 'second')])
    await after.journal.close()
    expect((await readFile(journalPath(), 'utf8')).split('\n')).toHaveLength(3)
  })

  it('stores an order instead of its content, and later changes of that content', async () => {
    const before = await open()
    const quiet = createStore()
    writeBulkContent(quiet, { number: 1, pages: 2, databases: 1, rows: 1000, time: 0 })
    before.journal.ordered({ number: 1, pages: 2, databases: 1, rows: 1000, time: 0 })
    const rows = [...quiet.pages.values()].filter(({ parent }) => parent.type === 'data_source_id')
    const [first, second] = rows
    if (!first || !second) throw new Error('there are no rows')
    before.store.pages.put({ ...first, properties: { ...first.properties, title: 'Changed' } })
    before.store.pages.put(second)
    before.store.pages.delete(second.id)
    await before.journal.close()

    for (let round = 0; round < 2; round += 1) {
      const after = await open()
      expect(after.store.pages.size).toBe(quiet.pages.size - 1)
      expect(after.store.pages.get(first.id)?.properties.title).toBe('Changed')
      expect(after.store.rowsOf('id' in first.parent ? first.parent.id : '').size).toBe(999)
      await after.journal.close()
    }
    expect(isBulkId(first.id)).toBe(true)
    expect((await stat(journalPath())).size).toBeLessThan(3000)
  })

  it('is compacted when it is much larger than its content, without a loss', async () => {
    const { store, journal } = await open(20_000)
    const order = { number: 1, pages: 1, databases: 0, rows: 0, time: 0 }
    const quiet = createStore()
    writeBulkContent(quiet, order)
    const [first] = [...quiet.pages.values()]
    if (!first) throw new Error('there is no page')
    const page = { ...first, isLocked: true }
    journal.ordered(order)
    store.pages.put(page)
    for (let round = 0; round < 500; round += 1) {
      store.clients.put(client('a', `${'x'.repeat(500)}${round}`))
      store.clients.put(client(`b${round % 10}`, `name ${round}`))
      // Only some rounds wait, so that changes also arrive during a write.
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    store.clients.delete('b3')
    await journal.written()
    expect((await stat(journalPath())).size).toBeLessThan(60_000)

    const after = await open()
    const clients = new Map([...store.clients.values()].map((one) => [one.id, one]))
    expect(new Map([...after.store.clients.values()].map((one) => [one.id, one]))).toEqual(clients)
    expect(clients.size).toBe(10)
    expect(after.store.pages.get(page.id)).toEqual(page)
    expect(after.store.pages.size).toBe(2)
    expect(warnings).toEqual([])
    await after.journal.close()
    await journal.close()
  })

  it('restores an earlier state when the file is truncated at any byte', async () => {
    const before = await open()
    const moments = ['first', 'second', 'third']
    for (const name of moments) {
      before.store.clients.put(client('a', name))
      before.store.clients.put(client('b', name))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await before.journal.close()
    const whole = await readFile(journalPath())
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length }), async (cut) => {
        await writeFile(journalPath(), whole.subarray(0, cut))
        const after = await open()
        const names = ['a', 'b'].map((id) => after.store.clients.get(id)?.name)
        expect(names[0]).toBe(names[1])
        expect([undefined, ...moments]).toContain(names[0])
        after.store.clients.put(client('c', 'still writable'))
        await after.journal.close()
        const again = await open()
        expect(again.store.clients.get('c')?.name).toBe('still writable')
        await again.journal.close()
      }),
      { numRuns: 60 },
    )
  })
})
