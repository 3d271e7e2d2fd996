import { dateValue } from './dates.ts'
import { type IdKind, notionId } from './ids.ts'
import { checkKeys, type Found, foundAt, jsonIn, onlyValue, type PlaceOf, readFlag } from './input-values.ts'
import { asText, isObject, type JsonObject, textAt, toObject } from './json.ts'
import { dictionary } from './names.ts'
import {
  addIssue,
  type InputContext,
  isLine,
  type RichText,
  splitText,
  textItems,
  textLimits,
  under,
  unknown,
} from './rich-text.ts'
import { checkLink } from './urls.ts'

/**
 * Returns rich text in Notion's form, given as a list of items, a single item, or a string. Items with text over the
 * limit become several with the same link and annotations. A string is the text, whatever it looks like, unless
 * {@link jsonRichText} finds that it is unmistakably rich text.
 *
 * Understood as well: the text as a string under `text`, `content` or `plain_text`; a link under `link`, `url` or `href`;
 * annotations next to the text (`bold: true`); ids of mentions as links. Members that Notion only returns (`plain_text`
 * and `href` next to `text`) are left out, so that what was read can be written back. Adds an issue for anything else,
 * and for two different values of the same thing. The list may be longer than one request takes: see {@link textLimits}.
 */
export function richText(value: unknown, context: InputContext): RichText {
  const given = typeof value === 'string' ? (jsonRichText(value) ?? value) : value
  if (typeof given === 'string') return textItems(given)
  const items = Array.isArray(given) ? given : isObject(given) ? [given] : null
  if (items === null) {
    addIssue(context, 'must be a list of rich text objects, such as [{"text": {"content": "…"}}], or a string')
    return []
  }
  return items.flatMap((item, index) => richTextItem(item, Array.isArray(given) ? under(context, index) : context))
}

const kinds = ['text', 'mention', 'equation'] as const
const annotationNames = ['bold', 'italic', 'strikethrough', 'underline', 'code', 'color']
const notionKeys = ['type', ...kinds, 'annotations', 'plain_text', 'href']
const itemKeys = [...notionKeys, 'content', 'link', 'url', ...annotationNames]

/**
 * Returns the rich text that a string unmistakably contains, or undefined. That is a JSON list of at least one object, each
 * with exactly one of `text` (an object with a string as `content`), `mention` and `equation` (objects), and without keys
 * that rich text in Notion's form does not have. `wrapper` is the key of an object that may contain the list.
 */
export function jsonRichText(text: string, wrapper?: string): readonly JsonObject[] | undefined {
  const read = jsonIn(text)
  const wrapped = isObject(read) && wrapper !== undefined && Object.keys(read).length === 1 ? read[wrapper] : read
  return Array.isArray(wrapped) && wrapped.length > 0 && wrapped.every(isNotionItem) ? wrapped : undefined
}

function isNotionItem(item: unknown): item is JsonObject {
  if (!isObject(item) || Object.keys(item).some((key) => !notionKeys.includes(key))) return false
  const [kind, second] = kinds.filter((key) => item[key] !== undefined)
  if (kind === undefined || second !== undefined || !isObject(item[kind])) return false
  return kind !== 'text' || textAt(item.text, 'content') !== null
}

/** The colors of text; of blocks as well (https://developers.notion.com/reference/rich-text#the-annotation-object). */
const foregrounds = ['default', 'gray', 'brown', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'red']
const colors = [...foregrounds, ...foregrounds.map((color) => `${color}_background`)]

/** Adds an issue for a value that is not one of Notion's colors. */
export function checkColor(value: unknown, context: InputContext): void {
  if (value === undefined || value === null || (typeof value === 'string' && colors.includes(value))) return
  addIssue(context, unknown('color', asText(value), colors))
}

/**
 * Returns the annotations of an item: those under `annotations` and those next to the text. Adds issues for unknown ones.
 * Notion would refuse them in a request that may follow requests that wrote.
 */
