import { stemmer as danish } from '@orama/stemmers/danish'
import { stemmer as dutch } from '@orama/stemmers/dutch'
import { stemmer as english } from '@orama/stemmers/english'
import { stemmer as finnish } from '@orama/stemmers/finnish'
import { stemmer as french } from '@orama/stemmers/french'
import { stemmer as german } from '@orama/stemmers/german'
import { stemmer as hungarian } from '@orama/stemmers/hungarian'
import { stemmer as italian } from '@orama/stemmers/italian'
import { stemmer as norwegian } from '@orama/stemmers/norwegian'
import { stemmer as portuguese } from '@orama/stemmers/portuguese'
import { stemmer as romanian } from '@orama/stemmers/romanian'
import { stemmer as russian } from '@orama/stemmers/russian'
import { stemmer as spanish } from '@orama/stemmers/spanish'
import { stemmer as swedish } from '@orama/stemmers/swedish'

/*
 * Other forms of a word: "reports" for "report". Two words of a language are forms of one word if they have the same stem by the
 * algorithm of Snowball (https://snowballstem.org). A stemmer of another language joins words that have nothing in common, so the
 * language of each text is recognized first.
 */

/** The stemmers by the ISO 639-1 code of their language. */
const stemmers = {
  da: danish,
  de: german,
  en: english,
  es: spanish,
  fi: finnish,
  fr: french,
  hu: hungarian,
  it: italian,
  nl: dutch,
  no: norwegian,
  pt: portuguese,
  ro: romanian,
  ru: russian,
  sv: swedish,
} as const

/** A language whose forms of words are found. */
export type Language = keyof typeof stemmers

/** All of them, by their ISO 639-1 codes. */
export const languages = Object.keys(stemmers) as readonly Language[]

const isLanguage = (code: string): code is Language => Object.hasOwn(stemmers, code)

/** The characters at the beginning of a text by which its language is recognized. */
const recognizedLength = 1_000

/**
 * Returns the language of a text; null for one without stemmer, and where the text has too little of any. The first call loads
 * what languages are recognized by, and the process has 90 MB more of resident memory from then on.
 */
export async function languageOf(text: string): Promise<Language | null> {
  const { eld } = await import('eld/extrasmall')
  const recognized = eld.detect(text.slice(0, recognizedLength))
  return isLanguage(recognized.language) && recognized.isReliable() ? recognized.language : null
}

/** How much a form counts of what the word itself does. */
export const formWeight = 0.5

/** The forms of a word. */
export interface Forms {
  /** What every form begins with, two characters or more. */
  readonly beginning: string
  /** Whether a word is another form in a language. Both are folded, so that accents decide nothing. */
  has(folded: string, language: Language): boolean
}

/** Words of which one is longer have no forms. An index has the beginning of longer words only. In UTF-16 code units. */
const maxWord = 64

/** Stems that are shorter have too little in common. */
const minStem = 3

/** The characters at the end of a stem that may differ from the word: "compani" is the stem of "company". */
const replacedEnd = 2

/** The least that is common at the beginning. Indexes look words up by so many characters. */
const minBeginning = 2

/** The scripts of the languages. */
const letters = /^[\p{sc=Latn}\p{sc=Cyrl}]+$/u

/** Returns the forms of a folded word in all languages; null where there are none: for numbers, long words and short stems. */
export function formsOf(word: string): Forms | null {
  if (word.length > maxWord || !letters.test(word)) return null
  const stems = new Map(
    languages.flatMap((language) => {
      const stem = stemmers[language](word)
      return stem.length >= minStem ? [[language, stem] as const] : []
    }),
  )
  if (stems.size === 0) return null
  const shortest = Math.min(...[...stems.values()].map((stem) => stem.length))
  const beginning = [...word].slice(0, Math.max(minBeginning, shortest - replacedEnd)).join('')
  const known = new Map<string, boolean>()
  return {
    beginning,
    has(folded, language) {
      if (folded === word || folded.length > maxWord || !folded.startsWith(beginning)) return false
      const key = `${language} ${folded}`
      const isKnown = known.get(key)
      if (isKnown !== undefined) return isKnown
      const stem = stems.get(language)
      const isForm = stem !== undefined && stemmers[language](folded) === stem
      known.set(key, isForm)
      return isForm
    },
  }
}
