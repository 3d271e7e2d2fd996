import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiRoutes } from '../../../src/sandbox/api/routes.ts'
import { acme, people } from '../../../src/sandbox/seed-ids.ts'
import fc from '../../support/fast-check.ts'
import { type Connection, type Notion, startNotion, versions } from './notion.ts'

const runs = Number(process.env.SANDBOX_FUZZ_RUNS ?? 500)

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

/** Ids of every kind, and strings that are not ids. */
const id = fc.constantFrom<string>(
  acme.product,
  acme.projects,
  acme.projectsSource,
  acme.tasks,
  acme.tasksSource,
  acme.roadmap,
  acme.meetingNotes,
  acme.meetingDiscussion,
  acme.handbook,
  acme.oldRoadmap,
  acme.boardMinutes,
  people.acmeOwner,
  acme.projects.replaceAll('-', '').toUpperCase(),
  '00000000-0000-4000-8000-000000000000',
  'not-an-id',
  'title',
  'proj',
)

/** Keys that are used somewhere in the API. */
const keys = (
  'parent page_id database_id data_source_id block_id workspace type object properties title rich_text text ' +
  'content link url mention user page date start end equation expression annotations color bold children ' +
  'paragraph heading_1 table table_width table_row cells column_list column to_do callout icon emoji cover ' +
  'external file_upload id name synced_block synced_from image code language caption filter sorts and or ' +
  'property timestamp direction number select multi_select status people relation files checkbox formula rollup ' +
  'unique_id function relation_property_name rollup_property_name single_property dual_property equals contains ' +
  'is_empty before past_week any page_size start_cursor in_trash archived query sort value markdown template ' +
  'template_id position after after_block initial_data_source options format prefix insert_content ' +
  'update_content content_updates old_str new_str discussion_id attachments display_name mode filename ' +
  'number_of_parts is_locked erase_content Name Status Task Project Tags __proto__ constructor toString'
).split(' ')

const key = fc.constantFrom(...keys, 'Due Date', '')

const scalar = fc.oneof(
  id,
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    101,
    1e300,
    '',
    '2026-07-15',
    '2026-13-45',
    'ascending',
    'now',
  ),
  fc.constantFrom(
    'page_id',
    'text',
    'mention',
    'paragraph',
    'select',
    'select 1',
    '😀',
    'x'.repeat(2001),
    '<page/>',
    '\u0000',
  ),
  fc.string({ maxLength: 20 }),
)

const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('list'), tie('map'), tie('map')),
  list: fc.array(tie('json'), { maxLength: 3 }),
  map: fc.dictionary(key, tie('json'), { maxKeys: 5, noNullPrototype: true }),
}))

const body = fc.dictionary(key, json, { maxKeys: 6, noNullPrototype: true })

/** Bodies that are almost valid: they pass more checks than random ones. */
const almostValid = fc
  .tuple(
    fc.constantFrom<object>(
      { parent: { page_id: acme.product }, properties: { title: { title: [{ text: { content: 'x' } }] } } },
      { parent: { data_source_id: acme.tasksSource }, properties: {} },
      { parent: { type: 'page_id', page_id: acme.product }, initial_data_source: { properties: {} } },
      { filter: { and: [{ property: 'Name', title: { contains: 'x' } }] }, sorts: [] },
      { children: [{ paragraph: { rich_text: [] } }] },
      { type: 'update_content', update_content: { content_updates: [{ old_str: 'a', new_str: 'b' }] } },
      { parent: { page_id: acme.meetingNotes }, rich_text: [{ text: { content: 'x' } }] },
    ),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.option(key), json), { minLength: 1, maxLength: 3 }),
  )
  .map(([base, changes]) => {
    const copy = structuredClone(base) as Record<string, unknown>
    for (const [step, name, value] of changes) {
      // Walk some steps into the body and change one value there.
      let at: Record<string, unknown> = copy
      for (let depth = 0; depth < step % 4; depth += 1) {
        const inner = Object.values(at)[step % Math.max(1, Object.keys(at).length)]
        if (typeof inner !== 'object' || inner === null) break
        at = inner as Record<string, unknown>
      }
      at[name ?? Object.keys(at)[0] ?? 'x'] = value
    }
    return copy
  })

describe.each(versions)('any input in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    await notion.sandbox.control('reset')
    on = await notion.connect(version)
  })

  it(
    'is answered with a result or an error in Notion’s envelope, never with a 500',
    async () => {
      const request = fc.record({
        route: fc.constantFrom(...apiRoutes.filter(({ rawBody }) => rawBody === undefined)),
        ids: fc.array(id, { minLength: 2, maxLength: 2 }),
        query: fc.dictionary(
          fc.constantFrom('page_size', 'start_cursor', 'filter_properties', 'block_id', 'status'),
          id,
          {
            maxKeys: 2,
          },
        ),
        body: fc.oneof(body, almostValid, json),
      })
      await fc.assert(
        fc.asyncProperty(request, async ({ route, ids, query, body: sent }) => {
          let used = 0
          const path = route.path.replace(/:\w+/g, () => encodeURIComponent(ids[used++] ?? ''))
          const search = new URLSearchParams(query)
          const hasBody = route.method !== 'GET' && route.method !== 'DELETE'
          const response = await fetch(`${notion.sandbox.url}${path}?${search.toString()}`, {
            method: route.method,
            headers: {
              authorization: `Bearer ${on.token}`,
              'notion-version': version,
              ...(hasBody && { 'content-type': 'application/json' }),
            },
            ...(hasBody && { body: JSON.stringify(sent) }),
          })
          const answer = (await response.json()) as Record<string, unknown>
          expect(response.status).toBeLessThan(500)
          if (response.status === 200) return
          expect(answer).toMatchObject({ object: 'error', status: response.status, request_id: expect.any(String) })
          expect(String(answer.message).length).toBeGreaterThan(0)
        }),
        { numRuns: runs },
      )
      // Everything written so far can still be read.
      expect((await on.client.search({})).object).toBe('list')
    },
    30_000 + runs * 20,
  )
})

describe.each(versions)('the seed content in version %s', (version) => {
  it('can be read completely: pages, blocks, comments, databases, data sources and rows', async () => {
    await notion.sandbox.control('reset')
    const on = await notion.connect(version, {}, { id: `reader-${version}`, secret: 'secret' })
    const { client } = on
    let read = 0
    const walk = async (blockId: string, depth: number): Promise<void> => {
      await client.comments.list({ block_id: blockId })
      const { results } = await client.blocks.children.list({ block_id: blockId })
      for (const block of results) {
        read += 1
        if ('has_children' in block && block.has_children && depth < 5) await walk(block.id, depth + 1)
      }
    }
    const { results } = await client.search({ page_size: 40 })
    for (const found of results) {
      read += 1
      if (found.object === 'page') {
        await client.pages.retrieve({ page_id: found.id })
        await client.pages.retrieveMarkdown({ page_id: found.id })
        await walk(found.id, 0)
      } else {
        const source = await client.dataSources.retrieve({ data_source_id: found.id })
        await client.dataSources.query({ data_source_id: found.id, page_size: 20 })
        if ('parent' in source && source.parent.type === 'database_id') {
          await client.databases.retrieve({ database_id: source.parent.database_id })
        }
      }
    }
    expect(read).toBeGreaterThan(100)
  })
})
