import { randomUUID } from 'node:crypto'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AmbiguousDataSourceError,
  InvalidToolInputError,
  ResourceNotFoundError,
  ToolError,
  WrongResourceTypeError,
} from '../../src/errors.ts'
import { blockRules } from '../../src/notion/block-rules.ts'
import { propertyValues } from '../../src/notion/shape/property-value.ts'
import { acme, people } from '../../src/sandbox/seed-ids.ts'
import { outputSchema } from '../../src/tools/json-schema.ts'
import { testCall, toolbox } from './support.ts'
import { failure, startWorkspace, type TestWorkspace } from './workspace.ts'

let workspace: TestWorkspace
beforeAll(async () => {
  workspace = await startWorkspace()
})
afterAll(() => workspace.close())

const run = (name: string, input: unknown) => workspace.run(name, input)
const titled = (title: string) => ({ title: { title: [{ text: { content: title } }] } })

async function issuesOf(promise: Promise<unknown>): Promise<readonly { path: string; message: string }[]> {
  const error = await failure(promise)
  expect(error).toBeInstanceOf(InvalidToolInputError)
  return error instanceof InvalidToolInputError ? error.issues : []
}

/** A page of its own, so that tests do not meet. */
async function newPage(title = 'A page', more: object = {}): Promise<string> {
  const page = await run('notion_page_create', { parent_page_id: acme.product, properties: titled(title), ...more })
  return String(page.id)
}

const ajv = new Ajv2020({ strict: false, validateFormats: false })

/** The shaped forms of a body, each as its tool promises. */
function shaped(name: string, body: unknown, input: object = {}) {
  const tool = workspace.box.tool(name)
  const output = tool.output.safeParse(body)
  expect(output.error).toBeUndefined()
  const result = tool.result.safeParse(tool.toResult(body, input as never))
  expect(result.error).toBeUndefined()
  const compact = tool.toCompact(body, input as never) as Record<string, unknown>
  expect(Object.keys(compact)[0]).toBe('untrusted_notion_content')
  expect(JSON.stringify(compact)).not.toContain(':null')
  const isValid = ajv.compile(outputSchema(tool, 'COMPACT'))
  expect(isValid(compact) || isValid.errors).toBe(true)
  const text = tool.toMarkdown(body, input as never)
  expect(text.match(/<notion-content>/g)).toHaveLength(1)
  expect(text.match(/<\/notion-content>/g)).toHaveLength(1)
  return { result: result.data as Record<string, unknown>, compact: compact.untrusted_notion_content, text }
}

describe('notion_user_self', () => {
  it('shows the bot and the user that it acts for, in every format', async () => {
    const body = await run('notion_user_self', {})
    const { result, compact, text } = shaped('notion_user_self', body)
    const owner = { id: people.acmeOwner, name: 'Olivia Owner' }
    expect(result).toMatchObject({ user: { type: 'bot' }, owner, workspaceName: 'Acme' })
    expect(compact).toMatchObject({ type: 'bot', owner, workspace: 'Acme' })
    expect(text).toContain(`Acts for [${owner.name}](user://${owner.id}).`)
  })

  it('shows the bot alone where Notion reports nothing more', () => {
    const bot = { object: 'user', id: 'b', type: 'bot', name: 'Bot', avatar_url: null, bot: {} }
    const { result, compact } = shaped('notion_user_self', bot)
    expect(result).toMatchObject({ owner: null, workspaceName: null, maxUploadBytes: null })
    expect(compact).toEqual({ id: 'b', name: 'Bot', type: 'bot' })
  })
})

