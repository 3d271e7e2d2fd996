import { formWeight, type Language } from './inflection.ts'
import type { Query, Term } from './query.ts'
import { type Hit, snippetOf } from './snippet.ts'
import { type Word, wordsOf } from './words.ts'

/** A text that is searched. */
export interface Document {
  readonly title: string
  readonly text: string
  /** What others wrote about it; absent for nothing. */
  readonly comments?: string
  /** Null, or absent: only words are found, and no other forms of them. */
  readonly language?: Language | null
  /** The time of the last edit in milliseconds since the epoch; null if it is unknown. */
  readonly editedAt: number | null
}

/** What the rank of a document depends on. The text of one that does not match can be dropped. */
export interface Measured {
  /** Whether every term occurs. */
  readonly matches: boolean
  /** Where it matches: `comment` if a term occurs in the comments only. */
  readonly via: 'content' | 'comment'
  /**
   * How often each term of the query occurs in the title, and in the text and the comments together. Another form of a word
   * counts a part, {@link formWeight}.
   */
  readonly counts: readonly { readonly title: number; readonly text: number }[]
  readonly words: number
  readonly editedAt: number | null
  /**
   * Returns a passage of the text, or of the title if no term occurs in the text; of the comments if `via` is `comment`. Empty
   * if the document does not match. Only few of the documents that match are shown, so it is not made before.
   */
  readonly snippet: () => string
}

/** Positions of terms that are stored for the snippet. */
const maxHits = 1_000

/** Searches one document for the terms of a query. Takes time in proportion to its length. */
export function measure({ terms }: Pick<Query, 'terms'>, document: Document): Measured {
  const finder = finderOf(terms, document.language ?? null)
  const { comments: commentText = '' } = document
  const [title, text, comments] = [wordsOf(document.title), wordsOf(document.text), wordsOf(commentText)]
  const inTitle = finder(title)
  const inText = finder(text)
  const inComments = finder(comments)
  const needsComments = terms.some((_, index) => (inTitle.counts[index] ?? 0) + (inText.counts[index] ?? 0) === 0)
  const counts = terms.map((_, index) => ({
    title: inTitle.counts[index] ?? 0,
    text: (inText.counts[index] ?? 0) + (inComments.counts[index] ?? 0),
  }))
  const matches = counts.every((count) => count.title + count.text > 0)
  const passage = needsComments
    ? { of: commentText, hits: inComments.hits }
    : inText.hits.length > 0
      ? { of: document.text, hits: inText.hits }
      : { of: document.title, hits: inTitle.hits }
  return {
    matches,
    via: needsComments ? 'comment' : 'content',
    counts,
    words: title.length + text.length + comments.length,
    editedAt: document.editedAt,
    snippet: matches ? snippetLater(passage) : noSnippet,
  }
}

const noSnippet = () => ''

/** Apart from {@link measure}, whose scope has all texts and their words. */
const snippetLater =
  ({ of, hits }: { readonly of: string; readonly hits: readonly Hit[] }) =>
  () =>
    snippetOf(of, hits)

interface Found {
  readonly counts: readonly number[]
  readonly hits: readonly Hit[]
}

/** Returns a function that finds the terms in the words of a text. */
function finderOf(terms: readonly Term[], language: Language | null): (words: readonly Word[]) => Found {
  const byFirst = new Map<string, number[]>()
  const comparedWithEach: number[] = []
  for (const [index, { words, prefix, forms }] of terms.entries()) {
    const [first = ''] = words
    if (words.length === 1 && (prefix || (forms !== null && language !== null))) comparedWithEach.push(index)
    else byFirst.set(first, [...(byFirst.get(first) ?? []), index])
  }
  return (words) => {
    const counts = terms.map(() => 0)
    const hits: Hit[] = []
    const count = (term: number, weight: number, start: number, end: number) => {
      counts[term] = (counts[term] ?? 0) + weight
      if (hits.length < maxHits) hits.push({ term, start, end })
    }
    for (const [at, { folded, start, end }] of words.entries()) {
      for (const term of byFirst.get(folded) ?? []) {
        const last = endOf(terms[term], words, at)
        if (last !== null) count(term, 1, start, last.end)
      }
      for (const term of comparedWithEach) {
        const weight = weightOf(terms[term], folded, language)
        if (weight > 0) count(term, weight, start, end)
      }
    }
    return { counts, hits }
  }
}

