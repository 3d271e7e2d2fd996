import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Db } from '../../src/db/database.ts'
import { tryClaim } from '../../src/tools/idempotency.ts'
import type { ToolExecution } from '../../src/tools/journal.ts'
import { createWriteJournal, type WriteJournal } from '../../src/tools/write-journal.ts'
import { type Bench, failureOf, openBench, request } from './bench.ts'
import { gate } from './provider.ts'

const accounts = ['a', 'b', 'c', 'd'] as const
type Account = (typeof accounts)[number]

let bench: Bench
let db: Db
let writes: WriteJournal
let oauthAppId: string
const idOf = {} as Record<Account, string>
let keys = 0
beforeAll(async () => {
  bench = await openBench()
  db = bench.database.db
  writes = createWriteJournal(db, systemClock)
  for (const name of accounts) idOf[name] = (await bench.account(name)).accountId
  const app = await db.selectFrom('oauth_apps').select('id').executeTakeFirstOrThrow()
  oauthAppId = app.id
})
afterAll(() => bench.close())
beforeEach(() => {
  bench.provider.received.length = 0
  bench.provider.behave(() => ({}))
})

const newKey = () => `key-${keys++}`
const startOf = (accountId: string, inputHash = 'hash') => ({
  ...{ environmentId: bench.environmentId, oauthAppId, accountId, toolName: 'notes_write', inputHash },
  ...{ callMs: 60_000, nodeId: null },
})
const claim = (key: string, accountId: string, owner = 'owner', by = writes) =>
  by.claim({ key, owner }, startOf(accountId), 3_600_000)
const claimEach = (key: string, by = writes) =>
  Promise.all(accounts.map((name) => claim(key, idOf[name], 'owner', by))).then(allClaimed)
const allClaimed = (claims: readonly (ToolExecution | null)[]) =>
  claims.map((execution) => {
    if (execution === null) throw new Error('the key is held')
    return execution
  })
const success = { status: 'SUCCEEDED', errorType: null, providerRequestIds: ['one', 'two'] } as const
const done = (sealedResult: string) => ({ kind: 'done', sealedResult }) as const

/** The calls with these ids in the order of the ids, each with the state of its key and the transaction that wrote it last. */
async function stored(ids: readonly string[]) {
  const { rows } = await sql<{ id: string; status: string; state: string | null; result: string | null; by: string }>`
    select id, status, state, sealed_result as result, tool_executions.xmin::text as by
    from tool_executions left join idempotency_keys on execution_id = id
    where id = any (${ids}::uuid[]) order by array_position(${ids}::uuid[], id)
  `.execute(db)
  return rows
}
const keyRows = (key: string) => db.selectFrom('idempotency_keys').selectAll().where('key', '=', key).execute()

/** Holds what the statement locks until `release` is called. */
async function holding(lock: (trx: Db) => Promise<unknown>) {
  const [locked, over] = [gate(), gate()]
  const transaction = db.transaction().execute(async (trx) => {
    await lock(trx)
    locked.open()
    await over.opened
  })
  await Promise.race([locked.opened, transaction])
  return {
    release: () => {
      over.open()
      return transaction
    },
  }
}

/** A database that loses the answer to its first raw statement, which was committed. */
function losingFirstAnswer(): Db {
  let left = 1
  const chosen = new WeakSet<object>()
  return db.withPlugin({
    transformQuery({ node, queryId }) {
      if (node.kind === 'RawNode' && left-- > 0) chosen.add(queryId)
      return node
    },
    async transformResult({ result, queryId }) {
      if (chosen.has(queryId)) throw new Error('Connection terminated unexpectedly')
      return result
    },
  })
}

/** Resolves with the backend that waits for the end of a transaction. */
async function waitingBackend(): Promise<number> {
  for (;;) {
    const { rows } = await sql<{ pid: number }>`
      select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    `.execute(db)
    if (rows[0]) return rows[0].pid
    await systemClock.sleep(10)
  }
}

