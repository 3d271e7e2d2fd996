/** Tags of Notion's markdown: `<callout icon="💡">`, `<table_of_contents/>` (https://developers.notion.com/guides/data-apis/working-with-markdown-content). */

/** An opening or self-closing tag. */
export interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly selfClosing: boolean
  /** How many characters it takes. */
  readonly length: number
}

const TAG = /^<([a-z][\w-]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*(\/?)>/i
const ATTRIBUTE = /([\w-]+)(?:="([^"]*)")?/g

/** The tag at the start of a text. */
export function readTag(text: string): Tag | undefined {
  const match = TAG.exec(text)
  if (match === null) return undefined
  const [whole, name = '', source = '', slash] = match
  const attributes: Record<string, string> = {}
  for (const [, key = '', value = 'true'] of source.matchAll(ATTRIBUTE)) attributes[key] = unescapeAttribute(value)
  return { name: name.toLowerCase(), attributes, selfClosing: slash === '/', length: whole.length }
}

/** A tag as text; attributes without a value are left out. */
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

/** A color as markdown writes it (`red_bg` for `red_background`); undefined for the default. */
export function writeColor(color: unknown): string | undefined {
  return typeof color === 'string' && color !== 'default' ? color.replace(/_background$/, '_bg') : undefined
}

const COLOR = /^(gray|brown|orange|yellow|green|blue|purple|pink|red)(_bg|_background)?$/

/** A color that markdown names, as the API names it; `default` for what is no color. */
export function readColor(text: string | undefined): string {
  const [, name, background] = COLOR.exec(text ?? '') ?? []
  if (name === undefined) return 'default'
  return background === undefined ? name : `${name}_background`
}
