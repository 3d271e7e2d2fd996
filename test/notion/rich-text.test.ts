import { describe, expect, it } from 'vitest'
import type { InputIssue } from '../../src/errors.ts'
import { plainText, splitText } from '../../src/notion/rich-text.ts'
import { richText } from '../../src/notion/rich-text-input.ts'
import fc from '../support/fast-check.ts'

const check = (value: unknown) => {
  const issues: InputIssue[] = []
  return { items: richText(value, { path: 'text', issues }), issues }
}

describe('splitting text at Notion’s limit', () => {
  it('returns the whole text in pieces within the limit without splitting a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 10, max: 60 }), (text, limit) => {
        const pieces = splitText(text, limit)
        expect(pieces.join('')).toBe(text)
        expect(pieces.every((piece) => piece.length <= limit && (piece !== '' || text === ''))).toBe(true)
        expect(pieces.some((piece) => /[\ud800-\udbff]$/.test(piece))).toBe(false)
        const clusters = (part: string) =>
          [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(part)].map(({ segment }) => segment)
        if (clusters(text).every(({ length }) => length <= limit))
          expect(pieces.flatMap(clusters)).toEqual(clusters(text))
      }),
    )
  })

  it('repeats a link and its annotations in every piece', () => {
    const { items } = check([
      {
        text: { content: 'x'.repeat(4500), link: { url: 'https://a.b' } },
        annotations: { bold: true },
        plain_text: 'p',
        href: 'h',
      },
    ])
    expect(items).toHaveLength(3)
    for (const item of items) {
      expect(item).toMatchObject({ text: { link: { url: 'https://a.b' } }, annotations: { bold: true } })
      expect(item).not.toHaveProperty('plain_text')
    }
  })
})

describe('rich text as models write it', () => {
  it.each([
    ['a text', 'hello'],
    ['a list of texts', ['hel', 'lo']],
    ['Notion’s items', [{ type: 'text', text: { content: 'hello' } }]],
    ['one item', { text: { content: 'hello' } }],
    [
      'what was read before',
      [{ type: 'text', text: { content: 'hello', link: null }, plain_text: 'hello', href: null }],
    ],
  ])('accepts %s', (_name, value) => {
    const { items, issues } = check(value)
    expect(issues).toEqual([])
    expect(plainText(items)).toBe('hello')
  })

  it.each([
    ['a number', 5, 'text'],
    ['an item with an unknown key', [{ txt: 'x' }], 'text.0.txt'],
    ['an item without text', [{ type: 'text' }], 'text.0'],
    ['content that is not a string', [{ text: { content: 5 } }], 'text.0.text.content'],
    [
      'an address over 2000 characters',
      [{ text: { content: 'x', link: { url: 'x'.repeat(2001) } } }],
      'text.0.text.link.url',
    ],
    ['a formula over 1000 characters', [{ equation: { expression: 'x'.repeat(1001) } }], 'text.0.equation.expression'],
  ])('refuses %s and names its place', (_name, value, path) => {
    expect(check(value).issues).toMatchObject([{ path }])
  })
})