describe('simultaneous writes', () => {
  it('are started in one transaction and ended in another, and each gets its own call', async () => {
    const started = await claimEach(newKey())
    expect(started.map(({ accountId }) => accountId)).toEqual(accounts.map((name) => idOf[name]))
    const ids = started.map(({ id }) => id)
    expect(new Set((await stored(ids)).map(({ by }) => by)).size).toBe(1)
    const [a, b, c, d] = started as [ToolExecution, ToolExecution, ToolExecution, ToolExecution]
    const ended = await Promise.all([
      writes.end(a, success, done('result of a')),
      writes.end(b, { ...success, status: 'FAILED', errorType: 'ProviderError' }, { kind: 'free' }),
      writes.end(
        c,
        { ...success, status: 'OUTCOME_UNKNOWN', errorType: 'OutcomeUnknownError' },
        { kind: 'outcome_unknown', sealedResult: 'of c' },
      ),
      writes.end(d, success, null),
    ])
    expect(ended.map((execution) => [execution?.id, execution?.status, execution?.errorType])).toEqual([
      [a.id, 'SUCCEEDED', null],
      [b.id, 'FAILED', 'ProviderError'],
      [c.id, 'OUTCOME_UNKNOWN', 'OutcomeUnknownError'],
      [d.id, 'SUCCEEDED', null],
    ])
    expect(ended[0]?.providerRequestIds).toEqual(['one', 'two'])
    const rows = await stored(ids)
    expect(rows.map(({ state, result }) => [state, result])).toEqual([
      ['done', 'result of a'],
      [null, null],
      ['outcome_unknown', 'of c'],
      ['running', null],
    ])
    expect(new Set(rows.map(({ by }) => by)).size).toBe(1)
    const used = await db
      .selectFrom('connected_accounts')
      .select('last_used_at')
      .where('id', '=', a.accountId)
      .execute()
    expect(used[0]?.last_used_at).not.toBeNull()
  })

  it('with one key are claimed by one call for each account and each user of the provider', async () => {
    const key = newKey()
    const ofOne = await Promise.all(Array.from({ length: 5 }, () => claim(key, idOf.a)))
    expect(ofOne.filter((execution) => execution !== null)).toHaveLength(1)
    const shared = newKey()
    const users = ['ann', 'bob', 'ann', 'bob']
    const ofUsers = await Promise.all(users.map((user) => claim(shared, idOf.b, user)))
    expect(ofUsers.filter((execution) => execution !== null)).toHaveLength(2)
    const rows = await db.selectFrom('idempotency_keys').selectAll().where('account_id', '=', idOf.b).execute()
    expect(
      rows
        .filter((row) => row.key.endsWith(shared))
        .map(({ owner }) => owner)
        .sort(),
    ).toEqual(['ann', 'bob'])
  })

  it('take over an expired key, and no key whose call still runs', async () => {
    const [expired, running, free] = [newKey(), newKey(), newKey()]
    const before = allClaimed(await Promise.all([claim(expired, idOf.a), claim(running, idOf.a)]))
    await writes.end(before[0] as ToolExecution, success, done('old'))
    const past = { expires_at: new Date(0) }
    await db.updateTable('idempotency_keys').set(past).where('key', 'in', [expired, running]).execute()
    const claims = await Promise.all([expired, running, free].map((key) => claim(key, idOf.a)))
    expect(claims.map((execution) => execution !== null)).toEqual([true, false, true])
    expect(await keyRows(expired)).toMatchObject([
      { execution_id: claims[0]?.id, state: 'running', sealed_result: null },
    ])
  })

  it('are claimed once on two nodes, in any order of the keys', async () => {
    const other = createWriteJournal(db, systemClock)
    for (let round = 0; round < 10; round += 1) {
      const names = Array.from({ length: 10 }, newKey)
      const [here, there] = await Promise.all([
        Promise.all(names.map((key) => claim(key, idOf.a))),
        Promise.all([...names].reverse().map((key) => claim(key, idOf.a, 'owner', other))),
      ])
      expect([...here, ...there].filter((execution) => execution !== null)).toHaveLength(names.length)
    }
  })
})

