import { z } from 'zod'
import { InvalidToolInputError } from '../errors.ts'
import { type NewBlock, newBlocks } from './blocks.ts'
import { type Decoration, icon, picture } from './decoration.ts'
import { type IdKind, notionId } from './ids.ts'
import type { JsonObject } from './json.ts'
import { addIssue, collectIssues, type InputContext, type RichText, richText, textLimits } from './rich-text.ts'

const idWords: Readonly<Record<IdKind, string>> = {
  page: 'page',
  database: 'database',
  data_source: 'data source',
  block: 'block',
  comment: 'comment',
  discussion: 'discussion',
  user: 'user',
  file_upload: 'file upload',
  template: 'template',
}

/** The kinds of object that notion_data_fetch finds. */
const searchable: ReadonlySet<IdKind> = new Set(['page', 'database', 'data_source', 'block'])

/** An id or a link pasted from a browser. The checked value is the UUID. */
export function idField(kind: IdKind, description?: string) {
  const field = z
    .string()
    .max(4000)
    .transform((text, context) => {
      const id = notionId(text, kind)
      if (id !== null) return id
      context.addIssue({
        code: 'custom',
        message: `must be the id of a ${idWords[kind]} (a UUID) or a link to one at notion.so or notion.com${searchable.has(kind) ? '. Call notion_data_fetch to find ids by title' : ''}`,
      })
      return z.NEVER
    })
  return field.describe(description ?? 'ID or link')
}

/** A JSON object in Notion's form. The tool checks its content. */
export function objectField(description: string) {
  return z.record(z.string(), z.unknown()).describe(description)
}

/** Describes the values of a page to models. */
export const pagePropertiesHint = 'JSON: {"title":"Plan","Stage":"New"}'

/** A list of JSON objects in Notion's form. The tool checks their content. */
export function objectsField(description: string, max: number) {
  return z.array(z.record(z.string(), z.unknown())).max(max).describe(description)
}

/** Blocks. The limit is far above that of one request, since the content is split into several requests. */
export const blocksField = (description = 'JSON list of blocks') =>
  z.preprocess(
    (value) => (Array.isArray(value) ? value.map(asBlock) : value),
    z.array(z.record(z.string(), z.unknown())).max(10_000).describe(description),
  )

// A string is a paragraph.
const asBlock = (value: unknown) => (typeof value === 'string' ? { paragraph: { rich_text: value } } : value)

const asTextItem = (value: unknown) => (typeof value === 'string' ? { text: { content: value } } : value)

/** Rich text, or a plain string. */
export const richTextField = (description = 'Plain text, or Notion rich text as JSON') =>
  z.preprocess(
    (value) =>
      Array.isArray(value)
        ? value.map(asTextItem)
        : typeof value === 'string'
          ? value === ''
            ? []
            : [asTextItem(value)]
          : value,
    z.array(z.record(z.string(), z.unknown())).max(textLimits.items).meta({ description, shorthand: true }),
  )

/** An object in Notion's form, or a plain string that `fromString` turns into one. */
export const shorthandField = (description: string, fromString: (text: string) => JsonObject) =>
  z.preprocess(
    (value) => (typeof value === 'string' && value !== '' ? fromString(value) : value),
    z.record(z.string(), z.unknown()).meta({ description, shorthand: true }),
  )

/** An icon: Notion's object, an emoji or a URL. */
export const iconField = () =>
  shorthandField('Emoji or URL', (text) => (/^https?:/i.test(text) ? { external: { url: text } } : { emoji: text }))

/** A cover: Notion's object or a URL. */
export const coverField = () => shorthandField('Image URL', (url) => ({ external: { url } }))

/** The number of entries of one result, 1 to 100. */
export const pageSizeField = () => z.int().min(1).max(100).describe('Maximum results').optional()

/** The cursor of a list. The tool checks its form, which differs between lists. */
export const cursorField = () => z.string().max(1000).describe('Cursor for the next page').optional()

/** Selects one of several data sources of a database. */
export const dataSourceField = () => z.string().max(2000).describe('Name or ID if several exist').optional()

/** Runs checks that add issues. Throws InvalidToolInputError with the first of them. */
export function checked<T>(check: (at: (path: string) => InputContext) => T): T {
  const { value, issues } = collectIssues((list) => check((path) => ({ path, issues: list })))
  if (issues.length > 0) throw new InvalidToolInputError(issues)
  return value as T
}

/** Throws InvalidToolInputError about one place of the input. */
export function refuse(path: string, message: string): never {
  throw new InvalidToolInputError([{ path, message }])
}

/** Returns the icon and cover of an input in Notion's form. */
export function decorations(
  input: { readonly icon?: JsonObject | undefined; readonly cover?: JsonObject | undefined },
  at: (path: string) => InputContext,
): Decoration {
  return {
    ...(input.icon !== undefined && { icon: icon(input.icon, at('icon')) }),
    ...(input.cover !== undefined && { cover: picture(input.cover, at('cover')) }),
  }
}

/** Checks the blocks of an input. */
export function blocksOf(value: readonly unknown[] | undefined, context: InputContext): readonly NewBlock[] {
  return value === undefined ? [] : newBlocks(value, context)
}

/** Checks the text of a comment: rich text that fits into one list and is not empty. */
export function commentText(value: unknown, context: InputContext): RichText {
  const items = shortRichText(value, context)
  if (items.length === 0) addIssue(context, 'must not be empty')
  return items
}

/** Checks rich text that must fit into one list. */
export function shortRichText(value: unknown, context: InputContext): RichText {
  const items = richText(value, context)
  if (items.length > textLimits.items) {
    addIssue(context, `must have at most ${textLimits.items} pieces of ${textLimits.content} characters`)
  }
  return items
}
