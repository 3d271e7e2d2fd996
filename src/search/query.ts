import { type Forms, formsOf } from './inflection.ts'
import { wordsOf } from './words.ts'

/** A time span in UTC, in milliseconds since the epoch. `until` is the first moment after it. */
export interface TimeSpan {
  readonly from: number
  readonly until: number
}

/** Words that must occur next to each other: one word of the query, or a quoted phrase. */
export interface Term {
  /** As {@link wordsOf} folds them. */
  readonly words: readonly string[]
  /** Whether the last of the words may be the beginning of a longer one. */
  readonly prefix: boolean
  readonly quoted: boolean
  /** The other forms of a word that is not quoted; null for none. */
  readonly forms: Forms | null
}

/** What a query asks for. All of it must hold. */
export interface Query {
  readonly terms: readonly Term[]
  /** The words without operators and quotation marks, for a search by another program. */
  readonly plain: string
  /** The title or id of the database that `in:` names. */
  readonly within: string | null
  /** The time of the last edit that `edited:` asks for. */
  readonly edited: TimeSpan | null
  /** Whether `by:me` restricts the result to what the caller created or edited. */
  readonly byMe: boolean
}

/** The most different words and phrases of a query: each is compared with all words of the texts that are searched. */
const maxTerms = 100

/** An operator with a value that cannot be read, or too many terms. The message states what to write. */
export class QueryError extends Error {
  override readonly name = 'QueryError'
}

