import * as z from 'zod'
import { InvalidToolInputError } from '../errors.ts'
import { type NewBlock, newBlocks } from './blocks.ts'
import { type Decoration, icon, picture } from './decoration.ts'
import { type IdKind, notionId } from './ids.ts'
import { isObject, type JsonObject } from './json.ts'
import {
  addIssue,
  checkCount,
  collectIssues,
  type InputContext,
  pieces,
  type RichText,
  textLimits,
} from './rich-text.ts'
import { jsonRichText, richText } from './rich-text-input.ts'

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
  view: 'view',
  custom_emoji: 'custom emoji',
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
  return field.meta({ description: description ?? `ID or link of the ${idWords[kind]}`, blank: true })
}

/** A JSON object with any keys. zod's own records leave out a key `__proto__`, which can be the name of a property. */
const anyObject = () =>
  z
    .custom<JsonObject>()
    .superRefine((value, context) => {
      if (!isObject(value)) context.addIssue({ code: 'invalid_type', expected: 'record', input: value })
    })
    .meta({ type: 'object', additionalProperties: {} })

/** A JSON object in Notion's form. The tool checks its content. */
export const objectField = (description: string) => anyObject().meta({ description })

/** Describes the values of a page to models. */
export const pagePropertiesHint = 'Values by name, such as {"title":"Plan","Stage":"New"}'

/** A list of JSON objects in Notion's form. The tool checks their content. */
export function objectsField(description: string, max: number) {
  return z.array(anyObject()).max(max).describe(description)
}

/** Blocks. The limit is far above that of one request, since the content is split into several requests. */
export const blocksField = (description = 'Blocks, such as [{"paragraph":{"rich_text":"Hello"}}]') =>
  z.preprocess(
    (value) => (Array.isArray(value) ? value.map(asBlock) : value),
    z
      .array(anyObject().meta({ shorthand: true, plainText: true }))
      .max(10_000)
      .describe(description),
  )

// A string is a paragraph.
const asBlock = (value: unknown) => (typeof value === 'string' ? { paragraph: { rich_text: value } } : value)

const asTextItem = (value: unknown) => (typeof value === 'string' ? { text: { content: value } } : value)

/** Rich text, or a plain string. A string that looks like JSON is text as well, unless it is unmistakably rich text. */
export const richTextField = (description = 'Plain text, or a list of Notion rich text') =>
  z.preprocess(
    (value) => {
      const given = typeof value === 'string' ? (jsonRichText(value) ?? (value === '' ? [] : [value])) : value
      return Array.isArray(given) ? given.map(asTextItem) : isObject(given) ? [given] : given
    },
    z
      .array(anyObject().meta({ shorthand: true, plainText: true }))
      .max(textLimits.items)
      .meta({ description, shorthand: true, plainText: true }),
  )

/** {@link richTextField} of an object that exists: null or an empty string clears it. */
export const clearableTextField = (description = 'Plain text, or a list of Notion rich text') =>
  richTextField().nullable().meta({ description, shorthand: true }).optional()

/** An object in Notion's form, or a plain string that `fromString` turns into one. */
export const shorthandField = (description: string, fromString: (text: string) => JsonObject) =>
  z.preprocess(
    (value) => (typeof value === 'string' && value !== '' ? fromString(value) : value),
    anyObject().meta({ description, shorthand: true }),
  )

/** An icon: Notion's object, an emoji or a URL. */
export const iconField = () =>
  shorthandField('Emoji or image URL', (text) =>
    /^https?:/i.test(text) ? { external: { url: text } } : { emoji: text },
  )

/** A cover: Notion's object or a URL. */
export const coverField = () => shorthandField('Image URL', (url) => ({ external: { url } }))

/**
 * An icon or cover of an object that exists. Null removes it, and so does `"none"`, for models in strict mode, whose null
 * means that nothing is passed.
 */
export const removable = (field: ReturnType<typeof shorthandField>, description: string) =>
  z
    .preprocess((value) => (value === 'none' ? null : value), field.nullable())
    .meta({ description: `${description}; "none" removes it`, shorthand: true })
    .optional()

/** An icon or cover that Notion replaces and cannot remove. Null is passed on, so that the tool can refuse it. */
export const replaceable = (field: ReturnType<typeof shorthandField>, description: string) =>
  field.nullable().meta({ description, shorthand: true }).optional()

/** The number of entries of one result, 1 to 100. */
export const pageSizeField = () => z.int().min(1).max(100).describe('Up to 100 results').optional()

/** The cursor of a list. The tool checks its form, which differs between lists. */
export const cursorField = () =>
  z.string().max(1000).meta({ description: 'next_cursor of the previous result', blank: true }).optional()

/** Selects one of several data sources of a database. */
export const dataSourceField = () =>
  z.string().max(2000).meta({ description: 'Name or ID, if the database has several', blank: true }).optional()

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
  input: { readonly icon?: JsonObject | null | undefined; readonly cover?: JsonObject | null | undefined },
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

/** The text of a comment as Markdown, which Notion converts. */
export const markdownField = () =>
  z
    .string()
    .min(1)
    .max(10_000)
    .refine(
      (text) => !/\]\(<?user:\/\//i.test(text),
      'must not have links to user://, which Notion does not read as mentions: pass rich_text with {"mention":{"user":{"id":"…"}}}',
    )
    .describe('Markdown, instead of rich_text')

/** Checks the content of a comment: Markdown, or rich text that fits into one list and is not empty. */
export function commentContent(
  { rich_text, markdown }: { readonly rich_text?: unknown; readonly markdown?: string | undefined },
  at: (key: string) => InputContext,
): { readonly rich_text: RichText } | { readonly markdown: string } {
  if ((rich_text === undefined) === (markdown === undefined))
    addIssue(at(markdown === undefined ? 'rich_text' : 'markdown'), 'exactly one of rich_text and markdown is required')
  if (markdown !== undefined) return { markdown }
  const items = shortRichText(rich_text ?? [], at('rich_text'))
  if (rich_text !== undefined && items.length === 0) addIssue(at('rich_text'), 'must not be empty')
  return { rich_text: items }
}

/** Checks rich text that must fit into one list. */
export function shortRichText(value: unknown, context: InputContext): RichText {
  const items = richText(value, context)
  checkCount(items.length, { max: textLimits.items }, context, pieces)
  return items
}