describe('one of several simultaneous writes', () => {
  it.each([
    ['whose account was deleted', () => startOf(randomUUID()), '23503'],
    ['that Postgres refuses', () => startOf(idOf.d, 'nul\0'), '22021'],
  ])('%s is refused alone', async (_which, refused, code) => {
    const key = newKey()
    const [bad, ...others] = await Promise.allSettled([
      writes.claim({ key, owner: 'owner' }, refused(), 3_600_000),
      ...accounts.slice(0, 3).map((name) => claim(key, idOf[name])),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: { code } })
    expect(others.map((other) => other.status === 'fulfilled' && other.value?.status)).toEqual(Array(3).fill('RUNNING'))
    expect(await keyRows(key)).toHaveLength(3)
  })

  it('whose account is locked waits alone', async () => {
    const { release } = await holding((trx) =>
      trx.selectFrom('connected_accounts').select('id').where('id', '=', idOf.a).forUpdate().execute(),
    )
    const key = newKey()
    let waits = true
    const locked = claim(key, idOf.a).finally(() => {
      waits = false
    })
    const others = await Promise.all([claim(key, idOf.b), claim(key, idOf.c)])
    expect(allClaimed(others)).toHaveLength(2)
    expect(waits).toBe(true)
    await release()
    expect((await locked)?.accountId).toBe(idOf.a)
  })

  it.each(['key', 'call'] as const)('whose %s is locked at its end waits alone', async (what) => {
    const [first, ...rest] = await claimEach(newKey())
    if (first === undefined) throw new Error('nothing was claimed')
    const { release } = await holding((trx) =>
      what === 'key'
        ? trx.updateTable('idempotency_keys').set({ erased: true }).where('execution_id', '=', first.id).execute()
        : trx.selectFrom('tool_executions').select('id').where('id', '=', first.id).forUpdate().execute(),
    )
    let waits = true
    const locked = writes.end(first, success, done('mine')).finally(() => {
      waits = false
    })
    const others = await Promise.all(rest.map((execution) => writes.end(execution, success, done('theirs'))))
    expect(others.map((execution) => execution?.status)).toEqual(Array(3).fill('SUCCEEDED'))
    expect(waits).toBe(true)
    await release()
    expect((await locked)?.status).toBe('SUCCEEDED')
    // A key that was erased meanwhile stays without a result.
    const expected = { state: 'done', result: what === 'key' ? null : 'mine' }
    expect(await stored([first.id])).toMatchObject([expected])
  })

  it('whose result is sealed under a retired key fails alone at its end', async () => {
    const retired = { kid: randomUUID(), header: randomUUID(), state: 'retired' as const, kek_id: 'any' }
    await db.insertInto('vault_keys').values(retired).execute()
    const started = await claimEach(newKey())
    const ends = await Promise.allSettled(
      started.map((execution, at) => writes.end(execution, success, done(at === 2 ? `${retired.header}.x` : 'result'))),
    )
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    const rows = await stored(started.map(({ id }) => id))
    expect(rows.map(({ state }) => state)).toEqual(['done', 'done', 'running', 'done'])
  })

  it('that was deleted has no entry at its end, and the others have', async () => {
    const started = await claimEach(newKey())
    await db
      .deleteFrom('tool_executions')
      .where('id', '=', started[1]?.id ?? '')
      .execute()
    const ended = await Promise.all(started.map((execution) => writes.end(execution, success, done('result'))))
    expect(ended.map((execution) => execution?.status ?? null)).toEqual(['SUCCEEDED', null, 'SUCCEEDED', 'SUCCEEDED'])
  })

  it('with a large result is ended alone', async () => {
    const started = await claimEach(newKey())
    const large = 'x'.repeat(100_000)
    await Promise.all(started.map((each, at) => writes.end(each, success, done(at === 0 ? large : 'result'))))
    const [first, ...rest] = await stored(started.map(({ id }) => id))
    expect(first?.result).toBe(large)
    expect(new Set(rest.map(({ by }) => by)).size).toBe(1)
    expect(rest.map(({ by }) => by)).not.toContain(first?.by)
  })

  it('whose caller leaves while its start is written sends nothing, and the others write', async () => {
    const leaving = new AbortController()
    const engine = bench.engine()
    const key = newKey()
    const call = (name: Account, signal?: AbortSignal) =>
      engine.executeTool(
        bench.viewer,
        request('notes_write', { text: name }, { idempotencyKey: key, identifier: name }),
        signal,
      )
    const { release } = await holding((trx) => sql`lock table idempotency_keys in exclusive mode`.execute(trx))
    const left = failureOf(call('a', leaving.signal))
    const others = Promise.all([call('b'), call('c'), call('d')])
    await waitingBackend()
    leaving.abort(new Error('the caller left'))
    await release()
    expect(await left).toMatchObject({ message: 'the caller left' })
    expect((await others).map(({ execution }) => execution.status)).toEqual(Array(3).fill('SUCCEEDED'))
    expect(bench.provider.received.filter(({ body }) => JSON.stringify(body).includes('"a"'))).toHaveLength(0)
    const rows = await keyRows(key)
    expect(rows.map(({ account_id }) => account_id)).not.toContain(idOf.a)
  })
})

describe('when the connection is lost', () => {
  it('after the commit, every start fails and none is repeated: their keys stay held', async () => {
    const key = newKey()
    const losing = createWriteJournal(losingFirstAnswer(), systemClock)
    const lost = await Promise.allSettled(accounts.map((name) => claim(key, idOf[name], 'owner', losing)))
    expect(lost.map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    expect(await keyRows(key)).toHaveLength(4)
    const again = await Promise.all(accounts.map((name) => claim(key, idOf[name], 'owner', losing)))
    expect(again).toEqual(Array(4).fill(null))
  })

  it('before the commit, every start fails, nothing is written, and the next ones claim the keys', async () => {
    const [key, blocking] = [newKey(), newKey()]
    const { release } = await holding((trx) => tryClaim(trx, { key: blocking, owner: 'owner' }, startOf(idOf.a), 1_000))
    const pending = Promise.allSettled([claim(blocking, idOf.a), claim(key, idOf.b), claim(key, idOf.c)])
    await sql`select pg_terminate_backend(${await waitingBackend()}::int)`.execute(db)
    expect((await pending).map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
    expect(await keyRows(key)).toHaveLength(0)
    await release()
    expect(allClaimed(await Promise.all([claim(key, idOf.b), claim(key, idOf.c)]))).toHaveLength(2)
  })

  it('after the commit of ends, they are recorded once and their callers get their results', async () => {
    const losing = losingFirstAnswer()
    const journal = createWriteJournal(losing, systemClock)
    const started = await claimEach(newKey())
    const ends = () => Promise.allSettled(started.map((each, at) => journal.end(each, success, done(`result ${at}`))))
    expect((await ends()).map(({ status }) => status)).toEqual(Array(4).fill('rejected'))
    const again = await ends()
    expect(again.map((end) => end.status === 'fulfilled' && end.value?.id)).toEqual(started.map(({ id }) => id))
    const rows = await stored(started.map(({ id }) => id))
    expect(rows.map(({ status, result }) => [status, result])).toEqual(
      started.map((_, at) => ['SUCCEEDED', `result ${at}`]),
    )
  })
})
