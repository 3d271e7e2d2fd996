import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { openRedis, type Redis } from '../../src/db/redis.ts'
import { type AccountEvent, type AccountEvents, openAccountEvents } from '../../src/events/status-events.ts'
import { createLog } from '../../src/log.ts'
import { createRateWindow, type GrantBudget, type PermitSource } from '../../src/tools/rate-window.ts'
import { createRedisRateWindow } from '../../src/tools/redis-rate-window.ts'
import { hasRedis, type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { type Bench, openBench } from '../tools/bench.ts'

/** A node with Redis. */
interface Node {
  readonly redis: Redis
  readonly events: AccountEvents
  readonly window: PermitSource
  /** What its subscribers were called with; `gap` for a gap. */
  readonly seen: (AccountEvent | 'gap')[]
  readonly logged: () => string
  close(): Promise<void>
}

describe.skipIf(!hasRedis)('a node with Redis', () => {
  let server: RedisServer
  let bench: Bench
  let database: Database
  let url: string
  let grantId: string
  let here: Node
  let there: Node
  beforeAll(async () => {
    server = await startRedisServer()
    bench = await openBench()
    database = bench.database
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(database.db)
    url = Object.assign(new URL(inject('postgresUrl')), { pathname: `/${rows[0]?.name}` }).href
  })
  afterAll(async () => {
    await server.kill()
    await bench.close()
  })
  beforeEach(async () => {
    grantId = (await bench.account(randomUUID())).grantId
    here = await startNode()
    there = await startNode()
    await reached(here, there)
  })
  afterEach(() => Promise.all([here.close(), there.close()]))

  // A busy machine may delay answers by more than a second.
  const startNode = async (answerMs = 60_000): Promise<Node> => {
    let logged = ''
    const log = createLog('info', {
      write: (line) => {
        logged += line
      },
    })
    const redis = openRedis(server.url, 'valetkey:test:', log, answerMs)
    // A node is a process: it has an id and a connection for notifications of its own.
    const own = await openDatabase({ kind: 'server', url, maxConnections: 5 }, () => {})
    const events = await openAccountEvents(own, () => {}, redis)
    const seen: (AccountEvent | 'gap')[] = []
    events.subscribe({ onEvent: (event) => void seen.push(event), onGap: () => void seen.push('gap') })
    return {
      redis,
      events,
      window: createRedisRateWindow(redis, createRateWindow(own.db)),
      seen,
      logged: () => logged,
      async close() {
        await events.close()
        await redis.close()
        await own.close()
      },
    }
  }
  const reached = (...nodes: Node[]) => expect.poll(() => nodes.every(({ redis }) => redis.isReachable())).toBe(true)
  const lost = (...nodes: Node[]) => expect.poll(() => nodes.some(({ redis }) => redis.isReachable())).toBe(false)

  const event = (): AccountEvent => ({
    environmentId: bench.environmentId,
    accountId: randomUUID(),
    transitionId: randomUUID(),
  })
  const budget = (requests = 50): GrantBudget => ({
    environmentId: bench.environmentId,
    grantId,
    policy: { requests, perMs: 60_000 },
  })

  it('receives events of other nodes through Redis, and its own at once', async () => {
    const notified: string[] = []
    const stop = await database.notifications.listen('valetkey_account_events', {
      onMessage: (payload) => void notified.push(payload),
      onGap: () => {},
    })
    const sent = event()
    here.events.publish([sent])
    expect(here.seen).toContainEqual(sent)
    await expect.poll(() => there.seen).toContainEqual(sent)
    expect(notified).toEqual([])
    await stop()
  })

  it('sends through Postgres while Redis is down, reports a gap when Redis is back, and uses it again', async () => {
    await server.kill()
    await lost(here, there)
    const during = event()
    here.events.publish([during])
    await expect.poll(() => there.seen).toContainEqual(during)
    there.seen.length = 0
    await server.start()
    await reached(here, there)
    expect(there.seen).toContain('gap')
    const after = event()
    here.events.publish([after])
    await expect.poll(() => there.seen).toContainEqual(after)
    for (const { logged } of [here, there]) {
      expect(logged().match(/Redis is lost/g)).toHaveLength(1)
      expect(logged()).not.toContain(server.password)
    }
  })

  it('loses no event to a server that stops answering, and reports gaps until it answers', async () => {
    const [sender, receiver] = [await startNode(500), await startNode(500)]
    await reached(sender, receiver)
    server.signal('SIGSTOP')
    const sent = event()
    sender.events.publish([sent])
    await expect.poll(() => receiver.seen).toContainEqual(sent)
    await lost(sender, receiver)
    receiver.seen.length = 0
    await expect.poll(() => receiver.seen).toContain('gap')
    server.signal('SIGCONT')
    await reached(sender, receiver)
    await sender.close()
    await receiver.close()
  })

  it('starts while Redis is down', async () => {
    await server.kill()
    const node = await startNode()
    await expect.poll(() => node.seen).toContain('gap')
    await server.start()
    await reached(node)
    await node.close()
  })

  it('never grants without a limit: Postgres counts while Redis is down, and Redis counts again afterwards', async () => {
    const taken = async () => {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, at) => (at % 2 === 0 ? here : there).window.take(budget(), 5)),
      )
      return answers.reduce((sum, answer) => sum + (answer?.granted ?? 0), 0)
    }
    expect(await taken()).toBe(50)
    await server.kill()
    expect(await taken()).toBe(50)
    expect(await taken()).toBe(0)
    await server.start()
    await reached(here, there)
    expect(await taken()).toBe(50)
    expect(await taken()).toBe(0)
  })

  it('remembers a refusal of the provider when Redis is lost', async () => {
    await here.window.refuse(budget(), 60_000)
    expect((await there.window.take(budget(), 1)).granted).toBe(0)
    await server.kill()
    await lost(here, there)
    expect((await there.window.take(budget(), 1)).granted).toBe(0)
    await server.start()
  })

  it('stores nothing in Redis that does not expire', async () => {
    await here.window.take(budget(), 1)
    await here.window.refuse(budget(), 1_000)
    const keys = (await server.command('KEYS', '*')) as string[]
    expect(keys).toContain(`valetkey:test:rate:${bench.environmentId}:${grantId}`)
    for (const key of keys) expect(await server.command('PTTL', key)).toBeGreaterThan(0)
  })
})
