/** Edits of markdown as text (https://developers.notion.com/reference/update-page-markdown). */
import { InvalidInput } from '../validation/check.ts'

/** A replacement of text by text. */
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
 * Applies replacements one after another.
 *
 * @throws InvalidInput if a text is not there, or there several times and not all are meant
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

/** A part of a text: from inclusive, to exclusive. */
export interface Range {
  readonly from: number
  readonly to: number
}

/**
 * The part of a text that a selection such as `start of it...end of it` names.
 *
 * @throws InvalidInput if it is not there, or more than once
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

/** The end of the line that an index is on. */
export function lineEnd(markdown: string, index: number): number {
  const end = markdown.indexOf('\n', index)
  return end < 0 ? markdown.length : end
}