/** Returns how much a word counts for a term of one word; 0 for nothing. */
function weightOf(term: Term | undefined, folded: string, language: Language | null): number {
  const [wanted = ''] = term?.words ?? []
  if (term?.prefix ? folded.startsWith(wanted) : folded === wanted) return 1
  return language !== null && term?.forms?.has(folded, language) ? formWeight : 0
}

/** Returns the last word of a term that begins at a word; null where it does not. */
function endOf(term: Term | undefined, words: readonly Word[], at: number): Word | null {
  if (term === undefined) return null
  const length = term.words.length
  for (const [offset, wanted] of term.words.entries()) {
    const folded = words[at + offset]?.folded
    const isPrefix = term.prefix && offset === length - 1
    if (folded === undefined || !(isPrefix ? folded.startsWith(wanted) : folded === wanted)) return null
  }
  return words[at + length - 1] ?? null
}

/** BM25F (https://doi.org/10.1561/1500000019): saturation of repeated terms, influence of the length, weight of the title. */
const weights = { saturation: 1.2, length: 0.75, title: 5 }

/** How much newer documents are preferred: up to this part of the score, half of which is lost after the half-life. */
const recency = { part: 0.1, halfLifeMs: 180 * 86_400_000 }

/** The documents that one is compared with. */
export interface Collection {
  readonly documents: number
  readonly averageWords: number
  /** The last edit of all, in milliseconds since the epoch; not finite where none is known. */
  readonly newest: number
  /** How many of them contain each term. */
  readonly having: readonly number[]
}

/** Returns how much a term counts that occurs in a document, more often in the title. */
export const frequencyOf = ({ title, text }: Measured['counts'][number]): number => text + weights.title * title

/**
 * Returns a function that scores documents of a collection from 0 to 1. `frequencies` are those of the terms in the document
 * ({@link frequencyOf}). A term that fewer documents contain counts more.
 */
export function createScorer({
  documents,
  averageWords,
  newest,
  having,
}: Collection): (frequencies: ArrayLike<number>, words: number, editedAt: number | null) => number {
  const rarity = having.map((count) => Math.log(1 + (documents - count + 0.5) / (count + 0.5)))
  const highest = rarity.reduce((sum, one) => sum + one, 0)
  return (frequencies, words, editedAt) => {
    const relative = 1 - weights.length + weights.length * (words / Math.max(1, averageWords))
    const sum = rarity.reduce((soFar, one, term) => {
      const frequency = frequencies[term] ?? 0
      return soFar + (one * frequency) / (frequency + weights.saturation * relative)
    }, 0)
    const freshness = editedAt === null ? 0 : 0.5 ** ((newest - editedAt) / recency.halfLifeMs)
    return (highest === 0 ? 1 : sum / highest) * (1 - recency.part + recency.part * freshness)
  }
}

/** Returns a score as results have it: at least 0.001 and at most 1, with three places. */
export const shownScore = (score: number): number => Math.min(1, Math.max(0.001, Math.round(score * 1000) / 1000))

/** Returns the score of each document in relation to the others, as results have it. It is 0 for one that does not match. */
export function scoresOf(documents: readonly Measured[]): readonly number[] {
  const terms = documents[0]?.counts.length ?? 0
  const scoreOf = createScorer({
    documents: documents.length,
    averageWords: documents.reduce((sum, { words }) => sum + words, 0) / Math.max(1, documents.length),
    newest: Math.max(...documents.map(({ editedAt }) => editedAt ?? Number.NEGATIVE_INFINITY)),
    having: Array.from({ length: terms }, (_, term) => documents.filter(({ counts }) => isIn(counts[term])).length),
  })
  return documents.map(({ matches, counts, words, editedAt }) =>
    matches && terms > 0 ? shownScore(scoreOf(counts.map(frequencyOf), words, editedAt)) : 0,
  )
}

const isIn = (count: Measured['counts'][number] | undefined) => count !== undefined && count.title + count.text > 0
