import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepIndexes } from '../../src/content-index/sweep-indexes.ts'
import { acme } from '../../src/sandbox/seed-ids.ts'
import { mutate } from '../webhooks/support.ts'
import {
  eventually,
  forgetProofs,
  type IndexedApp,
  idsOf,
  indexOf,
  newPage,
  onePass,
  passed,
  requestsTo,
  search,
  setContentSearch,
  startIndexed,
} from './support.ts'

const retrieved = /^GET \S*\/v1\/pages\/[0-9a-f-]{36}$/

describe('a hit of the index', () => {
  let app: IndexedApp
  let page: string
  let other: string
  beforeAll(async () => {
    app = await startIndexed({ crawlTiming: onePass })
    await app.connect('user')
    page = await newPage(app, 'One', 'The quokka sleeps.')
    other = await newPage(app, 'Two', 'Another quokka.')
    await passed(app, 'user')
  })
  afterAll(() => app.stop())

  const found = async (query: string) => idsOf([await search(app, { query })])

  it('is returned without a request while Notion has returned it lately, and requested once when it has not', async () => {
    const before = await requestsTo(app, retrieved)
    expect((await found('quokka')).toSorted()).toEqual([page, other].toSorted())
    expect(await requestsTo(app, retrieved)).toBe(before)
    await forgetProofs(app)
    expect(await found('quokka')).toHaveLength(2)
    expect(await requestsTo(app, retrieved)).toBe(before + 2)
    expect(await found('quokka')).toHaveLength(2)
    expect(await requestsTo(app, retrieved)).toBe(before + 2)
  })

  it('that changed is compared again, and left out where it does not match any more', async () => {
    const edit = { page_id: other, content: 'A wombat sleeps here.' }
    expect(await app.executeTool('user', 'notion_page_content_update', edit)).toMatchObject({
      __typename: 'ExecuteToolPayload',
    })
    await sql`update content_documents set edited_at = edited_at - interval '10 minutes' where object_id = ${other}`.execute(
      app.db,
    )
    await forgetProofs(app)
    expect(await found('quokka')).toEqual([page])
    await eventually(() => found('wombat')).toEqual([other])
  })

  it('that is not shared any more is left out, and removed from the index', async () => {
    await app.sandbox('unshare', { user: 'owner@acme.test', resourceId: page })
    await forgetProofs(app)
    const documents = async () =>
      (await sql`select from content_documents where object_id = ${page}`.execute(app.db)).rows.length
    expect(await documents()).toBe(1)
    expect(await found('quokka')).toEqual([])
    expect(await documents()).toBe(0)
    await app.sandbox('share', { user: 'owner@acme.test', resourceId: page })
    await passed(app, 'user')
    expect(await found('quokka')).toEqual([page])
  })

  it('disappears with the next pass when it was moved to the trash or is not shared any more', async () => {
    await app.executeTool('user', 'notion_page_trash', { page_id: page })
    await app.sandbox('unshare', { user: 'owner@acme.test', resourceId: acme.handbook })
    await passed(app, 'user')
    const left = () =>
      sql`select from content_documents where object_id in (${page}, ${acme.handbook})`
        .execute(app.db)
        .then(({ rows }) => rows.length)
    await eventually(left).toBe(0)
    expect(await found('quokka')).toEqual([])
  })

  it('is left to the next call when Notion does not answer', async () => {
    await newPage(app, 'Three', 'An axolotl.')
    await passed(app, 'user')
    await forgetProofs(app)
    await app.sandbox('fault', { match: { path: '/v1/pages' }, kind: 'status', status: 500, times: 0 })
    const failed = await search(app, { query: 'axolotl' })
    await app.sandbox('clear', {})
    expect(failed.results).toEqual([])
    expect(failed.content_search.ended_by).toBe('unavailable')
    const again = await search(app, { query: 'axolotl', start_cursor: failed.next_cursor })
    expect(again.results).toHaveLength(1)
  })
})

