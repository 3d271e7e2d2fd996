import { describe, expect, it } from 'vitest'
import { QueryError, readQuery } from '../../src/search/query.ts'
import fc from '../support/fast-check.ts'

const termsOf = (text: string) =>
  readQuery(text).terms.map(({ words, prefix }) => words.join(' ') + (prefix ? '*' : ''))
const utc = (text: string) => Date.parse(`${text}T00:00:00Z`)

describe('a query', () => {
  it('may have a hundred different words, however often each is repeated', () => {
    const words = Array.from({ length: 100 }, (_, index) => `w${index}`)
    expect(readQuery(`${words.join(' ')} ${words.join(' ')}`).terms.length).toBe(100)
    expect(() => readQuery(`${words.join(' ')} one two`)).toThrow(
      new QueryError('must have at most 100 different words and phrases, not 102'),
    )
  })

  it.each([
    ['of words', 'q3 Roadmap', ['q3', 'roadmap*']],
    ['of a phrase', '"Launch Plan" q3', ['launch plan', 'q3*']],
    ['that ends with a phrase', 'q3 "launch plan"', ['q3*', 'launch plan']],
    ['with the quotation marks of a text processor', '“launch plan”', ['launch plan']],
    ['with a single quotation mark', '5" screen', ['5', 'screen*']],
    ['with joined words', "don't wi-fi example.com", ['don t', 'wi fi', 'example com*']],
    ['with alternatives', 'Q3/Q4', ['q3', 'q4*']],
    ['with an unknown name before a colon', 'owner:anna note: in', ['owner', 'anna', 'note', 'in*']],
    ['with an operator in capitals, which is text', 'In:Tasks', ['in', 'tasks*']],
    ['in Chinese without spaces', '東京会議', ['東 京', '会 議*']],
    ['of nothing that is a word', '?? -- ""', []],
  ])('%s has its terms, the last word as a prefix', (_what, text, expected) => {
    expect(termsOf(text)).toEqual(expected)
  })

  it('passes words on without operators and quotation marks, and unchanged without either', () => {
    expect(readQuery('  a  b ').plain).toBe('  a  b ')
    expect(readQuery('a in:"Team tasks" "b  c" by:me d').plain).toBe('a b c d')
    expect(readQuery('in:Tasks').plain).toBe('')
  })

  it('has the operators that it names', () => {
    expect(readQuery('in:Tasks by:me x')).toMatchObject({ within: 'Tasks', byMe: true, edited: null })
    expect(readQuery('in:"Team tasks"')).toMatchObject({ within: 'Team tasks', byMe: false })
    expect(readQuery('plain')).toMatchObject({ within: null, byMe: false, edited: null })
  })

  it.each([
    ['edited:2026', utc('2026-01-01'), utc('2027-01-01')],
    ['edited:2026-02', utc('2026-02-01'), utc('2026-03-01')],
    ['edited:2024-02-29', utc('2024-02-29'), utc('2024-03-01')],
    ['edited:>2026-01', utc('2026-02-01'), Number.POSITIVE_INFINITY],
    ['edited:>=2026-01', utc('2026-01-01'), Number.POSITIVE_INFINITY],
    ['edited:<2026-03-01', Number.NEGATIVE_INFINITY, utc('2026-03-01')],
    ['edited:<=2026', Number.NEGATIVE_INFINITY, utc('2027-01-01')],
    ['edited:>=2026-01 edited:<2026-03', utc('2026-01-01'), utc('2026-03-01')],
  ])('%s means whole years, months or days in UTC', (text, from, until) => {
    expect(readQuery(text).edited).toEqual({ from, until })
  })

  it.each([
    ['edited:', 'edited:2026-02'],
    ['edited:yesterday', 'edited:2026-02'],
    ['edited:2026-13', 'edited:2026-02'],
    ['edited:2026-02-30', 'edited:2026-02'],
    ['edited:>2026-1', 'edited:2026-02'],
    ['by:anna', 'by:me'],
    ['by:', 'by:me'],
    ['in:', 'in:Tasks'],
    ['x in:"" y', 'in:Tasks'],
    ['in:A in:B', 'only once'],
  ])('%s is refused with what to write', (text, fix) => {
    expect(() => readQuery(text)).toThrow(QueryError)
    expect(() => readQuery(text)).toThrow(fix)
  })

  it('of any text is read or refused, in time', () => {
    const part = fc.constantFrom('in:', 'edited:', 'by:', '"', '“', ' ', 'a', '2026', '東京', ':', '-', '\n', '>')
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(part, { maxLength: 80 }).map((all) => all.join('')),
    )
    fc.assert(
      fc.property(text, (query) => {
        try {
          for (const { words } of readQuery(query).terms) expect(words.every((word) => word !== '')).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(QueryError)
        }
      }),
    )
  })
})