describe('notion_data_fetch', () => {
  it('returns only pages or databases, sorted by the last edit', async () => {
    const input = { filter: { value: 'database' }, sort: { direction: 'ascending' }, page_size: 3 }
    const body = await run('notion_data_fetch', input)
    const { result } = shaped('notion_data_fetch', body)
    const found = result.results as { object: string; lastEditedTime: string }[]
    expect(found.every(({ object }) => object === 'data_source')).toBe(true)
    expect(found.map(({ lastEditedTime }) => lastEditedTime)).toEqual(found.map((one) => one.lastEditedTime).sort())
  })

  it('continues with a cursor where the previous result ended', async () => {
    const first = await run('notion_data_fetch', { page_size: 2 })
    const second = await run('notion_data_fetch', { page_size: 2, start_cursor: first.next_cursor })
    expect(first.has_more).toBe(true)
    expect(second.results).not.toEqual(first.results)
  })

  it('accepts a plain string as the filter and as the sort', async () => {
    const { results } = await run('notion_data_fetch', { filter: 'database', sort: 'ascending' })
    expect(results).toEqual(
      (await run('notion_data_fetch', { filter: { value: 'database' }, sort: { direction: 'ascending' } })).results,
    )
    expect(await issuesOf(run('notion_data_fetch', { filter: 'pages' }))).toMatchObject([{ path: 'filter' }])
  })

  it('refuses an invalid filter or cursor without a request', async () => {
    const before = (await workspace.requests()).length
    expect(await issuesOf(run('notion_data_fetch', { filter: { value: 'pages' } }))).toMatchObject([
      { path: 'filter.value' },
    ])
    expect(await issuesOf(run('notion_data_fetch', { start_cursor: 'abc' }))).toMatchObject([{ path: 'start_cursor' }])
    expect(await issuesOf(run('notion_data_fetch', { page_size: 101 }))).toMatchObject([{ path: 'page_size' }])
    expect(await issuesOf(run('notion_data_fetch', { q: 'x' }))).toMatchObject([{ path: 'q' }])
    expect((await workspace.requests()).length).toBe(before)
  })
})

describe('an object instead of a string', () => {
  it.each(['notion_page_fetch', 'notion_block_list'])('is refused by %s, whatever is in it', async (name) => {
    const id = JSON.parse('{"length": {"toString": 1, "valueOf": 1}}') as unknown
    expect(await issuesOf(run(name, { page_id: id, block_id: id }))).toHaveLength(1)
  })
})

describe('notion_page_create', () => {
  it('accepts Markdown, an emoji and the URL of a cover', async () => {
    const body = await run('notion_page_create', {
      parent_page_id: acme.product,
      properties: { title: 'With markdown' },
      markdown: '## Heading\n\nText',
      icon: '🚀',
      cover: 'https://example.com/cover.png',
    })
    const { result, compact } = shaped('notion_page_create', body)
    expect(result.page).toMatchObject({ title: 'With markdown', icon: '🚀', inTrash: false })
    expect(compact).toMatchObject({ icon: '🚀' })
    expect((await run('notion_page_fetch', { page_id: body.id })).markdown).toContain('## Heading')
  })

  it('creates a row in a database, also from JSON strings', async () => {
    const body = await run('notion_page_create', {
      database_id: acme.projects,
      properties: JSON.stringify({ title: 'A row', Status: '{"select":{"name":"Done"}}', 'Due Date': '2026-09-09' }),
      child_blocks: JSON.stringify(['Text of the row']),
    })
    expect(shaped('notion_page_create', body).compact).toMatchObject({
      Name: 'A row',
      Status: 'Done',
      'Due Date': '2026-09-09',
    })
  })

  it('refuses two parents, no parent, and blocks together with Markdown', async () => {
    const both = { database_id: acme.projects, parent_page_id: acme.product }
    expect(await issuesOf(run('notion_page_create', both))).toMatchObject([{ path: 'database_id' }])
    expect(await issuesOf(run('notion_page_create', {}))).toMatchObject([{ path: 'parent_page_id' }])
    const twice = { parent_page_id: acme.product, markdown: 'x', child_blocks: ['y'] }
    expect(await issuesOf(run('notion_page_create', twice))).toMatchObject([{ path: 'markdown' }])
  })

  it('refuses a word as an icon, and a title as an id with the name of the tool that finds ids', async () => {
    const before = (await workspace.requests()).length
    for (const [icon, path] of [
      ['rocket', 'icon'],
      [':rocket:', 'icon'],
      [{ emoji: 'rocket' }, 'icon.emoji'],
    ]) {
      const input = { parent_page_id: acme.product, properties: titled('x'), icon }
      expect(await issuesOf(run('notion_page_create', input))).toMatchObject([{ path }])
    }
    expect(await issuesOf(run('notion_page_fetch', { page_id: 'Q3 roadmap' }))).toMatchObject([
      { path: 'page_id', message: expect.stringContaining('notion_data_fetch') },
    ])
    expect((await workspace.requests()).length).toBe(before)
  })

  it('refuses properties other than the title for a page outside of a database', async () => {
    const input = { parent_page_id: acme.product, properties: { ...titled('x'), Status: 'Done' } }
    expect(await issuesOf(run('notion_page_create', input))).toMatchObject([{ path: 'properties.Status' }])
  })

  it('reports the id of a database that is passed as a page', async () => {
    const error = await failure(run('notion_page_create', { parent_page_id: acme.projects, properties: titled('x') }))
    expect(error).toBeInstanceOf(WrongResourceTypeError)
    expect(error).toMatchObject({ expected: 'page', actual: 'database', resourceId: acme.projects })
  })

  it('refuses an invalid block and names its place', async () => {
    const input = { parent_page_id: acme.product, child_blocks: ['fine', { paragraf: { rich_text: [] } }] }
    expect(await issuesOf(run('notion_page_create', input))).toMatchObject([
      { path: 'child_blocks.1', message: expect.stringContaining('Did you mean "paragraph"') },
    ])
  })
})

