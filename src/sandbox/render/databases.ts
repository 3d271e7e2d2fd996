/**
 * Databases and data sources in responses.
 *
 * @see https://developers.notion.com/reference/database
 * @see https://developers.notion.com/reference/data-source
 */
import type { CallContext } from '../context.ts'
import type { Database, DataSource, Id, JsonObject, Parent } from '../model.ts'
import { renderIcon } from './files.ts'
import { isInTrash, renderParent, renderStamps, renderTrash, timestamp } from './frame.ts'
import { pageUrl } from './links.ts'
import { plainText, renderRichText } from './rich-text.ts'
import { renderColumns } from './schema.ts'

/** Returns the title of a data source, or that of its database if it is empty. */
export function dataSourceTitle(context: CallContext, dataSource: DataSource) {
  const own = plainText(context.store, dataSource.title) !== ''
  return own ? dataSource.title : (context.store.databases.get(dataSource.databaseId)?.title ?? '')
}

/** Returns the data sources of a database, without those in the trash. */
export function liveDataSources(context: CallContext, database: Database): DataSource[] {
  return database.dataSourceIds.flatMap((id) => {
    const dataSource = context.store.dataSources.get(id)
    return dataSource === undefined || dataSource.inTrash ? [] : [dataSource]
  })
}

/** Returns a database object as of version 2025-09-03, without properties. */
export function renderDatabase(context: CallContext, database: Database): JsonObject {
  return {
    object: 'database',
    id: database.id,
    title: renderRichText(context, database.title),
    description: renderRichText(context, database.description),
    parent: renderParent(context, database.parent),
    is_inline: database.isInline,
    ...renderTrash(context, isInTrash(context.store, database)),
    is_locked: database.isLocked,
    created_time: timestamp(database.createdTime),
    last_edited_time: timestamp(database.lastEditedTime),
    data_sources: liveDataSources(context, database).map((dataSource) => ({
      id: dataSource.id,
      name: plainText(context.store, dataSourceTitle(context, dataSource)),
    })),
    icon: renderIcon(context, database.icon),
    cover: renderIcon(context, database.cover),
    url: pageUrl(database.id, plainText(context.store, database.title)),
    public_url: database.publicUrl,
  }
}

function databaseParent(database: Database | undefined, databaseId: Id): Parent {
  return database?.parent ?? { type: 'database_id', id: databaseId }
}

/** Returns a data source object with its columns. */
export function renderDataSource(context: CallContext, dataSource: DataSource): JsonObject {
  const database = context.store.databases.get(dataSource.databaseId)
  const title = dataSourceTitle(context, dataSource)
  return {
    object: 'data_source',
    id: dataSource.id,
    title: renderRichText(context, title),
    description: renderRichText(context, dataSource.description),
    parent: { type: 'database_id', database_id: dataSource.databaseId },
    database_parent: renderParent(context, databaseParent(database, dataSource.databaseId)),
    is_inline: database?.isInline ?? false,
    ...renderTrash(context, isInTrash(context.store, dataSource)),
    ...renderStamps(dataSource),
    properties: renderColumns(context, dataSource),
    icon: renderIcon(context, dataSource.icon ?? database?.icon ?? null),
    cover: renderIcon(context, database?.cover ?? null),
    url: pageUrl(dataSource.databaseId, plainText(context.store, title)),
    public_url: database?.publicUrl ?? null,
  }
}
