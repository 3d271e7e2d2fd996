import type { Term } from '../search/query.ts'
import { wordsOf } from '../search/words.ts'
import type { IndexKey, TermKind } from './index-key.ts'

/*
 * Terms narrow a search to candidates, which are opened and compared with the query (`search/match.ts`). A document that
 * matches always has all terms of the query; one that has them may not match: words of a phrase may be apart, and a long
 * beginning is only looked up by its first letters.
 */

/**
 * The lengths of the beginnings of words that are indexed, in characters. Each would add as many terms as there are words;
 * these three keep the candidates of a beginning few.
 */
const beginningLengths = [7, 4, 2] as const

/** A character of a script without spaces, or a picture: a word of its own, which is often found together with the next. */
const alone =
  /^(?:[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}]|\p{Extended_Pictographic})/u

/** Decided by the first character, so that a word and its beginnings are of the same kind. */
const standsAlone = (folded: string) => alone.test(folded)

/** Returns the first characters of a word, whole code points. */
const firstOf = (folded: string, length: number) => [...folded].slice(0, length).join('')

/** Returns all terms of the texts of a document: its title, its content and its comments. */
export function termsOfDocument(key: IndexKey, ...texts: readonly string[]): readonly string[] {
  const found = new Set<string>()
  const words = new Set<string>()
  const characters = new Set<string>()
  const pairs = new Set<string>()
  for (const part of texts) {
    let before: string | null = null
    for (const { folded } of wordsOf(part)) {
      if (folded === '' || !standsAlone(folded)) {
        if (folded !== '') words.add(folded)
        before = null
        continue
      }
      const character = firstOf(folded, 1)
      characters.add(character)
      if (before !== null) pairs.add(before + character)
      before = character
    }
  }
  const beginnings = new Set<string>()
  for (const word of words) {
    for (const length of beginningLengths) {
      const beginning = firstOf(word, length)
      if ([...beginning].length === length) beginnings.add(beginning)
    }
  }
  const add = (kind: TermKind, texts: ReadonlySet<string>) => {
    for (const one of texts) found.add(key.term(kind, one))
  }
  add('word', words)
  add('beginning', beginnings)
  add('character', characters)
  add('pair', pairs)
  return [...found]
}

/** Returns the terms that every document has which matches all terms of a query. Empty: any document may match. */
export function termsOfQuery(key: IndexKey, terms: readonly Term[]): readonly string[] {
  const needed = new Set<string>()
  for (const { words, prefix } of terms) {
    for (const [index, word] of words.entries()) {
      const before = words[index - 1]
      if (standsAlone(word)) {
        needed.add(key.term('character', firstOf(word, 1)))
        if (before !== undefined && standsAlone(before)) {
          needed.add(key.term('pair', firstOf(before, 1) + firstOf(word, 1)))
        }
      } else if (prefix && index === words.length - 1) {
        const length = beginningLengths.find((one) => [...word].length >= one)
        if (length !== undefined) needed.add(key.term('beginning', firstOf(word, length)))
      } else needed.add(key.term('word', word))
    }
  }
  return [...needed]
}
