import { createHash, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bucketTextOf, entriesOf, lookupsOf } from '../../src/content-index/entries.ts'
import { deriveIndexKey, newIndexKey } from '../../src/content-index/index-key.ts'
import { openDocument, sealDocument } from '../../src/content-index/sealed-document.ts'
import { samplePage } from '../../src/notion/sample-page.ts'
import { measure } from '../../src/search/match.ts'
import { readQuery } from '../../src/search/query.ts'
import fc from '../support/fast-check.ts'

const sample = Buffer.from('{"title":"","text":""}')
const key = { ...deriveIndexKey(newIndexKey()), sample }

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

describe('the entries of a document', () => {
  /** What is looked up for a query and the document lacks; null where the document does not match it. */
  function lacking(title: string, content: string, query: string): readonly string[] | null {
    const { terms } = readQuery(query)
    const document = { title, text: content, comments: '', language: 'en' } as const
    if (terms.length === 0 || !measure({ terms }, { ...document, editedAt: null }).matches) return null
    const { entries } = entriesOf(document)
    const having = [...entries.keys()]
    return terms.flatMap(lookupsOf).flatMap(({ entry, isBeginning, forms }) => {
      // As a segment is searched: only in the bucket of the beginning.
      const inBucket = having.filter((one) => bucketTextOf(one) === bucketTextOf(entry))
      const has = (one: string) => (isBeginning ? one.startsWith(entry) : one === entry) || forms?.has(one, 'en')
      return inBucket.some(has) ? [] : [entry]
    })
  }

  it('have all that is looked up for every query that the document matches', () => {
    let matching = 0
    const property = fc.property(text, text, text, (title, content, query) => {
      const lacks = lacking(title, content, query)
      matching += lacks === null ? 0 : 1
      expect(lacks ?? []).toEqual([])
    })
    fc.assert(property, { numRuns: 3_000 })
    expect(matching).toBeGreaterThan(10)
  })

  it('have all that is looked up for a query that is a part of the document', () => {
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
    'are not in other documents for the query %s',
    (query) => {
      const lookups = readQuery(query).terms.flatMap(lookupsOf)
      expect(lookups.length).toBeGreaterThan(0)
      const { entries } = entriesOf({ title: 'Zebra', text: 'nothing of it, 木 and ก', comments: '', language: null })
      expect(lookups.filter(({ entry }) => !entries.has(entry)).length).toBeGreaterThan(0)
    },
  )

  it('count words where they are, and are cut where words are longer than any', () => {
    const long = 'x'.repeat(5_000)
    const { entries, words } = entriesOf({
      title: 'Zebra zebra',
      text: `a zebra\n火星 ${long}`,
      comments: 'A zebra',
      language: null,
    })
    expect(Object.fromEntries(entries)).toEqual({
      zebra: { title: 2, text: 2 },
      a: { title: 0, text: 2 },
      火: { title: 0, text: 1 },
      星: { title: 0, text: 1 },
      火星: { title: 0, text: 1 },
      ['x'.repeat(64)]: { title: 0, text: 1 },
    })
    // A line break counts as one.
    expect(words).toBe(10)
    expect(lookupsOf({ words: [long], prefix: true, forms: null })).toEqual([
      { entry: 'x'.repeat(64), isBeginning: true, forms: null },
    ])
  })

  it('narrow nothing by one letter at the beginning of a word', () => {
    expect(readQuery('z').terms.flatMap(lookupsOf)).toEqual([])
    expect(readQuery('"z"').terms.flatMap(lookupsOf)).toEqual([{ entry: 'z', isBeginning: false, forms: null }])
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
    language: 'en',
    object: { id: 'x' },
    isPart: false,
  } as const

  it('opens where it was sealed for, and is smaller than its text', async () => {
    const sealed = await sealDocument(key, place, content)
    expect(await openDocument(key, place, sealed)).toEqual(content)
    expect(sealed.length).toBeLessThan(content.text.length)
    expect(sealed.toString('latin1')).not.toContain('heliotrope')
  })

  it('of Notion opens with the sample that it was compressed with, which does not change', () => {
    expect(createHash('sha256').update(samplePage).digest('hex')).toBe(
      'dd04a1d8f9adc3385c5aa2dabb665c9267d6dd7ffe1eab3f7aee65144f27aac2',
    )
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
    const other = { ...deriveIndexKey(newIndexKey()), sample }
    for (const opened of [
      openDocument(other, place, sealed),
      openDocument(key, place, changed),
      openDocument(key, place, sealed.subarray(0, 20)),
      openDocument(key, place, Buffer.alloc(0)),
    ])
      await expect(opened).rejects.toMatchObject({ kind: 'does_not_open' })
  })
})
