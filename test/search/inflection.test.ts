import { describe, expect, it } from 'vitest'
import { formsOf, type Language, languageOf } from '../../src/search/inflection.ts'
import { foldWord } from '../../src/search/words.ts'

describe('the language of a text', () => {
  it.each<[string, Language | null]>([
    ['Quarterly invoices', 'en'],
    ['Roadmap: launch planning and customer interviews', 'en'],
    ['Überblick der offenen Aufgaben', 'de'],
    ['Réunion du lundi', 'fr'],
    ['Reunión de equipo', 'es'],
    ['Vergadering notulen', 'nl'],
    ['Встреча с клиентами в понедельник', 'ru'],
    ['2026-02-14', null],
    ['', null],
    ['我们明天在火星开会', null],
    ['Spotkanie zespołu w poniedziałek', null],
  ])('%s: %s', async (text, language) => {
    expect(await languageOf(text)).toBe(language)
  })

  it('is recognized by the beginning, however long the text is', async () => {
    expect(
      await languageOf(
        `${'The meeting of the team is on Monday. '.repeat(100)}${'Überblick der Aufgaben '.repeat(10_000)}`,
      ),
    ).toBe('en')
  })
})

describe('the forms of a word', () => {
  const isForm = (language: Language, word: string, other: string) =>
    formsOf(foldWord(word))?.has(foldWord(other), language) ?? false

  it.each<[Language, string, string]>([
    ['da', 'kunde', 'kunden'],
    ['de', 'Rechnung', 'Rechnungen'],
    ['de', 'Haus', 'Häuser'],
    ['de', 'Straße', 'Strassen'],
    ['en', 'report', 'reports'],
    ['en', 'company', 'companies'],
    ['en', 'meeting', 'meet'],
    ['es', 'reunión', 'reuniones'],
    ['fi', 'lasku', 'laskut'],
    ['fr', 'réunion', 'réunions'],
    ['hu', 'számla', 'számlák'],
    ['it', 'fattura', 'fatture'],
    ['nl', 'vergadering', 'vergaderingen'],
    ['no', 'møte', 'møter'],
    ['pt', 'fatura', 'faturas'],
    ['ro', 'client', 'clienți'],
    ['ru', 'встреча', 'встречу'],
    ['sv', 'möte', 'möten'],
  ])('are found in %s: %s, %s', (language, word, other) => {
    expect(isForm(language, word, other)).toBe(true)
    expect(isForm(language, other, word)).toBe(true)
  })

  it('are not those of another language, not the word itself, and not words with another stem', () => {
    expect(isForm('en', 'Rechnung', 'Rechnungen')).toBe(false)
    expect(isForm('en', 'report', 'report')).toBe(false)
    expect(isForm('en', 'report', 'repository')).toBe(false)
    expect(isForm('en', 'report', 'resort')).toBe(false)
  })

  it.each(['2026', 'v2', '火', '한', '', '🚀', 'as', 'λόγος', '\u{10428}\u{10429}\u{1042a}'])(
    'do not exist for %s',
    (word) => {
      expect(formsOf(word)).toBeNull()
    },
  )

  it('begin with what is looked up', () => {
    for (const word of ['companies', 'ties', 'hauser', 'agreed', 'reuniones']) {
      const forms = formsOf(word)
      expect(forms?.beginning.length).toBeGreaterThanOrEqual(2)
      expect(word.startsWith(forms?.beginning ?? '-')).toBe(true)
    }
  })
})
