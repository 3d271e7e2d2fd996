import { isObject, type JsonObject, objectAt, objectsAt, textAt, valueAt } from '../json.ts'
import { userAddress } from '../link-list.ts'
import { plainText } from '../rich-text.ts'
import { titleOf } from '../titles.ts'
import { compactParent, compactProperties, propertyKey, statesOf } from './compact.ts'
import { attachmentsOf, iconText, pictureUrl, toComment, toFileUpload } from './objects.ts'
import { fullValue, valueText } from './property-value.ts'
import { link, richTextMarkdown, table } from './rich-text-markdown.ts'
import { toUser } from './user.ts'

/** Returns rows as a table of their values and ids, without columns that are empty in all rows. */
export function rowsTable(rows: readonly JsonObject[]): string {
  const properties = rows.map((row) => objectAt(row, 'properties'))
  const columns = [...new Set(properties.flatMap(Object.keys))].map((name) => {
    const column = properties.map((each) => valueAt(each, name))
    const isTitle = column.some((property) => textAt(property, 'type') === 'title')
    // Each cell once: writing values takes most of the time of a table.
    const cells = column.map((property) => (isObject(property) ? valueText(fullValue(property)) : ''))
    return { name, isTitle, column, cells }
  })
  const used = columns
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .sort((a, b) => Number(b.isTitle) - Number(a.isTitle))
  return withStates(
    rows,
    [...used.map(({ name, column }) => propertyKey(name, column.find(isObject))), 'id'],
    rows.map((row, at) => [...used.map(({ cells }) => cells[at] ?? ''), textAt(row, 'id') ?? '']),
  )
}

/** Returns a table of objects, with a column for their states where any has one. */
function withStates(
  objects: readonly JsonObject[],
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const states = objects.map((object) => stateWords(object).join(', '))
  if (states.every((state) => state === '')) return table(header, rows)
  return table(
    [...header, 'state'],
    rows.map((row, at) => [...row, states[at] ?? '']),
  )
}

const stateNames: Readonly<Record<string, string>> = {
  in_trash: 'in the trash',
  is_archived: 'archived',
  is_locked: 'locked',
}
const stateWords = (object: JsonObject) => Object.keys(statesOf(object)).map((state) => stateNames[state] ?? state)

// A line of content must not look like one of our own lines.
const oneLine = (text: string) => text.replaceAll(/(?<!\s)\s*\n\s*/g, ' ')
const indented = (text: string) => text.replaceAll('\n', '\n  ')
/** Returns the title of a page as a heading, and its values as lines. */
export function pageMarkdown(page: JsonObject): string {
  const properties = Object.entries(objectAt(page, 'properties'))
  const title = properties.map(([, property]) => property).find((property) => textAt(property, 'type') === 'title')
  const heading = isObject(title) ? valueText(fullValue(title)) : titleOf(page)
  const lines = [`# ${oneLine(heading) || '(untitled)'}`, ...frameLines(page)]
  for (const [name, property] of properties) {
    if (!isObject(property) || property.type === 'title') continue
    const text = valueText(fullValue(property))
    if (text !== '') lines.push(`${oneLine(propertyKey(name, property))}: ${indented(text)}`)
  }
  return lines.join('\n')
}

/** Returns what a page or database is next to its title and content, one fact on each line. */
function frameLines(object: JsonObject): readonly string[] {
  const facts: Readonly<Record<string, string | null>> = {
    id: textAt(object, 'id') ?? '',
    url: textAt(object, 'url'),
    public_url: textAt(object, 'public_url'),
    icon: iconText(object),
    cover: pictureUrl(object, 'cover'),
    parent: compactParent(object),
    last_edited_time: textAt(object, 'last_edited_time'),
  }
  const present = Object.entries(facts).flatMap(([key, value]) => (value === null ? [] : [`${key}: ${oneLine(value)}`]))
  return [...present, ...stateWords(object)]
}

/** Returns a data source as a table of its properties, with what is needed to write values. */
export function dataSourceMarkdown(source: JsonObject): string {
  const name = textAt(source, 'name') ?? plainText(source.title)
  const properties = Object.entries(compactProperties(source)).map(([property, described]) =>
    typeof described === 'string' ? [property, described, ''] : propertyCells(property, described),
  )
  const facts = [richTextMarkdown(source.description), ...stateWords(source)].filter((fact) => fact !== '')
  const heading = [`## Data source ${oneLine(name)} (${textAt(source, 'id') ?? ''})`, ...facts].join('\n')
  return `${heading}\n${table(['Property', 'Type', 'Details'], properties)}`
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
  const lines = [`# ${oneLine(plainText(database.title)) || '(untitled)'}`, ...frameLines(database)]
  const description = richTextMarkdown(database.description)
  if (description !== '') lines.push(description)
  return [...lines, ...objectsAt(database, 'data_sources').map(dataSourceMarkdown)].join('\n')
}

/** Returns comments as a list. */
export function commentsMarkdown(comments: readonly JsonObject[]): string {
  return comments.map(commentMarkdown).join('\n')
}

function commentMarkdown(comment: JsonObject): string {
  const { author, authorId, createdTime, discussionId, id } = toComment(comment)
  const by = authorId === null ? (author ?? 'unknown') : link(author ?? authorId, userAddress(authorId))
  const parent = compactParent(comment)
  const place = [`comment ${id}`, `discussion ${discussionId ?? ''}`, ...(parent === null ? [] : [`on ${parent}`])]
  const attachments = attachmentsOf(comment).map(({ category, name, url }) => {
    const label = name ?? category ?? 'file'
    return url === null ? label : link(label, url)
  })
  const content = [richTextMarkdown(comment.rich_text), ...attachments].filter((part) => part !== '').join(' ')
  return `- ${oneLine(by)}, ${createdTime ?? ''} (${place.join(', ')}): ${indented(content)}`
}

/** Returns users as a table. */
export function usersTable(users: readonly JsonObject[]): string {
  const rows = users.map(toUser).map(({ id, name, type, email }) => [name ?? '', type ?? '', email ?? '', id])
  return table(['Name', 'Type', 'Email', 'id'], rows)
}

/** Returns search results as a table, with what matches the query where `match` returns it. */
export function searchTable(
  objects: readonly JsonObject[],
  match: (object: JsonObject) => { readonly found: string; readonly snippet: string } | null,
): string {
  const matches = objects.map(match)
  const withMatches = matches.some((one) => one !== null)
  return withStates(
    objects,
    ['Title', 'Kind', 'Last edited', ...(withMatches ? ['Found by', 'Passage'] : []), 'id'],
    objects.map((object, index) => [
      titleOf(object),
      textAt(object, 'object') === 'data_source' ? 'database' : (textAt(object, 'object') ?? ''),
      textAt(object, 'last_edited_time') ?? '',
      ...(withMatches ? [matches[index]?.found ?? '', matches[index]?.snippet ?? ''] : []),
      textAt(object, 'id') ?? '',
    ]),
  )
}

/** Returns file uploads as a table. */
export function fileUploadsTable(uploads: readonly JsonObject[]): string {
  return withStates(
    uploads,
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
