import { describe, expect, it } from 'vitest'
import { InvalidToolInputError } from '../../src/errors.ts'
import { blockUpdate, newBlocks } from '../../src/notion/blocks.ts'
import { checkFilter } from '../../src/notion/filters.ts'
import { newProperties } from '../../src/notion/property-configs.ts'
import { collectIssues, type InputContext } from '../../src/notion/rich-text.ts'
import { propertyValue } from '../../src/notion/row-values.ts'
import { checkInput } from '../../src/tools/input.ts'
import { toolbox } from './support.ts'

const id = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const issuesOf = (name: string, input: object) => {
  try {
    checkInput(toolbox().tool(name), input)
    return []
  } catch (error) {
    if (error instanceof InvalidToolInputError) return error.issues
    throw error
  }
}

describe('the bounds of inputs', () => {
  it.each([
    ['notion_database_query', { database_id: id, page_size: 0 }, 'page_size', 'must be at least 1, not 0'],
    ['notion_database_query', { database_id: id, page_size: 2.5 }, 'page_size', 'must be a whole number, not 2.5'],
    ['notion_database_query', { database_id: id, page_size: 101 }, 'page_size', 'must be at most 100, not 101'],
    ['notion_page_content_update', { page_id: id, updates: [] }, 'updates', 'must have at least 1 entry, not 0'],
    [
      'notion_view_update',
      { view_id: id, sorts: Array.from({ length: 51 }, () => ({})) },
      'sorts',
      'must have at most 50 entries, not 51',
    ],
    [
      'notion_page_content_update',
      { page_id: id, updates: [{ old_str: '', new_str: '' }] },
      'updates.0.old_str',
      'must have at least 1 character, not 0',
    ],
    [
      'notion_view_update',
      { view_id: id, name: 'x'.repeat(2001) },
      'name',
      'must have at most 2000 characters, not 2001',
    ],
    ['notion_view_update', { view_id: id, sorts: { length: 51 } }, 'sorts', 'must be an array, not an object'],
    ['notion_view_update', { view_id: id, sorts: { length: {} } }, 'sorts', 'must be an array, not an object'],
  ])('of %s %j are stated as a rule', (name, input, path, message) => {
    expect(issuesOf(name, input)).toEqual([{ path, message }])
  })

  const property = { id: 'p', name: 'P', options: [], groups: [] }
  const long = (length: number) => 'x'.repeat(length)
  const url = (length: number) => `https://a.example/${long(length - 'https://a.example/'.length)}`
  const list = (length: number) => Array.from({ length }, () => 'x')
  const value = (type: string, given: unknown) => (context: InputContext) =>
    propertyValue({ ...property, type }, given, context)
  const block = (given: object) => (context: InputContext) => newBlocks([given], context)
  const filter = (given: object) => (context: InputContext) => checkFilter(given, context)
  const items = list(101).map((content) => ({ text: { content } }))

  it.each<[string, (context: InputContext) => unknown, string]>([
    ['an option', value('select', long(101)), 'must have 1 to 100 characters, not 101'],
    ['a list of options', value('multi_select', list(101)), 'must have at most 100 entries, not 101'],
    ['a list of people', value('people', list(101).fill(id)), 'must have at most 100 entries, not 101'],
    ['a list of pages', value('relation', list(101).fill(id)), 'must have at most 100 entries, not 101'],
    ['a list of files', value('files', list(101).fill(url(30))), 'must have at most 100 entries, not 101'],
    ['the name of a file', value('files', [{ name: '', url: url(30) }]), 'must have 1 to 100 characters, not 0'],
    ['a URL', value('url', url(2001)), 'must have at most 2000 characters, not 2001'],
    ['an email', value('email', long(201)), 'must have at most 200 characters, not 201'],
    ['a phone number', value('phone_number', long(201)), 'must have at most 200 characters, not 201'],
    ['text', value('rich_text', items), 'must have at most 100 pieces of 2000 characters, not 101'],
    ['an equation', block({ equation: { expression: long(1001) } }), 'must have at most 1000 characters, not 1001'],
    [
      'an equation in text',
      block({ paragraph: { rich_text: [{ equation: { expression: long(1001) } }] } }),
      'must have at most 1000 characters, not 1001',
    ],
    [
      'a link',
      block({ paragraph: { rich_text: [{ text: { content: 'x', link: { url: url(2001) } } }] } }),
      'must have at most 2000 characters, not 2001',
    ],
    ['a bookmark', block({ bookmark: { url: url(2001) } }), 'must have 1 to 2000 characters, not 2001'],
    ['an image', block({ image: { url: url(2001) } }), 'must have at most 2000 characters, not 2001'],
    [
      'a ratio',
      block({ column_list: { children: [{ column: { width_ratio: -1 } }, { column: {} }] } }),
      'must be more than 0 and less than 1, as a share of the whole width, not -1',
    ],
    [
      'a whole ratio',
      block({ column_list: { children: [{ column: { width_ratio: '1' } }, { column: {} }] } }),
      'must be more than 0 and less than 1, as a share of the whole width, not 1',
    ],
    [
      'a width',
      block({ table: { table_width: 101, children: [{ table_row: { cells: list(100) } }] } }),
      'must be 1 to 100, not 101',
    ],
    [
      'a heading with children',
      block({ heading_1: { rich_text: 'x', is_toggleable: false, children: ['y'] } }),
      'must be true: the heading has children',
    ],
    [
      'a caption',
      block({ image: { url: url(30), caption: items } }),
      'must have at most 100 pieces of 2000 characters, not 101',
    ],
    [
      'a cell',
      block({ table: { children: [{ table_row: { cells: [items] } }] } }),
      'must have at most 100 pieces of 2000 characters, not 101',
    ],
    ['columns', block({ column_list: { children: [{ column: {} }] } }), 'must have 2 to 100 column blocks, not 1'],
    [
      'many columns',
      block({ column_list: { children: list(101).map(() => ({ column: {} })) } }),
      'must have 2 to 100 column blocks, not 101',
    ],
    ['rows', block({ table: { table_width: 1, children: [] } }), 'must have at least 1 table_row block, not 0'],
    ['filters', filter({ or: list(101) }), 'must have at most 100 filters, not 101'],
    ['options of a filter', filter({ property: 'P', select: { equals: [] } }), 'must have 1 to 100 entries, not 0'],
    [
      'options of a column',
      (context) => newProperties({ T: 'title', P: { select: { options: list(101) } } }, context),
      'must have at most 100 entries, not 101',
    ],
    [
      'an update of a block',
      (context) => blockUpdate({ paragraph: { rich_text: items } }, context),
      'must have at most 100 pieces of 2000 characters, not 101. Append the rest with notion_block_append',
    ],
  ])('of %s name what was given', (_what, check, message) => {
    const { issues } = collectIssues((list) => check({ path: 'at', issues: list }))
    expect(issues.map((issue) => issue.message)).toEqual([message])
  })
})
