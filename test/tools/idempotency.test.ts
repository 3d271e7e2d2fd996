import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { disconnectAccount } from '../../src/accounts/authorization/disconnect-account.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { type Db, openDatabase } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { newNodeId, presenceOf } from '../../src/db/presence.ts'
import {
  IdempotencyConflictError,
  InvalidToolInputError,
  OutcomeUnknownError,
  ProviderError,
} from '../../src/errors.ts'
import { type AccountEvents, openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import type { ToolEngine, ToolOutcome } from '../../src/tools/engine.ts'
import { listExecutions } from '../../src/tools/journal.ts'
import { sweepExecutions } from '../../src/tools/sweeper.ts'
import { Secret } from '../../src/vault/secret.ts'
import { accountsContext } from '../support/accounts-context.ts'
import { bindRows } from '../support/bindings.ts'
import { type Bench, clockWithDeadline, failureOf, identifier, openBench, request } from './bench.ts'
import { permitsOn } from './permits.ts'
import { gate } from './provider.ts'

const dayMs = 24 * 60 * 60_000

describe.each(['postgres', 'embedded'] as const)('an idempotency key on %s', (kind) => {
  let bench: Bench
  let engine: ToolEngine
  let keys = 0
  beforeAll(async () => {
    bench = await openBench(kind)
    engine = bench.engine()
  })
  afterAll(() => bench.close())
  beforeEach(() => {
    bench.provider.received.length = 0
    bench.provider.behave(() => ({}))
  })

  const write = (key: string, input: unknown = { text: 'x' }, by: ToolEngine = engine): Promise<ToolOutcome> =>
    by.executeTool(bench.viewer, request('notes_write', input, { idempotencyKey: key }))
  const newKey = () => `key-${keys++}`
  const row = (key: string) =>
    bench.database.db.selectFrom('idempotency_keys').selectAll().where('key', '=', key).executeTakeFirst()

  it('returns the stored result for a repeated call, in any order of input keys, and writes nothing', async () => {
    const key = newKey()
    const first = await write(key, { text: 'x', settings: { a: 1, b: 2 } })
    const again = await write(key, { settings: { b: 2, a: 1 }, text: 'x', tags: null })
    expect(again.data).toEqual(first.data)
    expect(again.execution).toEqual(first.execution)
    expect(bench.provider.received).toHaveLength(1)
  })

  it('returns the stored result in the format of the repeated call', async () => {
    const key = newKey()
    const first = await write(key)
    const again = await engine.executeTool(
      bench.viewer,
      request('notes_write', { text: 'x' }, { idempotencyKey: key, outputFormat: 'MARKDOWN' }),
    )
    expect(again.data).toBe(`Wrote ${(first.data as { id: string }).id}.`)
  })

  it('writes once for twenty simultaneous callers on two nodes, and returns the same result to all', async () => {
    const key = newKey()
    const other = bench.engine()
    const { opened, open } = gate()
    bench.provider.behave((_request, index) => ({ until: opened, body: { id: `only-${index}` } }))
    const calls = Array.from({ length: 20 }, (_, at) => write(key, { text: 'x' }, at % 2 === 0 ? engine : other))
    await bench.provider.hasReceived(1)
    // Time for the others to come as far as they get.
    await new Promise((resolve) => setTimeout(resolve, 100))
    open()
    const outcomes = await Promise.all(calls)
    expect(bench.provider.received).toHaveLength(1)
    expect(new Set(outcomes.map(({ data }) => JSON.stringify(data)))).toEqual(new Set(['{"id":"only-0"}']))
    expect(new Set(outcomes.map(({ execution }) => execution.id)).size).toBe(1)
    const journal = await listExecutions(bench.database.db, bench.environmentId, {}, { limit: 2, before: null })
    expect(journal.filter(({ id }) => id === outcomes[0]?.execution.id)).toHaveLength(1)
  })

  it('refuses another input, and another tool, while the first call runs and after it', async () => {
    const key = newKey()
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened }))
    const first = write(key)
    await bench.provider.hasReceived(1)
    expect(await failureOf(write(key, { text: 'y' }))).toBeInstanceOf(IdempotencyConflictError)
    open()
    await first
    expect(await failureOf(write(key, { text: 'y' }))).toBeInstanceOf(IdempotencyConflictError)
    const otherTool = request('notes_write_break', { text: 'x' }, { idempotencyKey: key })
    expect(await failureOf(engine.executeTool(bench.viewer, otherTool))).toBeInstanceOf(IdempotencyConflictError)
    expect(bench.provider.received).toHaveLength(1)
  })

  it('belongs to one account: another may use the same key', async () => {
    const key = newKey()
    const name = `other-${kind}`
    await bench.account(name)
    await write(key)
    const call = request('notes_write', { text: 'y' }, { idempotencyKey: key, identifier: name })
    await engine.executeTool(bench.viewer, call)
    expect(bench.provider.received).toHaveLength(2)
  })

  it('is free again after a failure that wrote nothing', async () => {
    const key = newKey()
    bench.provider.behave((_request, index) => (index === 0 ? { status: 400 } : {}))
    expect(await failureOf(write(key))).toBeInstanceOf(ProviderError)
    expect(await row(key)).toBeUndefined()
    expect((await write(key)).execution.status).toBe('SUCCEEDED')
    expect(bench.provider.received).toHaveLength(2)
  })

  it('lets one waiting caller try when the first fails without writing', async () => {
    const key = newKey()
    const { opened, open } = gate()
    bench.provider.behave((_request, index) => ({ until: opened, ...(index === 0 ? { status: 400 } : {}) }))
    const calls = Promise.allSettled(Array.from({ length: 5 }, () => write(key)))
    await bench.provider.hasReceived(1)
    open()
    const outcomes = await calls
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    expect(bench.provider.received).toHaveLength(2)
  })

  it('that becomes free shortly before the deadline of a waiting caller is not used by it', async () => {
    const key = newKey()
    const { opened, open } = gate()
    bench.provider.behave((_request, index) => ({ until: opened, ...(index === 0 ? { status: 400 } : {}) }))
    const first = failureOf(write(key))
    await bench.provider.hasReceived(1)
    let now = 0
    const late: Clock = {
      ...systemClock,
      now: () => now,
      async sleep(milliseconds) {
        now += milliseconds
        if (now < 58_500) return
        open()
        await first
      },
      after: () => () => {},
    }
    const error = await failureOf(write(key, { text: 'x' }, bench.engine({ clock: late, rateWindow: permitsOn(late) })))
    expect(error).toBeInstanceOf(ProviderError)
    expect(error).toMatchObject({ status: null, retryable: true })
    expect(bench.provider.received).toHaveLength(1)
    expect((await write(key)).execution.status).toBe('SUCCEEDED')
  })

  it('is never retried when it is unknown whether the first call wrote', async () => {
    const key = newKey()
    bench.provider.behave(() => ({ status: 500 }))
    const first = (await failureOf(write(key))) as OutcomeUnknownError
    expect(first).toBeInstanceOf(OutcomeUnknownError)
    const again = (await failureOf(write(key))) as OutcomeUnknownError
    expect(again).toBeInstanceOf(OutcomeUnknownError)
    expect(again.message).toBe(first.message)
    expect(again.executionId).toBe(first.executionId)
    expect(bench.provider.received).toHaveLength(1)
  })

  it.each(['sweeper', 'next caller'])('of a node that hung has an unknown outcome for the %s', async (seenBy) => {
    const key = newKey()
    // What it leaves: the claim of a call that does not end, and lies beyond its deadline by now.
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened, status: 500 }))
    const crashed = failureOf(write(key))
    await bench.provider.hasReceived(1)
    const claimed = await row(key)
    await bench.database.db
      .updateTable('tool_executions')
      .set({ deadline_at: sql<Date>`clock_timestamp() - interval '1 minute'` })
      .where('id', '=', claimed?.execution_id ?? '')
      .execute()

    if (seenBy === 'sweeper') expect(await sweepExecutions(bench.database.db, dayMs)).toEqual({ abandoned: 1 })
    else expect(await failureOf(write(key))).toBeInstanceOf(OutcomeUnknownError)
    expect(await sweepExecutions(bench.database.db, dayMs)).toEqual({ abandoned: 0 })
    expect(await row(key)).toMatchObject({ state: 'outcome_unknown' })
    const unknown = await listExecutions(
      bench.database.db,
      bench.environmentId,
      { status: ['OUTCOME_UNKNOWN'] },
      { limit: 1, before: null },
    )
    expect(unknown[0]).toMatchObject({ id: claimed?.execution_id, errorType: 'OutcomeUnknownError' })
    expect(await failureOf(write(key))).toBeInstanceOf(OutcomeUnknownError)
    expect(bench.provider.received).toHaveLength(1)
    open()
    await crashed
  })

  it('that still runs at the deadline of a second caller asks it to repeat the call with the same key', async () => {
    const key = newKey()
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened }))
    const first = write(key)
    await bench.provider.hasReceived(1)
    const clock = clockWithDeadline()
    const second = failureOf(write(key, { text: 'x' }, bench.engine({ clock })))
    await new Promise((resolve) => setTimeout(resolve, 50))
    clock.expire()
    const error = (await second) as OutcomeUnknownError
    expect(error).toBeInstanceOf(OutcomeUnknownError)
    expect(error.hint).toContain('same idempotency key')
    open()
    expect((await first).execution.id).toBe(error.executionId)
  })

  describe('after another user of the provider was connected', () => {
    /** Points the account at this user's grant, as a consent or an import does. */
    const connectAs = async (user: string) => {
      const { db } = bench.database
      await db
        .updateTable('grants')
        .set({ status: 'ended', access_token: null })
        .where('provider_user_id', '=', user)
        .where('status', '=', 'active')
        .execute()
      const { grantId } = await bench.account(`${user}-${keys++}`)
      await db.updateTable('grants').set({ provider_user_id: user }).where('id', '=', grantId).execute()
      await db
        .updateTable('connected_accounts')
        .set({ grant_id: grantId, status: 'ACTIVE' })
        .where('identifier', '=', identifier)
        .execute()
      await bindRows(db)
    }
    const disconnect = () =>
      disconnectAccount(
        accountsContext({ db: bench.database.db, vault: bench.vault, events, log: createLog('silent') }),
        bench.environmentId,
        { connectionName: 'notion', identifier },
      )
    let events: AccountEvents
    beforeAll(async () => {
      events = await openAccountEvents(bench.database, () => {})
    })
    afterAll(() => events.close())
    beforeEach(() => connectAs('ann'))

    it('belongs to each of them: it writes once for each, and returns to each their own result', async () => {
      const key = newKey()
      bench.provider.behave((_request, at) => ({ body: { id: `written-${at}` } }))
      const ofAnn = await write(key)
      await connectAs('bob')
      const ofBob = await write(key)
      expect(ofBob.data).not.toEqual(ofAnn.data)
      // Another consent of the same user has another grant.
      await connectAs('ann')
      expect((await write(key)).data).toEqual(ofAnn.data)
      await connectAs('bob')
      const again = await Promise.all([write(key), write(key, undefined, bench.engine())])
      expect(again.map(({ data }) => data)).toEqual([ofBob.data, ofBob.data])
      expect(bench.provider.received).toHaveLength(2)
      // Another input of one of them does not conflict with the other.
      await connectAs('eve')
      await write(key, { text: 'other' })
      expect(bench.provider.received).toHaveLength(3)
    })

    it('writes once for many simultaneous callers while another user holds the same key', async () => {
      const key = newKey()
      await write(key)
      await connectAs('bob')
      const other = bench.engine()
      const calls = Array.from({ length: 12 }, (_, at) => write(key, { text: 'x' }, at % 2 === 0 ? engine : other))
      expect(new Set((await Promise.all(calls)).map(({ execution }) => execution.id)).size).toBe(1)
      expect(bench.provider.received).toHaveLength(2)
    })

    it('has no result after the account was disconnected, and writes nothing again for the same user', async () => {
      const key = newKey()
      await write(key)
      const late = newKey()
      const { opened, open } = gate()
      bench.provider.behave(() => ({ until: opened }))
      const running = write(late)
      await bench.provider.hasReceived(2)
      await disconnect()
      open()
      await running
      for (const used of [key, late]) expect(await row(used)).toMatchObject({ state: 'done', sealed_result: null })
      await connectAs('bob')
      await write(key)
      expect(bench.provider.received).toHaveLength(3)
      await connectAs('ann')
      for (const used of [key, late]) {
        const failure = await failureOf(write(used))
        expect(failure).toBeInstanceOf(OutcomeUnknownError)
        expect((failure as OutcomeUnknownError).message).toContain('carried out')
      }
      expect(bench.provider.received).toHaveLength(3)
    })

    it('is free again when the account is connected again within the call', async () => {
      const key = newKey()
      bench.provider.behave(() => ({ status: 401 }))
      const renewing = bench.engine({
        renewAccessToken: async () => {
          await connectAs('bob')
          return { accessToken: new Secret('of-bob'), grantId: 'another', version: 1 }
        },
      })
      const failure = await failureOf(write(key, undefined, renewing))
      expect(failure).toMatchObject({ name: 'ProviderError', retryable: true })
      bench.provider.behave(() => ({}))
      await write(key)
      expect(bench.provider.received.map(({ token }) => token)).toEqual([
        expect.stringContaining('ann'),
        expect.stringContaining('bob'),
      ])
    })
  })

  it('expires: the same call then writes again', async () => {
    const key = newKey()
    await write(key)
    await bench.database.db
      .updateTable('idempotency_keys')
      .set({ expires_at: sql<Date>`clock_timestamp() - interval '1 second'` })
      .where('key', '=', key)
      .execute()
    await write(key, { text: 'something else' })
    expect(bench.provider.received).toHaveLength(2)
    expect(await row(key)).toMatchObject({ state: 'done' })
  })

  it('stores the result sealed', async () => {
    const key = newKey()
    bench.provider.behave(() => ({ body: { id: 'n', text: 'private words' } }))
    await write(key)
    const stored = await row(key)
    expect(stored?.sealed_result).toBeTruthy()
    expect(JSON.stringify(stored)).not.toContain('private')
  })

  it('of an impossible length is refused before anything happens', async () => {
    expect(await failureOf(write(''))).toBeInstanceOf(InvalidToolInputError)
    expect(await failureOf(write('x'.repeat(256)))).toBeInstanceOf(InvalidToolInputError)
    expect(await failureOf(write('a\0'))).toBeInstanceOf(InvalidToolInputError)
    expect(bench.provider.received).toHaveLength(0)
  })
})