describe('an index', () => {
  let app: IndexedApp
  beforeAll(async () => {
    app = await startIndexed()
    await app.connect('user')
    await newPage(app, 'Shared with one', 'The narwhal is secret.', { parent: acme.ownerPrivate })
    await app.connect('member', { user: 'member@acme.test' })
    await app.connect('globex', { user: 'owner@globex.test' })
    for (const identifier of ['user', 'member', 'globex']) await passed(app, identifier)
  })
  afterAll(() => app.stop())

  const indexIdOf = async (identifier: string) => {
    const { rows } = await sql<{ id: string; grant_id: string }>`
      select content_indexes.id, content_indexes.grant_id from content_indexes
      join connected_accounts using (grant_id) where identifier = ${identifier}`.execute(app.db)
    return rows[0] ?? { id: '', grant_id: '' }
  }

  it('has what its grant can read, and nothing of other grants', async () => {
    const of = async (identifier: string) => (await search(app, { query: 'narwhal' }, identifier)).results.length
    expect(await of('user')).toBe(1)
    expect(await of('member')).toBe(0)
    expect(await of('globex')).toBe(0)
    const parts = async (identifier: string) => {
      const { id } = await indexIdOf(identifier)
      const { rows } = await sql<{ part: string }>`
        select encode(sealed, 'hex') as part from content_segments where index_id = ${id}
        union all select encode(sealed, 'hex') from content_documents where index_id = ${id}`.execute(app.db)
      return rows.map(({ part }) => part)
    }
    // Both read the same pages, under different keys.
    const [mine, theirs] = [new Set(await parts('user')), await parts('member')]
    expect(theirs.length).toBeGreaterThan(30)
    expect(theirs.filter((part) => mine.has(part))).toEqual([])
  })

  it('does not open documents, or a key, that another program moved to it', async () => {
    const [user, member] = [await indexIdOf('user'), await indexIdOf('member')]
    const rowsOf = (indexId: string) => sql`(
      select object_id, sealed, row_number() over (order by edited_at desc) as place
      from content_documents where index_id = ${indexId}
    )`
    await sql`update content_documents moved set sealed = theirs.sealed from ${rowsOf(member.id)} mine, ${rowsOf(user.id)} theirs
      where moved.index_id = ${member.id} and moved.object_id = mine.object_id and mine.place = theirs.place and mine.place <= 5
    `.execute(app.db)
    for (const query of ['narwhal', 'the', 'roadmap']) {
      expect(JSON.stringify(await search(app, { query }, 'member'))).not.toContain('narwhal is')
    }
    await eventually(async () => app.log()).toContain('"msg":"a part of a content index does not open"')
    await sql`update content_segments moved set sealed = theirs.sealed from content_segments theirs
      where moved.index_id = ${member.id} and theirs.index_id = ${user.id} and moved.bucket = theirs.bucket
    `.execute(app.db)
    const moved = await search(app, { query: 'narwhal the roadmap' }, 'member')
    expect([moved.results, moved.content_search.source]).toEqual([[], 'index'])
    await sql`update content_indexes set sealed_key = (select sealed_key from content_indexes where id = ${user.id})
      where id = ${member.id}`.execute(app.db)
    const { content_search } = await search(app, { query: 'roadmap' }, 'member')
    expect(content_search.source).toBe('live')
    await eventually(async () => app.log()).toContain('the key of a content index does not open')
  })

  const keys = async () =>
    (await sql<{ count: number }>`select count(*)::int as count from content_indexes`.execute(app.db)).rows[0]?.count
  const documents = async () =>
    (
      await sql<{ count: number }>`
        select (select count(*) from content_documents)::int + (select count(*) from content_segments)::int as count`.execute(
        app.db,
      )
    ).rows[0]?.count

  it('is erased when its account is disconnected', async () => {
    const { id } = await indexIdOf('globex')
    await mutate(app, 'disconnectConnectedAccount', { identifier: 'globex' }, 'connectedAccount { status }')
    expect(await indexIdOf('globex')).toEqual({ id: '', grant_id: '' })
    expect((await sql`select from content_indexes where id = ${id}`.execute(app.db)).rows).toEqual([])
    expect(await indexOf(app, 'globex')).toBeNull()
  })

  it('is erased when its account is deleted', async () => {
    await app.connect('globex', { user: 'owner@globex.test' })
    await passed(app, 'globex')
    const before = await keys()
    await mutate(app, 'deleteConnectedAccount', { identifier: 'globex' }, 'deletedId')
    expect(await keys()).toBe((before ?? 0) - 1)
  })

  it.each([
    ['disconnectConnectedAccount', 'connectedAccount { status }'],
    ['deleteConnectedAccount', 'deletedId'],
  ])('does not get into a deadlock with %s while its crawler stores something', async (field, payload) => {
    await app.connect('busy', { user: 'owner@globex.test' })
    await passed(app, 'busy')
    const { id } = await indexIdOf('busy')
    const waits = async () => {
      const waiting = sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await waiting.execute(app.db)).rows.length
    }
    // As the crawler does: the lease first, then what a list has. Such a second change checks the reference to the grant.
    const ending = await app.db.transaction().execute(async (trx) => {
      await sql`update content_indexes set lease_until = clock_timestamp() where id = ${id}`.execute(trx)
      const ends = mutate(app, field, { identifier: 'busy' }, payload)
      await eventually(waits).toBeGreaterThan(0)
      await sql`update content_indexes set listed = listed + 1 where id = ${id}`.execute(trx)
      return { ends }
    })
    await ending.ends
    expect((await indexIdOf('busy')).id).toBe('')
  })

  it('is erased when another user authorizes its account, who gets one of their own', async () => {
    await app.connect('changing', { user: 'owner@globex.test' })
    await passed(app, 'changing')
    const { id } = await indexIdOf('changing')
    await app.connect('changing', { user: 'member@globex.test', allowUserChange: true })
    expect((await sql`select from content_indexes where id = ${id}`.execute(app.db)).rows).toEqual([])
    expect(await passed(app, 'changing')).toMatchObject({ status: 'READY' })
    expect((await indexIdOf('changing')).id).not.toBe(id)
  })

  it('stays when its account is refreshed, and is erased when the provider ends the grant', async () => {
    const { id } = await indexIdOf('changing')
    const refresh = 'mutation { refreshConnectedAccount(input: { identifier: "changing" }) { __typename } }'
    const { data } = await app.graphql(refresh)
    expect(data['refreshConnectedAccount']).toMatchObject({ __typename: 'RefreshConnectedAccountPayload' })
    expect((await indexIdOf('changing')).id).toBe(id)
    await app.sandbox('revoke', { user: 'member@globex.test' })
    await app.graphql(refresh)
    expect((await indexIdOf('changing')).id).toBe('')
  })

  it('is erased for all grants when the OAuth app switches it off, and its documents soon after', async () => {
    expect(await keys()).toBeGreaterThan(0)
    await setContentSearch(app, false)
    expect(await keys()).toBe(0)
    expect(await indexOf(app, 'user')).toBeNull()
    await sweepIndexes(app.db)
    expect(await documents()).toBe(0)
    expect((await sql`select from erased_content_indexes`.execute(app.db)).rows).toEqual([])
    await setContentSearch(app, true)
    expect(await passed(app, 'user')).toMatchObject({ status: 'READY' })
  })
})