describe('notion_database_create, notion_database_fetch and notion_database_update', () => {
  it('refuses a property named title that is not the title, with its place', async () => {
    const properties = { Name: 'title', title: 'rich_text' }
    const input = { parent: { page_id: acme.product }, title: 'Two titles', properties }
    expect(await issuesOf(run('notion_database_create', input))).toEqual([
      { path: 'properties.title', message: expect.stringContaining('another name') },
    ])
  })

  it('creates, reads and changes a database with its properties', async () => {
    const made = await run('notion_database_create', {
      parent: { page_id: acme.product },
      title: [{ text: { content: 'Inventory' } }],
      properties: {
        Item: { title: {} },
        Stock: { number: { format: 'number' } },
        Kind: { select: { options: [{ name: 'A' }, 'B'] } },
        Tags: 'multi_select',
        Project: { relation: { database_id: acme.projects } },
      },
    })
    shaped('notion_database_create', made)
    const read = await run('notion_database_fetch', { database_id: made.id })
    const { result, compact } = shaped('notion_database_fetch', read)
    expect(result.database).toMatchObject({ title: 'Inventory', dataSources: [{ properties: { length: 5 } }] })
    expect(compact).toMatchObject({
      data_sources: [
        {
          properties: {
            Item: 'title',
            Kind: { type: 'select', options: ['A', 'B'] },
            Project: { type: 'relation', data_source_id: acme.projectsSource },
          },
        },
      ],
    })
    expect(read.properties).toMatchObject({ Item: { type: 'title' } })
    const changed = await run('notion_database_update', {
      database_id: made.id,
      title: 'Stock',
      icon: '📦',
      is_inline: true,
    })
    expect(shaped('notion_database_update', changed).result.database).toMatchObject({
      title: 'Stock',
      icon: '📦',
      isInline: true,
    })
    expect(await run('notion_database_update', { database_id: made.id, in_trash: true })).toMatchObject({
      in_trash: true,
    })
  })

  it('refuses a schema without a title, with an unknown type or with an invalid option', async () => {
    const create = (properties: unknown) =>
      issuesOf(run('notion_database_create', { parent: { page_id: acme.product }, title: 'x', properties }))
    expect(await create({ A: 'number' })).toMatchObject([{ path: 'properties' }])
    expect(await create({ A: 'title', B: { slect: {} } })).toMatchObject([
      { path: 'properties.B', message: expect.stringContaining('Did you mean "select"') },
    ])
    expect(await create({ A: 'title', B: { select: { options: ['x,y'] } } })).toMatchObject([
      { path: 'properties.B.select.options.0' },
    ])
  })

  it('reads the database of a data source by the id of the data source', async () => {
    const read = await run('notion_database_fetch', { database_id: acme.projectsSource })
    expect(read).toMatchObject({ object: 'database', id: acme.projects })
  })

  it('returns the properties of both data sources of a database', async () => {
    const { compact } = shaped(
      'notion_database_fetch',
      await run('notion_database_fetch', { database_id: acme.research }),
    )
    expect(compact).toMatchObject({ data_sources: [{ properties: {} }, { properties: {} }] })
  })
})

describe('notion_database_insert_row', () => {
  it('refuses a wrong name, type and option together before it writes anything', async () => {
    await run('notion_database_query', { database_id: acme.tasks, page_size: 1 })
    const issues = await issuesOf(
      run('notion_database_insert_row', {
        database_id: acme.tasks,
        properties: { title: 'x', Stat: 'Done', Due: { rich_text: [] }, Status: 'Dnoe' },
      }),
    )
    expect(issues.map(({ path }) => path)).toContain('properties.Stat')
    expect(issues.find(({ path }) => path === 'properties.Status')?.message).toContain('Available properties: ')
    expect((await workspace.requests()).filter((request) => request === 'POST /v1/pages')).toEqual(
      (await workspace.requests()).filter((request) => request === 'POST /v1/pages'),
    )
  })

  it('accepts a property that was added after the schema was cached', async () => {
    const made = await run('notion_database_create', {
      parent: { page_id: acme.product },
      title: 'Grows',
      properties: { Name: 'title' },
    })
    const database_id = made.id
    await run('notion_database_insert_row', { database_id, properties: { title: 'first' } })
    const source = (made.data_sources as { id: string }[])[0]?.id ?? ''
    const { token } = await directly()
    await workspace.sandbox.call(token, 'PATCH', `/v1/data_sources/${source}`, {
      properties: { Later: { type: 'number', number: {} } },
    })
    const row = await run('notion_database_insert_row', { database_id, properties: { title: 'second', Later: 3 } })
    expect(shaped('notion_database_insert_row', row).compact).toMatchObject({ Later: 3 })
  })

  it('refuses an unknown option and lists the available ones instead of adding it to the database', async () => {
    const attempt = run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: 'x', Priority: 'Hihg' },
    })
    await expect(attempt).rejects.toMatchObject({
      name: 'InvalidToolInputError',
      issues: [{ path: 'properties.Priority', message: expect.stringContaining('Did you mean "High"?') }],
    })
  })
})

