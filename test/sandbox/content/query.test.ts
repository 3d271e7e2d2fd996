import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme, people } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

/** A Wednesday. The dates of the rows are chosen relative to it. */
const now = new Date('2026-07-15T12:00:00.000Z')

let notion: Notion

beforeAll(async () => {
  notion = await startNotion({ clock: () => now })
})

afterAll(() => notion.close())

describe.each(versions)('queries in version %s', (version) => {
  let on: Connection
  let sourceId: string
  let relatedIds: string[]

  beforeAll(async () => {
    on = await notion.connect(version)
    const post = (path: string, body: Record<string, unknown>) =>
      on.client.request({ path, method: 'post', body }).then(loose)
    const parent = { type: 'page_id', page_id: on.pageId }
    const other = await post('databases', { parent, initial_data_source: { properties: { Score: { number: {} } } } })
    const otherSource = String(at(other, 'data_sources.0.id'))
    const inOther = (score: number) =>
      post('pages', { parent: { data_source_id: otherSource }, properties: { Score: { number: score } } })
    relatedIds = [(await inOther(1)).id, (await inOther(5)).id, (await inOther(9)).id]
    const database = await post('databases', {
      parent,
      initial_data_source: {
        properties: {
          Name: { title: {} },
          Text: { rich_text: {} },
          Num: { number: {} },
          Check: { checkbox: {} },
          Kind: { select: { options: [{ name: 'Low' }, { name: 'High' }, { name: 'Alpha' }] } },
          State: { status: {} },
          Tags: { multi_select: { options: [{ name: 'x' }, { name: 'y' }] } },
          When: { date: {} },
          Who: { people: {} },
          Docs: { files: {} },
          Link: { url: {} },
          Mail: { email: {} },
          Phone: { phone_number: {} },
          Rel: { relation: { data_source_id: otherSource, single_property: {} } },
          Scores: {
            rollup: { relation_property_name: 'Rel', rollup_property_name: 'Score', function: 'show_original' },
          },
          Best: { rollup: { relation_property_name: 'Rel', rollup_property_name: 'Score', function: 'max' } },
          Double: { formula: { expression: 'prop("Num") * 2' } },
          Shout: { formula: { expression: 'upper(prop("Text"))' } },
          Big: { formula: { expression: 'prop("Num") > 5' } },
          Later: { formula: { expression: 'dateAdd(prop("When"), 1, "days")' } },
          Made: { created_time: {} },
          Maker: { created_by: {} },
          Key: { unique_id: {} },
        },
      },
    })
    sourceId = String(at(database, 'data_sources.0.id'))
    const rows: object[] = [
      {
        Name: { title: text('a') },
        Text: { rich_text: text('Hello World') },
        Num: { number: 1 },
        Check: { checkbox: true },
        Kind: { select: { name: 'High' } },
        State: { status: { name: 'Done' } },
        Tags: { multi_select: [{ name: 'x' }, { name: 'y' }] },
        When: { date: { start: '2026-07-15' } },
        Who: { people: [{ id: people.acmeOwner }] },
        Docs: { files: [{ name: 'f', external: { url: 'https://example.com/f' } }] },
        Link: { url: 'https://example.com' },
        Mail: { email: 'a@example.com' },
        Phone: { phone_number: '+1 555' },
        Rel: { relation: [{ id: relatedIds[0] }, { id: relatedIds[1] }] },
      },
      {
        Name: { title: text('b') },
        Text: { rich_text: text('hello moon') },
        Num: { number: 6 },
        Kind: { select: { name: 'Low' } },
        State: { status: { name: 'In progress' } },
        Tags: { multi_select: [{ name: 'x' }] },
        When: { date: { start: '2026-07-20T10:00:00.000Z' } },
        Who: { people: [{ id: people.acmeMember }] },
        Rel: { relation: [{ id: relatedIds[2] }] },
      },
      { Name: { title: text('c') }, Num: { number: 10 }, When: { date: { start: '2026-06-20', end: '2026-08-01' } } },
      { Name: { title: text('d') }, Kind: { select: { name: 'Alpha' } }, When: { date: { start: '2025-09-01' } } },
    ]
    for (const properties of rows) {
      await post('pages', { parent: { type: 'data_source_id', data_source_id: sourceId }, properties })
    }
  })

  const query = (body: Record<string, unknown>) =>
    on.client.request<{ results: unknown[]; next_cursor: string | null; has_more: boolean }>({
      path: `data_sources/${sourceId}/query`,
      method: 'post',
      body,
    })

  const names = async (body: Record<string, unknown>) =>
    (await query(body)).results.map((row) => at(row, 'properties.Name.title.0.plain_text')).join('')

  const filtered = (property: string, condition: object) => names({ filter: { property, ...condition } })

  it.each<[string, object, string]>([
    ['Name', { title: { equals: 'a' } }, 'a'],
    ['Name', { rich_text: { does_not_equal: 'a' } }, 'bcd'],
    ['Text', { rich_text: { contains: 'hello' } }, 'ab'],
    ['Text', { rich_text: { does_not_contain: 'MOON' } }, 'acd'],
    ['Text', { rich_text: { starts_with: 'Hello' } }, 'ab'],
    ['Text', { rich_text: { ends_with: 'moon' } }, 'b'],
    ['Text', { rich_text: { equals: 'hello world' } }, ''],
    ['Text', { rich_text: { is_empty: true } }, 'cd'],
    ['Text', { rich_text: { is_not_empty: true } }, 'ab'],
    ['Link', { url: { contains: 'example' } }, 'a'],
    ['Mail', { email: { ends_with: '@example.com' } }, 'a'],
    ['Phone', { phone_number: { is_empty: true } }, 'bcd'],
    ['Num', { number: { equals: 6 } }, 'b'],
    ['Num', { number: { does_not_equal: 6 } }, 'acd'],
    ['Num', { number: { greater_than: 1 } }, 'bc'],
    ['Num', { number: { greater_than_or_equal_to: 1 } }, 'abc'],
    ['Num', { number: { less_than: 6 } }, 'a'],
    ['Num', { number: { less_than_or_equal_to: 6 } }, 'ab'],
    ['Num', { number: { is_empty: true } }, 'd'],
    ['Num', { number: { is_not_empty: true } }, 'abc'],
    ['Check', { checkbox: { equals: true } }, 'a'],
    ['Check', { checkbox: { does_not_equal: true } }, 'bcd'],
    ['Check', { checkbox: { equals: false } }, 'bcd'],
    ['Kind', { select: { equals: 'High' } }, 'a'],
    ['Kind', { select: { does_not_equal: 'High' } }, 'bcd'],
    ['State', { status: { equals: 'Complete' } }, 'a'],
    ['State', { status: { does_not_equal: ['Complete', 'In progress'] } }, 'cd'],
    ['Kind', { select: { is_empty: true } }, 'c'],
    ['State', { status: { equals: 'Done' } }, 'a'],
    ['State', { status: { does_not_equal: 'Done' } }, 'bcd'],
    ['State', { status: { is_not_empty: true } }, 'ab'],
    ['Tags', { multi_select: { contains: 'y' } }, 'a'],
    ['Tags', { multi_select: { does_not_contain: 'y' } }, 'bcd'],
    ['Tags', { multi_select: { is_empty: true } }, 'cd'],
    ['When', { date: { equals: '2026-07-15' } }, 'a'],
    ['When', { date: { before: '2026-07-15' } }, 'cd'],
    ['When', { date: { after: '2026-07-15' } }, 'b'],
    ['When', { date: { on_or_before: '2026-07-15' } }, 'acd'],
    ['When', { date: { on_or_after: '2026-07-15' } }, 'ab'],
    ['When', { date: { after: '2026-07-20T09:59:59.000Z' } }, 'b'],
    ['When', { date: { before: '2026-07-20T12:00:00+02:00' } }, 'acd'],
    ['When', { date: { this_week: {} } }, 'a'],
    ['When', { date: { next_week: {} } }, 'ab'],
    ['When', { date: { past_week: {} } }, 'a'],
    ['When', { date: { past_month: {} } }, 'ac'],
    ['When', { date: { past_year: {} } }, 'acd'],
    ['When', { date: { next_month: {} } }, 'ab'],
    ['When', { date: { next_year: {} } }, 'ab'],
    ['When', { date: { is_empty: true } }, ''],
    ['Who', { people: { contains: people.acmeOwner } }, 'a'],
    ['Who', { people: { does_not_contain: people.acmeOwner.replaceAll('-', '') } }, 'bcd'],
    ['Who', { people: { is_empty: true } }, 'cd'],
    ['Docs', { files: { is_empty: true } }, 'bcd'],
    ['Docs', { files: { is_not_empty: true } }, 'a'],
    ['Rel', { relation: { is_not_empty: true } }, 'ab'],
    ['Scores', { rollup: { any: { number: { greater_than: 4 } } } }, 'ab'],
    ['Scores', { rollup: { every: { number: { greater_than: 4 } } } }, 'bcd'],
    ['Scores', { rollup: { none: { number: { greater_than: 4 } } } }, 'cd'],
    ['Best', { rollup: { number: { equals: 9 } } }, 'b'],
    ['Double', { formula: { number: { equals: 12 } } }, 'b'],
    ['Shout', { formula: { string: { contains: 'WORLD' } } }, 'a'],
    ['Big', { formula: { checkbox: { equals: true } } }, 'bc'],
    ['Later', { formula: { date: { equals: '2026-07-16' } } }, 'a'],
    ['Made', { created_time: { on_or_before: '2026-07-15' } }, 'abcd'],
    ['Made', { date: { after: '2026-07-15' } }, ''],
    ['Maker', { created_by: { is_not_empty: true } }, 'abcd'],
    ['Key', { unique_id: { greater_than: 2 } }, 'cd'],
  ])('filters %s by %j', async (property, condition, expected) => {
    expect(await filtered(property, condition)).toBe(expected)
  })

  it.each([
    ['Kind', { select: { equals: 'Nowhere' } }],
    ['Kind', { select: { does_not_equal: ['High', 'Nowhere'] } }],
    ['State', { status: { equals: 'Nowhere' } }],
    ['Tags', { multi_select: { contains: 'Nowhere' } }],
  ])('refuses a filter of %s by an option that it does not have: %j', async (property, condition) => {
    expect(await refusal(filtered(property, condition))).toMatchObject({
      ...{ status: 400, code: 'validation_error' },
      message: expect.stringContaining(`option "Nowhere" not found for property "${property}"`),
    })
  })

  it('filters relations by page, and dates by relative names', async () => {
    expect(await filtered('Rel', { relation: { contains: relatedIds[1] } })).toBe('a')
    expect(await filtered('Rel', { relation: { does_not_contain: relatedIds[1] } })).toBe('bcd')
    // In Notion's OpenAPI description, datePropertyFilter has the format `date`; its filter reference lists these names.
    expect(await filtered('When', { date: { equals: 'today' } })).toBe('a')
    expect(await filtered('When', { date: { on_or_after: 'tomorrow' } })).toBe('b')
  })

  it('filters by timestamps and by groups two levels deep', async () => {
    const timestamp = { timestamp: 'last_edited_time', last_edited_time: { past_week: {} } }
    expect(await names({ filter: timestamp })).toBe('abcd')
    const isHigh = { property: 'Kind', select: { equals: 'High' } }
    const isLow = { property: 'Kind', select: { equals: 'Low' } }
    const many = { property: 'Num', number: { greater_than: 5 } }
    expect(await names({ filter: { and: [timestamp, { or: [isHigh, isLow] }, many] } })).toBe('b')
    expect(await names({ filter: { or: [{ and: [isHigh, many] }, isLow] } })).toBe('b')
    expect(await refusal(names({ filter: { or: [{ and: [{ or: [isHigh] }] }] } }))).toMatchObject({
      message: expect.stringContaining('body.filter.or[0].and[0].or should be not present'),
    })
  })

  it.each<[string, string, string]>([
    ['Num', 'ascending', 'abcd'],
    ['Num', 'descending', 'cbad'],
    ['Kind', 'ascending', 'badc'],
    ['Kind', 'descending', 'dabc'],
    ['State', 'ascending', 'bacd'],
    ['When', 'ascending', 'dcab'],
    ['Check', 'descending', 'abcd'],
    ['Check', 'ascending', 'bcda'],
    ['Text', 'descending', 'abcd'],
    ['Text', 'ascending', 'bacd'],
    ['Double', 'descending', 'cbad'],
    ['Best', 'descending', 'bacd'],
    ['Key', 'descending', 'dcba'],
  ])('sorts by %s %s, empty values last', async (property, direction, expected) => {
    expect(await names({ sorts: [{ property, direction }] })).toBe(expected)
  })

  it('sorts by several keys in turn and by timestamps', async () => {
    const sorts = [
      { property: 'Check', direction: 'ascending' },
      { property: 'Name', direction: 'descending' },
    ]
    expect(await names({ sorts })).toBe('dcba')
    expect(await names({ sorts: [{ timestamp: 'created_time', direction: 'ascending' }] })).toBe('abcd')
  })

  it('pages a result', async () => {
    const first = await query({ page_size: 3, sorts: [{ property: 'Num', direction: 'descending' }] })
    expect(first).toMatchObject({
      object: 'list',
      type: 'page_or_data_source',
      page_or_data_source: {},
      has_more: true,
    })
    const rest = await query({
      page_size: 3,
      sorts: [{ property: 'Num', direction: 'descending' }],
      start_cursor: first.next_cursor,
    })
    expect(rest).toMatchObject({ has_more: false, next_cursor: null, request_status: { type: 'complete' } })
    expect(rest.results.map((row) => at(row, 'properties.Name.title.0.plain_text'))).toEqual(['d'])
  })

  it('continues after a row that no longer matches', async () => {
    const filter = { property: 'Name', title: { does_not_equal: 'Nothing' } }
    const first = await query({ page_size: 1, filter })
    const cursor = String(first.next_cursor)
    await on.client.pages.update({ page_id: cursor, in_trash: true })
    expect(await names({ filter, start_cursor: cursor })).toBe('cd')
    await on.client.pages.update({ page_id: cursor, in_trash: false })
    expect(await names({ filter, start_cursor: cursor })).toBe('bcd')
  })

  it('separates the trash and returns only the requested properties', async () => {
    const [row] = (await query({ page_size: 1 })).results.map(loose)
    await on.client.pages.update({ page_id: row?.id ?? '', in_trash: true })
    expect(await names({})).toBe('bcd')
    expect(await names({ in_trash: true })).toBe('a')
    await on.client.pages.update({ page_id: row?.id ?? '', in_trash: false })
    const some = await on.client.dataSources.query({ data_source_id: sourceId, filter_properties: ['title'] })
    expect(Object.keys(at(some, 'results.0.properties') as object)).toEqual(['Name'])
    expect(await names({ result_type: 'page' })).toBe('abcd')
    expect(await names({ result_type: 'data_source' })).toBe('')
  })

  it('accepts a query without a body', async () => {
    const { results } = await on.client.dataSources.query({ data_source_id: acme.projectsSource })
    expect(results).toHaveLength(12)
  })

  it.each<[string, Record<string, unknown>, string]>([
    [
      'an unknown property in a filter',
      { filter: { property: 'Colour', select: { equals: 'x' } } },
      'Could not find property with name or id: Colour',
    ],
    [
      'an unknown property in a sort',
      { sorts: [{ property: 'Colour', direction: 'ascending' }] },
      'Could not find sort property with name or id: Colour',
    ],
    [
      'a condition of another type',
      { filter: { property: 'Num', rich_text: { contains: '1' } } },
      'The property type in the database does not match the property type of the filter provided: database property number does not match filter rich_text',
    ],
    [
      'an unknown direction',
      { sorts: [{ property: 'Num', direction: 'up' }] },
      'body failed validation: body.sorts[0].direction should be `"ascending"` or `"descending"`, instead was `"up"`.',
    ],
    [
      'sorts that are not a list',
      { sorts: {} },
      'body failed validation: body.sorts should be an array or `undefined`, instead was `{}`.',
    ],
    [
      'a page size over 100',
      { page_size: 101 },
      'body failed validation: body.page_size should be ≤ `100`, instead was `101`.',
    ],
    [
      'a cursor that is not an id',
      { start_cursor: 'next' },
      'body failed validation: body.start_cursor should be a valid uuid or `undefined`, instead was `"next"`.',
    ],
    [
      'a cursor of another list',
      { start_cursor: acme.roadmap },
      `The start_cursor provided is invalid: ${acme.roadmap}`,
    ],
    [
      'an invalid date',
      { filter: { property: 'When', date: { equals: 'soon' } } },
      'body failed validation: body.filter.date.equals should be a valid ISO 8601 date string, instead was `"soon"`.',
    ],
    [
      'a number for a text',
      { filter: { property: 'Text', rich_text: { contains: 5 } } },
      'body failed validation: body.filter.rich_text.contains should be a string, instead was `5`.',
    ],
    [
      'is_empty that is not true',
      { filter: { property: 'Num', number: { is_empty: false } } },
      'body failed validation: body.filter.number.is_empty should be `true`, instead was `false`.',
    ],
    ['an unknown key', { order: 'x' }, 'body failed validation: body.order should be not present, instead was `"x"`.'],
    [
      'an invalid id',
      { filter: { property: 'Who', people: { contains: 'you' } } },
      'body failed validation: body.filter.people.contains should be a valid uuid, instead was `"you"`.',
    ],
  ])('refuses %s', async (_, body, message) => {
    expect(await refusal(query(body))).toEqual(invalid(message))
  })
})

describe('a query that matches more than 10,000 rows', () => {
  it('ends there and reports it, like Notion', async () => {
    await notion.sandbox.control('seed', { pages: 0, databases: 1, rows: 10_050 })
    const on = await notion.connect()
    const found = await on.client.search({ filter: { property: 'object', value: 'data_source' } })
    let sourceId = ''
    for (const { id } of found.results) {
      const part = await on.client.dataSources.query({ data_source_id: id, page_size: 100 })
      if (part.has_more) sourceId = id
    }
    let count = 0
    let cursor: string | undefined
    let last: unknown
    do {
      const part = await on.client.dataSources.query({
        data_source_id: sourceId,
        ...(cursor !== undefined && { start_cursor: cursor }),
      })
      count += part.results.length
      cursor = part.next_cursor ?? undefined
      last = part.request_status
    } while (cursor !== undefined)
    expect(count).toBe(10_000)
    expect(last).toEqual({ type: 'incomplete', incomplete_reason: 'query_result_limit_reached' })
  })
})