const operator = /(in|edited|by):(?:"([^"]*)"|(\S*))/y
const phrase = /["“„]([^"“”„]*)["”“]/y
const chunk = /[^\s"“”„]+|["“”„]/y

/**
 * Reads a query: words, `"exact phrases"`, and the operators `in:`, `edited:` and `by:` in lower case. A word with another
 * name before its colon is text. Throws {@link QueryError} for an operator whose value cannot be read, and for more than 100
 * different words and phrases.
 */
export function readQuery(text: string): Query {
  const terms: Omit<Term, 'forms'>[] = []
  const plain: string[] = []
  let within: string | null = null
  let edited: TimeSpan | null = null
  let byMe = false
  let plainOnly = true
  let lastWord = -1
  for (let at = 0; at < text.length; ) {
    const take = (pattern: RegExp) => {
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (match !== null) at += match[0].length
      return match
    }
    const startsWord = at === 0 || /\s/.test(text.charAt(at - 1))
    const named = startsWord ? take(operator) : null
    if (named !== null) {
      plainOnly = false
      const [, name = '', quoted, bare = ''] = named
      const value = (quoted ?? bare).trim()
      if (name === 'by') byMe = readBy(value)
      else if (name === 'edited') edited = narrowed(edited, readEdited(value))
      else within = readWithin(value, within)
      continue
    }
    const quoted = take(phrase)
    if (quoted !== null) {
      plainOnly = false
      const [, inner = ''] = quoted
      const words = wordsOf(inner).flatMap(({ folded }) => folded || [])
      if (words.length > 0) terms.push({ words, prefix: false, quoted: true })
      plain.push(inner)
      continue
    }
    const part = take(chunk)
    if (part === null) {
      at += 1
      continue
    }
    plain.push(part[0])
    for (const words of termsIn(part[0])) lastWord = terms.push({ words, prefix: false, quoted: false }) - 1
  }
  const different = distinct(terms.map((term, index) => (index === lastWord ? { ...term, prefix: true } : term)))
  return {
    terms: different.map((term) => ({ ...term, forms: formsOfTerm(term) })),
    plain: plainOnly ? text : plain.join(' ').replaceAll(/\s+/g, ' ').trim(),
    within,
    edited,
    byMe,
  }
}

function formsOfTerm({ words, quoted }: Omit<Term, 'forms'>): Forms | null {
  const [word = ''] = words
  return quoted || words.length > 1 ? null : formsOf(word)
}

/** Leaves out repeated terms. Throws {@link QueryError} where too many remain. */
function distinct(terms: readonly Omit<Term, 'forms'>[]): readonly Omit<Term, 'forms'>[] {
  const different = new Map<string, Omit<Term, 'forms'>>()
  for (const term of terms) {
    const key = term.words.join(' ')
    const { prefix, quoted } = different.get(key) ?? term
    // The whole word is also found where it may be the beginning of one.
    different.set(key, { ...term, prefix: prefix && term.prefix, quoted: quoted || term.quoted })
  }
  if (different.size > maxTerms) {
    throw new QueryError(`must have at most ${maxTerms} different words and phrases, not ${different.size}`)
  }
  return [...different.values()]
}

const segmenter = new Intl.Segmenter('en', { granularity: 'word' })

/**
 * Returns the words of a part of a query without spaces. What a hyphen, a full stop or an apostrophe joins stays together.
 * A sentence of a script without spaces is divided into its words, which may occur apart from each other.
 */
function termsIn(part: string): readonly (readonly string[])[] {
  const terms: string[][] = []
  for (const piece of part.split(/[/:;,|&+=()[\]{}<>]+/)) {
    let spaced: string[] = []
    const words = wordsOf(piece)
    for (let index = 0; index < words.length; index += 1) {
      const word = words[index]
      if (word === undefined) break
      if (!word.unspaced) {
        if (spaced.push(word.folded) === 1) terms.push(spaced)
        continue
      }
      spaced = []
      let end = index
      while (words[end + 1]?.unspaced && words[end + 1]?.start === words[end]?.end) end += 1
      for (const { segment } of segmenter.segment(piece.slice(word.start, words[end]?.end))) {
        const characters = wordsOf(segment).map(({ folded }) => folded)
        if (characters.length > 0) terms.push(characters)
      }
      index = end
    }
  }
  return terms
}

function readBy(value: string): true {
  if (value === 'me') return true
  throw new QueryError('must have "me" after by:, as in by:me. Put quotation marks around the words to search for them')
}

function readWithin(value: string, before: string | null): string {
  if (value === '') {
    throw new QueryError('must have the title or ID of a database after in:, as in in:Tasks or in:"Team tasks"')
  }
  if (before !== null && before !== value) throw new QueryError('must have in: only once')
  return value
}

const editedValue = /^(>=|<=|>|<|=)?(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/

/** Reads a year, month or day in UTC, with a comparison that means the whole of it: `>2026-01` begins in February. */
function readEdited(value: string): TimeSpan {
  const [, comparison = '=', year, month, day] = editedValue.exec(value) ?? []
  const [y, m, d] = [Number(year), month === undefined ? null : Number(month), day === undefined ? null : Number(day)]
  const from = Date.UTC(y, (m ?? 1) - 1, d ?? 1)
  const until = m === null ? Date.UTC(y + 1, 0, 1) : d === null ? Date.UTC(y, m, 1) : Date.UTC(y, m - 1, d + 1)
  const isDate =
    year !== undefined && new Date(from).toISOString().startsWith([year, month, day].filter(Boolean).join('-'))
  if (!isDate) {
    throw new QueryError(
      'must have a year, month or day after edited:, as in edited:2026-02, edited:>=2026-01-15 or edited:<2026',
    )
  }
  switch (comparison) {
    case '>':
      return { from: until, until: Number.POSITIVE_INFINITY }
    case '>=':
      return { from, until: Number.POSITIVE_INFINITY }
    case '<':
      return { from: Number.NEGATIVE_INFINITY, until: from }
    case '<=':
      return { from: Number.NEGATIVE_INFINITY, until }
    default:
      return { from, until }
  }
}

function narrowed(before: TimeSpan | null, span: TimeSpan): TimeSpan {
  if (before === null) return span
  return { from: Math.max(before.from, span.from), until: Math.min(before.until, span.until) }
}
