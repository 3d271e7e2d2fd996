/**
 * Edits markdown as text.
 *
 * @see https://developers.notion.com/reference/update-page-markdown
 */
import { InvalidInput } from '../validation/check.ts'

/** A replacement of one occurrence of a text, or of all. */
export interface Replacement {
  readonly old: string
  readonly new: string
  readonly all: boolean
}

function occurrences(text: string, part: string): number {
  if (part === '') return 0
  return text.split(part).length - 1
}

/**
 * Applies replacements in order. Throws InvalidInput when a text does not occur, or occurs several times and `all` is
 * false.
 */
export function replaceAllIn(markdown: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((text, { old, new: replacement, all }) => {
    const found = occurrences(text, old)
    if (found === 0) {
      throw new InvalidInput([`Could not find the text to replace in the page content: "${shortened(old)}".`])
    }
    if (found > 1 && !all) {
      throw new InvalidInput([
        `Found ${found} matches of "${shortened(old)}" in the page content. Use a longer old_str that matches once, or set replace_all_matches.`,
      ])
    }
    return text.split(old).join(replacement)
  }, markdown)
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text
}

/** A range of a text. `from` is inclusive, `to` is exclusive. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * Returns the range of a selection: a text, or its start and end as in `start...end`. Throws InvalidInput when the
 * selection does not occur, or a text without an end occurs several times.
 */
export function findSelection(markdown: string, selection: string): Range {
  const middle = selection.indexOf('...')
  const [start, end] =
    middle < 0 ? [selection, ''] : [selection.slice(0, middle), selection.slice(middle + 3).replace(/^\.+/, '')]
  const from = start === '' ? 0 : markdown.indexOf(start)
  const at = end === '' ? from + start.length : markdown.indexOf(end, from + start.length)
  if (selection === '' || from < 0 || (end !== '' && at < 0)) {
    throw new InvalidInput([`Could not find the selection in the page content: "${shortened(selection)}".`])
  }
  if (start !== '' && markdown.indexOf(start, from + 1) >= 0 && end === '') {
    throw new InvalidInput([`Found several matches of the selection in the page content: "${shortened(selection)}".`])
  }
  return { from, to: end === '' ? at : at + end.length }
}

/** Returns the end of the line at an index. */
export function lineEnd(markdown: string, index: number): number {
  const end = markdown.indexOf('\n', index)
  return end < 0 ? markdown.length : end
}