/** A token of the same user, for what happens behind the tools' back. */
async function directly(): Promise<{ token: string }> {
  const { access_token } = await workspace.sandbox.connect({ clientId: 'another' }, { id: 'another', secret: 's' })
  return { token: access_token }
}

describe('notion_database_query and notion_database_property_retrieve', () => {
  it('returns only rows that match the filter', async () => {
    const body = await run('notion_database_query', {
      database_id: acme.projects,
      filter: {
        and: [
          { property: 'Status', select: { equals: 'Done' } },
          { property: 'Priority', select: { is_not_empty: true } },
        ],
      },
    })
    const { compact, text } = shaped('notion_database_query', body)
    expect((compact as { Status: string }[]).every(({ Status }) => Status === 'Done')).toBe(true)
    expect(text).toContain('| Name | Status |')
  })

  it('accepts links from a browser as ids', async () => {
    const link = `https://www.notion.so/acme/Projects-${acme.projects.replaceAll('-', '')}?v=${acme.tasks.replaceAll('-', '')}`
    expect((await run('notion_database_query', { database_id: link })).results).not.toHaveLength(0)
  })

  it('requires a data source by name or id when a database has several', async () => {
    const error = await failure(run('notion_database_query', { database_id: acme.research }))
    expect(error).toBeInstanceOf(AmbiguousDataSourceError)
    const { choices } = error as AmbiguousDataSourceError
    expect(choices).toHaveLength(2)
    for (const choice of [choices[0]?.name, choices[1]?.id]) {
      await run('notion_database_query', { database_id: acme.research, data_source: choice })
    }
    expect(
      await issuesOf(run('notion_database_query', { database_id: acme.research, data_source: 'x' })),
    ).toMatchObject([{ path: 'data_source' }])
  })

  it('refuses a malformed filter without a request', async () => {
    const query = (filter: unknown) => issuesOf(run('notion_database_query', { database_id: acme.projects, filter }))
    expect(await query({ property: 'Status' })).toMatchObject([{ path: 'filter' }])
    expect(await query({ property: 'Status', select: { equals: 'x' }, nope: 1 })).toMatchObject([
      { path: 'filter.nope' },
    ])
    expect(await query({ and: { property: 'Status' } })).toMatchObject([{ path: 'filter.and' }])
    expect(await query({ and: [{ or: [{ and: [] }] }] })).toMatchObject([{ path: 'filter.and.0.or.0' }])
  })

  it('refuses an unknown property and lists the available ones', async () => {
    const [issue] = await issuesOf(
      run('notion_database_query', {
        database_id: acme.projects,
        sorts: [{ property: 'Dew Date', direction: 'ascending' }],
      }),
    )
    expect(issue).toMatchObject({
      path: 'sorts.0.property',
      message: expect.stringContaining('Did you mean "Due Date"'),
    })
  })

  it('returns only the named properties, by name, id or "title"', async () => {
    const body = await run('notion_database_property_retrieve', {
      database_id: acme.projects,
      property_id: ['Status', 'title'],
      page_size: 2,
    })
    const rows = body.results as { properties: object }[]
    expect(rows.map(({ properties }) => Object.keys(properties).sort())).toEqual([
      ['Name', 'Status'],
      ['Name', 'Status'],
    ])
    await run('notion_database_property_retrieve', { database_id: acme.projects, property_id: 'Status' })
    expect(
      await issuesOf(run('notion_database_property_retrieve', { database_id: acme.projects, property_id: 'Statsu' })),
    ).toMatchObject([{ message: expect.stringContaining('Did you mean "Status"') }])
  })

  it('formats rows with every type of property in all three formats', async () => {
    const body = await run('notion_database_query', { database_id: acme.tasks, page_size: 50 })
    shaped('notion_database_query', body)
  })
})

