import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acme } from '../../../src/sandbox/seed-ids.ts'
import { at, type Connection, invalid, loose, type Notion, refusal, startNotion, text, versions } from './notion.ts'

let notion: Notion

beforeAll(async () => {
  notion = await startNotion()
})

afterAll(() => notion.close())

describe.each(versions)('pages as markdown in version %s', (version) => {
  let on: Connection

  beforeAll(async () => {
    on = await notion.connect(version)
  })

  const page = async (markdown: string) =>
    (
      await on.client.pages.create({
        parent: { page_id: on.pageId },
        properties: { title: { title: text('Document') } },
        ...(markdown !== '' && { markdown }),
      })
    ).id

  const read = async (id: string) => String(at(await on.client.pages.retrieveMarkdown({ page_id: id }), 'markdown'))

  const edit = (id: string, body: Record<string, unknown>) =>
    on.client.request({ path: `pages/${id}/markdown`, method: 'patch', body })

  const blockIds = async (id: string) =>
    (await on.client.blocks.children.list({ block_id: id })).results.map((block) => block.id)

  it('returns the markdown that a page was created from', async () => {
    const markdown = [
      '## Plan',
      'Text with **bold**, *italic* and [a link](https://example.com)',
      '- [ ] open',
      '- [x] done',
      '\t- nested',
      '1. one',
      '2. two',
      '```sql',
      'select 1',
      '```',
      '---',
      '> said {color="red"}',
      '<callout icon="💡" color="gray_bg">',
      '\tNote',
      '</callout>',
      '<details>',
      '<summary>More</summary>',
      '\tinside',
      '</details>',
      '<table header-row="true">',
      '<tr>',
      '<td>a</td>',
      '<td>b</td>',
      '</tr>',
      '</table>',
    ].join('\n')
    const id = await page(markdown)
    expect(await on.client.pages.retrieveMarkdown({ page_id: id })).toMatchObject({
      object: 'page_markdown',
      id,
      markdown,
      truncated: false,
      unknown_block_ids: [],
    })
  })

  it('replaces text that occurs once and preserves unchanged blocks', async () => {
    const id = await page('# One\nalpha\nbeta')
    const before = await blockIds(id)
    expect(
      await edit(id, {
        type: 'update_content',
        update_content: { content_updates: [{ old_str: 'beta', new_str: 'gamma\ndelta' }] },
      }),
    ).toMatchObject({ object: 'page_markdown', markdown: '# One\nalpha\ngamma\ndelta' })
    const after = await blockIds(id)
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    expect(after).toHaveLength(4)
    const update = (update: object) =>
      edit(id, { type: 'update_content', update_content: { content_updates: [update] } })
    expect(await refusal(update({ old_str: 'omega', new_str: 'x' }))).toEqual(
      invalid('Could not find the text to replace in the page content: "omega".'),
    )
    expect(await refusal(update({ old_str: 'a', new_str: 'x' }))).toMatchObject({
      message: expect.stringMatching(/^Found \d+ matches of "a" in the page content/),
    })
    expect(await update({ old_str: 'lta', new_str: 'LTA', replace_all_matches: true })).toMatchObject({
      markdown: '# One\nalpha\ngamma\ndeLTA',
    })
  })

  it('inserts at the end, at the start and after a selection', async () => {
    const id = await page('alpha\nbeta\ngamma')
    const insert = (more: object) => edit(id, { type: 'insert_content', insert_content: { content: 'NEW', ...more } })
    expect(await insert({})).toMatchObject({ markdown: 'alpha\nbeta\ngamma\nNEW' })
    expect(await insert({ after: 'al...be' })).toMatchObject({ markdown: 'alpha\nbeta\nNEW\ngamma\nNEW' })
    expect(await refusal(insert({ after: 'nowhere' }))).toMatchObject({
      message: expect.stringContaining('Could not find the selection'),
    })
  })

  it('replaces a selected range, or all content', async () => {
    const id = await page('alpha\nbeta\ngamma')
    expect(
      await edit(id, {
        type: 'replace_content_range',
        replace_content_range: { content: 'X', content_range: 'alpha...beta' },
      }),
    ).toMatchObject({ markdown: 'X\ngamma' })
    expect(await edit(id, { type: 'replace_content', replace_content: { new_str: '## All new' } })).toMatchObject({
      markdown: '## All new',
    })
    expect(await edit(id, { type: 'replace_content', replace_content: { new_str: '' } })).toMatchObject({
      markdown: '',
    })
  })

  it('refuses to delete child pages unless allow_deleting_content is set', async () => {
    const id = await page('before')
    const child = await on.client.pages.create({
      parent: { page_id: id },
      properties: { title: { title: text('Child') } },
    })
    expect(await read(id)).toBe(
      `before\n<page url="https://app.notion.com/p/Child-${child.id.replaceAll('-', '')}">Child</page>`,
    )
    const replace = (more: object) =>
      edit(id, { type: 'replace_content', replace_content: { new_str: 'after', ...more } })
    expect(await refusal(replace({}))).toEqual(
      invalid(
        'This would delete 1 child page(s) or database(s): "Child". Set allow_deleting_content to true to delete them.',
      ),
    )
    expect(await read(id)).toContain('before')
    await edit(id, { type: 'replace_content', replace_content: { new_str: `${await read(id)}\nmore` } })
    expect(await on.client.pages.retrieve({ page_id: child.id })).toMatchObject({ in_trash: false })
    await replace({ allow_deleting_content: true })
    expect(await on.client.pages.retrieve({ page_id: child.id })).toMatchObject({ in_trash: true })
  })

  it('returns blocks without a markdown form as unknown, preserves them in edits and returns them by id', async () => {
    const id = await page('text')
    const { results } = await on.client.blocks.children.append({
      block_id: id,
      children: [{ bookmark: { url: 'https://example.com' } }, { paragraph: { rich_text: text('end') } }],
    })
    const bookmark = results[0]?.id ?? ''
    const answer = loose(await on.client.pages.retrieveMarkdown({ page_id: id }))
    expect(answer.unknown_block_ids).toEqual([bookmark])
    expect(answer.markdown).toContain(`#${bookmark.replaceAll('-', '')}" alt="bookmark"/>`)
    await edit(id, { type: 'insert_content', insert_content: { content: 'more' } })
    expect(await blockIds(id)).toContain(bookmark)
    expect(await on.client.pages.retrieveMarkdown({ page_id: results[1]?.id ?? '' })).toMatchObject({ markdown: 'end' })
  })

  it('writes mentions with the names of pages and users', async () => {
    const id = await page('')
    await on.client.blocks.children.append({
      block_id: id,
      children: [
        {
          paragraph: {
            rich_text: [
              { mention: { page: { id: acme.roadmap } } },
              { text: { content: ' on ' } },
              { mention: { date: { start: '2026-07-15' } } },
            ],
          },
        },
      ],
    })
    const markdown = await read(id)
    expect(markdown).toMatch(
      /^<mention-page url="https:\/\/app\.notion\.com\/p\/Q3-roadmap-[0-9a-f]{32}">Q3 roadmap<\/mention-page> on <mention-date start="2026-07-15"\/>$/,
    )
    await edit(id, { type: 'replace_content', replace_content: { new_str: `${markdown}!` } })
    expect(await read(id)).toBe(`${markdown}!`)
  })

  it('reads every seeded page and writes it back unchanged', async () => {
    for (const id of [acme.roadmap, acme.meetingNotes, acme.handbook, acme.failover]) {
      const before = await read(id)
      const ids = await blockIds(id)
      await edit(id, { type: 'replace_content', replace_content: { new_str: before } })
      expect(await read(id)).toBe(before)
      expect(await blockIds(id)).toEqual(ids)
    }
  })

  it('refuses databases, unknown edits and edits of two kinds', async () => {
    const missing = { status: 404, code: 'object_not_found' }
    expect(await refusal(on.client.pages.retrieveMarkdown({ page_id: acme.projects }))).toMatchObject(missing)
    const id = await page('x')
    expect(await refusal(edit(id, {}))).toMatchObject({
      message: 'body failed validation: body.type should be defined, instead was undefined.',
    })
    expect(await refusal(edit(id, { type: 'burn' }))).toMatchObject({
      message: expect.stringContaining('body.type should be `"insert_content"`'),
    })
    expect(await refusal(edit(id, { type: 'replace_content' }))).toEqual(
      invalid('body failed validation: body.replace_content should be defined, instead was undefined.'),
    )
    expect(
      await refusal(
        edit(id, { type: 'replace_content', replace_content: { new_str: 'a' }, insert_content: { content: 'b' } }),
      ),
    ).toMatchObject({ status: 400 })
  })
})
