import type { Forms, Language } from '../search/inflection.ts'
import type { Term } from '../search/query.ts'
import { wordsOf } from '../search/words.ts'

/*
 * Entries are what an index lists documents by: words, and for scripts without spaces, whose words are single characters, also
 * the pairs of characters that follow each other. They narrow a search to candidates, which are opened and compared with the
 * query (`search/match.ts`). A document that matches always has all entries of the query; one that has them may not match: the
 * words of a phrase may be apart.
 */

/** How often an entry occurs in the parts of a document. */
export interface Occurrences {
  title: number
  /** In the text and the comments together. */
  text: number
}

/** A document as it is listed. */
export interface DocumentEntries {
  readonly entries: ReadonlyMap<string, Readonly<Occurrences>>
  /** The number of its words. */
  readonly words: number
  readonly language: Language | null
}

/** What is looked up for a word of a query. */
export interface Lookup {
  readonly entry: string
  /** Whether entries count that begin with it. */
  readonly isBeginning: boolean
  /** The forms that count as well; they are in the same bucket. */
  readonly forms: Forms | null
}

/** The characters by which entries are assigned to buckets, so that all that begin alike are in the same one. */
const bucketLength = 2

/** The length of the longest entry, in characters. Words that are equal up to there are one entry. */
const maxLength = 64

/** A character of a script without spaces, or a picture: a word of its own, which is often found together with the next. */
const alone =
  /^(?:[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]|\p{Extended_Pictographic})/u

const ascii = /^\p{ASCII}/u

/** Decided by the first character, so that a word and its beginnings are of the same kind. */
const standsAlone = (folded: string) => !ascii.test(folded) && alone.test(folded)

/** Returns the first characters of a word, whole code points. */
function firstOf(folded: string, length: number): string {
  if (folded.length <= length) return folded
  let end = 0
  for (let count = 0; count < length; count += 1) end += (folded.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
  return folded.slice(0, end)
}

/** Returns the characters of an entry that its bucket depends on. */
export const bucketTextOf = (entry: string): string => firstOf(entry, bucketLength)

/** Returns all entries of a document. */
export function entriesOf(document: {
  readonly title: string
  readonly text: string
  readonly comments: string
  readonly language: Language | null
}): DocumentEntries {
  const entries = new Map<string, Occurrences>()
  const count = (entry: string, part: keyof Occurrences) => {
    const found = entries.get(entry)
    if (found === undefined) entries.set(entry, { title: 0, text: 0, [part]: 1 })
    else found[part] += 1
  }
  let total = 0
  const add = (text: string, part: keyof Occurrences) => {
    const words = wordsOf(text)
    total += words.length
    let before: string | null = null
    for (const { folded } of words) {
      if (folded === '' || !standsAlone(folded)) {
        if (folded !== '') count(firstOf(folded, maxLength), part)
        before = null
        continue
      }
      const character = firstOf(folded, 1)
      count(character, part)
      if (before !== null) count(before + character, part)
      before = character
    }
  }
  add(document.title, 'title')
  add(document.text, 'text')
  add(document.comments, 'text')
  return { entries, words: total, language: document.language }
}

/**
 * Returns what every document has that matches a term of a query, word by word. Empty: any document may match, because all that
 * is known is one letter at the beginning of a word.
 */
export function lookupsOf({ words, prefix, forms }: Pick<Term, 'words' | 'prefix' | 'forms'>): readonly Lookup[] {
  const lookups: Lookup[] = []
  for (const [index, word] of words.entries()) {
    const before = words[index - 1]
    if (standsAlone(word)) {
      lookups.push({ entry: firstOf(word, 1), isBeginning: false, forms: null })
      if (before !== undefined && standsAlone(before)) {
        lookups.push({ entry: firstOf(before, 1) + firstOf(word, 1), isBeginning: false, forms: null })
      }
      continue
    }
    const isBeginning = prefix && index === words.length - 1
    if (isBeginning && [...word].length < bucketLength) continue
    lookups.push({ entry: firstOf(word, maxLength), isBeginning, forms })
  }
  return lookups
}