function annotationsOf(places: readonly { readonly object: JsonObject; readonly context: InputContext }[]): JsonObject {
  const found: Found[] = places.flatMap(({ object, context }) => {
    const at = under(context, 'annotations')
    const { annotations = null } = object
    if (annotations !== null && !isObject(annotations)) addIssue(at, 'must be an object, such as {"bold": true}')
    if (isObject(annotations)) {
      const unknownKey = Object.keys(annotations).find((key) => !annotationNames.includes(key))
      if (unknownKey !== undefined) addIssue(under(at, unknownKey), unknown('annotation', unknownKey, annotationNames))
    }
    return [
      { value: annotations, context: at },
      { value: object, context },
    ].filter(({ value }) => isObject(value))
  })
  const set = annotationNames.flatMap((name) => {
    const given = onlyValue(found.flatMap(({ value, context }) => foundAt(value as JsonObject, [name], context)))
    if (given === undefined) return []
    if (name === 'color') checkColor(given.value, given.context)
    return [[name, name === 'color' ? given.value : readFlag(given.value, given.context)] as const]
  })
  return set.length === 0 ? {} : { annotations: Object.fromEntries(set) }
}

function richTextItem(item: unknown, context: InputContext): RichText {
  if (typeof item === 'string') return textItems(item)
  if (!isObject(item)) {
    addIssue(context, 'must be a rich text object, such as {"text": {"content": "…"}}')
    return []
  }
  const [first, second] = kinds.filter((key) => item[key] !== undefined && item[key] !== null)
  const kind = first ?? 'text'
  const keys = kind === 'text' ? itemKeys : [...notionKeys, ...annotationNames]
  checkKeys(item, keys, context, `in ${kind === 'text' ? 'rich text' : `a ${kind}`}`)
  if (second !== undefined) addIssue(under(context, second), `must not be combined with "${kind}"`)
  if (typeof item.type === 'string' && item.type !== kind)
    addIssue(under(context, 'type'), `must be "${kind}", as the content is`)
  if (kind === 'text') return textItem(item, context)
  const common = annotationsOf([{ object: item, context }])
  const at = under(context, kind)
  return kind === 'mention' ? mentionItem(item, at, common) : equationItem(item.equation, at, common)
}

const textKeys = ['content', 'link', 'url', 'href', 'annotations', ...annotationNames]

function textItem(item: JsonObject, context: InputContext): RichText {
  const inner = under(context, 'text')
  const held = isObject(item.text) ? item.text : {}
  if (isObject(item.text)) checkKeys(held, textKeys, inner, 'in a text')
  const texts = [
    ...foundAt(held, ['content'], inner),
    ...(isObject(item.text) ? [] : foundAt(item, ['text'], context)),
    ...foundAt(item, ['content'], context),
  ]
  const content = onlyValue(texts) ?? foundAt(item, ['plain_text'], context)[0]
  if (typeof content?.value !== 'string') {
    if (content !== undefined) addIssue(content.context, 'must be a string')
    else if (isObject(item.text)) addIssue(inner, 'must have content, a string')
    else if (Object.keys(item).every((key) => itemKeys.includes(key)))
      addIssue(context, 'must have text, mention or equation')
    return []
  }
  const url = linkOf(item, held, context)
  const linked = url === undefined || url === '' ? {} : { link: { url } }
  const common = annotationsOf([
    { object: item, context },
    { object: held, context: inner },
  ])
  return splitText(content.value).map((piece) => ({ type: 'text', text: { content: piece, ...linked }, ...common }))
}

function linkOf(item: JsonObject, held: JsonObject, context: InputContext): string | undefined {
  const links = [
    ...foundAt(held, ['link', 'url', 'href'], under(context, 'text')),
    ...foundAt(item, ['link', 'url'], context),
  ].map(linkAt)
  // Next to a link, `href` is what Notion returned for it.
  const [returned] = foundAt(item, ['href'], context)
  if (links.length === 0 && held.link === null && returned !== undefined)
    addIssue(returned.context, 'must be left out, or "text.link" must not be null')
  const link = onlyValue(links) ?? returned
  if (link === undefined) return undefined
  const { value } = link
  if (typeof value !== 'string') {
    addIssue(link.context, 'must be {"url": "…"}')
    return undefined
  }
  checkLink(value, link.context)
  return value
}

function linkAt(found: Found): Found {
  if (!isObject(found.value)) return found
  checkKeys(found.value, ['type', 'url'], found.context, 'in a link')
  return { value: found.value.url, context: under(found.context, 'url') }
}

function equationItem(value: unknown, context: InputContext, common: JsonObject): RichText {
  if (isObject(value)) checkKeys(value, ['expression'], context, 'in an equation')
  const expression = isObject(value) ? value.expression : value
  const at = isObject(value) ? under(context, 'expression') : context
  if (!isLine(expression, { max: textLimits.equation }, at)) return []
  return [{ type: 'equation', equation: { expression }, ...common }]
}