describe('a node that dies in the middle of a write', () => {
  /** A node whose sign of life is held by a session until it dies. */
  const startNode = async (bench: Bench) => {
    const nodeId = newNodeId()
    const [alive, dead] = [gate(), gate()]
    const session = bench.database.withSession((db) =>
      db.connection().execute(async (connection) => {
        await sql.raw(presenceOf(nodeId)).execute(connection)
        alive.open()
        await dead.opened
        await sql`select pg_advisory_unlock_all()`.execute(connection)
      }),
    )
    await alive.opened
    return {
      engine: bench.engine({ nodeId }),
      async die() {
        dead.open()
        await session
      },
    }
  }

  it('leaves an unknown outcome at once, and one that lives does not', async () => {
    const bench = await openBench()
    const [dying, living] = [await startNode(bench), await startNode(bench)]
    const { opened, open } = gate()
    bench.provider.behave(() => ({ until: opened }))
    const call = (key: string, by = dying.engine) =>
      by.executeTool(bench.viewer, request('notes_write', { text: 'x' }, { idempotencyKey: key }))
    const cut = call('cut')
    const stored = call('stored', living.engine)
    await bench.provider.hasReceived(2)
    expect(await sweepExecutions(bench.database.db, dayMs)).toEqual({ abandoned: 0 })

    await dying.die()
    const error = (await failureOf(call('cut', living.engine))) as OutcomeUnknownError
    expect(error).toBeInstanceOf(OutcomeUnknownError)
    expect(error.message).toContain('was interrupted')
    const page = { limit: 2, before: null }
    const journal = await listExecutions(bench.database.db, bench.environmentId, {}, page)
    expect(journal.map(({ status }) => status).sort()).toEqual(['OUTCOME_UNKNOWN', 'RUNNING'])
    expect(journal.find(({ status }) => status === 'OUTCOME_UNKNOWN')?.id).toBe(error.executionId)
    expect(bench.provider.received).toHaveLength(2)

    // It only seemed to be dead: the end that it records is final.
    open()
    const { execution } = await cut
    expect(execution.status).toBe('SUCCEEDED')
    expect((await call('cut', living.engine)).execution).toEqual(execution)
    expect((await stored).execution.status).toBe('SUCCEEDED')
    expect(bench.provider.received).toHaveLength(2)
    await living.die()
    await bench.close()
  })

  it('is seen on the embedded database when the next process starts', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'valetkey-presence-'))
    const open = async () => {
      const database = await openDatabase({ kind: 'embedded', directory }, () => {})
      await migrate(database.db)
      await database.notifications.listen('test', { onMessage: () => {}, onGap: () => {} })
      return database
    }
    const gone = (db: Db, nodeId: number) => sql<{ gone: boolean }>`select is_node_gone(${nodeId}) as gone`.execute(db)
    const first = await open()
    expect((await gone(first.db, first.nodeId)).rows).toEqual([{ gone: false }])
    await first.close()
    const second = await open()
    expect((await gone(second.db, first.nodeId)).rows).toEqual([{ gone: true }])
    expect((await gone(second.db, second.nodeId)).rows).toEqual([{ gone: false }])
    await second.close()
    await rm(directory, { recursive: true, force: true })
  })
})

