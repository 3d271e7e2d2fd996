import { describe, expect, it } from 'vitest'
import { checkLonePage, checkRow } from '../../src/notion/rows.ts'
import type { PropertySchema } from '../../src/notion/schema-cache.ts'

const id = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const option = (name: string) => ({ id: `id-${name}`, name })
const column = (name: string, type: string, options: PropertySchema['options'] = []): PropertySchema => ({
  id: name === 'Name' ? 'title' : `%3A${name}`,
  name,
  type,
  options,
  groups: [],
})
const person = { object: 'user', id }
const file = (name: string, url = `https://a.b/${name}`) => ({ type: 'external', name, external: { url } })
const columns: readonly PropertySchema[] = [
  column('Name', 'title'),
  column('Notes', 'rich_text'),
  column('Amount', 'number'),
  column('Stage', 'select', [option('Open'), option('Closed')]),
  column('Status', 'status', [option('To do'), option('Done')]),
  column('Tags', 'multi_select', [option('a'), option('b')]),
  column('Due', 'date'),
  column('Owner', 'people'),
  column('Files', 'files'),
  column('OK', 'checkbox'),
  column('Site', 'url'),
  column('Mail', 'email'),
  column('Links', 'relation'),
  column('Sum', 'formula'),
]

describe('values of a row', () => {
  it.each<[string, unknown, unknown]>([
    ['Name', 'x', { title: [{ type: 'text', text: { content: 'x' } }] }],
    ['title', { title: [{ text: { content: 'x' } }] }, { title: [{ type: 'text', text: { content: 'x' } }] }],
    ['Notes', { rich_text: 'x' }, { rich_text: [{ type: 'text', text: { content: 'x' } }] }],
    ['Amount', '12.5', { number: 12.5 }],
    ['Amount', { number: null }, { number: null }],
    ['Stage', { select: { name: 'Open' } }, { select: { name: 'Open' } }],
    ['Stage', '{"select":{"name":"Open"}}', { select: { name: 'Open' } }],
    ['Status', { status: { name: 'Done' } }, { status: { name: 'Done' } }],
    ['Status', { id: 'id-Done' }, { status: { id: 'id-Done' } }],
    ['Tags', ['a', { name: 'b' }], { multi_select: [{ name: 'a' }, { name: 'b' }] }],
    ['Tags', null, { multi_select: [] }],
    ['Due', '2026-07-15', { date: { start: '2026-07-15' } }],
    ['Due', '2026-07-15/2026-07-16', { date: { start: '2026-07-15', end: '2026-07-16' } }],
    ['Due', { date: { start: '2026-07-15T10:00:00Z', end: null } }, { date: { start: '2026-07-15T10:00:00Z' } }],
    ['Due', { date: null }, { date: null }],
    ['Owner', id, { people: [{ object: 'user', id }] }],
    [
      'Files',
      'https://a.b/c.png',
      { files: [{ type: 'external', name: 'c.png', external: { url: 'https://a.b/c.png' } }] },
    ],
    ['Files', 'https://a.b/c,d(1).png', { files: [file('c,d(1).png', 'https://a.b/c,d(1).png')] }],
    ['Files', '[x.pdf](https://a.b/x), https://a.b/y.pdf', { files: [file('x.pdf', 'https://a.b/x'), file('y.pdf')] }],
    [
      'Files',
      String.raw`[a\]b](<https://a.b/a (1).pdf>),[b](https://a.b/b.pdf)`,
      { files: [file('a]b', 'https://a.b/a (1).pdf'), file('b', 'https://a.b/b.pdf')] },
    ],
    ['Files', 'https://a.b/1.pdf\nhttps://a.b/2.pdf', { files: [file('1.pdf'), file('2.pdf')] }],
    ['Owner', `[Ada](user://${id}), user://${id}`, { people: [person, person] }],
    ['Owner', `[Lovelace, Ada](user://${id}), ${id}`, { people: [person, person] }],
    ['Amount', '1e3', { number: 1000 }],
    ['Amount', '123456789012345', { number: 123456789012345 }],
    ['OK', 'true', { checkbox: true }],
    ['Site', '', { url: null }],
    ['Links', [`https://notion.so/x-${id}`], { relation: [{ id }] }],
    ['%3ADue', '2026-07-15', { date: { start: '2026-07-15' } }],
    [':Due', '2026-07-15', { date: { start: '2026-07-15' } }],
  ])('accepts for %s: %j', (name, value, expected) => {
    const { properties, issues } = checkRow(columns, { [name]: value })
    expect(issues).toEqual([])
    expect(Object.values(properties)).toEqual([expected])
  })

  it.each<[string, unknown, string, string]>([
    ['Nmae', 'x', 'properties.Nmae', 'Did you mean "Name"'],
    ['Due', { rich_text: [] }, 'properties.Due', 'is a date property, not rich_text'],
    ['Due', 'tomorrow', 'properties.Due', 'ISO 8601'],
    ['Due', { date: { start: '2026-13-45' } }, 'properties.Due.date.start', 'ISO 8601'],
    ['Due', { date: { start: '2026-07-15T25:61:00Z' } }, 'properties.Due.date.start', 'ISO 8601'],
    ['Due', { date: { start: '2026-07-15T10:00:00+25:00' } }, 'properties.Due.date.start', 'ISO 8601'],
    ['Title', 'x', 'properties.Title', 'Did you mean "title"'],
    ['Status', 'Doen', 'properties.Status', 'Did you mean "Done"'],
    ['Status', { status: { name: 'New' } }, 'properties.Status.status', 'Available options: "To do", "Done"'],
    ['Stage', 'New one', 'properties.Stage', 'unknown option'],
    ['Tags', ['none of them'], 'properties.Tags.0', 'unknown option'],
    ['Amount', 'many', 'properties.Amount', 'number'],
    ['OK', null, 'properties.OK', 'true or false'],
    ['Amount', '0x1F', 'properties.Amount', 'number'],
    ['Amount', '12345678901234567890', 'properties.Amount', 'fewer digits'],
    ['Owner', 'Olivia', 'properties.Owner.0', 'notion_user_list'],
    ['Owner', `[Ada](user://${id}) and Bob`, 'properties.Owner', 'id of a user'],
    ['Owner', `[Ada](user://${id})Bob`, 'properties.Owner', 'links with commas'],
    ['Files', '[a](https://a.b/a) and more', 'properties.Files', 'URL'],
    ['Files', '[a](https://a.b/a)b', 'properties.Files', 'links with commas'],
    ['Files', '[a](https://a.b/a', 'properties.Files', 'links with commas'],
    ['Files', 'https://a.b/1.pdf,https://a.b/2.pdf', 'properties.Files', 'links with commas'],
    ['Links', ['x'], 'properties.Links.0', 'id or link'],
    ['Links', Array.from({ length: 101 }, () => id), 'properties.Links', '100'],
    ['Sum', 5, 'properties.Sum', 'computes'],
    ['Mail', 'x'.repeat(201), 'properties.Mail', '200'],
    ['Files', ['file:///etc/passwd'], 'properties.Files.0', 'http'],
  ])('refuses for %s: %j', (name, value, path, message) => {
    const { issues } = checkRow(columns, { [name]: value })
    expect(issues[0]).toMatchObject({ path, message: expect.stringContaining(message) })
  })

  it('refuses a property that is passed by its name and as "title"', () => {
    expect(checkRow(columns, { Name: 'a', title: 'b' }).issues).toMatchObject([{ path: 'properties.title' }])
  })

  it('treats a property named "title" that is not the title by its name', () => {
    const odd = [column('Name', 'title'), column('title', 'rich_text')]
    expect(checkRow(odd, { title: { rich_text: 'x' } }).properties).toMatchObject({ title: { rich_text: [{}] } })
    expect(checkRow(odd, { title: { title: 'x' } }).properties).toMatchObject({ Name: { title: [{}] } })
  })

  it('accepts a property named "__proto__"', () => {
    const odd = [column('Name', 'title'), column('__proto__', 'number')]
    const { properties, issues } = checkRow(odd, JSON.parse('{"__proto__": 5}'))
    expect(issues).toEqual([])
    expect(JSON.stringify(properties)).toBe('{"__proto__":{"number":5}}')
  })
})

describe('a page outside of a database', () => {
  it('accepts a string as its title, and a title object under any name', () => {
    expect(checkLonePage({ title: 'x' }).properties).toMatchObject({ title: { title: [{}] } })
    expect(checkLonePage({ Name: { title: 'x' } })).toMatchObject({ issues: [], properties: { title: {} } })
    expect(checkLonePage({ Name: 'x' }).issues).toMatchObject([{ path: 'properties.Name' }])
  })
})
