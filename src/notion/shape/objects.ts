import * as z from 'zod'
import type { ResultLink } from '../../tools/result-link.ts'
import { flagAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'
import { titleOf } from '../titles.ts'
import { notionPropertyValue, propertyValues } from './property-value.ts'
import { richTextMarkdown } from './rich-text-markdown.ts'

export const notionParent = z
  .object({
    type: z.string().describe('The kind of the parent: page, database, data_source, block or workspace.'),
    parentId: z.string().nullable().describe('The id of the parent; null for the workspace.'),
  })
  .meta({
    id: 'NotionParent',
    description: 'The parent of an object in Notion.',
    links: [
      {
        field: 'page',
        description: 'The parent page; null for parents of other kinds.',
        tool: 'notion_page_fetch',
        input: { page_id: 'parentId' },
        result: 'page',
        when: { type: 'page' },
      },
      {
        field: 'database',
        description: 'The parent database; null for parents of other kinds.',
        tool: 'notion_database_fetch',
        input: { database_id: 'parentId' },
        result: 'database',
        when: { type: 'database' },
      },
    ] satisfies ResultLink[],
  })

export const notionPage = z
  .object({
    id: z.string().describe('The id of the page.'),
    url: z.string().nullable().describe('The URL in Notion.'),
    title: z.string().describe('The title as plain text.'),
    icon: z.string().nullable().describe('The emoji, or the URL of the icon.'),
    parent: notionParent.nullable().describe('The parent; null if Notion returns none.'),
    createdTime: z.iso.datetime().nullable().describe('The time of creation.'),
    lastEditedTime: z.iso.datetime().nullable().describe('The time of the last edit.'),
    inTrash: z.boolean().describe('Whether it is in the trash.'),
    properties: z.array(notionPropertyValue).describe('The values, in the order that Notion returns.'),
  })
  .meta({ id: 'NotionPage', description: 'A page, or a row of a database.' })

export const notionSelectOption = z
  .object({
    optionId: z.string().describe('The id of the option.'),
    name: z.string().describe('The name of the option, as used in values.'),
    color: z.string().nullable().describe('The color in Notion.'),
  })
  .meta({ id: 'NotionSelectOption', description: 'An option of a select, multi_select or status property.' })

export const notionStatusGroup = z
  .object({
    groupId: z.string().describe('The id of the group.'),
    name: z.string().describe('The name of the group. A filter by it finds the rows of all its options.'),
    color: z.string().nullable().describe('The color in Notion.'),
    optionIds: z.array(z.string()).describe('The ids of its options.'),
  })
  .meta({ id: 'NotionStatusGroup', description: 'A group of the options of a status property.' })

export const notionPropertySchema = z
  .object({
    propertyId: z.string().describe('The id of the property. Only unique within its data source.'),
    name: z.string().describe('The name of the property; case-sensitive.'),
    type: z.string().describe('The type of the property.'),
    description: z.string().nullable().describe('The description of the property.'),
    options: z.array(notionSelectOption).describe('The options of a select, multi_select or status property.'),
    groups: z.array(notionStatusGroup).describe('For a status property: the groups of its options.'),
    relatedDataSourceId: z.string().nullable().describe('For a relation: the data source of the related rows.'),
    configuration: z.json().nullable().describe('Further settings that depend on the type.'),
  })
  .meta({
    id: 'NotionPropertySchema',
    description: 'A property (column) of a data source.',
    links: [
      {
        field: 'relatedDatabase',
        description: 'For a relation: the database of the related rows.',
        tool: 'notion_database_fetch',
        input: { database_id: 'relatedDataSourceId' },
        result: 'database',
      },
    ] satisfies ResultLink[],
  })

export const notionDataSource = z
  .object({
    id: z.string().describe('The id of the data source.'),
    name: z.string().describe('The name of the data source.'),
    databaseId: z.string().nullable().describe('The id of the database that contains it.'),
    url: z.string().nullable().describe('The URL in Notion.'),
    inTrash: z.boolean().describe('Whether it is in the trash.'),
    properties: z.array(notionPropertySchema).describe('The properties (columns).'),
  })
  .meta({ id: 'NotionDataSource', description: 'A table of rows; most databases have one.' })

export const notionDatabase = z
  .object({
    id: z.string().describe('The id of the database.'),
    url: z.string().nullable().describe('The URL in Notion.'),
    title: z.string().describe('The title as plain text.'),
    description: z.string().describe('The description as plain text.'),
    icon: z.string().nullable().describe('The emoji, or the URL of the icon.'),
    parent: notionParent.nullable().describe('The parent; null if Notion returns none.'),
    isInline: z.boolean().describe('Whether it is shown inside its parent page.'),
    inTrash: z.boolean().describe('Whether it is in the trash.'),
    createdTime: z.iso.datetime().nullable().describe('The time of creation.'),
    lastEditedTime: z.iso.datetime().nullable().describe('The time of the last edit.'),
    dataSources: z.array(notionDataSource).describe('The data sources, with their properties if these were read.'),
  })
  .meta({ id: 'NotionDatabase', description: 'A database: one or more data sources under one title.' })

const notionCommentAttachment = z
  .object({
    category: z.string().nullable().describe('The kind of file: image, video, audio, pdf or productivity.'),
    name: z.string().nullable().describe('The name of the file; null if Notion returns none.'),
    url: z.string().nullable().describe('The URL of the file. It expires after an hour.'),
  })
  .meta({ id: 'NotionCommentAttachment', description: 'A file that is attached to a comment.' })

export const notionComment = z
  .object({
    id: z.string().describe('The id of the comment.'),
    discussionId: z
      .string()
      .nullable()
      .describe('The id of the discussion. Pass it to notion_comment_create to reply.'),
    parent: notionParent.nullable().describe('The page or block that the comment is on.'),
    text: z.string().describe('The text without formatting.'),
    markdown: z.string().describe('The text as Markdown, with its links.'),
    attachments: z.array(notionCommentAttachment).describe('The attached files. A comment may have no text.'),
    authorId: z.string().nullable().describe('The id of the user or bot that wrote it.'),
    author: z.string().nullable().describe('The name of the author as Notion shows it, or the id of the author.'),
    createdTime: z.iso.datetime().nullable().describe('The time of creation.'),
    lastEditedTime: z.iso.datetime().nullable().describe('The time of the last edit.'),
  })
  .meta({ id: 'NotionComment', description: 'A comment on a page or block.' })

export const notionFileUpload = z
  .object({
    id: z.string().describe('The id of the upload. Attach it as {"file_upload": {"id": …}}.'),
    status: z.string().describe('The status: pending, uploaded, expired or failed.'),
    filename: z.string().nullable().describe('The name of the file.'),
    contentType: z.string().nullable().describe('The media type of the file.'),
    contentLength: z.number().nullable().describe('The size of the file in bytes.'),
    expiryTime: z.iso.datetime().nullable().describe('The time until which it must be attached; null after that.'),
    createdTime: z.iso.datetime().nullable().describe('The time of creation.'),
  })
  .meta({
    id: 'NotionFileUpload',
    description: 'A file uploaded to Notion, to be attached to a page, block or database.',
  })

export const notionSearchMatch = z
  .object({
    snippet: z
      .string()
      .nullable()
      .describe(
        'A passage of about 160 characters with the words of the query, of a comment for comment, or the title; null for none.',
      ),
    score: z.number().describe('The relevance within one page of results, from 0 to 1.'),
    via: z.string().describe('Where it was found: title (by the search of Notion), content, or comment.'),
  })
  .meta({ id: 'NotionSearchMatch', description: 'Why a search found a page or database.' })

export const notionSearchResult = z
  .object({
    objectId: z
      .string()
      .describe('The id of the page or data source. The id of a data source is accepted as database_id.'),
    object: z.string().describe('The kind of the result: page or data_source.'),
    title: z.string().describe('The title as plain text.'),
    url: z.string().nullable().describe('The URL in Notion.'),
    parent: notionParent.nullable().describe('The parent.'),
    lastEditedTime: z.iso.datetime().nullable().describe('The time of the last edit.'),
    inTrash: z.boolean().describe('Whether it is in the trash.'),
    match: notionSearchMatch.nullable().describe('What matches the query; null for a query without words.'),
  })
  .meta({
    id: 'NotionSearchResult',
    description: 'A page or database that a search found.',
    links: [
      {
        field: 'page',
        description: 'The page with its properties; null for data sources.',
        tool: 'notion_page_fetch',
        input: { page_id: 'objectId' },
        result: 'page',
        when: { object: 'page' },
      },
    ] satisfies ResultLink[],
  })

/** Returns the kind and id of a parent; null for an object without one. */
export function parentOf(object: JsonObject, key = 'parent'): z.input<typeof notionParent> | null {
  const parent = objectAt(object, key)
  const type = textAt(parent, 'type')
  if (type === null) return null
  return { type: type.replace(/_id$/, ''), parentId: textAt(parent, type) }
}

/** Returns the emoji or URL of an icon; null without one. */
export const iconText = (object: JsonObject): string | null => pictureUrl(object, 'icon')

/** Returns the emoji, URL or name of an icon or cover; null without one. */
export function pictureUrl(object: JsonObject, key: 'icon' | 'cover'): string | null {
  const picture = objectAt(object, key)
  const held = picture[textAt(picture, 'type') ?? '']
  if (typeof held === 'string') return held
  return textAt(held, 'url') ?? textAt(held, 'name')
}

const times = (object: JsonObject) => ({
  createdTime: textAt(object, 'created_time'),
  lastEditedTime: textAt(object, 'last_edited_time'),
})

/** Whether an object is in the trash. */
export const inTrash = (object: JsonObject) => flagAt(object, 'in_trash') || flagAt(object, 'archived')

/** Converts a page to the typed result. */
export function toPage(page: JsonObject): z.input<typeof notionPage> {
  return {
    id: textAt(page, 'id') ?? '',
    url: textAt(page, 'url'),
    title: titleOf(page),
    icon: iconText(page),
    parent: parentOf(page),
    ...times(page),
    inTrash: inTrash(page),
    properties: propertyValues(page),
  }
}

/** Converts a property of a data source to the typed result. */
export function toPropertySchema(name: string, property: JsonObject): z.input<typeof notionPropertySchema> {
  const type = textAt(property, 'type') ?? ''
  const configuration = objectAt(property, type)
  const { options: _options, groups: _groups, ...rest } = configuration
  return {
    propertyId: textAt(property, 'id') ?? '',
    name,
    type,
    description: textAt(property, 'description'),
    options: objectsAt(configuration, 'options').map((option) => ({
      optionId: textAt(option, 'id') ?? '',
      name: textAt(option, 'name') ?? '',
      color: textAt(option, 'color'),
    })),
    groups: objectsAt(configuration, 'groups').map((group) => ({
      groupId: textAt(group, 'id') ?? '',
      name: textAt(group, 'name') ?? '',
      color: textAt(group, 'color'),
      optionIds: Array.isArray(group.option_ids) ? group.option_ids.filter((id) => typeof id === 'string') : [],
    })),
    relatedDataSourceId: type === 'relation' ? textAt(configuration, 'data_source_id') : null,
    configuration:
      Object.keys(rest).length === 0 ? null : (rest as z.input<typeof notionPropertySchema>['configuration']),
  }
}

/** Converts a data source, also one that its database lists by name only, to the typed result. */
export function toDataSource(source: JsonObject, databaseId: string | null): z.input<typeof notionDataSource> {
  return {
    id: textAt(source, 'id') ?? '',
    name: textAt(source, 'name') ?? plainText(source.title),
    databaseId: textAt(objectAt(source, 'parent'), 'database_id') ?? databaseId,
    url: textAt(source, 'url'),
    inTrash: inTrash(source),
    properties: Object.entries(objectAt(source, 'properties')).flatMap(([name, property]) =>
      isObject(property) ? [toPropertySchema(name, property)] : [],
    ),
  }
}

/** Converts a database to the typed result. */
export function toDatabase(database: JsonObject): z.input<typeof notionDatabase> {
  const id = textAt(database, 'id')
  return {
    id: id ?? '',
    url: textAt(database, 'url'),
    title: plainText(database.title),
    description: plainText(database.description),
    icon: iconText(database),
    parent: parentOf(database),
    isInline: flagAt(database, 'is_inline'),
    inTrash: inTrash(database),
    ...times(database),
    dataSources: objectsAt(database, 'data_sources').map((source) => toDataSource(source, id)),
  }
}

/** Returns the files that are attached to a comment. */
export function attachmentsOf(comment: JsonObject): z.input<typeof notionCommentAttachment>[] {
  return objectsAt(comment, 'attachments').map((attachment) => {
    const held = attachment[textAt(attachment, 'type') ?? 'file'] ?? attachment.file
    return {
      category: textAt(attachment, 'category'),
      name: textAt(attachment, 'name') ?? textAt(held, 'name'),
      url: textAt(held, 'url'),
    }
  })
}

/** Converts a comment to the typed result. */
export function toComment(comment: JsonObject): z.input<typeof notionComment> {
  const author = objectAt(comment, 'created_by')
  return {
    id: textAt(comment, 'id') ?? '',
    discussionId: textAt(comment, 'discussion_id'),
    parent: parentOf(comment),
    text: plainText(comment.rich_text),
    markdown: richTextMarkdown(comment.rich_text),
    attachments: attachmentsOf(comment),
    authorId: textAt(author, 'id'),
    author:
      textAt(objectAt(comment, 'display_name'), 'resolved_name') ?? textAt(author, 'name') ?? textAt(author, 'id'),
    ...times(comment),
  }
}

/** Converts a search result to the typed result. */
export function toSearchResult(
  object: JsonObject,
  match: z.input<typeof notionSearchMatch> | null,
): z.input<typeof notionSearchResult> {
  return {
    objectId: textAt(object, 'id') ?? '',
    object: textAt(object, 'object') ?? '',
    title: titleOf(object),
    url: textAt(object, 'url'),
    parent: parentOf(object, object.object === 'data_source' ? 'database_parent' : 'parent') ?? parentOf(object),
    lastEditedTime: textAt(object, 'last_edited_time'),
    inTrash: inTrash(object),
    match,
  }
}

/** Converts a file upload to the typed result. */
export function toFileUpload(upload: JsonObject): z.input<typeof notionFileUpload> {
  return {
    id: textAt(upload, 'id') ?? '',
    status: textAt(upload, 'status') ?? '',
    filename: textAt(upload, 'filename'),
    contentType: textAt(upload, 'content_type'),
    contentLength: typeof upload.content_length === 'number' ? upload.content_length : null,
    expiryTime: textAt(upload, 'expiry_time'),
    createdTime: textAt(upload, 'created_time'),
  }
}