it('deletes old executions and expired keys, and no running ones', async () => {
  const bench = await openBench()
  const engine = bench.engine()
  for (const key of ['old', 'running', 'young']) {
    await engine.executeTool(bench.viewer, request('notes_write', { text: 'x' }, { idempotencyKey: key }))
  }
  await sql`
    update tool_executions set started_at = clock_timestamp() - interval '2 days' from idempotency_keys
    where execution_id = id and key in ('old', 'running')
  `.execute(bench.database.db)
  await sql`
    update tool_executions set status = 'RUNNING', deadline_at = clock_timestamp() + interval '1 minute'
    from idempotency_keys where execution_id = id and key = 'running'
  `.execute(bench.database.db)
  await sql`update idempotency_keys set state = 'running' where key = 'running'`.execute(bench.database.db)
  await sql`update idempotency_keys set expires_at = clock_timestamp() - interval '1 second'`.execute(bench.database.db)
  await sweepExecutions(bench.database.db, dayMs)
  const keys = await bench.database.db.selectFrom('idempotency_keys').select('key').execute()
  expect(keys).toEqual([{ key: 'running' }])
  const left = await listExecutions(bench.database.db, bench.environmentId, {}, { limit: 10, before: null })
  expect(left.map(({ status }) => status)).toEqual(['SUCCEEDED', 'RUNNING'])
  await bench.close()
})
