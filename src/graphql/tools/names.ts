/** Returns `notionDataFetch` for `notion_data_fetch`. */
export function camelCase(name: string): string {
  return name.replace(/(?<!_)_+([a-z0-9])/gi, (_match, letter: string) => letter.toUpperCase())
}

/** Returns `NotionDataFetch` for `notion_data_fetch`. */
export function pascalCase(name: string): string {
  const camel = camelCase(name)
  return camel.charAt(0).toUpperCase() + camel.slice(1)
}

/** Returns the GraphQL enum name of a string, such as `RICH_TEXT` for `rich-text`; null where it has no valid one. */
export function enumName(value: string): string | null {
  const name = value
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
  return /^[A-Z][A-Z0-9_]*$/.test(name) ? name : null
}
