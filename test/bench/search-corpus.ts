import { randomUUID } from 'node:crypto'
import { formsOf, type Language } from '../../src/search/inflection.ts'

/** A page of the corpus. */
export interface CorpusPage {
  readonly id: string
  readonly title: string
  readonly text: string
  readonly editedAt: Date
  /** The lines of the text as lists of its words, in lower case and without accents. */
  readonly lines: readonly (readonly string[])[]
}

/** A query, and which pages match it. */
export interface CorpusQuery {
  readonly text: string
  readonly matches: (page: CorpusPage) => boolean
}

/** Returns numbers from 0 up to and without 1, the same ones for the same seed (a linear congruential generator). */
export function numbersFrom(seed: number): () => number {
  let state = BigInt(seed) * 2_862_933_555_777_941_757n + 3_037_000_493n
  return () => {
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n)
    return Number(state >> 11n) / 2 ** 53
  }
}

/** What the words end like. Pages are indexed as pages in this language. */
export const language: Language = 'en'

const syllables = (
  'ka to mi ren sol ba du le nor ti va sho pel gu an fer mo li dra co ' +
  'pu sta wi ne hor el jo tri ma ze qui bo nal sy ru of per ga lon et'
).split(' ')
const endings = ['', '', '', 's', 'ing', 'ed', 'er', 'ation']
const vocabulary = 30_000

/** The word of a rank: frequent words are short, and words of neighbouring ranks have beginnings in common. */
function wordOf(rank: number): string {
  const parts: string[] = []
  for (let rest = rank; ; rest = Math.floor(rest / syllables.length) - 1) {
    parts.unshift(syllables[rest % syllables.length] ?? '')
    if (rest < syllables.length) break
  }
  return parts.join('') + (rank < syllables.length ? '' : (endings[rank % endings.length] ?? ''))
}

/** Words that titles have and texts do not: the upstream of the bench does not find titles. */
const titleWord = (rank: number) => `zz${wordOf(rank)}`

/** One page in so many is in Chinese, and one word in so many has an accent or is a number. */
const rarely = { chinese: 25, accent: 40, number: 60 }

/**
 * Makes pages of varied length, 120 words in the median and 180 on average, whose words are as frequent as those of
 * languages are (Zipf's law).
 */
export function makePages(count: number, seed: number): readonly CorpusPage[] {
  const next = numbersFrom(seed)
  const below = (end: number) => Math.floor(next() * end)
  const frequent = (end: number) => Math.floor(end ** next()) - 1
  const now = Date.now()
  return Array.from({ length: count }, () => {
    const gauss = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
    const length = Math.min(4_000, Math.max(5, Math.round(Math.exp(4.8 + 0.9 * gauss))))
    const isChinese = below(rarely.chinese) === 0
    const lines: string[][] = []
    const texts: string[] = []
    for (let left = length; left > 0; ) {
      const words = Array.from({ length: Math.min(left, 4 + below(30)) }, () => {
        if (isChinese) return String.fromCodePoint(0x4e00 + frequent(6_000))
        return below(rarely.number) === 0 ? String(below(3_000)) : wordOf(frequent(vocabulary))
      })
      left -= words.length
      lines.push(words)
      const shown = words.map((word) => (below(rarely.accent) === 0 ? word.replace('e', 'é') : word))
      const text = shown.join(isChinese ? '' : ' ')
      texts.push(`${text.charAt(0).toUpperCase()}${text.slice(1)}${isChinese ? '。' : '.'}`)
    }
    return {
      id: randomUUID(),
      title: Array.from({ length: 2 + below(3) }, () => titleWord(frequent(vocabulary))).join(' '),
      text: texts.join('\n'),
      lines,
      editedAt: new Date(now - below(400 * 86_400_000)),
    }
  })
}

/** The bytes of the plaintext of pages in UTF-8. */
export const plaintextBytes = (pages: readonly CorpusPage[]) =>
  pages.reduce((sum, { title, text }) => sum + Buffer.byteLength(title) + Buffer.byteLength(text), 0)

/**
 * Makes queries from what pages have: in turn a quoted word, two words of the same page, a quoted phrase of three words, and a
 * word with the beginning of another one. Other forms of words that are not quoted match too.
 */
export function makeQueries(pages: readonly CorpusPage[], count: number, seed: number): readonly CorpusQuery[] {
  const next = numbersFrom(seed)
  const anyOf = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T
  const has = (page: CorpusPage, word: string) => page.lines.some((line) => line.includes(word))
  const hasForm = (page: CorpusPage, wanted: string, isBeginning = false) => {
    const forms = formsOf(wanted)
    return page.lines.some((line) =>
      line.some((word) => (isBeginning ? word.startsWith(wanted) : word === wanted) || forms?.has(word, language)),
    )
  }
  return Array.from({ length: count }, (_, at): CorpusQuery => {
    const page = anyOf(pages)
    const line = anyOf(page.lines)
    const [one, other] = [anyOf(line), anyOf(anyOf(page.lines))]
    const from = Math.floor(next() * Math.max(1, line.length - 2))
    const phrase = line.slice(from, from + 3)
    // The last word outside quotation marks may be the beginning of a longer one.
    switch (at % 4) {
      case 0:
        return { text: `"${one}"`, matches: (each) => has(each, one) }
      case 1:
        return { text: `${one} ${other}`, matches: (each) => hasForm(each, one) && hasForm(each, other, true) }
      case 2: {
        const isAt = (words: readonly string[], start: number) =>
          phrase.every((word, offset) => words[start + offset] === word)
        return {
          text: `"${phrase.join(/[a-z0-9]/.test(one) ? ' ' : '')}"`,
          matches: (each) => each.lines.some((words) => words.some((_word, start) => isAt(words, start))),
        }
      }
      default: {
        const start = other.slice(0, Math.max(3, Math.ceil(other.length / 2)))
        return { text: `${one} ${start}`, matches: (each) => hasForm(each, one) && hasForm(each, start, true) }
      }
    }
  })
}