describe('comments', () => {
  it('creates, answers, reads, changes, lists and deletes a comment', async () => {
    const page = await newPage()
    const first = await run('notion_comment_create', {
      comment: { rich_text: [{ text: { content: 'Hello' } }] },
      parent: { page_id: page },
    })
    const { result } = shaped('notion_comment_create', first)
    const { discussionId } = result.comment as { discussionId: string }
    const second = await run('notion_comment_create', { comment: 'An answer', discussion_id: discussionId })
    expect(second.discussion_id).toBe(discussionId)
    expect(await run('notion_comment_retrieve', { comment_id: second.id })).toMatchObject({ id: second.id })
    const changed = await run('notion_comment_update', { comment_id: second.id, rich_text: 'Another' })
    expect(shaped('notion_comment_update', changed).compact).toMatchObject({ text: 'Another' })
    const list = await run('notion_comments_fetch', { block_id: page, page_size: 10 })
    expect(shaped('notion_comments_fetch', list).compact).toHaveLength(2)
    shaped('notion_comment_delete', await run('notion_comment_delete', { comment_id: second.id }))
    expect((await run('notion_comments_fetch', { block_id: page })).results).toHaveLength(1)
  })

  it('adds a comment to a block', async () => {
    const page = await newPage('p', { child_blocks: ['text'] })
    const blocks = await run('notion_block_list', { block_id: page })
    const block = (blocks.results as { id: string }[])[0]?.id
    const comment = await run('notion_comment_create', { comment: 'x', parent: { block_id: block } })
    expect(comment.parent).toMatchObject({ block_id: block })
  })

  it('refuses no place, two places and an empty comment', async () => {
    const create = (more: object) => issuesOf(run('notion_comment_create', { comment: 'x', ...more }))
    expect(await create({})).toMatchObject([{ path: 'parent' }])
    expect(await create({ parent: { page_id: acme.product }, discussion_id: acme.meetingDiscussion })).toMatchObject([
      { path: 'discussion_id' },
    ])
    expect(await create({ parent: { page_id: 'x' } })).toMatchObject([{ path: 'parent' }])
  })

  it('accepts a link as the parent and refuses empty text without a request', async () => {
    const link = `https://www.notion.so/acme/Product-${acme.product.replaceAll('-', '')}?pvs=4`
    expect(await run('notion_comment_create', { comment: 'x', parent: link })).toMatchObject({
      parent: { page_id: acme.product },
    })
    const before = (await workspace.requests()).length
    for (const comment of ['', { rich_text: [] }, { rich_text: '' }]) {
      const input = { comment, parent: { page_id: acme.product } }
      expect(await issuesOf(run('notion_comment_create', input))).toEqual([
        { path: comment === '' ? 'comment' : 'comment.rich_text', message: 'must not be empty' },
      ])
    }
    expect((await workspace.requests()).length).toBe(before)
  })

  it('reports the id of a page that is passed as a comment', async () => {
    const error = await failure(run('notion_comment_retrieve', { comment_id: acme.product }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual: 'page' })
  })
})

