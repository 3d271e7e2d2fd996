/** `notion_data_fetch` as `notionDataFetch`. */
export function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/gi, (_match, letter: string) => letter.toUpperCase())
}

/** `notion_data_fetch` as `NotionDataFetch`. */
export function pascalCase(name: string): string {
  const camel = camelCase(name)
  return camel.charAt(0).toUpperCase() + camel.slice(1)
}

/** A text of the provider as the name of an enum value: `rich-text` as `RICH_TEXT`. Null where it gives no legal name. */
export function enumName(value: string): string | null {
  const name = value
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
  return /^[A-Z][A-Z0-9_]*$/.test(name) ? name : null
}
