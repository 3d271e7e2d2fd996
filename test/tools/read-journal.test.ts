import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import { systemClock } from '../../src/clock.ts'
import type { Db } from '../../src/db/database.ts'
import { databaseNow } from '../../src/db/time.ts'
import { createRateWindow } from '../../src/tools/rate-window.ts'
import { createReadJournal } from '../../src/tools/read-journal.ts'
import { type Bench, openBench } from './bench.ts'

let bench: Bench
let accountId: string
let grantId: string
beforeAll(async () => {
  bench = await openBench()
  const account = await bench.account('reader')
  accountId = account.accountId
  grantId = account.grantId
})
afterAll(() => bench.close())

const silent = { error: () => {} }

/** A call of a tool that has just succeeded. */
const start = (toolName: string, account = accountId) => ({
  environmentId: bench.environmentId,
  oauthAppId: 'taken from the account',
  accountId: account,
  toolName,
  inputHash: 'hash',
  callMs: 60_000,
  nodeId: null,
})
const success = { status: 'SUCCEEDED', errorType: null, providerRequestIds: ['one', 'two'] } as const

/** A database whose first raw statements fail as on a broken connection, before they run or after. */
function failing(times: number, when: 'before' | 'after'): Db {
  let left = times
  const chosen = new WeakSet<object>()
  const fail = () => {
    throw new Error('Connection terminated unexpectedly')
  }
  return bench.database.db.withPlugin({
    transformQuery({ node, queryId }) {
      if (node.kind !== 'RawNode' || left-- <= 0) return node
      if (when === 'before') fail()
      chosen.add(queryId)
      return node
    },
    transformResult: async ({ result, queryId }) => (chosen.has(queryId) ? fail() : result),
  })
}

describe('the journal of reads', () => {
  it('dates its entries by the database, whatever the clock of the node shows and however it is set', async () => {
    let aheadMs = 2 * 3_600_000
    const clock = { ...systemClock, date: () => new Date(Date.now() + aheadMs) }
    const journal = createReadJournal(bench.database.db, clock, silent)
    await journal.ready
    const before = await databaseNow(bench.database.db)
    const entries = [0, -7_200_000, 86_400_000].map((ahead) => {
      aheadMs = ahead
      return journal.record(start('notes_find'), success, 0)
    })
    const after = await databaseNow(bench.database.db)
    for (const { id, startedAt } of entries) {
      expect(startedAt.getTime()).toBeGreaterThan(before.getTime() - 2_000)
      expect(startedAt.getTime()).toBeLessThan(after.getTime() + 2_000)
      expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(startedAt.getTime())
    }
    await journal.close()
  })

  it('has an entry at once, and the same one after it is written', async () => {
    const journal = createReadJournal(bench.database.db, systemClock, silent)
    const entry = journal.record(start('notes_find'), success, 12)
    const [found] = await journal.byId(bench.environmentId, [entry.id])
    expect(found).toEqual({ ...entry, sequence: expect.any(Number) })
    expect(await journal.byId(randomUUID(), [entry.id])).toEqual([])
  })

  it('leaves out calls of accounts that were deleted, and writes the others', async () => {
    const journal = createReadJournal(bench.database.db, systemClock, silent)
    const gone = journal.record(start('notes_find', randomUUID()), success, 1)
    const entry = journal.record(start('notes_find'), success, 1)
    await journal.flush()
    expect((await journal.byId(bench.environmentId, [gone.id, entry.id])).map(({ id }) => id)).toEqual([entry.id])
  })

  it('writes all other entries where the database refuses one', async () => {
    const journal = createReadJournal(bench.database.db, systemClock, silent)
    const entries = ['one', 'two', 'nul\0', 'three'].map((name) => journal.record(start(name), success, 1))
    await journal.flush()
    const found = await journal.byId(
      bench.environmentId,
      entries.map(({ id }) => id),
    )
    expect(found.map(({ toolName }) => toolName).sort()).toEqual(['one', 'three', 'two'])
  })

  it('writes an entry once where the answer to the first attempt was lost', async () => {
    const journal = createReadJournal(failing(1, 'after'), systemClock, silent)
    const lost = journal.record(start('notes_find'), success, 1)
    await journal.flush()
    const next = journal.record(start('notes_find'), success, 1)
    await journal.close()
    expect(await journal.byId(bench.environmentId, [lost.id, next.id])).toHaveLength(2)
  })

  it('loses nothing at a stop while the connection fails', async () => {
    const journal = createReadJournal(failing(3, 'before'), systemClock, silent)
    const entry = journal.record(start('notes_find'), success, 1)
    await journal.close()
    const reader = createReadJournal(bench.database.db, systemClock, silent)
    expect(await reader.byId(bench.environmentId, [entry.id])).toHaveLength(1)
  })
})

describe('permits that are taken together', () => {
  it('are granted where those of another grant fail', async () => {
    const window = createRateWindow(bench.database.db)
    const policy = { requests: 180, perMs: 60_000 }
    const taken = await Promise.allSettled([
      window.take({ environmentId: bench.environmentId, grantId: 'not an id', policy }, 1),
      window.take({ environmentId: bench.environmentId, grantId, policy }, 2),
      window.take({ environmentId: bench.environmentId, grantId: randomUUID(), policy }, 3),
    ])
    expect(taken).toMatchObject([
      { status: 'rejected' },
      { value: { granted: 11, waitMs: 0 } },
      { value: { granted: 3, waitMs: 0 } },
    ])
  })
})

describe('the journal of reads, while another transaction has locked an account', () => {
  it('writes the calls of all others and the proofs, has those of the account, and writes them afterwards', async () => {
    const { db } = bench.database
    const { accountId: lockedId, grantId: lockedGrantId } = await bench.account('locked')
    const journal = createReadJournal(db, systemClock, silent)
    const written = createReadJournal(db, systemClock, silent)
    journal.prove({ environmentId: bench.environmentId, grant: { id: lockedGrantId, version: 1 } } as ConnectedAccount)
    const held = [
      journal.record(start('waits', lockedId), success, 1),
      journal.record(start('waits', lockedId), success, 1),
    ]
    const other = journal.record(start('others'), success, 1)
    const ids = [...held, other].map(({ id }) => id)
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('connected_accounts').select('id').where('id', '=', lockedId).forUpdate().execute()
      await journal.flush()
      expect((await written.byId(bench.environmentId, ids)).map(({ id }) => id)).toEqual([other.id])
      expect(await journal.byId(bench.environmentId, ids)).toHaveLength(3)
      const grant = db.selectFrom('grants').select('last_verified_at').where('id', '=', lockedGrantId)
      expect((await grant.executeTakeFirstOrThrow()).last_verified_at).not.toBeNull()
    })
    await journal.close()
    expect(await written.byId(bench.environmentId, ids)).toHaveLength(3)
  })

  it('leaves out its calls where the account is deleted, without an error', async () => {
    const { db } = bench.database
    const { accountId: deleted } = await bench.account('deleted')
    const errors: unknown[] = []
    const journal = createReadJournal(db, systemClock, { error: (...logged: unknown[]) => void errors.push(logged) })
    const gone = journal.record(start('gone', deleted), success, 1)
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('connected_accounts').where('id', '=', deleted).execute()
      await journal.flush()
    })
    expect(await journal.byId(bench.environmentId, [gone.id])).toEqual([])
    await journal.close()
    expect(errors).toEqual([])
  })
})
