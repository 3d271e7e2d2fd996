import { z } from 'zod'
import { type InputIssue, InvalidToolInputError } from '../errors.ts'
import { type NewBlock, newBlocks } from './blocks.ts'
import { icon, picture } from './decoration.ts'
import { type IdKind, notionId } from './ids.ts'
import type { JsonObject } from './json.ts'
import { type Checking, richText, textLimits } from './rich-text.ts'

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

/** What a search finds. */
const found: ReadonlySet<IdKind> = new Set(['page', 'database', 'data_source', 'block'])

/** An id of Notion or a link pasted from a browser; gives the UUID. */
export function idField(kind: IdKind, description?: string) {
  const field = z
    .string()
    .max(4000)
    .transform((text, context) => {
      const id = notionId(text, kind)
      if (id !== null) return id
      context.addIssue({
        code: 'custom',
        message: `is neither the id of a ${idWords[kind]} (a UUID) nor a link to one at notion.so or notion.com${found.has(kind) ? '; notion_data_fetch finds ids by title' : ''}`,
      })
      return z.NEVER
    })
  return field.describe(description ?? 'id or link')
}

/** JSON with Notion's own shape, checked where it is used. */
export function objectField(description: string) {
  return z.record(z.string(), z.unknown()).describe(description)
}

/** A list of such JSON. */
export function objectsField(description: string, max: number) {
  return z.array(z.record(z.string(), z.unknown())).max(max).describe(description)
}

/** Blocks: the cap is far above what one request holds, as content is split over several. */
export const blocksField = (description = 'Notion blocks') =>
  z.preprocess(
    (value) => (Array.isArray(value) ? value.map(asBlock) : value),
    z.array(z.record(z.string(), z.unknown())).max(10_000).describe(description),
  )

// A plain text stands for a paragraph.
const asBlock = (value: unknown) => (typeof value === 'string' ? { paragraph: { rich_text: value } } : value)

const asTextItem = (value: unknown) => (typeof value === 'string' ? { text: { content: value } } : value)

/** Rich text, or a plain text that stands for it. */
export const richTextField = (description = 'rich text') =>
  z.preprocess(
    (value) =>
      Array.isArray(value)
        ? value.map(asTextItem)
        : typeof value === 'string'
          ? value === ''
            ? []
            : [asTextItem(value)]
          : value,
    z.array(z.record(z.string(), z.unknown())).max(textLimits.items).describe(description),
  )

/** An icon: Notion's object, or an emoji or address that stands for it. */
export const iconField = (description = 'emoji or URL') =>
  z.preprocess(
    (value) =>
      typeof value !== 'string' || value === ''
        ? value
        : /^https?:/i.test(value)
          ? { external: { url: value } }
          : { emoji: value },
    objectField(description),
  )

/** A cover: Notion's object, or an address that stands for it. */
export const coverField = (description = 'URL') =>
  z.preprocess(
    (value) => (typeof value === 'string' && value !== '' ? { external: { url: value } } : value),
    objectField(description),
  )

/** How many at once. */
export const pageSizeField = (max = 100) =>
  z
    .int()
    .min(1)
    .max(max)
    .optional()
    .meta({ documentation: `How many at once: 1 to ${max}.` })

/** Where to go on; its form is checked where it is known what Notion takes. */
export const cursorField = () => z.string().max(1000).describe('next_cursor').optional()

/** A choice where a database has several data sources. */
export const dataSourceField = () => z.string().max(2000).describe('if several, one').optional()

/** Runs checks that note issues, and fails with all of them at once. */
export function checked<T>(check: (at: (path: string) => Checking) => T): T {
  const issues: InputIssue[] = []
  const value = check((path) => ({ path, issues }))
  if (issues.length > 0) throw new InvalidToolInputError(issues.slice(0, 20))
  return value
}

/** Fails the call because of one place of the input. */
export function refuse(path: string, message: string): never {
  throw new InvalidToolInputError([{ path, message }])
}

/** Icon and cover as a request holds them, if they were given. */
export function decorations(
  input: { readonly icon?: JsonObject | undefined; readonly cover?: JsonObject | undefined },
  at: (path: string) => Checking,
): JsonObject {
  return {
    ...(input.icon !== undefined && { icon: icon(input.icon, at('icon')) }),
    ...(input.cover !== undefined && { cover: picture(input.cover, at('cover')) }),
  }
}

/** The blocks of an input, checked. */
export function blocksOf(value: readonly unknown[] | undefined, checking: Checking): readonly NewBlock[] {
  return value === undefined ? [] : newBlocks(value, checking)
}

/** The text of a comment: rich text that has to fit into one list, and to say something. */
export function commentText(value: unknown, checking: Checking): readonly JsonObject[] {
  const items = shortRichText(value, checking)
  if (items.length === 0) checking.issues.push({ path: checking.path, message: 'is empty' })
  return items
}

/** Rich text that has to fit into one list. */
export function shortRichText(value: unknown, checking: Checking): readonly JsonObject[] {
  const items = richText(value, checking)
  if (items.length > textLimits.items) {
    checking.issues.push({
      path: checking.path,
      message: `is too long: at most ${textLimits.items} pieces of ${textLimits.content} characters`,
    })
  }
  return items
}
