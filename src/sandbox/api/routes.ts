/**
 * The operations of the API on content.
 *
 * @see https://developers.notion.com/reference
 */
import type { Route } from '../context.ts'
import { retrieveAsyncTask } from './async-tasks.ts'
import { appendChildren, deleteBlock, listChildren, retrieveBlock, updateBlock } from './blocks.ts'
import { createComment, deleteComment, listComments, retrieveComment, updateComment } from './comments.ts'
import { listCustomEmojis } from './custom-emojis.ts'
import {
  beforeDataSources,
  createDataSource,
  queryDatabase,
  queryDataSource,
  retrieveDataSource,
  updateDataSource,
} from './data-sources.ts'
import { createDatabase, retrieveDatabase, updateDatabase } from './databases.ts'
import { endpoint, withDataSources } from './endpoint.ts'
import {
  completeFileUpload,
  createFileUpload,
  listFileUploads,
  maxPartBytes,
  retrieveFileUpload,
  sendFileUpload,
} from './file-uploads.ts'
import { createMeetingNote, queryMeetingNotes } from './meeting-notes.ts'
import { createPage } from './page-create.ts'
import { retrieveMarkdown, updateMarkdown } from './page-markdown.ts'
import { movePage, retrievePage, updatePage } from './pages.ts'
import { retrieveProperty } from './property-items.ts'
import { search } from './search.ts'
import { listTemplates } from './templates.ts'
import { listUsers, retrieveSelf, retrieveUser } from './users.ts'
import { createViewQuery, deleteViewQuery, listViewQuery } from './view-queries.ts'
import { createView, deleteView, listViews, retrieveView, updateView } from './views.ts'

const read = { capability: 'READ_CONTENT' } as const
const insert = { capability: 'INSERT_CONTENT' } as const
const update = { capability: 'UPDATE_CONTENT' } as const
const readComments = { capability: 'READ_COMMENTS' } as const
const insertComments = { capability: 'INSERT_COMMENTS' } as const
const readUsers = { capability: 'READ_USERS' } as const

const dataSourceRoutes: readonly Route[] = [
  endpoint('POST', '/v1/data_sources', { ...insert, versions: withDataSources }, createDataSource),
  endpoint('GET', '/v1/data_sources/:data_source_id', { ...read, versions: withDataSources }, retrieveDataSource),
  endpoint('PATCH', '/v1/data_sources/:data_source_id', { ...update, versions: withDataSources }, updateDataSource),
  endpoint('POST', '/v1/data_sources/:data_source_id/query', { ...read, versions: withDataSources }, queryDataSource),
  endpoint('GET', '/v1/data_sources/:data_source_id/templates', { ...read, versions: withDataSources }, listTemplates),
]

const viewQueries = '/v1/views/:view_id/queries'
const viewRoutes: readonly Route[] = [
  endpoint('GET', '/v1/views', { ...read, versions: withDataSources }, listViews),
  endpoint('POST', '/v1/views', { ...insert, versions: withDataSources }, createView),
  endpoint('GET', '/v1/views/:view_id', { ...read, versions: withDataSources }, retrieveView),
  endpoint('PATCH', '/v1/views/:view_id', { ...update, versions: withDataSources }, updateView),
  endpoint('DELETE', '/v1/views/:view_id', { ...update, versions: withDataSources }, deleteView),
  endpoint('POST', viewQueries, { ...read, versions: withDataSources }, createViewQuery),
  endpoint('GET', `${viewQueries}/:query_id`, { ...read, versions: withDataSources }, listViewQuery),
  endpoint('DELETE', `${viewQueries}/:query_id`, { ...read, versions: withDataSources }, deleteViewQuery),
]

/** Maximum size in bytes of a form with a file. */
const maxFormBytes = maxPartBytes + 64 * 1024

const fileUploadRoutes: readonly Route[] = [
  endpoint('POST', '/v1/file_uploads', insert, createFileUpload),
  endpoint('GET', '/v1/file_uploads', read, listFileUploads),
  endpoint('GET', '/v1/file_uploads/:file_upload_id', read, retrieveFileUpload),
  endpoint('POST', '/v1/file_uploads/:file_upload_id/send', { ...insert, rawBody: maxFormBytes }, sendFileUpload),
  endpoint('POST', '/v1/file_uploads/:file_upload_id/complete', insert, completeFileUpload),
]

/** All operations with a bearer token. */
export const apiRoutes: readonly Route[] = [
  endpoint('GET', '/v1/users/me', {}, retrieveSelf),
  endpoint('GET', '/v1/users', readUsers, listUsers),
  endpoint('GET', '/v1/users/:user_id', readUsers, retrieveUser),
  endpoint('POST', '/v1/search', read, search),
  endpoint('POST', '/v1/pages', insert, createPage),
  endpoint('GET', '/v1/pages/:page_id', read, retrievePage),
  endpoint('PATCH', '/v1/pages/:page_id', update, updatePage),
  endpoint('POST', '/v1/pages/:page_id/move', update, movePage),
  endpoint('GET', '/v1/pages/:page_id/properties/:property_id', read, retrieveProperty),
  endpoint('GET', '/v1/pages/:page_id/markdown', read, retrieveMarkdown),
  endpoint('PATCH', '/v1/pages/:page_id/markdown', update, updateMarkdown),
  endpoint('POST', '/v1/blocks/meeting_notes', insert, createMeetingNote),
  endpoint('POST', '/v1/blocks/meeting_notes/query', read, queryMeetingNotes),
  endpoint('GET', '/v1/blocks/:block_id', read, retrieveBlock),
  endpoint('PATCH', '/v1/blocks/:block_id', update, updateBlock),
  endpoint('DELETE', '/v1/blocks/:block_id', update, deleteBlock),
  endpoint('GET', '/v1/blocks/:block_id/children', read, listChildren),
  endpoint('PATCH', '/v1/blocks/:block_id/children', insert, appendChildren),
  endpoint('POST', '/v1/databases', insert, createDatabase),
  endpoint('GET', '/v1/databases/:database_id', read, retrieveDatabase),
  endpoint('PATCH', '/v1/databases/:database_id', update, updateDatabase),
  endpoint('POST', '/v1/databases/:database_id/query', { ...read, versions: beforeDataSources }, queryDatabase),
  ...dataSourceRoutes,
  ...viewRoutes,
  endpoint('POST', '/v1/comments', insertComments, createComment),
  endpoint('GET', '/v1/comments', readComments, listComments),
  endpoint('GET', '/v1/comments/:comment_id', readComments, retrieveComment),
  endpoint('PATCH', '/v1/comments/:comment_id', insertComments, updateComment),
  endpoint('DELETE', '/v1/comments/:comment_id', insertComments, deleteComment),
  ...fileUploadRoutes,
  endpoint('GET', '/v1/custom_emojis', read, listCustomEmojis),
  endpoint('GET', '/v1/async_tasks/:task_id', {}, retrieveAsyncTask),
]
