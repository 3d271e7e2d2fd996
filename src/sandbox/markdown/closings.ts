/** Finds the ends of code spans, marks, links and tags in a line of markdown. */

/**
 * The number of scanned characters. Text with many unclosed marks is scanned repeatedly. Above `maxEffort`, the rest is
 * plain text.
 */
export interface Effort {
  spent: number
}

/** Maximum number of scanned characters: more than any real page needs, and less than a second. */
export const maxEffort = 5_000_000

/** Maximum number of backticks around a code span. */
const maxFence = 1000

const fencePattern = /^`+/

/** Returns the index after the code span that starts at `from`, or -1 if there is none. */
export function codeEnd(text: string, from: number, effort: Effort): number {
  const fence = fencePattern.exec(text.slice(from, from + maxFence + 1))?.[0] ?? ''
  effort.spent += fence.length
  if (fence === '' || fence.length > maxFence) return -1
  const end = new RegExp(`(?<!\`)${fence}(?!\`)`, 'g')
  end.lastIndex = from + fence.length
  const match = end.exec(text)
  effort.spent += (match?.index ?? text.length) - from
  return match === null ? -1 : match.index + fence.length
}

/** Returns the last index of the escaped character or code span at `index`, or undefined if there is neither. */
function literalEnd(text: string, index: number, effort: Effort): number | undefined {
  if (text[index] === '\\') return index + 1
  if (text[index] !== '`') return undefined
  const end = codeEnd(text, index, effort)
  return end > 0 ? end - 1 : index
}

/**
 * Returns the index of the mark that closes the text from `from`, or -1 if there is none. The text can contain other
 * marks in pairs, code spans and escaped characters.
 */
export function closing(text: string, from: number, mark: string, effort: Effort): number {
  const isItalic = mark === '*'
  let singles = 0
  for (let index = from; index < text.length && effort.spent < maxEffort; index += 1) {
    effort.spent += 1
    const char = text[index]
    const literal = literalEnd(text, index, effort)
    if (literal !== undefined) index = literal
    else if (char === '*' && isItalic && text[index + 1] === '*') {
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

/** Returns the index of the bracket that closes the text of a link from `from`, or -1 if there is none. */
export function closingBracket(text: string, from: number, effort: Effort): number {
  let depth = 0
  for (let index = from; index < text.length && effort.spent < maxEffort; index += 1) {
    effort.spent += 1
    const char = text[index]
    const literal = literalEnd(text, index, effort)
    if (literal !== undefined) index = literal
    else if (char === '[') depth += 1
    else if (char === ']') {
      if (depth === 0) return index
      depth -= 1
    }
  }
  return -1
}

/** Returns the index of the tag that closes the text from `from`, or -1 if there is none. Tags of the same name nest. */
export function closingTag(text: string, from: number, name: string, effort: Effort): number {
  let depth = 0
  let seen = 0
  for (const match of text.slice(from).matchAll(new RegExp(`<(/?)${name}\\b[^>]*>`, 'g'))) {
    effort.spent += match.index - seen
    seen = match.index
    if (effort.spent >= maxEffort) return -1
    if (match[1] !== '/') depth += 1
    else if (depth === 0) return from + match.index
    else depth -= 1
  }
  return -1
}
