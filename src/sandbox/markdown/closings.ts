/** Where what opens in a line of markdown closes. */

/**
 * The characters that were looked at. Text in which much opens and nothing closes would be read over and over; past
 * the bound the rest of it is taken as plain text.
 */
export interface Effort {
  spent: number
}

/** Far more than any honest page needs, and still a moment only. */
export const MAX_EFFORT = 5_000_000

/** More backticks in a row than this are no fence. */
const MAX_FENCE = 1000

const LONGEST_FENCE = /^`+/

/** The index after a code span that starts at an index, or -1 if there is none. */
export function codeEnd(text: string, from: number, effort: Effort): number {
  const fence = LONGEST_FENCE.exec(text.slice(from, from + MAX_FENCE + 1))?.[0] ?? ''
  effort.spent += fence.length
  if (fence === '' || fence.length > MAX_FENCE) return -1
  const end = new RegExp(`(?<!\`)${fence}(?!\`)`, 'g')
  end.lastIndex = from + fence.length
  const match = end.exec(text)
  effort.spent += (match?.index ?? text.length) - from
  return match === null ? -1 : match.index + fence.length
}

/**
 * The index of the mark that closes what starts at an index, or -1. What stands between may hold other marks in
 * pairs, code and escaped characters.
 */
export function closing(text: string, from: number, mark: string, effort: Effort): number {
  const isItalic = mark === '*'
  let singles = 0
  for (let index = from; index < text.length && effort.spent < MAX_EFFORT; index += 1) {
    effort.spent += 1
    const char = text[index]
    if (char === '\\') index += 1
    else if (char === '`') {
      const end = codeEnd(text, index, effort)
      if (end > 0) index = end - 1
    } else if (char === '*' && isItalic && text[index + 1] === '*') {
      const inner = closing(text, index + 2, '**', effort)
      if (inner > 0) index = inner + 1
      else return index > from && !/\s/.test(text[index - 1] ?? ' ') ? index : -1
    } else if (text.startsWith(mark, index)) {
      const isOpenInside = mark === '**' && singles % 2 === 1
      if (index > from && !isOpenInside && !/\s/.test(text[index - 1] ?? ' ')) return index
      if (isOpenInside) singles += 1
    } else if (char === '*') singles += 1
  }
  return -1
}

/** The index of the bracket that closes a link's text which starts at an index, or -1. */
export function closingBracket(text: string, from: number, effort: Effort): number {
  let depth = 0
  for (let index = from; index < text.length && effort.spent < MAX_EFFORT; index += 1) {
    effort.spent += 1
    const char = text[index]
    if (char === '\\') index += 1
    else if (char === '`') {
      const end = codeEnd(text, index, effort)
      if (end > 0) index = end - 1
    } else if (char === '[') depth += 1
    else if (char === ']') {
      if (depth === 0) return index
      depth -= 1
    }
  }
  return -1
}

/** The index of the tag that closes one which ended before an index, over others of its name inside. */
export function closingTag(text: string, from: number, name: string, effort: Effort): number {
  let depth = 0
  let seen = 0
  for (const match of text.slice(from).matchAll(new RegExp(`<(/?)${name}\\b[^>]*>`, 'g'))) {
    effort.spent += match.index - seen
    seen = match.index
    if (effort.spent >= MAX_EFFORT) return -1
    if (match[1] !== '/') depth += 1
    else if (depth === 0) return from + match.index
    else depth -= 1
  }
  return -1
}
