import { flagAt, isObject, type JsonObject, objectAt, objectsAt, textAt } from '../json.ts'
import { plainText } from '../rich-text.ts'
import { titleOf } from '../titles.ts'
import { compactParent, compactProperties } from './compact.ts'
import { toComment, toFileUpload } from './objects.ts'
import { plainValue, valueText } from './property-value.ts'
import { richTextMarkdown, table } from './rich-text-markdown.ts'
import { toUser } from './user.ts'

/** Returns rows as a table of their values and ids, without columns that are empty in all rows. */
export function rowsTable(rows: readonly JsonObject[]): string {
  const values = rows.map((row) => ({ row, properties: objectAt(row, 'properties') }))
  const names = [...new Set(values.flatMap(({ properties }) => Object.keys(properties)))].sort(
    (a, b) => Number(isTitle(values, b)) - Number(isTitle(values, a)),
  )
  const cell = (properties: JsonObject, name: string) => {
    const property = properties[name]
    return isObject(property) ? valueText(plainValue(property)) : ''
  }
  const used = names.filter((name) => values.some(({ properties }) => cell(properties, name) !== ''))
  return table(
    [...used.map((name) => (name === 'id' ? 'property id' : name)), 'id'],
    values.map(({ row, properties }) => [...used.map((name) => cell(properties, name)), textAt(row, 'id') ?? '']),
  )
}

const isTitle = (values: readonly { readonly properties: JsonObject }[], name: string) =>
  values.some(({ properties }) => objectAt(properties, name).type === 'title')

// A line of content must not look like one of our own lines.
const oneLine = (text: string) => text.replaceAll(/(?<!\s)\s*\n\s*/g, ' ')
const indented = (text: string) => text.replaceAll('\n', '\n  ')
const ours = new Set(['id', 'url', 'parent'])

/** Returns the title of a page as a heading and its values as lines. */
export function pageMarkdown(page: JsonObject): string {
  const lines = [`# ${oneLine(titleOf(page)) || '(untitled)'}`, `id: ${textAt(page, 'id') ?? ''}`]
  const url = textAt(page, 'url')
  if (url !== null) lines.push(`url: ${url}`)
  const parent = compactParent(page)
  if (parent !== null) lines.push(`parent: ${parent}`)
  if (flagAt(page, 'in_trash')) lines.push('in the trash')
  for (const [name, property] of Object.entries(objectAt(page, 'properties'))) {
    if (!isObject(property) || property.type === 'title') continue
    const text = valueText(plainValue(property))
    if (text !== '') lines.push(`${ours.has(name) ? 'property ' : ''}${oneLine(name)}: ${indented(text)}`)
  }
  return lines.join('\n')
}

/** Returns a data source as a table of its properties, with what is needed to write values. */
export function dataSourceMarkdown(source: JsonObject): string {
  const name = textAt(source, 'name') ?? plainText(source.title)
  const properties = Object.entries(compactProperties(source)).map(([property, described]) =>
    typeof described === 'string' ? [property, described, ''] : propertyCells(property, described),
  )
  return `## Data source ${name} (${textAt(source, 'id') ?? ''})\n${table(['Property', 'Type', 'Details'], properties)}`
}

function propertyCells(name: string, described: unknown): readonly string[] {
  if (!isObject(described)) return [name, '', '']
  const { type, ...rest } = described
  const details = Object.entries(rest).map(
    ([key, value]) => `${key}: ${Array.isArray(value) ? value.join(', ') : String(value)}`,
  )
  return [name, String(type), details.join('; ')]
}

/** Returns the title of a database and the properties of its data sources. */
export function databaseMarkdown(database: JsonObject): string {
  const lines = [`# ${plainText(database.title) || '(untitled)'}`, `id: ${textAt(database, 'id') ?? ''}`]
  const description = plainText(database.description)
  if (description !== '') lines.push(description)
  return [...lines, ...objectsAt(database, 'data_sources').map(dataSourceMarkdown)].join('\n')
}

/** Returns comments as a list. */
export function commentsMarkdown(comments: readonly JsonObject[]): string {
  return comments.map(commentMarkdown).join('\n')
}

function commentMarkdown(comment: JsonObject): string {
  const { author, createdTime, discussionId, id } = toComment(comment)
  return `- ${author ?? 'unknown'}, ${createdTime ?? ''} (comment ${id}, discussion ${discussionId ?? ''}): ${indented(richTextMarkdown(comment.rich_text))}`
}

/** Returns users as a table. */
export function usersTable(users: readonly JsonObject[]): string {
  const rows = users.map(toUser).map(({ id, name, type, email }) => [name ?? '', type ?? '', email ?? '', id])
  return table(['Name', 'Type', 'Email', 'id'], rows)
}

/** Returns search results as a table. */
export function searchTable(objects: readonly JsonObject[]): string {
  return table(
    ['Title', 'Kind', 'Last edited', 'id'],
    objects.map((object) => [
      titleOf(object),
      textAt(object, 'object') === 'data_source' ? 'database' : (textAt(object, 'object') ?? ''),
      textAt(object, 'last_edited_time') ?? '',
      textAt(object, 'id') ?? '',
    ]),
  )
}

/** Returns file uploads as a table. */
export function fileUploadsTable(uploads: readonly JsonObject[]): string {
  return table(
    ['File', 'Type', 'Status', 'Expires', 'id'],
    uploads
      .map(toFileUpload)
      .map(({ id, status, filename, contentType, expiryTime }) => [
        filename ?? '',
        contentType ?? '',
        status,
        expiryTime ?? '',
        id,
      ]),
  )
}
