const source = '2561ab6c-418b-81b0-9d15-000bd4a2f3c7'
const notes = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const text = [
  { type: 'text', text: { content: 'x', link: { url: 'https://example.com' } }, annotations: { bold: true } },
]

/** Valid requests. Tests replace one value in them. */
export const validRequests: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  [
    'POST',
    '/v1/search',
    {
      query: 'roadmap',
      filter: { property: 'object', value: 'page' },
      sort: { timestamp: 'last_edited_time', direction: 'ascending' },
      page_size: 5,
    },
  ],
  [
    'POST',
    '/v1/pages',
    {
      parent: { type: 'page_id', page_id: notes },
      properties: { title: { title: text } },
      icon: { type: 'emoji', emoji: '🥑' },
      children: [
        {
          type: 'paragraph',
          paragraph: { rich_text: text, children: [{ type: 'to_do', to_do: { rich_text: text, checked: true } }] },
        },
      ],
    },
  ],
  [
    'POST',
    '/v1/pages',
    {
      parent: { data_source_id: source },
      properties: {
        title: { title: text },
        Status: { select: { name: 'Done' } },
        'Due Date': { date: { start: '2026-07-15', end: null } },
      },
    },
  ],
  [
    'POST',
    '/v1/pages',
    { parent: { page_id: notes }, markdown: '# Title\n\n- a\n  - b\n\n| a | b |\n|---|---|\n| 1 | 2 |' },
  ],
  [
    'PATCH',
    `/v1/pages/${notes}`,
    {
      properties: { title: { title: text } },
      icon: null,
      cover: { type: 'external', external: { url: 'https://example.com/a.png' } },
      is_locked: false,
    },
  ],
  ['POST', `/v1/pages/${notes}/move`, { parent: { type: 'page_id', page_id: 'ac3e0000-0000-4000-8000-000000000100' } }],
  ['GET', `/v1/pages/${notes}/properties/title`],
  ['GET', `/v1/pages/${notes}/markdown`],
  [
    'PATCH',
    `/v1/pages/${notes}/markdown`,
    { type: 'update_content', update_content: { content_updates: [{ old_str: 'Weekly sync', new_str: 'Sync' }] } },
  ],
  ['PATCH', `/v1/pages/${notes}/markdown`, { type: 'replace_content', replace_content: { new_str: 'New' } }],
  ['GET', `/v1/blocks/${notes}/children`],
  [
    'PATCH',
    `/v1/blocks/${notes}/children`,
    {
      children: [
        { table: { table_width: 1, children: [{ table_row: { cells: [text] } }] } },
        { callout: { rich_text: text, icon: { emoji: '🥑' } } },
      ],
      position: { type: 'start' },
    },
  ],
  ['PATCH', '/v1/blocks/ac3e0000-0000-4000-b10c-000000000006', { paragraph: { rich_text: text } }],
  [
    'POST',
    '/v1/databases',
    {
      parent: { type: 'page_id', page_id: notes },
      title: text,
      initial_data_source: {
        properties: { Name: { title: {} }, Kind: { select: { options: [{ name: 'a', color: 'red' }] } } },
      },
    },
  ],
  ['PATCH', '/v1/databases/2561ab6c-418b-8072-beec-c4779fa811cf', { title: text, description: text, is_inline: false }],
  [
    'POST',
    '/v1/data_sources',
    {
      parent: { database_id: '2561ab6c-418b-8072-beec-c4779fa811cf' },
      properties: { Name: { title: {} } },
      title: text,
    },
  ],
  [
    'PATCH',
    `/v1/data_sources/${source}`,
    { properties: { Notes: { rich_text: {} }, Priority: { select: { options: [{ name: 'High' }] } } }, title: text },
  ],
  [
    'POST',
    `/v1/data_sources/${source}/query`,
    {
      filter: {
        and: [
          { property: 'Status', select: { equals: 'Done' } },
          { or: [{ property: 'Due Date', date: { on_or_after: '2026-01-01' } }] },
        ],
      },
      sorts: [
        { property: 'Due Date', direction: 'ascending' },
        { timestamp: 'created_time', direction: 'descending' },
      ],
      page_size: 3,
    },
  ],
  [
    'POST',
    '/v1/data_sources/ac3e0000-0000-4000-8000-000000000121/query',
    {
      filter: { property: 'Project due', rollup: { date: { before: '2027-01-01' } } },
      sorts: [{ property: 'Cost', direction: 'ascending' }],
    },
  ],
  ['GET', `/v1/data_sources/${source}/templates`],
  [
    'POST',
    '/v1/views',
    {
      data_source_id: source,
      database_id: '2561ab6c-418b-8072-beec-c4779fa811cf',
      name: 'Board',
      type: 'board',
      filter: { property: 'Status', select: { equals: 'Done' } },
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
      quick_filters: { Priority: { select: { equals: 'High' } } },
      configuration: { type: 'board', group_by: { type: 'select', sort: { type: 'manual' } } },
    },
  ],
  ['GET', `/v1/views?data_source_id=${source}`],
  ['GET', '/v1/custom_emojis?name=acme'],
  [
    'POST',
    '/v1/blocks/meeting_notes/query',
    {
      filter: {
        operator: 'and',
        filters: [{ property: 'title', filter: { operator: 'string_is', value: { type: 'exact', value: 'x' } } }],
      },
      sort: [{ property: 'created_time', direction: 'ascending' }],
      limit: 5,
    },
  ],
  [
    'POST',
    '/v1/blocks/meeting_notes',
    { source: { type: 'file_upload', file_upload_id: notes }, parent: { page_id: notes }, title: 'Call' },
  ],
  ['POST', '/v1/comments', { parent: { page_id: notes }, rich_text: text }],
  ['POST', '/v1/comments', { discussion_id: 'ac3e0000-0000-4000-8000-000000000141', markdown: '**x**' }],
  ['GET', `/v1/comments?block_id=${notes}`],
  [
    'POST',
    '/v1/file_uploads',
    { mode: 'multi_part', filename: 'a.txt', content_type: 'text/plain', number_of_parts: 2 },
  ],
  ['GET', '/v1/users'],
  ['POST', '/v1/oauth/token', { grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://localhost' }],
]
