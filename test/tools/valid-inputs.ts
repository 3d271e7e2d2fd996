const database = '2561ab6c-418b-8072-beec-c4779fa811cf'
const page = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'

/** Inputs by tool: the five of the product page, and each form that the documentation names. */
export const validInputs: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['notion_data_fetch', { query: 'Q3 roadmap', page_size: 10 }],
  [
    'notion_database_query',
    { database_id: database, page_size: 50, sorts: [{ property: 'Due Date', direction: 'ascending' }] },
  ],
  [
    'notion_database_insert_row',
    {
      database_id: database,
      properties: {
        title: { title: [{ text: { content: 'Q3 Roadmap Review' } }] },
        Status: { select: { name: 'Not Started' } },
        'Due Date': { date: { start: '2026-07-15' } },
        Priority: { select: { name: 'High' } },
      },
    },
  ],
  [
    'notion_page_create',
    {
      parent_page_id: page,
      properties: { title: { title: [{ text: { content: 'Meeting Notes — 2026-07-01' } }] } },
      child_blocks: [
        {
          object: 'block',
          type: 'paragraph',
          paragraph: { rich_text: [{ type: 'text', text: { content: "Action items from today's sync." } }] },
        },
      ],
    },
  ],
  ['notion_data_fetch', {}],
  ['notion_data_fetch', { filter: 'page', sort: 'descending' }],
  ['notion_data_fetch', { filter: { property: 'object', value: 'page' }, start_cursor: page }],
  ['notion_page_create', { database_id: database, properties: { title: 'Plan' }, markdown: '# Plan', icon: '📌' }],
  ['notion_page_create', { parent_page_id: page, child_blocks: ['First', { to_do: { rich_text: 'Second' } }] }],
  ['notion_page_create', { parent_page_id: page, icon: { emoji: '📌' }, cover: 'https://example.org/cover.png' }],
  [
    'notion_database_create',
    { parent: page, title: 'Tasks', properties: { Name: 'title', Stage: { select: { options: ['New'] } } } },
  ],
  [
    'notion_database_create',
    { parent: { type: 'page_id', page_id: page }, title: [{ text: { content: 'Tasks' } }], properties: {} },
  ],
  [
    'notion_database_fetch',
    { database_id: `https://www.notion.so/acme/${database.replaceAll('-', '')}?v=${page.replaceAll('-', '')}` },
  ],
  ['notion_database_property_retrieve', { database_id: database, property_id: ['Status'] }],
  ['notion_database_query', { database_id: database, filter: { property: 'Status', select: { equals: 'Done' } } }],
  ['notion_comment_create', { parent: page, comment: 'Looks good.' }],
  ['notion_comment_create', { parent: { page_id: page }, comment: { rich_text: [{ text: { content: 'Good.' } }] } }],
  ['notion_comment_create', { discussion_id: page, comment: { rich_text: 'Good.' } }],
  ['notion_comment_retrieve', { comment_id: page }],
  ['notion_comments_fetch', { block_id: page, page_size: 100 }],
  ['notion_page_fetch', { page_id: page }],
  ['notion_page_fetch', { page_id: page, format: 'blocks' }],
  ['notion_page_update', { page_id: page, properties: { Stage: null }, is_locked: false }],
  [
    'notion_page_content_update',
    { page_id: page, updates: [{ old_str: 'a', new_str: 'b' }], allow_deleting_content: false },
  ],
  ['notion_block_append', { block_id: page, children: [{ paragraph: { rich_text: 'Hello' } }], position: 'start' }],
  ['notion_block_update', { block_id: page, block: { to_do: { rich_text: 'Buy milk', checked: true } } }],
  ['notion_data_source_update', { data_source_id: database, properties: { Due: 'date', Old: null } }],
  ['notion_database_update', { database_id: database, title: 'Tasks', in_trash: false }],
  ['notion_user_self', {}],
]
