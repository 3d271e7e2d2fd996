import { describe, expect, it } from 'vitest'
import { foldWord, wordsOf } from '../../src/search/words.ts'
import fc from '../support/fast-check.ts'

const folded = (text: string) => wordsOf(text).map((word) => word.folded)

describe('the words of a text', () => {
  it.each([
    ['letters and digits in lower case', 'Q3 Roadmap, v2.1!', ['q3', 'roadmap', 'v2', '1']],
    ['the same for each way to write an accent', 'Café CAFE\u0301 cafe', ['cafe', 'cafe', 'cafe']],
    ['letters with a stroke and ligatures as plain ones', 'Łódź Ærø ﬁne', ['lodz', 'aero', 'fine']],
    [
      'one form for all cases of ß and sigma',
      'Straße STRASSE ὈΔΥΣΣΕΎΣ ὀδυσσεύς',
      ['strasse', 'strasse', 'οδυσσευσ', 'οδυσσευσ'],
    ],
    ['one form for a dotted, a dotless and a plain i', 'İ ı I', ['i', 'i', 'i']],
    ['compatible characters', 'ＡＢＣ １２', ['abc', '12']],
    ['no soft hyphens and joiners', 'co\u00adoperate می\u200cخواهم', ['cooperate', 'میخواهم']],
    ['without the points of Hebrew and Arabic', 'שָׁלוֹם كِتَاب', ['שלום', 'كتاب']],
    ['the vowels of Hindi', 'किताब', ['किताब']],
    ['a break for each line', 'a\nb', ['a', '', 'b']],
    ['pictures', 'Done ✅ 🚀', ['done', '✅', '🚀']],
  ])('are %s', (_what, text, expected) => {
    expect(folded(text)).toEqual(expected)
  })

  it.each([
    ['Chinese', '東京都。会议', ['東', '京', '都', '会', '议']],
    ['Japanese, also in halfwidth Katakana', 'ガス ｶﾞｽ', ['ガ', 'ス', 'ガ', 'ス']],
    ['Thai, with the vowels at their consonant', 'ที่นี่', ['ที่', 'นี่']],
    [
      'Korean, composed or not',
      `${'회의 회의'.normalize('NFC')} ${'회의'.normalize('NFD')}`,
      ['회', '의', '회', '의', '회', '의'],
    ],
    ['Chinese next to digits and Latin', '2026年Q3', ['2026', '年', 'q3']],
  ])('are the characters of %s', (_what, text, expected) => {
    expect(folded(text)).toEqual(expected)
  })

  it('have their place in the original text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        let end = 0
        for (const word of wordsOf(text)) {
          expect(word.start).toBeGreaterThanOrEqual(end)
          expect(word.end).toBeGreaterThan(word.start)
          end = word.end
          if (word.folded !== '') expect(foldWord(text.slice(word.start, word.end))).toBe(word.folded)
        }
        expect(end).toBeLessThanOrEqual(text.length)
      }),
    )
  })

  it('are the same in a line of ASCII as in a line with another letter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 60 }), (text) => {
        const other = text.replaceAll('\n', ' ж\n')
        expect(folded(text)).toEqual(folded(`${other} ж`).filter((word) => word !== 'ж'))
      }),
    )
  })
})
