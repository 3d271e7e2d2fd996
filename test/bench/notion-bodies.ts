/** The ids and bodies of the workspace that the bench's upstream has. They have the sizes of real answers of Notion. */
export const databaseId = '2561ab6c-418b-8072-beec-c4779fa811cf'
export const dataSourceId = '2561ab6c-418b-81b0-9d15-000bd4a2f3c7'
export const pageId = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
export const workspaceId = 'ac3e0000-0000-4000-8000-000000000001'
export const createdPageId = 'a3e70bbc-055b-4efd-8275-101cdd57f67e'

const rowNumbers = Array.from({ length: 10 }, (_, at) => at + 1)
const rowId = (number: number) => `ac3e0000-0000-4000-8101-${String(number).padStart(12, '0')}`

/** The id of the last row: an answer that has it is complete. */
export const lastRowId = rowId(rowNumbers.length)

/** The tokens of an account by its number. */
export const accessToken = (account: number) => `ntn_benchAccess${account}`
export const refreshToken = (account: number) => `nrt_benchRefresh${account}`

/** The Notion user who has granted these tokens: a user of its own for each account. */
export const userOf = (account: number) => `ac3e0000-0000-4000-8001-${String(account).padStart(12, '0')}`

/** {@link userOf} as an SQL expression. */
export const userOfInSql = (account: string) => `'ac3e0000-0000-4000-8001-' || lpad((${account})::text, 12, '0')`

const user = { object: 'user', id: 'ac3e0000-0000-4000-8000-0000000000a1' }

const title = (content: string) => [
  {
    type: 'text',
    text: { content, link: null },
    annotations: {
      ...{ bold: false, italic: false, strikethrough: false },
      ...{ underline: false, code: false, color: 'default' },
    },
    plain_text: content,
    href: null,
  },
]

function page(id: string, name: string, parent: object, properties: object): object {
  return {
    object: 'page',
    id,
    created_time: '2026-06-01T09:06:00.000Z',
    created_by: user,
    last_edited_time: '2026-06-01T09:06:00.000Z',
    last_edited_by: user,
    parent,
    ...{ in_trash: false, is_archived: false, is_locked: false, icon: null, cover: null },
    properties,
    url: `https://app.notion.com/p/${name.replaceAll(' ', '-')}-${id.replaceAll('-', '')}`,
    public_url: null,
  }
}

/** `POST /v1/data_sources/{id}/query`: ten rows, about 12 KB. */
export const rows = {
  object: 'list',
  results: rowNumbers.map((number) => {
    const name = `Q3 roadmap review with sales ${number}`
    const parent = { type: 'data_source_id', data_source_id: dataSourceId, database_id: databaseId }
    return page(rowId(number), name, parent, {
      Name: { id: 'title', type: 'title', title: title(name) },
      Status: { id: 'stat', type: 'select', select: { id: 'stat-2', name: 'In Progress', color: 'blue' } },
      'Due Date': { id: 'dued', type: 'date', date: { start: '2026-07-08', end: null, time_zone: null } },
      Priority: { id: 'prio', type: 'select', select: { id: 'prio-1', name: 'High', color: 'red' } },
    })
  }),
  next_cursor: null,
  has_more: false,
  type: 'page_or_data_source',
  page_or_data_source: {},
  request_id: '665c584f-c8bf-4175-9e2a-b0c541202d52',
}

/** A page of the workspace with this title, as Notion returns it. */
export const pageOf = (id: string, name: string, editedAt: Date) => ({
  ...page(
    id,
    name,
    { type: 'page_id', page_id: pageId },
    { title: { id: 'title', type: 'title', title: title(name) } },
  ),
  last_edited_time: editedAt.toISOString(),
})

/** `POST /v1/search`: nothing has such a title. */
export const noResults = {
  object: 'list',
  results: [],
  next_cursor: null,
  has_more: false,
  type: 'page_or_data_source',
  page_or_data_source: {},
  request_id: '0b6a2c30-6a41-4f0c-93a5-5d3f1f3f7e11',
}

/** The properties of the page that the bench creates, as requests have them. */
export const newPageProperties = { title: { title: [{ text: { content: 'bench' } }] } }

/** `POST /v1/pages`. */
export const createdPage = {
  ...page(
    createdPageId,
    'bench',
    { type: 'page_id', page_id: pageId },
    { title: { id: 'title', type: 'title', title: title('bench') } },
  ),
  request_id: '345e1bd8-4f4e-4ee0-ad9f-27d3994b1a7a',
}

/** `GET /v1/databases/{id}`: one data source. */
export const database = {
  object: 'database',
  id: databaseId,
  title: title('Projects'),
  description: [],
  parent: { type: 'page_id', page_id: pageId },
  ...{ is_inline: false, in_trash: false, is_locked: false, icon: null, cover: null },
  created_time: '2026-06-01T09:03:00.000Z',
  last_edited_time: '2026-06-01T09:03:00.000Z',
  data_sources: [{ id: dataSourceId, name: 'Projects' }],
  url: `https://app.notion.com/p/Projects-${databaseId.replaceAll('-', '')}`,
  public_url: null,
  request_id: '4d4d957e-af86-44ad-a1d6-a62d7f7ba755',
}

const owner = (account: number) => ({
  type: 'user',
  user: {
    object: 'user',
    id: userOf(account),
    type: 'person',
    name: `User ${account}`,
    avatar_url: null,
    person: { email: `user-${account}@acme.test` },
  },
})

/** `GET /v1/users/me`. */
export const bot = (account: number) => ({
  object: 'user',
  id: 'f613178a-02f4-47f9-bcf0-8c4a5dd31a9b',
  name: 'Bench connection',
  avatar_url: null,
  type: 'bot',
  bot: { owner: owner(account), workspace_id: workspaceId, workspace_name: 'Acme' },
})

/** `POST /v1/oauth/token`: a renewed pair. */
export const renewedPair = (account: number) => ({
  access_token: accessToken(account),
  token_type: 'bearer',
  refresh_token: refreshToken(account),
  bot_id: 'f613178a-02f4-47f9-bcf0-8c4a5dd31a9b',
  workspace_id: workspaceId,
  workspace_name: 'Acme',
  workspace_icon: null,
  owner: owner(account),
  duplicated_template_id: null,
})