describe('notion_page_fetch', () => {
  it('returns a long page in parts that together are complete', async () => {
    const direct = await directly()
    const whole = await workspace.sandbox.call(direct.token, 'GET', `/v1/pages/${acme.handbook}/markdown`)
    let text = ''
    let cursor: unknown
    do {
      const part = await run('notion_page_fetch', {
        page_id: acme.handbook,
        ...(cursor ? { start_cursor: cursor } : {}),
      })
      shaped('notion_page_fetch', part)
      text += String(part.markdown)
      cursor = part.next_cursor
    } while (cursor)
    expect(text).toBe(whole.body.markdown)
  })

  it('returns blocks with their ids and a cursor', async () => {
    const body = await run('notion_page_fetch', { page_id: acme.handbook, format: 'blocks' })
    const { result } = shaped('notion_page_fetch', body)
    expect(result).toMatchObject({ hasMore: true, markdown: null })
    const next = await run('notion_page_fetch', {
      page_id: acme.handbook,
      format: 'blocks',
      start_cursor: body.next_cursor,
    })
    expect(next.results).not.toEqual(body.results)
  })

  it('refuses a cursor after the page was edited', async () => {
    const page = await newPage('p', { markdown: 'text\n'.repeat(12_000) })
    const first = await run('notion_page_fetch', { page_id: page })
    expect(first.has_more).toBe(true)
    const stale = String(first.next_cursor).replace(/^md-\d+/, 'md-1')
    expect(await issuesOf(run('notion_page_fetch', { page_id: page, start_cursor: stale }))).toMatchObject([
      { path: 'start_cursor', message: expect.stringContaining('edited') },
    ])
    expect(await issuesOf(run('notion_page_fetch', { page_id: page, start_cursor: 'nonsense' }))).toMatchObject([
      { path: 'start_cursor' },
    ])
  })

  it('refuses a cursor after an edit within the same minute, and none because an address was signed again', async () => {
    const part = 'https://files.example/a?signature='
    const page = (text: string) => {
      const box = toolbox(Date.now, async (url) =>
        Response.json(
          String(url).endsWith('/markdown')
            ? { object: 'page_markdown', markdown: text, truncated: false, unknown_block_ids: [] }
            : { object: 'page', id: acme.handbook, last_edited_time: '2026-07-01T10:00:00.000Z', properties: {} },
        ),
      )
      return (input: object) =>
        box.run('notion_page_fetch', testCall('http://notion.test', 'ntn_token'), { page_id: acme.handbook, ...input })
    }
    const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index} ![](${part}${'a'.repeat(9)})\n`)
    const whole = lines.join('')
    const { markdown, next_cursor: start_cursor } = await page(whole)({})
    const signedAgain = whole.replaceAll('aaaaaaaaa', 'bbbbbbbbb')
    expect((await page(signedAgain)({ start_cursor }))['markdown']).toMatch(/^line \d+ /)
    expect(String(markdown).length).toBeLessThan(whole.length)
    expect(await issuesOf(page(`One more line\n${whole}`)({ start_cursor }))).toMatchObject([
      { path: 'start_cursor', message: expect.stringContaining('edited') },
    ])
  })
})

describe('pages', () => {
  it('renames, locks, moves, trashes and restores a page', async () => {
    const page = await newPage('Before')
    const other = await newPage('Other')
    const updated = await run('notion_page_update', { page_id: page, properties: { title: 'After' }, icon: '✅' })
    expect(shaped('notion_page_update', updated).result.page).toMatchObject({ title: 'After', icon: '✅' })
    const moved = await run('notion_page_move', { page_id: page, parent_page_id: other })
    expect(shaped('notion_page_move', moved).result.page).toMatchObject({ parent: { type: 'page', parentId: other } })
    expect(await run('notion_page_trash', { page_id: page })).toMatchObject({ in_trash: true })
    const refused = await failure(run('notion_block_append', { block_id: page, children: ['x'] }))
    expect(refused).toBeInstanceOf(ResourceNotFoundError)
    expect(refused).toMatchObject({ hint: expect.stringContaining('notion_page_restore') })
    expect(await run('notion_page_restore', { page_id: page })).toMatchObject({ in_trash: false })
  })

  it('changes a row with checked values and clears a value with null', async () => {
    const row = await run('notion_database_insert_row', {
      database_id: acme.projects,
      properties: { title: 'Row', 'Due Date': '2026-08-01' },
    })
    const updated = await run('notion_page_update', {
      page_id: row.id,
      properties: { 'Due Date': null, Status: 'Done' },
    })
    expect(shaped('notion_page_update', updated).compact).not.toHaveProperty('Due Date')
    expect(await issuesOf(run('notion_page_update', { page_id: row.id, properties: { Sttus: 'Done' } }))).toMatchObject(
      [{ path: 'properties.Sttus', message: expect.stringContaining('Did you mean "Status"') }],
    )
    expect(await issuesOf(run('notion_page_update', { page_id: row.id }))).toHaveLength(1)
  })

  it('moves a page into a database', async () => {
    const page = await newPage('Moves')
    const moved = await run('notion_page_move', { page_id: page, database_id: acme.projects })
    expect(moved.parent).toMatchObject({ data_source_id: acme.projectsSource })
    await run('notion_page_update', { page_id: page, properties: { Status: 'Done' } })
  })

  it('edits passages of the content and replaces all of it', async () => {
    const page = await newPage('p', { markdown: 'One\n\nTwo' })
    const edited = await run('notion_page_content_update', {
      page_id: page,
      updates: [{ old_str: 'Two', new_str: 'Three' }],
    })
    expect(shaped('notion_page_content_update', edited).result.markdown).toContain('Three')
    const replaced = await run('notion_page_content_update', { page_id: page, content: 'All new' })
    expect(replaced.markdown).toBe('All new')
    const missing = { page_id: page, updates: [{ old_str: 'not there', new_str: 'x' }] }
    expect((await failure(run('notion_page_content_update', missing))).name).toBe('InvalidToolInputError')
  })

  it('reads all entries of one property by name', async () => {
    const rows = await run('notion_database_query', { database_id: acme.tasks, page_size: 1 })
    const [row] = rows.results as { id: string; properties: Record<string, { type: string }> }[]
    const whole = propertyValues(row ?? {})
    expect(whole.some(({ relatedPageIds }) => relatedPageIds.length > 0)).toBe(true)
    expect(whole.some(({ people }) => people.length > 0)).toBe(true)
    for (const property of Object.keys(row?.properties ?? {})) {
      const input = { page_id: row?.id, property }
      const body = await run('notion_property_item_fetch', input)
      const { result } = shaped('notion_property_item_fetch', body, input)
      // Read alone or with its page, a property names the same pages and people.
      const { relatedPageIds, people } = result.property as { relatedPageIds: unknown; people: unknown }
      expect(whole.find(({ name }) => name === property)).toMatchObject({ relatedPageIds, people })
    }
    expect(
      await issuesOf(run('notion_property_item_fetch', { page_id: row?.id, property: 'nothing like it at all' })),
    ).toMatchObject([{ path: 'property' }])
  })
})

describe('blocks', () => {
  it('appends blocks at a position, changes, reads and deletes them', async () => {
    const page = await newPage('p', { child_blocks: ['first', 'last'] })
    const list = await run('notion_block_list', { block_id: page })
    const [first] = list.results as { id: string }[]
    const added = await run('notion_block_append', {
      block_id: page,
      after_block_id: first?.id,
      children: [{ type: 'to_do', to_do: { rich_text: 'middle', checked: false } }, { divider: {} }],
    })
    shaped('notion_block_append', added)
    await run('notion_block_append', { block_id: page, position: 'start', children: ['very first'] })
    const texts = async () =>
      (
        shaped('notion_block_list', await run('notion_block_list', { block_id: page })).result.blocks as {
          text: string
        }[]
      ).map(({ text }) => text)
    expect(await texts()).toEqual(['very first', 'first', 'middle', '', 'last'])
    const toDo = (added.results as { id: string }[])[0]?.id
    const changed = await run('notion_block_update', { block_id: toDo, block: { to_do: { checked: true } } })
    expect(changed).toMatchObject({ to_do: { checked: true, rich_text: [{ plain_text: 'middle' }] } })
    shaped('notion_block_fetch', await run('notion_block_fetch', { block_id: toDo }))
    expect(await run('notion_block_delete', { block_id: toDo })).toMatchObject({ in_trash: true })
    expect(await texts()).toEqual(['very first', 'first', '', 'last'])
  })

  it('refuses an update without content or with children', async () => {
    expect(await issuesOf(run('notion_block_update', { block_id: acme.product, block: {} }))).toHaveLength(1)
    const nested = { block_id: acme.product, block: { paragraph: { rich_text: 'x', children: ['y'] } } }
    expect(await issuesOf(run('notion_block_update', nested))).toMatchObject([{ path: 'block.paragraph.children' }])
  })

  it.each(Object.keys(blockRules))('sends or explains an update of a block of the type %s', async (type) => {
    const update = run('notion_block_update', { block_id: randomUUID(), block: { [type]: {} } })
    expect(await failure(update)).toBeInstanceOf(ToolError)
    if (type === 'column_list') expect(await issuesOf(update)).toMatchObject([{ path: 'block.column_list' }])
  })
})

describe('data sources and templates', () => {
  it('adds, reads and changes a second data source', async () => {
    const database = await run('notion_database_create', {
      parent: { page_id: acme.product },
      title: 'Two',
      properties: { Name: 'title' },
    })
    const source = await run('notion_data_source_create', {
      database_id: database.id,
      title: 'Second',
      properties: { Name: 'title', N: 'number' },
    })
    shaped('notion_data_source_create', source)
    const data_source_id = source.id
    const changed = await run('notion_data_source_update', {
      data_source_id,
      properties: { N: { name: 'Number' }, Extra: { select: { options: ['a'] } } },
    })
    expect(shaped('notion_data_source_update', changed).compact).toMatchObject({
      properties: { Number: 'number', Extra: { type: 'select' } },
    })
    await run('notion_data_source_update', { data_source_id, properties: { Extra: null } })
    const read = await run('notion_data_source_fetch', { data_source_id })
    expect(Object.keys(read.properties as object).sort()).toEqual(['Name', 'Number'])
    expect((await failure(run('notion_database_query', { database_id: database.id }))).name).toBe(
      'AmbiguousDataSourceError',
    )
  })

  it('asks for a data source where a relation names a database with several, and accepts the answer', async () => {
    const parent = { page_id: acme.product }
    const related = await run('notion_database_create', { parent, title: 'Related', properties: { Name: 'title' } })
    await run('notion_data_source_create', { database_id: related.id, title: 'Other', properties: { Name: 'title' } })
    const relating = (relation: object) =>
      run('notion_database_create', { parent, title: 'Relating', properties: { Name: 'title', Ref: { relation } } })
    const error = (await failure(relating({ database_id: related.id, single_property: {} }))) as ToolError
    expect(error).toMatchObject({ name: 'AmbiguousDataSourceError' })
    const hint = /^Pass properties\.Ref\.relation\.data_source_id with one of: .*?\(([0-9a-f-]{36})\)/
    const [, data_source_id] = hint.exec(error.hint ?? '') ?? []
    expect(data_source_id, error.hint ?? '').toBeDefined()
    const made = await relating({ data_source_id, single_property: {} })
    expect(made).toMatchObject({ object: 'database' })
  })

  it('accepts the id of a data source as its database, to change it and to add another data source', async () => {
    const database = await run('notion_database_create', {
      parent: { page_id: acme.product },
      title: 'One',
      properties: { Name: 'title' },
    })
    const [{ id: database_id } = { id: '' }] = database.data_sources as { id: string }[]
    const updated = await run('notion_database_update', { database_id, title: 'Changed' })
    expect(updated).toMatchObject({ id: database.id, title: [{ plain_text: 'Changed' }] })
    const source = await run('notion_data_source_create', { database_id, properties: { Name: 'title' } })
    expect(source.parent).toMatchObject({ database_id: database.id })
    const error = await failure(run('notion_database_update', { database_id: acme.product, title: 'x' }))
    expect(error).toMatchObject({ name: 'WrongResourceTypeError', actual: 'page' })
  })

  it('lists templates', async () => {
    shaped('notion_template_list', await run('notion_template_list', { database_id: acme.projects }))
  })
})

describe('users and files', () => {
  it('lists and reads users', async () => {
    const { result } = shaped('notion_user_list', await run('notion_user_list', {}))
    expect((result.users as { id: string }[]).map(({ id }) => id)).toContain(people.acmeOwner)
    const user = await run('notion_user_fetch', { user_id: people.acmeOwner })
    expect(shaped('notion_user_fetch', user).result.user).toMatchObject({ type: 'person' })
    expect(shaped('notion_user_self', await run('notion_user_self', {})).result.user).toMatchObject({ type: 'bot' })
    expect((await failure(run('notion_user_fetch', { user_id: acme.product }))).name).toBe('ResourceNotFoundError')
  })

  it('uploads a file by its content and attaches it', async () => {
    const content = Buffer.from('hello').toString('base64')
    const upload = await run('notion_file_upload_content', {
      filename: 'note.txt',
      content_type: 'text/plain',
      content,
    })
    expect(shaped('notion_file_upload_content', upload).result.fileUpload).toMatchObject({ status: 'uploaded' })
    const page = await newPage('p', { child_blocks: [{ file: { file_upload: { id: upload.id } } }] })
    expect((await run('notion_block_list', { block_id: page })).results).toMatchObject([{ type: 'file' }])
    shaped('notion_file_upload_fetch', await run('notion_file_upload_fetch', { file_upload_id: upload.id }))
    const list = await run('notion_file_upload_list', { status: 'uploaded' })
    expect(shaped('notion_file_upload_list', list).result.fileUploads).toMatchObject([{ filename: 'note.txt' }])
  })

  it('uploads a file by a link', async () => {
    const input = { external_url: 'https://example.com/a.png', filename: 'a.png', content_type: 'image/png' }
    shaped('notion_file_upload_link', await run('notion_file_upload_link', input))
    expect(await issuesOf(run('notion_file_upload_link', { ...input, external_url: 'http://a/b' }))).toMatchObject([
      { path: 'external_url' },
    ])
  })

  it('refuses invalid base64, file names and media types', async () => {
    const upload = (more: object) =>
      issuesOf(
        run('notion_file_upload_content', { filename: 'a.txt', content_type: 'text/plain', content: 'aGk=', ...more }),
      )
    expect(await upload({ content: '*' })).toMatchObject([{ path: 'content' }])
    expect(await upload({ filename: 'a"\r\nb' })).toMatchObject([{ path: 'filename' }])
    expect(await upload({ content_type: 'text' })).toMatchObject([{ path: 'content_type' }])
  })
})
