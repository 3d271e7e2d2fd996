/**
 * Rich text in responses.
 *
 * @see https://developers.notion.com/reference/rich-text
 */
import type { CallContext } from '../context.ts'
import type { Id, Json, JsonObject, RichTextItem, StoredRichText } from '../model.ts'
import type { Store } from '../store.ts'
import { pageUrl } from './links.ts'
import { renderUserValue } from './users.ts'

const defaultAnnotations = {
  bold: false,
  italic: false,
  strikethrough: false,
  underline: false,
  code: false,
  color: 'default',
} as const

/** Returns the elements of a rich text. */
export function richTextItems(stored: StoredRichText): readonly RichTextItem[] {
  if (typeof stored !== 'string') return stored
  return stored === '' ? [] : [{ type: 'text', text: { content: stored } }]
}

function inner(mention: JsonObject, key: string): JsonObject {
  const value = mention[key]
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Maximum depth of titles that mention other titles, possibly in a cycle. A deeper title is "Untitled". */
const maxMentionDepth = 3

/** Returns the title of a page or database. Returns an empty string when it has no title or does not exist. */
export function titleOf(store: Store, id: Id, depth = 0): string {
  const page = store.pages.get(id)
  if (page !== undefined) return plainText(store, (page.properties.title ?? '') as StoredRichText, depth)
  const database = store.databases.get(id)
  return database === undefined ? '' : plainText(store, database.title, depth)
}

function mentionedTitle(store: Store, id: string, depth: number): string {
  return (depth < maxMentionDepth ? titleOf(store, id, depth + 1) : '') || 'Untitled'
}

function mentionText(store: Store, mention: JsonObject, depth: number): string {
  switch (mention.type) {
    case 'user': {
      const user = store.users.get(String(inner(mention, 'user').id))
      return `@${user?.name ?? 'Anonymous'}`
    }
    case 'page':
      return mentionedTitle(store, String(inner(mention, 'page').id), depth)
    case 'database':
      return mentionedTitle(store, String(inner(mention, 'database').id), depth)
    case 'date': {
      const { start, end } = inner(mention, 'date')
      return typeof end === 'string' ? `${String(start)} → ${end}` : String(start)
    }
    case 'template_mention': {
      const template = inner(mention, 'template_mention')
      return `@${String(template.template_mention_date ?? template.template_mention_user)}`
    }
    case 'custom_emoji':
      return `:${String(inner(mention, 'custom_emoji').name ?? 'emoji')}:`
    default:
      return ''
  }
}

function itemText(store: Store, item: RichTextItem, depth: number): string {
  if (item.text !== undefined) return item.text.content
  if (item.equation !== undefined) return item.equation.expression
  return item.mention === undefined ? '' : mentionText(store, item.mention, depth)
}

/** Returns a rich text without formatting. */
export function plainText(store: Store, stored: StoredRichText, depth = 0): string {
  if (typeof stored === 'string') return stored
  let text = ''
  for (const item of stored) text += itemText(store, item, depth)
  return text
}

/** Returns a mention with the current data of its object. */
function renderMention(context: CallContext, mention: JsonObject): { mention: Json; href: string | null } {
  const { store } = context
  switch (mention.type) {
    case 'user':
      return {
        mention: { type: 'user', user: renderUserValue(context, String(inner(mention, 'user').id)) },
        href: null,
      }
    case 'page':
    case 'database': {
      const id = String(inner(mention, mention.type).id)
      return { mention, href: pageUrl(id, titleOf(store, id)) }
    }
    case 'custom_emoji': {
      const emoji = inner(mention, 'custom_emoji')
      const id = String(emoji.id)
      const name = String(emoji.name ?? 'emoji')
      const url = String(emoji.url ?? `${context.publicUrl}/files/emoji/${id}`)
      return { mention: { type: 'custom_emoji', custom_emoji: { id, name, url } }, href: null }
    }
    default:
      return { mention, href: null }
  }
}

function renderItem(context: CallContext, item: RichTextItem): Json {
  const common = {
    annotations: { ...defaultAnnotations, ...item.annotations },
    plain_text: itemText(context.store, item, 0),
  }
  if (item.text !== undefined) {
    const link = item.text.link ?? null
    return { type: 'text', text: { content: item.text.content, link }, ...common, href: link?.url ?? null }
  }
  if (item.equation !== undefined) return { type: 'equation', equation: item.equation, ...common, href: null }
  const { mention, href } = renderMention(context, item.mention ?? {})
  return { type: 'mention', mention, ...common, href }
}

/** Returns a rich text array with `plain_text`, `href` and all annotations. */
export function renderRichText(context: CallContext, stored: StoredRichText): Json[] {
  return richTextItems(stored).map((item) => renderItem(context, item))
}
