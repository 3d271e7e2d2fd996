import { describe, expect, it } from 'vitest'
import { type Document, measure, scoresOf } from '../../src/search/match.ts'
import { type Query, readQuery } from '../../src/search/query.ts'
import { wordsOf } from '../../src/search/words.ts'
import fc from '../support/fast-check.ts'

const document = (text: string, title = '', editedAt: number | null = null) => ({ title, text, editedAt })

/** Returns the documents that match, the best first. */
function rank(query: Query, documents: readonly Document[]) {
  const measured = documents.map((one) => measure(query, one))
  const scores = scoresOf(measured)
  return documents
    .map((one, at) => ({ document: one, score: scores[at] ?? 0, measured: measured[at] }))
    .filter((one) => one.measured?.matches)
    .sort((a, b) => b.score - a.score)
}

const find = (query: string, ...texts: readonly string[]) =>
  rank(
    readQuery(query),
    texts.map((text) => document(text)),
  ).map((found) => found.document.text)
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim()

describe('a document matches', () => {
  it.each([
    ['all words, in any order and case', 'plan launch', 'The LAUNCH has a plan.'],
    ['a word with another accent', 'resume', 'Her résumé'],
    ['the beginning of the last word', 'launch pla', 'Launch planning'],
    ['a phrase with another case and punctuation', '"launch plan"', 'the Launch, plan'],
    ['a word within a Chinese sentence', '会议', '我们明天开会议讨论'],
    ['two Chinese words apart from each other', '北京会议', '会议在北京举行'],
    ['a Japanese word', '東京', '株式会社は東京都にあります'],
    ['a Thai word', 'ประชุม', 'วันนี้มีประชุมใหญ่'],
    ['words in title and text', 'alpha beta', 'beta'],
  ])('for %s', (_what, query, text) => {
    expect(rank(readQuery(query), [document(text, 'Alpha')])).toHaveLength(1)
  })

  it.each([
    ['one of the words is missing', 'launch budget', 'the launch plan'],
    ['a word that is not the last is only a beginning', 'pla launch', 'launch planning'],
    ['the words of a phrase are not next to each other', '"launch plan"', 'launch the plan'],
    ['the words of a phrase are on two lines', '"launch plan"', 'launch\nplan'],
    ['a phrase ends within a word', '"launch pla"', 'launch plan'],
    ['a word begins within another', 'art', 'a chart'],
    ['the characters are not next to each other', '东京', '京东'],
  ])('not where %s', (_what, query, text) => {
    expect(find(query, text)).toEqual([])
  })

  it('for another form of a word in its language, which counts less', () => {
    const english = (text: string): Document => ({ ...document(text), language: 'en' })
    const found = (query: string, ...documents: readonly Document[]) =>
      rank(readQuery(query), documents).map((one) => one.document.text)
    expect(found('reports budget', english('The report has a budget'))).toHaveLength(1)
    expect(found('company', english('Two companies'), english('One company'))).toEqual(['One company', 'Two companies'])
    expect(found('reports', document('The report'))).toEqual([])
    expect(found('"reports"', english('The report'))).toEqual([])
    expect(found('"budget reports"', english('A budget report'))).toEqual([])
    expect(found('reports', { ...document('The report'), language: 'ru' })).toEqual([])
    const [measured] = rank(readQuery('companies'), [english('\nOne company, two companies')])
    expect(measured?.measured?.counts).toEqual([{ title: 0, text: 1.5 }])
    expect(oneLine(measured?.measured?.snippet() ?? '')).toBe('One company, two companies')
  })

  it('by each of its words, and by each run of its words as a phrase', () => {
    const anyText = fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.lorem({ maxCount: 3 })), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(anyText, fc.nat(), (parts, pick) => {
        const text = parts.join(' ')
        const words = wordsOf(text).filter(({ folded }) => folded !== '')
        fc.pre(words.length > 0)
        const word = words[pick % words.length]
        const next = words[(pick % words.length) + 1]
        if (word === undefined) return
        expect(find(text.slice(word.start, word.end), text)).toEqual([text])
        if (next === undefined || text.slice(word.end, next.start).includes('\n')) return
        const [a, b] = [text.slice(word.start, word.end), text.slice(next.start, next.end)]
        expect(find(`"${a} ${b}"`, text)).toEqual([text])
      }),
    )
  })

  it('a phrase only where its words are adjacent', () => {
    const small = fc.constantFrom('one', 'two', 'three')
    fc.assert(
      fc.property(fc.array(small, { maxLength: 12 }), small, small, (words, a, b) => {
        const isAdjacent = words.some((word, index) => word === a && words[index + 1] === b)
        expect(find(`"${a} ${b}"`, words.join(' '))).toHaveLength(isAdjacent ? 1 : 0)
      }),
    )
  })
})