const references = dictionary<IdKind>({ user: 'user', page: 'page', database: 'database' })
const mentions = [...Object.keys(references), 'date', 'template_mention', 'custom_emoji']
/** Links that Notion shows as mentions. It returns them and does not accept them. */
const linkMentions = ['link_mention', 'link_preview']
/** What Notion returns of a mentioned user. The id is enough. */
const userKeys = ['id', 'object', 'type', 'name', 'avatar_url', 'person', 'bot']

function mentionItem(item: JsonObject, context: InputContext, common: JsonObject): RichText {
  const { mention, placeOf } = namedMention(item.mention, context)
  const kind = [...mentions, ...linkMentions].find((key) => mention[key] !== undefined && mention[key] !== null)
  if (kind === undefined) {
    addIssue(context, `must contain one of: ${mentions.join(', ')}`)
    return []
  }
  checkKeys(mention, ['type', kind], context, 'in a mention')
  const [held, at] = [mention[kind], placeOf(kind)]
  if (linkMentions.includes(kind)) {
    const [link] = foundAt(toObject(held), ['href', 'url'], at)
    const url = typeof link?.value === 'string' ? link.value : null
    if (url === null) addIssue(at, 'must have a link')
    else checkLink(url, link?.context ?? at)
    const content = textAt(held, 'title') ?? asText(item.plain_text ?? url ?? '')
    return splitText(content).map((piece) => ({
      ...{ type: 'text', text: { content: piece, ...(url !== null && { link: { url } }) } },
      ...common,
    }))
  }
  return [
    { type: 'mention', mention: { type: kind, [kind]: mentioned(kind, held, at) }, ...common } as RichText[number],
  ]
}

/** Returns a mention under its kind, given as Notion's object, as `{page_id}` or `{type, id}`, or as a link. */
function namedMention(
  value: unknown,
  context: InputContext,
): { readonly mention: JsonObject; readonly placeOf: PlaceOf } {
  if (typeof value === 'string')
    return { mention: { [value.startsWith('user://') ? 'user' : 'page']: value }, placeOf: () => context }
  if (!isObject(value)) return { mention: {}, placeOf: () => context }
  const named = Object.keys(value).map((key) => {
    const kind = key === 'id' && typeof value.type === 'string' ? value.type : key.replace(/_id$/, '')
    return [kind in references ? kind : key, key] as const
  })
  const keys = new Map<string, string>()
  for (const [kind, key] of named) {
    const other = keys.get(kind)
    if (other !== undefined) addIssue(under(context, key), `must be left out: the value is under "${other}"`)
    keys.set(kind, key)
  }
  return {
    mention: Object.fromEntries(named.map(([kind, key]) => [kind, value[key]])),
    placeOf: (kind) => under(context, keys.get(kind) ?? kind),
  }
}

function mentioned(kind: string, value: unknown, context: InputContext): unknown {
  const reference = references[kind]
  if (reference !== undefined) {
    if (!isObject(value)) return { id: idAt(value, reference, context) }
    checkKeys(value, kind === 'user' ? userKeys : ['id', 'url'], context, `in a ${kind}`)
    const named = onlyValue(foundAt(value, ['id', 'url'], context))
    return { id: idAt(named?.value, reference, named?.context ?? under(context, 'id')) }
  }
  if (kind === 'date') return dateValue(value, context)
  if (!isObject(value)) {
    addIssue(context, 'must be an object')
    return {}
  }
  const keys =
    kind === 'custom_emoji' ? ['id', 'name', 'url'] : ['type', 'template_mention_date', 'template_mention_user']
  checkKeys(value, keys, context, `in a ${kind}`)
  return kind === 'custom_emoji' ? { ...value, id: idAt(value.id, 'custom_emoji', under(context, 'id')) } : value
}

/** Returns the id of an object that an id or a link names. Adds an issue for any other value. */
export function idAt(value: unknown, kind: IdKind, context: InputContext): string {
  const id = typeof value === 'string' ? notionId(value, kind) : null
  if (id === null) addIssue(context, `must be the id of a ${kind.replaceAll('_', ' ')} or a link to one`)
  return id ?? ''
}
