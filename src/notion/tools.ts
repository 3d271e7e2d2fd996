import { randomUUID } from 'node:crypto'
import type { ConnectorRuntime } from '../tools/connector.ts'
import { createGrantShare } from '../tools/grant-share.ts'
import type { AnyTool } from '../tools/tool.ts'
import type { NotionParts } from './call.ts'
import { forgetChanged } from './forget-changed.ts'
import { createObservedObjects } from './observed-objects.ts'
import { createSchemaCache } from './schema-cache.ts'
import { bindTool } from './tool-definition.ts'
import { apiRequest } from './tools/api-request.ts'
import { asyncTaskFetch } from './tools/async-task-fetch.ts'
import { blockAppend } from './tools/block-append.ts'
import { blockDelete } from './tools/block-delete.ts'
import { blockFetch } from './tools/block-fetch.ts'
import { blockList } from './tools/block-list.ts'
import { blockUpdate } from './tools/block-update.ts'
import { commentCreate } from './tools/comment-create.ts'
import { commentDelete } from './tools/comment-delete.ts'
import { commentRetrieve } from './tools/comment-retrieve.ts'
import { commentUpdate } from './tools/comment-update.ts'
import { commentsFetch } from './tools/comments-fetch.ts'
import { customEmojiList } from './tools/custom-emoji-list.ts'
import { dataFetch } from './tools/data-fetch.ts'
import { dataSourceCreate } from './tools/data-source-create.ts'
import { dataSourceFetch } from './tools/data-source-fetch.ts'
import { dataSourceUpdate } from './tools/data-source-update.ts'
import { databaseCreate } from './tools/database-create.ts'
import { databaseFetch } from './tools/database-fetch.ts'
import { databaseInsertRow } from './tools/database-insert-row.ts'
import { databasePropertyRetrieve } from './tools/database-property-retrieve.ts'
import { databaseQuery } from './tools/database-query.ts'
import { databaseUpdate } from './tools/database-update.ts'
import { fileUploadContent } from './tools/file-upload-content.ts'
import { fileUploadFetch } from './tools/file-upload-fetch.ts'
import { fileUploadLink } from './tools/file-upload-link.ts'
import { fileUploadList } from './tools/file-upload-list.ts'
import { meetingNoteCreate } from './tools/meeting-note-create.ts'
import { meetingNoteQuery } from './tools/meeting-note-query.ts'
import { objectLocate } from './tools/object-locate.ts'
import { pageContentUpdate } from './tools/page-content-update.ts'
import { pageCreate } from './tools/page-create.ts'
import { pageFetch } from './tools/page-fetch.ts'
import { pageMove } from './tools/page-move.ts'
import { pageRestore } from './tools/page-restore.ts'
import { pageTrash } from './tools/page-trash.ts'
import { pageUpdate } from './tools/page-update.ts'
import { propertyItemFetch } from './tools/property-item-fetch.ts'
import { templateList } from './tools/template-list.ts'
import { userFetch } from './tools/user-fetch.ts'
import { userList } from './tools/user-list.ts'
import { userSelf } from './tools/user-self.ts'
import { viewCreate } from './tools/view-create.ts'
import { viewDelete } from './tools/view-delete.ts'
import { viewFetch } from './tools/view-fetch.ts'
import { viewList } from './tools/view-list.ts'
import { viewQuery } from './tools/view-query.ts'
import { viewUpdate } from './tools/view-update.ts'
import { workspaceTree } from './tools/workspace-tree.ts'

/** The share of the requests of a grant that searches of content may use. */
const scanShare = 1 / 3

/**
 * Returns all tools for Notion. They share one set of caches, which forget what `changes` reports. `now` is in milliseconds
 * since the epoch.
 */
export function notionTools(
  {
    fetch,
    now,
    changes,
    contentIndexes = null,
  }: Pick<NotionParts, 'fetch' | 'now'> &
    Pick<ConnectorRuntime, 'changes'> &
    Partial<Pick<NotionParts, 'contentIndexes'>>,
  newId: NotionParts['newId'] = randomUUID,
): readonly AnyTool[] {
  const parts: NotionParts = {
    fetch,
    now,
    newId,
    observed: createObservedObjects(now),
    schemas: createSchemaCache(now),
    scans: createGrantShare(scanShare),
    contentIndexes,
  }
  if (changes) forgetChanged(changes, parts)
  return [
    bindTool(dataFetch, parts),
    bindTool(pageCreate, parts),
    bindTool(databaseCreate, parts),
    bindTool(databaseFetch, parts),
    bindTool(databaseInsertRow, parts),
    bindTool(databasePropertyRetrieve, parts),
    bindTool(databaseQuery, parts),
    bindTool(commentCreate, parts),
    bindTool(commentRetrieve, parts),
    bindTool(commentsFetch, parts),
    bindTool(pageFetch, parts),
    bindTool(pageUpdate, parts),
    bindTool(pageMove, parts),
    bindTool(pageTrash, parts),
    bindTool(pageRestore, parts),
    bindTool(pageContentUpdate, parts),
    bindTool(propertyItemFetch, parts),
    bindTool(blockList, parts),
    bindTool(blockFetch, parts),
    bindTool(blockAppend, parts),
    bindTool(blockUpdate, parts),
    bindTool(blockDelete, parts),
    bindTool(databaseUpdate, parts),
    bindTool(dataSourceFetch, parts),
    bindTool(dataSourceCreate, parts),
    bindTool(dataSourceUpdate, parts),
    bindTool(templateList, parts),
    bindTool(viewList, parts),
    bindTool(viewFetch, parts),
    bindTool(viewQuery, parts),
    bindTool(viewCreate, parts),
    bindTool(viewUpdate, parts),
    bindTool(viewDelete, parts),
    bindTool(userList, parts),
    bindTool(userFetch, parts),
    bindTool(userSelf, parts),
    bindTool(commentUpdate, parts),
    bindTool(commentDelete, parts),
    bindTool(fileUploadContent, parts),
    bindTool(fileUploadLink, parts),
    bindTool(fileUploadFetch, parts),
    bindTool(fileUploadList, parts),
    bindTool(workspaceTree, parts),
    bindTool(objectLocate, parts),
    bindTool(customEmojiList, parts),
    bindTool(meetingNoteQuery, parts),
    bindTool(meetingNoteCreate, parts),
    bindTool(asyncTaskFetch, parts),
    bindTool(apiRequest, parts),
  ]
}
