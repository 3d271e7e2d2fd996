import { z } from 'zod'
import type { ResultLink } from '../../tools/result-link.ts'
import { flagAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'
import { titleOf } from '../titles.ts'
import { notionPropertyValue, propertyValues } from './property-value.ts'

/** Where an object lies. */
export const notionParent = z
  .object({
    type: z.string().describe('What the parent is: page, database, data_source, block or workspace.'),
    id: z.string().nullable().describe('Its id; null for the workspace.'),
  })
  .meta({
    id: 'NotionParent',
    description: 'Where an object of Notion lies.',
    links: [
      {
        field: 'page',
        description: 'The page itself, where the parent is one.',
        tool: 'notion_page_fetch',
        input: { page_id: 'id' },
        result: 'page',
        when: { type: 'page' },
      },
      {
        field: 'database',
        description: 'The database itself, where the parent is one.',
        tool: 'notion_database_fetch',
        input: { database_id: 'id' },
        result: 'database',
        when: { type: 'database' },
      },
    ] satisfies ResultLink[],
  })

/** A page of Notion, or a row of a data source, which is a page too. */
export const notionPage = z
  .object({
    id: z.string().describe('The id of the page.'),
    url: z.string().nullable().describe('Its address in Notion.'),
    title: z.string().describe('Its title as plain text.'),
    icon: z.string().nullable().describe('Its emoji, or the address of its icon.'),
    parent: notionParent.nullable().describe('Where it lies; null where Notion does not say.'),
    createdTime: z.iso.datetime().nullable().describe('When it was created.'),
    lastEditedTime: z.iso.datetime().nullable().describe('When it was last edited.'),
    inTrash: z.boolean().describe('Whether it lies in the trash.'),
    properties: z.array(notionPropertyValue).describe('Its values, in the order of Notion.'),
  })
  .meta({ id: 'NotionPage', description: 'A page of Notion, or a row of a database.' })

/** An option of a select, multi_select or status property. */
export const notionSelectOption = z
  .object({
    id: z.string().describe('The id of the option.'),
    name: z.string().describe('Its name, as it is written in values.'),
    color: z.string().nullable().describe('Its colour in Notion.'),
  })
  .meta({ id: 'NotionSelectOption', description: 'A choice of a select, multi_select or status property.' })

/** A column. */
export const notionPropertySchema = z
  .object({
    id: z.string().describe('The id of the property.'),
    name: z.string().describe('Its name; case-sensitive.'),
    type: z.string().describe('Its type.'),
    description: z.string().nullable().describe('What its authors wrote about it.'),
    options: z.array(notionSelectOption).describe('The choices of a select, multi_select or status property.'),
    relatedDataSourceId: z.string().nullable().describe('For a relation: the data source of the related rows.'),
    configuration: z.json().nullable().describe('What else Notion says about it, by its type.'),
  })
  .meta({
    id: 'NotionPropertySchema',
    description: 'A property of a data source: a column of a database.',
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

/** A table of rows within a database. */
export const notionDataSource = z
  .object({
    id: z.string().describe('The id of the data source.'),
    name: z.string().describe('Its name.'),
    databaseId: z.string().nullable().describe('The database that it belongs to.'),
    url: z.string().nullable().describe('Its address in Notion.'),
    inTrash: z.boolean().describe('Whether it lies in the trash.'),
    properties: z.array(notionPropertySchema).describe('Its columns.'),
  })
  .meta({ id: 'NotionDataSource', description: 'A table of rows; most databases have one.' })

/** A database. */
export const notionDatabase = z
  .object({
    id: z.string().describe('The id of the database.'),
    url: z.string().nullable().describe('Its address in Notion.'),
    title: z.string().describe('Its title as plain text.'),
    description: z.string().describe('Its description as plain text.'),
    icon: z.string().nullable().describe('Its emoji, or the address of its icon.'),
    parent: notionParent.nullable().describe('Where it lies; null where Notion does not say.'),
    isInline: z.boolean().describe('Whether it shows within its page.'),
    inTrash: z.boolean().describe('Whether it lies in the trash.'),
    createdTime: z.iso.datetime().nullable().describe('When it was created.'),
    lastEditedTime: z.iso.datetime().nullable().describe('When it was last edited.'),
    dataSources: z.array(notionDataSource).describe('Its data sources, with their columns where they were read.'),
  })
  .meta({ id: 'NotionDatabase', description: 'A database of Notion: one or more data sources under one title.' })

/** A comment. */
export const notionComment = z
  .object({
    id: z.string().describe('The id of the comment.'),
    discussionId: z.string().nullable().describe('The thread; answer with it.'),
    parent: notionParent.nullable().describe('The page or block that it is about.'),
    text: z.string().describe('What it says, as plain text.'),
    author: z.string().nullable().describe('The name that Notion shows for its author, or the author’s id.'),
    createdTime: z.iso.datetime().nullable().describe('When it was written.'),
    lastEditedTime: z.iso.datetime().nullable().describe('When it was last edited.'),
  })
  .meta({ id: 'NotionComment', description: 'A comment on a page or block.' })

/** A result of a search. */
export const notionSearchResult = z
  .object({
    id: z.string().describe('The id of the page or data source; the latter works as database_id.'),
    object: z.string().describe('page or data_source.'),
    title: z.string().describe('Its title as plain text.'),
    url: z.string().nullable().describe('Its address in Notion.'),
    parent: notionParent.nullable().describe('Where it lies.'),
    lastEditedTime: z.iso.datetime().nullable().describe('When it was last edited.'),
    inTrash: z.boolean().describe('Whether it lies in the trash.'),
  })
  .meta({
    id: 'NotionSearchResult',
    description: 'A page or database that a search found.',
    links: [
      {
        field: 'page',
        description: 'The page with its properties, where the result is one.',
        tool: 'notion_page_fetch',
        input: { page_id: 'id' },
        result: 'page',
        when: { object: 'page' },
      },
    ] satisfies ResultLink[],
  })

/** The kind and id of a parent. Notion's rows name both their data source and its database. */
export function parentOf(object: JsonObject, key = 'parent'): z.input<typeof notionParent> | null {
  const parent = objectAt(object, key)
  const type = textAt(parent, 'type')
  if (type === null) return null
  return { type: type.replace(/_id$/, ''), id: textAt(parent, type) }
}

/** An emoji, or an address; null without an icon. */
export function iconText(object: JsonObject): string | null {
  const icon = objectAt(object, 'icon')
  const type = textAt(icon, 'type') ?? ''
  const held = icon[type]
  if (typeof held === 'string') return held
  return textAt(held, 'url') ?? textAt(held, 'name')
}

/** Notion's times, as they are. */
const times = (object: JsonObject) => ({
  createdTime: textAt(object, 'created_time'),
  lastEditedTime: textAt(object, 'last_edited_time'),
})

const inTrash = (object: JsonObject) => flagAt(object, 'in_trash') || flagAt(object, 'archived')

/** A page as the typed results hold it. */
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

/** A column as the typed results hold it. */
export function toPropertySchema(name: string, property: JsonObject): z.input<typeof notionPropertySchema> {
  const type = textAt(property, 'type') ?? ''
  const configuration = objectAt(property, type)
  const { options: _options, groups: _groups, ...rest } = configuration
  return {
    id: textAt(property, 'id') ?? '',
    name,
    type,
    description: textAt(property, 'description'),
    options: objectsAt(configuration, 'options').map((option) => ({
      id: textAt(option, 'id') ?? '',
      name: textAt(option, 'name') ?? '',
      color: textAt(option, 'color'),
    })),
    relatedDataSourceId: type === 'relation' ? textAt(configuration, 'data_source_id') : null,
    configuration:
      Object.keys(rest).length === 0 ? null : (rest as z.input<typeof notionPropertySchema>['configuration']),
  }
}

/** A data source, or the mention of one in its database, as the typed results hold it. */
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

/** A database as the typed results hold it. */
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

/** A comment as the typed results hold it. */
export function toComment(comment: JsonObject): z.input<typeof notionComment> {
  const author = objectAt(comment, 'created_by')
  return {
    id: textAt(comment, 'id') ?? '',
    discussionId: textAt(comment, 'discussion_id'),
    parent: parentOf(comment),
    text: plainText(comment.rich_text),
    author:
      textAt(objectAt(comment, 'display_name'), 'resolved_name') ?? textAt(author, 'name') ?? textAt(author, 'id'),
    ...times(comment),
  }
}

/** A result of a search as the typed results hold it. */
export function toSearchResult(object: JsonObject): z.input<typeof notionSearchResult> {
  return {
    id: textAt(object, 'id') ?? '',
    object: textAt(object, 'object') ?? '',
    title: titleOf(object),
    url: textAt(object, 'url'),
    parent: parentOf(object, object.object === 'data_source' ? 'database_parent' : 'parent') ?? parentOf(object),
    lastEditedTime: textAt(object, 'last_edited_time'),
    inTrash: inTrash(object),
  }
}
