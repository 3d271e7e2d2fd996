/*
 * The keys of Notion's pages and of the values of their properties, with what they often are. Pages are compressed with it
 * (a preset dictionary of RFC 1950), in which the more frequent is at the end. It never changes: the pages of indexes open only
 * with the one that they were compressed with.
 */

const user = { object: 'user', id: '00000000-0000-4000-8000-000000000000' }

const person = { name: '', avatar_url: null, type: 'person', person: { email: '' } }

const annotations = {
  bold: false,
  italic: false,
  strikethrough: false,
  underline: false,
  code: false,
  color: 'default',
}

const richText = [
  { type: 'text', text: { content: '', link: null }, annotations, plain_text: '', href: null },
  {
    type: 'mention',
    mention: { type: 'page', page: { id: '' } },
    annotations,
    plain_text: '',
    href: 'https://www.notion.so/',
  },
]

const option = { id: '', name: '', color: 'gray' }

const properties = {
  Place: { id: '', type: 'place', place: null },
  Unique: { id: '', type: 'unique_id', unique_id: { prefix: null, number: 1 } },
  Verification: { id: '', type: 'verification', verification: { state: 'unverified', verified_by: null, date: null } },
  Rollup: { id: '', type: 'rollup', rollup: { type: 'array', array: [], function: 'show_original' } },
  Formula: { id: '', type: 'formula', formula: { type: 'string', string: '' } },
  Phone: { id: '', type: 'phone_number', phone_number: null },
  Created: { id: '', type: 'created_time', created_time: '2026-01-01T00:00:00.000Z' },
  Edited: { id: '', type: 'last_edited_time', last_edited_time: '2026-01-01T00:00:00.000Z' },
  By: { id: '', type: 'created_by', created_by: { ...user, ...person } },
  'Edited by': { id: '', type: 'last_edited_by', last_edited_by: { ...user, ...person } },
  Button: { id: '', type: 'button', button: {} },
  Files: {
    id: '',
    type: 'files',
    files: [
      {
        name: '',
        type: 'file',
        file: { url: 'https://prod-files-secure.s3.us-west-2.amazonaws.com/', expiry_time: '' },
      },
    ],
  },
  Email: { id: '', type: 'email', email: null },
  URL: { id: '', type: 'url', url: null },
  Relation: { id: '', type: 'relation', relation: [{ id: '' }], has_more: false },
  People: { id: '', type: 'people', people: [{ ...user, ...person }] },
  Checkbox: { id: '', type: 'checkbox', checkbox: false },
  Number: { id: '', type: 'number', number: null },
  Date: { id: '', type: 'date', date: { start: '2026-01-01', end: null, time_zone: null } },
  'Multi-select': { id: '', type: 'multi_select', multi_select: [option, { ...option, color: 'blue' }] },
  Select: { id: '', type: 'select', select: { ...option, color: 'green' } },
  Status: { id: '', type: 'status', status: option },
  Description: { id: '', type: 'rich_text', rich_text: richText },
  Name: { id: 'title', type: 'title', title: [richText[0]] },
}

const page = {
  title: '',
  text: '',
  comments: '',
  object: {
    object: 'page',
    id: '00000000-0000-4000-8000-000000000000',
    created_time: '2026-01-01T00:00:00.000Z',
    last_edited_time: '2026-01-01T00:00:00.000Z',
    created_by: user,
    last_edited_by: user,
    cover: null,
    icon: { type: 'emoji', emoji: '' },
    parent: { type: 'data_source_id', data_source_id: '', database_id: '' },
    in_trash: false,
    is_archived: false,
    is_locked: false,
    properties,
    url: 'https://www.notion.so/',
    public_url: null,
    request_id: '',
  },
  isPart: false,
}

const frequent = {
  ...page.object,
  icon: null,
  parent: { type: 'page_id', page_id: '' },
  properties: { title: properties.Name },
}

/** Pages as JSON, as indexes have them. */
export const samplePage = Buffer.from(`${JSON.stringify(page)}${JSON.stringify({ ...page, object: frequent })}`)
