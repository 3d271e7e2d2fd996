import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InputIssue } from '../../src/errors.ts'
import { plainText, richText, splitText } from '../../src/notion/rich-text.ts'

const check = (value: unknown) => {
  const issues: InputIssue[] = []
  return { items: richText(value, { path: 'text', issues }), issues }
}

describe('Text is split at Notion’s limit', () => {
  test('the pieces are the text, none is too long, and no character is cut in two', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.integer({ min: 10, max: 60 }), (text, limit) => {
        const pieces = splitText(text, limit)
        expect(pieces.join('')).toBe(text)
        expect(pieces.every((piece) => piece.length <= limit && (piece !== '' || text === ''))).toBe(true)
        expect(pieces.some((piece) => /[\ud800-\udbff]$/.test(piece))).toBe(false)
      }),
    )
  })

  test('a link and its annotations go with every piece', () => {
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

describe('Rich text as models write it', () => {
  test.each([
    ['a text', 'hello'],
    ['a list of texts', ['hel', 'lo']],
    ['Notion’s items', [{ type: 'text', text: { content: 'hello' } }]],
    ['one item', { text: { content: 'hello' } }],
    [
      'what was read before',
      [{ type: 'text', text: { content: 'hello', link: null }, plain_text: 'hello', href: null }],
    ],
  ])('%s', (_name, value) => {
    const { items, issues } = check(value)
    expect(issues).toEqual([])
    expect(plainText(items)).toBe('hello')
  })

  test.each([
    ['a number', 5, 'text'],
    ['an item without text', [{ txt: 'x' }], 'text.0'],
    ['a content that is no text', [{ text: { content: 5 } }], 'text.0.text'],
    [
      'an address over 2000 characters',
      [{ text: { content: 'x', link: { url: 'x'.repeat(2001) } } }],
      'text.0.text.link.url',
    ],
    ['a formula over 1000 characters', [{ equation: { expression: 'x'.repeat(1001) } }], 'text.0.equation.expression'],
  ])('%s is named by its place', (_name, value, path) => {
    expect(check(value).issues).toMatchObject([{ path }])
  })
})