describe('the rank', () => {
  const scores = (query: string, documents: readonly ReturnType<typeof document>[]) =>
    rank(readQuery(query), documents).map(({ document: { title, text }, score }) => ({ of: title || text, score }))

  it('puts a title before a text, and a text with more of the words before one with fewer', () => {
    const found = scores('launch', [
      document('launch of the ship and other matters'),
      document('launch launch launch and others'),
      document('other matters of the ship', 'Launch'),
      document('nothing'),
    ])
    expect(found.map(({ of }) => of)).toEqual([
      'Launch',
      'launch launch launch and others',
      'launch of the ship and other matters',
    ])
  })

  it('counts a rare word more than a frequent one', () => {
    const found = scores('report zebra', [
      document('report report report report zebra'),
      document('report zebra zebra zebra zebra'),
      ...Array.from({ length: 20 }, (_, index) => document(`report ${index}`)),
    ])
    expect(found[0]?.of).toContain('zebra zebra')
  })

  it('prefers newer documents a little', () => {
    const day = 86_400_000
    const old = document('the launch', 'old', 0)
    const found = scores('launch', [old, document('the launch', 'new', 720 * day)])
    expect(found.map(({ of }) => of)).toEqual(['new', 'old'])
    expect((found[0]?.score ?? 0) - (found[1]?.score ?? 0)).toBeLessThan(0.1)
  })

  it('is from 0 to 1 with three places', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 }).map((words) => words.join(' '))
    const anyDocument = fc.record({ title: text, text, editedAt: fc.option(fc.nat()) })
    fc.assert(
      fc.property(fc.array(anyDocument, { maxLength: 12 }), (documents) => {
        const found = rank(readQuery('a b'), documents)
        for (const { score } of found) {
          expect(score).toBeGreaterThan(0)
          expect(score).toBeLessThanOrEqual(1)
          expect(Math.round(score * 1000) / 1000).toBe(score)
        }
        expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a))
      }),
    )
  })
})

describe('a document with comments', () => {
  const found = (query: string) => {
    const comments = 'Ask for the budget.\nNot before June.'
    const document = { title: 'Launch', text: 'The plan of the launch.', comments, editedAt: null }
    const measured = measure(readQuery(query), document)
    return { ...measured, snippet: measured.snippet() }
  }

  it('matches by a comment where a term is only in one, with a passage of it', () => {
    expect(found('budget')).toMatchObject({
      matches: true,
      via: 'comment',
      snippet: expect.stringContaining('Ask for'),
    })
    expect(found('plan budget')).toMatchObject({ matches: true, via: 'comment' })
    expect(found('plan')).toMatchObject({ matches: true, via: 'content', snippet: 'The plan of the launch.' })
    expect(found('launch june nothing')).toMatchObject({ matches: false, snippet: '' })
  })

  it('has no phrase over the end of a comment', () => {
    expect(found('"budget not"').matches).toBe(false)
    expect(found('"before june"').matches).toBe(true)
  })
})

describe('a snippet', () => {
  const snippet = (query: string, text: string) =>
    rank(readQuery(query), [document(text)])[0]?.measured?.snippet() ?? ''

  it('is the passage with most of the words, cut between words', () => {
    const text = `${'Once launch was mentioned. '.repeat(10)}${'filler '.repeat(60)}The launch has a budget. ${'filler '.repeat(60)}`
    const found = snippet('launch budget', text)
    expect(found).toContain('The launch has a budget.')
    expect(found).toMatch(/^…filler .* filler…$/)
    expect(found.length).toBeLessThanOrEqual(170)
  })

  it('is a whole short text on one line, without marks', () => {
    expect(snippet('b', ' a\n\n b  c ')).toBe('a b c')
  })

  it('is a part of the text around a hit, whatever the text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.lorem({ maxCount: 20 }),
      fc.constantFrom('👩‍👩‍👧‍👦'.repeat(60), '会议'.repeat(150), 'x'.repeat(400)),
    )
    const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), fc.array(piece, { maxLength: 5 }), (before, after) => {
        const text = [...before, 'needle', ...after].join(' ')
        const shown = snippet('"needle"', text)
        const inner = shown.replace(/^…/, '').replace(/…$/, '')
        expect(oneLine(text)).toContain(inner)
        expect(inner.toLowerCase()).toContain('needle')
        expect(shown.length).toBeLessThanOrEqual(220)
        expect(shown).not.toMatch(/\p{Surrogate}/u)
        const ends = new Set([...graphemes.segment(oneLine(text))].map(({ index }) => index))
        const at = oneLine(text).indexOf(inner)
        expect(ends.has(at)).toBe(true)
      }),
    )
  })

  it('of a long text costs little', () => {
    const text = 'launch plan '.repeat(20_000)
    const start = performance.now()
    expect(snippet('launch plan', text)).toContain('launch plan')
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
