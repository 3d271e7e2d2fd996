import { acme, nthId, people } from '../sandbox/seed-ids.ts'

/** A call whose results the documentation shows. It is made in a sandbox of its own, as the user owner@acme.test. */
export interface ExampleCall {
  /** The input. The string `made` is replaced by the ID that the step before returned. */
  readonly input: Readonly<Record<string, unknown>>
  /** A request to the sandbox that creates what the call is about. */
  readonly before?: { readonly method: 'POST' | 'PATCH'; readonly path: string; readonly body: object }
}

/** The ID of what was made before, in the input of an {@link ExampleCall}. */
export const made = '{made}'

const text = (content: string) => [{ text: { content } }]
const firstProject = nthId('ac3e0000', '8101', 1)
const firstTask = nthId('ac3e0000', '8121', 1)

const newComment = {
  method: 'POST',
  path: '/v1/comments',
  body: { parent: { page_id: acme.roadmap }, rich_text: text('Looks good.') },
} as const
const newView = {
  method: 'POST',
  path: '/v1/views',
  body: { database_id: acme.projects, data_source_id: acme.projectsSource, name: 'Due next', type: 'table' },
} as const
const newUpload = {
  method: 'POST',
  path: '/v1/file_uploads',
  body: { mode: 'single_part', filename: 'notes.txt', content_type: 'text/plain' },
} as const
const newBlock = {
  method: 'PATCH',
  path: `/v1/blocks/${acme.roadmap}/children`,
  body: { children: [{ to_do: { rich_text: text('Ask the mobile team') } }] },
} as const

/** One call for each of Notion's tools, with the content that the sandbox has at its start. */
export const exampleCalls: Readonly<Record<string, ExampleCall>> = {
  notion_data_fetch: { input: { query: 'invoices', page_size: 3 } },
  notion_page_create: {
    input: { parent_page_id: acme.meetingNotes, properties: { title: 'Weekly sync' }, markdown: '- Freeze on Friday' },
  },
  notion_database_create: {
    input: {
      parent: acme.product,
      title: 'Risks',
      properties: { Name: 'title', Level: { select: { options: ['High', 'Low'] } } },
    },
  },
  notion_database_fetch: { input: { database_id: acme.projects } },
  notion_database_insert_row: {
    input: {
      database_id: acme.projects,
      properties: { Name: 'Q3 roadmap review', Status: 'Not Started', 'Due Date': '2026-07-15', Priority: 'High' },
    },
  },
  notion_database_property_retrieve: { input: { database_id: acme.projects, property_id: ['Status'], page_size: 3 } },
  notion_database_query: {
    input: {
      database_id: acme.projects,
      filter: { property: 'Status', select: { equals: 'In Progress' } },
      sorts: [{ property: 'Due Date', direction: 'ascending' }],
      page_size: 2,
    },
  },
  notion_comment_create: { input: { parent: acme.roadmap, comment: 'Looks good.' } },
  notion_comment_retrieve: { input: { comment_id: made }, before: newComment },
  notion_comments_fetch: { input: { block_id: acme.meetingNotes } },
  notion_page_fetch: { input: { page_id: acme.roadmap } },
  notion_page_update: { input: { page_id: firstProject, properties: { Status: 'Done' } } },
  notion_page_move: { input: { page_id: acme.failover, parent_page_id: acme.engineering } },
  notion_page_trash: { input: { page_id: acme.failover } },
  notion_page_restore: {
    input: { page_id: acme.failover },
    before: { method: 'PATCH', path: `/v1/pages/${acme.failover}`, body: { in_trash: true } },
  },
  notion_page_content_update: {
    input: { page_id: acme.roadmap, updates: [{ old_str: 'Open questions', new_str: 'Questions' }] },
  },
  notion_property_item_fetch: { input: { page_id: firstTask, property: 'Project' } },
  notion_block_list: { input: { block_id: acme.roadmap, page_size: 2 } },
  notion_block_fetch: { input: { block_id: acme.roadmap } },
  notion_block_append: {
    input: { block_id: acme.roadmap, children: [{ to_do: { rich_text: 'Ask the mobile team' } }] },
  },
  notion_block_update: { input: { block_id: made, block: { to_do: { checked: true } } }, before: newBlock },
  notion_block_delete: { input: { block_id: made }, before: newBlock },
  notion_database_update: { input: { database_id: acme.projects, description: 'What the product team works on' } },
  notion_data_source_fetch: { input: { data_source_id: acme.surveysSource } },
  notion_data_source_create: {
    input: { database_id: acme.research, title: 'Calls', properties: { Name: 'title', Minutes: 'number' } },
  },
  notion_data_source_update: { input: { data_source_id: acme.surveysSource, properties: { Closed: 'checkbox' } } },
  notion_template_list: { input: { database_id: acme.tasks } },
  notion_view_list: { input: { database_id: acme.projects } },
  notion_view_fetch: { input: { view_id: made }, before: newView },
  notion_view_query: { input: { view_id: made, page_size: 2 }, before: newView },
  notion_view_create: { input: { database_id: acme.projects, name: 'Due next', type: 'table' } },
  notion_view_update: { input: { view_id: made, name: 'Due this month' }, before: newView },
  notion_view_delete: { input: { view_id: made }, before: newView },
  notion_user_list: { input: { page_size: 2 } },
  notion_user_fetch: { input: { user_id: people.acmeMember } },
  notion_user_self: { input: {} },
  notion_comment_update: { input: { comment_id: made, markdown: 'Looks **very** good.' }, before: newComment },
  notion_comment_delete: { input: { comment_id: made }, before: newComment },
  notion_file_upload_content: {
    input: {
      filename: 'notes.txt',
      content_type: 'text/plain',
      content: Buffer.from('Freeze on Friday').toString('base64'),
    },
  },
  notion_file_upload_link: { input: { external_url: 'https://example.com/plan.pdf', filename: 'plan.pdf' } },
  notion_file_upload_fetch: { input: { file_upload_id: made }, before: newUpload },
  notion_file_upload_list: { input: { page_size: 1 }, before: newUpload },
  notion_workspace_tree: { input: { depth: 2 } },
  notion_object_locate: { input: { object_id: acme.failover } },
  notion_custom_emoji_list: { input: { name: 'shipit' } },
  notion_meeting_note_query: { input: { limit: 1 } },
  notion_meeting_note_create: {
    input: { block_id: made, title: 'Interview' },
    before: {
      method: 'PATCH',
      path: `/v1/blocks/${acme.roadmap}/children`,
      body: { children: [{ audio: { type: 'external', external: { url: 'https://example.com/interview.mp3' } } }] },
    },
  },
  notion_async_task_fetch: {
    input: { task_id: made },
    before: {
      method: 'POST',
      path: '/v1/pages',
      body: { parent: { page_id: acme.roadmap }, markdown: '# Plan', allow_async: true },
    },
  },
  notion_api_request: { input: { path: `/v1/users/${people.acmeMember}` } },
}
