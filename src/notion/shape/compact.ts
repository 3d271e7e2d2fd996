import { asJson, flagAt, isObject, type Json, type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'
import { titleOf } from '../titles.ts'
import { attachmentsOf, iconText, inTrash, parentOf, pictureUrl, toComment } from './objects.ts'
import { fullValue } from './property-value.ts'
import { richTextMarkdown } from './rich-text-markdown.ts'
import { toUser } from './user.ts'

type Compact = { [key: string]: Json }

/** Returns an object without keys whose value is null, an empty string or an empty list. */
export function present(object: Compact): Compact {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  )
}

/** Returns the states that Notion reports of an object, those that are on. */
export const statesOf = (object: JsonObject): Compact => ({
  ...(inTrash(object) && { in_trash: true }),
  ...(flagAt(object, 'is_archived') && { is_archived: true }),
  ...(flagAt(object, 'is_locked') && { is_locked: true }),
})

/** The keys that the text formats use for a page itself. */
const pageKeys = new Set([
  ...['id', 'url', 'public_url', 'icon', 'cover', 'parent', 'last_edited_time'],
  ...['in_trash', 'is_archived', 'is_locked'],
])

/** Whether a key of the text formats is that of a page itself. */
export const isPageKey = (key: string): boolean => pageKeys.has(key)

/**
 * Returns the key of a property in the text formats: its name, or `property ` and its name where that is a key of the page
 * itself, present or not, or begins like one of these. `title` is always the title.
 */
export function propertyKey(name: string, property: unknown): string {
  const isTaken = pageKeys.has(name) || (name === 'title' && textAt(property, 'type') !== 'title')
  return isTaken || name.startsWith('property ') ? `property ${name}` : name
}

/** Converts a page or row: its id, its URL and its values by {@link propertyKey}, without empty ones. */
export function compactPage(page: JsonObject, more: Compact = {}): Compact {
  const row: Compact = present({
    id: textAt(page, 'id'),
    url: textAt(page, 'url'),
    icon: iconText(page),
    ...more,
    ...statesOf(page),
  })
  for (const [name, property] of Object.entries(objectAt(page, 'properties'))) {
    const value = isObject(property) ? fullValue(property) : null
    if (value === null) continue
    // An assignment to "__proto__" would set the prototype.
    Object.defineProperty(row, propertyKey(name, property), { value, enumerable: true })
  }
  return row
}

/** {@link compactPage} with the cover, the public URL, the parent and the time of the last edit. */
export function compactFullPage(page: JsonObject): Compact {
  return compactPage(page, {
    public_url: textAt(page, 'public_url'),
    cover: pictureUrl(page, 'cover'),
    parent: compactParent(page),
    last_edited_time: textAt(page, 'last_edited_time'),
  })
}

/** Returns a parent as `page 1234…`; null for none. */
export function compactParent(object: JsonObject, key = 'parent'): string | null {
  const parent = parentOf(object, key)
  return parent === null ? null : parent.parentId === null ? parent.type : `${parent.type} ${parent.parentId}`
}

/** Converts properties: by name the type, or an object with the type and what is needed to write values. */
export function compactProperties(source: JsonObject): Compact {
  const properties: Compact = {}
  for (const [name, property] of Object.entries(objectAt(source, 'properties'))) {
    if (!isObject(property)) continue
    Object.defineProperty(properties, name, { value: compactProperty(property), enumerable: true })
  }
  return properties
}

function compactProperty(property: JsonObject): Json {
  const type = textAt(property, 'type') ?? ''
  const configuration = objectAt(property, type)
  const more = present({
    options: objectsAt(configuration, 'options').map((option) => textAt(option, 'name') ?? ''),
    data_source_id: textAt(configuration, 'data_source_id'),
    expression: textAt(configuration, 'expression'),
    format: configuration.format === 'number' ? null : textAt(configuration, 'format'),
    function: textAt(configuration, 'function'),
    relation: textAt(configuration, 'relation_property_name'),
    of: textAt(configuration, 'rollup_property_name'),
    prefix: textAt(configuration, 'prefix'),
    description: textAt(property, 'description'),
  })
  return Object.keys(more).length === 0 ? type : { type, ...more }
}

/** Converts a data source with its properties. */
export function compactDataSource(source: JsonObject): Compact {
  return present({
    id: textAt(source, 'id'),
    name: textAt(source, 'name') ?? plainText(source.title),
    database_id: textAt(objectAt(source, 'parent'), 'database_id'),
    description: richTextMarkdown(source.description),
    ...statesOf(source),
    ...(source.properties !== undefined && { properties: compactProperties(source) }),
  })
}

/** {@link compactDataSource} with the time of the last edit. */
export const compactFullDataSource = (source: JsonObject): Compact => ({
  ...compactDataSource(source),
  ...present({ last_edited_time: textAt(source, 'last_edited_time') }),
})

/** Converts a database with its data sources. */
export function compactDatabase(database: JsonObject): Compact {
  return present({
    id: textAt(database, 'id'),
    url: textAt(database, 'url'),
    title: plainText(database.title),
    description: richTextMarkdown(database.description),
    icon: iconText(database),
    parent: compactParent(database),
    last_edited_time: textAt(database, 'last_edited_time'),
    ...statesOf(database),
    data_sources: objectsAt(database, 'data_sources').map(compactDataSource),
  })
}

/** Converts a comment with its author, its time and its discussion. */
export function compactComment(comment: JsonObject): Compact {
  const { id, discussionId, author, authorId, createdTime, lastEditedTime } = toComment(comment)
  return present({
    id,
    discussion_id: discussionId,
    parent: compactParent(comment),
    author,
    ...(authorId !== author && { author_id: authorId }),
    created_time: createdTime,
    ...(lastEditedTime !== createdTime && { last_edited_time: lastEditedTime }),
    text: richTextMarkdown(comment.rich_text),
    attachments: attachmentsOf(comment).map((attachment) => present({ ...attachment })),
  })
}

/** Converts a user. */
export function compactUser(user: JsonObject): Compact {
  const { id, name, type, email } = toUser(user)
  return present({ id, name, type, email })
}

/** Converts a search result. */
export function compactSearchResult(object: JsonObject): Compact {
  return present({
    id: textAt(object, 'id'),
    object: textAt(object, 'object'),
    title: titleOf(object),
    url: textAt(object, 'url'),
    parent: compactParent(object, object.object === 'data_source' ? 'database_parent' : 'parent'),
    last_edited_time: textAt(object, 'last_edited_time'),
    ...statesOf(object),
  })
}

/** Converts a file upload. */
export function compactFileUpload(upload: JsonObject): Compact {
  return present({
    id: textAt(upload, 'id'),
    status: textAt(upload, 'status'),
    filename: textAt(upload, 'filename'),
    content_type: textAt(upload, 'content_type'),
    content_length: asJson(upload.content_length),
    expiry_time: textAt(upload, 'expiry_time'),
    ...statesOf(upload),
  })
}
