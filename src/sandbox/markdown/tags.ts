/**
 * Tags of Notion's markdown, such as `<callout icon="💡">` and `<table_of_contents/>`.
 *
 * @see https://developers.notion.com/guides/data-apis/working-with-markdown-content
 */

/** An opening or self-closing tag. */
export interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly selfClosing: boolean
  /** Number of characters. */
  readonly length: number
}

const tagPattern = /^<([a-z][\w-]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*(\/?)>/i
const attributePattern = /([\w-]+)(?:="([^"]*)")?/g

/** Returns the tag at the start of a text, or undefined if there is none. */
export function readTag(text: string): Tag | undefined {
  const match = tagPattern.exec(text)
  if (match === null) return undefined
  const [whole, name = '', source = '', slash] = match
  const attributes: Record<string, string> = {}
  for (const [, key = '', value = 'true'] of source.matchAll(attributePattern))
    attributes[key] = unescapeAttribute(value)
  return { name: name.toLowerCase(), attributes, selfClosing: slash === '/', length: whole.length }
}

/** Returns a tag as text, without undefined attributes. */
export function writeTag(name: string, attributes: Readonly<Record<string, string | undefined>>, end = ''): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeAttribute(value)}"`],
  )
  return `<${name}${written.join('')}${end}>`
}

function escapeAttribute(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('\n', '&#10;')
}

function unescapeAttribute(value: string): string {
  return value.replaceAll('&#10;', '\n').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}

/** Returns a color as in markdown (`red_bg` for `red_background`), undefined for the default. */
export function writeColor(color: unknown): string | undefined {
  return typeof color === 'string' && color !== 'default' ? color.replace(/_background$/, '_bg') : undefined
}

const colorPattern = /^(gray|brown|orange|yellow|green|blue|purple|pink|red)(_bg|_background)?$/

/** Returns a color of markdown as in the API, `default` for other strings. */
export function readColor(text: string | undefined): string {
  const [, name, background] = colorPattern.exec(text ?? '') ?? []
  if (name === undefined) return 'default'
  return background === undefined ? name : `${name}_background`
}
