import type { AnyTool } from '../tools/tool.ts'
import type { NotionParts } from './call.ts'
import { createNotionClient } from './client.ts'
import { createDataSources } from './data-sources.ts'
import { createSightings } from './sightings.ts'
import { bindTool } from './tool-definition.ts'
import { commentCreate } from './tools/comment-create.ts'
import { commentRetrieve } from './tools/comment-retrieve.ts'
import { commentsFetch } from './tools/comments-fetch.ts'
import { dataFetch } from './tools/data-fetch.ts'
import { databaseCreate } from './tools/database-create.ts'
import { databaseFetch } from './tools/database-fetch.ts'
import { databaseInsertRow } from './tools/database-insert-row.ts'
import { databasePropertyRetrieve } from './tools/database-property-retrieve.ts'
import { databaseQuery } from './tools/database-query.ts'
import { pageCreate } from './tools/page-create.ts'
import { pageFetch } from './tools/page-fetch.ts'

/**
 * All tools for Notion, over one client and one memory for the process.
 *
 * @param seams `fetch` reaches Notion; `now` is milliseconds since the epoch
 */
export function notionTools(seams: {
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
}): readonly AnyTool[] {
  const parts: NotionParts = {
    client: createNotionClient(seams.fetch),
    sightings: createSightings(seams.now),
    dataSources: createDataSources(seams.now),
  }
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
  ]
}
