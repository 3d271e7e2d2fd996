/** Returns the address that represents a user in links. */
export const userAddress = (id: string) => `user://${id}`

/** An entry of a list of links. `text` is null for an address alone. */
export interface ListedLink {
  readonly text: string | null
  readonly address: string
}

// `[text](address)` and `[text](<address>)` (CommonMark 0.31.2 section 6.3), or an address alone, which may have commas in it.
const entry =
  /\s*(?:\[((?:\\.|[^[\]\\])*)\]\((?:<((?:\\.|[^<>\\\n])*)>|([^\s()<>[\]\\]+))\)|([^\s,[\]<>](?:[^\s<>]*[^\s<>,])?))/y
const separator = /\s*,\s*|\s+|$/y
const joined = /\]\(|,https?:\/\//i

/**
 * Returns the entries of a list of links, as Markdown results contain files and people: with commas or white space between. Null
 * where the text is anything else: the entries that are found in it would not be all of it.
 */
export function listedLinks(text: string): readonly ListedLink[] | null {
  const found: ListedLink[] = []
  const trimmed = text.trim()
  for (let at = 0; at < trimmed.length; ) {
    entry.lastIndex = at
    const [whole = '', label, enclosed, plain, alone = ''] = entry.exec(trimmed) ?? []
    if (whole === '' || joined.test(alone)) return null
    separator.lastIndex = at + whole.length
    const between = separator.exec(trimmed)
    if (between === null) return null
    const address = enclosed === undefined ? (plain ?? alone) : unescaped(enclosed)
    found.push({ text: label === undefined ? null : unescaped(label), address })
    at = separator.lastIndex
  }
  return found
}

/** @see https://spec.commonmark.org/0.31.2/#backslash-escapes */
const unescaped = (text: string) => text.replaceAll(/\\([!-/:-@[-`{-~])/g, '$1')
