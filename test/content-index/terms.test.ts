import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { deriveIndexKey, newIndexKey } from '../../src/content-index/index-key.ts'
import { openDocument, sealDocument } from '../../src/content-index/sealed-document.ts'
import { termsOfDocument, termsOfQuery } from '../../src/content-index/terms.ts'
import { measure } from '../../src/search/match.ts'
import { readQuery } from '../../src/search/query.ts'
import fc from '../support/fast-check.ts'

const key = deriveIndexKey(newIndexKey())

/** Words of many scripts that are beginnings of each other, so that queries often match. */
const fragments = [
  ...['report', 'reports', 'rep', 're', 'r', 'Résumé', 'resume', 'STRASSE', 'Straße', 'Łódź', 'don’t', 'don', 't'],
  ...['火', '火星', '火星人', '星', '人は', 'カ', 'ｶﾞ', '株式', 'ก', 'ก่', 'กา', 'ดาว', '한국', '한', 'ᄒ', '한국어'],
  ...[
    '🚀',
    '🚀🚀',
    '2026',
    '20',
    'v1.2',
    'a-b',
    'الكتاب',
    'ספר',
    'हिन्दी',
    'हि',
    '\n',
    ' ',
    '  ',
    '.',
    '"',
    '“',
    '”',
    '-',
  ],
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'grapheme', maxLength: 3 })), { maxLength: 12 })
  .chain((parts) =>
    fc
      .array(fc.constantFrom(' ', '', ' '), { minLength: 12, maxLength: 12 })
      .map((gaps) => parts.map((part, at) => part + (gaps[at] ?? '')).join('')),
  )

describe('the terms of a document', () => {
  /** The terms of a query that a document lacks; null where the document does not match it. */
  function lacking(title: string, content: string, query: string): readonly string[] | null {
    const { terms } = readQuery(query)
    if (terms.length === 0 || !measure({ terms }, { title, text: content, editedAt: null }).matches) return null
    const having = new Set(termsOfDocument(key, title, content))
    return termsOfQuery(key, terms).filter((term) => !having.has(term))
  }

  it('have all terms of every query that the document matches', () => {
    let matching = 0
    const property = fc.property(text, text, text, (title, content, query) => {
      const lacks = lacking(title, content, query)
      matching += lacks === null ? 0 : 1
      expect(lacks ?? []).toEqual([])
    })
    fc.assert(property, { numRuns: 3_000 })
    expect(matching).toBeGreaterThan(10)
  })

  it('have all terms of a query that is a part of the document', () => {
    let matching = 0
    const property = fc.property(text, fc.nat(11), fc.nat(7), (content, from, length) => {
      const lacks = lacking('', content, [...content].slice(from, from + length).join(''))
      matching += lacks === null ? 0 : 1
      expect(lacks ?? []).toEqual([])
    })
    fc.assert(property, { numRuns: 3_000 })
    expect(matching).toBeGreaterThan(300)
  })

  it.each(['report', 'budget report', '火星', 'rep', 're', 'ดาว', '"two words"'])(
    'are few for the query %s',
    (query) => {
      const needed = termsOfQuery(key, readQuery(query).terms)
      expect(needed.length).toBeGreaterThan(0)
      const other = new Set(termsOfDocument(key, 'Zebra', 'nothing of it, 木 and ก'))
      expect(needed.filter((term) => !other.has(term)).length).toBeGreaterThan(0)
    },
  )

  it('are 64-bit numbers that differ for each key, and for words, beginnings and characters', () => {
    const other = deriveIndexKey(newIndexKey())
    const mine = termsOfDocument(key, '', 'zeppelin')
    expect(mine).toHaveLength(4)
    for (const term of mine) expect(BigInt.asIntN(64, BigInt(term))).toBe(BigInt(term))
    expect(termsOfDocument(key, '', 'zeppelin')).toEqual(mine)
    expect(termsOfDocument(other, '', 'zeppelin').filter((term) => mine.includes(term))).toEqual([])
    expect(new Set([key.term('word', 'a'), key.term('beginning', 'a'), key.term('character', 'a')]).size).toBe(3)
  })
})

describe('a sealed document', () => {
  const place = {
    environmentId: randomUUID(),
    grantId: randomUUID(),
    indexId: randomUUID(),
    objectId: randomUUID(),
  }
  const content = {
    title: 'Zeppelin',
    text: 'heliotrope '.repeat(100),
    comments: 'Yes.',
    object: { id: 'x' },
    isPart: false,
  }

  it('opens where it was sealed for, and is smaller than its text', async () => {
    const sealed = await sealDocument(key, place, content)
    expect(await openDocument(key, place, sealed)).toEqual(content)
    expect(sealed.length).toBeLessThan(content.text.length)
    expect(sealed.toString('latin1')).not.toContain('heliotrope')
  })

  it.each(['environmentId', 'grantId', 'indexId', 'objectId'] as const)(
    'does not open with another %s',
    async (part) => {
      const sealed = await sealDocument(key, place, content)
      const moved = openDocument(key, { ...place, [part]: randomUUID() }, sealed)
      await expect(moved).rejects.toMatchObject({ kind: 'does_not_open' })
    },
  )

  it('does not open with another key, with a changed bit, or cut', async () => {
    const sealed = await sealDocument(key, place, content)
    const changed = Buffer.from(sealed)
    changed[20] = (changed[20] ?? 0) ^ 1
    const other = deriveIndexKey(newIndexKey())
    for (const opened of [
      openDocument(other, place, sealed),
      openDocument(key, place, changed),
      openDocument(key, place, sealed.subarray(0, 20)),
      openDocument(key, place, Buffer.alloc(0)),
    ])
      await expect(opened).rejects.toMatchObject({ kind: 'does_not_open' })
  })
})
